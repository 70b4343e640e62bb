//! The newest good point of a table: one recovery point that meets every demand of the policy at once.
//!
//! Two ages carry the answer. No older than the first is a point that is good for certain; no younger than the second is
//! any point that may be good, where 0 stands for one in a vault that could not be read. What was not read can only move
//! them towards each other.

use chrono::{DateTime, TimeDelta, Utc};

use super::copies::{Copies, CopySeen};
use super::demands::{Quality, failed, open};
use super::index::Index;
use super::recovery_point::PointKind;
use super::table_points::{TablePoints, UNDATED};
use super::time::{age_hours, hours, instant};
use crate::criteria::values::{PointValues, PolicyValues};
use crate::dictionary::{TableFacts, Text};
use crate::domain::{Demand, Demands, FactValue};
use crate::duration;

/// Stands for the age of a point that is not there, in hours: 36,500 days.
pub(crate) const NO_POINT_HOURS: f64 = 876_000.0;

/// The newest good point of a table by one policy; or by all policies of which one is the table's, and it is not known
/// which.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct GoodPoint {
    is_within_limit: Option<bool>,
    doubt: Option<Text>,
    age_hours_at_most: Option<f64>,
    age_hours_at_least: Option<f64>,
    at: Option<DateTime<Utc>>,
    arn: Option<Text>,
    vault: Option<Text>,
    failed_demands: Option<Text>,
    summary: Option<Text>,
    failing: Vec<Demands>,
}

impl GoodPoint {
    /// What these and other ones say between them.
    #[must_use]
    pub(crate) fn or(self, other: &Self) -> Self {
        fn both<T: PartialEq>(mine: Option<T>, theirs: &Option<T>) -> Option<T> {
            mine.filter(|mine| theirs.as_ref() == Some(mine))
        }
        let either = |mine: &Option<Text>, theirs: &Option<Text>| match (mine, theirs) {
            (Some(mine), Some(theirs)) if mine != theirs => {
                Some(format!("{mine}; or, by another tier that may be the table's: {theirs}").into())
            }
            (mine, _) => mine.clone(),
        };
        Self {
            doubt: match (self.is_within_limit, other.is_within_limit) {
                (Some(mine), Some(theirs)) if mine != theirs => Some(TIERS_DIFFER.into()),
                (None, _) => self.doubt.clone(),
                _ => other.doubt.clone(),
            },
            is_within_limit: both(self.is_within_limit, &other.is_within_limit),
            age_hours_at_most: self
                .age_hours_at_most
                .zip(other.age_hours_at_most)
                .map(|(a, b)| a.max(b)),
            age_hours_at_least: self
                .age_hours_at_least
                .zip(other.age_hours_at_least)
                .map(|(a, b)| a.min(b)),
            at: both(self.at, &other.at),
            arn: both(self.arn, &other.arn),
            vault: both(self.vault, &other.vault),
            failed_demands: either(&self.failed_demands, &other.failed_demands),
            summary: either(&self.summary, &other.summary),
            failing: failing_by_both(&self.failing, &other.failing),
        }
    }

    /// Where it is not known for certain that the table is backed up: for each point that is left in question, and where
    /// there surely is none, the demands of which none may be asked for it to be. None of these says anything of what was not
    /// read.
    pub(crate) fn failing(&self) -> &[Demands] {
        &self.failing
    }

    /// By name.
    pub(crate) fn values(&self) -> [(&'static str, FactValue); 10] {
        let text = |text: &Option<Text>| text.clone().map_or(FactValue::OPEN, FactValue::Text);
        let float = |number: Option<f64>| number.map_or(FactValue::OPEN, FactValue::Float);
        let age = self
            .age_hours_at_most
            .filter(|_| self.age_hours_at_most == self.age_hours_at_least);
        [
            (
                "backed_up",
                self.is_within_limit.map_or(FactValue::OPEN, FactValue::Bool),
            ),
            ("backed_up_doubt", text(&self.doubt)),
            ("backed_up_summary", text(&self.summary)),
            ("newest_good_point_age_hours", float(age)),
            ("newest_good_point_age_hours_at_most", float(self.age_hours_at_most)),
            ("newest_good_point_age_hours_at_least", float(self.age_hours_at_least)),
            ("newest_good_point_at", self.at.map_or(FactValue::OPEN, FactValue::Time)),
            ("newest_good_point_arn", text(&self.arn)),
            ("newest_good_point_vault", text(&self.vault)),
            ("newest_point_failed_demands", text(&self.failed_demands)),
        ]
    }
}

/// What has to be excused for a yes by two policies at once.
pub(super) fn failing_by_both(mine: &[Demands], theirs: &[Demands]) -> Vec<Demands> {
    let pairs = mine
        .iter()
        .flat_map(|mine| theirs.iter().map(|theirs| mine.or(*theirs)));
    Demands::least(pairs)
}

const TIERS_DIFFER: &str = "which tier of the policy the table is in cannot be told, and by one it is backed up and by another not; the facts and tags that the tiers' conditions name settle it";

/// A recovery point of the table.
#[derive(Clone, Copy)]
struct Candidate<'p> {
    kind: &'p PointKind,
    quality: Quality,
    /// In milliseconds since 1970.
    at: i64,
    arn: &'p str,
}

/// The points in the table's own account and Region, or the copies elsewhere.
struct Side<'p> {
    wanted: PointValues,
    /// Greatest age allowed.
    limit: TimeDelta,
    /// The newest that counts.
    newest: Option<Candidate<'p>>,
    /// The newest that is good for certain.
    good: Option<Candidate<'p>>,
    /// The newest that may be good: kind and date.
    perhaps: Option<(&'p PointKind, i64)>,
    /// One that was not read may be good.
    is_unread: bool,
    /// Of each that counts, the demands that it fails, and those of which that is not known.
    failing: Vec<Demands>,
}

impl<'p> Side<'p> {
    /// `usable`: those that count, or at least all among which the newest good one is, whatever the policy; `perhaps`: the
    /// newest of each kind that may count.
    fn new(
        (wanted, limit): (PointValues, TimeDelta),
        usable: &[Candidate<'p>],
        perhaps: &[(&'p PointKind, i64)],
        is_unread: bool,
        (now, index): (DateTime<Utc>, &Index),
    ) -> Self {
        let failing = |candidate: &Candidate<'p>| {
            let wants = candidate.quality.wants(&wanted);
            if age(candidate.at, now) <= hours(limit) {
                wants
            } else {
                wants.and(Demand::Fresh)
            }
        };
        let key = |candidate: &&Candidate<'p>| (candidate.at, candidate.arn);
        let is_good = |candidate: &&Candidate<'p>| candidate.quality.is_good(&wanted) == Some(true);
        let may_be_good = |(kind, _): &&(&'p PointKind, i64)| Quality::of(kind, index).is_good(&wanted) != Some(false);
        Self {
            wanted,
            limit,
            newest: usable.iter().max_by_key(key).copied(),
            good: usable.iter().filter(is_good).max_by_key(key).copied(),
            perhaps: perhaps
                .iter()
                .filter(may_be_good)
                .max_by_key(|(_, at)| if *at == UNDATED { i64::MAX } else { *at })
                .copied(),
            is_unread,
            failing: Demands::least(usable.iter().map(failing)),
        }
    }

    fn at_most(&self, now: DateTime<Utc>) -> f64 {
        self.good.map_or(NO_POINT_HOURS, |good| age(good.at, now))
    }

    fn at_least(&self, now: DateTime<Utc>) -> f64 {
        match self.perhaps {
            _ if self.is_unread => 0.0,
            Some((_, UNDATED)) => 0.0,
            Some((_, at)) => age(at, now),
            None => NO_POINT_HOURS,
        }
    }

    /// Is the newest good one within its limit?
    fn is_within(&self, now: DateTime<Utc>) -> Option<bool> {
        let limit = hours(self.limit);
        match (self.at_most(now) <= limit, self.at_least(now) <= limit) {
            (true, _) => Some(true),
            (_, false) => Some(false),
            _ => None,
        }
    }
}

/// In hours.
fn age(at: i64, now: DateTime<Utc>) -> f64 {
    instant(at).map_or(0.0, |at| age_hours(at, now))
}

/// The newest good point of the table of a row, by these values of the policy.
pub(super) fn compare(
    (row, facts): (usize, &TableFacts),
    points: &TablePoints,
    copies: &Copies,
    values: &PolicyValues,
    index: &Index,
) -> GoodPoint {
    let table = &index.tables[row];
    if table.created_at.is_none() {
        return GoodPoint::default();
    }
    // Of an archived table, when it was archived.
    let Some(now) = index.aged_at(row) else {
        return GoodPoint::default();
    };
    let place = index.target_place(row);
    let usable: Vec<Candidate<'_>> = points
        .candidates_of(row)
        .map(|(kind, at, arn)| Candidate {
            kind,
            quality: Quality::of(kind, index),
            at,
            arn,
        })
        .collect();
    let home = Side::new(
        (values.of_point(), values.limit()),
        &usable,
        &points.perhaps_usable(row, index),
        points.may_hold_more(place, values.vault_lock),
        (now, index),
    );
    let accepted = values.of_accepted_copy();
    let all: Vec<CopySeen<'_>> = match accepted {
        Some(_) => copies.of(row, points, index).collect(),
        None => Vec::new(),
    };
    let elsewhere = accepted.map(|wanted| {
        let usable = all.iter().filter(|copy| copy.is_usable());
        let usable: Vec<Candidate<'_>> = usable
            .map(|copy| Candidate {
                kind: copy.kind,
                quality: copy.quality,
                at: copy.at,
                arn: copy.arn,
            })
            .collect();
        let perhaps: Vec<(&PointKind, i64)> = all.iter().map(|copy| (copy.kind, copy.at)).collect();
        let mut unread = points.others_that_may_hold_more(place, wanted.vault_lock);
        let is_unread = unread.next().is_some() || index.may_have_more_regions;
        Side::new((wanted, values.copy_rpo()), &usable, &perhaps, is_unread, (now, index))
    });
    let sides = || std::iter::once(&home).chain(&elsewhere);
    let each = || sides().map(|side| side.is_within(now));
    let is_within_limit = match (
        each().any(|within| within == Some(true)),
        each().any(|within| within.is_none()),
    ) {
        (true, _) => Some(true),
        (_, true) => None,
        _ => Some(false),
    };
    let newest = sides()
        .filter_map(|side| side.good)
        .max_by_key(|good| (good.at, good.arn));
    let case = Case {
        home: &home,
        elsewhere: elsewhere.as_ref(),
        copies: &all,
        row,
        now,
        index,
    };
    let doubt = match is_within_limit {
        None => case.doubt(points),
        Some(_) => None,
    };
    // Where there is none, nothing else can be said of it.
    let has_copy = elsewhere.as_ref().is_some_and(|side| side.is_unread || !all.is_empty());
    let is_none = facts.usable_recovery_point_count == Some(0) && !has_copy;
    let none = is_none.then(|| [Demand::Fresh, Demand::Usable].into_iter().collect());
    let (at_most, at_least) = (
        sides().map(|side| side.at_most(now)).reduce(f64::min),
        sides().map(|side| side.at_least(now)).reduce(f64::min),
    );
    // What may be good is no reason to say that nothing is.
    let or_none = |text: Option<Text>| text.or_else(|| (at_most == at_least).then(|| "none".into()));
    let of_sides = sides().flat_map(|side| side.failing.iter().copied());
    let failing = Demands::least(of_sides.chain(none));
    GoodPoint {
        is_within_limit,
        failing,
        doubt: Some(doubt.unwrap_or_else(|| "none".into())),
        age_hours_at_most: at_most,
        age_hours_at_least: at_least,
        at: newest.and_then(|good| instant(good.at)),
        arn: or_none(newest.map(|good| good.arn.into())),
        vault: or_none(newest.map(|good| case.vault(&good))),
        failed_demands: Some(failed_demands(home.newest.as_ref(), &home.wanted)),
        summary: Some(case.summary(facts, |row| copies.not_seen(row, index)).into()),
    }
}

/// A table's points on both sides, to be told in words.
struct Case<'c> {
    home: &'c Side<'c>,
    elsewhere: Option<&'c Side<'c>>,
    copies: &'c [CopySeen<'c>],
    row: usize,
    now: DateTime<Utc>,
    index: &'c Index,
}

impl Case<'_> {
    /// Where a candidate lies, if that is elsewhere.
    fn place(&self, candidate: &Candidate<'_>) -> Option<String> {
        let copy = self
            .copies
            .iter()
            .find(|copy| copy.arn == candidate.arn && copy.at == candidate.at)?;
        Some(copy.place(self.index))
    }

    fn vault(&self, candidate: &Candidate<'_>) -> Text {
        let place = self.place(candidate);
        place.map_or_else(|| candidate.kind.vault_name(self.index).into(), Into::into)
    }

    /// What AWS's answers leave open, or what was not read elsewhere; none where a call that failed here would tell.
    fn doubt(&self, points: &TablePoints) -> Option<Text> {
        let is_open = |side: &&Side<'_>| side.is_within(self.now).is_none();
        if let Some(home) = Some(self.home).filter(is_open) {
            let perhaps = home.perhaps.filter(|_| !home.is_unread)?;
            let place = format!("vault `{}`", perhaps.0.vault_name(self.index));
            return Some(doubt(
                ("a recovery point", &place),
                perhaps,
                &home.wanted,
                (self.now, self.index),
            ));
        }
        let elsewhere = self.elsewhere.filter(is_open)?;
        if elsewhere.is_unread {
            let home = self.index.target_place(self.row);
            let places = points.others_that_may_hold_more(home, elsewhere.wanted.vault_lock);
            let places: Vec<String> = places
                .map(|place| {
                    let target = &self.index.targets[place as usize];
                    format!("account {}, {}", target.account_id, target.region)
                })
                .collect();
            let more = match places.len() {
                0..=3 => String::new(),
                all => format!(" and {} more", all - 3),
            };
            let places = places.get(..3).unwrap_or(&places).join("; ");
            return Some(match places.as_str() {
                "" => "a copy that counts may lie in a Region that nobody looked at, for account:ListRegions did not list them".into(),
                places => format!("a copy that counts may lie where not every vault could be read: {places}{more}").into(),
            });
        }
        let perhaps = elsewhere.perhaps?;
        let is_it = |copy: &&CopySeen<'_>| std::ptr::eq(copy.kind, perhaps.0) && copy.at == perhaps.1;
        let place = self.copies.iter().find(is_it)?.place(self.index);
        Some(doubt(
            ("a copy", &place),
            perhaps,
            &elsewhere.wanted,
            (self.now, self.index),
        ))
    }

    /// What is to be said of the table's newest points, in a sentence.
    fn summary(&self, facts: &TableFacts, not_seen: impl Fn(usize) -> Text) -> String {
        let at_home = summary(self.home, facts, (self.now, self.index));
        let Some(elsewhere) = self.elsewhere.filter(|_| self.home.is_within(self.now) != Some(true)) else {
            return at_home;
        };
        let age = |candidate: &Candidate<'_>| candidate.age(self.now);
        let place = |candidate: &Candidate<'_>| self.place(candidate).unwrap_or_default();
        let limit = duration::age(elsewhere.limit);
        let copies = match (elsewhere.good, elsewhere.newest) {
            (Some(good), _) if elsewhere.is_within(self.now) == Some(true) => {
                return format!(
                    "{at_home}; a copy that meets everything is {} old ({}; copies may be {limit} old)",
                    age(&good),
                    place(&good)
                );
            }
            (Some(good), _) => format!(
                "the newest copy that meets everything is {} old ({}; copies may be {limit} old)",
                age(&good),
                place(&good)
            ),
            (None, Some(newest)) => format!(
                "the newest copy is {} old {} ({})",
                age(&newest),
                newest.but(&elsewhere.wanted),
                place(&newest)
            ),
            (None, None) => "no copy was seen elsewhere".to_owned(),
        };
        match &*not_seen(self.row) {
            "none" => format!("{at_home}; {copies}"),
            not_seen => format!("{at_home}; {copies}; {not_seen}"),
        }
    }
}

/// Which demands the newest usable point fails, and of which that is not known; `none` if it is good.
fn failed_demands(newest: Option<&Candidate<'_>>, wanted: &PointValues) -> Text {
    let Some(newest) = newest else {
        return "no usable recovery point was seen".into();
    };
    let (failed, open) = (newest.failed(wanted), newest.open(wanted));
    match (failed.is_empty(), open.is_empty()) {
        (true, true) => "none".into(),
        (false, true) => failed.join(", ").into(),
        (true, false) => format!("not known: {}", open.join(", ")).into(),
        (false, false) => format!("{}; not known: {}", failed.join(", "), open.join(", ")).into(),
    }
}

impl Candidate<'_> {
    fn failed(&self, wanted: &PointValues) -> Vec<String> {
        let fails = |demand: &Demand| self.quality.meets(*demand, wanted) == Some(false);
        let failed = |demand| failed(demand, &self.quality, self.kind, wanted);
        Demand::OF_POINTS.into_iter().filter(fails).map(failed).collect()
    }

    fn open(&self, wanted: &PointValues) -> Vec<String> {
        open_demands(self.kind, &self.quality, wanted)
    }

    fn age(&self, now: DateTime<Utc>) -> String {
        let at = instant(self.at).unwrap_or(now);
        duration::age((now - at).max(TimeDelta::zero()))
    }

    /// What is wrong with the point, after its age.
    fn but(&self, wanted: &PointValues) -> String {
        let (failed, open) = (self.failed(wanted), self.open(wanted));
        if failed.is_empty() {
            format!("and it is not known {}", open.join(", nor "))
        } else {
            format!("but {}", failed.join(", "))
        }
    }
}

fn open_demands(kind: &PointKind, quality: &Quality, wanted: &PointValues) -> Vec<String> {
    let is_open = |demand: &Demand| quality.meets(*demand, wanted).is_none();
    Demand::OF_POINTS
        .into_iter()
        .filter(is_open)
        .map(|demand| open(demand, kind))
        .collect()
}

/// Why a point that was read may be good or not, where no call failed that would tell.
fn doubt(
    (what, place): (&str, &str),
    (kind, at): (&PointKind, i64),
    wanted: &PointValues,
    (now, index): (DateTime<Utc>, &Index),
) -> Text {
    let Some(at) = instant(at).filter(|_| at != UNDATED) else {
        return format!("{what} in {place} has no date").into();
    };
    let open = open_demands(kind, &Quality::of(kind, index), wanted);
    let age = duration::age(now - at);
    format!(
        "{what} in {place}, {age} old, may be good: not known is {}",
        open.join(", ")
    )
    .into()
}

/// What is to be said of the table's newest points at home.
fn summary(side: &Side<'_>, facts: &TableFacts, (now, index): (DateTime<Utc>, &Index)) -> String {
    let wanted = &side.wanted;
    let seen = if side.is_unread {
        " of those that could be read"
    } else {
        ""
    };
    let Some(newest) = &side.newest else {
        return no_point(side.is_unread, facts);
    };
    let Some(good) = &side.good else {
        return format!(
            "newest point{seen} is {} old {}; none meets everything",
            newest.age(now),
            newest.but(wanted)
        );
    };
    if (newest.at, newest.arn) == (good.at, good.arn) {
        let vault = good.kind.vault_name(index);
        return format!(
            "newest point that meets everything{seen} is {} old (vault {vault})",
            good.age(now)
        );
    }
    let (old, but) = (newest.age(now), newest.but(wanted));
    format!(
        "newest point{seen} is {old} old {but}; the newest that meets everything is {} old",
        good.age(now)
    )
}

/// Points that are there and do not count are worth naming: they are why people believe in a backup.
fn no_point(is_unread: bool, facts: &TableFacts) -> String {
    let others = facts.unusable_points.as_deref().filter(|others| *others != "none");
    let others = others.map_or_else(String::new, |others| format!(" ({others} do not count)"));
    let jobs = (
        facts.finished_backup_job_count.is_some(),
        facts.last_completed_backup_job_at,
    );
    match jobs {
        _ if is_unread => format!("no usable recovery point was seen{others}"),
        (_, Some(at)) => format!(
            "no usable recovery point is left{others}; a backup completed on {}",
            at.format("%Y-%m-%d")
        ),
        (true, None) if others.is_empty() => "never backed up".to_owned(),
        _ => format!("no usable recovery point{others}"),
    }
}
