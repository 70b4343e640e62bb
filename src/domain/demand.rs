//! What the policy asks of a recovery point, and so of the plans that make them: the one list of demands.

use std::fmt;

/// One thing that the policy asks of a recovery point. That it is of this table, and not of an earlier one of its name, is
/// told by its date, and nothing excuses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Demand {
    /// It is no older than the limit; of a plan: its good runs come often enough, in a window that is tolerated.
    Fresh,
    /// There is one that can be restored; of a plan: its rules run, and their runs make recovery points.
    Usable,
    /// It is kept at least as long as the shortest retention allowed.
    Kept,
    /// It is encrypted, by a key of the wanted owner or a stronger one.
    KeyOwner,
    /// Its key works.
    KeyWorks,
    /// Its vault is locked as wanted.
    Locked,
    /// Of a plan: its rules make the copies that the policy requires elsewhere.
    Copied,
}

impl Demand {
    /// Every demand.
    pub const ALL: [Self; 7] = [
        Self::Fresh,
        Self::Usable,
        Self::Kept,
        Self::KeyOwner,
        Self::KeyWorks,
        Self::Locked,
        Self::Copied,
    ];

    /// Those that a point meets or fails whatever its age, in the order in which they are told.
    pub(crate) const OF_POINTS: [Self; 5] = [Self::Usable, Self::Kept, Self::KeyOwner, Self::KeyWorks, Self::Locked];

    /// The word of waivers, rule files and machine formats.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Usable => "usable",
            Self::Kept => "kept",
            Self::KeyOwner => "key-owner",
            Self::KeyWorks => "key-works",
            Self::Locked => "locked",
            Self::Copied => "copied",
        }
    }
}

impl fmt::Display for Demand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Some demands.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Demands(u8);

impl Demands {
    /// None of them.
    pub const NONE: Self = Self(0);

    /// These.
    pub(crate) const fn of(demands: &[Demand]) -> Self {
        let (mut all, mut place) = (0, 0);
        while place < demands.len() {
            all |= 1 << demands[place] as u8;
            place += 1;
        }
        Self(all)
    }

    /// Is this one among them?
    pub fn contains(self, demand: Demand) -> bool {
        self.0 & (1 << demand as u8) != 0
    }

    /// These and that one.
    #[must_use]
    pub fn and(self, demand: Demand) -> Self {
        Self(self.0 | (1 << demand as u8))
    }

    /// These and those.
    #[must_use]
    pub fn or(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// These without those.
    #[must_use]
    pub fn without(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }

    /// Is each of these among those?
    pub fn are_among(self, others: Self) -> bool {
        self.without(others).is_empty()
    }

    /// Is there none?
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// How many there are.
    pub(crate) fn len(self) -> u32 {
        self.0.count_ones()
    }

    /// Each, in the order of [`Demand::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Demand> {
        Demand::ALL.into_iter().filter(move |demand| self.contains(*demand))
    }

    /// Their words.
    pub(crate) fn words(self) -> Vec<&'static str> {
        self.iter().map(Demand::as_str).collect()
    }

    /// Every set of some of these.
    pub(crate) fn subsets(self) -> impl Iterator<Item = Self> {
        (0..=self.0).map(Self).filter(move |some| some.are_among(self))
    }

    /// Those sets that hold no other one whole, the smallest first: to excuse one of them is enough.
    pub(crate) fn least(sets: impl IntoIterator<Item = Self>) -> Vec<Self> {
        let mut all: Vec<Self> = sets.into_iter().collect();
        all.sort_unstable_by_key(|set| (set.len(), *set));
        let mut least: Vec<Self> = Vec::new();
        for set in all {
            if !least.iter().any(|smaller| smaller.are_among(set)) {
                least.push(set);
            }
        }
        least
    }
}

impl FromIterator<Demand> for Demands {
    fn from_iter<I: IntoIterator<Item = Demand>>(demands: I) -> Self {
        demands.into_iter().fold(Self::NONE, Self::and)
    }
}

impl fmt::Debug for Demands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_sets_are_those_that_hold_no_other() {
        use Demand::{Fresh, Kept, Locked};
        let of = |demands: &[Demand]| -> Demands { demands.iter().copied().collect() };
        let least = Demands::least([
            of(&[Fresh, Kept]),
            of(&[Kept, Locked]),
            of(&[Locked]),
            of(&[Fresh, Kept, Locked]),
            of(&[Locked]),
        ]);
        assert_eq!(least, [of(&[Locked]), of(&[Fresh, Kept])]);
        assert_eq!(Demands::least([Demands::NONE, of(&[Kept])]), [Demands::NONE]);
        assert!(Demands::least([]).is_empty());
        assert_eq!(of(&[Fresh, Kept, Locked]).subsets().count(), 8);
        assert_eq!(of(&[Locked, Kept]).words(), ["kept", "locked"]);
    }
}
