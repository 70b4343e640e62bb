//! Restore testing plans and their selections.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::vaults::Tags;

/// A restore testing plan.
#[derive(Debug, Clone)]
pub(crate) struct TestingPlan {
    pub(crate) name: String,
    pub(crate) arn: Arc<str>,
    pub(crate) creator_request_id: Option<String>,
    pub(crate) created: DateTime<Utc>,
    pub(crate) updated: Option<DateTime<Utc>>,
    pub(crate) last_run: Option<DateTime<Utc>>,
    pub(crate) expression: String,
    pub(crate) zone: String,
    pub(crate) start_hours: i64,
    /// `RecoveryPointSelection`, with its defaults filled in.
    pub(crate) points: Value,
    pub(crate) selections: BTreeMap<String, TestingSelection>,
    pub(crate) tags: Tags,
    /// Counts the changes of its schedule.
    pub(crate) version: u64,
}

/// What a restore testing plan restores.
#[derive(Debug, Clone)]
pub(crate) struct TestingSelection {
    pub(crate) name: String,
    pub(crate) creator_request_id: Option<String>,
    pub(crate) created: DateTime<Utc>,
    pub(crate) role: String,
    pub(crate) resource_type: String,
    /// The members that are kept as sent.
    pub(crate) arns: Value,
    pub(crate) conditions: Value,
    pub(crate) overrides: Value,
    pub(crate) validation_hours: i64,
}
