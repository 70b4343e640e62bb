//! What was found, and what could not be looked at.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, Utc};

use super::{Demands, Level, NullCause, Question, Severity, Subject, TargetId, Verdict};

/// The value of one fact on one subject.
#[derive(Debug, Clone, PartialEq)]
pub enum FactValue {
    /// No value, and why.
    Null(NullCause),
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

impl FactValue {
    /// No value, before anybody asked why: as if AWS's answers left it open.
    pub const OPEN: Self = Self::Null(NullCause::LeftOpen);

    /// Has it no value?
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null(_))
    }
}

impl fmt::Display for FactValue {
    /// For people: `yes`, `no`, whole seconds, at most two decimals; of a null its cause.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null(cause) => cause.fmt(f),
            Self::Bool(true) => f.pad("yes"),
            Self::Bool(false) => f.pad("no"),
            Self::Int(number) => f.pad(&number.to_string()),
            Self::Float(number) => f.pad(&short_number(*number)),
            Self::Text(text) => f.pad(text),
            Self::Time(at) => f.pad(&rfc3339(*at)),
        }
    }
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
    /// The question that the rule is evidence for.
    pub question: Question,
    /// Does it decide, or only advise?
    pub level: Level,
    /// The framework by whose numbers it was judged; none: the organisation's policy.
    pub framework: Option<Arc<str>>,
    /// Accepted by a waiver. It stays in every report all the same.
    pub waived: bool,
    /// Id of that waiver.
    pub waiver: Option<Arc<str>>,
    /// Ids of further waivers, where several excuse between them what fails.
    pub also_waived_by: Vec<Arc<str>>,
    /// Of a rule with demands, where it is no yes: sets of demands of which each is enough. Were none of one set asked, it
    /// would be one. Empty: no waiver can excuse it, as far as is known; or its rule has no demands.
    pub failing: Vec<Demands>,
    /// What was found, in one sentence.
    pub message: String,
    /// What to do about it; empty unless non-compliant or unknown.
    pub remedy: Arc<str>,
    /// The facts that the rule read, in the order in which it reads them.
    pub evidence: Vec<(FactName, FactValue)>,
}

impl Finding {
    /// Does it count for verdicts and exit codes?
    pub(crate) fn is_required(&self) -> bool {
        self.level == Level::Required
    }

    /// The ids of the waivers that accept it, joined by ` and `.
    pub(crate) fn waived_by(&self) -> Option<Cow<'_, str>> {
        let first = self.waiver.as_deref()?;
        let ids: Vec<&str> = std::iter::once(first)
            .chain(self.also_waived_by.iter().map(|id| &**id))
            .collect();
        match ids[..] {
            [only] => Some(only.into()),
            _ => Some(ids.join(" and ").into()),
        }
    }

    /// Does it speak against what it is about, with no waiver that accepts it?
    pub(crate) fn is_open(&self) -> bool {
        self.verdict == Verdict::NonCompliant && !self.waived
    }
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
    pub(crate) const ALL: [Self; 6] = [
        Self::Denied,
        Self::Throttled,
        Self::Expired,
        Self::NotEnabled,
        Self::Unsupported,
        Self::Failed,
    ];

    /// The word of the machine formats.
    pub(crate) const fn as_str(self) -> &'static str {
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

/// At most two decimals, none if they are zero: `36`, `7.5`, `0.25`.
pub fn short_number(number: f64) -> String {
    let text = format!("{number:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// RFC 3339 in UTC with whole seconds, as in every format: `2026-11-23T05:00:00Z`.
pub fn rfc3339(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        assert_eq!(short_number(36.0), "36");
        assert_eq!(short_number(7.5), "7.5");
        assert_eq!(short_number(0.251), "0.25");
        assert_eq!(short_number(100.0), "100");
    }
}
