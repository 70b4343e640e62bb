//! How a subject is judged: by verdict and severity.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How a rule judges one subject. Unknown is never good news and never bad news.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The rule's condition holds.
    Compliant,
    /// The rule's condition does not hold.
    NonCompliant,
    /// The condition rests on evidence that could not be read, or that AWS's own answers leave open.
    Unknown,
    /// The rule does not ask about this subject.
    NotApplicable,
}

impl Verdict {
    /// Every verdict, in the order reports list them.
    pub const ALL: [Self; 4] = [Self::NonCompliant, Self::Unknown, Self::Compliant, Self::NotApplicable];

    /// The word of the machine formats.
    pub(crate) const fn as_str(self) -> &'static str {
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
    pub(crate) const ALL: [Self; 7] = [
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
    pub(crate) const ALL: [Self; 4] = [Self::Low, Self::Medium, Self::High, Self::Critical];

    /// The word of rule files and machine formats.
    pub(crate) const fn as_str(self) -> &'static str {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worse_verdict_wins() {
        use Verdict::{Compliant, NonCompliant, NotApplicable, Unknown};
        assert_eq!(Compliant.worse(Unknown), Unknown);
        assert_eq!(NonCompliant.worse(Unknown), NonCompliant);
        assert_eq!(NotApplicable.worse(Compliant), Compliant);
    }
}
