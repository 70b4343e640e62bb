//! `report`: a stored inventory, judged and written down, offline. Also the second half of `scan`.

use std::path::{Path, PathBuf};

use chrono::Utc;
use clap::Args;

use crate::aws::s3::Keeping;
use crate::aws::target::Session;
use crate::commands::baseline;
use crate::commands::push::to_security_hub;
use crate::commands::shared::args::{OutputArgs, PushTo, RuleArgs};
use crate::commands::shared::criteria;
use crate::commands::shared::evidence::{Evidence, has_file, inventory_in};
use crate::commands::shared::output::{Pipe, colored_summary, print};
use crate::commands::shared::signing::{Makes, Signing, keeping, ledger_of};
use crate::criteria::Criteria;
use crate::criteria::policy::{Policy, Source};
use crate::deliver::staging::{Access, Purpose, Staging};
use crate::deliver::{Destination, S3Prefix};
use crate::domain::{Account, FactValue, Question, Severity};
use crate::exit::Exit;
use crate::facts::{Facts, derive};
use crate::inventory::{INVENTORY_DIR, Inventory};
use crate::judge::evaluate::{Tiers, Within};
use crate::judge::judge;
use crate::ledger::Ledger;
use crate::pack::redact::{check_same, check_templates, redact};
use crate::pack::seal::{self, command_line};
use crate::pack::{MANIFEST_FILE, Manifest, Pack, SEAL_FILES};
use crate::problem::{Outcome, Problem, count};
use crate::render::terminal::Listing;
use crate::render::{FORMATS, Format, RenderError, Templates, terminal};
use crate::report::{Compared, Conclusion, Report, Since};
use crate::stderr::{self, say, warn};
use crate::text::{list, nearest};

/// Arguments of `report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// The folder with the inventory: that of a scan, its `inventory` folder, or what `collect` wrote.
    #[arg(value_name = "INVENTORY")]
    pub inventory: PathBuf,
    /// Settings file. Without this flag: what the pack was judged by; of an inventory alone the nearest backproof.toml, if there is one.
    #[arg(long, value_name = "FILE", env = "BACKPROOF_CONFIG")]
    pub config: Option<PathBuf>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the text as a heading")]
    pub rules: RuleArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the text as a heading")]
    pub output: OutputArgs,
    /// Print which tier of the policy takes this table (name or ARN) and the values that apply to it, and stop.
    #[arg(long, value_name = "TABLE", help_heading = "Rules and policy")]
    pub explain_policy: Option<String>,
}

/// Runs `report`.
///
/// Errors: settings, rules or output that cannot be used; an inventory that cannot be read.
pub async fn run(args: ReportArgs) -> Outcome<Exit> {
    let inventory = inventory_in(&args.inventory);
    let (settings, mut criteria) = criteria::read(args.config.as_deref(), &args.rules, inventory.as_ref().ok())?;
    // A pack is judged again by what it was judged by, unless something else is asked for.
    if has_file(&args.inventory, MANIFEST_FILE)? && inventory.is_ok() {
        criteria = criteria::of_evidence(&Evidence::open(&args.inventory)?, args.config.as_deref(), &args.rules)?;
    }
    if let Some(table) = &args.explain_policy {
        return explain_policy(&inventory?, &criteria, table);
    }
    if let Some(path) = &args.output.baseline {
        criteria.baseline = Some(baseline::read(path)?);
    }
    let (makes, purpose) = if args.output.redact_accounts {
        (Makes::Pack(None), Purpose::Redacted)
    } else {
        (Makes::Reports, Purpose::Reports)
    };
    let output = Output::prepare(&args.output, makes, &settings.accounts).await?;
    let inventory = inventory?;
    let staging = output.staging(&default_folder(&inventory), purpose)?;
    let judged = output.judge(inventory, criteria, &staging)?;
    output.finish(&judged, staging).await
}

/// The folder for reports when none was named: one for each instant, so that nothing is overwritten.
pub(crate) fn default_folder(inventory: &Inventory) -> PathBuf {
    default_folder_at(inventory.manifest.as_of)
}

/// As [`default_folder`], before the inventory exists.
pub(crate) fn default_folder_at(at: chrono::DateTime<chrono::Utc>) -> PathBuf {
    Path::new("backproof-report").join(at.format("%Y-%m-%dT%H%M%SZ").to_string())
}

/// Prints the tier and the policy values of one table.
///
/// Errors: no such table, or a damaged inventory.
pub(crate) fn explain_policy(inventory: &Inventory, criteria: &Criteria, table: &str) -> Outcome<Exit> {
    let facts = derive(inventory, criteria.policy.window_days)?;
    let row = find_table(&facts, table)?;
    let tables = facts.tables(row..row + 1);
    let within = Within::of(&criteria.policy, &facts)?;
    let assigned = Tiers::new(&criteria.policy, &[], facts.as_of(), &within)
        .assign(&tables, &facts, row)
        .map_err(|error| Problem::new("could not evaluate the tiers").why(error.to_string()))?;
    let mut text = format!("tier: {}\n", assigned[0].tier);
    match assigned[0].is_exempt {
        Some(true) => text.push_str(&format!("{}\n", assigned[0].exempt_reason)),
        Some(false) => {}
        None => text.push_str("whether the table is exempt cannot be told\n"),
    }
    match lines_for(&criteria.policy, &assigned[0].tier) {
        Some(lines) => {
            for (key, value) in lines {
                text.push_str(&format!("{key} = {value}\n"));
            }
        }
        // Only where the tiers agree.
        None => {
            for (name, value) in &assigned[0].values {
                text.push_str(&format!("{name}: {value}\n"));
            }
        }
    }
    for (head, lines) in [
        ("approval", criteria.policy.approval.lines()),
        ("exceptions", criteria.policy.exceptions.lines()),
    ] {
        for (key, value) in lines {
            text.push_str(&format!("{head}.{key} = {value}\n"));
        }
    }
    print(&text)?;
    Ok(Exit::Compliant)
}

/// Each value for tables of a tier as a settings file writes it, with where it comes from; none where the tier is not known.
fn lines_for(policy: &Policy, tier: &FactValue) -> Option<Vec<(String, String)>> {
    let FactValue::Text(name) = tier else { return None };
    let tier = policy.tiers.iter().find(|tier| *tier.name == **name);
    let origin = |key: &str| match policy.sources.iter().find(|(known, _)| *known == key) {
        None | Some((_, Source::Default)) => "default".to_owned(),
        Some((_, Source::Framework(name))) => format!("framework {name}"),
        Some((_, Source::File)) => "settings file".to_owned(),
    };
    let lines = match tier {
        Some(tier) => tier.values.lines(),
        None => policy.values.lines(),
    };
    let with_origin = |(key, value): (&'static str, String)| match tier {
        Some(tier) if tier.sets.contains(&key) => (key.to_owned(), format!("{value} (tier `{name}`, {})", tier.origin)),
        _ => (key.to_owned(), format!("{value} ({})", origin(key))),
    };
    Some(lines.into_iter().map(with_origin).collect())
}

/// The place of a table given by ARN or by name.
///
/// Errors: no such table, or a name that several tables have.
pub(crate) fn find_table(facts: &Facts, table: &str) -> Outcome<usize> {
    if let Some(row) = facts.find(table) {
        return Ok(row);
    }
    let all = facts.tables(0..facts.len()).facts;
    let named: Vec<usize> = (0..all.len())
        .filter(|row| all[*row].table_name.as_deref() == Some(table))
        .collect();
    match named.as_slice() {
        [row] => Ok(*row),
        [] => {
            let names = all.iter().filter_map(|facts| facts.table_name.as_deref());
            let holding = names.clone().filter(|name| !table.is_empty() && name.contains(table));
            let holding: Vec<String> = holding.take(NAMED).map(|name| format!("`{name}`")).collect();
            let hint = match (nearest(table, names), &holding[..]) {
                (_, [_, ..]) => format!("did you mean {}?", holding.join(" or ")),
                (Some(near), []) => format!("did you mean `{near}`?"),
                (None, []) => "name a table of the inventory, by name or ARN".to_owned(),
            };
            Err(Problem::usage(format!("table `{table}` is not in the inventory"))
                .hint(hint)
                .into())
        }
        several => {
            let arns: Vec<&str> = several
                .iter()
                .filter_map(|row| all[*row].table_arn.as_deref())
                .collect();
            Err(Problem::usage(format!("{} tables are called `{table}`", several.len()))
                .why(arns.join(", "))
                .hint("give the ARN")
                .into())
        }
    }
}

/// Tables that are named in place of one that is not there.
const NAMED: usize = 3;

/// What to write, checked before the work begins.
pub(crate) struct Output {
    /// Where to.
    pub(crate) destination: Destination,
    formats: Vec<&'static Format>,
    /// The one format that stdout gets in place of the summary: asked for alone, and without a place.
    printed: Option<&'static Format>,
    templates: Templates,
    fail_on: Severity,
    /// What the terminal lists above the digest.
    listed: Listing,
    allow_empty: bool,
    redact_accounts: bool,
    access: Access,
    s3: Option<S3Prefix>,
    signing: Signing,
    /// The accounts whose Security Hub gets the findings, if it is to get them.
    push: Option<Vec<Account>>,
}

/// A report, and what it rests on.
pub(crate) struct Judged {
    /// The report.
    pub(crate) report: Report,
    inventory: Inventory,
    criteria: Criteria,
    command_line: Vec<String>,
}

impl Output {
    /// Checks what was asked for, and that an S3 bucket is there.
    ///
    /// Errors: every mistake on the command line; a bucket that cannot be used.
    pub(crate) async fn prepare(args: &OutputArgs, makes: Makes<'_>, accounts: &[Account]) -> Outcome<Self> {
        let mut problems = Vec::new();
        let fail_on = args.fail_on.parse::<Severity>().unwrap_or_else(|()| {
            let what = format!("`{}` is not a severity", args.fail_on);
            problems.push(
                Problem::usage(what)
                    .at("`--fail-on`")
                    .hint("it is `low`, `medium`, `high` or `critical`"),
            );
            Severity::Low
        });
        let listed = listed(args, &mut problems);
        let destination = Destination::parse(args.to.as_deref()).unwrap_or_else(|problem| {
            problems.push(problem);
            Destination::Stdout
        });
        let keeping = keeping(&args.keep, Utc::now()).unwrap_or_else(|mistakes| {
            problems.extend(mistakes.0);
            Keeping::default()
        });
        let ledger = ledger_of(args, makes, &destination, &mut problems);
        let is_in_s3 =
            matches!(destination, Destination::S3 { .. }) || ledger.is_some_and(|at| at.starts_with("s3://"));
        if !keeping.is_default() && !is_in_s3 {
            problems.push(
                Problem::usage("nothing goes to S3 that could be kept there")
                    .at("`--object-lock`, `--legal-hold`, `--sse-kms-key`")
                    .hint("add `--to s3://bucket/prefix` or `--ledger s3://bucket/prefix`"),
            );
        }
        let mut templates = match args
            .template
            .as_deref()
            .map_or_else(|| Ok(Templates::default()), Templates::load)
        {
            Ok(templates) => templates,
            Err(mistakes) => {
                problems.extend(mistakes.0);
                Templates::default()
            }
        };
        templates.pdf.set_typed(&command_line());
        let formats = chosen(&args.format, &mut problems);
        if problems.is_empty() && destination == Destination::Stdout && formats.len() != 1 {
            problems.push(
                Problem::usage("stdout takes exactly one file")
                    .at("`--to -`")
                    .why(format!("{} were asked for", count(formats.len(), "file")))
                    .hint("add one `--format`, such as `--format json`; csv is three files"),
            );
        }
        if !problems.is_empty() {
            return Err(crate::problem::Problems(problems));
        }
        let printed = match (args.to.is_none() && !args.format.is_empty(), formats.as_slice()) {
            (true, [format]) if is_for_programs(format) => Some(*format),
            _ => None,
        };
        let s3 = match &destination {
            Destination::S3 { bucket, prefix } => {
                let session = Session::load().await?;
                Some(S3Prefix::open(&session, bucket, prefix, keeping.clone()).await?)
            }
            _ => None,
        };
        let signing = Signing::prepare(&args.signing.sign, ledger, keeping).await?;
        Ok(Self {
            destination,
            formats,
            printed,
            templates,
            fail_on,
            listed,
            allow_empty: args.allow_empty,
            redact_accounts: args.redact_accounts,
            access: args.access.access(),
            s3,
            signing,
            push: args.push.map(|PushTo::SecurityHub| accounts.to_vec()),
        })
    }

    /// The ledger that takes the pack, if one does.
    pub(crate) fn ledger(&self) -> Option<&Ledger> {
        self.signing.ledger()
    }

    /// The folder that is filled; `place` where none was named. What goes to stdout needs one all the same, for a while.
    ///
    /// Errors: those of [`Staging::open`].
    pub(crate) fn staging(&self, place: &Path, purpose: Purpose) -> Result<Staging, Problem> {
        match &self.destination {
            Destination::Folder(Some(folder)) => open_staging(folder, self.access, purpose),
            Destination::Folder(None) | Destination::S3 { .. } => open_staging(&free(place), self.access, purpose),
            Destination::Stdout => Staging::scratch(),
        }
    }

    /// Where the inventory of a scan is collected: in its place, or elsewhere if only its copy without account ids is
    /// kept.
    ///
    /// Errors: the disk refused.
    pub(crate) fn collect_into(&self, staging: &Staging) -> Result<PathBuf, Problem> {
        if !self.redact_accounts {
            return Ok(staging.dir().to_owned());
        }
        new_folder(staging.dir().join(UNREDACTED))
    }

    /// Judges an inventory, without account ids if they are not to be shown.
    ///
    /// Errors: a frame of the inventory is damaged; the disk refused; pseudonyms that change a verdict.
    pub(crate) fn judge(&self, inventory: Inventory, criteria: Criteria, staging: &Staging) -> Outcome<Judged> {
        let report = judge(&inventory, &criteria)?;
        let mut judged = Judged {
            report,
            inventory,
            criteria,
            command_line: command_line(),
        };
        if self.redact_accounts {
            if !judged.criteria.changes.is_empty() {
                warn(
                    &Problem::new("what was done since the scan before is left out of the copy without account ids")
                        .why("the digest and the signature of a plan hold for its own text alone, which names accounts")
                        .so("this pack does not say which finding led to which change"),
                );
                judged.criteria.changes.clear();
                judged.report.changes.clear();
            }
            let to = new_folder(staging.dir().join(INVENTORY_DIR))?;
            let (inventory, criteria, pseudonyms) = redact(&judged.inventory, &judged.criteria, &to)?;
            let report = judge(&inventory, &criteria)?;
            check_same(&judged.report, &report)?;
            check_templates(&self.templates, &pseudonyms)?;
            let typed = judged.command_line.iter();
            judged = Judged {
                report,
                inventory,
                criteria,
                command_line: typed.map(|arg| pseudonyms.replace(arg).into_owned()).collect(),
            };
            let unredacted = staging.dir().join(UNREDACTED);
            if unredacted.exists() {
                std::fs::remove_dir_all(&unredacted).map_err(|error| no_folder(&unredacted, &error))?;
            }
        }
        Ok(judged)
    }

    /// Renders, writes, delivers, prints the summary and says how the program ends.
    ///
    /// Errors: nothing to judge, a renderer that fails, a disk, a bucket or a Security Hub that refuses.
    pub(crate) async fn finish(&self, judged: &Judged, staging: Staging) -> Outcome<Exit> {
        let report = &judged.report;
        let is_listed_somewhere = report
            .coverage
            .targets
            .iter()
            .any(|target| target.tables_listed.is_some());
        if report.tables.is_empty() && is_listed_somewhere && !self.allow_empty {
            return Err(no_tables(report).into());
        }
        if self.destination == Destination::Stdout {
            self.print_report(self.formats[0], report)?;
            self.push(judged).await?;
            return Ok(self.exit(report));
        }
        for format in &self.formats {
            staging.render(format, report, &self.templates)?;
        }
        let is_pack = self.seal(judged, &staging)?.is_some();
        let folder = staging.commit()?;
        let is_told = self.printed.is_none() && !stderr::is_quiet();
        match self.printed {
            Some(format) => self.print_report(format, report)?,
            None if is_told => print(&colored_summary(&terminal::list(report, &self.listed, width())))?,
            None => {}
        }
        say(&format!(
            "{} in {}",
            count(self.formats.len(), "file"),
            folder.display()
        ));
        let files = match is_pack {
            false => self.formats.iter().map(|format| format.file_name.to_owned()).collect(),
            true => self.finish_pack(&folder).await?,
        };
        if let Some(s3) = &self.s3 {
            let stored = s3.deliver(&files, &folder).await?;
            if let Some((last, others)) = stored.split_last() {
                let beside = match others.len() {
                    0 => String::new(),
                    others => format!(
                        ", with {} beside it, each read back as it was written",
                        count(others, "file")
                    ),
                };
                say(&format!("delivered {last}{beside}"));
            }
        }
        self.push(judged).await?;
        let exit = self.exit(report);
        if is_told {
            let digest = terminal::digest(report, width());
            let is_new = |baseline: &Compared| baseline.count(Since::New) + baseline.count(Since::NewlyAsked) > 0;
            let is_failing = report.conclusion() == Conclusion::NonCompliant;
            // What was open in the baseline ends no build, and is no good news either; so it is below `--fail-on`.
            let why_not = match &report.baseline {
                _ if !is_failing || exit == Exit::NonCompliant => String::new(),
                Some(baseline) if !is_new(baseline) => ", and nothing of that is new since the baseline".to_owned(),
                _ => format!(", and nothing of that counts for `--fail-on {}`", self.fail_on),
            };
            let missing = match exit {
                Exit::EvidenceMissing if is_failing => ", but evidence is missing",
                _ => "",
            };
            let outcome = terminal::outcome(report, &format!("{why_not}{missing}"));
            let outcome = format!("{outcome} (exit {})", exit.code());
            print(&colored_summary(&format!(
                "{digest}{outcome}; files in {}\n",
                folder.display()
            )))?;
        }
        Ok(exit)
    }

    /// Signs the pack and appends it to the ledger, if that was asked for. Gives every file of the pack, the manifest last.
    async fn finish_pack(&self, folder: &Path) -> Outcome<Vec<String>> {
        for line in self.signing.finish(folder).await? {
            say(&line);
        }
        let pack = Pack::open(folder)?;
        say(&format!(
            "evidence pack in {}, manifest SHA-256 {}",
            folder.display(),
            pack.manifest_sha256
        ));
        let mut files: Vec<String> = pack.manifest.files.into_iter().map(|file| file.path).collect();
        let seals = SEAL_FILES.iter().filter(|name| folder.join(name).exists());
        files.extend(seals.map(|name| (*name).to_owned()));
        Ok(files)
    }

    /// The report to stdout, as it is rendered.
    fn print_report(&self, format: &Format, report: &Report) -> Outcome<()> {
        let mut out = std::io::BufWriter::new(Pipe::stdout());
        format
            .write(report, &self.templates, &mut out)
            .map_err(|error| no_render(&error))?;
        std::io::Write::flush(&mut out)
            .map_err(|error| Problem::new("could not write to stdout").why(error.to_string()).into())
    }

    /// Sends the findings on, if that was asked for. The reports are complete by then.
    async fn push(&self, judged: &Judged) -> Outcome<()> {
        match &self.push {
            Some(accounts) => to_security_hub(&judged.report, &judged.criteria, accounts, self.listed.advised).await,
            None => Ok(()),
        }
    }

    /// Reports whose inventory lies beside them are a pack; those of an inventory elsewhere are not.
    fn seal(&self, judged: &Judged, staging: &Staging) -> Result<Option<Manifest>, Problem> {
        if judged.inventory.dir != staging.dir().join(INVENTORY_DIR) {
            return Ok(None);
        }
        let evidence = seal::PackContents {
            inventory: &judged.inventory,
            criteria: &judged.criteria,
            templates: &self.templates,
            command_line: judged.command_line.clone(),
            is_redacted: self.redact_accounts,
        };
        seal::seal(staging.dir(), &judged.report, &evidence).map(Some)
    }

    /// 10 before 11 before 0. What was open in the baseline does not count for 10, under whatever rule and level it was.
    fn exit(&self, report: &Report) -> Exit {
        let mut open = report.open_findings();
        let fails =
            open.any(|finding| finding.severity >= self.fail_on && report.since(finding).is_none_or(Since::fails));
        match (fails, report.is_evidence_missing()) {
            (true, _) => Exit::NonCompliant,
            (false, true) => Exit::EvidenceMissing,
            (false, false) => Exit::Compliant,
        }
    }
}

/// Opens a folder to be filled, and names what earlier runs left beside it.
///
/// Errors: those of [`Staging::open`].
pub(crate) fn open_staging(folder: &Path, access: Access, purpose: Purpose) -> Result<Staging, Problem> {
    let staging = Staging::open(folder, access, purpose)?;
    // Whoever asked for quiet is not told again and again of what this run leaves alone.
    if let Some(warning) = of_leftovers(&staging.leftovers()).filter(|_| !stderr::is_quiet()) {
        warn(&warning);
    }
    Ok(staging)
}

/// One warning, however many runs were interrupted.
fn of_leftovers(left: &[PathBuf]) -> Option<Problem> {
    let first = left.first()?.display();
    let problem = match left.len() {
        1 => Problem::new("an earlier run was interrupted before it finished").at(first.to_string()),
        number => Problem::new(format!("{number} earlier runs were interrupted before they finished"))
            .at(format!("{first} and {} more", number - 1)),
    };
    let warning = problem
        .so("nothing that they left is whole; this run does not use it")
        .hint("look at it if you like, then delete it");
    Some(warning)
}

/// The place itself, or the first one numbered after it: two scans may begin in one second.
fn free(place: &Path) -> PathBuf {
    let numbered = (2..).map(|number| PathBuf::from(format!("{}-{number}", place.display())));
    let mut places = std::iter::once(place.to_owned()).chain(numbered);
    places
        .find(|place| !place.exists())
        .expect("there are numbers without end")
}

/// The folder of an inventory with account ids, while its copy is made.
const UNREDACTED: &str = "unredacted";

fn new_folder(path: PathBuf) -> Result<PathBuf, Problem> {
    match std::fs::create_dir(&path) {
        Ok(()) => Ok(path),
        Err(error) => Err(no_folder(&path, &error)),
    }
}

fn no_folder(path: &Path, error: &std::io::Error) -> Problem {
    Problem::new("could not write the evidence without account ids")
        .at(path.display().to_string())
        .why(error.to_string())
        .so("no report was written")
}

/// What `--format` means: the formats named, all of them, or those that are written without it.
fn chosen(names: &[String], problems: &mut Vec<Problem>) -> Vec<&'static Format> {
    const ALL: &str = "all";
    let mut known: Vec<&str> = FORMATS.iter().map(|format| format.name).chain([ALL]).collect();
    known.dedup();
    for name in names.iter().filter(|name| !known.contains(&name.as_str())) {
        let hint = nearest(name, known.iter().copied()).map_or_else(
            || format!("the formats are {}", list(&known)),
            |near| format!("did you mean `{near}`?"),
        );
        problems.push(
            Problem::usage(format!("`{name}` is not a format"))
                .at("`--format`")
                .hint(hint),
        );
    }
    let is_wanted = |format: &&Format| {
        if names.is_empty() {
            format.is_default
        } else {
            names.iter().any(|name| name == format.name || name == ALL)
        }
    };
    FORMATS.iter().filter(is_wanted).collect()
}

/// A format that another program reads; pages for people are opened, not piped.
fn is_for_programs(format: &Format) -> bool {
    !matches!(format.name, "html" | "pdf")
}

fn no_render(error: &RenderError) -> Problem {
    Problem::new(format!("could not render {}", error.file_name))
        .why(&error.why)
        .so("no report was written")
}

fn no_tables(report: &Report) -> Problem {
    let targets = &report.coverage.targets;
    Problem::new("no DynamoDB table was found")
        .at(format!(
            "{}, {}, {}",
            count(report.coverage.accounts.len(), "account"),
            count(targets.len(), "target"),
            match targets.iter().filter(|target| target.gap_count > 0).count() {
                0 => "all of them read without error".to_owned(),
                gaps => format!("{} with gaps", count(gaps, "target")),
            }
        ))
        .so("there is nothing to prove; no report was written")
        .hint("check `regions` in the settings file, or pass `--allow-empty` if this is expected")
}

/// What the terminal lists.
fn listed(args: &OutputArgs, problems: &mut Vec<Problem>) -> Listing {
    let question = |text: &String| Question::ALL.into_iter().find(|question| question.as_str() == text);
    for text in args.only.iter().filter(|text| question(text).is_none()) {
        let hint = format!("the questions are {}", list(&Question::ALL.map(Question::as_str)));
        problems.push(
            Problem::usage(format!("`{text}` is not a question"))
                .at("`--only`")
                .hint(hint),
        );
    }
    let min_severity = args.min_severity.as_deref().and_then(|text| {
        let severity = text.parse::<Severity>().ok();
        if severity.is_none() {
            let hint = "it is `low`, `medium`, `high` or `critical`";
            problems.push(
                Problem::usage(format!("`{text}` is not a severity"))
                    .at("`--min-severity`")
                    .hint(hint),
            );
        }
        severity
    });
    Listing {
        questions: args.only.iter().filter_map(question).collect(),
        min_severity,
        advised: args.advised,
    }
}

/// The width of the terminal that the summary goes to; none if it goes elsewhere.
fn width() -> Option<usize> {
    let (width, _) = terminal_size::terminal_size_of(std::io::stdout())?;
    Some(usize::from(width.0))
}
