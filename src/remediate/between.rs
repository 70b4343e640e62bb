//! What lies between two scans: a plan with its journal, read strictly, as the next pack is to hold it.
//!
//! In: the files beside a plan, or those of a pack. Out: a [`Change`]. A plan that was altered, a journal of another plan, and a
//! signature that does not hold are refused; AWS is not asked.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use chrono::{DateTime, Utc};

use super::actions::token;
use super::journal;
use super::{Action, NotRead, Plan};
use crate::criteria::changes::{ActionTold, Change, Promise, StepTold, Told};
use crate::domain::{Verdict, rfc3339};
use crate::plain_file::{self, LARGEST_TEXT};
use crate::problem::{Problem, one_line};
use crate::sign::{Kind, Purpose, SignatureFile, Signer, Trust, verify_all};

/// Reads a plan and what lies beside it: its journal, and its signature if there is one.
///
/// Errors: the plan cannot be read or was altered; no journal, one that was altered, or one of another plan; a signature that does
/// not hold.
pub(crate) fn read(path: &Path) -> Result<Change, Problem> {
    let so = "nothing was scanned";
    let (plan, bytes) = Plan::read(path).map_err(|problem| problem.so(so))?;
    let refuse = |at: &Path, why: String| {
        Problem::usage("could not say what was done since the scan before")
            .at(at.display().to_string())
            .why(why)
            .so(so)
    };
    let journal_path = path.with_extension("journal.jsonl");
    let journal = plain_file::text(&journal_path, LARGEST_TEXT).map_err(|error| {
        refuse(&journal_path, error.to_string())
            .hint("the journal that `remediate apply` wrote lies beside its plan, under this name")
    })?;
    let signatures = SignatureFile::beside(path).map_err(|error| refuse(path, error.to_string()))?;
    let signature = signatures
        .into_iter()
        .find(|file| file.name.ends_with(Kind::Ssh.suffix()));
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).map_err(|error| refuse(path, error.to_string()));
    let signature = signature.map(|file| text(file.bytes)).transpose()?;
    let plan_text = text(bytes)?;
    if plan_text.len() as u64 > LARGEST_TEXT {
        return Err(refuse(
            path,
            format!("it is larger than {LARGEST_TEXT} bytes, the most that a pack takes"),
        ));
    }
    let told = told(&plan, (&plan_text, &journal, signature.as_deref())).map_err(|(file, why)| {
        let at = match file {
            Part::Plan => path.to_owned(),
            Part::Journal => journal_path.clone(),
            Part::Signature => format!("{}{}", path.display(), Kind::Ssh.suffix()).into(),
        };
        refuse(&at, why).hint(match file {
            Part::Plan => "make a new plan with `remediate plan`, and review it",
            Part::Journal => "name the plan with the journal that its own `apply` wrote, as it wrote it",
            Part::Signature => "let the plan be approved again, or take the signature away",
        })
    })?;
    Ok(Change {
        told,
        plan: plan_text,
        journal,
        signature,
    })
}

/// What came of holding a change against its files.
pub(crate) enum Checked {
    /// It holds: what was checked, in a sentence.
    Holds(String),
    /// It could not be checked; why.
    Not(String),
}

/// Holds what a pack tells of a change against the plan, journal and signature beside it. `trust`: keys that the reader trusts.
///
/// Errors: what differs, in words.
pub(crate) fn check(change: &Change, trust: &Trust) -> Result<Checked, String> {
    let plan = match Plan::parse(&change.plan) {
        Ok(plan) => plan,
        Err(NotRead::Version(why)) => return Ok(Checked::Not(format!("the plan was not checked: {why}"))),
        Err(NotRead::Damaged(why)) => return Err(format!("the plan: {why}")),
    };
    let told = told(&plan, (&change.plan, &change.journal, change.signature.as_deref()));
    let told = told.map_err(|(part, why)| match part {
        Part::Plan => format!("the plan: {why}"),
        Part::Journal => format!("the journal: {why}"),
        Part::Signature => format!("the signature: {why}"),
    })?;
    if told != change.told {
        return Err("what is told of the change is not what its plan and journal say".to_owned());
    }
    let mut said = format!(
        "plan {} of the scan of {}, its journal and what is told of them agree",
        told.plan_sha256,
        rfc3339(told.as_of)
    );
    match signers(&change.plan, change.signature.as_deref(), trust, told.as_of) {
        Ok(signers) if signers.is_empty() => said.push_str("; nobody signed it"),
        Ok(signers) => {
            let signers: Vec<String> = signers.iter().map(ToString::to_string).collect();
            said.push_str(&format!("; approved with {}", signers.join(" and ")));
        }
        // The keys that sign packs need not be those that approve plans.
        Err(why) => said.push_str(&format!("; approved with {}: {why}", told.approved_with.join(" and "))),
    }
    Ok(Checked::Holds(said))
}

/// Who signed a plan.
///
/// Errors: the signature does not hold, or is by nobody who is trusted.
fn signers(plan: &str, signature: Option<&str>, trust: &Trust, at: DateTime<Utc>) -> Result<Vec<Signer>, String> {
    let Some(signature) = signature else {
        return Ok(Vec::new());
    };
    let file = SignatureFile {
        name: "the signature".to_owned(),
        bytes: signature.as_bytes().to_vec(),
    };
    let trust = trust.clone().for_purpose(Purpose::Plan);
    verify_all(plan.as_bytes(), &[file], &[], (&trust, at)).map_err(|(_, broken)| broken.to_string())
}

/// Is the plan of the scans that a baseline and a ledger know, and of one before this scan?
///
/// Errors: it is of another.
pub(crate) fn check_chain(change: &Change, path: &Path, known: &BTreeSet<String>, what: &str) -> Result<(), Problem> {
    if known.contains(&change.told.scan_id) {
        return Ok(());
    }
    Err(Problem::usage("the plan rests on another scan")
        .at(path.display().to_string())
        .why(format!(
            "it was made from scan {} as of {}, which is not {what}",
            one_line(&change.told.scan_id),
            rfc3339(change.told.as_of)
        ))
        .so("nothing was scanned")
        .hint(
            "name the scan that the plan was made from, or a plan that was made with `remediate plan --from` that scan",
        ))
}

/// Which file is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Plan,
    Journal,
    Signature,
}

/// What the files say.
///
/// Errors: the one that is wrong, and why.
fn told(plan: &Plan, (text, journal, signature): (&str, &str, Option<&str>)) -> Result<Told, (Part, String)> {
    let mut told = Told::new(text, journal, (plan.scan_id.clone(), plan.as_of));
    for action in &plan.actions {
        let deed = serde_json::to_string(&action.deed).expect("plain values always have a JSON form");
        if token(&[&plan.scan_id, &action.target().to_string(), &deed]) != action.id {
            let why = format!("the id of `{}` is not that of what it says", one_line(&action.name()));
            return Err((Part::Plan, why));
        }
    }
    let entries = journal::read(journal, plan).map_err(|why| (Part::Journal, why))?;
    if entries.is_empty() && !plan.actions.is_empty() {
        return Err((Part::Journal, "it is empty: nothing was begun".to_owned()));
    }
    let last = entries.last().map_or(plan.as_of, |entry| entry.at);
    let signers = signers(text, signature, &Trust::none(), last).map_err(|why| (Part::Signature, why))?;
    told.approved_with = signers.iter().map(Signer::key).collect();
    let promises = Promises::of(plan);
    let steps = |action: &Action| {
        let of_action = entries.iter().filter(|entry| entry.action == action.id);
        of_action
            .map(|entry| StepTold {
                at: rfc3339(entry.at),
                step: entry.step.as_str().to_owned(),
                made: entry.made.clone().unwrap_or_default(),
                why: entry.why.clone().unwrap_or_default(),
            })
            .collect()
    };
    let action_told = |action: &Action| {
        let resource = action.deed.resource(&action.target());
        ActionTold {
            id: action.id.clone(),
            kind: action.deed.kind().id.to_owned(),
            account_id: action.account_id.clone(),
            region: action.region.clone(),
            resource: resource.id.clone().into_owned(),
            what: format!("{} {}: {}", resource.noun, resource.name, action.deed.describe()),
            reason: action.reason.clone(),
            steps: steps(action),
            findings: action.findings.iter().map(|id| promises.get(id)).collect(),
        }
    };
    told.actions = plan.actions.iter().map(action_told).collect();
    let named: BTreeSet<&String> = plan.actions.iter().flat_map(|action| &action.findings).collect();
    let others = plan.fixes.iter().filter(|fix| !named.contains(&fix.finding));
    told.others = others.map(|fix| promises.get(&fix.finding)).collect();
    told.risks = plan
        .worse
        .iter()
        .map(|finding| Promise {
            finding: finding.finding.clone(),
            rule: finding.rule.clone(),
            resource: finding.resource.clone(),
            before: Verdict::Compliant.as_str().to_owned(),
            is_promised: false,
        })
        .collect();
    Ok(told)
}

/// The findings that a plan names, by id.
struct Promises(BTreeMap<String, Promise>);

impl Promises {
    fn of(plan: &Plan) -> Self {
        let fixes = plan.fixes.iter().map(|fix| Promise {
            finding: fix.finding.clone(),
            rule: fix.rule.clone(),
            resource: fix.resource.clone(),
            before: fix.now.as_str().to_owned(),
            is_promised: true,
        });
        let remaining = plan.remaining.iter().map(|finding| Promise {
            finding: finding.finding.clone(),
            rule: finding.rule.clone(),
            resource: finding.resource.clone(),
            before: Verdict::NonCompliant.as_str().to_owned(),
            is_promised: false,
        });
        let all = remaining.chain(fixes);
        Self(all.map(|promise| (promise.finding.clone(), promise)).collect())
    }

    /// One that the plan names by its id alone: an action made it what no rule asks about any more.
    fn get(&self, id: &str) -> Promise {
        self.0.get(id).cloned().unwrap_or_else(|| Promise {
            finding: id.to_owned(),
            rule: String::new(),
            resource: String::new(),
            before: Verdict::NonCompliant.as_str().to_owned(),
            is_promised: false,
        })
    }
}

/// Does all of it lie before this instant of AWS's clock, and this one of the machine's?
///
/// Errors: what does not, in words.
pub(crate) fn check_before(change: &Change, as_of: DateTime<Utc>, ended: DateTime<Utc>) -> Result<(), String> {
    if change.told.as_of >= as_of {
        return Err(format!(
            "the plan rests on a scan of {}, and this one is of {}",
            rfc3339(change.told.as_of),
            rfc3339(as_of)
        ));
    }
    let steps = change.told.actions.iter().flat_map(|action| &action.steps);
    let is_late = |step: &&StepTold| DateTime::parse_from_rfc3339(&step.at).is_ok_and(|at| at.to_utc() > ended);
    match steps.into_iter().find(is_late) {
        None => Ok(()),
        Some(step) => Err(format!(
            "the journal has a step of {}, and this scan ended at {}",
            step.at,
            rfc3339(ended)
        )),
    }
}
