//! The run of a plan: each point is ordered, followed, compared, and its table deleted, several at once.
//!
//! Every call that changes something stands in the journal before and after it. A table is deleted only if its id is the one that
//! was noted when the drill's own job had made it. Whatever ends a run, the same plan and journal go on from there.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::stream::{self, StreamExt as _};
use tokio::time::Instant;

use super::ask::{self, Looked, SLACK, is_active, is_expired, is_refusal};
use super::compare::{self, Filed, Progress, Side};
use super::journal::{Journal, Noted, Step};
use super::plan::{Plan, Planned};
use super::record::{Cleanup, Drill};
use crate::aws::failure::{Failure, FailureKind};
use crate::aws::target::Target;
use crate::collect::instant;
use crate::domain::{GapKind, TargetId, table_arn};
use crate::problem::{Problem, one_line};
use crate::remediate::actions::ground::{DESCRIBE_TABLE, LIST_POINTS, LIST_VAULTS};
use crate::remediate::restore::{self, DESCRIBE_POINT, Key, LOOK, START};

pub(crate) use super::ask::DELETE;

/// IAM actions of all calls here, but for those of the comparison.
pub(crate) const ACTIONS: &[&str] = &[
    LIST_VAULTS,
    LIST_POINTS,
    DESCRIBE_POINT,
    super::choose::LIST_JOBS,
    ask::JOB_METADATA,
    START,
    "iam:PassRole",
    LOOK,
    DESCRIBE_TABLE,
    ask::DELETE,
    ask::LIST_TABLES,
];

/// The first pause between two looks; each is twice as long as the one before, up to the one that was asked for.
const FIRST_PAUSE: Duration = Duration::from_secs(2);

/// Somebody who wants the run to end is heard so soon.
const HEARING: Duration = Duration::from_millis(200);

/// So often a job is looked for that may have been begun.
const LOOKS_FOR_JOB: u32 = 2;

/// A table is gone so long after its deletion at the latest, or it is said to stay.
const DELETION: Duration = Duration::from_secs(15 * 60);

/// How a run is made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// Restores under way at once, at most 50 by AWS.
    pub(crate) at_once: usize,
    /// Time between two looks.
    pub(crate) every: Duration,
    /// How long to wait for a restore.
    pub(crate) at_most: Duration,
}

/// What is done with a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// All of it.
    Drill,
    /// Nothing is begun any more, and what was made is deleted.
    Clean,
}

/// How a restore ended.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum End {
    /// Nothing more is to be done.
    Closed(Box<Drill>),
    /// The run was ended in the middle of it, for this reason: the same plan and journal go on.
    BrokenOff(String),
}

/// What happens on the way. All texts are untrusted.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Told<'t> {
    /// Something was done, in these words.
    Step(&'t str),
    /// It stands so.
    Waiting(&'t str),
    /// So many items were read.
    Reading(Progress),
}

/// Takes what happens.
pub(crate) type Tell<'t> = &'t (dyn Fn(&Planned, Told<'_>) + Sync);

/// What a run has at hand.
pub(crate) struct Ground<'g> {
    /// What is to be done.
    pub(crate) plan: &'g Plan,
    /// Clients of the accounts and Regions that can be reached.
    pub(crate) targets: &'g BTreeMap<TargetId, Target>,
    /// Digests of points, taken when they were made.
    pub(crate) digests: &'g [Filed],
    /// How.
    pub(crate) pace: Pace,
    /// What for.
    pub(crate) purpose: Purpose,
    /// Set once somebody wants the run to end.
    pub(crate) stop: &'g AtomicBool,
    /// Takes what happens.
    pub(crate) tell: Tell<'g>,
}

/// Does a plan, or cleans up after it; gives how each restore ended, in order of number.
///
/// API and calls: those of each step. Errors: the journal cannot be written. What AWS refuses stands in the record.
pub(crate) async fn run(ground: &Ground<'_>, journal: Journal) -> Result<Vec<End>, Problem> {
    let (notes, halt) = (RefCell::new(journal), Cell::new(false));
    let each = stream::iter(&ground.plan.drills).map(|planned| {
        let (notes, halt) = (&notes, &halt);
        async move {
            let end = one(ground, notes, halt, planned).await;
            halt.set(halt.get() || end.is_err());
            (planned.number, end)
        }
    });
    let mut ends: Vec<_> = each.buffer_unordered(ground.pace.at_once.max(1)).collect().await;
    ends.sort_by_key(|(number, _)| *number);
    ends.into_iter().map(|(_, end)| end).collect()
}

async fn one(
    ground: &Ground<'_>,
    notes: &RefCell<Journal>,
    halt: &Cell<bool>,
    planned: &Planned,
) -> Result<End, Problem> {
    let noted = notes.borrow().of(planned.number).cloned();
    let (step, drill) = match noted {
        Some(Noted { step, drill }) => (Some(step), drill),
        None => (None, planned.begun()),
    };
    let is_clean = ground.purpose == Purpose::Clean;
    let is_done = match &drill.cleanup {
        Cleanup::Kept | Cleanup::Left { .. } => !is_clean,
        Cleanup::Gone | Cleanup::NothingMade => true,
    };
    if (step == Some(Step::Closed) && is_done) || (step.is_none() && is_clean) {
        return Ok(End::Closed(Box::new(drill)));
    }
    let mut one = One {
        ground,
        notes,
        halt,
        planned,
        drill,
    };
    let came = match (ground.targets.get(&planned.at()), step) {
        (Some(target), _) => match is_clean {
            true => one.clean(target, step).await,
            false => one.drill(target, step).await,
        },
        (None, None) => one.over("its account cannot be reached"),
        (None, Some(_)) => Err(Stop::Off(format!("account {} cannot be reached", planned.account_id))),
    };
    match came {
        Ok(()) | Err(Stop::Over) => {
            one.drill.verdict = one.drill.judged();
            one.note(Step::Closed).or_else(|stop| match stop {
                Stop::Disk(problem) => Err(problem),
                Stop::Off(_) | Stop::Over => Ok(()),
            })?;
            Ok(End::Closed(Box::new(one.drill)))
        }
        Err(Stop::Off(why)) => {
            one.tell(&format!("not done yet: {why}"));
            Ok(End::BrokenOff(why))
        }
        Err(Stop::Disk(problem)) => Err(problem),
    }
}

/// Why a restore goes no further.
enum Stop {
    /// The record says why.
    Over,
    /// The run ends here, for this reason, and can go on.
    Off(String),
    /// The journal cannot be written.
    Disk(Problem),
}

/// One restore under way.
struct One<'o> {
    ground: &'o Ground<'o>,
    notes: &'o RefCell<Journal>,
    halt: &'o Cell<bool>,
    planned: &'o Planned,
    drill: Drill,
}

impl One<'_> {
    /// From wherever it stands to its end.
    async fn drill(&mut self, target: &Target, step: Option<Step>) -> Result<(), Stop> {
        if step.is_none_or(|step| step == Step::Ordering) {
            self.order(target, step.is_some()).await?;
        }
        if step.is_none_or(|step| step < Step::Made) {
            let created = self.follow(target).await?;
            self.appear(target, created.as_deref()).await?;
        } else if step == Some(Step::Made) {
            self.become_active(target).await?;
        }
        if step.is_none_or(|step| step < Step::Compared) {
            self.compare(target).await?;
        }
        if self.ground.plan.asked.keeps {
            self.drill.cleanup = Cleanup::Kept;
            self.tell("kept, as was asked");
            return Ok(());
        }
        self.delete(target).await
    }

    /// From wherever it stands to the proof that nothing of it is left.
    async fn clean(&mut self, target: &Target, step: Option<Step>) -> Result<(), Stop> {
        if step != Some(Step::Closed) && self.drill.trouble.is_none() {
            self.drill.trouble = Some("it was cleaned up before it was done".to_owned());
        }
        if step == Some(Step::Ordering) && self.drill.restored.job_id.is_none() && !self.look_for_job(target).await? {
            return self.nothing_but(target).await;
        }
        if self.drill.restored.table_id.is_none() {
            if self.drill.restored.job_id.is_none() {
                return self.nothing_but(target).await;
            }
            let created = self.follow(target).await?;
            self.identify(target, created.as_deref()).await?;
        }
        self.delete(target).await
    }

    /// Orders the restore. A run that was ended while it ordered looks first whether AWS has begun the job.
    async fn order(&mut self, target: &Target, was_ordering: bool) -> Result<(), Stop> {
        if was_ordering && self.adopt(target).await? {
            return Ok(());
        }
        let name = &self.planned.table_name;
        let looked = match ask::table(target, name).await {
            Ok(looked) => looked,
            Err(failure) => return self.refused(&failure, DESCRIBE_TABLE),
        };
        if looked.table.is_some() {
            if was_ordering {
                let why = "a table of this name is there, and AWS names no restore job that made it";
                self.drill.cleanup = left(why);
            }
            return self.over(&format!(
                "there is a table `{name}` already, and a restore never writes into one"
            ));
        }
        self.go_on()?;
        self.drill.times.ordered_at = Some(looked.at);
        self.note(Step::Ordering)?;
        let key = Key::parse(&self.planned.key).unwrap_or(Key::AwsOwned);
        let (point, role) = (&self.planned.point.arn, &self.planned.role_arn);
        match restore::start(target, point, (name, &key), role, &self.planned.token()).await {
            Ok(id) => self.has_begun(id),
            Err(failure) if is_refusal(&failure) => self.refused(&failure, START),
            Err(failure) => match self.adopt(target).await? {
                true => Ok(()),
                false => Err(Stop::Off(format!(
                    "whether AWS began it is not known: {}",
                    failure.of(START)
                ))),
            },
        }
    }

    fn has_begun(&mut self, id: String) -> Result<(), Stop> {
        self.tell(&format!("restore {id} to {} began", self.planned.table_name));
        self.drill.restored.job_id = Some(id);
        self.note(Step::Ordered)
    }

    /// Is there a job of this order? Then it is the drill's own.
    async fn adopt(&mut self, target: &Target) -> Result<bool, Stop> {
        let since = self.drill.times.ordered_at.unwrap_or(self.ground.plan.made_at);
        let (point, name) = (&self.planned.point.arn, &self.planned.table_name);
        match ask::ordered(target, point, name, since).await {
            Ok(Some(id)) => self.has_begun(id).map(|()| true),
            Ok(None) => Ok(false),
            Err(failure) => Err(Stop::Off(format!(
                "whether AWS began it is not known: {}",
                failure.of("backup:ListRestoreJobs")
            ))),
        }
    }

    /// The same, with some patience: a job that was begun a moment ago may not be listed yet.
    async fn look_for_job(&mut self, target: &Target) -> Result<bool, Stop> {
        let mut pause = Pause::new(&self.ground.pace);
        for _ in 0..LOOKS_FOR_JOB {
            if self.adopt(target).await? {
                return Ok(true);
            }
            pause.wait(self).await?;
        }
        self.adopt(target).await
    }

    /// Follows the job to its end; gives the ARN of the table that it made, as AWS tells it.
    async fn follow(&mut self, target: &Target) -> Result<Option<String>, Stop> {
        let Some(id) = self.drill.restored.job_id.clone() else {
            return self.over("no restore job is known").map(|()| None);
        };
        let mut pause = Pause::new(&self.ground.pace);
        loop {
            match ask::job(target, &id).await {
                Ok(standing) => {
                    let is_new = self.drill.times.running_at.is_none() && self.drill.job.is_none();
                    if is_new && standing.job.state == "RUNNING" {
                        // Of another service's clock, and never before the order.
                        self.drill.times.running_at = Some(standing.at).max(self.drill.times.ordered_at);
                        self.note(Step::Running)?;
                    }
                    if standing.is_over {
                        if self.drill.job.is_none() {
                            self.tell(&format!("restore job {}", standing.job.state));
                            self.drill.job = Some(standing.job);
                            self.note(Step::Ended)?;
                        }
                        return Ok(standing.created);
                    }
                    self.waits(&format!("restore job {}", standing.job.state));
                }
                Err(failure) if may_pass(&failure) => self.waits(&failure.why()),
                Err(failure) => {
                    let why = "its restore job goes on for all that is known, and may make the table yet";
                    self.drill.cleanup = left(why);
                    return self.refused(&failure, LOOK).map(|()| None);
                }
            }
            if !pause.wait(self).await? {
                self.drill.cleanup = left("its restore job goes on, and may make the table yet");
                let why = "the restore took longer than was waited for (`--timeout`)";
                return self.over(why).map(|()| None);
            }
        }
    }

    /// Waits until the table is there, and notes which it is.
    async fn appear(&mut self, target: &Target, created: Option<&str>) -> Result<(), Stop> {
        self.identify(target, created).await?;
        if self.drill.trouble.is_some() {
            // The job has failed, and left a table.
            return self.at_once_deleted(target).await;
        }
        self.become_active(target).await
    }

    /// Notes the id of the table that the job made. What AWS does not say to be the job's is nobody's to delete.
    async fn identify(&mut self, target: &Target, created: Option<&str>) -> Result<(), Stop> {
        let name = &self.planned.table_name;
        let own = table_arn(&target.partition, &target.id, name);
        let is_completed = self.drill.job.as_ref().is_some_and(|job| job.state == "COMPLETED");
        if !is_completed {
            if let Some(job) = &self.drill.job {
                let message = if job.message.is_empty() {
                    "AWS does not say why"
                } else {
                    &job.message
                };
                self.drill.trouble = Some(format!("the restore job {}: {message}", job.state));
            }
            if created != Some(&own) {
                return self.nothing_but(target).await;
            }
        } else if created != Some(&own) {
            let said = created.map_or_else(|| "no table".to_owned(), |arn| format!("`{}`", one_line(arn)));
            self.drill.cleanup = left(&format!("AWS does not say that the job made it, but names {said}"));
            return self.over(&format!("the restore job made {said}, and not `{own}`"));
        }
        let mut pause = Pause::new(&self.ground.pace);
        loop {
            let failure = match ask::table(target, name).await {
                Ok(Looked { table: Some(table), .. }) => {
                    let made_at = instant(table.creation_date_time());
                    let ordered_at = self.drill.times.ordered_at.unwrap_or(DateTime::<Utc>::MIN_UTC);
                    let is_of_order = made_at.is_some_and(|made| made >= ordered_at - SLACK);
                    let Some(id) = table.table_id.filter(|_| is_of_order) else {
                        let why = "the table that is there is older than the order, or AWS does not say which it is";
                        self.drill.cleanup = left(why);
                        return self.over(why);
                    };
                    self.drill.restored.table_id = Some(id);
                    self.drill.cleanup = left("the run has not come to its deletion");
                    return self.note(Step::Made);
                }
                Ok(Looked { table: None, .. }) => None,
                Err(failure) if may_pass(&failure) => Some(failure),
                Err(failure) => {
                    self.drill.cleanup = left(&failure.of(DESCRIBE_TABLE));
                    return self.refused(&failure, DESCRIBE_TABLE);
                }
            };
            self.waits("the table is not there yet");
            if !pause.wait(self).await? {
                let why = failure.map_or_else(|| "it was not seen".to_owned(), |failure| failure.of(DESCRIBE_TABLE));
                self.drill.cleanup = left(&why);
                return self.over(&format!("the job is COMPLETED, and there is no table `{name}`: {why}"));
            }
        }
    }

    /// Waits until the table and its last index are ACTIVE.
    async fn become_active(&mut self, target: &Target) -> Result<(), Stop> {
        let mut pause = Pause::new(&self.ground.pace);
        loop {
            match ask::table(target, &self.planned.table_name).await {
                Ok(Looked { table: Some(table), at }) if self.is_own(table.table_id()) => {
                    if is_active(&table) {
                        self.drill.times.active_at = Some(at);
                        self.tell("ACTIVE with all of its indexes");
                        return self.note(Step::Active);
                    }
                    let state = table
                        .table_status()
                        .map_or("of an unknown state", |status| status.as_str());
                    self.waits(&format!("table {state}, or an index is not ACTIVE"));
                }
                Ok(Looked { table: None, .. }) => {
                    return self.lost(target, "the new table was deleted by somebody").await;
                }
                Ok(_) => return self.lost(target, "another table has the name of the new one now").await,
                Err(failure) if may_pass(&failure) => self.waits(&failure.why()),
                Err(failure) => {
                    self.drill.trouble = Some(failure.of(DESCRIBE_TABLE));
                    return match is_expired(&failure) {
                        true => Err(Stop::Off(failure.of(DESCRIBE_TABLE))),
                        false => self.at_once_deleted(target).await,
                    };
                }
            }
            if !pause.wait(self).await? {
                self.drill.trouble = Some("the new table did not become ACTIVE while it was waited for".to_owned());
                return self.at_once_deleted(target).await;
            }
        }
    }

    /// The table is not compared any more.
    async fn at_once_deleted(&mut self, target: &Target) -> Result<(), Stop> {
        self.delete(target).await?;
        Err(Stop::Over)
    }

    async fn lost(&mut self, target: &Target, why: &str) -> Result<(), Stop> {
        self.drill.trouble = Some(why.to_owned());
        self.at_once_deleted(target).await
    }

    /// Compares the new table with its source, if that is still there.
    async fn compare(&mut self, target: &Target) -> Result<(), Stop> {
        self.go_on()?;
        let home = self.planned.source_at().and_then(|at| self.ground.targets.get(&at));
        let source_name = self.planned.source_name();
        let mut trouble = None;
        if let Some(home) = home {
            match ask::table(home, &source_name).await {
                Ok(looked) => {
                    self.drill.source.is_there = Some(looked.table.is_some());
                }
                Err(failure) if is_expired(&failure) => return Err(Stop::Off(failure.of(DESCRIBE_TABLE))),
                Err(failure) => {
                    self.drill.source.is_there = None;
                    trouble = Some(format!("the source: {}", failure.of(DESCRIBE_TABLE)));
                }
            }
        }
        let is_there = self.drill.source.is_there == Some(true);
        let source = home.filter(|_| is_there).map(|target| Side {
            target,
            table: &source_name,
        });
        let restored = Side {
            target,
            table: &self.planned.table_name,
        };
        let (ground, planned) = (self.ground, self.planned);
        let tell = |progress: Progress| (ground.tell)(planned, Told::Reading(progress));
        let wish = ground.plan.asked.compare.wish();
        let key = Key::parse(&planned.key).unwrap_or(Key::AwsOwned);
        let work = async {
            let point = &planned.point;
            let digest = ground
                .digests
                .iter()
                .find(|filed| filed.digest.recovery_point_arn == point.arn);
            let with_arn = source.map(|side| (side, planned.source.table_arn.as_str()));
            let definition = compare::definition(restored, with_arn, digest, point, &key).await;
            let items = match wish.reach {
                compare::Wanted::Nothing => None,
                _ => Some(compare::items(restored, source, digest, point, &wish, &tell).await),
            };
            (definition, items)
        };
        let (definition, items) = tokio::select! {
            compared = work => compared,
            () = self.interrupted() => return Err(interrupted()),
        };
        let mut failed = |what: &str, why: String| {
            trouble.get_or_insert(format!("{what}: {why}"));
        };
        let definition = definition.map_err(|why| failed("keys, indexes and settings could not be compared", why));
        let items = items.map(|items| items.map_err(|why| failed("the items could not be compared", why)));
        // Credentials that are over are no result: what could not be read now can be after a new login.
        let looked = ask::table(target, &self.planned.table_name).await;
        match &looked {
            Err(failure) if is_expired(failure) => return Err(Stop::Off(failure.of(DESCRIBE_TABLE))),
            _ => {}
        }
        self.drill.definition = definition.ok();
        self.drill.items = items.and_then(Result::ok);
        self.drill.trouble = trouble;
        self.drill.times.compared_at = looked.ok().map(|looked| looked.at);
        self.drill.verdict = self.drill.judged();
        match &self.drill.trouble {
            Some(why) => self.tell(why),
            None => self.tell("compared"),
        }
        self.note(Step::Compared)
    }

    /// Deletes the new table, and proves that it is gone.
    ///
    /// A table that is not the one whose id was noted stays as it is.
    async fn delete(&mut self, target: &Target) -> Result<(), Stop> {
        let name = &self.planned.table_name;
        let (began, mut is_asked) = (Instant::now(), false);
        let mut pause = Pause::new(&self.ground.pace);
        loop {
            let failure = match ask::table(target, name).await {
                Ok(Looked { table: None, at }) => return self.prove_gone(target, at).await,
                Ok(Looked { table: Some(table), .. }) if !self.is_own(table.table_id()) => {
                    return self.stays("another table has its name now, and is not the drill's");
                }
                Ok(Looked { table: Some(table), .. }) => {
                    let is_deleting = table.table_status().is_some_and(|status| status.as_str() == "DELETING");
                    if !is_deleting && !is_asked {
                        self.go_on()?;
                        self.note(Step::Deleting)?;
                        match ask::delete(target, name).await {
                            Ok(_) => {
                                is_asked = true;
                                self.note(Step::Deleted)?;
                                None
                            }
                            Err(failure) => Some(failure),
                        }
                    } else {
                        None
                    }
                }
                Err(failure) => Some(failure),
            };
            match &failure {
                Some(failure) if is_expired(failure) => return Err(Stop::Off(failure.why())),
                // While it is being changed it cannot be deleted: that ends.
                Some(failure)
                    if failure.code != "ResourceInUseException"
                        && !may_pass(failure)
                        && failure.kind != FailureKind::Absent =>
                {
                    return self.stays(&format!("it could not be deleted: {}", failure.why()));
                }
                _ => self.waits("the new table is being deleted"),
            }
            if began.elapsed() > DELETION {
                let why = failure.map_or_else(|| "it is not gone yet".to_owned(), |failure| failure.why());
                return self.stays(&why);
            }
            pause.wait(self).await?;
        }
    }

    /// DescribeTable said ResourceNotFound at this instant: the list has to say so too.
    async fn prove_gone(&mut self, target: &Target, at: DateTime<Utc>) -> Result<(), Stop> {
        let name = &self.planned.table_name;
        let (began, mut pause) = (Instant::now(), Pause::new(&self.ground.pace));
        loop {
            let why = match ask::names(target, name).await {
                Ok(names) if !names.contains(name) => {
                    if self.drill.restored.table_id.is_none() {
                        self.drill.cleanup = Cleanup::NothingMade;
                        return Ok(());
                    }
                    self.drill.times.gone_at = Some(at);
                    self.drill.cleanup = Cleanup::Gone;
                    self.tell("the new table is gone");
                    return Ok(());
                }
                Ok(_) => format!("{} still names it", ask::LIST_TABLES),
                Err(failure) if is_expired(&failure) => return Err(Stop::Off(failure.why())),
                Err(failure) if !may_pass(&failure) => {
                    return self.stays(&format!("that it is gone could not be proved: {}", failure.why()));
                }
                Err(failure) => failure.why(),
            };
            self.waits(&why);
            if began.elapsed() > DELETION {
                return self.stays(&why);
            }
            pause.wait(self).await?;
        }
    }

    /// No table of the drill's own is known: is there none of its name either?
    async fn nothing_but(&mut self, target: &Target) -> Result<(), Stop> {
        self.drill.cleanup = match ask::table(target, &self.planned.table_name).await {
            Ok(Looked { table: None, .. }) => Cleanup::NothingMade,
            Ok(_) => left("a table of this name is there, and AWS does not say that the drill's job made it"),
            Err(failure) if is_expired(&failure) => return Err(Stop::Off(failure.of(DESCRIBE_TABLE))),
            Err(failure) => left(&format!(
                "not known whether there is a table: {}",
                failure.of(DESCRIBE_TABLE)
            )),
        };
        self.say_trouble();
        Err(Stop::Over)
    }

    fn is_own(&self, id: Option<&str>) -> bool {
        id.is_some() && id == self.drill.restored.table_id.as_deref()
    }

    fn stays(&mut self, why: &str) -> Result<(), Stop> {
        self.tell(&format!("the new table may be left: {why}"));
        self.drill.cleanup = left(why);
        Ok(())
    }

    /// It ends here, for this reason.
    fn over(&mut self, why: &str) -> Result<(), Stop> {
        self.drill.trouble = Some(why.to_owned());
        self.say_trouble();
        Err(Stop::Over)
    }

    fn refused(&mut self, failure: &Failure, action: &str) -> Result<(), Stop> {
        match is_expired(failure) {
            true => Err(Stop::Off(failure.of(action))),
            false => self.over(&failure.of(action)),
        }
    }

    fn say_trouble(&self) {
        if let Some(why) = &self.drill.trouble {
            self.tell(why);
        }
    }

    fn note(&mut self, step: Step) -> Result<(), Stop> {
        self.notes.borrow_mut().note(step, &self.drill).map_err(Stop::Disk)
    }

    fn tell(&self, what: &str) {
        (self.ground.tell)(self.planned, Told::Step(what));
    }

    fn waits(&self, what: &str) {
        (self.ground.tell)(self.planned, Told::Waiting(what));
    }

    fn is_to_end(&self) -> bool {
        self.halt.get() || self.ground.stop.load(Ordering::Relaxed)
    }

    /// Errors: somebody wants the run to end.
    fn go_on(&self) -> Result<(), Stop> {
        match self.is_to_end() {
            true => Err(interrupted()),
            false => Ok(()),
        }
    }

    /// Returns once somebody wants the run to end.
    async fn interrupted(&self) {
        while !self.is_to_end() {
            tokio::time::sleep(HEARING).await;
        }
    }
}

fn interrupted() -> Stop {
    Stop::Off("the run was ended".to_owned())
}

fn left(why: &str) -> Cleanup {
    Cleanup::Left { why: why.to_owned() }
}

/// May the next look succeed, with nothing changed?
fn may_pass(failure: &Failure) -> bool {
    failure.is_retryable || matches!(failure.kind, FailureKind::Gap(GapKind::Throttled))
}

/// The pauses between looks, and when the time is over.
struct Pause {
    next: Duration,
    every: Duration,
    until: Instant,
}

impl Pause {
    fn new(pace: &Pace) -> Self {
        Self {
            next: FIRST_PAUSE.min(pace.every),
            every: pace.every,
            until: Instant::now() + pace.at_most,
        }
    }

    /// Waits for the next look. False: the time is over.
    ///
    /// Errors: somebody wants the run to end.
    async fn wait(&mut self, one: &One<'_>) -> Result<bool, Stop> {
        if Instant::now() >= self.until {
            return Ok(false);
        }
        tokio::select! {
            () = tokio::time::sleep(self.next) => {}
            () = one.interrupted() => return Err(interrupted()),
        }
        self.next = (2 * self.next).min(self.every);
        Ok(true)
    }
}

/// Looks at a job that takes so many seconds, with pauses that grow up to `every` seconds.
pub(super) fn looks(seconds: f64, every: f64) -> u64 {
    let (mut at, mut looks) = (0.0, 1);
    let mut pause = FIRST_PAUSE.as_secs_f64().min(every.max(1.0));
    while at < seconds {
        at += pause;
        pause = (2.0 * pause).min(every.max(1.0));
        looks += 1;
    }
    looks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_come_at_growing_pauses() {
        // At 0, 2, 4 and 6 seconds; at 0, 2, 6, 14, 30, 60, 90 and 120.
        assert_eq!(looks(5.0, 2.0), 4);
        assert_eq!(looks(0.0, 2.0), 1);
        assert_eq!(looks(120.0, 30.0), 8);
        assert_eq!(looks(3.0, 1.0), 4);
    }
}
