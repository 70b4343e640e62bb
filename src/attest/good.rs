//! Which recovery points were good, and when: what packs show of each as far as demands ask, and what that is by one policy.
//!
//! Most of what demands ask may change in the life of a point: how its vault is locked, whether its key works, how long it is
//! kept. Each is a course: what it was at moments at which something shows it. Where the showings before and after a moment
//! agree, so it was; where they differ, either may have been; and before the first one it is not known. What AWS changes for
//! nobody (whose its key is, that it is encrypted, the type of its vault) the first pack that lists the point shows for good.
//!
//! Of a point that no pack lists, its job tells the vault and its plan how long it was to be kept.
//!
//! The key of a native point only DynamoDB tells, which a scan asks of the newest one of each table. One that was made between
//! two of which both were under the same key is taken to be under it too: that is a promise, and never proof.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use chrono::TimeDelta;

use crate::criteria::values::{FOREVER_DAYS, KeyOwner, LockWanted, PointValues, PolicyValues};
use crate::domain::{Demand, Demands};
use crate::facts::rpo_over_time::PointTrace;
use crate::facts::{KeyQuality, Lock, LockSeen, PointKey, Quality};

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
        /// What a copy elsewhere has to meet that may stand for it; `None`: none may.
        or_copy: Option<CopyAsked>,
    },
}

/// What a policy may ask of a copy that stands for the point at home.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct CopyAsked {
    /// Greatest age of its data, in seconds.
    pub(crate) limit: u32,
    /// What it has to meet.
    pub(crate) points: PointValues,
}

impl Asked {
    /// By values of a policy. `is_by_usable`: the pack's rules asked for usable points, and for nothing else of them.
    pub(super) fn by(values: &PolicyValues, is_by_usable: bool) -> Self {
        let limit = |limit: TimeDelta| u32::try_from(limit.num_seconds()).unwrap_or(u32::MAX);
        let copy = values.of_accepted_copy().filter(|_| !is_by_usable);
        Self::Good {
            limit: limit(values.limit()),
            points: if is_by_usable { usable() } else { values.of_point() },
            or_copy: copy.map(|points| CopyAsked {
                limit: limit(values.copy_rpo()),
                points,
            }),
        }
    }

    /// The same with some demands not asked.
    pub(super) fn excusing(self, demands: Demands) -> Self {
        let of = |limit: u32| match demands.contains(Demand::Fresh) {
            true => u32::MAX,
            false => limit,
        };
        let without = |points: PointValues| PointValues {
            excused: points.excused.or(demands),
            ..points
        };
        match self {
            Self::Good { limit, points, or_copy } => Self::Good {
                limit: of(limit),
                points: without(points),
                or_copy: or_copy.map(|copy| CopyAsked {
                    limit: of(copy.limit),
                    points: without(copy.points),
                }),
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
                or_copy: or_copy.map(|copy| CopyAsked {
                    points: usable(),
                    ..copy
                }),
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

/// What packs show of a point itself, one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Shown {
    /// What they showed before; `None`: this was the first.
    before: Option<Number>,
    /// The last pack that showed it so.
    until: u32,
    /// The first pack that shows it like this.
    from: u32,
    /// But its vault's lock, and its key where that has a name.
    quality: Quality,
}

/// Points of which the same is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Alike {
    /// `None`: nothing is known of them.
    pub(super) shown: Option<Number>,
    /// For how many days they were to be kept when they were made; `None`: not known.
    pub(super) promised_days: Option<i64>,
    /// Where they lie.
    pub(super) vault: Number,
    /// `None`: none that has a name, or not known.
    pub(super) key: Option<Key>,
    /// Nobody saw that it is this key.
    pub(super) is_key_believed: bool,
    /// No pack lists them: a person may have changed what their plan promised.
    pub(super) is_of_job: bool,
}

/// The key of a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Key {
    OfAws,
    Named(Number),
}

/// From a moment on, until the next one.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Time<T> {
    from: u32,
    /// It was one of these; never empty.
    any_of: Vec<T>,
    /// Nothing shows it any more: it may have stayed what it was.
    is_after: bool,
}

impl<T> Time<T> {
    fn new(from: u32, any_of: Vec<T>) -> Self {
        Self {
            from,
            any_of,
            is_after: false,
        }
    }
}

/// What packs show of points, and what that makes of them.
#[derive(Debug, Default)]
pub(super) struct GoodPoints {
    shown: Vec<Shown>,
    numbers: HashMap<Shown, Number>,
    /// By ARN.
    keys: HashMap<Arc<str>, Number>,
    /// Of each key, what packs show, in order.
    keys_seen: Vec<Vec<(u32, KeyQuality)>>,
    /// Of each key, moments at which it surely worked: AWS Backup began to make a point under it.
    keys_used: Vec<Vec<u32>>,
    /// Of each vault, what packs show, in order.
    locks_seen: HashMap<Number, Vec<(u32, LockSeen)>>,
    key_times: Vec<Vec<Time<KeyQuality>>>,
    lock_times: HashMap<Number, Vec<Time<Option<Lock>>>>,
    alike: Vec<Alike>,
    alike_numbers: HashMap<Alike, Number>,
    grades: HashMap<(Number, PointValues), Arc<[Graded]>>,
}

/// Is a point good?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Grade {
    Good,
    /// If its key is the one that those before and after it have, or what nothing shows any more stayed as it was.
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
    /// It is bad however long it is kept, which nothing shows after the last pack that lists it.
    is_bad_anyway: bool,
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

    /// What a pack shows of a point, after what earlier ones showed, the last of them at `last`.
    pub(super) fn see(&mut self, before: Option<Number>, last: u32, as_of: u32, quality: Quality) -> Number {
        match before {
            Some(number) if self.shown[number as usize].quality == quality => number,
            before => self.number(Shown {
                before,
                until: last,
                from: as_of,
                quality,
            }),
        }
    }

    /// What a pack shows of a key. They come in order of time.
    pub(super) fn see_key(&mut self, arn: &Arc<str>, as_of: u32, quality: KeyQuality) {
        let key = self.key_number(arn);
        self.keys_seen[key as usize].push((as_of, quality));
    }

    /// AWS Backup began to make a point under the key that was completed, which it cannot unless the key works.
    pub(super) fn use_key(&mut self, key: Key, at: u32) {
        if let Key::Named(key) = key {
            self.keys_used[key as usize].push(at);
        }
    }

    /// What a pack shows of the lock of a vault. They come in order of time.
    pub(super) fn see_lock(&mut self, vault: Number, as_of: u32, lock: LockSeen) {
        self.locks_seen.entry(vault).or_default().push((as_of, lock));
    }

    fn key_number(&mut self, arn: &Arc<str>) -> Number {
        if let Some(key) = self.keys.get(arn) {
            return *key;
        }
        let key = Number::try_from(self.keys_seen.len()).unwrap_or(Number::MAX);
        self.keys_seen.push(Vec::new());
        self.keys_used.push(Vec::new());
        self.keys.insert(Arc::clone(arn), key);
        key
    }

    /// The key of that name.
    pub(super) fn key(&mut self, key: &PointKey) -> Key {
        match key {
            PointKey::OfAws => Key::OfAws,
            PointKey::Named(arn) => Key::Named(self.key_number(arn)),
        }
    }

    /// Everything has been seen.
    pub(super) fn settle(&mut self) {
        let used = std::mem::take(&mut self.keys_used);
        let seen = std::mem::take(&mut self.keys_seen);
        self.key_times = seen
            .iter()
            .zip(used)
            .map(|(seen, used)| key_times(seen, used))
            .collect();
        let locks = std::mem::take(&mut self.locks_seen).into_iter();
        self.lock_times = locks.map(|(vault, seen)| (vault, lock_times(&seen))).collect();
    }

    /// The number of points of which the same is known.
    pub(super) fn alike(&mut self, alike: Alike) -> Number {
        let next = Number::try_from(self.alike.len()).unwrap_or(Number::MAX);
        let number = *self.alike_numbers.entry(alike).or_insert(next);
        if number == next {
            self.alike.push(alike);
        }
        number
    }

    /// What packs show of such points themselves, from the first on.
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

    /// Times, and what such a point itself may have been in each.
    fn times(&self, alike: Alike, shown: Number) -> Vec<Time<Quality>> {
        let runs = self.runs(shown);
        let first = runs[0];
        if alike.is_of_job {
            return vec![Time::new(0, vec![first.quality])];
        }
        // Between its creation and the first pack that lists it a person may have changed how long it is kept.
        let kept_days = alike
            .promised_days
            .filter(|days| first.quality.kept_days == Some(*days));
        let mut times = vec![Time::new(
            0,
            vec![Quality {
                kept_days,
                ..first.quality
            }],
        )];
        for (number, run) in runs.iter().enumerate() {
            if number > 0 {
                times.push(Time::new(run.until, vec![runs[number - 1].quality, run.quality]));
            }
            times.push(Time::new(run.from, vec![run.quality]));
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
        // AWS keeps everything for a day at least, whatever anybody says.
        let wanted = &PointValues {
            retention_min_days: if wanted.retention_min_days <= 1 {
                0
            } else {
                wanted.retention_min_days
            },
            ..*wanted
        };
        let Some(shown) = alike.shown else {
            return vec![Graded {
                from: 0,
                to: u32::MAX,
                grade: Grade::Perhaps,
                is_bad_anyway: false,
            }];
        };
        let points = self.times(alike, shown);
        let own = Vec::new();
        let keys = match alike.key {
            None => &own,
            Some(Key::OfAws) => &vec![Time::new(0, vec![KEY_OF_AWS])],
            Some(Key::Named(key)) => &self.key_times[key as usize],
        };
        let no_lock = Vec::new();
        let locks = self.lock_times.get(&alike.vault).unwrap_or(&no_lock);
        let mut starts: Vec<u32> = points.iter().map(|time| time.from).collect();
        starts.extend(keys.iter().map(|time| time.from));
        starts.extend(locks.iter().map(|time| time.from));
        starts.sort_unstable();
        starts.dedup();
        let ends = starts.iter().skip(1).copied().chain([u32::MAX]);
        let mut graded: Vec<Graded> = Vec::new();
        for (from, to) in starts.iter().copied().zip(ends) {
            let possible = Possible {
                points: &at(&points, from).expect("one begins at 0").any_of,
                key: at(keys, from),
                is_key_believed: alike.is_key_believed,
                lock: at(locks, from),
            };
            let grade = match possible.grade(wanted) {
                Grade::Bad if alike.is_of_job => Grade::Perhaps,
                grade => grade,
            };
            let is_bad_anyway = grade == Grade::Bad && possible.is_bad_however_long_kept(wanted);
            match graded.last_mut() {
                Some(last) if (last.grade, last.is_bad_anyway) == (grade, is_bad_anyway) => last.to = to,
                _ => graded.push(Graded {
                    from,
                    to,
                    grade,
                    is_bad_anyway,
                }),
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
        for Graded {
            from,
            to,
            grade,
            is_bad_anyway,
        } in self.graded(alike, wanted).iter()
        {
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
                Grade::Bad if *is_bad_anyway => {}
                // After the last pack that lists it, it may have been kept longer than that showed.
                Grade::Bad => {
                    let unseen = PointTrace {
                        complete_earliest: part.complete_earliest.max(trace.sure_until),
                        complete_latest: part.complete_latest.max(trace.sure_until),
                        sure_until: 0,
                        promised_until: 0,
                        ..part
                    };
                    if unseen.complete_earliest < unseen.gone_by {
                        points.push(unseen);
                    }
                }
            }
        }
    }

    /// What such a point was at a moment. `is_one`: where it may have been several things, it is not known.
    fn known_at(&self, alike: Alike, moment: u32, is_one: bool) -> Option<Quality> {
        fn of<T: Copy>(times: &[Time<T>], moment: u32, is_one: bool) -> Option<T> {
            let any_of = &at(times, moment)?.any_of;
            any_of.last().filter(|_| !is_one || any_of.len() == 1).copied()
        }
        let times = self.times(alike, alike.shown?);
        let quality = of(&times, moment, is_one).or_else(|| {
            let last = of(&times, moment, false)?;
            Some(Quality {
                kept_days: None,
                ..last
            })
        })?;
        let key = match alike.key {
            None => None,
            Some(Key::OfAws) => Some(KEY_OF_AWS),
            Some(Key::Named(key)) => of(&self.key_times[key as usize], moment, is_one),
        };
        let (owner_rank, key_works) = key.unwrap_or((None, None));
        let lock = self.lock_times.get(&alike.vault);
        Some(Quality {
            owner_rank: quality.owner_rank.or(owner_rank),
            key_works: quality.key_works.or(key_works),
            lock: lock.and_then(|times| of(times, moment, is_one)).flatten(),
            ..quality
        })
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
        let open = graded
            .iter()
            .find(|part| part.grade == Grade::Perhaps && part.from < end && trace.complete_latest < part.to);
        let moment = open.map_or(end.saturating_sub(1), |part| part.from.max(trace.complete_latest));
        let quality = self.known_at(self.alike[alike as usize], moment, !is_known)?;
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
            (false, true) => "not known: whether they met the policy all the time".to_owned(),
            (false, false) => format!("not known: {}", all.join(", ")),
        }
    }
}

/// How many points did not count, and why, in order.
pub(crate) type NotCountedPoints = BTreeMap<NotCounted, usize>;

/// What is in force at that moment.
fn at<T>(times: &[Time<T>], moment: u32) -> Option<&Time<T>> {
    let next = times.partition_point(|time| time.from <= moment);
    next.checked_sub(1).map(|place| &times[place])
}

/// What a point may have been for a time.
struct Possible<'t> {
    points: &'t [Quality],
    /// `None`: its key has no name, or is not known.
    key: Option<&'t Time<KeyQuality>>,
    is_key_believed: bool,
    /// `None`: no pack shows its vault.
    lock: Option<&'t Time<Option<Lock>>>,
}

impl Possible<'_> {
    /// What is true of everything that it may have been. `trusting`: what nothing shows any more stayed as it was, and its key
    /// is the one that it is believed to be.
    fn is_good(&self, wanted: &PointValues, trusting: bool, of: impl Fn(Quality) -> Quality) -> Option<bool> {
        let keys: &[KeyQuality] = match self.key {
            Some(key) if trusting || !self.is_key_believed => &key.any_of,
            _ => &[(None, None)],
        };
        let locks: &[Option<Lock>] = match self.lock {
            Some(lock) if trusting || !lock.is_after => &lock.any_of,
            _ => &[None],
        };
        // Whose it is does not change.
        let is_key_after = !trusting && self.key.is_some_and(|key| key.is_after);
        let mut answer: Option<Option<bool>> = None;
        for quality in self.points {
            for (owner_rank, key_works) in keys {
                for lock in locks {
                    let quality = Quality {
                        owner_rank: quality.owner_rank.or(*owner_rank),
                        key_works: quality.key_works.or(key_works.filter(|_| !is_key_after)),
                        lock: *lock,
                        ..*quality
                    };
                    let good = of(quality).is_good(wanted);
                    match answer {
                        Some(before) if before != good => return None,
                        _ => answer = Some(good),
                    }
                }
            }
        }
        answer.flatten()
    }

    fn grade(&self, wanted: &PointValues) -> Grade {
        let as_it_is = |quality| quality;
        match self.is_good(wanted, false, as_it_is) {
            Some(true) => Grade::Good,
            Some(false) => Grade::Bad,
            None if self.is_good(wanted, true, as_it_is) == Some(true) => Grade::Believed,
            None => Grade::Perhaps,
        }
    }

    fn is_bad_however_long_kept(&self, wanted: &PointValues) -> bool {
        let of = |quality| Quality {
            kept_days: None,
            ..quality
        };
        self.is_good(wanted, false, of) == Some(false)
    }
}

/// Whose a key of AWS's own is, and that it works.
const KEY_OF_AWS: KeyQuality = (Some(0), Some(true));

/// The rank of keys that AWS manages in an account: nobody there can disable or delete one.
const MANAGED_BY_AWS: Option<i64> = Some(1);

/// What a key may have been. `used`: moments at which it surely worked, in any order.
fn key_times(seen: &[(u32, KeyQuality)], mut used: Vec<u32>) -> Vec<Time<KeyQuality>> {
    let owner = seen.iter().rev().find_map(|(_, (owner, _))| *owner);
    if owner == MANAGED_BY_AWS {
        let works = seen.iter().rev().find_map(|(_, (_, works))| *works);
        return vec![Time::new(0, vec![(owner, works)])];
    }
    used.sort_unstable();
    used.dedup();
    let used = used.into_iter().map(|at| (at, true));
    let told = seen.iter().filter_map(|(at, (_, works))| Some((*at, (*works)?)));
    let mut told: Vec<(u32, bool)> = told.chain(used).collect();
    told.sort_unstable();
    let mut times = vec![Time::new(0, vec![(owner, None)])];
    let mut before: Option<(u32, bool)> = None;
    for (at, works) in told {
        let other = before.filter(|(_, before)| *before != works);
        if let Some((last, before)) = other {
            times.push(Time::new(last, vec![(owner, Some(before)), (owner, Some(works))]));
        }
        if before.is_none() || other.is_some() {
            times.push(Time::new(at, vec![(owner, Some(works))]));
        }
        before = Some((at, works));
    }
    if let Some((last, works)) = before {
        times.push(Time {
            is_after: true,
            ..Time::new(last.saturating_add(1), vec![(owner, Some(works))])
        });
    }
    times
}

/// How a vault may have been locked.
fn lock_times(seen: &[(u32, LockSeen)]) -> Vec<Time<Option<Lock>>> {
    let mut times: Vec<Time<Option<Lock>>> = vec![Time::new(0, vec![None])];
    let mut before: Option<LockSeen> = None;
    let mut last = 0;
    for (at, now) in seen {
        // Else another vault had the name before.
        before = before.filter(|_| now.born.is_none_or(|born| born <= last));
        let was = match before {
            Some(was) if was.lock == now.lock => vec![Some(now.lock)],
            Some(was) => vec![Some(was.lock), Some(now.lock)],
            None => vec![None],
        };
        if let Some(since) = now.final_since.filter(|_| now.lock == Lock::Compliance) {
            // Before that day it was not final, and from it on nobody could take it away.
            let not_final = match before {
                Some(was) if was.lock == Lock::ComplianceInGrace => vec![Some(was.lock)],
                Some(was) => vec![Some(was.lock), Some(Lock::ComplianceInGrace)],
                None => vec![Some(Lock::None), Some(Lock::Governance), Some(Lock::ComplianceInGrace)],
            };
            if since > last {
                times.push(Time::new(last, not_final));
            }
            times.push(Time::new(since.max(last), vec![Some(now.lock)]));
        } else {
            times.push(Time::new(last, was));
        }
        times.push(Time::new(*at, vec![Some(now.lock)]));
        (before, last) = (Some(*now), *at);
    }
    if let Some(was) = before.filter(|was| was.lock != Lock::Compliance) {
        times.push(Time {
            is_after: true,
            ..Time::new(last.saturating_add(1), vec![Some(was.lock)])
        });
    }
    times.dedup_by(|next, time| next.any_of == time.any_of && next.is_after == time.is_after);
    times
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

    /// One that was to be kept for 35 days, in vault 0.
    fn alike(shown: Number) -> Alike {
        Alike {
            shown: Some(shown),
            promised_days: Some(35),
            vault: 0,
            key: None,
            is_key_believed: false,
            is_of_job: false,
        }
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
        let number = good.alike(alike(then));
        // Good until the last pack that shows it so; perhaps until the first that does not; then not, as long as it is listed.
        assert_eq!(parts(&mut good, number), [(0, 4, 0, 4), (4, 0, 0, 6), (10, 0, 0, 12)]);
        let back = good.see(Some(then), 6 * DAY, 8 * DAY, GOOD);
        let number = good.alike(alike(back));
        let bad_again = [(0, 4, 0, 4), (4, 0, 0, 6), (6, 0, 0, 8), (8, 10, 0, 12)];
        assert_eq!(parts(&mut good, number), [bad_again[0], (4, 0, 0, 8), bad_again[3]]);
        // For how long its plan kept it is not known, or was not what the first pack shows.
        for promised_days in [None, Some(7)] {
            let number = good.alike(Alike {
                promised_days,
                ..alike(first)
            });
            assert_eq!(parts(&mut good, number), [(0, 0, 0, 3), (3, 10, 0, 12)]);
        }
        // What only a job tells may have been changed by hand.
        let number = good.alike(Alike {
            is_of_job: true,
            ..alike(then)
        });
        assert_eq!(parts(&mut good, number), [(0, 10, 0, 12)]);
        let of_seven = good.see(None, 0, 0, bad);
        let number = good.alike(Alike {
            is_of_job: true,
            ..alike(of_seven)
        });
        assert_eq!(parts(&mut good, number), [(0, 0, 0, 12)]);
    }

    #[test]
    fn a_point_is_good_while_its_key_works() {
        let mut good = GoodPoints::default();
        let open = Quality {
            owner_rank: None,
            key_works: None,
            ..GOOD
        };
        let shown = good.see(None, 0, DAY, open);
        let number = good.alike(alike(shown));
        assert_eq!(parts(&mut good, number), [(0, 0, 0, 12)]);
        let arn: Arc<str> = "arn:aws:kms:eu-west-1:111122223333:key/k".into();
        good.see_key(&arn, DAY, (Some(2), Some(true)));
        good.see_key(&arn, 5 * DAY, (Some(2), Some(false)));
        good.see_key(&arn, 8 * DAY, (Some(2), None));
        let of_aws_arn: Arc<str> = "arn:aws:kms:eu-west-1:111122223333:key/aws".into();
        good.see_key(&of_aws_arn, 9 * DAY, (Some(1), Some(true)));
        let key = good.key(&PointKey::Named(Arc::clone(&arn)));
        let of_aws = good.key(&PointKey::Named(of_aws_arn));
        good.use_key(key, DAY / 2);
        good.settle();
        let mut of = |key: Key, is_key_believed: bool| {
            let number = good.alike(Alike {
                key: Some(key),
                is_key_believed,
                ..alike(shown)
            });
            let mut points = Vec::new();
            good.counting((&trace(), number), &wanted(), &mut points);
            let why = good.why_not((&trace(), number), &wanted());
            let hours = |at: u32| at / 3600;
            let times = points.iter().map(|point| {
                (
                    hours(point.complete_earliest),
                    hours(point.sure_until.max(point.promised_until)),
                    hours(point.gone_by),
                )
            });
            (times.collect::<Vec<_>>(), why)
        };
        // It worked when a point was made under it, and until the pack that shows it last so; not known before, and bad after the
        // one that shows that it does not, until nothing shows it any more.
        assert_eq!(
            of(key, false),
            (vec![(0, 0, 12), (12, 24, 24), (24, 0, 120), (120, 0, 288)], None)
        );
        assert_eq!(of(key, true).0[1], (12, 24, 24));
        assert_eq!(of(Key::OfAws, false), (vec![(0, 240, 288)], None));
        // Nobody can disable a key that AWS manages.
        assert_eq!(of(of_aws, false), (vec![(0, 240, 288)], None));
    }

    #[test]
    fn a_lock_counts_between_two_packs_that_show_it() {
        let of = |all: &[(u32, Lock, Option<u32>, Option<u32>)]| {
            let seen = all.iter().map(|(at, lock, final_since, born)| {
                let seen = LockSeen {
                    lock: *lock,
                    final_since: *final_since,
                    born: *born,
                };
                (*at, seen)
            });
            let seen: Vec<(u32, LockSeen)> = seen.collect();
            let times = lock_times(&seen).into_iter();
            let words = |lock: &Option<Lock>| lock.map_or("?", Lock::as_str);
            let time = |time: Time<Option<Lock>>| {
                let any_of: Vec<&str> = time.any_of.iter().map(words).collect();
                format!(
                    "{} {}{}",
                    time.from,
                    any_of.join("/"),
                    if time.is_after { " after" } else { "" }
                )
            };
            times.map(time).collect::<Vec<_>>().join(", ")
        };
        use Lock::{Compliance, ComplianceInGrace, Governance, None as Open};
        assert_eq!(of(&[]), "0 ?");
        assert_eq!(
            of(&[
                (5, Open, None, None),
                (9, Governance, None, None),
                (12, Governance, None, None)
            ]),
            "0 ?, 5 none, 5 none/governance, 9 governance, 13 governance after"
        );
        // Made anew under its name.
        assert_eq!(
            of(&[(5, Governance, None, Some(1)), (9, Governance, None, Some(7))]),
            "0 ?, 5 governance, 5 ?, 9 governance, 10 governance after"
        );
        // From the day on which it is final nobody can take it away.
        assert_eq!(
            of(&[(5, ComplianceInGrace, None, None), (9, Compliance, Some(7), None)]),
            "0 ?, 5 compliance-in-grace, 7 compliance"
        );
        assert_eq!(
            of(&[(5, Open, None, None), (9, Compliance, Some(7), None)]),
            "0 ?, 5 none, 5 none/compliance-in-grace, 7 compliance"
        );
        assert_eq!(
            of(&[(9, Compliance, Some(4), None)]),
            "0 ?, 0 none/governance/compliance-in-grace, 4 compliance"
        );
        assert_eq!(of(&[(9, Compliance, Some(0), None)]), "0 ?, 0 compliance");
    }
}
