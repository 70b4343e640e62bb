//! Reading AWS: every target at once, every page of every call, into the inventory.
//!
//! A call that fails leaves a row in the call log and nothing else; what it would have said is unknown from then on.
//! Only two things stop a scan: a disk that refuses, and credentials that run out.

mod backup_jobs;
mod backup_plans;
mod backup_vaults;
mod copy_jobs;
mod dynamodb_tables;
mod keys;
mod native_backups;
pub(crate) mod probe;
mod recovery_points;
mod region_settings;
mod restore_jobs;
mod restore_testing;
mod tags;
mod vault_policies;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_sdk_backup::operation::RequestId;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use chrono::{DateTime, Datelike as _, TimeDelta, Utc};
use futures_util::stream::{self, StreamExt};

use crate::aws::call::CallLog;
pub(crate) use crate::aws::call::Page;
use crate::aws::failure::{Failure, FailureKind};
use crate::aws::target::Target;
use crate::domain::{Arn, GapKind, TargetId, rfc3339};
use crate::inventory::schema::Row;
use crate::inventory::store::{Seen, Writer};
use crate::inventory::{schema, sources};
use crate::problem::{Problem, count};
pub(crate) use backup_plans::selection_resource;
use native_backups::Natives;

/// Targets read at once.
const CONCURRENT_TARGETS: usize = 16;

/// Calls of one kind under way at once in one target.
const CONCURRENT_CALLS: usize = 48;

/// What to collect.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Names of frames.
    frames: BTreeSet<&'static str>,
    /// Keys of tags by which the policy's tiers tell tables apart.
    tag_keys: BTreeSet<String>,
}

/// The names of all frames that calls to AWS fill.
pub(crate) fn collected() -> impl Iterator<Item = &'static str> {
    sources::collected().map(|frame| frame.name)
}

impl Wanted {
    /// These frames, and those that are always read: the tables themselves, and the restore jobs, which tell AWS's own tables
    /// from others.
    pub fn frames(frames: impl IntoIterator<Item = &'static str>) -> Self {
        let mut wanted: BTreeSet<&'static str> = frames.into_iter().collect();
        wanted.extend(["tables", "restore_jobs"]);
        // What is read vault by vault needs the vaults, what is read plan by plan the plans, and of native backups those are
        // asked about that are recovery points.
        if wanted.contains("native_backups") {
            wanted.insert("recovery_points");
        }
        let by_vault = ["recovery_points", "vault_policies"];
        if by_vault.iter().any(|frame| wanted.contains(frame)) {
            wanted.insert("vaults");
        }
        let by_plan = ["plan_rules", "plan_versions", "selections"];
        if by_plan.iter().any(|frame| wanted.contains(frame)) {
            wanted.insert("plans");
        }
        if wanted.contains("restore_testing_selections") {
            wanted.insert("restore_testing_plans");
        }
        Self {
            frames: wanted,
            tag_keys: BTreeSet::new(),
        }
    }

    /// With these keys of tags: a table that seems to lack one of them is asked itself, for without it another tier takes it.
    #[must_use]
    pub fn with_tag_keys(mut self, keys: impl IntoIterator<Item = String>) -> Self {
        self.tag_keys.extend(keys);
        self
    }

    /// Everything.
    pub fn all() -> Self {
        Self::frames(collected())
    }

    /// Is this frame wanted?
    pub fn has(&self, frame: &str) -> bool {
        self.frames.contains(frame)
    }

    /// The IAM actions that collecting these frames needs, in order.
    pub fn actions(&self) -> BTreeSet<&'static str> {
        let frames: Vec<&str> = self.frames.iter().copied().collect();
        sources::actions_of(&frames).collect()
    }
}

/// What a collector needs: one target, where to write, what to ask.
pub(crate) struct Context<'c> {
    pub(crate) target: &'c Target,
    pub(crate) writer: &'c Writer,
    pub(crate) wanted: &'c Wanted,
    /// The instant from which ages are measured; job lists go back 30 days from here.
    pub(crate) as_of: DateTime<Utc>,
    /// When collecting began.
    pub(crate) began: std::time::Instant,
    pub(crate) progress: &'c Progress,
    /// Rows of this target that were written already.
    pub(crate) seen: Seen,
}

impl Context<'_> {
    pub(crate) fn account_id(&self) -> String {
        self.target.id.account_id.clone()
    }

    pub(crate) fn region(&self) -> String {
        self.target.id.region.clone()
    }

    /// When something happened. None where AWS does not say, or says what cannot be: before there was AWS, or later than
    /// now, give or take five minutes.
    pub(crate) fn past(&self, at: Option<&aws_smithy_types::DateTime>) -> Option<DateTime<Utc>> {
        let at = instant(at)?;
        let now = self.as_of + TimeDelta::from_std(self.began.elapsed()).ok()?;
        (at.year() >= 2006 && at < now + TimeDelta::minutes(5)).then_some(at)
    }

    /// Writes rows, each once: a list names a row twice that moved to the next page while it was read. Rows that say
    /// different things of one and the same are a gap: which of them is right is not known.
    ///
    /// Errors: the disk refused.
    pub(crate) fn push<R: Row>(&self, rows: &[R]) -> Result<(), Problem> {
        let differing = self.writer.push_new(rows, &self.seen)?;
        if let (Some(action), 1..) = (R::FRAME.actions.first(), differing) {
            let rows = count(differing, "row");
            let call = self.target.caller.begin(action, "");
            call.fail(&format!("{rows} came twice and differ from the first"));
        }
        Ok(())
    }

    /// Reads a whole list, as [`Caller::list`] does. Gives whether all of it was read.
    ///
    /// Errors: those of `take`, and expired credentials; any other failure is a gap, and what was taken before it stays.
    ///
    /// [`Caller::list`]: crate::aws::call::Caller::list
    pub(crate) async fn list<T, R, E, Fut>(
        &self,
        action: &'static str,
        resource: &str,
        send: impl Fn(Option<String>) -> Fut,
        page: fn(&T) -> Page<'_, R>,
        mut take: impl FnMut(&[R]) -> Result<usize, Stop>,
    ) -> Result<bool, Stop>
    where
        Fut: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        T: RequestId,
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let take = |rows: &[R]| take(rows).map_err(Ended::Stopped);
        match self.target.caller.list(action, resource, send, page, take).await {
            Ok(()) => Ok(true),
            Err(Ended::Failed(failure)) => gap(self.target, &failure).map(|()| false),
            Err(Ended::Stopped(stop)) => Err(stop),
        }
    }
}

/// Why a list was not read to its end.
enum Ended {
    Stopped(Stop),
    Failed(Failure),
}

impl From<Failure> for Ended {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// How far collecting has come, for a progress bar.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// Tables listed so far.
    pub(crate) tables_listed: AtomicUsize,
    /// Targets whose list of tables has ended, whole or not: from then on their number of tables does not grow.
    pub(crate) lists_ended: AtomicUsize,
    /// Tables that are asked for their tags, as far as that is known.
    pub(crate) tags_to_ask: AtomicUsize,
    /// Those of them that have answered, or failed to.
    pub(crate) tags_asked: AtomicUsize,
    /// Tables described so far.
    pub(crate) tables_described: AtomicUsize,
    /// Recovery points read so far.
    pub(crate) recovery_points: AtomicUsize,
    /// Targets finished so far.
    pub(crate) targets_done: AtomicUsize,
}

/// A failure that ends the whole scan rather than becoming a gap.
pub(crate) enum Stop {
    /// The disk refused.
    Disk(Problem),
    /// Credentials ran out: everything after this would fail alike.
    Expired { target: TargetId, why: String },
}

impl From<Problem> for Stop {
    fn from(problem: Problem) -> Self {
        Self::Disk(problem)
    }
}

/// A failed call is a gap, already in the call log; only expired credentials stop the scan.
pub(crate) fn gap(target: &Target, failure: &Failure) -> Result<(), Stop> {
    if failure.kind == FailureKind::Gap(GapKind::Expired) {
        return Err(Stop::Expired {
            target: target.id.clone(),
            why: failure.why(),
        });
    }
    Ok(())
}

/// Reads all targets into the writer.
///
/// Errors: the disk refused, or credentials ran out during the scan. Every other failure becomes a gap.
pub(crate) async fn collect(
    targets: &[Target],
    wanted: &Wanted,
    writer: &Writer,
    as_of: DateTime<Utc>,
    progress: &Progress,
    log: &Arc<CallLog>,
) -> Result<(), Problem> {
    let began = std::time::Instant::now();
    let mut results = stream::iter(targets.iter().map(|target| async move {
        let context = Context {
            target,
            writer,
            wanted,
            as_of,
            began,
            progress,
            seen: Seen::default(),
        };
        let result = collect_target(&context).await;
        progress.targets_done.fetch_add(1, Ordering::Relaxed);
        result
    }))
    .buffer_unordered(CONCURRENT_TARGETS);
    while let Some(result) = results.next().await {
        result.map_err(|stop| match stop {
            Stop::Disk(problem) => problem,
            Stop::Expired { target, why } => Problem::new("credentials expired during the scan")
                .at(format!(
                    "account {}, {}, after {} requests",
                    target.account_id,
                    target.region,
                    log.attempts()
                ))
                .why(why)
                .so("the audit cannot be finished; no report was written")
                .hint("log in again, with a session long enough for the scan, and run it once more"),
        })?;
    }
    drop(results);
    let calls = log.take();
    check_clock(as_of, &calls)?;
    writer.push::<schema::CallLogEntry>(&calls)
}

/// Errors: the clock of the first answer, from which all ages are measured, is not the clock of the others.
fn check_clock(as_of: DateTime<Utc>, calls: &[schema::CallLogEntry]) -> Result<(), Problem> {
    // Its own answer is in the log as well, and agrees with itself.
    let others = calls.iter().filter(|call| call.action != "sts:GetCallerIdentity");
    let Some(earliest) = others.filter_map(|call| call.answered_at).min() else {
        return Ok(());
    };
    let apart = earliest - as_of;
    if (TimeDelta::minutes(-5)..=TimeDelta::minutes(30)).contains(&apart) {
        return Ok(());
    }
    Err(Problem::new("AWS's answers disagree on the time")
        .why(format!(
            "by the answer of sts:GetCallerIdentity it is {}, by the earliest of the others {}",
            rfc3339(as_of),
            rfc3339(earliest)
        ))
        .so("no age can be calculated; no report was written")
        .hint("something between here and AWS alters the `Date` of answers: check the proxy and the endpoint"))
}

async fn collect_target(context: &Context<'_>) -> Result<(), Stop> {
    let (tables, (vaults, natives), tags, (), deciding, (), (), (), ()) = futures_util::try_join!(
        dynamodb_tables::collect(context),
        vaults_and_contents(context),
        tags::collect(context),
        region_settings::collect(context),
        backup_plans::collect(context),
        backup_jobs::collect(context),
        copy_jobs::collect(context),
        restore_jobs::collect(context),
        restore_testing::collect(context),
    )?;
    let (natives, ()) = futures_util::try_join!(
        native_backups::collect(context, natives),
        tags::settle(context, tags, &tables.tagged, &deciding),
    )?;
    let key_arns: BTreeSet<String> = tables.key_arns.into_iter().chain(vaults).chain(natives).collect();
    keys::collect(context, key_arns).await
}

/// The vaults, and the policy and the recovery points of each; gives the key ARNs that they name, and the points that name
/// none and are to be asked about.
async fn vaults_and_contents(context: &Context<'_>) -> Result<(BTreeSet<String>, Natives), Stop> {
    let vaults = backup_vaults::collect(context).await?;
    let mut key_arns: BTreeSet<String> = vaults.iter().filter_map(|vault| vault.key_arn.clone()).collect();
    let own = backup_vaults::own(&vaults);
    let (points, ()) = futures_util::try_join!(
        recovery_points::collect(context, &own),
        vault_policies::collect(context, &own),
    )?;
    key_arns.extend(points.keys);
    Ok((key_arns, points.natives))
}

/// A text that says something.
pub(crate) fn text(text: Option<&str>) -> Option<String> {
    text.filter(|text| !text.is_empty()).map(str::to_owned)
}

/// Is it the ARN of a table?
pub(crate) fn is_table(arn: &str) -> bool {
    Arn::parse(arn).is_some_and(|arn| arn.service == "dynamodb" && arn.resource.starts_with("table/"))
}

/// Is it a number of days or minutes that AWS Backup takes: 1 to 100 years?
pub(crate) fn is_span(number: Option<i64>) -> bool {
    number.is_none_or(|number| (1..=100 * 366 * 1440).contains(&number))
}

/// AWS's instant as chrono's, to the millisecond.
pub(crate) fn instant(at: Option<&aws_smithy_types::DateTime>) -> Option<DateTime<Utc>> {
    at.and_then(|at| at.to_millis().ok())
        .and_then(DateTime::from_timestamp_millis)
}

/// chrono's instant as AWS's.
pub(crate) fn aws_instant(at: DateTime<Utc>) -> aws_smithy_types::DateTime {
    aws_smithy_types::DateTime::from_millis(at.timestamp_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_measured_by_a_clock_that_the_other_answers_share() {
        let as_of = DateTime::from_timestamp(1_793_534_400, 0).expect("an instant");
        let answered = |action: &str, minutes| schema::CallLogEntry {
            account_id: String::new(),
            region: String::new(),
            action: action.to_owned(),
            resource: String::new(),
            outcome: String::new(),
            error: None,
            page_count: 0,
            attempt_count: 0,
            started_at: as_of,
            answered_at: Some(as_of + TimeDelta::minutes(minutes)),
            duration_ms: 0,
            request_id: None,
        };
        for (minutes, is_right) in [(0, true), (-4, true), (29, true), (-6, false), (180, false)] {
            let list = "dynamodb:ListTables";
            let calls = [
                answered("sts:GetCallerIdentity", 0),
                answered(list, minutes),
                answered(list, minutes + 60),
            ];
            assert_eq!(check_clock(as_of, &calls).is_ok(), is_right, "{minutes}");
        }
        assert!(check_clock(as_of, &[]).is_ok());
    }
}
