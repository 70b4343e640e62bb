//! The evidence pack: one folder with everything that an auditor needs to believe a report, or to refute it.
//!
//! ```text
//! inventory/       what AWS answered, and how every call ended
//! criteria/        rules, policy, waivers and frameworks that judged
//! findings.parquet one row per finding
//! report.json, …   the reports that were asked for
//! SHA256SUMS       of all of the above, for `sha256sum -c`
//! manifest.json    provenance, sums, and digest of every file; written last
//! manifest.json.sig  SSH signature over manifest.json, if it was signed
//! ```
//!
//! In: a filled folder, or the folder of a pack. Out: a [`Manifest`], a [`Pack`]. Nothing here talks to AWS.

pub mod criteria;
pub mod manifest;

use std::path::{Path, PathBuf};

use crate::inventory::Inventory;
use crate::problem::{Outcome, Problem};
use crate::report::Report;
use crate::report::build::{Criteria, build};
use crate::report::deliver::INVENTORY_DIR;
use crate::text::hex;

pub use manifest::Manifest;

/// The manifest's file name.
pub const MANIFEST_FILE: &str = "manifest.json";

/// The file name of the SSH signature over the manifest.
pub const SIGNATURE_FILE: &str = "manifest.json.sig";

/// The file name of the digests that `sha256sum -c` reads.
pub const SUMS_FILE: &str = "SHA256SUMS";

/// The folder of the rules, policy, waivers and frameworks that judged.
pub const CRITERIA_DIR: &str = "criteria";

/// A stored pack.
#[derive(Debug, Clone)]
pub struct Pack {
    /// Its folder.
    pub dir: PathBuf,
    /// Its manifest.
    pub manifest: Manifest,
    /// SHA-256 of `manifest.json`, byte for byte.
    pub manifest_sha256: String,
}

impl Pack {
    /// Opens the pack in a folder. Only the manifest is read.
    ///
    /// Errors: no pack there, or a manifest that cannot be read.
    pub fn open(dir: &Path) -> Result<Self, Problem> {
        let path = dir.join(MANIFEST_FILE);
        let bytes = std::fs::read(&path).map_err(|error| no_pack(dir, &error))?;
        Ok(Self {
            dir: dir.to_owned(),
            manifest: Manifest::parse(&bytes, &path.display().to_string())?,
            manifest_sha256: hex(&<sha2::Sha256 as sha2::Digest>::digest(&bytes)),
        })
    }

    /// The inventory that was judged.
    ///
    /// Errors: it is damaged.
    pub fn inventory(&self) -> Result<Inventory, Problem> {
        Inventory::open(&self.dir.join(INVENTORY_DIR))
    }

    /// What it was judged by.
    ///
    /// Errors: a file that cannot be read, and every mistake in them.
    pub fn criteria(&self) -> Outcome<Criteria> {
        criteria::load(&self.dir.join(CRITERIA_DIR))
    }

    /// The report, made anew from inventory and criteria.
    ///
    /// Errors: those of [`Pack::inventory`] and [`Pack::criteria`].
    pub fn report(&self) -> Outcome<Report> {
        Ok(build(&self.inventory()?, &self.criteria()?)?)
    }
}

fn no_pack(dir: &Path, error: &std::io::Error) -> Problem {
    let problem = Problem::new("could not open the pack").at(dir.display().to_string());
    if dir.is_dir() && error.kind() == std::io::ErrorKind::NotFound {
        return problem
            .why(format!("there is no `{MANIFEST_FILE}` in it, which is written last"))
            .so("this is no pack, or one that was never finished; nothing in it can be relied on")
            .hint("name the folder that a scan wrote");
    }
    problem.why(error.to_string()).hint("name the folder that a scan wrote")
}
