//! `drill validate`: the tables that AWS's own restore testing makes, compared, filed, and the verdict told to AWS.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, Utc};
use clap::Args;
use serde::Serialize;

use super::{CompareArgs, folder, show};
use crate::aws::target::{Identity, Target};
use crate::commands::backup::own_target;
use crate::commands::remediate::jobs::{WaitTimes, intervals};
use crate::commands::remediate::reached;
use crate::commands::shared::args::{KeepArgs, SigningArgs};
use crate::commands::shared::output::print;
use crate::commands::shared::signing::Signing;
use crate::domain::{Arn, TargetId, rfc3339};
use crate::drill::compare::{Filed, Progress};
use crate::drill::journal::JOURNAL_FILE;
use crate::drill::pack::{Contents, RECORD_FILE, seal};
use crate::drill::plan::{Compare, PLAN_FILE};
use crate::drill::record::{Drill, RECORD_VERSION, Record, Verdict};
use crate::drill::validate::{Answer, Ground, Test, compared, plan_arn, post, progress, test, waiting};
use crate::exit::Exit;
use crate::journal::Journal;
use crate::plain_file::{self, LARGEST_TEXT};
use crate::problem::{Outcome, Problem, Problems, one_line};
use crate::settings::Settings;
use crate::stderr::{say, warn};

/// Below it lie the tests that nobody named a folder for.
const DEFAULT: &str = "backproof-drills";

/// The pack of a test, in its folder.
const PACK: &str = "pack";

/// A job that could not be validated is tried again so many times while its plan is watched.
const MOST_TRIES: u32 = 3;

/// Arguments of `drill validate`.
#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("which").required(true).args(["job", "watch"])))]
pub struct ValidateArgs {
    /// The restore job of a restore testing plan, by its id; the event `Restore Job State Change` names it.
    #[arg(long, value_name = "ID")]
    pub job: Option<String>,
    /// The restore testing plan, by name or ARN, whose jobs are validated one after the other as they come, until the time of --timeout is
    /// over or somebody ends it.
    #[arg(long, value_name = "PLAN")]
    pub watch: Option<String>,
    /// With --watch, validate what waits for a verdict now, and end.
    #[arg(long, conflicts_with = "job")]
    pub once: bool,
    /// Compare and file, and tell AWS nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// The Region of the job or plan. Without this flag: the configured Region.
    #[arg(long)]
    pub region: Option<String>,
    #[command(flatten)]
    pub compare: CompareArgs,
    /// What a sample is drawn by; any text.
    #[arg(long, value_name = "TEXT")]
    pub seed: Option<String>,
    /// The folder of the test: plan, journal, and the pack with the record; with --watch the folder of the folders. Without this flag:
    /// backproof-drills/restore-test-JOB.
    #[arg(long, short = 'o', visible_alias = "output", value_name = "DIR")]
    pub to: Option<PathBuf>,
    /// Settings file. Without this flag: the nearest backproof.toml, if there is one.
    #[arg(long, value_name = "FILE", env = "BACKPROOF_CONFIG")]
    pub config: Option<PathBuf>,
    #[command(flatten)]
    pub times: WaitTimes,
    #[command(flatten)]
    pub signing: SigningArgs,
    #[command(flatten)]
    pub keeping: KeepArgs,
}

/// What the command line says, checked.
struct Typed {
    settings: Settings,
    every: Duration,
    at_most: Duration,
    compare: Compare,
    digests: Vec<Filed>,
    is_dry: bool,
}

/// What is to be compared, as it is filed beside the record.
#[derive(Debug, Serialize)]
struct Plan<'p> {
    schema_version: u32,
    kind: &'static str,
    restore_job_id: &'p str,
    restore_testing_plan_arn: &'p str,
    source_table_arn: &'p str,
    recovery_point_arn: &'p str,
    table_name: &'p str,
    caller_arn: &'p str,
    compare: &'p Compare,
}

/// A line of the journal.
#[derive(Debug, Serialize)]
struct Line<'l> {
    at: String,
    step: &'static str,
    restore_job_id: &'l str,
    status: Option<&'l str>,
    message: Option<&'l str>,
}

/// Who acts, where, and by what.
struct Place<'p> {
    typed: &'p Typed,
    target: &'p Target,
    identity: &'p Identity,
    signing: &'p Signing,
}

/// Runs `drill validate`.
///
/// Errors: every mistake on the command line before any call; no credentials; a job that is no restore test or has its verdict; what
/// was seen could not be filed, or AWS did not take the verdict.
pub(super) async fn run(args: ValidateArgs) -> Outcome<Exit> {
    let typed = typed(&args)?;
    let so = "nothing was compared, and AWS was told nothing";
    let region = args
        .region
        .clone()
        .or_else(|| args.watch.as_deref().and_then(region_of));
    let (at, _) = own_target(region.as_deref(), so).await?;
    let signing = folder::signing(&args.signing, &args.keeping, &typed.settings, false).await?;
    let reached = reached(&typed.settings, std::iter::once(at.clone())).await?;
    let Some(target) = reached.targets.get(&at) else {
        return Err(Problem::new(format!("account {} cannot be reached", at.account_id))
            .so(so)
            .into());
    };
    let place = Place {
        typed: &typed,
        target,
        identity: &reached.identity,
        signing: &signing,
    };
    match (&args.job, &args.watch) {
        (Some(job), _) => {
            let dir = args.to.clone().unwrap_or_else(|| folder_of(Path::new(DEFAULT), job));
            place.validate(job, &dir).await
        }
        (None, Some(plan)) => place.watch(plan, &args).await,
        (None, None) => Ok(Exit::Usage),
    }
}

fn folder_of(below: &Path, job: &str) -> PathBuf {
    let name: String = job.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
    below.join(format!("restore-test-{}", name.to_ascii_lowercase()))
}

/// The Region of a plan that is named by its ARN.
fn region_of(plan: &str) -> Option<String> {
    Arn::parse(plan).map(|arn| arn.region.to_owned())
}

/// Reads the command line and the settings, before any call.
///
/// Errors: every mistake.
fn typed(args: &ValidateArgs) -> Outcome<Typed> {
    let mut problems = Vec::new();
    let mut note = |problem: Problem| problems.push(problem.so("nothing was compared, and AWS was told nothing"));
    if args
        .job
        .as_deref()
        .is_some_and(|job| job.trim().is_empty() || job.contains('/'))
    {
        note(
            Problem::usage("that is no id of a restore job")
                .at("`--job`")
                .hint("write the `restoreJobId` of the event"),
        );
    }
    let compare = super::compare(&args.compare, args.seed.as_deref(), &mut note);
    let digests = super::digests(&args.compare, &mut note);
    let times = intervals(&args.times)
        .map_err(|found| found.0.into_iter().for_each(&mut note))
        .ok();
    let settings = Settings::load(args.config.as_deref(), None, None);
    let settings = settings.map_err(|found| found.0.into_iter().for_each(&mut note)).ok();
    let (true, Some((every, at_most)), Some(settings)) = (problems.is_empty(), times, settings) else {
        return Err(Problems(problems));
    };
    Ok(Typed {
        settings,
        every,
        at_most,
        compare: Compare {
            digests: digests.iter().map(|filed| filed.sha256.clone()).collect(),
            ..compare
        },
        digests,
        is_dry: args.dry_run,
    })
}

impl Place<'_> {
    /// Validates the jobs of a plan as they come.
    ///
    /// Errors: the plan cannot be found, or its jobs not be listed. What is wrong with one job is said, and the others go on.
    async fn watch(&self, plan: &str, args: &ValidateArgs) -> Outcome<Exit> {
        let below = args.to.as_deref().unwrap_or(Path::new(DEFAULT));
        let refuse = |what: &str, why: String| {
            Problem::new(format!("{what} of restore testing plan `{}`", one_line(plan)))
                .at(format!(
                    "account {}, {}",
                    self.target.id.account_id, self.target.id.region
                ))
                .why(why)
                .so("no test was validated")
                .hint("`aws backup list-restore-testing-plans` names the plans of a Region")
        };
        let arn = match plan.starts_with("arn:") {
            true => plan.to_owned(),
            false => plan_arn(self.target, plan)
                .await
                .map_err(|failure| refuse("could not find the ARN", failure.of("backup:GetRestoreTestingPlan")))?,
        };
        let until = std::time::Instant::now() + self.typed.at_most;
        let (mut tries, mut worst) = (BTreeMap::<String, u32>::new(), None);
        loop {
            let jobs = waiting(self.target, &arn).await;
            let jobs =
                jobs.map_err(|failure| refuse("could not list the jobs", failure.of("backup:ListRestoreJobs")))?;
            for job in jobs {
                let tried = tries.entry(job.clone()).or_default();
                if *tried >= MOST_TRIES {
                    continue;
                }
                *tried += 1;
                let ended = match self.validate(&job, &folder_of(below, &job)).await {
                    Ok(exit) => {
                        // It may wait for a verdict still: what was seen does not change by looking again.
                        *tried = MOST_TRIES;
                        exit
                    }
                    Err(Problems(problems)) => {
                        problems.iter().for_each(warn);
                        Exit::Failed
                    }
                };
                worst = Some(worst.map_or(ended, |worst| the_worse(worst, ended)));
            }
            if args.once || std::time::Instant::now() >= until {
                break;
            }
            tokio::time::sleep(self.typed.every).await;
        }
        Ok(worst.unwrap_or_else(|| {
            say("no restore test of the plan waits for a verdict: nothing was validated");
            Exit::EvidenceMissing
        }))
    }

    /// Compares the table of one test, files what was seen, and tells AWS: in this order, since AWS deletes the table then.
    async fn validate(&self, job: &str, dir: &Path) -> Outcome<Exit> {
        let found = test(self.target, job).await?;
        let (record, mut journal) = match filed(dir, job)? {
            Some(record) => {
                say(&format!(
                    "{}: compared before, as the record in {} says",
                    one_line(job),
                    dir.display()
                ));
                (record, open(dir)?)
            }
            None => self.file(found, job, dir).await?,
        };
        print(&show::record(&record))?;
        if record.drills.iter().any(is_upper_bound) {
            say(
                "how long it took to restore is an upper bound: its indexes were ACTIVE when they were looked at, and may have been before",
            );
        }
        let pack = dir.join(PACK);
        for line in self.signing.finish(&pack).await? {
            say(&line);
        }
        say(&format!("the evidence is in {}", pack.display()));
        let drill = record.drills.first().ok_or_else(|| {
            Problem::new("the record of the test holds none")
                .at(pack.display().to_string())
                .so("AWS was told nothing")
        })?;
        let answer = Answer::of(drill);
        let (status, message) = (answer.status.as_str(), answer.message.as_str());
        if self.typed.is_dry {
            say(&format!(
                "AWS was told nothing (--dry-run); it would have been {status}: {message}"
            ));
            return Ok(exit(drill));
        }
        let mut note = |step| journal.add(&line(step, job, Some(&answer)));
        note("posting")?;
        post(self.target, job, &answer).await.map_err(|why| {
            Problem::new(format!("AWS did not take the verdict {status}"))
                .at(format!("restore job `{}`", one_line(job)))
                .why(why)
                .so("what was compared is filed; AWS does not know of it")
                .hint(
                    "the same command tells AWS again without comparing again, as long as the test waits for a verdict",
                )
        })?;
        note("posted")?;
        say(&match answer.is_final() {
            true => format!(
                "{}: AWS was told {status}, and deletes the table of the test",
                one_line(job)
            ),
            false => format!(
                "{}: no verdict: the test stays {status} with the reason, and AWS makes it TIMED_OUT when its time is over",
                one_line(job)
            ),
        });
        Ok(exit(drill))
    }

    /// Compares, and makes the pack.
    async fn file(&self, found: Test, job: &str, dir: &Path) -> Outcome<(Record, Journal)> {
        let so = "nothing was filed, and AWS was told nothing";
        make(dir)?;
        let mut journal = open(dir)?;
        journal.add(&line("comparing", job, None))?;
        let home = self.home(&found.drill).await?;
        let bar = folder::bar();
        let tell = |at: Progress| {
            bar.set_message(progress(at));
            bar.tick();
        };
        let ground = Ground {
            target: self.target,
            home: home.as_ref(),
            digests: &self.typed.digests,
            wish: &self.typed.compare.wish(),
            every: self.typed.every.min(Duration::from_secs(5)),
            at_most: self.typed.at_most,
            tell: &tell,
        };
        let plan_arn = found.plan_arn.clone();
        let drill = compared(found, &ground).await;
        bar.finish_and_clear();
        let drill = drill.map_err(|why| {
            Problem::new("the table of the restore test could not be compared")
                .at(format!("restore job `{}`", one_line(job)))
                .why(why)
                .so(so)
                .hint("the same command begins anew, as long as the test waits for a verdict")
        })?;
        journal.add(&line("compared", job, Some(&Answer::of(&drill))))?;
        let plan = Plan {
            schema_version: 1,
            kind: "restore-test",
            restore_job_id: job,
            restore_testing_plan_arn: &plan_arn,
            source_table_arn: &drill.source.table_arn,
            recovery_point_arn: &drill.point.arn,
            table_name: &drill.restored.table_name,
            caller_arn: &self.identity.arn,
            compare: &self.typed.compare,
        };
        let plan = serde_json::to_string_pretty(&plan).expect("plain values always have a JSON form") + "\n";
        let record = self.record(drill, job);
        let disk = |error: std::io::Error| unfiled(dir, &error);
        std::fs::write(dir.join(PLAN_FILE), &plan).map_err(disk)?;
        let lines = plain_file::read(&dir.join(JOURNAL_FILE), LARGEST_TEXT).map_err(disk)?;
        let partial = dir.join(format!(".{PACK}.partial"));
        let _ = std::fs::remove_dir_all(&partial);
        std::fs::create_dir(&partial).map_err(disk)?;
        let contents = Contents {
            record: &record,
            plan: plan.as_bytes(),
            journal: &lines,
            command_line: crate::pack::seal::command_line(),
            clock_skew_seconds: self.identity.clock_skew_seconds,
        };
        seal(&partial, &contents)?;
        std::fs::rename(&partial, dir.join(PACK)).map_err(disk)?;
        Ok((record, journal))
    }

    /// The clients of where the source is; none: it cannot be reached.
    async fn home(&self, drill: &Drill) -> Outcome<Option<Target>> {
        let Some(arn) = Arn::parse(&drill.source.table_arn) else {
            return Ok(None);
        };
        let at = TargetId::new(arn.account_id, arn.region);
        if at == self.target.id {
            return Ok(Some(self.target.clone()));
        }
        let mut targets: BTreeMap<TargetId, Target> = reached(&self.typed.settings, std::iter::once(at.clone()))
            .await?
            .targets;
        Ok(targets.remove(&at))
    }

    fn record(&self, drill: Drill, job: &str) -> Record {
        let began_at = drill.times.ordered_at.unwrap_or(self.identity.at);
        let readings = drill.items.iter().flat_map(|items| {
            let own = std::iter::once(items.restored.ended_at);
            own.chain(items.other.as_ref().map(|other| other.ended_at))
        });
        let done = drill.job.as_ref().and_then(|job| job.completed_at);
        let times = [drill.times.active_at, drill.times.compared_at, done]
            .into_iter()
            .flatten();
        let ended_at: DateTime<Utc> = times.chain(readings).fold(began_at, DateTime::max);
        let id: String = job.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
        Record {
            schema_version: RECORD_VERSION,
            run_id: format!("restore-test-{}", id.to_ascii_lowercase()),
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            caller_arn: self.identity.arn.clone(),
            began_at,
            ended_at,
            drills: vec![drill],
            left_out: Vec::new(),
        }
    }
}

fn line<'l>(step: &'static str, job: &'l str, answer: Option<&'l Answer>) -> Line<'l> {
    Line {
        at: rfc3339(Utc::now()),
        step,
        restore_job_id: job,
        status: answer.map(|answer| answer.status.as_str()),
        message: answer.map(|answer| answer.message.as_str()),
    }
}

fn open(dir: &Path) -> Result<Journal, Problem> {
    Journal::open(&dir.join(JOURNAL_FILE), |_: serde_json::Value, _| Ok(()))
}

/// The record of a test that was compared before; none: it was not.
///
/// Errors: the folder holds another test, or something that cannot be read.
fn filed(dir: &Path, job: &str) -> Result<Option<Record>, Problem> {
    let path = dir.join(PACK).join(RECORD_FILE);
    if !path.exists() {
        return Ok(None);
    }
    let refuse = |why: String| {
        Problem::usage("the folder cannot be used for this restore test")
            .at(path.display().to_string())
            .why(why)
            .so("AWS was told nothing")
            .hint("name another folder with `--to`")
    };
    let bytes = plain_file::read(&path, LARGEST_TEXT).map_err(|error| refuse(error.to_string()))?;
    let record = Record::parse(&bytes).map_err(refuse)?;
    let is_own = |drill: &Drill| drill.restored.job_id.as_deref() == Some(job) && drill.verdict == drill.judged();
    match record.drills.as_slice() {
        [drill] if is_own(drill) => Ok(Some(record)),
        _ => Err(refuse("it is the record of something else".to_owned())),
    }
}

fn make(dir: &Path) -> Result<(), Problem> {
    let mut folders = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut folders, 0o700);
    folders
        .recursive(true)
        .create(dir)
        .map_err(|error| unfiled(dir, &error))
}

fn unfiled(dir: &Path, error: &std::io::Error) -> Problem {
    Problem::new("could not file what the restore test gave")
        .at(dir.display().to_string())
        .why(error.to_string())
        .so("AWS was told nothing")
        .hint("mend the disk, or name another folder with `--to`")
}

/// Was the table looked at only after AWS had called its restore done?
fn is_upper_bound(drill: &Drill) -> bool {
    drill.times.active_at > drill.job.as_ref().and_then(|job| job.completed_at)
}

/// How the validation of a test ends.
fn exit(drill: &Drill) -> Exit {
    match drill.verdict {
        Verdict::Identical | Verdict::EqualButForChanges | Verdict::SampleEqual => Exit::Compliant,
        Verdict::Different | Verdict::Failed => Exit::NonCompliant,
        Verdict::NotTested | Verdict::NotComparable => Exit::EvidenceMissing,
    }
}

/// Damage before failure before what is missing.
fn the_worse(one: Exit, other: Exit) -> Exit {
    let rank = |exit: &Exit| match exit {
        Exit::NonCompliant => 3,
        Exit::Failed | Exit::Usage | Exit::EvidenceBroken | Exit::Interrupted => 2,
        Exit::EvidenceMissing => 1,
        Exit::Compliant => 0,
    };
    std::cmp::max_by_key(one, other, rank)
}
