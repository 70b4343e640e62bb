//! Sets of moments, and the algebra on them.

/// Moments in seconds since 1970, as stretches that hold their start and not their end: in order, apart, none empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Spans(Vec<(u32, u32)>);

impl Spans {
    /// No moment at all.
    pub(crate) const fn none() -> Self {
        Self(Vec::new())
    }

    /// One stretch; nothing if it ends before it starts.
    pub(crate) fn one(from: u32, to: u32) -> Self {
        Self(if from < to { vec![(from, to)] } else { Vec::new() })
    }

    /// Every moment of these stretches, which may come in any order, touch, overlap or be empty.
    pub(crate) fn of(stretches: impl IntoIterator<Item = (u32, u32)>) -> Self {
        let mut all: Vec<(u32, u32)> = stretches.into_iter().filter(|(from, to)| from < to).collect();
        all.sort_unstable();
        all.dedup_by(|next, last| {
            let touches = next.0 <= last.1;
            if touches {
                last.1 = last.1.max(next.1);
            }
            touches
        });
        Self(all)
    }

    /// The stretches, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        self.0.iter().copied()
    }

    /// Is there no moment in it?
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many stretches there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// How long all of them are together.
    pub(crate) fn seconds(&self) -> u64 {
        self.iter().map(|(from, to)| u64::from(to - from)).sum()
    }

    /// Moments of either.
    #[must_use]
    pub(crate) fn or(&self, other: &Self) -> Self {
        Self::of(self.iter().chain(other.iter()))
    }

    /// Moments of both.
    #[must_use]
    pub(crate) fn and(&self, other: &Self) -> Self {
        let (mut mine, mut theirs) = (self.0.iter().peekable(), other.0.iter().peekable());
        let mut both = Vec::new();
        while let (Some(a), Some(b)) = (mine.peek(), theirs.peek()) {
            let (from, to) = (a.0.max(b.0), a.1.min(b.1));
            if from < to {
                both.push((from, to));
            }
            if a.1 <= b.1 {
                mine.next()
            } else {
                theirs.next()
            };
        }
        Self(both)
    }

    /// Moments of this that are not in the other.
    #[must_use]
    pub(crate) fn without(&self, other: &Self) -> Self {
        let mut left = Vec::new();
        let mut cuts = other.0.iter().peekable();
        for (mut from, to) in self.iter() {
            while cuts.next_if(|cut| cut.1 <= from).is_some() {}
            while let Some(cut) = cuts.peek().filter(|cut| cut.0 < to) {
                if from < cut.0 {
                    left.push((from, cut.0));
                }
                from = cut.1;
                if cut.1 > to {
                    break;
                }
                cuts.next();
            }
            if from < to {
                left.push((from, to));
            }
        }
        Self(left)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    impl Spans {
        /// Is this moment in it?
        pub(crate) fn holds(&self, at: u32) -> bool {
            let after = self.0.partition_point(|(from, _)| *from <= at);
            after > 0 && at < self.0[after - 1].1
        }
    }

    fn some() -> impl Strategy<Value = Vec<(u32, u32)>> {
        prop::collection::vec((0_u32..60, 0_u32..60), 0..8)
    }

    fn is_in_order(spans: &Spans) -> bool {
        let apart = spans.0.windows(2).all(|pair| pair[0].1 < pair[1].0);
        apart && spans.iter().all(|(from, to)| from < to)
    }

    proptest! {
        #[test]
        fn the_algebra_agrees_with_moment_by_moment(a in some(), b in some()) {
            let (left, right) = (Spans::of(a.clone()), Spans::of(b.clone()));
            let raw = |all: &[(u32, u32)], at: u32| all.iter().any(|(from, to)| (*from..*to).contains(&at));
            let (or, and, without) = (left.or(&right), left.and(&right), left.without(&right));
            for at in 0..60 {
                prop_assert_eq!(left.holds(at), raw(&a, at));
                prop_assert_eq!(or.holds(at), raw(&a, at) || raw(&b, at));
                prop_assert_eq!(and.holds(at), raw(&a, at) && raw(&b, at));
                prop_assert_eq!(without.holds(at), raw(&a, at) && !raw(&b, at));
            }
            prop_assert_eq!(left.seconds(), (0..60).filter(|at| raw(&a, *at)).count() as u64);
            for spans in [&left, &or, &without] {
                prop_assert!(is_in_order(spans), "{:?}", spans);
            }
        }
    }
}
