//! Findings to AWS Security Hub: each account and Region gets its own, under the account's own product.
//!
//! In: the findings of a report and the clients of its targets. What Security Hub has of this program is read first, so
//! that a finding keeps its first day, that what is gone is archived, and that a report older than the last one changes
//! nothing. What was not read or not judged is never archived; what was sent before and only advises now is, unless advised
//! findings are sent too. Workflow is people's: only what this program suppressed for a waiver does it take up again.

pub(crate) mod plan;
mod wire;

use std::collections::{BTreeMap, HashMap};

use aws_sdk_securityhub::operation::get_findings::GetFindingsOutput;
use aws_sdk_securityhub::types::{
    AwsSecurityFinding, AwsSecurityFindingFilters, AwsSecurityFindingIdentifier, NoteUpdate, StringFilter,
    StringFilterComparison, WorkflowStatus, WorkflowUpdate,
};

use self::plan::{Known, Plan, Suppression};
use crate::aws::call::Page;
use crate::aws::failure::Failure;
use crate::aws::target::Target;
use crate::render::asff::{PREFIX, SecurityFinding, WAIVED, product_arn};

/// What a push needs: the permissions of `explain permissions --command push`.
pub(crate) const ACTIONS: [&str; 3] = [GET, IMPORT, UPDATE];

const GET: &str = "securityhub:GetFindings";
const IMPORT: &str = "securityhub:BatchImportFindings";
const UPDATE: &str = "securityhub:BatchUpdateFindings";

/// Findings of one call at most.
const MOST: usize = 100;

/// Bytes of one call at most: below Security Hub's 6 MB, for its own JSON may be longer than ours.
const MOST_BYTES: usize = 4_000_000;

/// What became of one target.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Pushed {
    /// Findings that Security Hub did not have.
    pub(crate) created: usize,
    /// Findings that it had.
    pub(crate) updated: usize,
    /// Findings that are gone, or that only advise now.
    pub(crate) archived: usize,
    /// Findings suppressed for a waiver, or taken up again because it no longer holds.
    pub(crate) reworked: usize,
    /// Findings of which it knows as much, or more.
    pub(crate) newer: usize,
    /// Findings that may be gone, which this report cannot tell.
    pub(crate) kept: usize,
    /// Findings that it refused: id and reason.
    pub(crate) refused: Vec<(String, String)>,
}

/// A call failed; what was done before it stays done.
#[derive(Debug)]
pub(crate) struct Broken {
    /// Which call.
    pub(crate) action: &'static str,
    /// How.
    pub(crate) failure: Failure,
    /// What was done before it.
    pub(crate) done: Pushed,
}

/// Sends the findings of one target.
///
/// API: securityhub:GetFindings (paged by 100), BatchUpdateFindings, BatchImportFindings. Calls: 2 for each 100 findings,
/// and 1 for each 100 that are suppressed or taken up again. Errors: the first call that fails for good.
pub(crate) async fn push(
    target: &Target,
    findings: Vec<SecurityFinding>,
    scope: &plan::Scope<'_>,
) -> Result<Pushed, Box<Broken>> {
    let mut done = Pushed::default();
    let broken = |action, done: &Pushed| {
        let done = done.clone();
        move |failure| Box::new(Broken { action, failure, done })
    };
    let stored = read(target).await.map_err(broken(GET, &done))?;
    let by_id: HashMap<&str, &AwsSecurityFinding> = stored.iter().filter_map(|one| Some((one.id()?, one))).collect();
    let known: BTreeMap<String, Known> = stored.iter().filter_map(known).collect();
    let plan = Plan::of(findings, known, scope);
    done.newer = plan.newer;
    done.kept = plan.kept;
    // Security Hub may leave what is suppressed as it is: it is taken up again before anything new is said of it.
    done.reworked += rework(target, &plan.reopen, WorkflowStatus::New, &mut done.refused)
        .await
        .map_err(broken(UPDATE, &done))?;
    let gone = plan.archive.iter().filter_map(|id| by_id.get(id.as_str()).copied());
    let archived: Vec<AwsSecurityFinding> = gone.map(|finding| wire::archived(finding, scope.as_of)).collect();
    for batch in batches(plan.import) {
        let (new, old) = (
            batch.iter().filter(|one| one.is_new).count(),
            batch.iter().filter(|one| !one.is_new).count(),
        );
        let sent = batch.iter().map(|one| wire::finding(&one.finding)).collect();
        let refused = import(target, sent).await.map_err(broken(IMPORT, &done))?;
        let is_new = |id: &str| batch.iter().any(|one| one.is_new && one.finding.id == id);
        let new_refused = refused.iter().filter(|(id, _)| is_new(id)).count();
        done.created += new - new_refused;
        done.updated += old.saturating_sub(refused.len() - new_refused);
        done.refused.extend(refused);
    }
    for batch in archived.chunks(MOST) {
        let refused = import(target, batch.to_vec()).await.map_err(broken(IMPORT, &done))?;
        done.archived += batch.len().saturating_sub(refused.len());
        done.refused.extend(refused);
    }
    done.reworked += rework(target, &plan.suppress, WorkflowStatus::Suppressed, &mut done.refused)
        .await
        .map_err(broken(UPDATE, &done))?;
    Ok(done)
}

/// Everything that Security Hub has of this program in this account and Region, archived or not.
async fn read(target: &Target) -> Result<Vec<AwsSecurityFinding>, Failure> {
    let filter = |comparison: StringFilterComparison, value: String| {
        StringFilter::builder().comparison(comparison).value(value).build()
    };
    let filters = AwsSecurityFindingFilters::builder()
        .product_arn(filter(
            StringFilterComparison::Equals,
            product_arn(&target.partition, &target.id),
        ))
        .generator_id(filter(StringFilterComparison::Prefix, PREFIX.to_owned()))
        .build();
    let send = |token| {
        let get = target.securityhub.get_findings().filters(filters.clone());
        get.max_results(100).set_next_token(token).send()
    };
    fn page(page: &GetFindingsOutput) -> Page<'_, AwsSecurityFinding> {
        (page.findings.as_ref(), page.next_token())
    }
    let mut findings = Vec::new();
    let take = |listed: &[AwsSecurityFinding]| {
        findings.extend_from_slice(listed);
        Ok::<_, Failure>(0)
    };
    target.caller.list(GET, "", send, page, take).await?;
    Ok(findings)
}

/// What the plan needs to know of a stored finding.
fn known(finding: &AwsSecurityFinding) -> Option<(String, Known)> {
    let fields = finding.product_fields();
    let known = Known {
        rule: finding.generator_id()?.strip_prefix(PREFIX)?.to_owned(),
        resource: finding.resources().first()?.id()?.to_owned(),
        created_at: finding.created_at()?.to_owned(),
        updated_at: finding.updated_at()?.to_owned(),
        is_archived: finding.record_state().is_some_and(|state| state.as_str() == "ARCHIVED"),
        is_suppressed: finding
            .workflow()
            .and_then(|workflow| workflow.status())
            .is_some_and(|status| status.as_str() == "SUPPRESSED"),
        is_waived: fields.is_some_and(|fields| fields.get(WAIVED).is_some_and(|waived| waived == "true")),
    };
    Some((finding.id()?.to_owned(), known))
}

/// At most 100 findings each, and not too long together.
fn batches(findings: Vec<plan::Import>) -> Vec<Vec<plan::Import>> {
    let mut batches: Vec<Vec<plan::Import>> = Vec::new();
    let mut bytes = 0;
    for one in findings {
        let length = serde_json::to_string(&one.finding).map_or(0, |text| text.len());
        match batches.last_mut() {
            Some(batch) if batch.len() < MOST && bytes + length <= MOST_BYTES => {
                batch.push(one);
                bytes += length;
            }
            _ => {
                batches.push(vec![one]);
                bytes = length;
            }
        }
    }
    batches
}

/// API: securityhub:BatchImportFindings. Calls: 1. Errors: the call's; findings that were refused are the answer.
async fn import(target: &Target, findings: Vec<AwsSecurityFinding>) -> Result<Vec<(String, String)>, Failure> {
    let send = || {
        target
            .securityhub
            .batch_import_findings()
            .set_findings(Some(findings.clone()))
            .send()
    };
    let answer = target.caller.once(IMPORT, "", send).await?;
    let mut refused: Vec<(String, String)> = answer
        .failed_findings()
        .iter()
        .map(|one| {
            let part = |text: Option<&str>| text.unwrap_or_default().to_owned();
            let why = format!("{}: {}", part(one.error_code()), part(one.error_message()));
            (part(one.id()), why)
        })
        .collect();
    // A count without names is as loud as names.
    let unnamed = usize::try_from(answer.failed_count().unwrap_or(0)).unwrap_or(0);
    while refused.len() < unnamed {
        refused.push((String::new(), "refused without a reason".to_owned()));
    }
    Ok(refused)
}

/// Sets the workflow of findings, with a note that says why. Gives how many were set.
///
/// API: securityhub:BatchUpdateFindings. Calls: 1 for each 100 findings with the same note.
async fn rework(
    target: &Target,
    findings: &[Suppression],
    status: WorkflowStatus,
    refused: &mut Vec<(String, String)>,
) -> Result<usize, Failure> {
    let mut by_note: BTreeMap<&str, Vec<&Suppression>> = BTreeMap::new();
    for finding in findings {
        by_note.entry(&finding.note).or_default().push(finding);
    }
    let product = product_arn(&target.partition, &target.id);
    let mut count = 0;
    for (note, findings) in by_note {
        for batch in findings.chunks(MOST) {
            let identifier = |one: &&Suppression| {
                AwsSecurityFindingIdentifier::builder()
                    .id(&one.id)
                    .product_arn(&product)
                    .build()
            };
            let send = || {
                target
                    .securityhub
                    .batch_update_findings()
                    .set_finding_identifiers(Some(batch.iter().map(identifier).collect()))
                    .workflow(WorkflowUpdate::builder().status(status.clone()).build())
                    .note(NoteUpdate::builder().text(note).updated_by("backproof").build())
                    .send()
            };
            let answer = target.caller.once(UPDATE, "", send).await?;
            let undone = answer.unprocessed_findings();
            count += batch.len().saturating_sub(undone.len());
            refused.extend(undone.iter().map(|one| {
                let id = one.finding_identifier().and_then(|identifier| identifier.id());
                let part = |text: Option<&str>| text.unwrap_or_default().to_owned();
                let why = format!("{}: {}", part(one.error_code()), part(one.error_message()));
                (part(id), why)
            }));
        }
    }
    Ok(count)
}
