//! Copies in other Regions and accounts: which exist, whether they are young enough, and how copy jobs ended.
//!
//! A copy keeps the date of its data. Where a destination could not be looked at, copy jobs still tell: a copy of young
//! data must have been made by a young job, and AWS Backup remembers jobs for 30 days.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, TimeDelta, Utc};

use super::early_deletions::DeletedEarly;
use super::good_points::GoodPoint;
use super::index::Index;
use super::index::keys::{RankedKey, owner_of_rank};
use super::plan_policy::PlanPolicy;
use super::plans::offers::Offers;
use super::recovery_point::PointKind;
use super::time::{JOB_MEMORY, age_hours, hours};
use super::words::{cause, names};
use crate::criteria::values::{ANY_PLACE, PolicyValues};
use crate::dictionary::{TableFacts, Text};
use crate::domain::{Arn, FactValue, rfc3339};
use crate::duration;
use crate::inventory::schema::borrowed::CopyJob;

/// The facts of a table against its policy, in order of [`crate::criteria::vocabulary::COMPARISONS`] without the tier.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Comparisons {
    /// `plan_rule_meets_policy`.
    pub plan_rule_meets_policy: Option<bool>,
    /// `missing_copy_regions`.
    pub missing_copy_regions: Option<Text>,
    /// `missing_copy_accounts`.
    pub missing_copy_accounts: Option<Text>,
    /// `unplanned_copy_regions`.
    pub unplanned_copy_regions: Option<Text>,
    /// `unplanned_copy_accounts`.
    pub unplanned_copy_accounts: Option<Text>,
    /// `copies_not_seen`.
    pub copies_not_seen: Option<Text>,
    /// What the plans promise.
    pub(super) plan: PlanPolicy,
    /// The newest good point.
    pub(super) good_point: GoodPoint,
    /// Points that were deleted before their time.
    pub(super) deleted_early: DeletedEarly,
}

impl Comparisons {
    /// One of them; unknown if there is no such name.
    pub(crate) fn get(&self, name: &str) -> FactValue {
        let found = self.values().into_iter().find(|(known, _)| *known == name);
        found.map_or(FactValue::OPEN, |(_, value)| value)
    }

    /// What these and other ones agree on.
    #[must_use]
    pub(crate) fn agreed(self, other: &Self) -> Self {
        fn both<T: PartialEq>(mine: Option<T>, theirs: &Option<T>) -> Option<T> {
            mine.filter(|mine| theirs.as_ref() == Some(mine))
        }
        Self {
            plan_rule_meets_policy: both(self.plan_rule_meets_policy, &other.plan_rule_meets_policy),
            missing_copy_regions: both(self.missing_copy_regions, &other.missing_copy_regions),
            missing_copy_accounts: both(self.missing_copy_accounts, &other.missing_copy_accounts),
            unplanned_copy_regions: both(self.unplanned_copy_regions, &other.unplanned_copy_regions),
            unplanned_copy_accounts: both(self.unplanned_copy_accounts, &other.unplanned_copy_accounts),
            copies_not_seen: both(self.copies_not_seen, &other.copies_not_seen),
            plan: self.plan.or(&other.plan),
            good_point: self.good_point.or(&other.good_point),
            deleted_early: self.deleted_early.or(&other.deleted_early),
        }
    }

    /// By name.
    pub(crate) fn values(&self) -> Vec<(&'static str, FactValue)> {
        let text = |text: &Option<Text>| text.clone().map_or(FactValue::OPEN, FactValue::Text);
        let of_plans_and_copies = [
            (
                "plan_rule_meets_policy",
                self.plan_rule_meets_policy.map_or(FactValue::OPEN, FactValue::Bool),
            ),
            ("missing_copy_regions", text(&self.missing_copy_regions)),
            ("missing_copy_accounts", text(&self.missing_copy_accounts)),
            ("unplanned_copy_regions", text(&self.unplanned_copy_regions)),
            ("unplanned_copy_accounts", text(&self.unplanned_copy_accounts)),
            ("copies_not_seen", text(&self.copies_not_seen)),
        ];
        of_plans_and_copies
            .into_iter()
            .chain(self.plan.values())
            .chain(self.good_point.values())
            .chain(self.deleted_early.values())
            .collect()
    }
}

/// The copies and copy jobs of all tables.
pub(super) struct Copies {
    seen: Vec<Vec<Seen>>,
    jobs: Vec<Vec<ToVault>>,
    has_undated_job: Vec<bool>,
    /// Tables with a copy that may count or not, and its place.
    open: BTreeSet<(usize, u32)>,
    destinations: Vec<String>,
    destination_numbers: HashMap<String, u32>,
}

/// The newest copy in one target elsewhere.
struct Seen {
    place: u32,
    newest: DateTime<Utc>,
    weakest_rank: Option<i64>,
    /// Keys that do not work, with their state.
    unusable_keys: BTreeSet<(Text, Text)>,
    has_unknown_key_state: bool,
}

/// The copy jobs to one vault.
struct ToVault {
    destination: u32,
    finished: i64,
    failed: i64,
    last_failure: Option<(DateTime<Utc>, Text)>,
    last_success: Option<DateTime<Utc>>,
}

/// What kind of place a copy is to be in.
#[derive(Clone, Copy)]
enum PlaceKind {
    Region,
    Account,
}

impl Seen {
    fn add(&mut self, at: DateTime<Utc>, key: &RankedKey) {
        self.newest = self.newest.max(at);
        self.weakest_rank = match (self.weakest_rank, key.rank) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        match (key.is_usable, &key.facts.arn, &key.facts.state) {
            (None, ..) => self.has_unknown_key_state = true,
            (Some(false), Some(arn), Some(state)) => {
                self.unusable_keys.insert((arn.clone(), state.clone()));
            }
            _ => {}
        }
    }
}

impl Copies {
    pub(super) fn new(index: &Index) -> Self {
        let rows = index.tables.len();
        Self {
            seen: std::iter::repeat_with(Vec::new).take(rows).collect(),
            jobs: std::iter::repeat_with(Vec::new).take(rows).collect(),
            has_undated_job: vec![false; rows],
            open: BTreeSet::new(),
            destinations: Vec::new(),
            destination_numbers: HashMap::new(),
        }
    }

    /// A point that names the table, of that date and kind, and lies in another target, at that place.
    pub(super) fn see(&mut self, row: usize, place: u32, at: DateTime<Utc>, kind: &PointKind, index: &Index) {
        let table = &index.tables[row];
        if table.created_at.is_none_or(|born| at < born) {
            return;
        }
        if kind.is_open() {
            self.open.insert((row, place));
        }
        if !kind.is_usable() {
            return;
        }
        let all = &mut self.seen[row];
        let known = all.iter().position(|seen| seen.place == place);
        let known = known.unwrap_or_else(|| {
            all.push(Seen {
                place,
                newest: at,
                weakest_rank: None,
                unusable_keys: BTreeSet::new(),
                has_unknown_key_state: false,
            });
            all.len() - 1
        });
        all[known].add(at, &kind.key);
    }

    pub(super) fn add_job(&mut self, row: usize, job: &CopyJob<'_>, index: &Index) {
        let is_finished = matches!(job.state, Some("COMPLETED" | "FAILED" | "PARTIAL"));
        let Some(born) = index.tables[row].created_at.filter(|_| is_finished) else {
            return;
        };
        let (Some(at), Some(arn)) = (job.created_at, job.destination_vault_arn) else {
            self.has_undated_job[row] = true;
            return;
        };
        if at < born {
            return;
        }
        let destination = match self.destination_numbers.get(arn) {
            Some(number) => *number,
            None => {
                let number = u32::try_from(self.destinations.len()).unwrap_or(u32::MAX);
                self.destinations.push(arn.to_owned());
                self.destination_numbers.insert(arn.to_owned(), number);
                number
            }
        };
        let jobs = &mut self.jobs[row];
        let place = jobs
            .iter()
            .position(|to| to.destination == destination)
            .unwrap_or_else(|| {
                jobs.push(ToVault {
                    destination,
                    finished: 0,
                    failed: 0,
                    last_failure: None,
                    last_success: None,
                });
                jobs.len() - 1
            });
        let to = &mut jobs[place];
        to.finished += 1;
        if job.state == Some("COMPLETED") {
            to.last_success = to.last_success.max(Some(at));
            return;
        }
        to.failed += 1;
        let failure = (at, cause(job.state.unwrap_or_default(), job.status_message));
        if to.last_failure.as_ref().is_none_or(|last| failure > *last) {
            to.last_failure = Some(failure);
        }
    }

    fn are_jobs_whole(&self, row: usize, index: &Index) -> bool {
        index.is_whole(index.target_place(row), "backup:ListCopyJobs", "") && !self.has_undated_job[row]
    }

    pub(super) fn fill(&self, facts: &mut TableFacts, row: usize, index: &Index) {
        let table = &index.tables[row];
        if table.created_at.is_none() {
            return;
        }
        let of = |seen: &Seen| &index.targets[seen.place as usize];
        let elsewhere = |kind: PlaceKind| {
            let seen = self.seen[row].iter();
            seen.filter(move |seen| match kind {
                PlaceKind::Region => of(seen).region != table.region,
                PlaceKind::Account => of(seen).account_id != table.account_id,
            })
        };
        let regions: BTreeSet<&str> = elsewhere(PlaceKind::Region)
            .map(|seen| of(seen).region.as_str())
            .collect();
        let accounts: BTreeSet<&str> = elsewhere(PlaceKind::Account)
            .map(|seen| of(seen).account_id.as_str())
            .collect();
        facts.copy_regions_seen = Some(names(regions));
        facts.copy_accounts_seen = Some(names(accounts));
        let aged_at = index.aged_at(row);
        let with_age = |seen: &Seen| match aged_at {
            Some(now) => format!("{}: {}", of(seen), duration::age_of_hours(age_hours(seen.newest, now))),
            None => format!("{}: from {}", of(seen), rfc3339(seen.newest)),
        };
        let newest: BTreeSet<String> = self.seen[row].iter().map(with_age).collect();
        facts.newest_copies_seen = Some(names(newest.iter().map(String::as_str)));
        let newest = |kind: PlaceKind| elsewhere(kind).map(|seen| seen.newest).max();
        let age = |kind: PlaceKind| newest(kind).zip(aged_at).map(|(at, now)| age_hours(at, now));
        facts.cross_region_copy_age_hours_seen = age(PlaceKind::Region);
        facts.cross_account_copy_age_hours_seen = age(PlaceKind::Account);
        let ranks = self.seen[row].iter().filter_map(|seen| seen.weakest_rank);
        facts.copy_weakest_key_owner = match ranks.min() {
            Some(rank) => Some(owner_of_rank(rank).into()),
            None => self.seen[row].is_empty().then(|| "none".into()),
        };
        let broken: BTreeSet<&(Text, Text)> = self.seen[row].iter().flat_map(|seen| &seen.unusable_keys).collect();
        let is_open = self.seen[row].is_empty() || self.seen[row].iter().any(|seen| seen.has_unknown_key_state);
        facts.copy_keys_usable_seen = match broken.is_empty() {
            true => (!is_open).then_some(true),
            false => Some(false),
        };
        let broken: Vec<String> = broken.iter().map(|(key, state)| format!("{key} ({state})")).collect();
        facts.copy_unusable_keys = Some(names(broken.iter().map(String::as_str)));
        if self.are_jobs_whole(row, index) {
            self.fill_jobs(facts, row);
        }
    }

    fn fill_jobs(&self, facts: &mut TableFacts, row: usize) {
        let jobs = &self.jobs[row];
        facts.finished_copy_job_count = Some(jobs.iter().map(|to| to.finished).sum());
        facts.failed_copy_job_count = Some(jobs.iter().map(|to| to.failed).sum());
        let last = jobs
            .iter()
            .filter_map(|to| Some((to.last_failure.as_ref()?, &self.destinations[to.destination as usize])))
            .max();
        facts.last_failed_copy_job_cause = Some(match last {
            Some(((_, cause), destination)) => format!("{cause} (to {destination})").into(),
            None => "none".into(),
        });
        let recovered = |to: &ToVault| match (&to.last_failure, to.last_success) {
            (None, _) => true,
            (Some((failed_at, _)), succeeded_at) => succeeded_at.is_some_and(|at| at > *failed_at),
        };
        facts.copy_jobs_recovered = Some(jobs.iter().all(recovered));
    }

    pub(super) fn compare(
        &self,
        row: usize,
        facts: &TableFacts,
        offers: &Offers,
        values: &PolicyValues,
        index: &Index,
    ) -> Comparisons {
        let missing = |kind: PlaceKind, wanted: &[String]| {
            let own = match kind {
                PlaceKind::Region => index.tables[row].region.as_str(),
                PlaceKind::Account => index.tables[row].account_id.as_str(),
            };
            let wanted: BTreeSet<&str> = wanted
                .iter()
                .map(String::as_str)
                .filter(|place| *place != own)
                .collect();
            let promised = match kind {
                PlaceKind::Region => offers.elsewhere(|copy| &copy.region, own),
                PlaceKind::Account => offers.elsewhere(|copy| &copy.account_id, own),
            };
            let copy_rpo = values.copy_rpo();
            let by_policy = wanted
                .iter()
                .map(|place| (*place, self.has_copy(row, kind, place, Some(copy_rpo), index)));
            let due = is_due(offers, facts, index);
            let by_plan = promised
                .iter()
                .filter(|place| !wanted.contains(*place) && due != Some(false))
                .map(|place| {
                    (
                        *place,
                        self.has_copy(row, kind, place, None, index)
                            .filter(|has| *has || due.is_some()),
                    )
                });
            let all: Vec<(&str, Option<bool>)> = by_policy.chain(by_plan).collect();
            let lacking: Vec<&str> = all
                .iter()
                .filter(|(_, has)| *has == Some(false))
                .map(|(place, _)| *place)
                .collect();
            // Promises that could not be read matter only where the policy itself asks for nothing.
            let is_open = all.iter().any(|(_, has)| has.is_none()) || (wanted.is_empty() && !offers.copies_whole);
            (!lacking.is_empty() || !is_open).then(|| names(lacking))
        };
        Comparisons {
            plan_rule_meets_policy: plan_rule_meets(offers, values),
            missing_copy_regions: facts
                .created_at
                .and_then(|_| missing(PlaceKind::Region, &values.copy_regions)),
            missing_copy_accounts: facts
                .created_at
                .and_then(|_| missing(PlaceKind::Account, &values.copy_accounts)),
            unplanned_copy_regions: unplanned(&values.copy_regions, &index.tables[row].region, offers, |copy| {
                &copy.region
            }),
            unplanned_copy_accounts: unplanned(&values.copy_accounts, &index.tables[row].account_id, offers, |copy| {
                &copy.account_id
            }),
            copies_not_seen: Some(self.not_seen(row, index)),
            plan: PlanPolicy::default(),
            good_point: GoodPoint::default(),
            deleted_early: DeletedEarly::default(),
        }
    }

    /// Places that copy jobs wrote to and that were not looked at, or not whole.
    fn not_seen(&self, row: usize, index: &Index) -> Text {
        let written = self.jobs[row].iter().filter(|to| to.last_success.is_some());
        let places: BTreeSet<String> = written
            .filter_map(|to| {
                let arn = Arn::parse(&self.destinations[to.destination as usize])?;
                let place = format!("account {}, {}", arn.account_id, arn.region);
                match index.place_of(arn.account_id, arn.region) {
                    None => Some(format!(
                        "copies went to {place}, which is not in scope: its vaults were not looked at"
                    )),
                    Some(target) if !index.has_whole_points(target) => {
                        Some(format!("copies went to {place}, where not every vault could be read"))
                    }
                    Some(_) => None,
                }
            })
            .collect();
        names(places.iter().map(String::as_str))
    }

    /// Is there a copy in that Region or account, with data no older than `within` if that is given?
    fn has_copy(
        &self,
        row: usize,
        kind: PlaceKind,
        place: &str,
        within: Option<TimeDelta>,
        index: &Index,
    ) -> Option<bool> {
        let now = index.aged_at(row)?;
        let since = within.map(|within| now - within);
        let table = &index.tables[row];
        let is_place = |found: &str, own: &str| match place {
            ANY_PLACE => found != own,
            named => found == named,
        };
        let is_there = |account_id: &str, region: &str| match kind {
            PlaceKind::Region => is_place(region, &table.region),
            PlaceKind::Account => is_place(account_id, &table.account_id),
        };
        let is_seen = self.seen[row].iter().any(|seen| {
            let target = &index.targets[seen.place as usize];
            is_there(&target.account_id, &target.region) && since.is_none_or(|since| seen.newest >= since)
        });
        if is_seen {
            return Some(true);
        }
        let mut open = self.open.range((row, 0)..=(row, u32::MAX));
        let is_open = open.any(|(_, place)| {
            let target = &index.targets[*place as usize];
            is_there(&target.account_id, &target.region)
        });
        if is_open || !self.are_jobs_whole(row, index) {
            return None;
        }
        // A job that made such a copy: it is not there only if its destination was looked at and does not hold it.
        let since = since.unwrap_or(now - JOB_MEMORY);
        let mut made = self.jobs[row]
            .iter()
            .filter(|to| to.last_success.is_some_and(|at| at >= since));
        let is_unseen = made.any(|to| {
            let Some(arn) = Arn::parse(&self.destinations[to.destination as usize]) else {
                return true;
            };
            let is_looked_at = || {
                let target = index.place_of(arn.account_id, arn.region);
                target.is_some_and(|target| index.has_whole_points(target))
            };
            is_there(arn.account_id, arn.region) && !is_looked_at()
        });
        (!is_unseen).then_some(false)
    }
}

/// Has a copy that the plans promise had the time to be made? `None`: that cannot be told, or AWS would not remember the
/// job that made it.
fn is_due(offers: &Offers, facts: &TableFacts, index: &Index) -> Option<bool> {
    let since = offers.since?.max(facts.created_at?);
    let needs = facts.plan_interval_hours? + 48.0;
    let is_due = needs <= age_hours(since, index.as_of);
    (!is_due || needs <= 24.0 * 30.0).then_some(is_due)
}

/// Places that the policy wants a copy in and that no rule copies to. A plan that could not be read may copy there.
fn unplanned<'c>(
    wanted: &'c [String],
    own: &str,
    offers: &'c Offers,
    of: impl Fn(&'c super::plans::rule::PlannedCopy) -> &'c str,
) -> Option<Text> {
    if wanted.is_empty() {
        return Some("none".into());
    }
    let mut planned = offers.elsewhere(&of, own);
    if !planned.is_empty() {
        planned.insert(ANY_PLACE);
    }
    let wanted: BTreeSet<&str> = wanted
        .iter()
        .map(String::as_str)
        .filter(|place| *place != own)
        .collect();
    let lacking: Vec<&str> = wanted.difference(&planned).copied().collect();
    if lacking.is_empty() || offers.copies_whole {
        return Some(names(lacking));
    }
    // Where every plan was read that may take the table, what none of them copies to is lacking for certain.
    let mut perhaps: BTreeSet<&str> = offers
        .perhaps_copies
        .iter()
        .map(of)
        .filter(|place| *place != own)
        .collect();
    if !perhaps.is_empty() {
        perhaps.insert(ANY_PLACE);
    }
    let surely: Vec<&str> = lacking.into_iter().filter(|place| !perhaps.contains(place)).collect();
    (offers.is_read && !surely.is_empty()).then(|| names(surely))
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
