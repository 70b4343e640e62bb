//! A draw of tables for an auditor's re-performance, which anybody can repeat. Pure.
//!
//! The algorithm is named [`ALGORITHM`] and needs nothing but SHA-256: each table gets the digest of the seed, a zero byte
//! and its ARN; tables are sorted by that digest, and the first ones are drawn. So a draw is the same on every platform,
//! does not depend on the order of rows, and changes by one table at most when a table is added. By hand:
//!
//! ```sh
//! while read -r arn; do printf '%s\0%s' "$seed" "$arn" | sha256sum; done < arns.txt
//! ```

mod allocate;
pub(crate) mod render;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use allocate::allocate;
use sha2::{Digest as _, Sha256};

use crate::criteria::vocabulary::POLICY_TIER;
use crate::domain::FactValue;
use crate::judge::recheck;
use crate::problem::{Problem, count};
use crate::report::{Report, TableRow};
use crate::text::hex;

/// The name of the way in which tables are drawn. Another way gets another name.
pub(crate) const ALGORITHM: &str = "sha256-order-v1";

/// What is drawn if nothing else is said.
pub(crate) const DEFAULT_SIZE: usize = 59;

/// Sizes that auditors use when no deviation is expected: size, confidence and tolerable rate of deviation in percent. If
/// none of so many tables drawn deviates, then with that confidence no more than that rate of all of them do.
pub(crate) const SIZES: [(usize, u32, u32); 4] = [(22, 90, 10), (29, 95, 10), (45, 90, 5), (59, 95, 5)];

/// What tables are put into strata by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum By {
    /// The account.
    Account,
    /// The tier of the policy.
    Tier,
    /// The worst verdict on the table.
    Verdict,
}

impl By {
    /// The word of flags and machine formats.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Tier => "tier",
            Self::Verdict => "verdict",
        }
    }

    fn of(self, table: &TableRow) -> String {
        match self {
            Self::Account => table.target.account_id.clone(),
            Self::Tier => tier_of(table),
            Self::Verdict => table.verdict.to_string(),
        }
    }
}

fn tier_of(table: &TableRow) -> String {
    match table.fact(POLICY_TIER) {
        FactValue::Text(tier) => tier.to_string(),
        other => other.to_string(),
    }
}

/// What to draw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    /// Chosen by the auditor, so that whoever is audited cannot know the draw before.
    pub(crate) seed: String,
    /// How many tables; more than there are: all of them.
    pub(crate) size: usize,
    /// What they are put into strata by; empty: a simple draw.
    pub(crate) by: Vec<By>,
}

/// One stratum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stratum {
    /// What its tables have in common, in the order of [`Request::by`]; empty in a simple draw.
    pub(crate) values: Vec<String>,
    /// Tables in it.
    pub(crate) population: usize,
    /// Tables drawn from it.
    pub(crate) drawn: usize,
}

/// One table that was drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Item {
    /// The table.
    pub(crate) table_arn: String,
    /// Its name.
    pub(crate) table_name: String,
    /// Its account.
    pub(crate) account_id: String,
    /// Its Region.
    pub(crate) region: String,
    /// Its tier.
    pub(crate) tier: String,
    /// Its worst verdict.
    pub(crate) verdict: String,
    /// The place of its stratum in [`Sample::strata`].
    pub(crate) stratum: usize,
    /// SHA-256 of seed, zero byte and ARN: what it was drawn by.
    pub(crate) key: String,
    /// The AWS CLI command that shows its recovery points; none if its name cannot be passed to the AWS CLI.
    pub(crate) command: Option<String>,
    /// Every command that reads what its facts rest on.
    pub(crate) commands: Vec<String>,
}

/// Where the population comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Provenance {
    /// Digest that names the scan.
    pub(crate) scan_id: String,
    /// The instant from which its ages are measured, in RFC 3339.
    pub(crate) as_of: String,
    /// SHA-256 of the manifest of its pack; none: it is no pack.
    pub(crate) manifest_sha256: Option<String>,
    /// Every table in scope was listed, as far as it can be told.
    pub(crate) is_whole: bool,
}

impl Provenance {
    /// That of a report, with the digest of the manifest if it is one of a pack.
    pub(crate) fn of(report: &Report, manifest_sha256: Option<String>) -> Self {
        let is_listed = |target: &crate::report::TargetCoverage| target.tables_listed.is_some();
        Self {
            scan_id: report.scan.id.clone(),
            as_of: crate::domain::rfc3339(report.scan.as_of),
            manifest_sha256,
            is_whole: report.coverage.targets.iter().all(is_listed) && !report.coverage.regions_unknown,
        }
    }
}

/// A draw with everything that it takes to repeat it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sample {
    /// What was asked for.
    pub(crate) request: Request,
    /// Tables that could be drawn.
    pub(crate) population: usize,
    /// SHA-256 over their ARNs, sorted by bytes, each with a line feed: `LC_ALL=C sort arns.txt | sha256sum` gives the same.
    pub(crate) population_digest: String,
    /// Where the tables come from.
    pub(crate) provenance: Provenance,
    /// The strata, in order of their values; one in a simple draw.
    pub(crate) strata: Vec<Stratum>,
    /// The tables drawn, by stratum, then in the order in which they were drawn.
    pub(crate) items: Vec<Item>,
}

/// Draws.
///
/// Errors: no table to draw from, no seed, no size, or a size that leaves a stratum without any table.
pub(crate) fn draw(tables: &[TableRow], provenance: Provenance, request: Request) -> Result<Sample, Problem> {
    check(tables, &request)?;
    let mut strata: BTreeMap<Vec<String>, Vec<(String, &TableRow)>> = BTreeMap::new();
    for table in tables {
        let values = request.by.iter().map(|by| by.of(table)).collect();
        let key = key_of(&request.seed, &table.table_arn);
        strata.entry(values).or_default().push((key, table));
    }
    let populations: Vec<usize> = strata.values().map(Vec::len).collect();
    let size = request.size.min(tables.len());
    let Some(shares) = allocate(size, &populations) else {
        return Err(too_small(&request, strata.len()));
    };
    let (mut told, mut items) = (Vec::new(), Vec::new());
    for (place, ((values, mut members), drawn)) in strata.into_iter().zip(shares).enumerate() {
        members.sort_by(|a, b| (&a.0, &a.1.table_arn).cmp(&(&b.0, &b.1.table_arn)));
        told.push(Stratum {
            values,
            population: members.len(),
            drawn,
        });
        items.extend(
            members
                .into_iter()
                .take(drawn)
                .map(|(key, table)| item(table, place, key)),
        );
    }
    Ok(Sample {
        population: tables.len(),
        population_digest: population_digest(tables.iter().map(|table| table.table_arn.as_str())),
        provenance,
        strata: told,
        items,
        request,
    })
}

fn check(tables: &[TableRow], request: &Request) -> Result<(), Problem> {
    if tables.is_empty() {
        return Err(Problem::new("there is no table to draw from")
            .why("the inventory lists none")
            .so("nothing was drawn")
            .hint("check the scope of the scan"));
    }
    if request.seed.is_empty() {
        return Err(Problem::usage("the seed is empty")
            .at("`--seed`")
            .so("a draw without a seed of the auditor could be foreseen; nothing was drawn")
            .hint("let the auditor choose one, such as the number of the engagement and today's date"));
    }
    if request.size == 0 {
        return Err(Problem::usage("a sample of no table shows nothing")
            .at("`--size`")
            .so("nothing was drawn")
            .hint("22, 29, 45 and 59 are usual; `sample --help` says what they mean"));
    }
    Ok(())
}

fn too_small(request: &Request, strata: usize) -> Problem {
    let by: Vec<&str> = request.by.iter().map(|by| by.as_str()).collect();
    Problem::usage(format!(
        "{} cannot be drawn from {}",
        count(request.size, "table"),
        strata_text(strata)
    ))
    .at("`--size`")
    .why(format!("each stratum by {} gives one table at least", by.join(", ")))
    .so("nothing was drawn")
    .hint(format!("draw {strata} or more, or leave a part of `--by` out"))
}

/// `1 stratum`, `2 strata`.
pub(crate) fn strata_text(number: usize) -> String {
    format!("{number} {}", if number == 1 { "stratum" } else { "strata" })
}

fn item(table: &TableRow, stratum: usize, key: String) -> Item {
    Item {
        table_arn: table.table_arn.clone(),
        table_name: table.table_name.clone(),
        account_id: table.target.account_id.clone(),
        region: table.target.region.clone(),
        tier: tier_of(table),
        verdict: table.verdict.to_string(),
        stratum,
        key,
        command: recheck::recovery_points_of_table(table),
        commands: recheck::commands_of_table(table),
    }
}

/// What a table is drawn by.
pub(crate) fn key_of(seed: &str, table_arn: &str) -> String {
    let mut digest = Sha256::new();
    digest.update(seed.as_bytes());
    digest.update([0]);
    digest.update(table_arn.as_bytes());
    hex(&digest.finalize())
}

/// What names a population, whatever the order of its rows.
pub(crate) fn population_digest<'a>(arns: impl Iterator<Item = &'a str>) -> String {
    let mut arns: Vec<&str> = arns.collect();
    arns.sort_unstable();
    let mut digest = Sha256::new();
    for arn in arns {
        digest.update(arn.as_bytes());
        digest.update(b"\n");
    }
    hex(&digest.finalize())
}
