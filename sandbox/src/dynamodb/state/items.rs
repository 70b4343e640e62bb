//! The items of a table by canonical key: those that a recipe makes when they are asked for, and over them those that were written.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::iter::Peekable;
use std::ops::Bound;
use std::sync::Arc;

use super::item::Item;
use super::made_up::MadeUp;

/// A range of keys.
pub(crate) type Bounds = (Bound<Vec<u8>>, Bound<Vec<u8>>);

/// Items that were written, and keys whose items were deleted, in one order or the other.
type Written<'a> = Box<dyn Iterator<Item = (&'a Vec<u8>, &'a Option<Arc<Item>>)> + 'a>;

/// Items, one by one in the order of their keys, or against it.
type Entries<'a> = Box<dyn Iterator<Item = (Vec<u8>, Arc<Item>)> + 'a>;

/// The items of a table, or of an image of it. A copy costs as much as there are written items.
#[derive(Debug, Clone, Default)]
pub(crate) struct Items {
    made_up: Option<Arc<MadeUp>>,
    /// None: deleted, so that the made-up one of its key does not show.
    written: BTreeMap<Vec<u8>, Option<Arc<Item>>>,
    count: usize,
    bytes: u64,
}

impl Items {
    /// Items that a recipe makes.
    pub(crate) fn made_up(made_up: MadeUp) -> Self {
        Self {
            count: made_up.count(),
            bytes: made_up.bytes(),
            made_up: Some(Arc::new(made_up)),
            written: BTreeMap::new(),
        }
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Their sizes together.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What made those up that nobody wrote.
    pub(super) fn source(&self) -> Option<&MadeUp> {
        self.made_up.as_deref()
    }

    /// The item of a key.
    pub(crate) fn get(&self, key: &[u8]) -> Option<Arc<Item>> {
        match self.written.get(key) {
            Some(item) => item.clone(),
            None => self.made_up.as_ref()?.get(key).map(Arc::new),
        }
    }

    /// Puts an item; gives what it replaces.
    pub(crate) fn insert(&mut self, key: Vec<u8>, item: Item) -> Option<Arc<Item>> {
        let old = self.get(&key);
        self.count += usize::from(old.is_none());
        self.bytes = self.bytes + item.size() - old.as_ref().map_or(0, |old| old.size());
        self.written.insert(key, Some(Arc::new(item)));
        old
    }

    /// Deletes an item; gives it.
    pub(crate) fn remove(&mut self, key: &[u8]) -> Option<Arc<Item>> {
        let old = self.get(key)?;
        self.count -= 1;
        self.bytes -= old.size();
        if self.made_up.as_ref().is_some_and(|made_up| made_up.has(key)) {
            self.written.insert(key.to_vec(), None);
        } else {
            self.written.remove(key);
        }
        Some(old)
    }

    /// Every item in the order of the keys.
    pub(crate) fn iter(&self) -> Entries<'_> {
        self.range((Bound::Unbounded, Bound::Unbounded), true)
    }

    /// The items of a range of keys, in the order of the keys or against it.
    pub(crate) fn range(&self, bounds: Bounds, is_forward: bool) -> Entries<'_> {
        if is_empty(&bounds) {
            return Box::new(std::iter::empty());
        }
        let made_up = self.made_up.as_ref().map(|made_up| made_up.range(&bounds, is_forward));
        let written = self.written.range(bounds);
        let written: Written<'_> = if is_forward {
            Box::new(written)
        } else {
            Box::new(written.rev())
        };
        let Some(made_up) = made_up else {
            return Box::new(written.filter_map(|(key, item)| Some((key.clone(), item.clone()?))));
        };
        Box::new(Merged {
            source: self.source(),
            made_up: made_up.peekable(),
            written: written.peekable(),
            is_forward,
        })
    }
}

/// `BTreeMap::range` panics if the start lies behind the end.
fn is_empty((from, to): &Bounds) -> bool {
    match (from, to) {
        (Bound::Included(from), Bound::Included(to)) => from > to,
        (Bound::Included(from) | Bound::Excluded(from), Bound::Excluded(to)) => from >= to,
        (Bound::Excluded(from), Bound::Included(to)) => from >= to,
        _ => false,
    }
}

/// Made-up and written items together: of one key the written one counts.
struct Merged<'a, M, W>
where
    M: Iterator<Item = (Vec<u8>, u32)>,
    W: Iterator<Item = (&'a Vec<u8>, &'a Option<Arc<Item>>)>,
{
    source: Option<&'a MadeUp>,
    made_up: Peekable<M>,
    written: Peekable<W>,
    is_forward: bool,
}

impl<'a, M, W> Iterator for Merged<'a, M, W>
where
    M: Iterator<Item = (Vec<u8>, u32)>,
    W: Iterator<Item = (&'a Vec<u8>, &'a Option<Arc<Item>>)>,
{
    type Item = (Vec<u8>, Arc<Item>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let order = match (self.made_up.peek(), self.written.peek()) {
                (None, None) => return None,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some((one, _)), Some((other, _))) if self.is_forward => one.cmp(other),
                (Some((one, _)), Some((other, _))) => (*other).cmp(one),
            };
            if order == Ordering::Less {
                let (key, number) = self.made_up.next()?;
                return Some((key, Arc::new(self.source?.item(number))));
            }
            if order == Ordering::Equal {
                self.made_up.next();
            }
            let (key, item) = self.written.next()?;
            if let Some(item) = item {
                return Some((key.clone(), Arc::clone(item)));
            }
        }
    }
}
