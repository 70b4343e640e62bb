//! `report.json`: versioned, with structs of its own, so that the inside may change and the file may not.

mod changes;
mod document;
mod short;

use std::io::Write;
use std::rc::Rc;

use self::document::{
    Account, Approval, Baseline, ByQuestion, Control, Counts, Coverage, DayRun, Document, Exception, Exemption,
    Findings, Framework, FrameworkAnswers, LevelShift, LostAnswer, OfTable, OneDrill, OneFinding, OneGap, Outcome,
    Outcomes, Pairs, Rule, Scan, Table, Tables, Target, Tier, Totals, Usual, Waiver, Window,
};
use self::short::Short;
use super::RenderError;
use super::blocks::{Block, blocks};
use super::digest::Digest;
use super::stream::write_rows;
use crate::criteria::asked::Shift;
use crate::domain::{Answer, DayState, Evidence, Finding, Gap, Question, Severity, Verdict, rfc3339};
use crate::report::{Compared, DrillLine, Lost, SCHEMA_VERSION, Since};
use crate::report::{Report, TableRow};

pub(super) use self::document::Facts;

/// Renders the report, saying nothing twice.
///
/// Errors: the disk refused.
pub(crate) fn render(report: &Report, out: &mut dyn Write) -> Result<(), RenderError> {
    let short = Rc::new(Short::of(report));
    write_rows(&Document::of(report, Some(&short)), "report.json", out)
}

/// Renders every finding with its evidence, and every table with its facts.
///
/// Errors: the disk refused.
pub(crate) fn all(report: &Report, out: &mut dyn Write) -> Result<(), RenderError> {
    write_rows(&Document::of(report, None), "report-all.json", out)
}

/// The JSON schema of `report.json`, as it is shipped.
pub(crate) fn schema() -> schemars::Schema {
    schemars::schema_for!(Document<'static>)
}

/// Facts as one line of JSON, as they stand in `report.json`.
pub(crate) fn facts_json(facts: &Evidence) -> String {
    serde_json::to_string(&Facts::read(facts)).expect("facts always have a JSON form")
}

impl<'r> Document<'r> {
    /// With `short` nothing is said twice.
    fn of(report: &'r Report, short: Option<&'r Rc<Short<'r>>>) -> Self {
        let by_verdict = |counts: &std::collections::BTreeMap<Verdict, usize>| {
            Counts(
                Verdict::ALL
                    .map(|verdict| (verdict.as_str(), counts.get(&verdict).copied().unwrap_or(0)))
                    .to_vec(),
            )
        };
        let by_severity = |counts: &std::collections::BTreeMap<Severity, usize>| {
            let of = |severity: Severity| (severity.as_str(), counts.get(&severity).copied().unwrap_or(0));
            Counts(Severity::ALL.map(of).to_vec())
        };
        let by_answer = |counts: &std::collections::BTreeMap<Answer, usize>| {
            let of = |answer: Answer| (answer.as_str(), counts.get(&answer).copied().unwrap_or(0));
            Counts(Answer::ALL.map(of).to_vec())
        };
        let of_question = |question: Question| {
            let none = std::collections::BTreeMap::new();
            by_answer(report.totals.tables_by_answer.get(&question).unwrap_or(&none))
        };
        let scan = &report.scan;
        Self {
            schema_version: SCHEMA_VERSION,
            scan: Scan {
                id: &scan.id,
                as_of: rfc3339(scan.as_of),
                started_at: rfc3339(scan.started_at),
                finished_at: rfc3339(scan.finished_at),
                caller_arn: &scan.caller_arn,
                tool_version: &scan.tool_version,
                call_count: scan.call_count,
                evidence_digest: &scan.evidence_digest,
            },
            policy: Pairs(&report.policy),
            approval: Approval::of(report),
            exceptions: exceptions(report),
            tiers: report.tiers.iter().map(Tier::of).collect(),
            waivers: report.waivers.iter().map(Waiver::of).collect(),
            frameworks: report.frameworks.iter().map(Framework::of).collect(),
            rules: report
                .rules
                .iter()
                .map(|rule| Rule {
                    id: &rule.id,
                    subject: rule.subject.as_str(),
                    origin: rule.origin.as_str(),
                    title: &rule.title,
                    severity: rule.severity.as_str(),
                    question: rule.question.as_str(),
                    level: rule.level.as_str(),
                    is_core: rule.is_core,
                    remedy: &rule.remedy,
                    reads: rule.reads.iter().map(String::as_str).collect(),
                    unlisted: short.map(|short| short.unlisted.get(&*rule.id).copied().unwrap_or_default()),
                })
                .collect(),
            rules_left_out: &report.left_out,
            totals: Totals {
                tables: report.totals.tables,
                tables_by_verdict: by_answer(&report.totals.tables_by_verdict),
                tables_by_answer: ByQuestion::of(of_question),
                findings: report.totals.findings,
                findings_by_verdict: by_verdict(&report.totals.findings_by_verdict),
                non_compliant_by_severity: by_severity(&report.totals.non_compliant_by_severity),
                advised_by_severity: by_severity(&report.totals.advised_by_severity),
                waived: report.totals.waived,
            },
            window: Window {
                first: (report.window.days > 0).then(|| report.window.first.to_string()),
                days: report.window.days,
            },
            coverage: Coverage::of(report),
            usual: short.and_then(|short| short.told.as_ref()).map(|told| Usual {
                facts: told.usual(),
                causes: told.usual().causes(),
            }),
            outcomes: short.map(|short| Outcomes(report, Rc::clone(short))),
            tables: Tables(report, short.cloned()),
            drills: report.drills.iter().map(OneDrill::of).collect(),
            baseline: report.baseline.as_ref().map(Baseline::of),
            changes: report.changes.iter().map(changes::Change::of).collect(),
            findings: Findings(report, short.cloned()),
        }
    }
}

impl<'r> OneDrill<'r> {
    fn of(drill: &'r DrillLine) -> Self {
        Self {
            table_arn: &drill.table_arn,
            account_id: &drill.target.account_id,
            region: &drill.target.region,
            verdict: &drill.verdict,
            detail: &drill.detail,
            tested_at: rfc3339(drill.tested_at),
            restore_seconds: drill.restore_seconds,
            rto_seconds: drill.rto_seconds,
            point_arn: &drill.point_arn,
            job_id: drill.job_id.as_deref(),
            run_id: &drill.run_id,
            number: drill.number,
            manifest_sha256: &drill.manifest_sha256,
            source: &drill.source,
            signer: drill.signer.as_deref(),
            counts: drill.why_not.is_none(),
            why_not: drill.why_not.as_deref(),
        }
    }
}

impl<'r> Approval<'r> {
    fn of(report: &'r Report) -> Option<Self> {
        let approval = &report.approval;
        (!approval.is_empty()).then(|| Self {
            approved_by: &approval.approved_by,
            approved_on: approval.approved_on.map(|day| day.to_string()),
            reference: &approval.reference,
            review_by: approval.review_by.map(|day| day.to_string()),
        })
    }
}

fn exceptions(report: &Report) -> Vec<Exception> {
    let digest = Digest::of(report);
    let one = |block: Block<'_>| Exception {
        table_arn: report.tables[block.place].table_arn.clone(),
        exposed_since: block.since.map(|since| rfc3339(since.at)),
        owner: Some(block.owner.to_owned()).filter(|owner| !owner.is_empty()),
        due_on: block.due.map(|day| day.to_string()),
    };
    blocks(report, &digest).into_iter().map(one).collect()
}

impl<'r> Baseline<'r> {
    fn of(compared: &'r Compared) -> Self {
        Self {
            scan_id: &compared.scan_id,
            as_of: rfc3339(compared.as_of),
            open_then: compared.open_count,
            new: compared.count(Since::New),
            known: compared.count(Since::Known),
            newly_asked: compared.count(Since::NewlyAsked),
            newly_required: compared.count(Since::NewlyRequired),
            shifts: compared.shifts.iter().map(LevelShift::of).collect(),
            answers_lost: compared.lost.iter().map(LostAnswer::of).collect(),
        }
    }
}

impl<'r> LevelShift<'r> {
    fn of(shift: &'r Shift) -> Self {
        Self {
            rule: &shift.rule,
            tier: shift.tier.as_deref(),
            kind: shift.kind().as_str(),
            before: shift.before.as_str(),
            after: shift.after.as_str(),
        }
    }
}

impl<'r> LostAnswer<'r> {
    fn of(lost: &'r Lost) -> Self {
        Self {
            table_arn: &lost.table_arn,
            question: lost.question.as_str(),
            before: lost.before.as_str(),
        }
    }
}

impl<'r> Tier<'r> {
    fn of(tier: &'r crate::report::TierLine) -> Self {
        Self {
            name: &tier.name,
            when: &tier.when,
            values: Pairs(&tier.values),
            exemption: tier.exemption.as_ref().map(|exemption| Exemption {
                reason: &exemption.reason,
                approver: &exemption.approver,
                expires_at: exemption.expires_at.map(rfc3339),
                max_tables: exemption.max_tables,
                is_in_force: exemption.is_in_force,
            }),
            levels: &tier.levels,
            table_count: tier.table_count,
        }
    }
}

impl<'r> Waiver<'r> {
    fn of(waiver: &'r crate::report::WaiverLine) -> Self {
        Self {
            id: &waiver.id,
            rule: &waiver.rule,
            demands: waiver.demands.words(),
            tables: &waiver.tables,
            reason: &waiver.reason,
            compensating_control: &waiver.compensating_control,
            requester: &waiver.requester,
            approver: &waiver.approver,
            approved_at: rfc3339(waiver.approved_at),
            expires_at: rfc3339(waiver.expires_at),
            ticket: &waiver.ticket,
            table_count: waiver.table_count,
            finding_count: waiver.finding_count,
            is_in_force: waiver.is_in_force,
        }
    }
}

impl<'r> Framework<'r> {
    fn of(framework: &'r crate::report::FrameworkReport) -> Self {
        Self {
            id: &framework.id,
            title: &framework.title,
            version: &framework.version,
            origin: framework.origin.as_str(),
            laxer: framework.laxer.iter().map(String::as_str).collect(),
            controls: framework.controls.iter().map(Control::of).collect(),
        }
    }
}

impl<'r> Control<'r> {
    fn of(row: &'r crate::report::ControlRow) -> Self {
        Self {
            id: &row.id,
            question: &row.question,
            relation: &row.relation,
            letter: &row.letter,
            asks: &row.asks,
            answered: &row.answered,
            rules: row.rules.iter().map(String::as_str).collect(),
            advised: row.advised.iter().map(String::as_str).collect(),
            advised_open: row.advised_open,
            only_if: &row.only_if,
            verdict: row.verdict.map(Verdict::as_str),
            counts: Counts(
                Verdict::ALL
                    .map(|verdict| (verdict.as_str(), row.counts.get(&verdict).copied().unwrap_or(0)))
                    .to_vec(),
            ),
            waived: row.waived,
        }
    }
}

impl<'r> Coverage<'r> {
    fn of(report: &'r Report) -> Self {
        let coverage = &report.coverage;
        let account = |account: &'r crate::report::AccountCoverage| Account {
            account_id: &account.account_id,
            name: &account.name,
            status: account.status,
        };
        let target = |target: &'r crate::report::TargetCoverage| Target {
            account_id: &target.target.account_id,
            region: &target.target.region,
            status: target.status,
            tables_listed: target.tables_listed,
            tables_described: target.tables_described,
            call_count: target.call_count,
            gap_count: target.gap_count,
        };
        Self {
            accounts: coverage.accounts.iter().map(account).collect(),
            targets: coverage.targets.iter().map(target).collect(),
            tables_listed: coverage.tables_listed,
            tables_described: coverage.tables_described,
            tables_vanished: coverage.tables_vanished,
            tables_unknown: coverage.tables_unknown,
            regions_unknown: coverage.regions_unknown,
            gaps: coverage.gaps.iter().map(OneGap::of).collect(),
            not_asked: coverage.not_asked.iter().map(String::as_str).collect(),
        }
    }
}

impl<'r> OneGap<'r> {
    fn of(gap: &'r Gap) -> Self {
        Self {
            account_id: &gap.target.account_id,
            region: &gap.target.region,
            action: &gap.action,
            resource: &gap.resource,
            kind: gap.kind.as_str(),
            why: &gap.why,
            so: &gap.so,
            hint: &gap.hint,
        }
    }
}

impl<'r> Table<'r> {
    /// The table at this place of the report.
    fn of(table: &'r TableRow, place: usize, short: Option<&'r Short<'r>>) -> Self {
        let facts = Facts::beside(&table.facts, short.and_then(|short| short.told.as_ref()));
        let findings = short.map(|short| short.of_table(place));
        Self {
            table_arn: &table.table_arn,
            table_name: &table.table_name,
            account_id: &table.target.account_id,
            region: &table.target.region,
            verdict: table.verdict.as_str(),
            answers: ByQuestion::of(|question| table.answer(question).as_str()),
            answers_by_framework: table.answers_by_framework.iter().map(FrameworkAnswers::of).collect(),
            causes: facts.causes(),
            facts,
            findings: findings.map(|findings| {
                let one = |(outcome, finding): &(u32, &'r Finding)| OfTable::of(*outcome, finding, table);
                findings.iter().map(one).collect()
            }),
            days: short
                .is_none()
                .then(|| table.days.iter().map(|day| day.as_str()).collect()),
            day_runs: short.map(|_| {
                let runs = table.days.chunk_by(|one, next| one == next);
                let run = |run: &[DayState]| DayRun {
                    state: run[0].as_str(),
                    days: run.len(),
                };
                runs.map(run).collect()
            }),
        }
    }
}

impl<'r> OfTable<'r> {
    fn of(outcome: u32, finding: &'r Finding, table: &TableRow) -> Self {
        let is_told = finding.is_required() && (finding.is_bad() || finding.waived) || finding.framework.is_some();
        let evidence = (!finding.evidence.is_among(&table.facts)).then(|| Facts::read(&finding.evidence));
        Self {
            outcome,
            id: is_told.then_some(&finding.id),
            causes: evidence.as_ref().map(Facts::causes).filter(|causes| !causes.is_empty()),
            evidence,
        }
    }
}

impl<'r> Outcome<'r> {
    fn of(finding: &'r Finding, since: Option<Since>) -> Self {
        Self {
            rule: &finding.rule,
            verdict: finding.verdict.as_str(),
            level: finding.level.as_str(),
            framework: finding.framework.as_deref(),
            waived: finding.waived,
            waiver: finding.waived_by(),
            failing_demands: finding.failing.iter().map(|some| some.words()).collect(),
            since_baseline: since.map(Since::as_str),
            message: &finding.message,
        }
    }
}

impl<'r> FrameworkAnswers<'r> {
    fn of((framework, verdict, answers): &'r (std::sync::Arc<str>, Answer, [Answer; 4])) -> Self {
        let of = |question: Question| answers[question.place()].as_str();
        Self {
            framework,
            verdict: verdict.as_str(),
            answers: ByQuestion::of(of),
        }
    }
}

impl<'r> OneFinding<'r> {
    fn of(finding: &'r Finding, since: Option<Since>) -> Self {
        let evidence = Facts::read(&finding.evidence);
        Self {
            id: &finding.id,
            rule: &finding.rule,
            subject: finding.subject.as_str(),
            resource_arn: &finding.resource_arn,
            resource_name: &finding.resource_name,
            account_id: &finding.target.account_id,
            region: &finding.target.region,
            verdict: finding.verdict.as_str(),
            severity: finding.severity.as_str(),
            question: finding.question.as_str(),
            level: finding.level.as_str(),
            framework: finding.framework.as_deref(),
            waived: finding.waived,
            waiver: finding.waived_by(),
            failing_demands: finding.failing.iter().map(|some| some.words()).collect(),
            since_baseline: since.map(Since::as_str),
            message: &finding.message,
            remedy: &finding.remedy,
            causes: evidence.causes(),
            evidence,
        }
    }
}
