//! Backup jobs of the last 30 days: what failed, did a success follow, and which runs were started.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};

use super::index::Index;
use super::plans::membership::Memberships;
use super::plans::target::PlanMade;
use super::time::seconds;
use super::words::cause;
use crate::dictionary::{TableFacts, Text};
use crate::inventory::schema::borrowed::BackupJob;

/// The tallies of all tables.
pub(super) struct Jobs {
    tables: Vec<Tally>,
    /// Did the jobs of each target, by place, come whole?
    whole: Vec<bool>,
    target_of: Vec<u32>,
    /// The last finished jobs of each plan, by target and number of the plan: one for each role.
    of_plans: HashMap<(u32, u16), BTreeMap<Option<String>, LastJob>>,
    /// When each plan started its last job, by target and number of the plan.
    last_of_plans: HashMap<(u32, u16), DateTime<Utc>>,
    plan_numbers: HashMap<String, u16>,
    /// Ids of the rules of each plan that made points, by number of the plan.
    rules: Vec<Vec<String>>,
    /// By number.
    plan_ids: Vec<String>,
    /// How long points of a rule are kept, by target, number of the plan and place of the rule.
    kept: HashMap<(u32, u16, u8), Kept>,
}

/// How long the points of a rule are kept.
#[derive(Debug, Clone, Copy)]
struct Kept {
    seconds: u32,
    /// Points made before may have been kept longer or shorter: the plan was another.
    since: u32,
}

#[derive(Default)]
struct Tally {
    has_undated: bool,
    finished: i64,
    failed: i64,
    aborted: i64,
    expired: i64,
    with_issues: i64,
    first_failure: Option<(DateTime<Utc>, Text)>,
    last_failure: Option<(DateTime<Utc>, Text)>,
    last_success: Option<DateTime<Utc>>,
    events: Vec<Event>,
}

/// A job as far as windows and runs ask for it.
#[derive(Clone, Copy)]
struct Event {
    at: u32,
    /// When it ended; 0: it has not, or AWS left it out.
    ended: u32,
    /// Which plan started it, by number; `u16::MAX`: none, or one of too many.
    plan: u16,
    /// Which of the plan's rules made the point, by place; `u8::MAX`: that is not known.
    rule: u8,
    end: End,
    /// The vault that it wrote to, by place; [`NO_VAULT`]: one that was not listed.
    vault: u32,
}

/// Stands for a vault that was not listed.
const NO_VAULT: u32 = u32::MAX;

/// A backup job that made a recovery point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Made<'j> {
    /// When it was created, in seconds since 1970.
    pub(super) at: u32,
    /// The vault, by place; `None`: one that was not listed.
    pub(super) vault: Option<u32>,
    /// The plan and its rule, as far as the job says.
    pub(super) plan_id: Option<&'j str>,
    pub(super) rule_id: Option<&'j str>,
    /// Until when the plan that made the point keeps it, if the plan has not changed since.
    pub(super) kept_until: Option<u32>,
}

/// What became of a job, as far as it matters for recovery points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// It made a recovery point.
    Completed,
    /// It may still make one.
    Open,
    /// It made none.
    Without,
}

/// When the last finished job of a plan and a role was created, and what it said of its role.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LastJob {
    pub(super) at: DateTime<Utc>,
    pub(super) of_role: OfRole,
}

/// What a finished job says of its role and its permissions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum OfRole {
    /// No trouble: it completed, or failed for a reason that is known to be another.
    Nothing,
    /// It failed for a reason that is not known: this one.
    Open(String),
    /// This trouble.
    Trouble(String),
}

impl Jobs {
    pub(super) fn new(index: &Index) -> Self {
        let whole = index
            .targets
            .iter()
            .map(|target| index.reading.is_whole(target, "backup:ListBackupJobs", ""));
        let rows = index.tables.len();
        Self {
            tables: std::iter::repeat_with(Tally::default).take(rows).collect(),
            whole: whole.collect(),
            target_of: (0..rows).map(|row| index.target_place(row)).collect(),
            of_plans: HashMap::new(),
            last_of_plans: HashMap::new(),
            plan_numbers: HashMap::new(),
            rules: Vec::new(),
            plan_ids: Vec::new(),
            kept: HashMap::new(),
        }
    }

    pub(super) fn add(&mut self, row: usize, job: &BackupJob<'_>, index: &Index) {
        let plan = self.plan_number(job.created_by_plan_id);
        if plan != u16::MAX {
            self.add_to_plan((self.target_of[row], plan), job);
        }
        let rule = self.rule_place(plan, job);
        let tally = &mut self.tables[row];
        let Some(born) = index.tables[row].created_at else {
            return;
        };
        let Some(created_at) = job.created_at else {
            // A job without a date cannot be placed before or after another: the list proves nothing any more.
            tally.has_undated = true;
            return;
        };
        if created_at >= born {
            let vault = job
                .vault_name
                .and_then(|name| index.vault_place(job.account_id, job.region, name));
            tally.add(job, created_at, (plan, rule), vault.unwrap_or(NO_VAULT));
        }
    }

    fn plan_number(&mut self, plan_id: Option<&str>) -> u16 {
        let Some(plan_id) = plan_id else { return u16::MAX };
        if let Some(number) = self.plan_numbers.get(plan_id) {
            return *number;
        }
        let number = u16::try_from(self.plan_numbers.len()).unwrap_or(u16::MAX);
        self.plan_numbers.insert(plan_id.to_owned(), number);
        if number != u16::MAX {
            self.plan_ids.push(plan_id.to_owned());
        }
        number
    }

    /// The place of the rule that made a point, among those of its plan.
    fn rule_place(&mut self, plan: u16, job: &BackupJob<'_>) -> u8 {
        let (true, Some(id)) = (
            job.state == Some("COMPLETED") && plan != u16::MAX,
            job.created_by_rule_id,
        ) else {
            return u8::MAX;
        };
        if self.rules.len() <= plan as usize {
            self.rules.resize(plan as usize + 1, Vec::new());
        }
        let of_plan = &mut self.rules[plan as usize];
        let known = of_plan.iter().position(|known| known == id);
        let place = known.unwrap_or_else(|| {
            if of_plan.len() < u8::MAX as usize {
                of_plan.push(id.to_owned());
            }
            of_plan.len() - 1
        });
        // The last of too many may be another one.
        if of_plan[place] == id {
            u8::try_from(place).unwrap_or(u8::MAX)
        } else {
            u8::MAX
        }
    }

    /// Learns how long plans as they are now keep what they make.
    pub(super) fn learn_retention(&mut self, memberships: &Memberships, index: &Index) {
        for (plan_id, plan) in &self.plan_numbers {
            let rules = self.rules.get(*plan as usize).into_iter().flatten();
            for (id, rule) in rules.zip(0_u8..) {
                for place in (0..index.targets.len()).filter_map(|place| u32::try_from(place).ok()) {
                    if let Some((kept, since)) = memberships.retention(place, plan_id, id) {
                        let kept = Kept {
                            seconds: u32::try_from(kept.num_seconds()).unwrap_or(u32::MAX),
                            since: seconds(since),
                        };
                        self.kept.insert((place, *plan, rule), kept);
                    }
                }
            }
        }
    }

    fn add_to_plan(&mut self, key: (u32, u16), job: &BackupJob<'_>) {
        let Some(at) = job.created_at else { return };
        let last_of_plan = self.last_of_plans.entry(key).or_insert(at);
        *last_of_plan = at.max(*last_of_plan);
        if !is_finished(job.state) {
            return;
        }
        let of_plan = self.of_plans.entry(key).or_default();
        let role = job.role_arn.map(str::to_owned);
        let last = of_plan.get(&role);
        if last.is_some_and(|last| last.at > at) {
            return;
        }
        let job = LastJob {
            at,
            of_role: OfRole::said_by(job),
        };
        if last.is_none_or(|last| job > *last) {
            of_plan.insert(role, job);
        }
    }

    /// The last finished jobs of a plan, one for each role; of no role: those that do not name theirs.
    pub(super) fn last_of_plan(
        &self,
        target: u32,
        plan_id: &str,
    ) -> impl Iterator<Item = (Option<&str>, &LastJob)> + use<'_> {
        let number = self.plan_numbers.get(plan_id);
        let of_plan = number.and_then(|number| self.of_plans.get(&(target, *number)));
        of_plan
            .into_iter()
            .flatten()
            .map(|(role, last)| (role.as_deref(), last))
    }

    /// Were the jobs of a target read whole?
    pub(super) fn is_target_whole(&self, target: u32) -> bool {
        self.whole.get(target as usize) == Some(&true)
    }

    /// Is every job of the table known?
    pub(super) fn is_whole(&self, row: usize) -> bool {
        self.is_target_whole(self.target_of[row]) && !self.tables[row].has_undated
    }

    /// When a plan started its last job of any table.
    pub(super) fn last_at(&self, target: u32, plan_id: &str) -> Option<DateTime<Utc>> {
        let number = self.plan_numbers.get(plan_id)?;
        self.last_of_plans.get(&(target, *number)).copied()
    }

    /// The last job that each plan started for the table, however it ended or has not.
    pub(super) fn last_by_plans(&self, row: usize) -> Vec<PlanMade<'_>> {
        let mut last: BTreeMap<u16, u32> = BTreeMap::new();
        for event in self.tables[row].events.iter().filter(|event| event.plan != u16::MAX) {
            let at = last.entry(event.plan).or_default();
            *at = event.at.max(*at);
        }
        let made = |(plan, at): (u16, u32)| {
            Some(PlanMade {
                at: DateTime::from_timestamp(i64::from(at), 0)?,
                plan_id: self.plan_ids.get(plan as usize)?,
                recovery_point_arn: None,
            })
        };
        last.into_iter().filter_map(made).collect()
    }

    /// Creation and end of completed jobs; 0: AWS left the end out.
    pub(super) fn completed_with_end(&self, row: usize) -> impl Iterator<Item = (u32, u32)> + '_ {
        self.completed(row).map(|event| (event.at, event.ended))
    }

    /// The jobs that made a recovery point, in no order.
    pub(super) fn made(&self, row: usize) -> impl Iterator<Item = Made<'_>> {
        self.completed(row).map(move |event| {
            let rules = self.rules.get(event.plan as usize);
            Made {
                at: event.at,
                vault: (event.vault != NO_VAULT).then_some(event.vault),
                plan_id: self.plan_ids.get(event.plan as usize).map(String::as_str),
                rule_id: rules
                    .and_then(|rules| rules.get(event.rule as usize))
                    .map(String::as_str),
                kept_until: self.kept_until(row, event),
            }
        })
    }

    fn completed(&self, row: usize) -> impl Iterator<Item = &Event> {
        self.tables[row]
            .events
            .iter()
            .filter(|event| event.end == End::Completed)
    }

    fn kept_until(&self, row: usize, event: &Event) -> Option<u32> {
        let kept = self.kept.get(&(self.target_of[row], event.plan, event.rule))?;
        (kept.since <= event.at).then(|| event.at.saturating_add(kept.seconds))
    }

    /// When jobs that have not ended were created, in seconds since the epoch: they may make a point yet.
    pub(super) fn open(&self, row: usize) -> impl Iterator<Item = u32> + '_ {
        let events = self.tables[row].events.iter();
        events.filter(|event| event.end == End::Open).map(|event| event.at)
    }

    /// When jobs that do not say who started them were created: by hand, or AWS left it out.
    pub(super) fn started_by_nobody(&self, row: usize) -> impl Iterator<Item = u32> + '_ {
        let events = self.tables[row].events.iter();
        events.filter(|event| event.plan == u16::MAX).map(|event| event.at)
    }

    /// When jobs that this plan started were created, in no order.
    pub(super) fn started_by(&self, row: usize, plan_id: &str) -> Vec<u32> {
        let number = self.plan_numbers.get(plan_id);
        let events = self.tables[row].events.iter();
        let of_plan = events.filter(|event| Some(&event.plan) == number && event.plan != u16::MAX);
        of_plan.map(|event| event.at).collect()
    }

    /// Median duration of the completed jobs, in seconds; 0 if none completed.
    pub(super) fn usual_duration(&self, row: usize) -> i64 {
        let events = self.tables[row].events.iter();
        let ended = events.filter(|event| event.end == End::Completed && event.ended != 0);
        let mut durations: Vec<u32> = ended.map(|event| event.ended.saturating_sub(event.at)).collect();
        durations.sort_unstable();
        let longer = durations.get(durations.len() / 2);
        longer.copied().map_or(0, i64::from)
    }

    /// Of the jobs of a plan, and those that do not say who started them, that were created between two instants: how many
    /// made a point, and may one make one yet?
    pub(super) fn made_within(
        &self,
        row: usize,
        plan_id: &str,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> (usize, bool) {
        let number = self.plan_numbers.get(plan_id).copied();
        let within = seconds(from)..=seconds(to);
        let is_of_plan = |event: &&Event| event.plan == u16::MAX || Some(event.plan) == number;
        let events = self.tables[row].events.iter();
        let ends = events.filter(is_of_plan).filter(|event| within.contains(&event.at));
        ends.fold((0, false), |(made, is_open), event| match event.end {
            End::Completed => (made + 1, is_open),
            End::Open => (made, true),
            End::Without => (made, is_open),
        })
    }

    pub(super) fn fill(&self, facts: &mut TableFacts, row: usize) {
        let tally = &self.tables[row];
        // `completed_at` and the rest prove nothing where the table's birth is not known: no job was counted then.
        if !self.is_whole(row) || facts.created_at.is_none() {
            return;
        }
        let cause = |failure: &Option<(DateTime<Utc>, Text)>| {
            Some(
                failure
                    .as_ref()
                    .map_or_else(|| "none".into(), |(_, cause)| cause.clone()),
            )
        };
        facts.finished_backup_job_count = Some(tally.finished);
        facts.failed_backup_job_count = Some(tally.failed);
        facts.aborted_backup_job_count = Some(tally.aborted);
        facts.expired_backup_job_count = Some(tally.expired);
        facts.completed_with_issues_job_count = Some(tally.with_issues);
        facts.first_failed_backup_job_cause = cause(&tally.first_failure);
        facts.last_failed_backup_job_at = tally.last_failure.as_ref().map(|(at, _)| *at);
        facts.last_failed_backup_job_cause = cause(&tally.last_failure);
        facts.last_completed_backup_job_at = tally.last_success;
        facts.backup_jobs_recovered = Some(match (&tally.last_failure, tally.last_success) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some((failed_at, _)), Some(succeeded_at)) => succeeded_at > *failed_at,
        });
    }
}

fn is_finished(state: Option<&str>) -> bool {
    matches!(state, Some("COMPLETED" | "FAILED" | "ABORTED" | "EXPIRED" | "PARTIAL"))
}

impl Tally {
    fn add(&mut self, job: &BackupJob<'_>, created_at: DateTime<Utc>, (plan, rule): (u16, u8), vault: u32) {
        let state = job.state.unwrap_or_default();
        self.events.push(Event {
            at: seconds(created_at),
            ended: job.completed_at.map_or(0, seconds),
            plan,
            rule,
            vault,
            end: match state {
                "COMPLETED" => End::Completed,
                _ if is_finished(job.state) => End::Without,
                _ => End::Open,
            },
        });
        if !is_finished(job.state) {
            return;
        }
        self.finished += 1;
        if state == "COMPLETED" {
            let is_plain = matches!(job.message_category, None | Some("SUCCESS" | ""));
            self.with_issues += i64::from(!is_plain);
            self.last_success = self.last_success.max(Some(created_at));
            return;
        }
        self.failed += 1;
        self.aborted += i64::from(state == "ABORTED");
        self.expired += i64::from(state == "EXPIRED");
        // The greater text wins between failures of one instant, so that order of arrival does not show.
        let failure = (created_at, cause(state, job.status_message));
        if self.first_failure.as_ref().is_none_or(|first| failure < *first) {
            self.first_failure = Some(failure.clone());
        }
        if self.last_failure.as_ref().is_none_or(|last| failure > *last) {
            self.last_failure = Some(failure);
        }
    }
}

/// The category of jobs that were not allowed something.
const ACCESS_DENIED: &str = "AccessDenied";

/// Texts of AWS Backup that speak of a role, or of permissions that it lacks.
const ROLE_SIGNS: [&str; 9] = [
    "iam role",
    "assume",
    "not authorized to perform",
    "does not have permission",
    "sufficient permissions",
    "insufficient privileges",
    "insufficient permissions",
    "access denied",
    "accessdenied",
];

/// Texts of AWS Backup that name a reason which lies elsewhere.
const OTHER_SIGNS: [&str; 6] = [
    "outside the valid range",
    "running job for the same resource",
    "does not exist",
    "table not found",
    "expired before",
    "internal error",
];

impl OfRole {
    /// AWS's category decides where it has one that says so; then the text. A text that nobody knows decides nothing.
    fn said_by(job: &BackupJob<'_>) -> Self {
        if !matches!(job.state, Some("FAILED" | "PARTIAL")) {
            return Self::Nothing;
        }
        let message = job.status_message.unwrap_or_default().trim_matches('"').trim();
        let category = job.message_category.unwrap_or_default();
        let is_category = |word: &str| category.eq_ignore_ascii_case(word);
        let lower = message.to_ascii_lowercase();
        let says_one_of = |signs: &[&str]| signs.iter().any(|sign| lower.contains(sign));
        if is_category(ACCESS_DENIED) || says_one_of(&ROLE_SIGNS) {
            let text = if message.is_empty() { category } else { message };
            return Self::Trouble(text.to_owned());
        }
        if is_category("InvalidParameters") || says_one_of(&OTHER_SIGNS) {
            return Self::Nothing;
        }
        let words = |text: &str| {
            if text.is_empty() {
                "no text".to_owned()
            } else {
                format!("`{text}`")
            }
        };
        let category = if category.is_empty() {
            "no category".to_owned()
        } else {
            format!("category {category}")
        };
        Self::Open(format!("a job failed with {} and {category}", words(message)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_category_tells_a_role_s_trouble_and_then_the_text() {
        let trouble = |text: &str| OfRole::Trouble(text.to_owned());
        let denied = "User: arn:aws:sts::111122223333:assumed-role/R/AWSBackup-R is not authorized to perform: dynamodb:ListTagsOfResource";
        let rights =
            "IAM Role arn:aws:iam::111122223333:role/X does not have sufficient permissions to execute the backup.";
        let privileges = "Insufficient privileges to perform this action.";
        for (state, category, message, expected) in [
            ("FAILED", "", denied, trouble(denied)),
            ("FAILED", "", rights, trouble(rights)),
            ("FAILED", "AccessDenied", privileges, trouble(privileges)),
            ("FAILED", "", privileges, trouble(privileges)),
            ("FAILED", "AccessDenied", "", trouble("AccessDenied")),
            (
                "FAILED",
                "AccessDenied",
                "Zugriff verweigert",
                trouble("Zugriff verweigert"),
            ),
            ("PARTIAL", "AccessDenied", "some", trouble("some")),
            (
                "FAILED",
                "InvalidParameters",
                "Backup job failed because the lifecycle is outside the valid range for backup vault.",
                OfRole::Nothing,
            ),
            (
                "FAILED",
                "",
                "\"Backup job failed because there was a running job for the same resource.\"",
                OfRole::Nothing,
            ),
            (
                "FAILED",
                "Throttled",
                "a text that AWS wrote since",
                OfRole::Open("a job failed with `a text that AWS wrote since` and category Throttled".to_owned()),
            ),
            (
                "FAILED",
                "",
                "",
                OfRole::Open("a job failed with no text and no category".to_owned()),
            ),
            (
                "ABORTED",
                "ABORTED",
                "\"Backup job was stopped by user.\"",
                OfRole::Nothing,
            ),
            ("COMPLETED", "SUCCESS", "", OfRole::Nothing),
        ] {
            let job = BackupJob {
                state: Some(state),
                message_category: Some(category),
                status_message: Some(message),
                ..blank()
            };
            assert_eq!(OfRole::said_by(&job), expected, "{category}: {message}");
        }
    }

    fn blank() -> BackupJob<'static> {
        BackupJob {
            account_id: "",
            region: "",
            job_id: "",
            resource_arn: None,
            state: None,
            status_message: None,
            message_category: None,
            created_at: None,
            start_by: None,
            completed_at: None,
            vault_name: None,
            recovery_point_arn: None,
            role_arn: None,
            created_by_plan_id: None,
            created_by_rule_id: None,
        }
    }
}
