//! How a report ends: one of a few conclusions, the same in every format.
//!
//! Good news needs every part to be good: whether tables are in a plan and backed up was asked, tables were listed, nothing
//! required is open or unknown, and at least one table is compliant.

use super::Report;
use crate::domain::Answer;

/// How the report ends, from bad to good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Conclusion {
    /// A required finding is open.
    NonCompliant,
    /// Nothing required is open, but a required verdict is unknown, or tables may exist that nobody saw.
    EvidenceMissing,
    /// Nothing failed of what was asked, and whether tables are backed up was not asked, of all of them or of those of a tier.
    NotAsked,
    /// Nothing failed of what was asked, and not every rule that the policy requires was.
    PolicyNotAsked,
    /// No table is compliant: there is none, or none that was judged.
    NothingToProve,
    /// What is required holds but for what waivers accept.
    Waived,
    /// What is required holds, and some calls that no required rule needs went unanswered.
    GapsElsewhere,
    /// What is required holds.
    Compliant,
}

impl Conclusion {
    /// The words of the terminal, and of titles.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::NonCompliant => "not compliant",
            Self::EvidenceMissing => "not proven: evidence is missing",
            Self::NotAsked => "nothing failed of what was asked; whether tables are backed up was not asked",
            Self::PolicyNotAsked => "nothing failed of what was asked; not all that the policy requires was asked",
            Self::NothingToProve => "nothing to prove: no table is compliant, and no failure is open",
            Self::Waived => "compliant but for what waivers accept",
            Self::GapsElsewhere => "compliant; the gaps touch no verdict",
            Self::Compliant => "compliant",
        }
    }
}

impl Report {
    /// How it ends.
    pub(crate) fn conclusion(&self) -> Conclusion {
        let tables = |answer| self.totals.tables_by_verdict.get(&answer).copied().unwrap_or(0);
        let has_waived = self
            .findings
            .iter()
            .any(|finding| finding.waived && finding.is_required());
        if self.open_findings().next().is_some() {
            Conclusion::NonCompliant
        } else if self.is_evidence_missing() {
            Conclusion::EvidenceMissing
        } else if !self.asks_for_backups() {
            Conclusion::NotAsked
        } else if !self.left_out.is_empty() {
            Conclusion::PolicyNotAsked
        } else if tables(Answer::Compliant) == 0 {
            Conclusion::NothingToProve
        } else if tables(Answer::NotAsked) > 0 {
            Conclusion::NotAsked
        } else if has_waived {
            Conclusion::Waived
        } else if !self.coverage.gaps.is_empty()
            || self.coverage.targets.iter().any(|target| target.status != "scanned")
        {
            Conclusion::GapsElsewhere
        } else {
            Conclusion::Compliant
        }
    }
}
