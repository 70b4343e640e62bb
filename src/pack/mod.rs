//! The evidence pack: one folder with everything that an auditor needs to believe a report, or to refute it.
//!
//! ```text
//! inventory/       what AWS answered, and how every call ended
//! criteria/        rules, policy, waivers and frameworks that judged
//! findings.parquet one row per finding
//! report.json, …   the reports that were asked for
//! templates/       templates of the documents, if they are not the program's own
//! manifest.json    provenance, sums, and digest of every file above; written last
//! SHA256SUMS       of all of the above, the manifest too, for `sha256sum -c`
//! manifest.json.sig, manifest.json.kms.json  signatures over manifest.json by an SSH key and a key of KMS, if it was signed
//! ```
//!
//! A drill makes a pack of its own kind, see [`kinds`]; its seal is the same.
//!
//! In: a filled folder, or the folder of a pack. Out: a [`Manifest`], a [`Pack`]. Nothing here talks to AWS.

pub(crate) mod findings;
pub mod intact;
pub mod kinds;
pub mod manifest;
pub(crate) mod redact;
pub(crate) mod reseal;
pub(crate) mod scope;
pub mod seal;
pub(crate) mod signed;
pub mod verify;

use std::path::{Path, PathBuf};

use crate::criteria::Criteria;
use crate::criteria::asked::Asked;
use crate::criteria::baseline::Baseline;
use crate::criteria::files::{self, CRITERIA_DIR};
use crate::digest;
use crate::fence;
use crate::inventory::{INVENTORY_DIR, Inventory};
use crate::judge::compare::baseline_of;
use crate::judge::judge;
use crate::plain_file::{self, LARGEST_MANIFEST};
use crate::problem::{Outcome, Problem};
use crate::report::Report;

pub use kinds::{AnyManifest, DrillManifest, Seal};
pub use manifest::Manifest;

/// The manifest's file name.
pub const MANIFEST_FILE: &str = "manifest.json";

/// The file name of the digests that `sha256sum -c` reads.
pub(crate) const SUMS_FILE: &str = "SHA256SUMS";

/// What seals a pack, and what no manifest names: the digests, the signatures over the manifest, the manifest. In the order
/// in which they are stored.
pub(crate) const SEAL_FILES: [&str; 4] = [SUMS_FILE, "manifest.json.sig", "manifest.json.kms.json", MANIFEST_FILE];

/// The file name of the findings as a frame.
pub(crate) const FINDINGS_FILE: &str = "findings.parquet";

/// The folder of the templates of the documents, if they are not the program's own.
pub(crate) const TEMPLATES_DIR: &str = "templates";

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

/// What is in the folder of a pack of any kind, as its seal says.
#[derive(Clone, Copy)]
pub(crate) struct Sealed<'p> {
    /// The folder.
    pub(crate) dir: &'p Path,
    /// Its manifest.
    pub(crate) manifest: &'p dyn Seal,
    /// SHA-256 of `manifest.json`, byte for byte.
    pub(crate) manifest_sha256: &'p str,
}

impl Pack {
    /// Its seal.
    pub(crate) fn sealed(&self) -> Sealed<'_> {
        Sealed {
            dir: &self.dir,
            manifest: &self.manifest,
            manifest_sha256: &self.manifest_sha256,
        }
    }

    /// Opens the pack in a folder. Only the manifest is read.
    ///
    /// Errors: no pack there, or a manifest that cannot be read.
    pub fn open(dir: &Path) -> Result<Self, Problem> {
        let bytes = read_manifest(dir)?;
        let manifest = Manifest::parse(&bytes, &dir.join(MANIFEST_FILE).display().to_string())?;
        // As they lie there, whatever the manifest says.
        let sizes = manifest
            .files
            .iter()
            .map(|file| dir.join(&file.path).symlink_metadata());
        fence::widen(sizes.flatten().map(|file| plain_file::size_on_disk(&file)).sum());
        Ok(Self {
            dir: dir.to_owned(),
            manifest,
            manifest_sha256: digest::of_bytes(&bytes),
        })
    }

    /// The inventory that was judged, once every file of it has the digest of the manifest.
    ///
    /// Errors: the first file that has not; an inventory that cannot be read.
    pub fn inventory(&self) -> Result<Inventory, Problem> {
        self.check_below(INVENTORY_DIR)?;
        self.inventory_unchecked()
    }

    fn inventory_unchecked(&self) -> Result<Inventory, Problem> {
        Inventory::open(&self.dir.join(INVENTORY_DIR))
    }

    /// What it was judged by, once every file of it has the digest of the manifest.
    ///
    /// Errors: the first file that has not; a file that cannot be read, and every mistake in them.
    pub fn criteria(&self) -> Outcome<Criteria> {
        self.check_below(CRITERIA_DIR)?;
        files::load(&self.dir.join(CRITERIA_DIR))
    }

    /// What was open then, and what was asked, by the criteria of then.
    ///
    /// Errors: those of [`Self::inventory`] and [`Self::criteria`].
    pub(crate) fn baseline(&self) -> Outcome<Baseline> {
        let criteria = self.criteria()?;
        let report = self.judge(&self.inventory()?, &criteria)?;
        let baseline = baseline_of(&report, self.asked_by(&criteria));
        // Before there were levels there were no questions.
        let has_answers = self.manifest.schema_version >= manifest::SCHEMA_WITH_LEVELS;
        Ok(if has_answers {
            baseline
        } else {
            baseline.without_answers()
        })
    }

    /// What was asked then, by its criteria, once they are read.
    pub(crate) fn asked_by(&self, criteria: &Criteria) -> Asked {
        let asked = Asked::of(criteria);
        if self.manifest.schema_version < manifest::SCHEMA_WITH_LEVELS {
            return asked.without_levels();
        }
        asked
    }

    /// Did its rules ask for points that can be restored, and for nothing else of them? So it was before there were demands.
    pub(crate) fn asks_for_usable_points(&self) -> bool {
        self.manifest.schema_version < manifest::SCHEMA_WITH_LEVELS
    }

    fn check_below(&self, folder: &str) -> Result<(), Problem> {
        let files = self.manifest.files.iter();
        let below = files.filter(|file| file.path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/')));
        for file in below {
            intact::check_file(self.sealed(), &file.path)?;
        }
        Ok(())
    }

    /// The report, made anew from inventory and criteria.
    ///
    /// Errors: those of [`Pack::inventory`] and [`Pack::criteria`].
    pub fn report(&self) -> Outcome<Report> {
        Ok(self.judge(&self.inventory()?, &self.criteria()?)?)
    }

    /// Judges again. The evidence keeps the digest of its files: a later program may write the same criteria otherwise.
    fn judge(&self, inventory: &Inventory, criteria: &Criteria) -> Result<Report, Problem> {
        let mut report = judge(inventory, criteria)?;
        report.scan.evidence_digest = seal::digest_below(&self.manifest.files, &[CRITERIA_DIR, INVENTORY_DIR]);
        Ok(report)
    }
}

/// The bytes of the manifest in a folder.
///
/// Errors: there is none, or it cannot be read.
pub(crate) fn read_manifest(dir: &Path) -> Result<Vec<u8>, Problem> {
    plain_file::read(&dir.join(MANIFEST_FILE), LARGEST_MANIFEST).map_err(|error| no_pack(dir, &error))
}

fn no_pack(dir: &Path, error: &std::io::Error) -> Problem {
    let problem = Problem::new("could not open the pack").at(dir.display().to_string());
    if dir.is_dir() && error.kind() == std::io::ErrorKind::NotFound {
        return problem
            .why(format!("there is no `{MANIFEST_FILE}` in it, which is written last"))
            .so("this is no pack, or one that was never finished; nothing in it can be relied on")
            .hint("name the folder that a scan wrote");
    }
    if error.kind() == std::io::ErrorKind::NotFound {
        return problem.why(error.to_string()).hint("name the folder that a scan wrote");
    }
    let problem = problem.why(format!("{MANIFEST_FILE}: {error}"));
    if error.kind() == std::io::ErrorKind::PermissionDenied {
        return problem.hint(plain_file::MAY_NOT_READ);
    }
    problem
}
