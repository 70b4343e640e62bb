//! What Security Hub keeps in one account and Region: findings, as they were sent and completed.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// One finding, as it was sent and completed.
pub(crate) type Finding = Map<String, Value>;

/// The findings of one account in one Region, by product and id.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) findings: BTreeMap<(String, String), Finding>,
}

/// A member of a finding that is text.
pub(crate) fn text<'f>(finding: &'f Finding, key: &str) -> &'f str {
    finding.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// A member of a member.
pub(crate) fn inner<'f>(finding: &'f Finding, key: &str, member: &str) -> &'f str {
    finding
        .get(key)
        .and_then(|value| value.get(member))
        .and_then(Value::as_str)
        .unwrap_or_default()
}
