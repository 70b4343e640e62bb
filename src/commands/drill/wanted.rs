//! Which tables are drilled: named, due, or drawn; and the limits on them.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::{RunArgs, is_arn};
use crate::aws::target::Session;
use crate::commands::backup::resolve;
use crate::commands::shared::args::RuleArgs;
use crate::commands::shared::criteria;
use crate::commands::shared::evidence::Evidence;
use crate::criteria::policy::Policy;
use crate::criteria::vocabulary::POLICY_TIER;
use crate::domain::{Arn, FactValue, TargetId, rfc3339};
use crate::drill::choose::Chosen;
use crate::drill::plan::{PREFIX, Plan};
use crate::drill::record::LeftOut;
use crate::duration;
use crate::exit::Exit;
use crate::judge::judge;
use crate::problem::{Outcome, Problem, Problems, count, one_line};
use crate::report::TableRow;
use crate::sample::{Provenance, Request, draw};
use crate::settings::Settings;
use crate::stderr::{say, warn};

/// A table that is to be drilled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Table {
    /// Its ARN; none: that of the point that was named.
    pub(super) arn: Option<String>,
    /// Where its points are looked for.
    pub(super) at: TargetId,
    /// Where it is itself; none: the point tells.
    pub(super) home: Option<TargetId>,
    /// The policy's RTO for it, in seconds. None: the policy sets none, or which tier takes the table is not known.
    pub(super) rto_seconds: Option<u64>,
}

impl Table {
    /// Looks for copies where the flags say.
    pub(super) fn move_to(&mut self, args: &RunArgs) {
        if let Some(account) = &args.to_account {
            self.at.account_id.clone_from(account);
        }
        if let Some(region) = &args.to_region {
            self.at.region.clone_from(region);
        }
    }
}

/// What was chosen, before AWS is asked.
#[derive(Debug)]
pub(super) struct Tables {
    /// In words, for the plan.
    pub(super) words: Vec<String>,
    /// ARNs and RTOs out of the evidence; none: they are due, or were named, or a point was.
    listed: Option<Vec<(String, Option<u64>)>>,
    /// The tables that have a term, to be held against AWS's clock; none: not asked.
    terms: Option<Terms>,
    /// What the evidence says of the RTO of every table; empty: there is none.
    of_evidence: Vec<(String, Option<u64>)>,
    /// The evidence lists every table, as far as it can be told.
    is_whole: bool,
}

/// The tables that have a term for restore tests.
#[derive(Debug)]
struct Terms {
    /// The instant of the evidence.
    as_of: DateTime<Utc>,
    scan_id: String,
    near: TimeDelta,
    /// ARN, RTO, and days until the term is over, as of then; without end below zero where no restore was seen.
    tables: Vec<(String, Option<u64>, f64)>,
}

impl Terms {
    /// Those whose term is over or near now, the most overdue first.
    fn due(&self, now: DateTime<Utc>) -> Vec<(String, Option<u64>)> {
        let since = days(now - self.as_of).max(0.0);
        let mut due: Vec<_> = self
            .tables
            .iter()
            .filter(|(.., left)| left - since <= days(self.near))
            .collect();
        due.sort_by(|a, b| a.2.total_cmp(&b.2).then_with(|| a.0.cmp(&b.0)));
        say(&format!(
            "{} due: the term is over, or will be within {}, as scan {} of {} says",
            match due.len() {
                1 => "1 table is".to_owned(),
                number => format!("{} are", count(number, "table")),
            },
            duration::human(self.near),
            self.scan_id,
            rfc3339(self.as_of),
        ));
        due.into_iter().map(|(arn, rto, _)| (arn.clone(), *rto)).collect()
    }
}

fn days(delta: TimeDelta) -> f64 {
    delta.as_seconds_f64() / 86_400.0
}

/// Reads what is to be drilled, and the evidence that it is chosen from.
///
/// Errors: evidence that cannot be read; a policy without a term; a draw that cannot be made.
pub(super) fn tables(args: &RunArgs) -> Outcome<Tables> {
    let Some(from) = &args.from else {
        return Ok(Tables {
            words: args.tables.clone(),
            listed: None,
            terms: None,
            of_evidence: Vec::new(),
            is_whole: true,
        });
    };
    let evidence = Evidence::open(from)?;
    let criteria = criteria::of_evidence(&evidence, args.config.as_deref(), &RuleArgs::default())?;
    let report = judge(&evidence.inventory, &criteria)?;
    let manifest_sha256 = evidence.pack.map(|pack| pack.manifest_sha256);
    let provenance = Provenance::of(&report, manifest_sha256);
    let is_chosen = args.due || args.sample.is_some();
    if !provenance.is_whole && is_chosen {
        warn(
            &Problem::new("the evidence may lack tables")
                .at(from.display().to_string())
                .why("the tables of some account or Region could not be listed")
                .so("those that are missing are not drilled")
                .hint("`coverage.csv` of the scan names them; scan again once they can be read"),
        );
    }
    let rto = |table: &TableRow| rto_of(table, &criteria.policy);
    let is_exempt = |table: &TableRow| {
        let tier = criteria.policy.tiers.iter().find(|tier| {
            let FactValue::Text(name) = table.fact(POLICY_TIER) else {
                return false;
            };
            tier.name == **name
        });
        tier.is_some_and(|tier| tier.exemption.is_some())
    };
    let (is_whole, scan_id) = (provenance.is_whole || !is_chosen, provenance.scan_id.clone());
    let (words, listed, terms) = if args.due {
        let near = duration::parse(&args.near).map_err(|why| {
            Problem::usage("`--near` is not a duration")
                .why(why)
                .so("nothing was restored")
                .hint("write it like `7d`")
        })?;
        let known = report.tables.iter().filter(|table| !is_exempt(table));
        let terms = Terms {
            as_of: report.scan.as_of,
            tables: terms(known, &rto)?,
            scan_id: scan_id.clone(),
            near,
        };
        let words = vec![format!("due within {} by scan {scan_id}", duration::human(near))];
        (words, None, Some(terms))
    } else if let Some(size) = args.sample {
        let request = Request {
            seed: args.seed.clone().unwrap_or_default(),
            size,
            by: {
                let mut by = args.by.clone();
                by.sort_unstable();
                by.dedup();
                by
            },
        };
        let words = vec![format!("{size} drawn from scan {scan_id} by seed `{}`", request.seed)];
        let drawn = draw(&report.tables, provenance, request)?;
        let rows = drawn.items.iter().map(|item| item.table_arn.as_str());
        let find = |arn: &str| report.tables.iter().find(|table| table.table_arn == arn);
        (words, Some(rows.filter_map(find).collect::<Vec<_>>()), None)
    } else {
        (args.tables.clone(), None, None)
    };
    let with_rto = |table: &TableRow| (table.table_arn.clone(), rto(table));
    Ok(Tables {
        words,
        listed: listed.map(|tables| tables.into_iter().map(with_rto).collect()),
        terms,
        of_evidence: report.tables.iter().map(with_rto).collect(),
        is_whole,
    })
}

/// ARN, RTO and days that are left of the term of each table that has one.
///
/// Errors: the policy sets no term for any table.
fn terms<'t>(
    tables: impl Iterator<Item = &'t TableRow>,
    rto: &dyn Fn(&TableRow) -> Option<u64>,
) -> Outcome<Vec<(String, Option<u64>, f64)>> {
    let of_others = tables.filter(|table| !table.table_name.starts_with(PREFIX));
    let terms: Vec<_> = of_others
        .filter_map(|table| {
            let term = term_days(table)?;
            let age = number(table, "last_restore_age_days_seen");
            let left = age.map_or(f64::NEG_INFINITY, |age| term - age);
            Some((table.table_arn.clone(), rto(table), left))
        })
        .collect();
    if terms.is_empty() {
        return Err(Problem::usage("no table has a term for restore tests")
            .at("`--due`")
            .why("the policy sets no `restore-tested-within`")
            .so("nothing was restored")
            .hint("set it in the settings file, or name tables")
            .into());
    }
    Ok(terms)
}

/// How long ago the last test of a table may be, in days; none: the policy sets no term.
fn term_days(table: &TableRow) -> Option<f64> {
    let is_wanted = *table.column("restore_test_wanted") == FactValue::Bool(true);
    number(table, "restore_tested_within_days").filter(|_| is_wanted)
}

fn number(table: &TableRow, name: &str) -> Option<f64> {
    match table.column(name) {
        FactValue::Float(number) => Some(*number),
        FactValue::Int(number) => Some(*number as f64),
        _ => None,
    }
}

/// Does a file say an RTO, for all tables or for a tier?
fn has_rto(policy: &Policy) -> bool {
    policy.is_given("rto") || policy.tiers.iter().any(|tier| tier.sets.contains(&"rto"))
}

fn rto_of(table: &TableRow, policy: &Policy) -> Option<u64> {
    let minutes = number(table, "rto_minutes").filter(|_| has_rto(policy))?;
    Some((minutes * 60.0).round().max(0.0) as u64)
}

impl Tables {
    /// Where the evidence may lack tables, that nothing speaks against those that were drilled is not all that was asked.
    pub(super) fn exit(&self, exit: Exit) -> Exit {
        match exit {
            Exit::Compliant if !self.is_whole => Exit::EvidenceMissing,
            exit => exit,
        }
    }

    /// Is AWS asked who calls, for its clock or to complete names?
    pub(super) fn asks_who_calls(&self, args: &RunArgs) -> bool {
        self.terms.is_some() || self.listed.is_none() && args.tables.iter().any(|table| Arn::parse(table).is_none())
    }

    /// ARNs and places; empty: no table is due. One that was named twice is drilled once.
    ///
    /// Errors: those of names that cannot be completed.
    pub(super) async fn resolved(&self, args: &RunArgs, settings: &Settings) -> Outcome<Vec<Table>> {
        let place = |arn: &str| Arn::parse(arn).map(|arn| TargetId::new(arn.account_id, arn.region));
        let due = match &self.terms {
            Some(terms) => {
                let session = Session::load().await?;
                Some(terms.due(session.identity(&Arc::default()).await?.at))
            }
            None => None,
        };
        if let Some(listed) = due.as_ref().or(self.listed.as_ref()) {
            let table = |(arn, rto): &(String, Option<u64>)| {
                Some(Table {
                    at: place(arn)?,
                    home: place(arn),
                    arn: Some(arn.clone()),
                    rto_seconds: *rto,
                })
            };
            return Ok(listed.iter().filter_map(table).collect());
        }
        if args.tables.is_empty() {
            // A point by its ARN is restored where it lies.
            let at =
                place(&args.point).ok_or_else(|| Problem::usage("`--point` is no ARN").so("nothing was restored"))?;
            return Ok(vec![Table {
                arn: None,
                at,
                home: None,
                rto_seconds: self.rto(None, settings),
            }]);
        }
        let mut tables: Vec<Table> = Vec::new();
        for (arn, at, _) in resolve(&args.tables, args.region.as_deref(), "nothing was restored").await? {
            if tables.iter().any(|known| known.arn.as_deref() == Some(&arn)) {
                say(&format!("`{}` was named twice, and is drilled once", one_line(&arn)));
                continue;
            }
            tables.push(Table {
                rto_seconds: self.rto(Some(&arn), settings),
                home: Some(at.clone()),
                at,
                arn: Some(arn),
            });
        }
        if let (true, Some(at)) = (is_arn(&args.point), place(&args.point)) {
            tables.iter_mut().for_each(|table| table.at = at.clone());
        }
        Ok(tables)
    }

    /// The RTO of a table that was named: the evidence knows its tier, the settings alone only what holds for all.
    fn rto(&self, arn: Option<&str>, settings: &Settings) -> Option<u64> {
        if let Some((_, rto)) = self.of_evidence.iter().find(|(known, _)| Some(known.as_str()) == arn) {
            return *rto;
        }
        let policy = &settings.policy;
        if policy.tiers.iter().any(|tier| tier.sets.contains(&"rto")) {
            warn(
                &Problem::new(format!(
                    "the RTO of {} is not known",
                    arn.map_or_else(|| "the table".to_owned(), |arn| format!("`{}`", one_line(arn)))
                ))
                .why("tiers of the policy set it, and which tier takes the table only a scan tells")
                .so("how long the restore takes is measured, and not held against an RTO")
                .hint("name a scan that saw the table with `--from`"),
            );
            return None;
        }
        let seconds = policy.values.rto.num_seconds();
        u64::try_from(seconds).ok().filter(|_| policy.is_given("rto"))
    }
}

/// What may be drilled at most.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Limits {
    bytes: Option<i64>,
    usd: Option<f64>,
    tables: Option<usize>,
}

impl Limits {
    /// Reads the flags; mistakes go to `note`.
    pub(super) fn read(args: &RunArgs, note: &mut dyn FnMut(Problem)) -> Self {
        let bytes = args.max_size.as_deref().and_then(|text| match bytes(text) {
            Ok(0) => {
                note(
                    Problem::usage("`--max-size 0` leaves no table").hint("give a size such as 20GB, or leave it out"),
                );
                None
            }
            Ok(bytes) => Some(bytes),
            Err(why) => {
                note(
                    Problem::usage("`--max-size` is not a size")
                        .why(why)
                        .hint("write it like 500MB or 20GB"),
                );
                None
            }
        });
        if args.max_tables == Some(0) {
            note(Problem::usage("`--max-tables 0` leaves no table").hint("give 1 or more, or leave it out"));
        }
        if args.max_cost.is_some_and(|usd| !(0.0..=1e9).contains(&usd)) {
            note(Problem::usage("`--max-cost` is no sum").hint("give US dollars, such as 5 or 0.50"));
        }
        Self {
            bytes,
            usd: args.max_cost,
            tables: args.max_tables,
        }
    }

    /// May this be drilled beside so many others?
    ///
    /// Errors: why not, in words.
    pub(super) fn check(&self, found: &Chosen, others: usize) -> Result<(), String> {
        if let Some(most) = self.tables.filter(|most| others >= *most) {
            return Err(format!("`--max-tables` allows {}", count(most, "table")));
        }
        match (self.bytes, found.point.size_bytes) {
            (None, _) => Ok(()),
            (Some(_), None) => Err("AWS does not say how large its point is, and `--max-size` asks for it".to_owned()),
            (Some(most), Some(size)) if size > most => Err(format!(
                "its point has {}, and `--max-size` allows {}",
                size_text(size),
                size_text(most)
            )),
            (Some(_), Some(_)) => Ok(()),
        }
    }

    /// Errors: the plan costs more than was allowed, or it is not known what it costs.
    pub(super) fn check_cost(&self, plan: &Plan) -> Result<(), Problem> {
        let Some(most) = self.usd else { return Ok(()) };
        if plan.estimate.usd.is_some_and(|usd| usd <= most) {
            return Ok(());
        }
        Err(Problem::usage("the drill may cost more than `--max-cost` allows")
            .why(format!("{}, at most {most:.2} USD", plan.cost().words()))
            .so("nothing was restored")
            .hint("leave large tables out with `--max-size`, compare less with `--compare`, or allow more"))
    }
}

/// A size such as `500MB`: a number of bytes, KB, MB, GB or TB, each 1,024 of the one before, as AWS bills them.
fn bytes(text: &str) -> Result<i64, String> {
    let split = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let factor = match unit.trim().to_ascii_uppercase().as_str() {
        "" | "B" => 1.0,
        "KB" | "KIB" => 1024.0,
        "MB" | "MIB" => 1024.0 * 1024.0,
        "GB" | "GIB" => 1024.0 * 1024.0 * 1024.0,
        "TB" | "TIB" => 1024.0_f64.powi(4),
        unit => return Err(format!("`{}` is no unit", one_line(unit))),
    };
    let number: f64 = number
        .parse()
        .map_err(|_| format!("`{}` has no number", one_line(text)))?;
    let bytes = number * factor;
    if !(0.0..1e18).contains(&bytes) {
        return Err("it is too large".to_owned());
    }
    Ok(bytes as i64)
}

/// `20.0 GB`, for people.
pub(super) fn size_text(bytes: i64) -> String {
    let units = [("TB", 1_i64 << 40), ("GB", 1 << 30), ("MB", 1 << 20), ("KB", 1 << 10)];
    match units.into_iter().find(|(_, size)| bytes >= *size) {
        Some((unit, size)) => format!("{:.1} {unit}", bytes as f64 / size as f64),
        None => format!("{bytes} B"),
    }
}

/// The flags that decide what is done, for the plan: a run goes on only under the same.
pub(super) fn with(args: &RunArgs) -> Vec<String> {
    let mut with = Vec::new();
    let mut add = |name: &str, value: Option<String>| with.extend(value.map(|value| format!("{name} {value}")));
    add("--max-size", args.max_size.clone());
    add("--max-cost", args.max_cost.map(|usd| usd.to_string()));
    add("--max-tables", args.max_tables.map(|most| most.to_string()));
    add("--to-account", args.to_account.clone());
    add("--to-region", args.to_region.clone());
    add("--region", args.region.clone());
    add("--role", args.role.clone());
    add("--seed", args.seed.clone());
    add("--key", Some(args.key.clone()));
    let by: Vec<&str> = args.by.iter().map(|by| by.as_str()).collect();
    add("--by", (!by.is_empty()).then(|| by.join(",")));
    with
}

/// Nothing that was chosen can be restored: why, one for each table.
pub(super) fn nothing(left_out: &[LeftOut]) -> Problems {
    let problem = |left: &LeftOut| {
        Problem::new(format!("`{}` cannot be drilled", one_line(&left.table_arn)))
            .why(one_line(&left.why))
            .so("nothing was restored")
            .hint("check the name and the Region (`--region`); `backproof explain table` says what there is")
    };
    Problems(left_out.iter().map(problem).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_and_shown() {
        for (text, expected) in [
            ("0", Ok(0)),
            ("12", Ok(12)),
            ("1KB", Ok(1024)),
            ("1.5 MB", Ok(1_572_864)),
            ("20gb", Ok(20 << 30)),
            ("2TiB", Ok(2 << 40)),
        ] {
            assert_eq!(bytes(text), expected, "{text}");
        }
        for text in ["", "GB", "1XB", "-1GB", "1e40TB", "99999999999TB"] {
            assert!(bytes(text).is_err(), "{text}");
        }
        assert_eq!(size_text(512), "512 B");
        assert_eq!(size_text(20 << 30), "20.0 GB");
    }
}
