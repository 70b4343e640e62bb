//! What the three job lists have in common: 30 days of history, and their filters.

use chrono::{DateTime, Duration, Utc};

use super::request::{check_resource, query, query_time};
use crate::backup::errors;
use crate::backup::state::JOB_HISTORY_DAYS;
use crate::call::{ApiError, Call};

/// The `MessageCategory` that means "all of them".
const ALL_CATEGORIES: &str = "AGGREGATE_ALL";

/// The filters that every job list knows.
pub(super) struct Filter<'a> {
    oldest: DateTime<Utc>,
    pub(super) resource: Option<&'a str>,
    state: Option<&'a str>,
    none: bool,
    created: Range,
    completed: Range,
    category: Option<&'a str>,
}

struct Range {
    after: Option<DateTime<Utc>>,
    before: Option<DateTime<Utc>>,
}

impl Range {
    fn read(call: &Call, after: &str, before: &str) -> Result<Self, ApiError> {
        Ok(Self {
            after: query_time(call, after)?,
            before: query_time(call, before)?,
        })
    }

    fn admits(&self, at: Option<DateTime<Utc>>) -> bool {
        self.after.is_none_or(|after| at.is_some_and(|at| at > after))
            && self.before.is_none_or(|before| at.is_some_and(|at| at < before))
    }
}

impl<'a> Filter<'a> {
    /// Reads the filters; `states` are those that the list knows, `state` is the name of their parameter.
    pub(super) fn read(call: &'a Call, state: &str, states: &[&str]) -> Result<Self, ApiError> {
        let resource = query(call, "resourceArn");
        if let Some(arn) = resource {
            check_resource(arn)?;
        }
        let wanted = query(call, state);
        if let Some(unknown) = wanted.filter(|wanted| !states.contains(wanted)) {
            return Err(errors::invalid(format!("Invalid value for {state}: {unknown}")));
        }
        // Jobs of other accounts are for a management account with cross-account monitoring, which is not simulated.
        if query(call, "accountId").is_some_and(|account| account != call.caller.account) {
            return Err(errors::denied());
        }
        Ok(Self {
            oldest: call.now - Duration::days(JOB_HISTORY_DAYS),
            resource,
            state: wanted,
            none: query(call, "resourceType").is_some_and(|kind| kind != "DynamoDB")
                || query(call, "parentJobId").is_some(),
            created: Range::read(call, "createdAfter", "createdBefore")?,
            completed: Range::read(call, "completeAfter", "completeBefore")?,
            category: query(call, "messageCategory").filter(|category| *category != ALL_CATEGORIES),
        })
    }

    /// Whether a job that was created then can be in the list, or any older one.
    pub(super) fn reaches(&self, created: DateTime<Utc>) -> bool {
        created >= self.oldest
    }

    /// Whether a job is in the list.
    pub(super) fn admits(
        &self,
        resource: &str,
        state: &str,
        category: Option<&str>,
        created: DateTime<Utc>,
        completed: Option<DateTime<Utc>>,
    ) -> bool {
        !self.none
            && self.resource.is_none_or(|wanted| wanted == resource)
            && self.state.is_none_or(|wanted| wanted == state)
            && self.category.is_none_or(|wanted| category == Some(wanted))
            && self.created.admits(Some(created))
            && self.completed.admits(completed)
    }
}
