//! When was the newest usable recovery point within the RPO, when was it not, and when can nobody tell?
//!
//! In: a table's life, its recovery points with the time for which each is known to have been there, the stretches of
//! which every creation is known, and the RPO asked for. Out: each moment of the table's life in one of five states.
//! Pure. Three-valued throughout: a moment is *covered* if some point surely was usable and young enough, *exposed* if
//! surely none was, and *not observed* otherwise, so that more evidence turns what is not observed into one of the
//! two and never one of the two into the other.
//!
//! A point counts from the date of its data, which AWS calls its creation, until it is older than the RPO or gone; an age
//! of exactly the RPO still counts. A table that is itself younger than the RPO can lose no more than the RPO allows: *young*.

mod spans;

pub(crate) use spans::Spans;

use crate::domain::DayState;

/// Seconds of a day.
pub(crate) const DAY: u32 = 86_400;

/// One recovery point of a table, or the trace of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct PointTrace {
    /// The date of its data, at the earliest.
    pub(crate) earliest: u32,
    /// The date of its data, at the latest: only the job that made it was seen.
    pub(crate) latest: u32,
    /// It was usable until here at least: it was seen then, or its retention had not ended. 0: that it was made is known,
    /// or that it may have been, and nothing of how long it stayed.
    pub(crate) sure_until: u32,
    /// It was gone from here on at the latest: a list that would hold it does not. `u32::MAX`: nothing says so.
    pub(crate) gone_by: u32,
    /// It was made for certain: it was listed, or its job completed. Else it may have been.
    pub(crate) is_made: bool,
}

/// What is known of one table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct KnownTable {
    /// When the table was created. `None`: not known, and so nothing can be said of any moment.
    pub(crate) born: Option<u32>,
    /// It existed until here for certain.
    pub(crate) alive_until: u32,
    /// It was gone from here on; `alive_until` if that is known to the second, `u32::MAX` if nothing says so.
    pub(crate) gone_by: u32,
    /// Its recovery points, in any order, and those that may have become one.
    pub(crate) points: Vec<PointTrace>,
    /// Stretches in which no recovery point was made but those of `points`.
    pub(crate) observed: Spans,
}

/// A time without a new recovery point.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct SpanWithoutPoint {
    /// The point before it was made, or the table, or sight begins.
    pub(crate) from: u32,
    /// The point after it was made, or sight ends.
    pub(crate) to: u32,
    /// No point was made in it for certain; else one may have been that was not seen.
    pub(crate) is_certain: bool,
}

/// What is asked of a table over a stretch of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DemandSpan {
    /// From here on,
    pub(crate) from: u32,
    /// until here.
    pub(crate) to: u32,
    /// How old the newest point may be.
    pub(crate) asked: RpoDemand,
}

/// How old the newest usable recovery point may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum RpoDemand {
    /// Nothing: the policy exempts the table.
    Nothing,
    /// At most so many seconds.
    Rpo {
        /// The strictest that may be in force; `None`: not known, so nothing is surely covered.
        strict: Option<u32>,
        /// The laxest that may be in force; `None`: not known, or perhaps nothing is asked, so nothing is surely exposed.
        lax: Option<u32>,
    },
}

impl RpoDemand {
    /// What is asked is not known: no moment is surely covered, and none surely exposed.
    pub(crate) const OPEN: Self = Self::Rpo {
        strict: None,
        lax: None,
    };

    /// One RPO that is known.
    pub(crate) const fn rpo(seconds: u32) -> Self {
        Self::Rpo {
            strict: Some(seconds),
            lax: Some(seconds),
        }
    }

    /// The same where `least` to `most` seconds more are allowed.
    fn later(self, least: u32, most: u32) -> Self {
        match self {
            Self::Nothing => Self::Nothing,
            Self::Rpo { strict, lax } => Self::Rpo {
                strict: strict.map(|seconds| seconds.saturating_add(least)),
                lax: lax.map(|seconds| seconds.saturating_add(most)),
            },
        }
    }

    /// It is one of the two, and nobody can tell which.
    #[must_use]
    pub(crate) fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Nothing, Self::Nothing) => Self::Nothing,
            (Self::Nothing, Self::Rpo { strict, .. }) | (Self::Rpo { strict, .. }, Self::Nothing) => {
                Self::Rpo { strict, lax: None }
            }
            (Self::Rpo { strict: a, lax: x }, Self::Rpo { strict: b, lax: y }) => Self::Rpo {
                strict: a.zip(b).map(|(a, b)| a.min(b)),
                lax: x.zip(y).map(|(x, y)| x.max(y)),
            },
        }
    }
}

/// The same demands of a table that was archived at that moment: its points are to have been young enough then. So at each
/// later moment, until `to`, the newest may be older by the time since, told in steps of a day.
pub(crate) fn from_archival(demands: &[DemandSpan], archived: u32, to: u32) -> Vec<DemandSpan> {
    let mut all = Vec::new();
    for demand in demands {
        if demand.from < archived {
            let to = demand.to.min(archived);
            all.push(DemandSpan { to, ..*demand });
        }
        let (mut from, end) = (demand.from.max(archived), demand.to.min(to));
        while from < end {
            let until = end.min(from.saturating_add(DAY));
            all.push(DemandSpan {
                from,
                to: until,
                asked: demand.asked.later(from - archived, until - archived),
            });
            from = until;
        }
    }
    all
}

/// The moments of a table's life, each in one state. Moments at which it may have been gone are never `exposed`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct History {
    /// The newest usable point was within the RPO.
    pub(crate) covered: Spans,
    /// It need not be: the table itself was younger than the RPO, and no point was there yet.
    pub(crate) young: Spans,
    /// It was not, or there was none.
    pub(crate) exposed: Spans,
    /// The evidence does not tell.
    pub(crate) not_observed: Spans,
    /// The policy asked for no backup.
    pub(crate) exempt: Spans,
}

impl KnownTable {
    /// The state of every moment from `from` to `to` at which the table lived, or may have lived. Moments for which
    /// nothing says what is asked are not observed. Demands do not overlap.
    pub(crate) fn history(&self, demands: &[DemandSpan], from: u32, to: u32) -> History {
        let Some(born) = self.born else {
            return History {
                not_observed: Spans::one(from, to.min(self.gone_by)),
                ..History::default()
            };
        };
        let surely_alive = Spans::one(from.max(born), to.min(self.alive_until));
        let alive = Spans::one(from.max(born), to.min(self.gone_by.max(self.alive_until)));
        let mut history = History::default();
        for demand in demands {
            let here = alive.and(&Spans::one(demand.from, demand.to));
            let RpoDemand::Rpo { strict, lax } = demand.asked else {
                history.exempt = history.exempt.or(&here);
                continue;
            };
            let good = strict.map_or(Spans::none(), |rpo| self.surely_usable(rpo));
            let young = strict.map_or(Spans::none(), |rpo| Spans::one(born, born.saturating_add(rpo)));
            let covered = here.and(&good);
            let young = here.and(&young).without(&covered);
            let exposed = lax.map_or(Spans::none(), |rpo| {
                let undecided = good.or(&young).or(&self.perhaps_usable(born, rpo));
                here.and(&surely_alive).without(&undecided)
            });
            history.covered = history.covered.or(&covered);
            history.young = history.young.or(&young);
            history.exposed = history.exposed.or(&exposed);
        }
        history.not_observed = alive
            .without(&history.covered)
            .without(&history.young)
            .without(&history.exposed)
            .without(&history.exempt);
        history
    }

    /// The longest time from `from` to `to` in the table's life that may have passed without a new point. More evidence can
    /// only shorten it.
    ///
    /// A point whose date is known by its job alone was made somewhere between the job's creation and its end: it breaks only
    /// those times that hold all of that, so it never counts beside a point of the same job that is listed.
    pub(crate) fn longest_without_point(&self, from: u32, to: u32) -> Option<SpanWithoutPoint> {
        let born = self.born?;
        let (start, end) = (from.max(born), to.min(self.alive_until));
        if start >= end {
            return None;
        }
        let is_inside = |point: &&PointTrace| point.is_made && point.earliest >= start && point.earliest < end;
        let mut made: Vec<(u32, u32)> = self
            .points
            .iter()
            .filter(is_inside)
            .map(|point| (point.earliest, point.latest))
            .collect();
        made.sort_unstable();
        let mut longest = SpanWithoutPoint {
            from: start,
            to: start,
            is_certain: false,
        };
        // From the last one backwards: the first moment by which a point of those that begin later was made.
        let mut next = end;
        let starts = made.iter().rev().map(|(earliest, latest)| (*earliest, *latest));
        for (begins, latest) in starts.chain([(start, start)]) {
            if next.saturating_sub(begins) >= longest.to - longest.from {
                (longest.from, longest.to) = (begins, next);
            }
            next = next.min(latest);
        }
        let gap = Spans::one(longest.from, longest.to);
        let may_lie_inside = |point: &PointTrace| {
            let (first, last) = (longest.from.saturating_add(1), longest.to.saturating_sub(1));
            point.earliest <= last && point.latest >= first
        };
        longest.is_certain = gap.without(&self.observed).is_empty() && !self.points.iter().any(may_lie_inside);
        Some(longest)
    }

    /// The longest time from `from` to `to` in the table's life that surely passed without a new point, in seconds. More
    /// evidence can only lengthen it.
    pub(crate) fn surely_without_point(&self, from: u32, to: u32) -> u32 {
        let Some(born) = self.born else { return 0 };
        let life = Spans::one(from.max(born), to.min(self.alive_until));
        let mut dates: Vec<(u32, u32)> = self.points.iter().map(|point| (point.earliest, point.latest)).collect();
        dates.sort_unstable();
        let mut longest = 0;
        for (start, end) in life.and(&self.observed).iter() {
            let mut last = start;
            for (earliest, latest) in dates
                .iter()
                .filter(|(earliest, latest)| *latest >= start && *earliest < end)
            {
                longest = longest.max(earliest.saturating_sub(last));
                last = last.max(*latest);
            }
            longest = longest.max(end.saturating_sub(last));
        }
        longest
    }

    /// Moments at which a point surely was there and no older than `rpo`.
    fn surely_usable(&self, rpo: u32) -> Spans {
        let stretches = self.points.iter();
        Spans::of(stretches.map(|point| (point.latest, point.earliest.saturating_add(rpo).min(point.sure_until))))
    }

    /// Moments at which a point may have been there and no older than `rpo`, seen or not; and those of a young table.
    fn perhaps_usable(&self, born: u32, rpo: u32) -> Spans {
        let seen = self
            .points
            .iter()
            .map(|point| (point.earliest, point.latest.saturating_add(rpo).min(point.gone_by)));
        // A point that nobody heard of may have been made at any unobserved moment, and counts for so long.
        let unseen = Spans::one(born, u32::MAX).without(&self.observed);
        let unseen = unseen.iter().map(|(from, to)| (from, to.saturating_add(rpo)));
        let young = (born, born.saturating_add(rpo));
        Spans::of(seen.chain(unseen).chain([young]))
    }
}

impl History {
    /// Moments of the table's life for which the evidence gives an answer and the policy asks for one.
    pub(crate) fn judged_seconds(&self) -> u64 {
        self.covered.seconds() + self.young.seconds() + self.exposed.seconds()
    }

    /// The state of each of `days` days of UTC, the first of which is day `first` since 1970. A day on which the table
    /// was young counts as covered. `None`: the policy asked for no backup, all day long.
    pub(crate) fn days(&self, first: u32, days: usize) -> Vec<Option<DayState>> {
        let mut states = vec![Some(DayState::NotAlive); days];
        // From what says least to what says most: a part of a day decides.
        let layers = [
            (&self.exempt, None),
            (&self.young, Some(DayState::Covered)),
            (&self.covered, Some(DayState::Covered)),
            (&self.not_observed, Some(DayState::NotObserved)),
            (&self.exposed, Some(DayState::Exposed)),
        ];
        for (spans, state) in layers {
            for (from, to) in spans.iter() {
                let start = (from / DAY).max(first) - first;
                let end = ((to - 1) / DAY + 1).saturating_sub(first);
                let (start, end) = (start as usize, (end as usize).min(days));
                if start < end {
                    states[start..end].fill(state);
                }
            }
        }
        states
    }
}

#[cfg(test)]
mod tests;
