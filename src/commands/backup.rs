//! `backup`: on-demand backup jobs of named tables, by hand.

use std::path::PathBuf;

use chrono::Utc;
use clap::Args;

use crate::aws::failure::FailureKind;
use crate::aws::target::Target;
use crate::commands::remediate::jobs::{WaitArgs, followed, intervals, outcome};
use crate::commands::remediate::targets;
use crate::commands::shared::output::{Single, print};
use crate::commands::shared::reading::{ReadingArgs, ReadingBar};
use crate::domain::{Arn, TargetId, table_arn};
use crate::drill::compare::{Before, Side, Wish, point_to};
use crate::duration;
use crate::exit::Exit;
use crate::problem::{Outcome, Problem, Problems, count, one_line};
use crate::remediate::Action;
use crate::remediate::actions::{Deed, Doing, OnDemandBackup, default_role, table_names, token};
use crate::remediate::follow::Job;
use crate::remediate::price::Cost;
use crate::settings::{Settings, check_lifecycle};
use crate::stderr::{self, say};
use crate::text::nearest;

/// Arguments of `backup`.
#[derive(Debug, Args)]
pub struct BackupArgs {
    /// Names or ARNs of the tables.
    #[arg(required = true, value_name = "TABLE")]
    pub tables: Vec<String>,
    /// The vault that takes the recovery points. Without this flag: the settings file's, else Default.
    #[arg(long)]
    pub vault: Option<String>,
    /// The role AWS Backup assumes. Without this flag: the settings file's, else AWS Backup's default service role.
    #[arg(long, value_name = "ARN")]
    pub role: Option<String>,
    /// Move to cold storage after this time, such as 7d. Without this flag: stays warm.
    #[arg(long, value_name = "DAYS")]
    pub cold_after: Option<String>,
    /// Delete after this time, such as 97d. Without this flag: the policy's minimum retention.
    #[arg(long, value_name = "DAYS")]
    pub delete_after: Option<String>,
    /// The Region of tables given by name. Without this flag: the configured Region.
    #[arg(long, visible_alias = "regions")]
    pub region: Option<String>,
    /// Settings file. Without this flag: the nearest backproof.toml, if there is one.
    #[arg(long, value_name = "FILE", env = "BACKPROOF_CONFIG")]
    pub config: Option<PathBuf>,
    /// Show what would be done, and do nothing.
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the text as a heading")]
    pub wait: WaitArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the text as a heading")]
    pub digest: DigestArgs,
}

/// Whether and how to take digests.
#[derive(Debug, Args)]
pub struct DigestArgs {
    /// Read each table whole before its job and after it, and file the digest of what the recovery point has to hold. Tables are
    /// backed up one after the other, and each job is waited for. What is read is billed.
    #[arg(long)]
    pub digest: bool,
    /// The folder for the files of digests. Without this flag: where the command runs.
    #[arg(long, value_name = "DIR", requires = "digest")]
    pub digest_to: Option<PathBuf>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the text as a heading")]
    pub reading: ReadingArgs,
}

/// Runs `backup`.
///
/// Errors: every mistake on the command line before any call; no credentials. A table that AWS refuses is said, and the
/// next one is tried.
pub async fn run(args: BackupArgs) -> Outcome<Exit> {
    let settings = Settings::load(args.config.as_deref(), None, None)?;
    let (every, at_most) = intervals(&args.wait.times)?;
    let (cold_after_days, delete_after_days) = lifecycle(&args, &settings)?;
    let digests = Digests::prepare(&args.digest)?;
    let vault = args
        .vault
        .clone()
        .unwrap_or_else(|| settings.remediation.vault_or_default().to_owned());
    let mut actions = Vec::new();
    for (arn, target, partition) in resolve(&args.tables, args.region.as_deref(), "nothing was started").await? {
        let role = args.role.clone().or_else(|| settings.remediation.role_arn.clone());
        let deed = OnDemandBackup {
            table_id: None,
            role_arn: role.unwrap_or_else(|| default_role(&partition, &target.account_id)),
            table_arn: arn,
            vault_name: vault.clone(),
            cold_after_days,
            delete_after_days,
            judged_at: Utc::now(),
            table_size_bytes: None,
        };
        let verb = if args.dry_run { "would back up" } else { "backing up" };
        say(&format!(
            "{verb} {} into {} ({})",
            one_line(&deed.table_arn),
            one_line(&vault),
            deed.lifecycle()
        ));
        actions.push(Action {
            // By hand each command is a new wish: the token keeps only the retries of one command together.
            id: token(&[&deed.table_arn, &vault, &Utc::now().to_rfc3339()]),
            needs: Vec::new(),
            account_id: target.account_id,
            region: target.region,
            reason: "asked for by hand".to_owned(),
            findings: Vec::new(),
            cost: Cost::FREE,
            deed: Deed::OnDemandBackup(deed),
        });
    }
    if args.dry_run {
        return Ok(Exit::Compliant);
    }
    let targets = targets(&settings, actions.iter().map(Action::target)).await?;
    let (mut jobs, mut ended, mut refused) = (Vec::new(), Vec::new(), 0);
    for action in actions {
        let id = action.target();
        let Some(target) = targets.get(&id) else {
            refused += 1;
            continue;
        };
        let name = action.name();
        let taking = match &digests {
            Some(digests) => Some(digests.begin(target, &name).await),
            None => None,
        };
        let doing = Doing {
            round: 0,
            id: &action.id,
            made: &[],
        };
        match action.deed.act(target, &doing).await {
            Ok(done) => {
                let job_id = done.job.unwrap_or_default();
                print(&format!("{}\t{}\n", one_line(&name), one_line(&job_id)))?;
                let job = Job {
                    id: job_id,
                    target: target.clone(),
                    action,
                };
                let Some(taking) = taking else {
                    jobs.push(job);
                    continue;
                };
                ended.extend(followed(vec![job.clone()], every, at_most).await);
                if let Err(problems) = taking.end(&job).await {
                    refused += 1;
                    stderr::fail(&problems);
                }
            }
            Err(failure) => {
                refused += 1;
                let place = format!("account {}, {}", id.account_id, id.region);
                let problem = if failure.kind == FailureKind::Absent && failure.why().contains("able not found") {
                    let names = table_names(target).await;
                    let near = nearest(&name, names.iter().map(String::as_str));
                    Problem::new(format!("there is no table `{name}`"))
                        .at(place)
                        .hint(near.map_or_else(
                            || "check the name, the Region (`--region`) and whose credentials these are".to_owned(),
                            |near| format!("did you mean `{near}`?"),
                        ))
                } else {
                    Problem::new(format!("could not start the backup of `{name}`"))
                        .at(format!("{place}, vault `{vault}`"))
                        .hint("check that the vault and the role exist; `backproof explain permissions --command backup` prints the rights needed")
                };
                let why = format!("{} from backup:StartBackupJob", failure.why());
                stderr::fail(&problem.why(why).so("the table has no new recovery point").into());
            }
        }
    }
    let waits = args.wait.wait || digests.is_some();
    if waits {
        ended.extend(followed(jobs, every, at_most).await);
    }
    Ok(outcome(&ended, refused, waits))
}

/// How digests are taken, and where they go.
struct Digests {
    wish: Wish,
    folder: PathBuf,
}

/// A digest under way: the table was read, or could not be.
struct Taking<'d> {
    digests: &'d Digests,
    file: Single,
    before: Result<Before, String>,
}

impl Digests {
    /// Everything that can be wrong with them before any table is backed up. `None`: none are asked for.
    ///
    /// Errors: flags that go with `--digest` only; no rate; no such folder.
    fn prepare(args: &DigestArgs) -> Outcome<Option<Self>> {
        let wish = args.reading.wish()?;
        if !args.digest {
            return match wish == Wish::default() {
                true => Ok(None),
                false => Err(Problem::usage("how to read tables is of no use here")
                    .at("`--read-rate`, `--segments`, `--consistent`")
                    .why("tables are read for digests only")
                    .hint("add `--digest`, or leave them out")
                    .into()),
            };
        }
        let folder = args.digest_to.clone().unwrap_or_else(|| PathBuf::from("."));
        if !folder.is_dir() {
            return Err(Problem::usage("could not use the folder for digests")
                .at(folder.display().to_string())
                .why("there is no such folder")
                .so("no backup was started")
                .hint("create it first, or choose another one by `--digest-to`")
                .into());
        }
        Ok(Some(Self { wish, folder }))
    }

    /// Reads a table before its job is started. A table that cannot be read is backed up all the same.
    async fn begin(&self, target: &Target, name: &str) -> Taking<'_> {
        let name_of_file = format!("digest-{name}-{}.json", Utc::now().format("%Y%m%dT%H%M%SZ"));
        let bar = ReadingBar::new(name);
        let before = Before::read(Side { target, table: name }, &self.wish, &|progress| bar.tell(progress)).await;
        Taking {
            digests: self,
            file: Single::File(self.folder.join(name_of_file), "by `--digest-to`"),
            before,
        }
    }
}

impl Taking<'_> {
    /// Reads the table again, files both readings and lets the recovery point name the file.
    ///
    /// Errors: there is no digest of the point, and why.
    async fn end(self, job: &Job) -> Outcome<()> {
        let name = job.action.name();
        let id = job.action.target();
        let place = format!("account {}, {}", id.account_id, id.region);
        let none = |why: String| {
            Problem::new(format!(
                "there is no digest of the recovery point of `{}`",
                one_line(&name)
            ))
            .at(place.clone())
            .why(why)
        };
        let side = Side {
            target: &job.target,
            table: &name,
        };
        let Deed::OnDemandBackup(deed) = &job.action.deed else {
            return Ok(());
        };
        let wish = &self.digests.wish;
        let taken = match self.before {
            Ok(before) => {
                let bar = ReadingBar::new(&name);
                before
                    .after(side, &deed.table_arn, &job.id, wish, &|progress| bar.tell(progress))
                    .await
            }
            Err(why) => Err(why),
        };
        let digest = taken.map_err(|why| {
            none(why)
                .so("the backup is none the worse for it")
                .hint("`backproof explain permissions --command backup` prints the rights needed")
        })?;
        let text = digest.to_json().map_err(&none)?;
        let sha256 = crate::digest::of_bytes(text.as_bytes());
        self.file.write(&text)?;
        if let Some(why) = digest.weakness() {
            return Err(none(why)
                .so("the file says so, and no restore can be held against it; the backup is none the worse for it")
                .hint("take it when nothing writes to the table")
                .into());
        }
        let items = count(usize::try_from(digest.after.items).unwrap_or(usize::MAX), "item");
        say(&format!(
            "{}: {items} before the job, and the same after it",
            one_line(&name)
        ));
        match point_to(side, &digest, &sha256).await {
            Ok(()) => say(&format!(
                "{}: the recovery point names the file by a tag",
                one_line(&name)
            )),
            Err(why) => say(&format!(
                "{}: no tag on the recovery point names the file: {why}",
                one_line(&name)
            )),
        }
        Ok(())
    }
}

fn lifecycle(args: &BackupArgs, settings: &Settings) -> Outcome<(Option<i64>, i64)> {
    let mut problems = Vec::new();
    let mut days = |flag: &str, text: Option<&String>| -> Option<i64> {
        let parsed = duration::parse_days(text?);
        parsed
            .map_err(|why| {
                problems.push(
                    Problem::usage(format!("`{flag}` is not a number of days"))
                        .why(why)
                        .hint("write it like `35d`"),
                );
            })
            .ok()
    };
    let cold = days("--cold-after", args.cold_after.as_ref());
    let delete = days("--delete-after", args.delete_after.as_ref());
    if !problems.is_empty() {
        return Err(Problems(problems));
    }
    let cold = cold.or(if args.cold_after.is_none() {
        settings.remediation.cold_after_days
    } else {
        None
    });
    let delete = delete
        .or(settings.remediation.delete_after_days)
        .unwrap_or(settings.policy.values.retention_min_days);
    check_lifecycle(cold, Some(delete)).map_err(|why| {
        Problem::usage("AWS Backup would refuse the lifecycle")
            .at("`--cold-after`, `--delete-after`")
            .why(why)
            .so("no backup was started")
            .hint("raise `--delete-after`, or leave `--cold-after` out")
    })?;
    Ok((cold, delete))
}

/// ARN, place and partition of tables that were given by name or ARN. `so` is for messages: what follows from a mistake.
///
/// Errors: not the ARN of a table; a name, and the Region is not known; no credentials.
pub(super) async fn resolve(
    tables: &[String],
    region: Option<&str>,
    so: &str,
) -> Outcome<Vec<(String, TargetId, String)>> {
    let mut resolved = Vec::new();
    let mut own = None;
    for table in tables {
        if let Some(arn) = Arn::parse(table) {
            if arn.table_name().is_none() {
                return Err(Problem::usage(format!("`{table}` is not the ARN of a DynamoDB table"))
                    .so(so)
                    .hint("write it like arn:aws:dynamodb:eu-west-1:111122223333:table/Orders")
                    .into());
            }
            let target = TargetId::new(arn.account_id, arn.region);
            resolved.push((table.clone(), target, arn.partition.to_owned()));
            continue;
        }
        if own.is_none() {
            own = Some(own_target(region, so).await?);
        }
        if let Some((target, partition)) = &own {
            resolved.push((table_arn(partition, target, table), target.clone(), partition.clone()));
        }
    }
    Ok(resolved)
}

/// The caller's own account, with the Region that was named or is configured, and its partition.
///
/// Errors: no credentials; no Region, and so what was to be done was not.
pub(crate) async fn own_target(region: Option<&str>, so: &str) -> Outcome<(TargetId, String)> {
    let session = crate::aws::target::Session::load().await?;
    let identity = session.identity(&std::sync::Arc::default()).await?;
    let Some(region) = region.map(str::to_owned).or_else(|| session.region()) else {
        return Err(Problem::usage("the Region of the table is not known")
            .so(so)
            .hint("pass `--region`, set AWS_REGION, or name the table by its ARN")
            .into());
    };
    Ok((
        TargetId {
            account_id: identity.account_id,
            region,
        },
        identity.partition,
    ))
}
