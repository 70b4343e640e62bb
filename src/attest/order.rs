//! Which packs may be put together, and in which order.

use std::collections::BTreeSet;

use crate::domain::TargetId;
use crate::inventory::INVENTORY_DIR;
use crate::inventory::schema::Target;
use crate::pack::intact::IntactPack;
use crate::problem::Problem;

/// An account and Region that two packs both tell of.
fn shared_target(one: &IntactPack, other: &IntactPack) -> Result<Option<TargetId>, Problem> {
    let targets = |intact: &IntactPack| -> Result<BTreeSet<TargetId>, Problem> {
        let rows = intact.inventory.read::<Target>()?;
        Ok(rows
            .into_iter()
            .map(|row| TargetId::new(row.account_id, row.region))
            .collect())
    };
    Ok(targets(one)?.intersection(&targets(other)?).next().cloned())
}

/// Are these files the same in both?
fn same_files(one: &IntactPack, other: &IntactPack, which: impl Fn(&str) -> bool) -> bool {
    let of = |intact: &IntactPack| {
        let files = intact.pack.manifest.files.iter().filter(|file| which(&file.path));
        files
            .map(|file| (file.path.clone(), file.sha256.clone()))
            .collect::<Vec<_>>()
    };
    of(one) == of(other)
}

/// Packs by their moment, each once.
///
/// Errors: there is none; one with pseudonyms; two of one moment that contradict each other.
pub(super) fn in_order(packs: &[IntactPack]) -> Result<Vec<&IntactPack>, Problem> {
    let refuse = |why: String, hint: &str| {
        Problem::usage("could not put the packs together")
            .why(why)
            .so("nothing was attested")
            .hint(hint)
    };
    let mut all: Vec<&IntactPack> = packs.iter().collect();
    let key = |intact: &&IntactPack| (intact.pack.manifest.as_of, intact.pack.manifest_sha256.clone());
    all.sort_by_cached_key(key);
    all.dedup_by(|a, b| a.pack.manifest_sha256 == b.pack.manifest_sha256);
    if all.is_empty() {
        return Err(refuse(
            "there is none".to_owned(),
            "name the folders of packs with `--pack`",
        ));
    }
    if let Some(intact) = all.iter().find(|intact| intact.pack.manifest.is_redacted) {
        let why = format!("the accounts of {} are pseudonyms", intact.pack.dir.display());
        return Err(refuse(why, "give the pack that was not redacted"));
    }
    let mut kept: Vec<&IntactPack> = Vec::new();
    for one in all {
        let mut is_new = true;
        let moment = one.pack.manifest.as_of;
        let same_moment = kept
            .iter()
            .rev()
            .take_while(|other| other.pack.manifest.as_of == moment);
        for other in same_moment {
            let is_same_scan = one.pack.manifest.scan_id == other.pack.manifest.scan_id;
            let is_same_answer = same_files(one, other, |path| path.starts_with(INVENTORY_DIR));
            if same_files(one, other, |path| ASKING.contains(&path)) && (is_same_answer || !is_same_scan) {
                // The same answers of AWS say nothing more if they are read twice.
                is_new &= !is_same_scan;
                continue;
            }
            let what = match shared_target(one, other)? {
                _ if is_same_scan && !is_same_answer => "hold the same scan, with other answers".to_owned(),
                _ if is_same_scan => "hold the same scan, judged by two policies".to_owned(),
                Some(target) => format!("looked at {target} at the same moment, by two policies"),
                None => continue,
            };
            return Err(refuse(
                format!("{} and {} {what}", other.pack.dir.display(), one.pack.dir.display()),
                "give one of the two: which of them says what was asked could not be told",
            ));
        }
        if is_new {
            kept.push(one);
        }
    }
    Ok(kept)
}

/// The files that say what was asked of tables, and what was accepted. Rules judge nothing here.
const ASKING: [&str; 2] = ["criteria/policy.toml", "criteria/waivers.toml"];
