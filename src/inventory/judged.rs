//! `findings.parquet`: every finding of a scan as one frame, beside the inventory that it was made from.

use polars::prelude::{DataFrame, PolarsResult};

use super::cell::Cell;
use super::schema::{ColumnSchema, FrameSchema, Row, frames};

frames! {
    /// One rule applied to one subject.
    FindingRow in "findings" by [] {
        /// Stable over scans: digest of rule, partition, account, Region and table id.
        id: String,
        /// The rule.
        rule: String,
        /// What is judged: `table`, `recovery-point`, `vault`, `plan`, `target`, `waiver` or `exemption`.
        subject: String,
        /// ARN of what is judged.
        resource_arn: String,
        /// Its name, for people.
        resource_name: String,
        /// Account where it lives.
        account_id: String,
        /// Region where it lives.
        region: String,
        /// `compliant`, `non-compliant`, `unknown` or `not-applicable`.
        verdict: String,
        /// `low`, `medium`, `high` or `critical`.
        severity: String,
        /// `in-a-plan`, `backed-up`, `restorable` or `safeguards`. Null: written before rules named their question.
        question: Option<String>,
        /// `required`, `advised` or `off`. Null: written before rules had levels; all were required.
        level: Option<String>,
        /// The framework by whose numbers it was judged. Null: the organisation's policy.
        framework: Option<String>,
        /// Accepted by a waiver.
        waived: bool,
        /// Id of that waiver. Null: none.
        waiver: Option<String>,
        /// What was found, in one sentence.
        message: String,
        /// What to do about it; empty unless non-compliant or unknown.
        remedy: String,
        /// The facts that the rule read, as a JSON object; a fact that is not known is null there.
        evidence_json: String,
    }
}
