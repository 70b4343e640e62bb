//! The words every stage shares: accounts, Regions, table ARNs, verdicts, severities, findings, gaps.
//!
//! Plain values only. Nothing here reads a file, a clock, the network or the environment.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, Utc};

/// One account in one Region: the unit of collecting.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
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

/// An ARN split at its five first colons. The resource keeps any further colons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arn<'a> {
    /// `aws`, `aws-cn`, `aws-us-gov`, `aws-eusc`, …
    pub partition: &'a str,
    /// `dynamodb`, `backup`, `kms`, …
    pub service: &'a str,
    /// Empty for global services.
    pub region: &'a str,
    /// Empty where AWS leaves it out.
    pub account_id: &'a str,
    /// `table/Orders`, `recovery-point:…`, `key/…`.
    pub resource: &'a str,
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
    pub fn table_name(&self) -> Option<&'a str> {
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

/// How a rule judges one subject. Unknown is never good news and never bad news.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// The rule's condition holds.
    Compliant,
    /// The rule's condition does not hold.
    NonCompliant,
    /// The condition rests on evidence that could not be read.
    Unknown,
    /// The rule does not ask about this subject.
    NotApplicable,
}

impl Verdict {
    /// Every verdict, in the order reports list them.
    pub const ALL: [Self; 4] = [Self::NonCompliant, Self::Unknown, Self::Compliant, Self::NotApplicable];

    /// The word of the machine formats.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Compliant => "compliant",
            Self::NonCompliant => "non-compliant",
            Self::Unknown => "unknown",
            Self::NotApplicable => "not-applicable",
        }
    }

    /// The worse of two verdicts on one table: non-compliant, then unknown, then compliant, then not applicable.
    pub fn worse(self, other: Self) -> Self {
        let rank = |verdict: Self| match verdict {
            Self::NonCompliant => 3,
            Self::Unknown => 2,
            Self::Compliant => 1,
            Self::NotApplicable => 0,
        };
        if rank(other) > rank(self) { other } else { self }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Verdict {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|verdict| verdict.as_str() == text).ok_or(())
    }
}

/// What a rule judges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// A DynamoDB table: what most rules are about.
    Table,
    /// A recovery point of a table.
    RecoveryPoint,
    /// A backup vault.
    Vault,
    /// A backup plan.
    Plan,
    /// One account in one Region.
    Target,
    /// A waiver of the waivers file.
    Waiver,
    /// A tier that exempts tables.
    Exemption,
}

impl Subject {
    /// Every subject, in the order of reports.
    pub const ALL: [Self; 7] = [
        Self::Table,
        Self::RecoveryPoint,
        Self::Vault,
        Self::Plan,
        Self::Target,
        Self::Waiver,
        Self::Exemption,
    ];

    /// The word of rule files and machine formats.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::RecoveryPoint => "recovery-point",
            Self::Vault => "vault",
            Self::Plan => "plan",
            Self::Target => "target",
            Self::Waiver => "waiver",
            Self::Exemption => "exemption",
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Subject {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|subject| subject.as_str() == text).ok_or(())
    }
}

/// How much a non-compliant finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing.
    Low,
    /// A weakness.
    Medium,
    /// Data may be lost in a common incident.
    High,
    /// Data will be lost in a common incident.
    Critical,
}

impl Severity {
    /// From mild to grave.
    pub const ALL: [Self; 4] = [Self::Low, Self::Medium, Self::High, Self::Critical];

    /// The word of rule files and machine formats.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Severity {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL
            .into_iter()
            .find(|severity| severity.as_str() == text)
            .ok_or(())
    }
}

/// The value of one fact on one subject.
#[derive(Debug, Clone, PartialEq)]
pub enum FactValue {
    /// Not known, and nothing else.
    Unknown,
    /// Yes or no.
    Bool(bool),
    /// A count, or a whole number of the unit in the fact's name.
    Int(i64),
    /// A number with fraction, in the unit of the fact's name.
    Float(f64),
    /// A name, an ARN, a word of a closed list, a sentence. Untrusted where it came from AWS.
    Text(Arc<str>),
    /// An instant.
    Time(DateTime<Utc>),
}

impl fmt::Display for FactValue {
    /// For people: `unknown`, `yes`, `no`, whole seconds, at most two decimals.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.pad("unknown"),
            Self::Bool(true) => f.pad("yes"),
            Self::Bool(false) => f.pad("no"),
            Self::Int(number) => f.pad(&number.to_string()),
            Self::Float(number) => f.pad(&short_number(*number)),
            Self::Text(text) => f.pad(text),
            Self::Time(at) => f.pad(&rfc3339(*at)),
        }
    }
}

/// At most two decimals, none if they are zero: `36`, `7.5`, `0.25`.
pub fn short_number(number: f64) -> String {
    let text = format!("{number:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// RFC 3339 in UTC with whole seconds, as in every format: `2026-11-23T05:00:00Z`.
pub fn rfc3339(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// The name of a fact or of a policy value: those of the dictionary cost nothing to copy.
pub type FactName = Cow<'static, str>;

/// One rule applied to one subject.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// Stable over scans: digest of rule, partition, account, Region and table id (or name, when the id is unknown).
    pub id: String,
    /// The rule's id, which is its file name.
    pub rule: Arc<str>,
    /// What is judged.
    pub subject: Subject,
    /// ARN of what is judged.
    pub resource_arn: String,
    /// Name of what is judged, for people.
    pub resource_name: String,
    /// Where it lives.
    pub target: TargetId,
    /// The outcome.
    pub verdict: Verdict,
    /// How much a non-compliant verdict matters; from the rule.
    pub severity: Severity,
    /// Accepted by a waiver. It stays in every report all the same.
    pub waived: bool,
    /// Id of that waiver.
    pub waiver: Option<Arc<str>>,
    /// What was found, in one sentence.
    pub message: String,
    /// What to do about it; empty unless non-compliant or unknown.
    pub remedy: Arc<str>,
    /// The facts that the rule read, in the order in which it reads them.
    pub evidence: Vec<(FactName, FactValue)>,
}

/// Why something could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GapKind {
    /// AWS refused the call, or the thing does not exist: AWS Backup answers both alike.
    Denied,
    /// Still throttled after every retry.
    Throttled,
    /// Credentials ran out during the scan.
    Expired,
    /// The Region is not enabled for the account.
    NotEnabled,
    /// The service does not exist here, or does not know the operation.
    Unsupported,
    /// Anything else: server errors, broken answers, connections lost.
    Failed,
}

impl GapKind {
    /// Every kind.
    pub const ALL: [Self; 6] = [
        Self::Denied,
        Self::Throttled,
        Self::Expired,
        Self::NotEnabled,
        Self::Unsupported,
        Self::Failed,
    ];

    /// The word of the machine formats.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Denied => "denied",
            Self::Throttled => "throttled",
            Self::Expired => "credentials-expired",
            Self::NotEnabled => "region-not-enabled",
            Self::Unsupported => "unsupported",
            Self::Failed => "failed",
        }
    }
}

impl fmt::Display for GapKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Evidence that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gap {
    /// Where.
    pub target: TargetId,
    /// Which call, as an IAM action: `backup:ListRecoveryPointsByBackupVault`.
    pub action: String,
    /// Of what: a vault, a plan, a table; empty when the call is about the whole target.
    pub resource: String,
    /// What kind of failure.
    pub kind: GapKind,
    /// AWS's own code and message, untrusted text.
    pub why: String,
    /// What this does to the audit.
    pub so: String,
    /// One thing to do about it.
    pub hint: String,
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

    #[test]
    fn the_worse_verdict_wins() {
        use Verdict::{Compliant, NonCompliant, NotApplicable, Unknown};
        assert_eq!(Compliant.worse(Unknown), Unknown);
        assert_eq!(NonCompliant.worse(Unknown), NonCompliant);
        assert_eq!(NotApplicable.worse(Compliant), Compliant);
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!(short_number(36.0), "36");
        assert_eq!(short_number(7.5), "7.5");
        assert_eq!(short_number(0.251), "0.25");
        assert_eq!(short_number(100.0), "100");
    }
}
