//! Where findings stand against an earlier scan.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::domain::Finding;

/// Where a finding stands against the baseline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Since {
    /// It was not there, or said something else.
    New,
    /// It said the same.
    Known,
}

impl Since {
    /// The word of the machine formats.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Known => "known",
        }
    }
}

/// A report against a baseline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compared {
    /// Digest that names the earlier scan.
    pub scan_id: String,
    /// The instant on which its ages are reckoned.
    pub as_of: DateTime<Utc>,
    /// Open findings then.
    pub open_count: usize,
    /// Open findings now that were not open then.
    pub new_count: usize,
    /// Open findings now that were open then.
    pub known_count: usize,
    /// Open and unknown findings now, by id.
    pub since: BTreeMap<String, Since>,
}

impl Compared {
    /// Where a finding stands; none for one that is compliant, not applicable or waived.
    pub(crate) fn since(&self, finding: &Finding) -> Option<Since> {
        self.since.get(&finding.id).copied()
    }
}
