//! Why a fact has no value. Carried with the value from the judge to every output, so that no output guesses it from words.

use std::fmt;
use std::sync::Arc;

use super::GapKind;

/// Why a fact has no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NullCause {
    /// There is nothing that it could be about, and that is known: the newest point of a table that has none.
    None,
    /// The scan did not ask for it: none of its rules needs it.
    NotAsked,
    /// Calls that would tell did not end well; never empty.
    Lost(Arc<[LostCall]>),
    /// All that was asked was answered, and the answers leave it open.
    LeftOpen,
}

/// A kind of call that did not end well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LostCall {
    /// How it ended.
    pub kind: GapKind,
    /// The call, as an IAM action.
    pub action: &'static str,
}

impl NullCause {
    /// Was it asked for, and is not known?
    pub(crate) fn is_unknown(&self) -> bool {
        matches!(self, Self::Lost(_) | Self::LeftOpen)
    }
}

impl fmt::Display for NullCause {
    /// The words of every format: `none`, `not asked`, `denied: backup:ListBackupPlans`, `left open by AWS`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let calls = match self {
            Self::None => return f.pad("none"),
            Self::NotAsked => return f.pad("not asked"),
            Self::LeftOpen => return f.pad("left open by AWS"),
            Self::Lost(calls) => calls,
        };
        let of_kind = |kind: GapKind| {
            let of_kind = calls.iter().filter(|call| call.kind == kind);
            let actions: Vec<&str> = of_kind.map(|call| call.action).collect();
            (!actions.is_empty()).then(|| format!("{kind}: {}", actions.join(", ")))
        };
        let kinds: Vec<String> = GapKind::ALL.into_iter().filter_map(of_kind).collect();
        f.pad(&kinds.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lost_calls_are_told_by_how_they_ended() {
        let call = |kind, action| LostCall { kind, action };
        let lost = NullCause::Lost(Arc::new([
            call(GapKind::Throttled, "kms:DescribeKey"),
            call(GapKind::Denied, "backup:ListBackupPlans"),
            call(GapKind::Denied, "backup:GetBackupPlan"),
        ]));
        assert_eq!(
            lost.to_string(),
            "denied: backup:ListBackupPlans, backup:GetBackupPlan; throttled: kms:DescribeKey"
        );
    }
}
