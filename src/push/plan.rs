//! What a push does to one account and Region. Pure: the report's findings and the stored ones in, a plan out.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use crate::criteria::Criteria;
use crate::criteria::levels::{may_be_required, may_run};
use crate::criteria::rules::{Rule, RuleSet};
use crate::domain::{Finding, Subject, TargetId};
use crate::render::asff::{PREFIX, SecurityFinding, id_of};
use crate::report::Report;

/// A stored finding, as far as the plan asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Known {
    /// The rule's id.
    pub(crate) rule: String,
    /// What it is about.
    pub(crate) resource: String,
    /// When it was first seen.
    pub(crate) created_at: String,
    /// The instant of the evidence it rests on.
    pub(crate) updated_at: String,
    /// It is archived.
    pub(crate) is_archived: bool,
    /// Someone, or this program, suppressed it.
    pub(crate) is_suppressed: bool,
    /// It was waived when this program last sent it.
    pub(crate) is_waived: bool,
}

/// A finding to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Import {
    /// As it is sent.
    pub(crate) finding: SecurityFinding,
    /// Security Hub does not have it.
    pub(crate) is_new: bool,
}

/// A finding whose workflow changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Suppression {
    /// Its id.
    pub(crate) id: String,
    /// Why.
    pub(crate) note: String,
}

/// What is not sent because it only advises, or is switched off. Where it was sent before, it is withdrawn.
#[derive(Debug, Clone, Default)]
pub(crate) struct Unsent {
    /// Ids of findings.
    pub(crate) findings: BTreeSet<String>,
    /// Rules of which nothing is sent.
    pub(crate) rules: BTreeSet<String>,
}

impl Unsent {
    /// By these criteria; with `advised` everything that was judged is sent.
    pub(crate) fn of(report: &Report, criteria: &Criteria, shipped: &RuleSet, advised: bool) -> Self {
        let policy = &criteria.policy;
        let of_scan = |id: &str| criteria.rules.0.iter().find(|rule| *rule.id == *id);
        // A scan by chosen rules says nothing of the others.
        let is_chosen = criteria.rules.0.iter().any(|rule| rule.is_named) || !criteria.frameworks.is_empty();
        let is_unsent = |rule: &&Rule| match of_scan(&rule.id) {
            Some(rule) => !advised && !may_be_required(rule, policy),
            None if !may_run(rule, policy) => true,
            None => !advised && !is_chosen && !may_be_required(rule, policy),
        };
        let only_advises = |finding: &&Finding| !advised && !finding.is_required();
        Self {
            findings: report.findings.iter().filter(only_advises).map(id_of).collect(),
            rules: shipped
                .0
                .iter()
                .filter(is_unsent)
                .map(|rule| rule.id.to_string())
                .collect(),
        }
    }

    fn has(&self, id: &str, known: &Known) -> bool {
        self.findings.contains(id) || self.rules.contains(&known.rule)
    }
}

/// What the report can tell of a target: what is gone is told from what was not looked at.
#[derive(Debug, Clone)]
pub(crate) struct Scope<'r> {
    /// The instant of the evidence.
    pub(crate) as_of: DateTime<Utc>,
    /// The rules that were applied, with what they judge.
    rules: BTreeMap<&'r str, Subject>,
    /// Every rule that this program comes with: one that was not applied this time says nothing.
    known_rules: &'r BTreeSet<String>,
    /// What is not sent although it was judged, or could be.
    unsent: &'r Unsent,
    /// The tables here were listed whole.
    tables_are_listed: bool,
    /// Everything here was read.
    is_read_whole: bool,
}

impl<'r> Scope<'r> {
    /// The scope of one target of a report.
    pub(crate) fn of(
        report: &'r Report,
        target: &TargetId,
        known_rules: &'r BTreeSet<String>,
        unsent: &'r Unsent,
    ) -> Self {
        let mut targets = report.coverage.targets.iter();
        let coverage = targets.find(|coverage| coverage.target == *target);
        Self {
            as_of: report.scan.as_of,
            rules: report
                .rules
                .iter()
                .map(|rule| (rule.id.as_str(), rule.subject))
                .collect(),
            known_rules,
            unsent,
            tables_are_listed: coverage.is_some_and(|coverage| coverage.tables_listed.is_some()),
            is_read_whole: coverage.is_some_and(|coverage| coverage.status == "scanned"),
        }
    }

    /// Is a stored finding that the report does not have gone for certain?
    fn is_gone(&self, known: &Known) -> bool {
        match self.rules.get(known.rule.as_str()) {
            // A rule of an older version, or of a folder that is no longer used.
            None => !self.known_rules.contains(&known.rule),
            Some(Subject::Table) => self.tables_are_listed,
            // They follow from the settings alone.
            Some(Subject::Waiver | Subject::Exemption) => true,
            Some(Subject::RecoveryPoint | Subject::Vault | Subject::Plan | Subject::Target) => self.is_read_whole,
        }
    }
}

/// What is to be done.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Findings to send.
    pub import: Vec<Import>,
    /// Ids of stored findings that are gone, or that only advise now.
    pub archive: Vec<String>,
    /// Stored findings that a waiver now covers.
    pub suppress: Vec<Suppression>,
    /// Stored findings that this program suppressed for a waiver that no longer covers them.
    pub reopen: Vec<Suppression>,
    /// Findings of which Security Hub knows as much, or more.
    pub newer: usize,
    /// Stored findings that the report does not have, and of which it cannot tell whether they are gone.
    pub kept: usize,
}

impl Plan {
    /// Compares.
    pub(crate) fn of(findings: Vec<SecurityFinding>, mut known: BTreeMap<String, Known>, scope: &Scope<'_>) -> Self {
        let mut plan = Self::default();
        // A table that could not be described goes by its name instead of its id: its older finding is not gone.
        let unknown: BTreeSet<(String, String)> = findings
            .iter()
            .filter(|finding| finding.compliance.status == "WARNING")
            .map(|finding| (rule_of(finding).to_owned(), finding.resources[0].id.clone()))
            .collect();
        for finding in findings {
            match known.remove(&finding.id) {
                None => plan.import.push(Import { finding, is_new: true }),
                Some(stored) if is_as_new(&stored, scope.as_of) => plan.newer += 1,
                Some(stored) => plan.update(finding, &stored),
            }
        }
        for (id, stored) in known.into_iter().filter(|(_, stored)| !stored.is_archived) {
            if is_as_new(&stored, scope.as_of) {
                plan.newer += 1;
            } else if scope.unsent.has(&id, &stored)
                || scope.is_gone(&stored) && !unknown.contains(&(stored.rule.clone(), stored.resource.clone()))
            {
                plan.archive.push(id);
            } else {
                plan.kept += 1;
            }
        }
        plan
    }

    fn update(&mut self, mut finding: SecurityFinding, stored: &Known) {
        finding.created_at.clone_from(&stored.created_at);
        let id = finding.id.clone();
        match (&finding.note, stored.is_suppressed) {
            (Some(note), false) => self.suppress.push(Suppression {
                id,
                note: note.text.clone(),
            }),
            (None, true) if stored.is_waived => self.reopen.push(Suppression {
                id,
                note: "no waiver covers this finding any more".to_owned(),
            }),
            _ => {}
        }
        // Security Hub takes these from a finding's provider only once, when it is new.
        (finding.workflow, finding.note) = (None, None);
        self.import.push(Import { finding, is_new: false });
    }
}

fn rule_of(finding: &SecurityFinding) -> &str {
    finding.generator_id.strip_prefix(PREFIX).unwrap_or_default()
}

/// Security Hub ignores what is not newer than what it has.
fn is_as_new(stored: &Known, as_of: DateTime<Utc>) -> bool {
    DateTime::parse_from_rfc3339(&stored.updated_at).is_ok_and(|updated_at| updated_at >= as_of)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::asff::{Compliance, Note, ProviderFields, ProviderSeverity, Resource, Workflow};

    fn finding(id: &str, rule: &str, status: &'static str) -> SecurityFinding {
        SecurityFinding {
            schema_version: "2018-10-08",
            id: id.to_owned(),
            product_arn: "arn".to_owned(),
            product_name: "backproof",
            company_name: "backproof",
            generator_id: format!("{PREFIX}{rule}"),
            aws_account_id: "111122223333".to_owned(),
            created_at: "2026-11-01T00:00:00Z".to_owned(),
            updated_at: "2026-11-01T00:00:00Z".to_owned(),
            last_observed_at: "2026-11-01T00:00:00Z".to_owned(),
            title: "t".to_owned(),
            description: "d".to_owned(),
            finding_provider_fields: ProviderFields {
                severity: ProviderSeverity {
                    label: "HIGH",
                    original: "high",
                },
                types: ["Effects"],
            },
            remediation: None,
            product_fields: BTreeMap::new(),
            resources: [Resource {
                kind: "AwsDynamoDbTable",
                id: "table".to_owned(),
                partition: None,
                region: None,
            }],
            compliance: Compliance {
                status,
                related_requirements: Vec::new(),
                status_reasons: Vec::new(),
            },
            workflow: None,
            note: None,
            record_state: "ACTIVE",
        }
    }

    fn waived(mut finding: SecurityFinding) -> SecurityFinding {
        finding.workflow = Some(Workflow { status: "SUPPRESSED" });
        finding.note = Some(Note {
            text: "RISK-1".to_owned(),
            updated_by: "backproof",
            updated_at: "2026-11-01T00:00:00Z".to_owned(),
        });
        finding
    }

    fn stored(rule: &str, day: u32) -> Known {
        Known {
            rule: rule.to_owned(),
            resource: "table".to_owned(),
            created_at: "2026-01-01T00:00:00Z".to_owned(),
            updated_at: format!("2026-10-{day:02}T00:00:00Z"),
            is_archived: false,
            is_suppressed: false,
            is_waived: false,
        }
    }

    /// Everything was read; the rules `a` on tables and `v` on vaults were applied, and `b` exists.
    fn plan(findings: Vec<SecurityFinding>, known: &[(&str, Known)], change: fn(&mut Scope<'_>)) -> Plan {
        let known_rules: BTreeSet<String> = ["a", "v", "b", "off"].map(str::to_owned).into();
        let unsent = Unsent {
            findings: ["advised".to_owned()].into(),
            rules: ["off".to_owned()].into(),
        };
        let mut scope = Scope {
            as_of: "2026-10-20T00:00:00Z".parse().expect("an instant"),
            rules: BTreeMap::from([("a", Subject::Table), ("v", Subject::Vault)]),
            known_rules: &known_rules,
            unsent: &unsent,
            tables_are_listed: true,
            is_read_whole: true,
        };
        change(&mut scope);
        let known = known
            .iter()
            .map(|(id, known)| ((*id).to_owned(), known.clone()))
            .collect();
        Plan::of(findings, known, &scope)
    }

    #[test]
    fn what_is_gone_is_told_from_what_was_not_looked_at() {
        let nothing: fn(&mut Scope<'_>) = |_| ();
        let partly: fn(&mut Scope<'_>) = |scope| scope.is_read_whole = false;
        let unlisted: fn(&mut Scope<'_>) = |scope| (scope.is_read_whole, scope.tables_are_listed) = (false, false);
        for (rule, change, archived) in [
            ("a", nothing, true),
            ("v", nothing, true),
            ("b", nothing, false),
            ("removed", nothing, true),
            ("a", partly, true),
            ("v", partly, false),
            ("a", unlisted, false),
            ("v", unlisted, false),
        ] {
            let plan = plan(Vec::new(), &[("x", stored(rule, 1))], change);
            assert_eq!(
                (plan.archive.len(), plan.kept),
                (usize::from(archived), usize::from(!archived)),
                "{rule}"
            );
        }
        // What only advises now is withdrawn, whatever was read; and so is every finding of a rule that is switched off.
        for (id, rule) in [("advised", "v"), ("x", "off")] {
            let plan = plan(Vec::new(), &[(id, stored(rule, 1))], unlisted);
            assert_eq!((plan.archive.len(), plan.kept), (1, 0), "{id} {rule}");
        }
        let archived = Known {
            is_archived: true,
            ..stored("a", 1)
        };
        assert_eq!(
            plan(Vec::new(), &[("x", archived)], nothing),
            Plan::default(),
            "once is enough"
        );
    }

    #[test]
    fn a_finding_under_another_id_is_not_gone_while_its_table_cannot_be_described() {
        for (status, archived) in [("WARNING", false), ("FAILED", true)] {
            let plan = plan(
                vec![finding("by-name", "a", status)],
                &[("by-id", stored("a", 1))],
                |_| (),
            );
            assert_eq!(plan.archive.len(), usize::from(archived), "{status}");
        }
    }

    #[test]
    fn what_is_not_newer_is_not_sent() {
        let known = [("x", stored("a", 20)), ("y", stored("a", 21)), ("z", stored("a", 19))];
        let findings = ["x", "y", "z"].map(|id| finding(id, "a", "FAILED")).to_vec();
        let plan = plan(findings, &known, |_| ());
        assert_eq!((plan.newer, plan.import.len(), plan.archive.len()), (2, 1, 0));
        assert_eq!(
            plan.import[0].finding.created_at, "2026-01-01T00:00:00Z",
            "the first day is kept"
        );
    }

    #[test]
    fn workflow_follows_waivers_and_leaves_people_alone() {
        let known = |is_suppressed, is_waived| Known {
            is_suppressed,
            is_waived,
            ..stored("a", 1)
        };
        for (is_waived_now, stored, suppressed, reopened) in [
            (true, known(false, false), 1, 0),
            (true, known(true, true), 0, 0),
            (true, known(true, false), 0, 0),
            (false, known(true, true), 0, 1),
            (false, known(true, false), 0, 0),
            (false, known(false, true), 0, 0),
            (false, known(false, false), 0, 0),
        ] {
            let plain = finding("x", "a", "FAILED");
            let finding = if is_waived_now { waived(plain) } else { plain };
            let plan = plan(vec![finding], &[("x", stored.clone())], |_| ());
            assert_eq!(
                (plan.suppress.len(), plan.reopen.len()),
                (suppressed, reopened),
                "{stored:?}"
            );
            assert_eq!(plan.import[0].finding.workflow, None, "Security Hub would ignore it");
        }
        let new = plan(vec![waived(finding("n", "a", "FAILED"))], &[], |_| ());
        assert!(new.import[0].is_new && new.import[0].finding.workflow.is_some());
    }
}
