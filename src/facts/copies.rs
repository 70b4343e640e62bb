//! Copies in other Regions and accounts: which exist, and how copy jobs ended. A copy keeps the date of its data.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};

use super::demands::Quality;
use super::early_deletions::DeletedEarly;
use super::good_points::GoodPoint;
use super::index::Index;
use super::index::keys::owner_of_rank;
use super::plan_policy::PlanPolicy;
use super::recovery_point::PointKind;
use super::table_points::{TablePoints, UNDATED};
use super::time::{age_hours, instant};
use super::words::{cause, names};
use crate::criteria::values::PlaceKind;
use crate::dictionary::{TableFacts, Text};
use crate::domain::{Arn, Demands, FactValue, TargetId, rfc3339};
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
    /// `copies_summary`.
    pub copies_summary: Option<Text>,
    /// `copies_doubt`.
    pub copies_doubt: Option<Text>,
    /// `copy_actions_summary`.
    pub copy_actions_summary: Option<Text>,
    /// `copy_actions_doubt`.
    pub copy_actions_doubt: Option<Text>,
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

    /// Where the answer by that name is no certain yes: sets of demands of which each is enough. If none of one set were asked,
    /// it would be one. Empty: nothing that could be excused would make it one, as far as is known.
    pub(crate) fn failing(&self, name: &str) -> &[Demands] {
        match name {
            "backed_up" => self.good_point.failing(),
            "plan_meets_policy" => self.plan.failing(),
            _ => &[],
        }
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
            copies_summary: both(self.copies_summary, &other.copies_summary),
            copies_doubt: both(self.copies_doubt, &other.copies_doubt),
            copy_actions_summary: both(self.copy_actions_summary, &other.copy_actions_summary),
            copy_actions_doubt: both(self.copy_actions_doubt, &other.copy_actions_doubt),
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
            ("copies_summary", text(&self.copies_summary)),
            ("copies_doubt", text(&self.copies_doubt)),
            ("copy_actions_summary", text(&self.copy_actions_summary)),
            ("copy_actions_doubt", text(&self.copy_actions_doubt)),
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
    destinations: Vec<String>,
    destination_numbers: HashMap<String, u32>,
}

/// A point of a table in another target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Copied {
    /// Its kind, by number.
    pub(super) kind: u32,
    /// The target, by place.
    pub(super) place: u32,
    /// The date of its data in milliseconds since 1970, or [`UNDATED`].
    pub(super) at: i64,
}

/// The copies of one kind in one target elsewhere: the newest, and the dates of all. Those without a date are apart.
struct Seen {
    copied: Copied,
    arn: String,
    /// In milliseconds since 1970, in no order.
    dates: Vec<i64>,
}

/// A copy that counts or may count.
#[derive(Clone, Copy)]
pub(super) struct CopySeen<'c> {
    pub(super) kind: &'c PointKind,
    pub(super) target: &'c TargetId,
    /// The date of its data in milliseconds since 1970, or [`UNDATED`].
    pub(super) at: i64,
    pub(super) arn: &'c str,
    pub(super) quality: Quality,
}

/// The copy jobs to one vault.
struct ToVault {
    destination: u32,
    finished: i64,
    failed: i64,
    last_failure: Option<(DateTime<Utc>, Text)>,
    last_success: Option<DateTime<Utc>>,
}

impl CopySeen<'_> {
    /// Does it count, whatever is asked of it?
    pub(super) fn is_usable(&self) -> bool {
        self.at != UNDATED && self.kind.is_usable()
    }

    pub(super) fn at(&self) -> DateTime<Utc> {
        instant(self.at).unwrap_or_default()
    }

    pub(super) fn vault<'i>(&self, index: &'i Index) -> &'i str {
        self.kind.vault_name(index)
    }

    /// Where it lies, in words.
    pub(super) fn place(&self, index: &Index) -> String {
        format!(
            "account {}, {}, vault {}",
            self.target.account_id,
            self.target.region,
            self.vault(index)
        )
    }
}

impl Copies {
    pub(super) fn new(index: &Index) -> Self {
        let rows = index.tables.len();
        Self {
            seen: std::iter::repeat_with(Vec::new).take(rows).collect(),
            jobs: std::iter::repeat_with(Vec::new).take(rows).collect(),
            has_undated_job: vec![false; rows],
            destinations: Vec::new(),
            destination_numbers: HashMap::new(),
        }
    }

    /// A point that names the table and lies in another target.
    pub(super) fn see(&mut self, row: usize, copied: Copied, arn: &str, kind: &PointKind, index: &Index) {
        let Some(born) = index.tables[row].created_at.map(|born| born.timestamp_millis()) else {
            return;
        };
        let is_undated = copied.at == UNDATED;
        if kind.usability() == Some(false) || (copied.at < born && !is_undated) {
            return;
        }
        let all = &mut self.seen[row];
        let is_alike = |seen: &&mut Seen| {
            let known = seen.copied;
            (known.kind, known.place, known.at == UNDATED) == (copied.kind, copied.place, is_undated)
        };
        match all.iter_mut().find(is_alike) {
            Some(known) => {
                known.dates.push(copied.at);
                // Of two of one moment the last ARN decides, as at home.
                if (known.copied.at, known.arn.as_str()) < (copied.at, arn) {
                    known.copied = copied;
                    arn.clone_into(&mut known.arn);
                }
            }
            None => all.push(Seen {
                copied,
                arn: arn.to_owned(),
                dates: vec![copied.at],
            }),
        }
    }

    /// The newest of each kind of a table's copies that count or may count.
    pub(super) fn of<'c>(
        &'c self,
        row: usize,
        points: &'c TablePoints,
        index: &'c Index,
    ) -> impl Iterator<Item = CopySeen<'c>> {
        self.seen[row].iter().map(|Seen { copied, arn, .. }| {
            let kind = points.kind_of(copied.kind);
            CopySeen {
                kind,
                target: &index.targets[copied.place as usize],
                at: copied.at,
                arn,
                quality: Quality::of(kind, index),
            }
        })
    }

    /// The copies of a table whose data is of that time, or whose date is not known: kind and date.
    pub(super) fn of_time<'c>(
        &'c self,
        row: usize,
        points: &'c TablePoints,
        (from, to): (DateTime<Utc>, DateTime<Utc>),
    ) -> impl Iterator<Item = (&'c PointKind, i64)> {
        let (from, to) = (from.timestamp_millis(), to.timestamp_millis());
        let is_then = move |at: &i64| *at == UNDATED || (from..=to).contains(at);
        self.seen[row].iter().flat_map(move |seen| {
            let dates = seen.dates.iter().copied().filter(is_then);
            dates.map(|at| (points.kind_of(seen.copied.kind), at))
        })
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

    pub(super) fn are_jobs_whole(&self, row: usize, index: &Index) -> bool {
        index.is_whole(index.target_place(row), "backup:ListCopyJobs", "") && !self.has_undated_job[row]
    }

    pub(super) fn fill(&self, facts: &mut TableFacts, row: usize, points: &TablePoints, index: &Index) {
        let table = &index.tables[row];
        if table.created_at.is_none() {
            return;
        }
        let usable: Vec<CopySeen<'_>> = self.of(row, points, index).filter(CopySeen::is_usable).collect();
        let elsewhere = |kind: PlaceKind| {
            usable.iter().filter(move |copy| match kind {
                PlaceKind::Region => copy.target.region != table.region,
                PlaceKind::Account => copy.target.account_id != table.account_id,
            })
        };
        let regions: BTreeSet<&str> = elsewhere(PlaceKind::Region)
            .map(|copy| copy.target.region.as_str())
            .collect();
        let accounts: BTreeSet<&str> = elsewhere(PlaceKind::Account)
            .map(|copy| copy.target.account_id.as_str())
            .collect();
        facts.copy_regions_seen = Some(names(regions));
        facts.copy_accounts_seen = Some(names(accounts));
        let aged_at = index.aged_at(row);
        let mut newest: BTreeMap<&TargetId, DateTime<Utc>> = BTreeMap::new();
        for copy in &usable {
            let at = copy.at();
            newest
                .entry(copy.target)
                .and_modify(|newest| *newest = (*newest).max(at))
                .or_insert(at);
        }
        let with_age = |(target, at): (&&TargetId, &DateTime<Utc>)| match aged_at {
            Some(now) => format!("{target}: {}", duration::age_of_hours(age_hours(*at, now))),
            None => format!("{target}: from {}", rfc3339(*at)),
        };
        let newest: BTreeSet<String> = newest.iter().map(with_age).collect();
        facts.newest_copies_seen = Some(names(newest.iter().map(String::as_str)));
        let newest = |kind: PlaceKind| elsewhere(kind).map(CopySeen::at).max();
        let age = |kind: PlaceKind| newest(kind).zip(aged_at).map(|(at, now)| age_hours(at, now));
        facts.cross_region_copy_age_hours_seen = age(PlaceKind::Region);
        facts.cross_account_copy_age_hours_seen = age(PlaceKind::Account);
        let ranks = usable.iter().filter_map(|copy| copy.kind.key.rank);
        facts.copy_weakest_key_owner = ranks.min().map(|rank| owner_of_rank(rank).into());
        let keys = usable.iter().map(|copy| &copy.kind.key);
        let is_open = usable.is_empty() || keys.clone().any(|key| key.is_usable.is_none());
        let broken = keys.filter(|key| key.is_usable == Some(false));
        let broken: BTreeSet<(&Text, &Text)> = broken
            .filter_map(|key| Some((key.facts.arn.as_ref()?, key.facts.state.as_ref()?)))
            .collect();
        facts.copy_keys_usable_seen = match broken.is_empty() {
            true => (!is_open).then_some(true),
            false => Some(false),
        };
        let broken: Vec<String> = broken.iter().map(|(key, state)| format!("{key} ({state})")).collect();
        facts.copy_unusable_keys = facts
            .copy_keys_usable_seen
            .map(|_| names(broken.iter().map(String::as_str)));
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

    /// Destinations of copy jobs that completed since then; none for one whose ARN is not understood.
    pub(super) fn made_since(&self, row: usize, since: DateTime<Utc>) -> impl Iterator<Item = Option<Arn<'_>>> {
        let made = self.jobs[row]
            .iter()
            .filter(move |to| to.last_success.is_some_and(|at| at >= since));
        made.map(|to| Arn::parse(&self.destinations[to.destination as usize]))
    }

    /// Places that copy jobs wrote to and that were not looked at, or not whole.
    pub(super) fn not_seen(&self, row: usize, index: &Index) -> Text {
        let places: BTreeSet<String> = self
            .made_since(row, DateTime::<Utc>::MIN_UTC)
            .filter_map(|arn| {
                let arn = arn?;
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
}
