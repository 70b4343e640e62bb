//! Two looks at the same tables in, what changed between them out. Pure.
//!
//! Both are judged by the same criteria, so that a change is one of AWS; what changed in the criteria is told apart, and so
//! is what fails only because it was not asked before. What one of the two did not read is never called fixed, gone or
//! vanished: it is not known, and said to be. What only advises decides no exit code.

mod findings;
mod plans;
mod points;
mod policy;
pub(crate) mod render;
mod selections;
mod settings;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use crate::criteria::Criteria;
use crate::criteria::asked::Asked;
use crate::criteria::baseline::Baseline;
use crate::domain::{Finding, Level, Severity, Subject, TargetId};
use crate::exit::Exit;
use crate::facts::{Facts, derive};
use crate::inventory::Inventory;
use crate::judge::compare::baseline_of;
use crate::judge::judge;
use crate::problem::Problem;
use crate::report::{Compared, Report};

/// One look: what was read, and what the criteria say of it.
pub(crate) struct Look {
    inventory: Inventory,
    facts: Facts,
    report: Report,
    manifest_sha256: Option<String>,
}

impl Look {
    /// Judges an inventory; of a pack, with the digest of its manifest.
    ///
    /// Errors: a frame of it is damaged.
    pub(crate) fn new(
        inventory: Inventory,
        manifest_sha256: Option<String>,
        criteria: &Criteria,
    ) -> Result<Self, Problem> {
        Ok(Self {
            manifest_sha256,
            facts: derive(&inventory, criteria.policy.window_days)?,
            report: judge(&inventory, criteria)?,
            inventory,
        })
    }

    /// What the criteria say of it, as a baseline.
    pub(crate) fn baseline(&self, asked: Asked) -> Baseline {
        baseline_of(&self.report, asked)
    }

    fn source(&self) -> Source {
        Source {
            scan_id: self.report.scan.id.clone(),
            as_of: self.report.scan.as_of,
            manifest_sha256: self.manifest_sha256.clone(),
            table_count: self.report.tables.len(),
            open_count: self.report.findings.iter().filter(|finding| finding.is_open()).count(),
        }
    }

    /// Was this call made here, and did it end well with all its pages?
    fn is_whole(&self, target: &TargetId, action: &str, resource: &str) -> bool {
        self.facts.reading().is_whole(target, action, resource)
    }
}

/// What was compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Source {
    /// Digest that names the scan.
    pub(crate) scan_id: String,
    /// The instant from which its ages are measured.
    pub(crate) as_of: DateTime<Utc>,
    /// SHA-256 of the manifest of its pack; none: it is no pack.
    pub(crate) manifest_sha256: Option<String>,
    /// Tables in it.
    pub(crate) table_count: usize,
    /// Non-compliant findings that no waiver covers.
    pub(crate) open_count: usize,
}

/// What kind of change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    /// A finding is non-compliant and not waived, and was not before.
    NewlyFailing,
    /// The same, and its rule was not asked before; no rule on the same demand was open.
    NewlyAsked,
    /// A setting of AWS protects less than before.
    Weaker,
    /// The criteria ask for less than before.
    PolicyWeaker,
    /// A verdict was known and is not any more, or a new subject has one that is not known.
    BecameUnknown,
    /// The newer scan did not look at it, or could not.
    NotObserved,
    /// A question was answered, and is not asked any more.
    AnswerLost,
    /// The criteria changed in another way.
    PolicyChanged,
    /// The table was not there before.
    NewTable,
    /// The table is not there any more.
    VanishedTable,
    /// Non-compliant before, compliant now.
    Fixed,
    /// Non-compliant before; now a waiver covers it.
    NewlyWaived,
    /// Non-compliant before; now the rule does not ask.
    NotAskedAnyMore,
    /// Non-compliant before; what it was about is gone.
    Gone,
    /// The verdict was not known before.
    BecameKnown,
    /// Non-compliant both times; it only advised, and is required now.
    NewlyRequired,
    /// Non-compliant both times, by its rule or by one on the same demand.
    StillFailing,
    /// Not known both times.
    StillUnknown,
}

impl Kind {
    /// Every kind, worst first: the order of every output.
    pub(crate) const ALL: [Self; 18] = [
        Self::NewlyFailing,
        Self::NewlyAsked,
        Self::Weaker,
        Self::PolicyWeaker,
        Self::BecameUnknown,
        Self::NotObserved,
        Self::AnswerLost,
        Self::PolicyChanged,
        Self::NewTable,
        Self::VanishedTable,
        Self::Fixed,
        Self::NewlyWaived,
        Self::NotAskedAnyMore,
        Self::Gone,
        Self::BecameKnown,
        Self::NewlyRequired,
        Self::StillFailing,
        Self::StillUnknown,
    ];

    /// The word of the machine formats.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::NewlyFailing => "newly-failing",
            Self::NewlyAsked => "newly-asked",
            Self::Weaker => "weaker",
            Self::PolicyWeaker => "policy-weaker",
            Self::BecameUnknown => "became-unknown",
            Self::NotObserved => "not-observed",
            Self::AnswerLost => "answer-lost",
            Self::PolicyChanged => "policy-changed",
            Self::NewTable => "new-table",
            Self::VanishedTable => "vanished-table",
            Self::Fixed => "fixed",
            Self::NewlyWaived => "newly-waived",
            Self::NotAskedAnyMore => "not-asked-any-more",
            Self::Gone => "gone",
            Self::BecameKnown => "became-known",
            Self::NewlyRequired => "newly-required",
            Self::StillFailing => "still-failing",
            Self::StillUnknown => "still-unknown",
        }
    }

    /// The head of its section.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::NewlyFailing => "Newly failing",
            Self::NewlyAsked => "Newly asked, and failing",
            Self::Weaker => "Settings that got weaker",
            Self::PolicyWeaker => "Criteria that ask for less",
            Self::BecameUnknown => "Not known any more",
            Self::NotObserved => "Not looked at any more",
            Self::AnswerLost => "Questions that are not asked any more",
            Self::PolicyChanged => "Criteria that changed otherwise",
            Self::NewTable => "New tables",
            Self::VanishedTable => "Tables that vanished",
            Self::Fixed => "Fixed",
            Self::NewlyWaived => "Waived now",
            Self::NotAskedAnyMore => "Not asked any more",
            Self::Gone => "Gone with what they were about",
            Self::BecameKnown => "Known now",
            Self::NewlyRequired => "Newly required, and failing as before",
            Self::StillFailing => "Still failing",
            Self::StillUnknown => "Still not known",
        }
    }
}

/// One thing that differs, or stays wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Change {
    /// What kind of change.
    pub(crate) kind: Kind,
    /// Where; empty for criteria, waivers and exemptions.
    pub(crate) target: TargetId,
    /// What it is about; none for criteria.
    pub(crate) subject: Option<Subject>,
    /// Its ARN, or what stands for one; empty for criteria.
    pub(crate) arn: String,
    /// Its name, for people; for criteria, the tier, waiver or rule. Untrusted.
    pub(crate) name: String,
    /// The rule, or the setting.
    pub(crate) what: String,
    /// The finding's id; none for settings and criteria.
    pub(crate) finding_id: Option<String>,
    /// How much it matters; none for settings and criteria.
    pub(crate) severity: Option<Severity>,
    /// What the finding counts for now; none for settings and criteria.
    pub(crate) level: Option<Level>,
    /// Verdict or value before; `absent` if there was none.
    pub(crate) before: String,
    /// Verdict or value now; `absent` if there is none.
    pub(crate) after: String,
    /// What changed, in one sentence. Quotes text from AWS, which is untrusted.
    pub(crate) message: String,
}

/// Stands for the side on which there is nothing.
const ABSENT: &str = "absent";

/// Everything that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Diff {
    /// The older look.
    pub(crate) older: Source,
    /// The newer look.
    pub(crate) newer: Source,
    /// By what both were judged, in words.
    pub(crate) judged_by: String,
    /// Were the criteria of then compared with those of now? Only a pack knows by what it was judged.
    pub(crate) criteria_compared: bool,
    /// Names of accounts by id, where they are known.
    pub(crate) account_names: BTreeMap<String, String>,
    /// Worst first; within a kind what is required, then by severity, rule or setting, place and name.
    pub(crate) changes: Vec<Change>,
}

impl Diff {
    /// How many changes of this kind.
    pub(crate) fn count(&self, kind: Kind) -> usize {
        self.of(kind).count()
    }

    /// The changes of this kind.
    pub(crate) fn of(&self, kind: Kind) -> impl Iterator<Item = &Change> {
        self.changes.iter().filter(move |change| change.kind == kind)
    }

    /// 10: something required is newly failing, or newly asked and failing, or something is weaker; 11: something required is
    /// not known or not asked any more; 0: nothing got worse.
    pub(crate) fn exit(&self) -> Exit {
        let decides = |change: &&Change| change.level.is_none_or(|level| level == Level::Required);
        let has = |kinds: &[Kind]| {
            let mut deciding = self.changes.iter().filter(decides);
            deciding.any(|change| kinds.contains(&change.kind))
        };
        if has(&[Kind::NewlyFailing, Kind::NewlyAsked, Kind::Weaker, Kind::PolicyWeaker]) {
            Exit::NonCompliant
        } else if has(&[Kind::BecameUnknown, Kind::NotObserved, Kind::AnswerLost]) {
            Exit::EvidenceMissing
        } else {
            Exit::Compliant
        }
    }
}

/// Criteria then and now.
pub(crate) struct ThenAndNow<'c> {
    /// The criteria of the older pack, and what they asked.
    pub(crate) then: (&'c Criteria, Asked),
    /// The criteria of the newer one, and what they ask.
    pub(crate) now: (&'c Criteria, Asked),
    /// The newer look against what the older pack said itself, by its own criteria; none: both are judged by other criteria
    /// than the newer pack's, so that what these ask was asked of both.
    pub(crate) own: Option<Compared>,
}

/// The newer look, which asks this, against what the older scan said by criteria of its own.
pub(crate) fn against(own: &Baseline, asked: &Asked, newer: &Look) -> Compared {
    let report = &newer.report;
    crate::judge::compare::compare(own, asked, &report.tables, &report.findings)
}

/// Compares two looks that were judged by the same criteria; of criteria then and now only if both are known.
///
/// Errors: a frame of an inventory is damaged.
pub(crate) fn compare(
    older: &Look,
    newer: &Look,
    criteria: Option<&ThenAndNow<'_>>,
    judged_by: String,
) -> Result<Diff, Problem> {
    let mut found = Found::default();
    let own = criteria.and_then(|criteria| criteria.own.as_ref());
    findings::compare(older, newer, own, &mut found);
    settings::compare(older, newer, &mut found)?;
    plans::compare(older, newer, &mut found)?;
    selections::lost_tables(older, newer, &mut found);
    points::compare(older, newer, &mut found)?;
    if let Some(criteria) = criteria {
        policy::compare(criteria, &mut found);
    }
    let mut changes = found.changes;
    changes.sort_by(|a, b| {
        // The most severe first; what is alike in that by rule or setting, then place and name.
        let alike = (a.kind, a.level, b.severity, &a.what).cmp(&(b.kind, b.level, a.severity, &b.what));
        alike.then_with(|| a.cmp(b))
    });
    changes.dedup();
    Ok(Diff {
        older: older.source(),
        newer: newer.source(),
        judged_by,
        criteria_compared: criteria.is_some(),
        account_names: account_names(older, newer),
        changes,
    })
}

/// What has been found so far.
#[derive(Default)]
struct Found {
    changes: Vec<Change>,
    not_observed: BTreeSet<(Subject, String, String)>,
}

/// What a setting belongs to.
#[derive(Clone, Copy)]
struct Thing<'t> {
    subject: Subject,
    target: &'t TargetId,
    arn: &'t str,
    name: &'t str,
}

impl<'t> Thing<'t> {
    fn of(finding: &'t Finding) -> Self {
        Self {
            subject: finding.subject,
            target: &finding.target,
            arn: &finding.resource_arn,
            name: &finding.resource_name,
        }
    }

    fn change(&self, kind: Kind, what: &str, values: (String, String), message: String) -> Change {
        let (before, after) = values;
        Change {
            kind,
            target: self.target.clone(),
            subject: Some(self.subject),
            arn: self.arn.to_owned(),
            name: self.name.to_owned(),
            what: what.to_owned(),
            finding_id: None,
            severity: None,
            level: None,
            before,
            after,
            message,
        }
    }
}

impl Found {
    /// A setting that protects less.
    fn weaker(&mut self, thing: &Thing<'_>, setting: &str, values: (String, String), message: String) {
        self.changes.push(thing.change(Kind::Weaker, setting, values, message));
    }

    /// Something that the newer scan did not look at, said once.
    fn not_observed(&mut self, thing: &Thing<'_>, why: &str) {
        let key = (thing.subject, thing.target.to_string(), thing.arn.to_owned());
        if self.not_observed.insert(key) {
            let values = ("observed".to_owned(), "not observed".to_owned());
            self.changes
                .push(thing.change(Kind::NotObserved, "scope", values, why.to_owned()));
        }
    }
}

/// Names of accounts by id: the newer one where two differ.
fn account_names(older: &Look, newer: &Look) -> BTreeMap<String, String> {
    let of = |look: &Look| look.report.coverage.accounts.clone();
    let named = of(older)
        .into_iter()
        .chain(of(newer))
        .filter(|account| !account.name.is_empty());
    named.map(|account| (account.account_id, account.name)).collect()
}

/// Why a listing that would name something cannot show that it is gone; none: it is gone.
fn why_not_observed(newer: &Look, target: &TargetId, action: &str, resource: &str) -> Option<String> {
    if !newer.facts.reading().targets.contains_key(target) {
        return Some("the newer scan did not look into this account and Region".to_owned());
    }
    if newer.is_whole(target, action, resource) {
        return None;
    }
    let failure = newer.facts.reading().failure(target, action, None);
    Some(match failure {
        Some(entry) => format!(
            "{action} gave {} in the newer scan, so it cannot be told whether this is still there",
            entry.error.as_deref().unwrap_or(&entry.outcome)
        ),
        None => format!("the newer scan did not ask {action}, so it cannot be told whether this is still there"),
    })
}
