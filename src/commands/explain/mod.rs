//! `explain`: tables, findings, rules, facts, frameworks, permissions, exit codes, from the same lists that the program runs by.

mod finding;
mod permissions;
mod role;
mod table;

use std::collections::BTreeSet;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::commands::shared::output::print;
use crate::criteria::demands::core_over;
use crate::criteria::frameworks::{self, Framework};
use crate::criteria::rules::{Rule, RuleSet};
use crate::criteria::values::POLICY_VALUES;
use crate::criteria::vocabulary::{COMPARISONS, doc_of};
use crate::dictionary::{Fact, NoneIf, facts_of};
use crate::domain::Subject;
use crate::exit::{self, Exit};
use crate::inventory::sources;
use crate::problem::{Outcome, Problem, Problems};
use crate::render;
use crate::text::{list, nearest};

pub(crate) use finding::ExplainFindingArgs;
pub(crate) use role::ExplainedIn;
pub(crate) use table::ExplainTableArgs;

/// Arguments of `explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// How to print it: text or json; permissions also as cloudformation, stackset or terraform.
    #[arg(long, value_name = "FORMAT", default_value = "text", global = true)]
    pub format: ExplainedIn,
    #[command(subcommand)]
    #[expect(missing_docs, reason = "clap would print the text as a heading")]
    pub command: ExplainCommand,
}

/// Subcommands of `explain`.
#[derive(Debug, Subcommand)]
pub enum ExplainCommand {
    /// Why a table got its verdicts: every selection of its Region, its recovery points, its facts, its rules.
    Table(Box<ExplainTableArgs>),
    /// What a finding rests on, and the AWS CLI commands that check it by hand.
    Finding(Box<ExplainFindingArgs>),
    /// List the rules.
    Rules,
    /// What one rule asks, why, and what to do about it.
    Rule {
        /// The rule's id.
        id: String,
    },
    /// Every fact: its type and unit, what it says, when it is unknown, where it comes from.
    Facts,
    /// List the compliance frameworks.
    Frameworks,
    /// The controls of one framework, with the rules that give evidence for them.
    Framework {
        /// The framework's id.
        id: String,
    },
    /// The least-privilege IAM policy of a command, as JSON; with `--format cloudformation`, `stackset` or `terraform`, the role that
    /// has it in other accounts.
    Permissions {
        /// The command that needs them: scan, collect, remediate, backup, deliver (to S3), ledger (in S3), sign (with KMS),
        /// verify and attest (from a ledger in S3), push.
        #[arg(long, default_value = "scan")]
        command: String,
        /// With scan: only what these rules need, separated by commas.
        #[arg(long, value_name = "RULE,…", value_delimiter = ',')]
        rules: Vec<String>,
    },
    /// The JSON schema of a file that the program writes: report, manifest, attestation, drill, drill-manifest.
    Schema {
        /// Which one.
        name: String,
    },
    /// The exit codes.
    ExitCodes,
}

/// One explanation, in both forms.
struct Explained {
    text: String,
    json: Value,
}

/// Runs `explain`; `program` is the command line as it is defined.
///
/// Errors: a rule, a framework, a table, a finding or a command that does not exist; a format that is not for it; an inventory that
/// cannot be read.
pub fn run(args: ExplainArgs, program: &clap::Command) -> Outcome<Exit> {
    if args.format.role().is_some() && !matches!(args.command, ExplainCommand::Permissions { .. }) {
        return Err(Problem::usage("only permissions are explained as a role")
            .at("`--format`")
            .hint("use `text` or `json` here, or `backproof explain permissions`")
            .into());
    }
    let explained = match args.command {
        ExplainCommand::Table(table) => table::explain(&table)?,
        ExplainCommand::Finding(finding) => finding::explain(&finding)?,
        ExplainCommand::Rules => rules()?,
        ExplainCommand::Rule { id } => rule(&id)?,
        ExplainCommand::Facts => facts(),
        ExplainCommand::Frameworks => frameworks(),
        ExplainCommand::Framework { id } => {
            let here = |problem: Problem| problem.at(format!("`explain framework {id}`"));
            framework(frameworks::find(&id).map_err(here)?)
        }
        ExplainCommand::Permissions { command, rules } => {
            let text = match args.format.role() {
                None => permissions::policy(&command, &rules, program)?,
                Some(form) => permissions::role_of(form, &command, &rules, program)?,
            };
            print(&text)?;
            return Ok(Exit::Compliant);
        }
        ExplainCommand::Schema { name } => {
            print(&schema(&name)?)?;
            return Ok(Exit::Compliant);
        }
        ExplainCommand::ExitCodes => exit_codes(),
    };
    match args.format {
        ExplainedIn::Json => {
            let text =
                serde_json::to_string_pretty(&explained.json).map_err(|error| Problem::new(error.to_string()))?;
            print(&(text + "\n"))?;
        }
        _ => print(&explained.text)?,
    }
    Ok(Exit::Compliant)
}

/// What makes a schema from the structs that are written.
pub(crate) type MakeSchema = fn() -> schemars::Schema;

/// The JSON schemas that are shipped, by the name that `explain schema` takes.
pub(crate) const SCHEMAS: &[(&str, MakeSchema)] = &[
    ("report", render::json::schema),
    ("manifest", || schemars::schema_for!(crate::pack::Manifest)),
    ("drill", || schemars::schema_for!(crate::drill::record::Record)),
    ("drill-manifest", || schemars::schema_for!(crate::pack::DrillManifest)),
    ("attestation", || {
        schemars::schema_for!(crate::attest::render::json::Document)
    }),
];

/// A schema as it stands in `docs/schemas/`.
///
/// Errors: there is none of that name.
pub(crate) fn schema(name: &str) -> Outcome<String> {
    let Some((_, schema)) = SCHEMAS.iter().find(|(known, _)| *known == name) else {
        let names: Vec<&str> = SCHEMAS.iter().map(|(name, _)| *name).collect();
        let hint = nearest(name, names.iter().copied()).map_or_else(
            || format!("the schemas are {}", list(&names)),
            |near| format!("did you mean `{near}`?"),
        );
        return Err(Problem::usage(format!("there is no schema `{name}`")).hint(hint).into());
    };
    Ok(serde_json::to_string_pretty(&schema()).map_err(|error| Problem::new(error.to_string()))? + "\n")
}

fn exit_codes() -> Explained {
    let all = Exit::ALL.map(|exit| json!({"code": exit.code(), "meaning": exit.meaning()}));
    Explained {
        text: exit::table(),
        json: json!(all),
    }
}

fn rules() -> Outcome<Explained> {
    let rules = RuleSet::load(None, &[])?;
    let mut text = String::new();
    for subject in Subject::ALL {
        text.push_str(&format!("rules on each {subject}\n"));
        for rule in rules.of(subject) {
            text.push_str(&format!("  {:<36} {:<8} {}\n", rule.id, rule.severity, rule.title));
        }
    }
    let all: Vec<Value> = rules.0.iter().map(rule_json).collect();
    Ok(Explained { text, json: json!(all) })
}

fn rule(id: &str) -> Outcome<Explained> {
    let rules = RuleSet::load(None, &[id.to_owned()]).map_err(|problems| {
        let here = |problem: Problem| problem.at(format!("`explain rule {id}`"));
        Problems(problems.0.into_iter().map(here).collect())
    })?;
    let rule = &rules.0[0];
    let mut text = format!(
        "{}: {}\nsubject: {}\nseverity: {}\n\n{}\n\n",
        rule.id, rule.title, rule.subject, rule.severity, rule.rationale
    );
    if let Some(core) = core_over(&rule.id) {
        text.push_str(&format!("{core} asks the demand together with others\n\n"));
    }
    if let Some(applies) = &rule.applies_text {
        text.push_str(&format!("applies if: {applies}\n"));
    }
    text.push_str(&format!(
        "compliant if: {}\n\nremedy: {}\n\nreads:\n",
        rule.compliant_text, rule.remedy
    ));
    for name in rule.reads() {
        let doc = doc_of(rule.subject, name).unwrap_or_default();
        text.push_str(&format!("  {name}: {}\n", doc.trim()));
    }
    text.push_str(&of_waivers(rule));
    let controls = controls_of(&rule.id);
    if !controls.is_empty() {
        text.push_str("\ngives evidence for:\n");
        for (framework, ids) in &controls {
            text.push_str(&format!("  {framework}: {}\n", ids.join(", ")));
        }
    }
    text.push_str("\nexamples:\n");
    for example in &rule.examples {
        let facts: Vec<String> = example
            .facts
            .iter()
            .map(|(name, value)| format!("{name} = {value}"))
            .collect();
        let facts = if facts.is_empty() {
            "nothing known".to_owned()
        } else {
            facts.join(", ")
        };
        text.push_str(&format!("  {}: {facts}\n", example.verdict));
    }
    Ok(Explained {
        text,
        json: rule_json(rule),
    })
}

/// What a waiver of the rule has to name, or excuses of other rules.
fn of_waivers(rule: &Rule) -> String {
    if rule.has_demands() {
        let words = rule.demands.words().join(", ");
        return format!("\nwaivers of it name the `demands` that they excuse, of: {words}\n");
    }
    let each = rule.excuses.iter().map(|(other, demands)| {
        let words = demands.words().join(", ");
        format!("\nwaivers of it excuse of {other}: {words}\n")
    });
    each.collect()
}

fn rule_json(rule: &Rule) -> Value {
    let controls: Vec<Value> = controls_of(&rule.id)
        .into_iter()
        .map(|(framework, controls)| json!({"framework": framework, "controls": controls}))
        .collect();
    json!({
        "id": &*rule.id,
        "title": rule.title,
        "subject": rule.subject.as_str(),
        "severity": rule.severity.as_str(),
        "applies": rule.applies_text,
        "compliant": rule.compliant_text,
        "rationale": rule.rationale,
        "demands": rule.demands.words(),
        "excuses": rule
            .excuses
            .iter()
            .map(|(other, demands)| json!({ "rule": other, "demands": demands.words() }))
            .collect::<Vec<_>>(),
        "remedy": &*rule.remedy,
        "reads": rule.reads().collect::<Vec<_>>(),
        "controls": controls,
    })
}

/// The controls that a rule gives evidence for, by framework.
fn controls_of(rule: &str) -> Vec<(String, Vec<String>)> {
    let of = |framework: &Framework| {
        let controls = framework.controls_of(rule);
        (!controls.is_empty()).then(|| (framework.id.clone(), controls))
    };
    frameworks::all().iter().filter_map(of).collect()
}

/// The IAM actions of the calls that fill these frames, each once.
fn actions_of(frames: &[&str]) -> Vec<&'static str> {
    sources::actions_of(frames)
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect()
}

fn kind_of(fact: &Fact) -> String {
    match fact.unit() {
        Some(unit) => format!("{}, in {unit}", fact.kind.as_str()),
        None => fact.kind.as_str().to_owned(),
    }
}

/// What stands in place of a value.
const NULLS: &str = "A fact without a value says why: `none` (there is nothing that it could be about, and that is known), `not asked` (the scan
was for rules that do not need it), the calls that would tell and how they ended (`denied: ACTION`), `left open by AWS`. Where a
sentence says when a fact is unknown, one of these is meant.\n\n";

/// When a fact is none: what other facts say then.
fn tests_of(none_if: &[NoneIf]) -> Vec<String> {
    none_if.iter().map(NoneIf::to_string).collect()
}

fn facts() -> Explained {
    let (mut text, mut all) = (NULLS.to_owned(), Vec::new());
    for subject in Subject::ALL {
        text.push_str(&format!("Facts on each {subject}:\n\n"));
        for fact in facts_of(subject) {
            let actions = actions_of(fact.frames);
            text.push_str(&format!("{} ({})\n   {}\n", fact.name, kind_of(fact), fact.doc.trim()));
            let none_if = tests_of(fact.none_if);
            if !none_if.is_empty() {
                text.push_str(&format!("   None if {}\n", none_if.join(", or if ")));
            }
            if !actions.is_empty() {
                text.push_str(&format!("   Source: {}\n", actions.join(", ")));
            }
            all.push(json!({
                "subject": subject.as_str(),
                "name": fact.name,
                "type": fact.kind.as_str(),
                "unit": fact.unit(),
                "doc": fact.doc.trim(),
                "none_if": none_if,
                "frames": fact.frames,
                "sources": actions,
            }));
        }
        text.push('\n');
    }
    text.push_str("Policy values, for conditions of rules:\n\n");
    for value in POLICY_VALUES {
        text.push_str(&format!("{}\n   {}\n", value.name, value.doc));
        all.push(json!({"subject": "policy", "name": value.name, "doc": value.doc}));
    }
    text.push_str("\nTables against their policy, for conditions of rules on tables:\n\n");
    for one in COMPARISONS {
        let none_if = tests_of(one.none_if);
        text.push_str(&format!("{}\n   {}\n", one.name, one.doc));
        all.push(json!({
            "subject": "comparison",
            "name": one.name,
            "doc": one.doc,
            "none_if": none_if,
            "frames": one.frames,
        }));
    }
    Explained { text, json: json!(all) }
}

fn frameworks() -> Explained {
    let line = |framework: &Framework| format!("{:<26} {} ({})\n", framework.id, framework.title, framework.version);
    let one =
        |framework: &Framework| json!({"id": framework.id, "title": framework.title, "version": framework.version});
    Explained {
        text: frameworks::all().iter().map(line).collect(),
        json: json!(frameworks::all().iter().map(one).collect::<Vec<_>>()),
    }
}

fn framework(framework: &Framework) -> Explained {
    let rows = crate::judge::frameworks::without_findings(framework);
    let mut text = format!("{}: {} ({})\n\n", framework.id, framework.title, framework.version);
    if let Some(policy) = framework.policy_text() {
        text.push_str(&format!("Numbers that it fixes:\n{policy}\n"));
    }
    let mut controls = Vec::new();
    for row in &rows {
        let by = if row.rules.is_empty() {
            format!("no rule; {}", row.answered)
        } else {
            row.rules.join(", ")
        };
        text.push_str(&format!(
            "{} ({}, {}, {})\n   {}\n   {by}\n",
            row.id, row.question, row.relation, row.letter, row.asks
        ));
        controls.push(json!({
            "id": row.id,
            "question": row.question,
            "relation": row.relation,
            "letter": row.letter,
            "asks": row.asks,
            "rules": row.rules,
            "answered": row.answered,
        }));
    }
    Explained {
        text,
        json: json!({
            "id": framework.id,
            "title": framework.title,
            "version": framework.version,
            "controls": controls,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_names_every_schema() {
        let command = ExplainArgs::augment_args(clap::Command::new("explain"));
        let about = command.find_subcommand("schema").and_then(clap::Command::get_about);
        let about = about.expect("a help text").to_string();
        for (name, _) in SCHEMAS {
            assert!(about.contains(name), "{name}: {about}");
        }
    }
}
