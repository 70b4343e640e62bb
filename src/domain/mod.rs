//! The words every stage shares: accounts, Regions, table ARNs, verdicts, severities, findings, gaps, days.
//!
//! Plain values only. Nothing here reads a file, a clock, the network or the environment.

mod answer;
mod days;
mod demand;
mod finding;
mod null;
mod verdict;

use std::fmt;

use chrono::{DateTime, Datelike as _, Utc};

pub use answer::{Answer, Level, Question};
pub use days::{DayState, Window};
pub use demand::{Demand, Demands};
pub use finding::{
    Evidence, FactList, FactName, FactValue, Finding, FindingId, Gap, GapKind, Resource, rfc3339, short_number,
};
pub use null::{LostCall, NullCause};
pub use verdict::{Severity, Subject, Verdict};

/// One account in one Region: the unit of collecting.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TargetId {
    /// Twelve digits.
    pub account_id: String,
    /// As AWS spells it, such as `eu-west-1`.
    pub region: String,
}

impl TargetId {
    /// Both as AWS writes them.
    pub fn new(account_id: impl Into<String>, region: impl Into<String>) -> Self {
        Self {
            account_id: account_id.into(),
            region: region.into(),
        }
    }
}

impl fmt::Display for TargetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.account_id, self.region)
    }
}

/// Can AWS have been asked then? Not before it was there; and with what lies beyond all calendars nobody can reckon.
pub(crate) fn is_plausible(at: DateTime<Utc>) -> bool {
    (2006..2200).contains(&at.year())
}

/// An account and the role that reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Twelve digits.
    pub id: String,
    /// For people; may be empty.
    pub name: String,
    /// Role to assume there; none for the caller's own account.
    pub role_arn: Option<String>,
    /// Role to assume there by commands that change something; none: that of reading.
    pub remediation_role_arn: Option<String>,
    /// External id for those roles.
    pub external_id: Option<String>,
}

/// An ARN split at its five first colons. The resource keeps any further colons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Arn<'a> {
    /// `aws`, `aws-cn`, `aws-us-gov`, `aws-eusc`, …
    pub(crate) partition: &'a str,
    /// `dynamodb`, `backup`, `kms`, …
    pub(crate) service: &'a str,
    /// Empty for global services.
    pub(crate) region: &'a str,
    /// Empty where AWS leaves it out.
    pub(crate) account_id: &'a str,
    /// `table/Orders`, `recovery-point:…`, `key/…`.
    pub(crate) resource: &'a str,
}

impl<'a> Arn<'a> {
    /// Splits `text`; `None` if it has fewer than six parts or does not begin with `arn:`.
    pub fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.splitn(6, ':');
        if parts.next()? != "arn" {
            return None;
        }
        Some(Self {
            partition: parts.next()?,
            service: parts.next()?,
            region: parts.next()?,
            account_id: parts.next()?,
            resource: parts.next()?,
        })
    }

    /// The table's name if this is the ARN of a DynamoDB table itself (not of an index, stream or backup of it).
    pub(crate) fn table_name(&self) -> Option<&'a str> {
        let name = self.resource.strip_prefix("table/")?;
        (self.service == "dynamodb" && !name.is_empty() && !name.contains('/')).then_some(name)
    }
}

/// The ARN of a DynamoDB table.
pub fn table_arn(partition: &str, target: &TargetId, table_name: &str) -> String {
    format!(
        "arn:{partition}:dynamodb:{}:{}:table/{table_name}",
        target.region, target.account_id
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_split_at_their_first_five_colons() {
        let arn = Arn::parse("arn:aws:backup:eu-west-1:111122223333:recovery-point:1a2b").expect("an ARN");
        assert_eq!((arn.service, arn.resource), ("backup", "recovery-point:1a2b"));
        assert_eq!(Arn::parse("table/Orders"), None);
        let index = Arn::parse("arn:aws:dynamodb:eu-west-1:111122223333:table/Orders/index/by-date").expect("an ARN");
        assert_eq!(index.table_name(), None);
    }
}
