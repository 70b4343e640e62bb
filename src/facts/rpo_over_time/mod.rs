//! When was the newest usable recovery point within the RPO, when was it not, and when can nobody tell?
//!
//! In: a table's life, its recovery points with the time for which each is known to have been there, the stretches of
//! which every creation is known, and the RPO asked for. Out: each moment of the table's life in one of six states.
//! Pure. Three-valued throughout: a moment is *covered* if some point surely was usable and young enough, *exposed* if
//! surely none was, and *not observed* otherwise, so that more evidence turns what is not observed into one of the
//! two and never one of the two into the other. What would be covered if points stayed as long as their plan promised, and
//! nothing shows that they did, is a state of its own: *covered by promise*.
//!
//! A point counts from its completion, for what is being made cannot be restored, with the age of its data, whose date AWS
//! calls its creation; and until it is older than the RPO or gone. An age of exactly the RPO still counts. A table that is
//! itself younger than the RPO can lose no more than the RPO allows: *young*.

mod spans;

pub(crate) use spans::Spans;

/// Seconds of a day.
pub(crate) const DAY: u32 = 86_400;

/// One recovery point of a table, or the trace of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct PointTrace {
    /// The date of its data, at the earliest.
    pub(crate) earliest: u32,
    /// The date of its data, at the latest: only the job that made it was seen.
    pub(crate) latest: u32,
    /// It was complete no earlier than this.
    pub(crate) complete_earliest: u32,
    /// It was complete from here on, if it was made; `u32::MAX`: nothing says when.
    pub(crate) complete_latest: u32,
    /// It was there until here at least, for it was seen then. 0: it never was.
    pub(crate) sure_until: u32,
    /// It was there until here if it stayed as long as was promised, and nothing shows that it did not. 0: nothing was
    /// promised, or what was seen goes further.
    pub(crate) promised_until: u32,
    /// It was gone from here on at the latest: a list that would hold it does not. `u32::MAX`: nothing says so.
    pub(crate) gone_by: u32,
    /// It was made for certain: it was listed, or its job completed. Else it may have been.
    pub(crate) is_made: bool,
}

impl PointTrace {
    /// A point of that date that is there for good, complete at once.
    pub(crate) const fn listed(created: u32) -> Self {
        Self {
            earliest: created,
            latest: created,
            complete_earliest: created,
            complete_latest: created,
            sure_until: u32::MAX,
            promised_until: 0,
            gone_by: u32::MAX,
            is_made: true,
        }
    }
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

/// The moments of a table's life, each in one state. Moments at which it may have been gone are not observed, or exempt.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct History {
    /// The newest usable point was within the RPO.
    pub(crate) covered: Spans,
    /// It was, if a point that nobody saw then stayed as long as was promised.
    pub(crate) promised: Spans,
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
            let here = here.and(&surely_alive);
            let within = |until: fn(&PointTrace) -> u32| strict.map_or(Spans::none(), |rpo| self.usable(rpo, until));
            let covered = here.and(&within(|point| point.sure_until));
            let young = strict.map_or(Spans::none(), |rpo| Spans::one(born, born.saturating_add(rpo)));
            let young = here.and(&young).without(&covered);
            let promised = here.and(&within(|point| point.promised_until));
            let promised = promised.without(&covered).without(&young);
            let exposed = lax.map_or(Spans::none(), |rpo| {
                let undecided = covered.or(&young).or(&promised).or(&self.perhaps_usable(born, rpo));
                here.without(&undecided)
            });
            history.covered = history.covered.or(&covered);
            history.promised = history.promised.or(&promised);
            history.young = history.young.or(&young);
            history.exposed = history.exposed.or(&exposed);
        }
        history.not_observed = alive
            .without(&history.covered)
            .without(&history.promised)
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
    pub(crate) fn longest_without_point(&self, from: u32, to: u32) -> Option<(u32, u32)> {
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
        let mut longest = (start, start);
        // From the last one backwards: the first moment by which a point of those that begin later was made.
        let mut next = end;
        let starts = made.iter().rev().map(|(earliest, latest)| (*earliest, *latest));
        for (begins, latest) in starts.chain([(start, start)]) {
            if next.saturating_sub(begins) >= longest.1 - longest.0 {
                longest = (begins, next);
            }
            next = next.min(latest);
        }
        Some(longest)
    }

    /// The longest time from `from` to `to` in the table's life that surely passed without a new point and had not ended by
    /// `reaching`, in seconds. More evidence can only lengthen it.
    pub(crate) fn surely_without_point(&self, from: u32, to: u32, reaching: u32) -> u32 {
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
                if *earliest > reaching {
                    longest = longest.max(earliest.saturating_sub(last));
                }
                last = last.max(*latest);
            }
            if end > reaching {
                longest = longest.max(end.saturating_sub(last));
            }
        }
        longest
    }

    /// Moments at which a point was complete, no older than `rpo`, and there until `until` says.
    fn usable(&self, rpo: u32, until: impl Fn(&PointTrace) -> u32) -> Spans {
        let span = |point: &PointTrace| {
            let complete = point.complete_latest.max(point.latest);
            (complete, point.earliest.saturating_add(rpo).min(until(point)))
        };
        let made = self.points.iter().filter(|point| point.is_made);
        Spans::of(made.map(span))
    }

    /// Moments at which a point may have been there and no older than `rpo`, seen or not; and those of a young table.
    fn perhaps_usable(&self, born: u32, rpo: u32) -> Spans {
        let span = |point: &PointTrace| {
            let complete = point.complete_earliest.max(point.earliest);
            (complete, point.latest.saturating_add(rpo).min(point.gone_by))
        };
        let seen = self.points.iter().map(span);
        // A point that nobody heard of may have been made at any unobserved moment, and counts for so long.
        let unseen = Spans::one(born, u32::MAX).without(&self.observed);
        let unseen = unseen.iter().map(|(from, to)| (from, to.saturating_add(rpo)));
        let young = (born, born.saturating_add(rpo));
        Spans::of(seen.chain(unseen).chain([young]))
    }
}

/// One day of a table, as bad as its worst moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DayProof {
    /// It was covered, or young, at every moment of its life.
    Covered,
    /// The same, in part by promise.
    Promised,
    /// For a part of the day it was exposed.
    Exposed,
    /// The evidence does not tell of all of it.
    NotObserved,
    /// It did not exist.
    NotAlive,
    /// The policy asked for no backup, all day long.
    Exempt,
}

impl DayProof {
    /// Every state, from good to bad, then those that say nothing.
    pub(crate) const ALL: [Self; 6] = [
        Self::Covered,
        Self::Promised,
        Self::Exposed,
        Self::NotObserved,
        Self::NotAlive,
        Self::Exempt,
    ];

    /// The word of the machine formats.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Covered => "covered",
            Self::Promised => "covered-by-promise",
            Self::Exposed => "exposed",
            Self::NotObserved => "not-observed",
            Self::NotAlive => "not-alive",
            Self::Exempt => "exempt",
        }
    }

    /// The letter of compact forms.
    pub(crate) const fn letter(self) -> char {
        match self {
            Self::Covered => 'c',
            Self::Promised => 'p',
            Self::Exposed => 'e',
            Self::NotObserved => 'n',
            Self::NotAlive => '-',
            Self::Exempt => 'x',
        }
    }
}

impl History {
    /// Takes what rests on a promise for not observed.
    pub(crate) fn distrust(&mut self) {
        self.not_observed = self.not_observed.or(&std::mem::take(&mut self.promised));
    }

    /// The same where one of two things was asked, and nobody can tell which: what holds by both. Both are of the same moments.
    #[must_use]
    pub(crate) fn or(&self, other: &Self) -> Self {
        let both = |mine: &Spans, theirs: &Spans| mine.and(theirs);
        let exempt = both(&self.exempt, &other.exempt);
        // Where one asks for nothing, what the other says of it holds, unless that is bad.
        let fine = |of: &Self| of.covered.or(&of.exempt);
        let covered = both(&fine(self), &fine(other)).without(&exempt);
        let young_too = |of: &Self| fine(of).or(&of.young);
        let young = both(&young_too(self), &young_too(other))
            .without(&covered)
            .without(&exempt);
        let promised_too = |of: &Self| young_too(of).or(&of.promised);
        let promised = both(&promised_too(self), &promised_too(other));
        let promised = promised.without(&young).without(&covered).without(&exempt);
        let exposed = both(&self.exposed, &other.exposed);
        let lived = self.lived();
        let told = covered.or(&young).or(&promised).or(&exposed).or(&exempt);
        Self {
            not_observed: lived.without(&told),
            covered,
            promised,
            young,
            exposed,
            exempt,
        }
    }

    /// Every moment of it.
    fn lived(&self) -> Spans {
        let told = self.covered.or(&self.promised).or(&self.young).or(&self.exposed);
        told.or(&self.not_observed).or(&self.exempt)
    }

    /// This one, and another one of other moments.
    pub(crate) fn extend(&mut self, other: &Self) {
        self.covered = self.covered.or(&other.covered);
        self.promised = self.promised.or(&other.promised);
        self.young = self.young.or(&other.young);
        self.exposed = self.exposed.or(&other.exposed);
        self.not_observed = self.not_observed.or(&other.not_observed);
        self.exempt = self.exempt.or(&other.exempt);
    }

    /// Something else covered these moments of it.
    pub(crate) fn cover(&mut self, covered: &Spans) {
        let covered = covered.without(&self.exempt);
        self.covered = self.covered.or(&covered);
        for other in [
            &mut self.promised,
            &mut self.young,
            &mut self.exposed,
            &mut self.not_observed,
        ] {
            *other = other.without(&covered);
        }
    }

    /// Takes no time for exposed: something that is not looked at may have stood for the missing points.
    pub(crate) fn doubt(&mut self) {
        self.not_observed = self.not_observed.or(&std::mem::take(&mut self.exposed));
    }

    /// Moments of the table's life for which the evidence gives an answer, were it by promise, and the policy asks for one.
    pub(crate) fn judged_seconds(&self) -> u64 {
        self.covered.seconds() + self.promised.seconds() + self.young.seconds() + self.exposed.seconds()
    }

    /// The state of each of `days` days of UTC, the first of which is day `first` since 1970.
    pub(crate) fn days(&self, first: u32, days: usize) -> Vec<DayProof> {
        let mut states = vec![DayProof::NotAlive; days];
        // From what says least to what says most: a part of a day decides.
        let layers = [
            (&self.exempt, DayProof::Exempt),
            (&self.young, DayProof::Covered),
            (&self.covered, DayProof::Covered),
            (&self.promised, DayProof::Promised),
            (&self.not_observed, DayProof::NotObserved),
            (&self.exposed, DayProof::Exposed),
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
