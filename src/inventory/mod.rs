//! The inventory: exactly what AWS answered, as Parquet frames in one folder, and how every call ended.
//!
//! Collectors write it through a [`store::Writer`]; every later stage reads it through an [`Inventory`]. It is written
//! whole or not at all, and an inventory of another schema version is refused, never guessed at.

pub(crate) mod cell;
pub mod judged;
pub mod panics;
pub(crate) mod rewrite;
pub mod schema;
pub(crate) mod sources;
pub mod store;

use std::collections::BTreeMap;
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::domain::{is_plausible, rfc3339};
use crate::text::hex;

/// The folder of an inventory beside the reports that were made of it.
pub(crate) const INVENTORY_DIR: &str = "inventory";

/// Where an inventory comes from and what it holds; `inventory.json` beside the frames.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`schema::SCHEMA_VERSION`] of the program that wrote it.
    pub schema_version: u32,
    /// Digest that names the scan.
    pub scan_id: String,
    /// The instant from which ages are measured: AWS's own clock at the first call.
    pub as_of: DateTime<Utc>,
    /// Start of collecting.
    pub started_at: DateTime<Utc>,
    /// End of collecting.
    pub finished_at: DateTime<Utc>,
    /// sts:GetCallerIdentity.
    pub caller_arn: String,
    /// Version of the program that collected.
    pub tool_version: String,
    /// Were the Regions named by the person who scanned? Else they are those that account:ListRegions gave.
    pub regions_named: bool,
    /// AWS's clock at the first call minus the local one, in seconds; none: AWS did not say.
    pub clock_skew_seconds: Option<i64>,
    /// Requests sent to AWS, retries included.
    pub attempt_count: u64,
    /// Frames that were collected: name and number of rows. A frame that is not here was not asked for.
    pub frames: BTreeMap<String, u64>,
}

impl Manifest {
    /// What no inventory of this program says of itself, in words.
    pub(crate) fn flaw(&self) -> Option<String> {
        let instants = [
            ("as_of", self.as_of),
            ("started_at", self.started_at),
            ("finished_at", self.finished_at),
        ];
        let (name, at) = instants.into_iter().find(|(_, at)| !is_plausible(*at))?;
        Some(format!("`{name}` is {}, and no scan was made then", rfc3339(at)))
    }
}

/// A stored inventory.
#[derive(Debug, Clone)]
pub struct Inventory {
    /// The folder with the frames.
    pub dir: PathBuf,
    /// Its manifest.
    pub manifest: Manifest,
}

/// The name of a scan: a digest of who asked, when, and about what.
pub(crate) fn scan_id(caller_arn: &str, targets: &[schema::Target], started_at: DateTime<Utc>) -> String {
    let mut digest = Sha256::new();
    digest.update(caller_arn.as_bytes());
    digest.update(started_at.to_rfc3339().as_bytes());
    for target in targets {
        digest.update(format!("\0{}/{}", target.account_id, target.region));
    }
    hex(&digest.finalize()[..16])
}
