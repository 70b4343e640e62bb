//! Restore drills of the period, as the scans of the packs counted them. Coverage rests on none of them: they are told beside it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::Period;
use crate::facts::SeenDrill;

/// One drill of the period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DrillLine {
    /// The table.
    pub(crate) table_arn: String,
    /// When it was made.
    pub(crate) tested_at: DateTime<Utc>,
    /// What it showed, such as `identical`.
    pub(crate) verdict: String,
    /// From the order to the last index ACTIVE, in seconds; `None`: it never was.
    pub(crate) restore_seconds: Option<u64>,
    /// The run of `drill`, and the number of the drill in it.
    pub(crate) run_id: String,
    /// From 1.
    pub(crate) number: i64,
    /// SHA-256 of the manifest of its pack, as a scan read it.
    pub(crate) manifest_sha256: String,
    /// As whom its signature was trusted; `None`: it was not.
    pub(crate) signer: Option<String>,
    /// Why no scan counted it; `None`: one did.
    pub(crate) why_not: Option<String>,
}

/// Puts together what the scans say of drills.
#[derive(Debug, Default)]
pub(super) struct Drills {
    /// A drill is told once, by the digest of its record and its number.
    all: BTreeMap<(String, i64), DrillLine>,
}

impl Drills {
    /// The drills of one more scan. What one scan counted, counts.
    pub(super) fn add(&mut self, seen: Vec<SeenDrill>) {
        for SeenDrill { drill, why_not } in seen {
            let key = (drill.record_sha256, drill.number);
            if why_not.is_some() && self.all.contains_key(&key) {
                continue;
            }
            let span = drill
                .ordered_at
                .zip(drill.active_at)
                .map(|(from, to)| (to - from).num_seconds());
            let line = DrillLine {
                table_arn: drill.table_arn,
                tested_at: drill.tested_at,
                verdict: drill.verdict,
                restore_seconds: span.and_then(|span| u64::try_from(span).ok()),
                run_id: drill.run_id,
                number: drill.number,
                manifest_sha256: drill.manifest_sha256,
                signer: drill.signer,
                why_not,
            };
            self.all.insert(key, line);
        }
    }

    /// Those of a period, by table, then time.
    pub(super) fn of(self, period: Period) -> Vec<DrillLine> {
        let is_in = |line: &DrillLine| (period.start()..period.end()).contains(&line.tested_at);
        let mut lines: Vec<DrillLine> = self.all.into_values().filter(is_in).collect();
        lines.sort_by(|a, b| {
            let key = |line: &DrillLine| (line.table_arn.clone(), line.tested_at, line.run_id.clone(), line.number);
            key(a).cmp(&key(b))
        });
        lines
    }
}
