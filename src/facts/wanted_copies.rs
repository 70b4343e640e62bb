//! The copies that the policy requires, or that plans promise, in other Regions and accounts: are they there, and planned?
//!
//! One counts where it meets what `copy` asks, and its data is young enough. Where a destination could not be looked at, copy
//! jobs still tell: a copy of young data must have been made by a young job, and AWS Backup remembers jobs for 30 days.

use std::collections::BTreeSet;

use chrono::TimeDelta;

use super::copies::{Comparisons, Copies, CopySeen};
use super::demands::{failed, open};
use super::early_deletions::DeletedEarly;
use super::good_points::GoodPoint;
use super::index::Index;
use super::plan_policy::PlanPolicy;
use super::plans::offers::Offers;
use super::plans::rule::CopyAction;
use super::table_points::{TablePoints, UNDATED};
use super::time::{JOB_MEMORY, age_hours, hours};
use super::words::names;
use crate::criteria::values::{PlaceKind, PointValues, PolicyValues, is_wanted_at};
use crate::dictionary::{TableFacts, Text};
use crate::domain::Demand;
use crate::duration;
use crate::inventory::schema::Table;

/// The copies of one table against one policy.
#[derive(Clone, Copy)]
pub(super) struct WantedCopies<'w> {
    pub(super) row: usize,
    pub(super) facts: &'w TableFacts,
    pub(super) offers: &'w Offers,
    pub(super) copies: &'w Copies,
    pub(super) points: &'w TablePoints,
    pub(super) values: &'w PolicyValues,
    pub(super) index: &'w Index,
}

impl<'w> WantedCopies<'w> {
    pub(super) fn compare(self) -> Comparisons {
        let born = self.facts.created_at;
        Comparisons {
            plan_rule_meets_policy: plan_rule_meets(self.offers, self.values),
            missing_copy_regions: born.and_then(|_| self.missing(PlaceKind::Region)),
            missing_copy_accounts: born.and_then(|_| self.missing(PlaceKind::Account)),
            unplanned_copy_regions: self.unplanned(PlaceKind::Region),
            unplanned_copy_accounts: self.unplanned(PlaceKind::Account),
            copies_not_seen: Some(self.copies.not_seen(self.row, self.index)),
            copies_summary: born.map(|_| self.summary()),
            copies_doubt: born.map(|_| self.doubt()),
            copy_actions_summary: self.offers.is_read.then(|| self.actions_summary()),
            copy_actions_doubt: Some(self.actions_doubt()),
            plan: PlanPolicy::default(),
            good_point: GoodPoint::default(),
            deleted_early: DeletedEarly::default(),
        }
    }

    fn table(&self) -> &'w Table {
        &self.index.tables[self.row]
    }

    /// The table's own place of a kind.
    fn own(&self, kind: PlaceKind) -> &'w str {
        let table = self.table();
        kind.of(&table.account_id, &table.region)
    }

    /// Places other than the table's own that the policy requires a copy in.
    fn wanted(&self, kind: PlaceKind) -> BTreeSet<&'w str> {
        self.values.copy.elsewhere(kind, self.own(kind)).collect()
    }

    /// May a copy there be one of those that the policy requires? Where it wants none, plans may promise it.
    fn is_of_matter(&self, account_id: &str, region: &str) -> bool {
        let wanted = PlaceKind::ALL.map(|kind| (kind, self.wanted(kind)));
        let is_there = |(kind, places): &(PlaceKind, BTreeSet<&str>)| {
            let found = kind.of(account_id, region);
            places.iter().any(|place| is_wanted_at(place, found, self.own(*kind)))
        };
        wanted.iter().all(|(_, places)| places.is_empty()) || wanted.iter().any(is_there)
    }

    fn missing(&self, kind: PlaceKind) -> Option<Text> {
        let own = self.own(kind);
        let wanted = self.wanted(kind);
        let promised = match kind {
            PlaceKind::Region => self.offers.elsewhere(|copy| &copy.region, own),
            PlaceKind::Account => self.offers.elsewhere(|copy| &copy.account_id, own),
        };
        let by_policy = wanted
            .iter()
            .map(|place| (*place, self.has_copy(kind, place, Some(self.values.copy_rpo()))));
        let due = is_due(self.offers, self.facts, self.index);
        let by_plan = promised
            .iter()
            .filter(|place| !wanted.contains(*place) && due != Some(false))
            .map(|place| {
                let has = self.has_copy(kind, place, None);
                (*place, has.filter(|has| *has || due.is_some()))
            });
        let all: Vec<(&str, Option<bool>)> = by_policy.chain(by_plan).collect();
        let lacking: Vec<&str> = all
            .iter()
            .filter(|(_, has)| *has == Some(false))
            .map(|(place, _)| *place)
            .collect();
        // Promises that could not be read matter only where the policy itself asks for nothing.
        let is_open = all.iter().any(|(_, has)| has.is_none()) || (wanted.is_empty() && !self.offers.copies_whole);
        (!lacking.is_empty() || !is_open).then(|| names(lacking))
    }

    /// Is there a copy in that Region or account? Where the policy requires one, with data no older than `within`, and as good as
    /// `copy` says; where only a plan promises one, any that works.
    fn has_copy(&self, kind: PlaceKind, place: &str, within: Option<TimeDelta>) -> Option<bool> {
        let now = self.index.aged_at(self.row)?;
        let since = within.map(|within| now - within);
        let asked = match within {
            Some(_) => self.values.of_copy(),
            None => PolicyValues::default().of_copy(),
        };
        let is_there =
            |account_id: &str, region: &str| is_wanted_at(place, kind.of(account_id, region), self.own(kind));
        let counts = |copy: CopySeen<'_>| {
            if !is_there(&copy.target.account_id, &copy.target.region) {
                return Some(false);
            }
            let is_young = copy.at == UNDATED || since.is_none_or(|since| copy.at() >= since);
            match copy.quality.is_good(&asked) {
                _ if !is_young => Some(false),
                Some(true) if copy.at == UNDATED => None,
                is_good => is_good,
            }
        };
        let seen: Vec<Option<bool>> = self.seen().map(counts).collect();
        if seen.contains(&Some(true)) {
            return Some(true);
        }
        if seen.contains(&None) || !self.copies.are_jobs_whole(self.row, self.index) {
            return None;
        }
        // A job that made such a copy: it is not there only if its destination was looked at and does not hold it.
        let mut made = self.copies.made_since(self.row, since.unwrap_or(now - JOB_MEMORY));
        let is_unseen = made.any(|arn| {
            arn.is_none_or(|arn| is_there(arn.account_id, arn.region) && !self.is_looked_at(arn.account_id, arn.region))
        });
        (!is_unseen).then_some(false)
    }

    fn seen(&self) -> impl Iterator<Item = CopySeen<'w>> {
        self.copies.of(self.row, self.points, self.index)
    }

    fn is_looked_at(&self, account_id: &str, region: &str) -> bool {
        let target = self.index.place_of(account_id, region);
        target.is_some_and(|target| self.points.is_target_whole(target))
    }

    /// The newest copy in each place, with what it lacks.
    fn summary(&self) -> Text {
        let asked = self.values.of_copy();
        let mut usable: Vec<CopySeen<'_>> = self.seen().filter(CopySeen::is_usable).collect();
        usable.sort_by_key(|copy| (copy.target, copy.at, copy.arn));
        let newest = usable.chunk_by(|one, other| one.target == other.target);
        let texts = newest.filter_map(|of_place| {
            let copy = of_place.last()?;
            let age = match self.index.aged_at(self.row) {
                Some(now) => format!("{} old", duration::age_of_hours(age_hours(copy.at(), now))),
                None => format!("from {}", crate::domain::rfc3339(copy.at())),
            };
            Some(format!("{}: {age}{}", copy.place(self.index), but(copy, &asked)))
        });
        let texts: Vec<String> = texts.collect();
        match texts.is_empty() {
            true => "none".into(),
            false => texts.join("; ").into(),
        }
    }

    /// Copies of which it is not known whether they count, where no call that failed would tell.
    fn doubt(&self) -> Text {
        let asked = self.values.of_copy();
        let mut open: Vec<String> = self
            .seen()
            .filter(|copy| copy.at == UNDATED || copy.quality.is_good(&asked).is_none())
            .filter(|copy| self.is_of_matter(&copy.target.account_id, &copy.target.region))
            .map(|copy| {
                let place = copy.place(self.index);
                match copy.at {
                    UNDATED => format!("a copy in {place} has no date"),
                    _ => format!(
                        "a copy in {place} may count: not known is {}",
                        open_demands(&copy, &asked)
                    ),
                }
            })
            .collect();
        open.sort();
        names(open.iter().map(String::as_str))
    }

    /// Places that the policy requires a copy in, and that no rule copies to so that the copy counts. A plan that could not be
    /// read may copy there.
    fn unplanned(&self, kind: PlaceKind) -> Option<Text> {
        let (asked, own) = (self.values.of_copy(), self.own(kind));
        let counts = |place: &str, action: &CopyAction| action.counts_in((kind, place, own), &asked, self.index);
        let mut lacking = self.wanted(kind);
        lacking.retain(|place| {
            let mut sure = self.offers.copy_actions.iter();
            !sure.any(|action| counts(place, action) == Some(true))
        });
        if lacking.is_empty() {
            return Some("none".into());
        }
        // Where every plan was read that may take the table, what none of them copies to is lacking for certain.
        lacking.retain(|place| {
            let mut perhaps = self.offers.perhaps_copy_actions.iter();
            !perhaps.any(|action| counts(place, action) != Some(false))
        });
        (self.offers.is_read && !lacking.is_empty()).then(|| names(lacking))
    }

    fn actions_summary(&self) -> Text {
        let asked = self.values.of_copy();
        let own = (&self.table().account_id, &self.table().region);
        let actions = self.offers.perhaps_copy_actions.iter();
        let elsewhere = actions.filter(|action| (&action.to.account_id, &action.to.region) != own);
        let texts = elsewhere.map(|action| {
            let (_, lacks) = action.judge(&asked, self.index);
            let kept = action
                .kept_days
                .map_or_else(String::new, |days| format!(", kept {days} d"));
            match lacks.is_empty() {
                true => format!("{}{kept}", action.place()),
                false => format!("{}: {}", action.place(), lacks.join(", ")),
            }
        });
        let texts: Vec<String> = texts.collect();
        match texts.is_empty() {
            true => "none".into(),
            false => texts.join("; ").into(),
        }
    }

    /// Copy actions of which it is not known whether they count, where no call that failed here would tell.
    fn actions_doubt(&self) -> Text {
        let asked = self.values.of_copy();
        let actions = self.offers.perhaps_copy_actions.iter();
        let open: Vec<String> = actions
            .filter(|action| {
                action.counts(&asked, self.index).is_none()
                    && self.is_of_matter(&action.to.account_id, &action.to.region)
            })
            .map(|action| {
                let place = action.place();
                match action.kept_days {
                    None => format!("how long copies to {place} are kept was not read"),
                    Some(_) if action.is_looked_at(self.index) => {
                        format!("the key of copies to {place} is not known")
                    }
                    Some(_) => format!("copies go to {place}, whose key and lock were not read"),
                }
            })
            .collect();
        names(open.iter().map(String::as_str))
    }
}

/// What is wrong with a copy, after its age.
pub(super) fn but(copy: &CopySeen<'_>, asked: &PointValues) -> String {
    let fails = |demand: &Demand| copy.quality.meets(*demand, asked) == Some(false);
    let failed: Vec<String> = Demand::OF_POINTS
        .into_iter()
        .filter(fails)
        .map(|demand| failed(demand, &copy.quality, copy.kind, asked))
        .collect();
    if !failed.is_empty() {
        return format!(" but {}", failed.join(", "));
    }
    match open_demands(copy, asked) {
        open if open.is_empty() => open,
        open => format!(" and it is not known {open}"),
    }
}

fn open_demands(copy: &CopySeen<'_>, asked: &PointValues) -> String {
    let is_open = |demand: &Demand| copy.quality.meets(*demand, asked).is_none();
    let open: Vec<String> = Demand::OF_POINTS
        .into_iter()
        .filter(is_open)
        .map(|demand| open(demand, copy.kind))
        .collect();
    open.join(", nor ")
}

/// Has a copy that the plans promise had the time to be made? `None`: that cannot be told, or AWS would not remember the
/// job that made it.
fn is_due(offers: &Offers, facts: &TableFacts, index: &Index) -> Option<bool> {
    let since = offers.since?.max(facts.created_at?);
    let needs = facts.plan_interval_hours? + 48.0;
    let is_due = needs <= age_hours(since, index.as_of);
    (!is_due || needs <= 24.0 * 30.0).then_some(is_due)
}

fn plan_rule_meets(offers: &Offers, values: &PolicyValues) -> Option<bool> {
    let wanted = hours(values.wanted_interval());
    let keeps = |retention: i64| retention >= values.retention_min_days;
    let meets =
        |(interval, retention): &(Option<f64>, i64)| interval.is_some_and(|gap| gap <= wanted) && keeps(*retention);
    let (sure, open, perhaps) = (&offers.rules, &offers.open_rules, &offers.perhaps_rules);
    if sure.iter().any(meets) || open.iter().any(|group| group.iter().all(meets)) {
        return Some(true);
    }
    let may_meet = |(interval, retention): &(Option<f64>, i64)| interval.is_none() && keeps(*retention);
    let is_none = sure.is_empty() && open.is_empty();
    let mut others = open.iter().flatten().chain(perhaps);
    let is_left_open = sure.iter().any(may_meet) || others.any(|rule| meets(rule) || may_meet(rule));
    let is_known = offers.is_read && !is_none && !is_left_open;
    is_known.then_some(false)
}
