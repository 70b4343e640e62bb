//! `drill`: recovery points restored to see that they can be, compared, and deleted again.

pub mod clean;
mod folder;
mod show;
pub(crate) mod validate;
mod wanted;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use self::clean::CleanArgs;
use self::folder::{Folder, Found};
use self::validate::ValidateArgs;
use self::wanted::{Limits, Table, Tables};
use crate::commands::remediate::jobs::{WaitTimes, intervals};
use crate::commands::remediate::reached;
use crate::commands::shared::args::{KeepArgs, SigningArgs};
use crate::commands::shared::output::print;
use crate::commands::shared::reach::Reached;
use crate::domain::{Account, Arn, TargetId, rfc3339};
use crate::drill::choose::{Chosen, Place, Wanted, Which, choose};
use crate::drill::compare::Filed;
use crate::drill::estimate::{How, Usual, estimate, takes};
use crate::drill::plan::{Asked, Compare, PLAN_VERSION, Plan, Planned, Reach, table_name};
use crate::drill::record::LeftOut;
use crate::drill::run::Pace;
use crate::exit::Exit;
use crate::problem::{Outcome, Problem, Problems, one_line};
use crate::remediate::actions::{default_role, token};
use crate::remediate::price::Prices;
use crate::remediate::restore::Key;
use crate::sample::By;
use crate::settings::Settings;
use crate::stderr::{say, warn};

/// Restores of DynamoDB tables that AWS Backup makes at once.
const MOST_AT_ONCE: usize = 50;

/// Arguments of `drill`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct DrillArgs {
    /// Something else than to drill.
    #[command(subcommand)]
    pub command: Option<DrillCommand>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the text as a heading")]
    pub run: RunArgs,
}

/// Subcommands of `drill`.
#[derive(Debug, Subcommand)]
pub enum DrillCommand {
    /// Find tables that drills left behind, by journals and by name, and delete them once that is confirmed.
    Clean(CleanArgs),
    /// Compare a table that AWS's own restore testing made with its source, file what was seen, and tell AWS the verdict.
    Validate(Box<ValidateArgs>),
}

/// What to drill, and how.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Names or ARNs of the tables.
    #[arg(value_name = "TABLE", conflicts_with_all = ["due", "sample"])]
    pub tables: Vec<String>,
    /// The tables whose term (`restore-tested-within`) is over or near, the most overdue first, as the evidence of --from says.
    #[arg(long, requires = "from", conflicts_with = "sample", help_heading = "Which tables")]
    pub due: bool,
    /// With --due, how long before its end a term is near.
    #[arg(
        long,
        value_name = "DURATION",
        default_value = "7d",
        requires = "due",
        help_heading = "Which tables"
    )]
    pub near: String,
    /// So many tables, drawn from the evidence of --from as `sample` draws them.
    #[arg(long, value_name = "N", requires_all = ["from", "seed"], help_heading = "Which tables")]
    pub sample: Option<usize>,
    /// The seed of the draw of --sample, and of --point random; any text.
    #[arg(long, value_name = "TEXT", help_heading = "Which tables")]
    pub seed: Option<String>,
    /// With --sample, draw from strata by these, separated by commas.
    #[arg(
        long,
        value_name = "BY,…",
        value_delimiter = ',',
        requires = "sample",
        help_heading = "Which tables"
    )]
    pub by: Vec<By>,
    /// The pack or inventory of a scan: what --due and --sample choose from, and whose policy says which RTO a table has.
    #[arg(long, value_name = "PACK", help_heading = "Which tables")]
    pub from: Option<PathBuf>,
    /// Which recovery point of each table: newest, oldest, random, or one by its ARN; with an ARN no table needs to be named.
    #[arg(long, value_name = "POINT", default_value = "newest", help_heading = "Which tables")]
    pub point: String,
    /// Leave out what is larger than this, such as 500MB or 20GB, and what does not say how large it is.
    #[arg(long, value_name = "SIZE", help_heading = "Limits")]
    pub max_size: Option<String>,
    /// Begin nothing if all of it costs more than this, in US dollars, or if what it costs is not known.
    #[arg(long, value_name = "USD", help_heading = "Limits")]
    pub max_cost: Option<f64>,
    /// So many tables at most, the first ones; the others are left out.
    #[arg(long, value_name = "N", help_heading = "Limits")]
    pub max_tables: Option<usize>,
    /// Restores at once, 50 at most.
    #[arg(long, value_name = "N", default_value_t = 4, help_heading = "Limits")]
    pub concurrency: usize,
    /// Restore copies that lie in a vault of this account, there. The settings file names the role to act with.
    #[arg(long, value_name = "ACCOUNT", help_heading = "Where")]
    pub to_account: Option<String>,
    /// Restore copies that lie in a vault of this Region, there.
    #[arg(long, value_name = "REGION", help_heading = "Where")]
    pub to_region: Option<String>,
    /// The Region of tables given by name. Without this flag: the configured Region.
    #[arg(long, help_heading = "Where")]
    pub region: Option<String>,
    /// The key of the new tables: `aws-owned`, `aws-managed`, or the ARN of a KMS key.
    #[arg(long, value_name = "KEY", default_value = "aws-owned", help_heading = "Where")]
    pub key: String,
    /// The role AWS Backup assumes. Without this flag: the settings file's, else AWS Backup's default service role.
    #[arg(long, value_name = "ARN", help_heading = "Where")]
    pub role: Option<String>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the text as a heading")]
    pub compare: CompareArgs,
    /// Leave the new tables where they are. `drill clean` deletes them later.
    #[arg(long, help_heading = "The run")]
    pub keep: bool,
    /// File with prices. Without this flag: the program's own, of us-east-1.
    #[arg(long, value_name = "FILE", help_heading = "The run")]
    pub prices: Option<PathBuf>,
    /// Show tables, points, sizes, price, minutes and calls, and do nothing.
    #[arg(long, help_heading = "The run")]
    pub dry_run: bool,
    /// How the plan of --dry-run, or the result, is printed.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = DrillFormat::Text, help_heading = "The run")]
    pub format: DrillFormat,
    /// The folder of the run: plan, journal, record, and the pack of them. With the folder of a run that was ended, the same command
    /// goes on with it. Without this flag: a new folder below backproof-drills, or that of a run there that was ended.
    #[arg(
        long,
        short = 'o',
        visible_alias = "output",
        value_name = "DIR",
        help_heading = "The run"
    )]
    pub to: Option<PathBuf>,
    /// Settings file. Without this flag: the nearest backproof.toml, if there is one.
    #[arg(long, value_name = "FILE", env = "BACKPROOF_CONFIG", help_heading = "The run")]
    pub config: Option<PathBuf>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the text as a heading")]
    pub times: WaitTimes,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the text as a heading")]
    pub signing: SigningArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the text as a heading")]
    pub keeping: KeepArgs,
}

/// How tables are compared.
#[derive(Debug, Args)]
#[command(next_help_heading = "Comparison")]
pub struct CompareArgs {
    /// How much to compare: `whole` (every item), `sample` or `sample=K/N` (the items of K of N segments), `nothing` (keys,
    /// indexes and settings only).
    #[arg(long, value_name = "WHAT", default_value = "whole")]
    pub compare: String,
    /// Segments of each table that are read at once.
    #[arg(long, value_name = "N", default_value_t = crate::drill::compare::SEGMENTS)]
    pub segments: u32,
    /// Read capacity units a second of each table. Without this flag: a quarter of what it is provisioned with, or of what a table
    /// on demand serves from its first moment.
    #[arg(long, value_name = "UNITS")]
    pub read_rate: Option<f64>,
    /// Read strongly consistently, at twice the price.
    #[arg(long)]
    pub consistent: bool,
    /// The attribute that tells when an item was last written: with it, items that differ since the point are told from damage.
    #[arg(long, value_name = "ATTRIBUTE")]
    pub changed_at: Option<String>,
    /// Name the keys of items that differ, and not only their SHA-256.
    #[arg(long)]
    pub show_keys: bool,
    /// A digest of the point that `backup --digest` took. May be given once for each point.
    #[arg(long, value_name = "FILE")]
    pub digest: Vec<PathBuf>,
}

/// How `drill` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DrillFormat {
    /// For people.
    Text,
    /// For programs: the plan file of a dry run, else the record.
    Json,
}

/// Runs `drill`.
///
/// Errors: every mistake on the command line before any call; no credentials; nothing that can be restored; the folder or its journal
/// cannot be used.
pub async fn run(args: DrillArgs) -> Outcome<Exit> {
    match args.command {
        Some(DrillCommand::Clean(args)) => clean::run(args).await,
        Some(DrillCommand::Validate(args)) => validate::run(*args).await,
        None => drill(args.run).await,
    }
}

/// What the command line says, checked.
struct Typed {
    settings: Settings,
    pace: Pace,
    prices: Prices,
    tables: Tables,
    which: Which,
    limits: Limits,
    key: String,
    digests: Vec<Filed>,
    asked: Asked,
}

async fn drill(args: RunArgs) -> Outcome<Exit> {
    let typed = typed(&args)?;
    let signing = folder::signing(&args.signing, &args.keeping, &typed.settings, args.dry_run).await?;
    let found = match args.dry_run {
        true => Found::New(PathBuf::new()),
        false => folder::find(args.to.as_deref(), &typed.asked)?,
    };
    let (folder, reached) = match found {
        Found::Ended(dir) => {
            say(&format!(
                "the drill in {} has ended: this is what it saw",
                dir.display()
            ));
            return folder::result(&dir, &args, &typed, &signing).await;
        }
        Found::Begun(dir, plan) => {
            say(&format!(
                "going on with the drill in {}, begun on {}",
                dir.display(),
                rfc3339(plan.made_at)
            ));
            let reached = reached(&typed.settings, plan.targets().into_iter()).await?;
            folder::check_caller(&plan, &dir, &reached.identity)?;
            (Folder::reopen(dir, *plan)?, reached)
        }
        Found::New(dir) => {
            let Some((plan, reached)) = planned(&args, &typed).await? else {
                return Ok(typed.tables.exit(Exit::Compliant));
            };
            if args.dry_run {
                print(&match args.format {
                    DrillFormat::Text => show::plan(&plan),
                    DrillFormat::Json => plan.to_json(),
                })?;
                say("nothing was restored (--dry-run)");
                return Ok(Exit::Compliant);
            }
            let is_reached = plan.targets().iter().all(|id| reached.targets.contains_key(id));
            let reached = match is_reached {
                true => reached,
                // The source of a point that was named lies elsewhere.
                false => self::reached(&typed.settings, plan.targets().into_iter()).await?,
            };
            (Folder::create(dir, plan)?, reached)
        }
    };
    folder.run(&typed, &args, &reached, &signing).await
}

/// Reads the command line and the settings, before any call.
///
/// Errors: every mistake.
fn typed(args: &RunArgs) -> Outcome<Typed> {
    let mut problems = Vec::new();
    let mut note = |problem: Problem| problems.push(problem.so("nothing was restored"));
    if args.tables.is_empty() && !args.due && args.sample.is_none() && !is_arn(&args.point) {
        note(
            Problem::usage("no table was named")
                .hint("name tables, or choose with `--due`, `--sample N` or `--point ARN`"),
        );
    }
    if is_arn(&args.point) && (args.tables.len() > 1 || args.due || args.sample.is_some()) {
        note(
            Problem::usage("one recovery point is of one table")
                .at("`--point`")
                .hint("name one table or none beside the ARN of a point"),
        );
    }
    let which = match args.point.as_str() {
        "newest" => Which::Newest,
        "oldest" => Which::Oldest,
        "random" => {
            if args.seed.is_none() {
                note(
                    Problem::usage("the seed is missing")
                        .at("`--point random`")
                        .why("a draw that nobody can repeat is no evidence")
                        .hint("choose one with `--seed`"),
                );
            }
            Which::Random(args.seed.clone().unwrap_or_default())
        }
        arn if is_arn(arn) => Which::Named(arn.to_owned()),
        other => {
            note(
                Problem::usage(format!("`{}` names no recovery point", one_line(other)))
                    .at("`--point`")
                    .hint("write newest, oldest, random, or the ARN of a point"),
            );
            Which::Newest
        }
    };
    if let Err(why) = Key::parse(&args.key) {
        note(Problem::usage("`--key` is no key").why(why));
    }
    if args.sample == Some(0) {
        note(
            Problem::usage("a sample of no table shows nothing")
                .at("`--sample`")
                .hint("draw 1 or more"),
        );
    }
    if !(1..=MOST_AT_ONCE).contains(&args.concurrency) {
        note(
            Problem::usage(format!("{} restores at once cannot be", args.concurrency))
                .at("`--concurrency`")
                .why("AWS Backup restores 1 to 50 tables at once")
                .hint("give a number from 1 to 50"),
        );
    }
    if let Some(account) = args
        .to_account
        .as_deref()
        .filter(|id| id.len() != 12 || !id.bytes().all(|byte| byte.is_ascii_digit()))
    {
        note(
            Problem::usage(format!("`{}` is no account", one_line(account)))
                .at("`--to-account`")
                .hint("write its twelve digits"),
        );
    }
    let limits = Limits::read(args, &mut note);
    let compare = compare(&args.compare, args.seed.as_deref(), &mut note);
    let digests = digests(&args.compare, &mut note);
    let compare = Compare {
        digests: digests.iter().map(|filed| filed.sha256.clone()).collect(),
        ..compare
    };
    let pace = intervals(&args.times)
        .map_err(|found| found.0.into_iter().for_each(&mut note))
        .ok();
    let settings = Settings::load(args.config.as_deref(), None, None);
    let settings = settings.map_err(|found| found.0.into_iter().for_each(&mut note)).ok();
    let prices = Prices::load(args.prices.as_deref());
    let prices = prices.map_err(|found| found.0.into_iter().for_each(&mut note)).ok();
    let tables = match problems.is_empty() {
        true => Some(wanted::tables(args)?),
        false => None,
    };
    let (Some((every, at_most)), Some(settings), Some(prices), Some(tables)) = (pace, settings, prices, tables) else {
        return Err(Problems(problems));
    };
    let asked = Asked {
        tables: tables.words.clone(),
        point: args.point.clone(),
        with: wanted::with(args),
        keeps: args.keep,
        compare,
    };
    Ok(Typed {
        pace: Pace {
            at_once: args.concurrency,
            every,
            at_most,
        },
        settings,
        prices,
        tables,
        which,
        limits,
        key: args.key.clone(),
        digests,
        asked,
    })
}

/// The digests of points that were named.
fn digests(args: &CompareArgs, note: &mut dyn FnMut(Problem)) -> Vec<Filed> {
    let mut digests = Vec::new();
    for path in &args.digest {
        match Filed::read(path) {
            Ok(filed) => digests.push(filed),
            Err(why) => note(
                Problem::usage("the digest of the point cannot be used")
                    .at(path.display().to_string())
                    .why(why),
            ),
        }
    }
    digests
}

/// Is that the ARN of a recovery point?
fn is_arn(point: &str) -> bool {
    point.starts_with("arn:") && (point.contains(":recovery-point:") || point.contains("/backup/"))
}

/// How tables are compared, but for digests of points.
fn compare(args: &CompareArgs, seed: Option<&str>, note: &mut dyn FnMut(Problem)) -> Compare {
    let reach = match args.compare.as_str() {
        "whole" => Some(Reach::Whole),
        "nothing" => Some(Reach::Nothing),
        "sample" => Some((16, 1024)).and_then(|share| sampled(share, seed)),
        text => text
            .strip_prefix("sample=")
            .and_then(|share| share.split_once('/'))
            .and_then(|(segments, of)| Some((segments.parse().ok()?, of.parse().ok()?)))
            .and_then(|share| sampled(share, seed)),
    };
    if reach.is_none() {
        note(
            Problem::usage(format!(
                "`{}` does not say how much to compare",
                one_line(&args.compare)
            ))
            .at("`--compare`")
            .hint("write whole, nothing, sample, or sample=K/N with 1 ≤ K ≤ N ≤ 1000000"),
        );
    }
    if !(1..=1000).contains(&args.segments) {
        note(
            Problem::usage(format!("a table cannot be read in {} segments at once", args.segments))
                .at("`--segments`")
                .hint("give a number from 1 to 1000"),
        );
    }
    if args.read_rate.is_some_and(|rate| !(0.5..=1e7).contains(&rate)) {
        note(
            Problem::usage("that is no rate to read at")
                .at("`--read-rate`")
                .hint("give read capacity units a second, such as 500"),
        );
    }
    Compare {
        segments: args.segments,
        // No more digits than a plan that is read again keeps.
        read_rate: args.read_rate.map(|rate| (rate * 1000.0).round() / 1000.0),
        is_consistent: args.consistent,
        reach: reach.unwrap_or(Reach::Whole),
        changed_at: args.changed_at.clone(),
        shows_keys: args.show_keys,
        digests: Vec::new(),
    }
}

/// A sample of so many of so many segments; what they are drawn by follows from the seed, if one was given, and is written down.
fn sampled((segments, of): (u32, u32), seed: Option<&str>) -> Option<Reach> {
    let drawn_by = token(&[seed.unwrap_or("backproof drill")]);
    let digits: String = drawn_by.chars().rev().take(12).collect();
    let seed = u64::from_str_radix(&digits, 16).ok()?;
    ((1..=1_000_000).contains(&of) && (1..=of).contains(&segments)).then_some(Reach::Sample { segments, of, seed })
}

/// Chooses points and makes the plan; none: no table is due. Nothing is changed.
///
/// Errors: no credentials; nothing that can be restored; more than was allowed.
async fn planned(args: &RunArgs, typed: &Typed) -> Outcome<Option<(Plan, Reached)>> {
    let mut tables: Vec<Table> = typed.tables.resolved(args, &typed.settings).await?;
    if tables.is_empty() {
        return Ok(None);
    }
    tables.iter_mut().for_each(|table| table.move_to(args));
    let ids: BTreeSet<TargetId> = tables
        .iter()
        .flat_map(|table| [Some(table.at.clone()), table.home.clone()])
        .flatten()
        .collect();
    let reached = reached_of(args, typed, ids).await?;
    let mut places = BTreeMap::new();
    for at in tables.iter().map(|table| &table.at).collect::<BTreeSet<_>>() {
        if let Some(target) = reached.targets.get(at) {
            places.insert(at.clone(), Place::look(target).await);
        }
    }
    let (mut chosen, mut left_out) = (Vec::new(), Vec::new());
    for table in &tables {
        let wanted = Wanted {
            table_arn: table.arn.clone(),
            at: table.at.clone(),
        };
        let home = table.home.as_ref().and_then(|home| reached.targets.get(home));
        let result = match places.get(&table.at) {
            None => Err(format!(
                "account {}, {} cannot be reached",
                table.at.account_id, table.at.region
            )),
            Some(place) => choose(place, home, &wanted, &typed.which).await,
        };
        let result = result.and_then(|found| typed.limits.check(&found, chosen.len()).map(|()| found));
        match result {
            Ok(found) => chosen.push((table, found)),
            Err(why) => left_out.push(LeftOut {
                table_arn: table.arn.clone().unwrap_or_else(|| args.point.clone()),
                why,
            }),
        }
    }
    say_of(&chosen, &left_out);
    if chosen.is_empty() {
        return Err(wanted::nothing(&left_out));
    }
    let known: Vec<f64> = places.values().flat_map(|place| place.took.iter().copied()).collect();
    let pages = places.iter().map(|(at, place)| (at.clone(), place.pages)).collect();
    drop(places);
    let plan = put_together(args, typed, &reached, (&chosen, left_out), (&known, &pages));
    typed.limits.check_cost(&plan)?;
    Ok(Some((plan, reached)))
}

/// The clients, with a role for accounts that the settings do not name only if they are the caller's own.
async fn reached_of(args: &RunArgs, typed: &Typed, ids: BTreeSet<TargetId>) -> Outcome<Reached> {
    let accounts: &[Account] = &typed.settings.accounts;
    let reached = reached(&typed.settings, ids.into_iter()).await?;
    if let Some(account) = &args.to_account
        && *account != reached.identity.account_id
        && accounts.iter().all(|known| known.id != *account)
    {
        return Err(Problem::usage(format!("account `{account}` has no role to act with"))
            .at("`--to-account`")
            .so("nothing was restored")
            .hint("add the account with `role_arn` to the settings file")
            .into());
    }
    Ok(reached)
}

/// What is special about what was chosen, and what is left out.
fn say_of(chosen: &[(&Table, Chosen)], left_out: &[LeftOut]) {
    for (_, found) in chosen {
        for note in &found.notes {
            warn(&Problem::new(format!(
                "{}: {}",
                one_line(&found.source.table_arn),
                one_line(note)
            )));
        }
    }
    if chosen.is_empty() {
        return;
    }
    for left in left_out {
        warn(
            &Problem::new(format!("`{}` is left out", one_line(&left.table_arn)))
                .why(one_line(&left.why))
                .so("nothing is tested of it"),
        );
    }
}

fn put_together(
    args: &RunArgs,
    typed: &Typed,
    reached: &Reached,
    (chosen, left_out): (&[(&Table, Chosen)], Vec<LeftOut>),
    (known, pages): (&[f64], &BTreeMap<TargetId, u64>),
) -> Plan {
    let identity = &reached.identity;
    let run_id = folder::run_id(identity);
    let (usual, wish) = (Usual::of(known), typed.asked.compare.wish());
    let how = How {
        wish: &wish,
        at_once: typed.pace.at_once,
        every: typed.pace.every.as_secs_f64(),
        keeps: args.keep,
    };
    let (mut drills, mut each) = (Vec::new(), Vec::new());
    for (place, (table, found)) in chosen.iter().enumerate() {
        let number = u32::try_from(place + 1).unwrap_or(u32::MAX);
        let where_to = (table.at.region.as_str(), pages.get(&table.at).copied().unwrap_or(1));
        let (takes, part) = takes(found, where_to, &usual, &how, &typed.prices);
        // The settings' role is of one account; AWS Backup takes no role of another.
        let is_of_place = |role: &String| Arn::parse(role).is_some_and(|role| role.account_id == table.at.account_id);
        let of_settings = typed.settings.remediation.role_arn.clone().filter(is_of_place);
        let role = args.role.clone().or(of_settings);
        drills.push(Planned {
            number,
            source: found.source.clone(),
            point: found.point.clone(),
            account_id: table.at.account_id.clone(),
            region: table.at.region.clone(),
            table_name: table_name(&run_id, number),
            key: typed.key.clone(),
            role_arn: role.unwrap_or_else(|| default_role(&identity.partition, &table.at.account_id)),
            rto_seconds: table.rto_seconds,
            takes,
        });
        each.push(part);
    }
    let mut made: BTreeMap<String, u64> = BTreeMap::new();
    for row in reached.log.take() {
        *made.entry(row.action).or_default() += u64::try_from(row.attempt_count).unwrap_or(0);
    }
    *made.entry("sts:GetCallerIdentity".to_owned()).or_default() += u64::from(typed.tables.asks_who_calls(args));
    Plan {
        schema_version: PLAN_VERSION,
        run_id,
        made_at: identity.at,
        caller_arn: identity.arn.clone(),
        account_id: identity.account_id.clone(),
        asked: typed.asked.clone(),
        estimate: estimate(&drills, &usual, &how, (made, &typed.prices), &each),
        drills,
        left_out,
        sha256: String::new(),
    }
    .sealed()
}
