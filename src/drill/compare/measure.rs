//! One comparison with nothing around it, for the benchmark.

use std::sync::Arc;
use std::time::Instant;

use super::super::record::Point;
use super::{Side, Wish, items};
use crate::aws::target::Session;
use crate::domain::TargetId;

/// What a comparison took and found.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// Items read of both tables, once.
    pub items: u64,
    /// From the first request to the last answer.
    pub seconds: f64,
    /// Items that differ.
    pub differing: u64,
    /// What the comparison says.
    pub statement: String,
}

/// Compares two tables of the caller's own account and Region, as fast as they can be read.
///
/// API: sts:GetCallerIdentity, and that of a comparison. Calls: 1, and those. Errors: no credentials, no Region, or a table that
/// cannot be read; in words.
pub async fn measure(one: &str, other: &str, segments: u32) -> Result<Measured, String> {
    let session = Session::load().await.map_err(|problem| problem.why)?;
    let log = Arc::default();
    let identity = session.identity(&log).await.map_err(|problem| problem.why)?;
    let region = session.region().ok_or("no Region is configured")?;
    let at = TargetId::new(identity.account_id, region);
    let target = session.target(at, &identity.partition, None, &log);
    let side = |table| Side { target: &target, table };
    let point = Point {
        arn: String::new(),
        vault_name: String::new(),
        created_at: None,
        completed_at: None,
        size_bytes: None,
        is_cold: false,
    };
    let wish = Wish {
        segments,
        rate: Some(1e9),
        ..Wish::default()
    };
    let began = Instant::now();
    let compared = items(side(one), Some(side(other)), None, &point, &wish, &|_| {}).await?;
    let found = compared.differences.unwrap_or_default();
    Ok(Measured {
        items: compared.restored.items + compared.other.map_or(0, |other| other.items),
        seconds: began.elapsed().as_secs_f64(),
        differing: found.since + found.damaged + found.untold,
        statement: compared.statement,
    })
}
