//! What was asked of the sandbox: how often each action, from where, and how often in vain.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::call::{ApiError, Caller, Operation};

/// Counters since the start, or since they were reset.
#[derive(Debug, Default)]
pub(crate) struct Stats {
    /// Every call by IAM action, whatever became of it.
    pub(crate) calls: BTreeMap<String, u64>,
    by_target: BTreeMap<String, u64>,
    throttled: BTreeMap<String, u64>,
    denied: BTreeMap<String, u64>,
    failed: BTreeMap<String, u64>,
    total: u64,
}

impl Stats {
    /// Counts a call.
    pub(crate) fn count(&mut self, caller: &Caller, operation: &Operation) {
        self.total += 1;
        add(&mut self.calls, &operation.action);
        add(&mut self.by_target, &format!("{}/{}", caller.account, caller.region));
    }

    /// Counts a call that was refused, beside `count`.
    pub(crate) fn count_refusal(&mut self, operation: &Operation, error: &ApiError) {
        let list = match error.code.as_str() {
            "SlowDown" | "Throttling" | "ThrottlingException" | "TooManyRequestsException" => &mut self.throttled,
            "AccessDenied" | "AccessDeniedException" => &mut self.denied,
            _ if error.status >= 500 => &mut self.failed,
            _ => return,
        };
        add(list, &operation.action);
    }

    /// As `GET /_sandbox/stats` shows them.
    pub(crate) fn to_json(&self) -> Value {
        let sum = |list: &BTreeMap<String, u64>| list.values().sum::<u64>();
        json!({
            "total": self.total,
            "throttled": sum(&self.throttled),
            "denied": sum(&self.denied),
            "failed": sum(&self.failed),
            "calls": self.calls,
            "throttled-calls": self.throttled,
            "denied-calls": self.denied,
            "failed-calls": self.failed,
            "by-target": self.by_target,
        })
    }
}

fn add(list: &mut BTreeMap<String, u64>, key: &str) {
    match list.get_mut(key) {
        Some(count) => *count += 1,
        None => {
            list.insert(key.to_owned(), 1);
        }
    }
}
