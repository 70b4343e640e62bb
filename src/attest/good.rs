//! Which recovery points were good, and when: what packs show of each as far as demands ask, and what that is by one policy.
//!
//! A point is judged from the packs that list it. What the first of them shows holds since it was made; where two packs that
//! list it show the same, so it was between them; where they differ, either may have been. Of a point that no pack lists, its
//! job tells the vault and its plan how long it was to be kept.
//!
//! The key of a native point only DynamoDB tells, which a scan asks of the newest one of each table. One that was made between
//! two of which both were under the same key is taken to be under it too: that is a promise, and never proof.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::criteria::values::{FOREVER_DAYS, KeyOwner, LockWanted, PointValues, PolicyValues};
use crate::domain::{Demand, Demands};
use crate::facts::rpo_over_time::PointTrace;
use crate::facts::{KeyQuality, NativeKey, Quality};

/// What a policy may ask of the newest recovery point of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Asked {
    /// Nothing: the table is exempt.
    Nothing,
    /// Something that is not known.
    Open,
    /// That it is good.
    Good {
        /// Greatest age allowed, in seconds.
        limit: u32,
        /// What it has to meet.
        points: PointValues,
        /// A copy elsewhere may stand for it, and those are not followed over time.
        or_copy: bool,
    },
}

impl Asked {
    /// By values of a policy. `is_by_usable`: the pack's rules asked for usable points, and for nothing else of them.
    pub(super) fn by(values: &PolicyValues, is_by_usable: bool) -> Self {
        Self::Good {
            limit: u32::try_from(values.limit().num_seconds()).unwrap_or(u32::MAX),
            points: if is_by_usable { usable() } else { values.of_point() },
            or_copy: values.accept_copies && !is_by_usable,
        }
    }

    /// The same with some demands not asked.
    pub(super) fn excusing(self, demands: Demands) -> Self {
        match self {
            Self::Good { limit, points, or_copy } => Self::Good {
                limit: if demands.contains(Demand::Fresh) {
                    u32::MAX
                } else {
                    limit
                },
                points: PointValues {
                    excused: points.excused.or(demands),
                    ..points
                },
                or_copy,
            },
            other => other,
        }
    }

    /// The same of usable points, whatever else they are.
    pub(super) fn of_usable(self) -> Self {
        match self {
            Self::Good { limit, or_copy, .. } => Self::Good {
                limit,
                points: usable(),
                or_copy,
            },
            other => other,
        }
    }
}

/// That a point can be restored, and nothing else.
fn usable() -> PointValues {
    let others = Demand::OF_POINTS.into_iter().filter(|demand| *demand != Demand::Usable);
    PointValues {
        retention_min_days: 0,
        key_owner: KeyOwner::Any,
        vault_lock: LockWanted::None,
        excused: others.collect(),
    }
}

/// What was asked over a time, if it was one of these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AskedSpan {
    /// From here on,
    pub(crate) from: u32,
    /// until here.
    pub(crate) to: u32,
    /// In order, each once; never empty.
    pub(crate) any_of: Vec<Asked>,
}

/// The number of something that is the same for many points.
type Number = u32;

/// What packs show of a point, one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Shown {
    /// What they showed before; `None`: this was the first.
    before: Option<Number>,
    /// The last pack that showed it so.
    until: u32,
    /// The first pack that shows it like this.
    from: u32,
    quality: Quality,
}

/// Points of which packs show the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Alike {
    /// `None`: nothing is known of them.
    shown: Option<Number>,
    /// The key that the packs that list them do not name.
    key: Option<Key>,
    /// Nobody saw that it is this key.
    is_key_believed: bool,
    /// No pack lists them: a person may have changed what their plan promised.
    is_of_job: bool,
}

/// The key of a native point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Key {
    OfAws,
    Named(Number),
}

/// What packs show of points, and what that makes of them.
#[derive(Debug, Default)]
pub(super) struct GoodPoints {
    shown: Vec<Shown>,
    numbers: HashMap<Shown, Number>,
    /// By ARN: what packs show of it, and the last pack that does.
    keys: HashMap<Arc<str>, Number>,
    key_shown: Vec<(Number, u32)>,
    alike: Vec<Alike>,
    alike_numbers: HashMap<Alike, Number>,
    grades: HashMap<(Number, PointValues), Arc<[Graded]>>,
}

/// Is a point good?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Grade {
    Good,
    /// If its key is the one that those before and after it have.
    Believed,
    Perhaps,
    Bad,
}

/// A time for which a point is so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Graded {
    from: u32,
    to: u32,
    grade: Grade,
}

impl GoodPoints {
    fn number(&mut self, shown: Shown) -> Number {
        let next = Number::try_from(self.shown.len()).unwrap_or(Number::MAX);
        let number = *self.numbers.entry(shown).or_insert(next);
        if number == next {
            self.shown.push(shown);
        }
        number
    }

    /// What a pack shows, after what earlier ones showed, the last of them at `last`.
    pub(super) fn see(&mut self, before: Option<Number>, last: u32, as_of: u32, quality: Quality) -> Number {
        match before {
            Some(number) if self.shown[number as usize].quality == quality => number,
            Some(_) => self.number(Shown {
                before,
                until: last,
                from: as_of,
                quality,
            }),
            None => self.number(Shown {
                before,
                until: 0,
                from: 0,
                quality,
            }),
        }
    }

    /// What a pack shows of a key.
    pub(super) fn see_key(&mut self, arn: &Arc<str>, as_of: u32, (owner_rank, key_works): KeyQuality) {
        let quality = Quality {
            is_usable: None,
            kept_days: None,
            is_encrypted: Some(true),
            owner_rank,
            key_works,
            lock: None,
        };
        match self.keys.get(arn).copied() {
            Some(key) => {
                let (before, last) = self.key_shown[key as usize];
                self.key_shown[key as usize] = (self.see(Some(before), last, as_of, quality), as_of);
            }
            None => {
                let shown = self.see(None, 0, as_of, quality);
                let key = Number::try_from(self.key_shown.len()).unwrap_or(Number::MAX);
                self.key_shown.push((shown, as_of));
                self.keys.insert(Arc::clone(arn), key);
            }
        }
    }

    /// The key of a native point, if any pack so far describes it.
    pub(super) fn key(&self, key: &NativeKey) -> Option<Key> {
        match key {
            NativeKey::OfAws => Some(Key::OfAws),
            NativeKey::Named(arn) => self.keys.get(arn).copied().map(Key::Named),
        }
    }

    /// Is there a pack that leaves the key open?
    pub(super) fn is_key_open(&self, shown: Number) -> bool {
        self.runs(shown)
            .iter()
            .any(|run| run.quality.key_works.is_none() || run.quality.owner_rank.is_none())
    }

    /// The number of points of which the same is known. `key`: what is known of it beside, and whether that is believed.
    pub(super) fn alike(&mut self, shown: Option<Number>, key: Option<(Key, bool)>, is_of_job: bool) -> Number {
        let alike = Alike {
            shown,
            key: key.map(|(key, _)| key),
            is_key_believed: key.is_some_and(|(_, is_believed)| is_believed),
            is_of_job,
        };
        let next = Number::try_from(self.alike.len()).unwrap_or(Number::MAX);
        let number = *self.alike_numbers.entry(alike).or_insert(next);
        if number == next {
            self.alike.push(alike);
        }
        number
    }

    /// From the first on.
    fn runs(&self, shown: Number) -> Vec<Shown> {
        let mut runs = Vec::new();
        let mut next = Some(shown);
        while let Some(number) = next {
            let run = self.shown[number as usize];
            runs.push(run);
            next = run.before;
        }
        runs.reverse();
        runs
    }

    /// Times, and what a thing of which packs show this may have been in each.
    fn times(&self, shown: Number) -> Vec<(u32, Vec<Quality>)> {
        let mut times: Vec<(u32, Vec<Quality>)> = Vec::new();
        for run in self.runs(shown) {
            if let Some((_, before)) = times.last() {
                let either = [before.as_slice(), &[run.quality]].concat();
                times.push((run.until, either));
            }
            times.push((run.from, vec![run.quality]));
        }
        times
    }

    fn graded(&mut self, alike: Number, wanted: &PointValues) -> Arc<[Graded]> {
        if let Some(known) = self.grades.get(&(alike, *wanted)) {
            return Arc::clone(known);
        }
        let graded: Arc<[Graded]> = self.grade(self.alike[alike as usize], wanted).into();
        self.grades.insert((alike, *wanted), Arc::clone(&graded));
        graded
    }

    fn grade(&self, alike: Alike, wanted: &PointValues) -> Vec<Graded> {
        let all = |grade| Graded {
            from: 0,
            to: u32::MAX,
            grade,
        };
        let Some(shown) = alike.shown else {
            return vec![all(Grade::Perhaps)];
        };
        let points = self.times(shown);
        let keys = match alike.key {
            None => vec![(0, Vec::new())],
            Some(Key::OfAws) => vec![(0, vec![(Some(0), Some(true))])],
            Some(Key::Named(key)) => {
                let of_keys = self.times(self.key_shown[key as usize].0).into_iter();
                let quality = |quality: &Quality| (quality.owner_rank, quality.key_works);
                of_keys
                    .map(|(from, all)| (from, all.iter().map(quality).collect()))
                    .collect()
            }
        };
        let mut starts: Vec<u32> = points
            .iter()
            .map(|(from, _)| *from)
            .chain(keys.iter().map(|(from, _)| *from))
            .collect();
        starts.sort_unstable();
        starts.dedup();
        let ends = starts.iter().skip(1).copied().chain([u32::MAX]);
        let mut graded: Vec<Graded> = Vec::new();
        for (from, to) in starts.iter().copied().zip(ends) {
            let grade = grade_of(alike, at(&points, from), at(&keys, from), wanted);
            match graded.last_mut() {
                Some(last) if last.grade == grade => last.to = to,
                _ => graded.push(Graded { from, to, grade }),
            }
        }
        graded
    }

    /// The point, as far as it counts by these values: for each time for which that is the same.
    pub(super) fn counting(
        &mut self,
        (trace, alike): (&PointTrace, Number),
        wanted: &PointValues,
        points: &mut Vec<PointTrace>,
    ) {
        for Graded { from, to, grade } in self.graded(alike, wanted).iter() {
            let part = PointTrace {
                complete_earliest: trace.complete_earliest.max(*from),
                complete_latest: trace.complete_latest.max(*from),
                sure_until: trace.sure_until.min(*to),
                promised_until: trace.promised_until.min(*to),
                gone_by: trace.gone_by.min(*to),
                ..*trace
            };
            if part.complete_earliest >= part.gone_by {
                continue;
            }
            match grade {
                Grade::Good => points.push(part),
                Grade::Believed => points.push(PointTrace {
                    sure_until: 0,
                    promised_until: part.promised_until.max(part.sure_until),
                    ..part
                }),
                Grade::Perhaps => points.push(PointTrace {
                    sure_until: 0,
                    promised_until: 0,
                    ..part
                }),
                Grade::Bad => {}
            }
        }
    }

    /// Why such a point did not count for certain until then, if it never did: what it fails, or what is not known of it.
    pub(super) fn why_not(
        &mut self,
        (trace, alike): (&PointTrace, Number),
        wanted: &PointValues,
    ) -> Option<NotCounted> {
        let end = trace.gone_by.min(
            trace
                .promised_until
                .max(trace.sure_until)
                .max(trace.complete_latest.saturating_add(1)),
        );
        let graded = self.graded(alike, wanted);
        let here = graded
            .iter()
            .filter(|part| part.from < end && trace.complete_latest < part.to);
        let grades: Vec<Grade> = here.map(|part| part.grade).collect();
        if grades
            .iter()
            .any(|grade| matches!(grade, Grade::Good | Grade::Believed))
        {
            return None;
        }
        let is_known = grades.iter().all(|grade| *grade == Grade::Bad);
        let shown = self.alike[alike as usize].shown?;
        let quality = self.shown[shown as usize].quality;
        let fails = |demand: &Demand| quality.meets(*demand, wanted) == if is_known { Some(false) } else { None };
        let failed: Demands = Demand::OF_POINTS.into_iter().filter(fails).collect();
        Some(NotCounted {
            is_known,
            failed,
            kept_days: quality.kept_days.filter(|_| failed.contains(Demand::Kept)),
        })
    }
}

/// Why recovery points did not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct NotCounted {
    /// They fail these demands; else it is not known whether they meet them.
    pub(crate) is_known: bool,
    /// The demands.
    pub(crate) failed: Demands,
    /// How long they are kept, where that is too short.
    pub(crate) kept_days: Option<i64>,
}

impl NotCounted {
    /// In words: `kept 7 d`, `their key does not work`.
    pub(crate) fn words(&self) -> String {
        let one = |demand: Demand| match (demand, self.is_known) {
            (Demand::Kept, true) => match self.kept_days {
                Some(FOREVER_DAYS..) | None => "not kept long enough".to_owned(),
                Some(days) => format!("kept {days} d"),
            },
            (Demand::Kept, false) => "how long they were kept".to_owned(),
            (Demand::KeyOwner, true) => "under no key of the wanted owner".to_owned(),
            (Demand::KeyOwner, false) => "whose their key is".to_owned(),
            (Demand::KeyWorks, true) => "under a key that does not work".to_owned(),
            (Demand::KeyWorks, false) => "whether their key works".to_owned(),
            (Demand::Locked, true) => "in a vault that is not locked as wanted".to_owned(),
            (Demand::Locked, false) => "how their vault was locked".to_owned(),
            (_, true) => "not usable".to_owned(),
            (_, false) => "whether they can be restored".to_owned(),
        };
        let all: Vec<String> = self.failed.iter().map(one).collect();
        match (self.is_known, all.is_empty()) {
            (true, _) => all.join(", "),
            (false, true) => "packs differ on whether they met the policy".to_owned(),
            (false, false) => format!("not known: {}", all.join(", ")),
        }
    }
}

/// How many points did not count, and why, in order.
pub(crate) type NotCountedPoints = BTreeMap<NotCounted, usize>;

/// What is in force at that moment.
fn at<T>(times: &[(u32, Vec<T>)], moment: u32) -> &[T] {
    let next = times.partition_point(|(from, _)| *from <= moment);
    next.checked_sub(1).map_or(&[], |place| &times[place].1)
}

/// What is true of all of them.
fn grade_of(alike: Alike, qualities: &[Quality], keys: &[KeyQuality], wanted: &PointValues) -> Grade {
    let of = |all: &mut dyn Iterator<Item = Quality>| {
        let goods: Vec<Option<bool>> = all.map(|quality| quality.is_good(wanted)).collect();
        match goods.first() {
            Some(Some(first)) if goods.iter().all(|good| *good == Some(*first)) => Some(*first),
            _ => None,
        }
    };
    let plainly = of(&mut qualities.iter().copied());
    let is_open = |quality: &Quality| quality.key_works.is_none() || quality.owner_rank.is_none();
    let under = |quality: &Quality, key: &KeyQuality| Quality {
        owner_rank: quality.owner_rank.or(key.0),
        key_works: quality.key_works.or(key.1),
        ..*quality
    };
    let with_keys = || {
        let mut all = qualities
            .iter()
            .flat_map(|quality| keys.iter().map(move |key| under(quality, key)));
        of(&mut all)
    };
    let answer = match plainly {
        None if !keys.is_empty() && qualities.iter().any(is_open) => {
            with_keys().map(|good| (good, alike.is_key_believed))
        }
        plainly => plainly.map(|good| (good, false)),
    };
    match answer {
        Some((true, true)) => Grade::Believed,
        Some((true, false)) => Grade::Good,
        Some((false, false)) if !alike.is_of_job => Grade::Bad,
        _ => Grade::Perhaps,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::rpo_over_time::DAY;

    const GOOD: Quality = Quality {
        is_usable: Some(true),
        kept_days: Some(35),
        is_encrypted: Some(true),
        owner_rank: Some(2),
        key_works: Some(true),
        lock: None,
    };

    fn wanted() -> PointValues {
        PolicyValues::default().of_point()
    }

    /// Made on day 0, listed until day 10, gone by day 12.
    fn trace() -> PointTrace {
        PointTrace {
            sure_until: 10 * DAY,
            gone_by: 12 * DAY,
            ..PointTrace::listed(0)
        }
    }

    /// From, surely until, at most until, in days; of one that is believed until the second in place of surely.
    fn parts(good: &mut GoodPoints, alike: Number) -> Vec<(u32, u32, u32, u32)> {
        let mut points = Vec::new();
        good.counting((&trace(), alike), &wanted(), &mut points);
        let days = |point: &PointTrace| {
            let all = [
                point.complete_latest,
                point.sure_until,
                point.promised_until,
                point.gone_by,
            ];
            let [from, sure, promised, gone] = all.map(|at| at / DAY);
            (from, sure, promised, gone)
        };
        points.iter().map(days).collect()
    }

    #[test]
    fn a_point_is_judged_from_the_packs_that_list_it() {
        let mut good = GoodPoints::default();
        let bad = Quality {
            kept_days: Some(7),
            ..GOOD
        };
        let first = good.see(None, 0, 3 * DAY, GOOD);
        assert_eq!(good.see(Some(first), 3 * DAY, 4 * DAY, GOOD), first);
        let then = good.see(Some(first), 4 * DAY, 6 * DAY, bad);
        let alike = good.alike(Some(then), None, false);
        // Good until the last pack that shows it so; perhaps until the first that does not; then not.
        assert_eq!(parts(&mut good, alike), [(0, 4, 0, 4), (4, 0, 0, 6)]);
        let back = good.see(Some(then), 6 * DAY, 8 * DAY, GOOD);
        let alike = good.alike(Some(back), None, false);
        assert_eq!(parts(&mut good, alike), [(0, 4, 0, 4), (4, 0, 0, 8), (8, 10, 0, 12)]);
        // What only a job tells may have been changed by hand.
        let alike = good.alike(Some(good.shown.len() as u32 - 2), None, true);
        assert_eq!(parts(&mut good, alike).last(), Some(&(4, 0, 0, 12)));
    }

    #[test]
    fn a_native_point_is_good_while_its_key_works() {
        let mut good = GoodPoints::default();
        let open = Quality {
            owner_rank: None,
            key_works: None,
            ..GOOD
        };
        let shown = good.see(None, 0, DAY, open);
        assert!(good.is_key_open(shown));
        let alike = good.alike(Some(shown), None, false);
        assert_eq!(parts(&mut good, alike), [(0, 0, 0, 12)]);
        let arn: Arc<str> = "arn:aws:kms:eu-west-1:111122223333:key/k".into();
        good.see_key(&arn, DAY, (Some(2), Some(true)));
        good.see_key(&arn, 5 * DAY, (Some(2), Some(false)));
        let key = good.key(&NativeKey::Named(Arc::clone(&arn))).expect("a key");
        let alike = good.alike(Some(shown), Some((key, false)), false);
        assert_eq!(parts(&mut good, alike), [(0, 1, 0, 1), (1, 0, 0, 5)]);
        let alike = good.alike(Some(shown), Some((key, true)), false);
        assert_eq!(parts(&mut good, alike)[0], (0, 0, 1, 1));
        let alike = good.alike(Some(shown), Some((Key::OfAws, false)), false);
        assert_eq!(parts(&mut good, alike), [(0, 10, 0, 12)]);
        let why = good.why_not((&trace(), alike), &wanted());
        assert_eq!(why, None);
    }
}
