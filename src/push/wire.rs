//! Findings as the SDK wants them.

use aws_sdk_securityhub::types::{
    AwsSecurityFinding, Compliance, ComplianceStatus, FindingProviderFields, FindingProviderSeverity, Note, Partition,
    Recommendation, RecordState, Remediation, Resource, SeverityLabel, StatusReason, Workflow, WorkflowStatus,
};
use chrono::{DateTime, Utc};

use crate::domain::rfc3339;
use crate::render::asff::{self, SecurityFinding};

/// A finding, member by member.
pub(super) fn finding(finding: &SecurityFinding) -> AwsSecurityFinding {
    AwsSecurityFinding::builder()
        .schema_version(finding.schema_version)
        .id(&finding.id)
        .product_arn(&finding.product_arn)
        .product_name(finding.product_name)
        .company_name(finding.company_name)
        .generator_id(&finding.generator_id)
        .aws_account_id(&finding.aws_account_id)
        .created_at(&finding.created_at)
        .updated_at(&finding.updated_at)
        .last_observed_at(&finding.last_observed_at)
        .title(&finding.title)
        .description(&finding.description)
        .finding_provider_fields(provider_fields(&finding.finding_provider_fields))
        .set_remediation(finding.remediation.as_ref().map(remediation))
        .set_product_fields(Some(finding.product_fields.clone().into_iter().collect()))
        .set_resources(Some(finding.resources.iter().map(resource).collect()))
        .compliance(compliance(&finding.compliance))
        .set_workflow(finding.workflow.as_ref().map(workflow))
        .set_note(finding.note.as_ref().map(note))
        .record_state(RecordState::from(finding.record_state))
        .build()
}

fn provider_fields(fields: &asff::ProviderFields) -> FindingProviderFields {
    let severity = FindingProviderSeverity::builder()
        .label(SeverityLabel::from(fields.severity.label))
        .original(fields.severity.original)
        .build();
    FindingProviderFields::builder()
        .severity(severity)
        .set_types(Some(fields.types.map(str::to_owned).to_vec()))
        .build()
}

fn remediation(remediation: &asff::Remediation) -> Remediation {
    let text = &remediation.recommendation.text;
    Remediation::builder()
        .recommendation(Recommendation::builder().text(text).build())
        .build()
}

fn resource(resource: &asff::Resource) -> Resource {
    Resource::builder()
        .r#type(resource.kind)
        .id(&resource.id)
        .set_partition(resource.partition.map(Partition::from))
        .set_region(resource.region.clone())
        .build()
}

fn compliance(compliance: &asff::Compliance) -> Compliance {
    let reason = |reason: &asff::StatusReason| {
        StatusReason::builder()
            .reason_code(reason.reason_code)
            .description(&reason.description)
            .build()
    };
    let reasons = &compliance.status_reasons;
    let requirements = &compliance.related_requirements;
    Compliance::builder()
        .status(ComplianceStatus::from(compliance.status))
        .set_related_requirements((!requirements.is_empty()).then(|| requirements.clone()))
        .set_status_reasons((!reasons.is_empty()).then(|| reasons.iter().map(reason).collect()))
        .build()
}

fn workflow(workflow: &asff::Workflow) -> Workflow {
    Workflow::builder()
        .status(WorkflowStatus::from(workflow.status))
        .build()
}

fn note(note: &asff::Note) -> Note {
    Note::builder()
        .text(&note.text)
        .updated_by(note.updated_by)
        .updated_at(&note.updated_at)
        .build()
}

/// A stored finding, archived: without the members that Security Hub fills in itself.
pub(super) fn archived(stored: &AwsSecurityFinding, as_of: DateTime<Utc>) -> AwsSecurityFinding {
    let fields = stored.product_fields().map(|fields| {
        let own = fields.iter().filter(|(key, _)| !key.starts_with("aws/"));
        own.map(|(key, value)| (key.clone(), value.clone())).collect()
    });
    AwsSecurityFinding::builder()
        .set_schema_version(stored.schema_version.clone())
        .set_id(stored.id.clone())
        .set_product_arn(stored.product_arn.clone())
        .set_product_name(stored.product_name.clone())
        .set_company_name(stored.company_name.clone())
        .set_generator_id(stored.generator_id.clone())
        .set_aws_account_id(stored.aws_account_id.clone())
        .set_created_at(stored.created_at.clone())
        .updated_at(rfc3339(as_of))
        .set_last_observed_at(stored.last_observed_at.clone())
        .set_title(stored.title.clone())
        .set_description(stored.description.clone())
        .set_finding_provider_fields(stored.finding_provider_fields.clone())
        .set_remediation(stored.remediation.clone())
        .set_product_fields(fields)
        .set_resources(stored.resources.clone())
        .set_compliance(stored.compliance.clone())
        .record_state(RecordState::Archived)
        .build()
}
