//! What names the evidence of a report.

use crate::criteria::Criteria;
use crate::criteria::files::{self, CRITERIA_DIR};
use crate::digest;
use crate::inventory::{INVENTORY_DIR, Inventory};
use crate::problem::Problem;

/// What names the evidence of a report: the inventory, and the criteria that judged it, by path as in a pack.
///
/// `grep -E '  (criteria|inventory)/' SHA256SUMS | sha256sum` gives the same.
///
/// Errors: a file of the inventory cannot be read.
pub(super) fn evidence_digest(inventory: &Inventory, criteria: &Criteria) -> Result<String, Problem> {
    let mut files = Vec::new();
    for (name, text) in files::files(criteria) {
        files.push((format!("{CRITERIA_DIR}/{name}"), digest::of_bytes(text.as_bytes())));
    }
    for name in inventory.file_names() {
        let path = inventory.dir.join(&name);
        let (_, sha256) = digest::of_file(&path).map_err(|error| {
            Problem::new("could not read the inventory")
                .at(path.display().to_string())
                .why(error.to_string())
                .so("nothing was evaluated")
        })?;
        files.push((format!("{INVENTORY_DIR}/{name}"), sha256));
    }
    files.sort();
    Ok(digest::of_list(files.iter().map(|(path, sha256)| (&**path, &**sha256))))
}
