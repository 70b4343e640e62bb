//! `explain finding`: what one finding rests on, and how to check it by hand.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::table::{by_hand, cause, evidence_of, value};
use super::{Explained, actions_of};
use crate::commands::shared::args::RuleArgs;
use crate::commands::shared::criteria;
use crate::criteria::vocabulary::frames_of;
use crate::domain::{Finding, rfc3339};
use crate::judge::{judge, recheck};
use crate::problem::{Outcome, Problem, Problems};
use crate::report::Report;
use crate::text::one_line;

/// Arguments of `explain finding`.
#[derive(Debug, Args)]
pub struct ExplainFindingArgs {
    /// Ids of findings, as every report gives them; the first characters of one will do.
    #[arg(required = true, value_name = "ID")]
    pub ids: Vec<String>,
    /// The pack or inventory to look into: the folder of a scan, or what `collect` wrote. Without this flag: that of the
    /// latest scan below backproof-report.
    #[arg(long, value_name = "INVENTORY")]
    pub inventory: Option<PathBuf>,
    /// Settings file to judge by. Without it and without the flags below: what the pack was judged by; if it is no pack,
    /// the nearest backproof.toml, if there is one.
    #[arg(long, value_name = "FILE", env = "BACKPROOF_CONFIG")]
    pub config: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) rules: RuleArgs,
}

/// Explains findings of an inventory.
///
/// Errors: no inventory, ids that no finding or several have, mistakes in settings or rules.
pub(super) fn explain(args: &ExplainFindingArgs) -> Outcome<Explained> {
    let evidence = evidence_of(args.inventory.as_deref())?;
    let criteria = criteria::of_evidence(&evidence, args.config.as_deref(), &args.rules)?;
    let report = judge(&evidence.inventory, &criteria)?;
    let (mut found, mut problems) = (Vec::new(), Vec::new());
    for id in &args.ids {
        match find(&report, id) {
            Ok(finding) => found.push(finding),
            Err(problem) => problems.push(problem),
        }
    }
    if !problems.is_empty() {
        return Err(Problems(problems));
    }
    let texts: Vec<String> = found.iter().map(|finding| text(&report, finding)).collect();
    Ok(Explained {
        text: texts.join("\n"),
        json: found.iter().map(|finding| as_json(finding)).collect(),
    })
}

fn find<'r>(report: &'r Report, id: &str) -> Result<&'r Finding, Problem> {
    let mut found = report.findings.iter().filter(|finding| finding.id.starts_with(id));
    match (found.next(), found.next()) {
        (Some(finding), None) => Ok(finding),
        (Some(_), Some(_)) => {
            Err(Problem::usage(format!("several findings begin with `{id}`")).hint("give more of the id"))
        }
        (None, _) => Err(Problem::usage(format!("no finding has the id `{id}`"))
            .why(format!(
                "of the {} of this inventory under these rules",
                report.findings.len()
            ))
            .hint("copy the id from `findings.csv` or `report.json` of the same scan")),
    }
}

fn text(report: &Report, finding: &Finding) -> String {
    let mut out = format!(
        "finding {}\n{} ({}): {}{}\n{} {}\n  {}\nas of {}, scan {}\n\n{}\n",
        finding.id,
        finding.rule,
        finding.severity,
        finding.verdict,
        finding
            .waived_by()
            .map_or_else(String::new, |waiver| format!(", waived by {}", one_line(&waiver))),
        finding.subject,
        one_line(&finding.resource_name),
        one_line(&finding.resource_arn),
        rfc3339(report.scan.as_of),
        report.scan.id,
        one_line(&finding.message),
    );
    if !finding.remedy.is_empty() {
        out.push_str(&format!("remedy: {}\n", finding.remedy));
    }
    out.push_str("\nEvidence, with the calls it comes from:\n");
    for (name, value) in &finding.evidence {
        let sources = actions_of(frames_of(finding.subject, name));
        let sources = if sources.is_empty() {
            String::new()
        } else {
            format!("  [{}]", sources.join(", "))
        };
        out.push_str(&format!("  {name} = {}{sources}\n", one_line(&value.to_string())));
    }
    out.push_str(&by_hand(&finding.target.account_id, &recheck::commands(finding)));
    out
}

fn as_json(finding: &Finding) -> Value {
    let evidence = finding.evidence.iter();
    let evidence: serde_json::Map<String, Value> = evidence.map(|(name, one)| (name.to_string(), value(one))).collect();
    let causes = finding.evidence.iter();
    let causes = causes.filter_map(|(name, one)| Some((name.to_string(), Value::from(cause(one)?))));
    let causes: serde_json::Map<String, Value> = causes.collect();
    json!({
        "id": finding.id,
        "rule": &*finding.rule,
        "subject": finding.subject.as_str(),
        "resource_arn": finding.resource_arn,
        "resource_name": finding.resource_name,
        "account_id": finding.target.account_id,
        "region": finding.target.region,
        "verdict": finding.verdict.as_str(),
        "severity": finding.severity.as_str(),
        "waiver": finding.waived_by(),
        "message": finding.message,
        "remedy": &*finding.remedy,
        "evidence": evidence,
        "causes": causes,
        "commands": recheck::commands(finding),
    })
}
