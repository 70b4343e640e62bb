//! Findings by rule and outcome, as observations, risks and findings on control objectives.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::parts::{prop, text, token, uuid_of};
use crate::domain::{Finding, Verdict, rfc3339};
use crate::problem::count;
use crate::render::csv::value_text;
use crate::report::{FrameworkReport, Report};

/// The outcome of a rule on some subjects; a waived one is an outcome of its own.
pub(super) type Outcome<'r> = (&'r str, Verdict, Option<Waived<'r>>);

/// The waiver of a finding, and those that accept it besides.
type Waived<'r> = (&'r str, &'r [Arc<str>]);

/// Findings by rule and outcome.
pub(super) struct Groups<'r> {
    report: &'r Report,
    pub(super) by_outcome: BTreeMap<Outcome<'r>, Vec<&'r Finding>>,
}

/// One control of a framework that rules answer. A framework may ask several things under one id: they are put together.
pub(super) struct Control<'r> {
    /// Its id as a token.
    pub(super) token: String,
    id: &'r str,
    asks: Vec<&'r str>,
    rules: Vec<&'r str>,
    verdict: Option<Verdict>,
}

/// The controls that rules answer, each once, in the order of the framework.
pub(super) fn controls(framework: &FrameworkReport) -> Vec<Control<'_>> {
    let mut controls: Vec<Control<'_>> = Vec::new();
    for row in framework.controls.iter().filter(|row| row.answered == "rules") {
        let rules = row.rules.iter().map(String::as_str);
        match controls.iter_mut().find(|control| control.id == row.id) {
            Some(control) => {
                control.asks.push(&row.asks);
                control.rules.extend(rules);
                control.verdict = match (control.verdict, row.verdict) {
                    (Some(one), Some(other)) => Some(one.worse(other)),
                    (one, other) => one.or(other),
                };
            }
            None => controls.push(Control {
                token: control_token(&framework.id, &row.id),
                id: &row.id,
                asks: vec![&row.asks],
                rules: rules.collect(),
                verdict: row.verdict,
            }),
        }
    }
    controls
}

/// The control's id as a token. Those of NIST SP 800-53 are spelled as NIST's own catalog spells them.
fn control_token(framework: &str, id: &str) -> String {
    if framework.starts_with("nist-800-53") || framework.starts_with("fedramp") {
        token(&id.to_lowercase().replace('(', ".").replace(')', ""))
    } else {
        token(&format!("{framework}_{id}"))
    }
}

impl<'r> Groups<'r> {
    pub(super) fn of(report: &'r Report) -> Self {
        let mut by_outcome: BTreeMap<Outcome<'r>, Vec<&'r Finding>> = BTreeMap::new();
        for finding in &report.findings {
            let waiver = finding.waived.then(|| {
                let [first, others @ ..] = &*finding.waivers else {
                    return ("", &[][..]);
                };
                (&**first, others)
            });
            by_outcome
                .entry((&finding.rule, finding.verdict, waiver))
                .or_default()
                .push(finding);
        }
        Self { report, by_outcome }
    }

    fn title(&self, rule: &str) -> String {
        self.report
            .rule(rule)
            .map_or_else(|| rule.to_owned(), |rule| rule.title.clone())
    }

    pub(super) fn observation(&self, outcome: &Outcome<'_>, findings: &[&Finding]) -> Value {
        let (rule, verdict, waiver) = *outcome;
        let mut props = vec![prop("rule", rule), prop("verdict", verdict.as_str())];
        if let Some(finding) = findings.first() {
            props.push(prop("severity", finding.severity.as_str()));
        }
        if waiver.is_some() {
            props.push(prop("waived", "true"));
        }
        json!({
            "uuid": observation_uuid(outcome),
            "title": text(&format!("{rule}: {verdict}{}", if waiver.is_some() { ", waived" } else { "" })),
            "description": text(&self.title(rule)),
            "props": props,
            "methods": ["EXAMINE"],
            "types": ["control-objective"],
            "subjects": findings.iter().map(|finding| subject(finding)).collect::<Vec<_>>(),
            "relevant-evidence": findings.iter().map(|finding| evidence(finding)).collect::<Vec<_>>(),
            "collected": rfc3339(self.report.scan.as_of),
        })
    }

    /// A risk for each rule that is violated, and one for each waiver that accepts a violation or a gap.
    pub(super) fn risks(&self) -> Vec<Value> {
        let of_outcome = |(outcome, findings): (&Outcome<'r>, &Vec<&'r Finding>)| {
            let (_, verdict, waiver) = *outcome;
            let is_risk = waiver.is_some() || verdict == Verdict::NonCompliant;
            is_risk.then(|| self.risk(outcome, findings))
        };
        self.by_outcome.iter().filter_map(of_outcome).collect()
    }

    fn risk(&self, outcome: &Outcome<'r>, findings: &[&'r Finding]) -> Value {
        let (rule, verdict, waiver) = *outcome;
        let title = self.title(rule);
        let severity = findings.first().map_or("low", |finding| finding.severity.as_str());
        let subjects = count(findings.len(), "finding");
        let mut risk = json!({
            "uuid": risk_uuid(outcome),
            "title": text(&format!("{rule}: {subjects} {verdict}")),
            "description": text(&format!("Not so, or not known: {title}")),
            "statement": format!("{subjects} of severity {severity}"),
            "props": [prop("rule", rule), prop("severity", severity)],
            "status": if waiver.is_some() { "deviation-approved" } else { "open" },
            "related-observations": [{"observation-uuid": observation_uuid(outcome)}],
        });
        if waiver.is_some() {
            self.accept(&mut risk, outcome, findings);
        } else if let Some(remedy) = findings
            .iter()
            .map(|finding| &*finding.remedy)
            .find(|remedy| !remedy.is_empty())
        {
            risk["remediations"] = json!([{
                "uuid": uuid_of(&["remedy", rule]),
                "lifecycle": "recommendation",
                "title": text(&format!("Remedy of {rule}")),
                "description": text(remedy),
            }]);
        }
        risk
    }

    /// Who accepted the risk, until when, and what is done instead.
    fn accept(&self, risk: &mut Value, outcome: &Outcome<'r>, findings: &[&Finding]) {
        let Some(finding) = findings.first() else { return };
        risk["statement"] = text(&self.report.why_waived(finding)).into();
        let waivers = self.report.waivers_of(finding);
        let Some(end) = waivers.iter().map(|waiver| waiver.expires_at).min() else {
            return;
        };
        risk["deadline"] = rfc3339(end).into();
        let instead: Vec<&str> = waivers
            .iter()
            .map(|waiver| waiver.compensating_control.trim())
            .filter(|control| !control.is_empty())
            .collect();
        if !instead.is_empty() {
            risk["mitigating-factors"] = json!([{
                "uuid": uuid_of(&["mitigation", &risk_uuid(outcome)]),
                "description": text(&instead.join("; ")),
            }]);
        }
    }

    /// Outcomes of these rules, those left out that say nothing of the objective.
    fn outcomes(&self, rules: &[&str]) -> Vec<&Outcome<'r>> {
        let is_of = |outcome: &&Outcome<'r>| rules.contains(&outcome.0) && outcome.1 != Verdict::NotApplicable;
        self.by_outcome.keys().filter(is_of).collect()
    }

    pub(super) fn findings(&self) -> Vec<Value> {
        if self.report.frameworks.is_empty() {
            let rules = self.report.rules.iter();
            return rules
                .filter_map(|rule| self.rule_finding(&rule.id, &rule.title))
                .collect();
        }
        let frameworks = self.report.frameworks.iter();
        let of_framework = |framework: &'r FrameworkReport| {
            let controls = controls(framework).into_iter();
            controls.filter_map(|control| self.control_finding(framework, &control))
        };
        frameworks.flat_map(of_framework).collect()
    }

    fn control_finding(&self, framework: &FrameworkReport, control: &Control<'_>) -> Option<Value> {
        let verdict = control.verdict.filter(|verdict| *verdict != Verdict::NotApplicable);
        let outcomes = self.outcomes(&control.rules);
        // Where every finding is waived, the control has no verdict of its own: the deviation speaks.
        let verdict = verdict.or_else(|| (!outcomes.is_empty()).then_some(Verdict::NotApplicable))?;
        let name = format!("{} {}", framework.id, control.id);
        let mut finding = self.finding((&name, &control.asks.join("; ")), &control.token, verdict, &outcomes);
        finding["props"] = json!([prop("framework", &framework.title), prop("control", control.id)]);
        Some(finding)
    }

    fn rule_finding(&self, id: &str, title: &str) -> Option<Value> {
        let outcomes = self.outcomes(&[id]);
        if outcomes.is_empty() {
            return None;
        }
        let unwaived = outcomes.iter().filter(|outcome| outcome.2.is_none());
        let worst = unwaived
            .map(|outcome| outcome.1)
            .fold(Verdict::NotApplicable, Verdict::worse);
        Some(self.finding((id, title), &token(id), worst, &outcomes))
    }

    fn finding(&self, (name, asks): (&str, &str), target: &str, verdict: Verdict, outcomes: &[&Outcome<'r>]) -> Value {
        let is_accepted = outcomes.iter().any(|outcome| outcome.2.is_some());
        let (state, reason, remarks) = match verdict {
            Verdict::Compliant if !is_accepted => ("satisfied", "pass", None),
            Verdict::Compliant | Verdict::NotApplicable => (
                "not-satisfied",
                "other",
                Some("Satisfied but for findings that waivers accept."),
            ),
            Verdict::NonCompliant => ("not-satisfied", "fail", None),
            Verdict::Unknown => ("not-satisfied", "other", Some("Not known: no evidence settles it.")),
        };
        let mut status = json!({"state": state, "reason": reason});
        if let Some(remarks) = remarks {
            status["remarks"] = remarks.into();
        }
        let observations: Vec<Value> = outcomes
            .iter()
            .map(|outcome| json!({"observation-uuid": observation_uuid(outcome)}))
            .collect();
        let risks: Vec<Value> = outcomes
            .iter()
            .filter(|outcome| outcome.2.is_some() || outcome.1 == Verdict::NonCompliant)
            .map(|outcome| json!({"risk-uuid": risk_uuid(outcome)}))
            .collect();
        let mut finding = json!({
            "uuid": uuid_of(&["finding", name]),
            "title": text(name),
            "description": text(asks),
            "target": {"type": "objective-id", "target-id": target, "status": status},
        });
        for (key, list) in [("related-observations", observations), ("related-risks", risks)] {
            if !list.is_empty() {
                finding[key] = list.into();
            }
        }
        finding
    }
}

fn ids(waived: Option<Waived<'_>>) -> String {
    let Some((first, others)) = waived else {
        return "\0".to_owned();
    };
    let mut ids = vec![first];
    ids.extend(others.iter().map(|id| &**id));
    ids.join("\0")
}

fn observation_uuid((rule, verdict, waiver): &Outcome<'_>) -> String {
    uuid_of(&["observation", rule, verdict.as_str(), &ids(*waiver)])
}

fn risk_uuid((rule, verdict, waiver): &Outcome<'_>) -> String {
    uuid_of(&["risk", rule, verdict.as_str(), &ids(*waiver)])
}

fn subject(finding: &Finding) -> Value {
    json!({
        "subject-uuid": uuid_of(&["subject", &finding.resource_arn]),
        "type": "inventory-item",
        "title": text(&finding.resource_name),
        "props": [prop("finding-id", &finding.id)],
    })
}

/// The facts that the rule read of one subject.
fn evidence(finding: &Finding) -> Value {
    let mut props = vec![prop("finding-id", &finding.id)];
    props.extend(
        finding
            .evidence
            .iter()
            .map(|(name, value)| prop(name, &value_text(value))),
    );
    json!({"description": text(&finding.message), "props": props})
}
