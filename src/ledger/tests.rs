//! Ledgers in folders: what is appended is there, what is done to it shows. Those in S3 are in `tests/suite/ledger.rs`.

use std::path::PathBuf;

use super::*;
use crate::pack::intact::IntactPack;
use crate::pack::manifest::FileEntry;
use crate::pack::{Manifest, Pack};
use crate::sign::{Signers, Trust};

/// A small pack in a new folder, one for each number.
fn pack(dir: &Path, number: u32, as_of: DateTime<Utc>) -> PathBuf {
    let folder = dir.join(format!("pack-{number}"));
    std::fs::create_dir_all(folder.join("inventory")).expect("a folder");
    let mut files = Vec::new();
    for (path, text) in [
        ("findings.parquet", format!("findings of {number}")),
        ("inventory/tables.parquet", number.to_string()),
    ] {
        std::fs::write(folder.join(path), &text).expect("written");
        files.push(FileEntry {
            path: path.to_owned(),
            size: text.len() as u64,
            sha256: digest::of_bytes(text.as_bytes()),
        });
    }
    let manifest = Manifest {
        scan_id: format!("{number:032x}"),
        files,
        ..Manifest::sample(as_of)
    };
    seal::write_manifest(&folder, &manifest).expect("written");
    folder
}

/// A ledger with so many packs, and the folder that it lies in.
async fn ledger(packs: u32) -> (tempfile::TempDir, Ledger) {
    let dir = tempfile::tempdir().expect("a folder");
    let ledger = open(dir.path()).await;
    for number in 1..=packs {
        let pack = pack(dir.path(), number, Utc::now());
        let appended = ledger
            .append(&IntactPack::held(&pack), &Signers::default())
            .await
            .expect("appended");
        assert_eq!(appended.sequence, u64::from(number));
    }
    (dir, ledger)
}

async fn open(dir: &Path) -> Ledger {
    let address = dir.join("ledger").display().to_string();
    Ledger::open(&address, Keeping::default()).await.expect("a ledger")
}

async fn verify(ledger: &Ledger) -> Checked {
    let trust = Trust::none();
    let expected = Expected {
        trust: &trust,
        head: None,
    };
    let mut check_pack = |_: &Entry, dir: &Path| {
        let pack = Pack::open(dir).map_err(|problem| problem.why)?;
        let altered = pack.manifest.files.iter().find(|file| {
            digest::of_file(&dir.join(&file.path))
                .map(|(_, sha256)| sha256)
                .ok()
                .as_ref()
                != Some(&file.sha256)
        });
        altered.map_or(Ok(()), |file| Err(format!("{} was altered", file.path)))
    };
    ledger.verify(expected, &mut check_pack).await.expect("read")
}

async fn broken(ledger: &Ledger) -> Vec<String> {
    verify(ledger).await.broken.iter().map(ToString::to_string).collect()
}

fn at(ledger: &Ledger, path: &str) -> PathBuf {
    PathBuf::from(&ledger.address).join(path)
}

/// Writes over a file of a ledger as somebody would who wants to.
fn overwrite(path: &Path, bytes: &[u8]) {
    std::fs::remove_file(path).expect("removed");
    std::fs::write(path, bytes).expect("written");
}

/// Changes a manifest that lies in the chain and in its pack.
fn forge(ledger: &Ledger, sequence: u64, change: impl FnOnce(&mut Manifest)) {
    let path = at(ledger, &manifest_path(sequence));
    let bytes = std::fs::read(&path).expect("a manifest");
    let mut manifest = Manifest::parse(&bytes, "").expect("a manifest");
    let copy = at(
        ledger,
        &format!("{}{MANIFEST_FILE}", pack_dir(&manifest.clone().into())),
    );
    change(&mut manifest);
    overwrite(&path, &manifest.to_bytes());
    overwrite(&copy, &manifest.to_bytes());
    let sums = copy.with_file_name(SUMS_FILE);
    overwrite(&sums, seal::sums(&manifest).as_bytes());
}

#[tokio::test]
async fn packs_follow_each_other_and_are_whole() {
    let (dir, ledger) = ledger(3).await;
    let checked = verify(&ledger).await;
    assert_eq!(checked.broken, Vec::new());
    let unsigned = (1..=3).map(|sequence| Note::NotSigned { sequence }).collect::<Vec<_>>();
    assert_eq!(checked.notes, unsigned);
    let entries = ledger.entries().await.expect("entries");
    assert_eq!(entries.len(), 3);
    assert_eq!(entries[0].manifest.previous(), None);
    assert_eq!(entries[2].manifest.previous(), Some(entries[1].sha256.as_str()));
    // Each folder below `packs` is a pack of its own, and `fetch` reads it where it lies.
    let fetched = ledger.fetch(&entries[1], &entries, dir.path()).await.expect("a pack");
    assert_eq!(
        Pack::open(&fetched.dir).expect("a pack").manifest_sha256,
        entries[1].sha256
    );
    let copied = ledger
        .copy_pack(&entries[1], &dir.path().join("copy"))
        .await
        .expect("copied");
    assert_eq!(Pack::open(&copied).expect("a pack").manifest_sha256, entries[1].sha256);
    assert!(
        ledger.copy_pack(&entries[1], &copied).await.is_err(),
        "never over something"
    );
    // The scan's own folder says what the chain says.
    let own = Pack::open(&dir.path().join("pack-2")).expect("a pack");
    assert_eq!(own.manifest_sha256, entries[1].sha256);
}

#[tokio::test]
async fn appending_twice_appends_once() {
    let (dir, ledger) = ledger(2).await;
    let again = ledger
        .append(&IntactPack::held(&dir.path().join("pack-2")), &Signers::default())
        .await
        .expect("there");
    assert!(again.was_there);
    assert_eq!(again.sequence, 2);
    // Also if the scan's folder forgot where it was appended.
    let now = Pack::open(&dir.path().join("pack-1")).expect("a pack").manifest.as_of;
    let again = ledger
        .append(&IntactPack::held(&pack(dir.path(), 1, now)), &Signers::default())
        .await
        .expect("there");
    assert!(again.was_there);
    assert_eq!(again.sequence, 1);
    assert_eq!(ledger.entries().await.expect("entries").len(), 2);
}

#[tokio::test]
async fn what_is_done_to_a_chain_shows() {
    type Forgery = fn(&Ledger);
    let forgeries: [(Forgery, &[&str]); 10] = [
        (
            |ledger| std::fs::remove_file(at(ledger, &manifest_path(2))).expect("removed"),
            &["manifest 2 is missing"],
        ),
        (
            |ledger| std::fs::remove_file(at(ledger, &manifest_path(1))).expect("removed"),
            &["manifest 1 is missing"],
        ),
        (
            |ledger| forge(ledger, 2, |manifest| manifest.caller_arn = "x".to_owned()),
            &["manifest 2 is not the one that"],
        ),
        (
            |ledger| {
                let (two, three) = (at(ledger, &manifest_path(2)), at(ledger, &manifest_path(3)));
                let (bytes_two, bytes_three) = (std::fs::read(&two).expect("2"), std::fs::read(&three).expect("3"));
                overwrite(&two, &bytes_three);
                overwrite(&three, &bytes_two);
            },
            &[
                "manifest 2 says that it is number 3",
                "manifest 1 is not the one that",
                "manifest 3 says that it is number 2",
                "manifest 2 is not the one that",
            ],
        ),
        (
            |ledger| {
                forge(ledger, 3, |manifest| {
                    manifest.as_of -= TimeDelta::days(30);
                });
            },
            // The folder is named by the time, too, so the pack is not found any more.
            &["manifest 3 is backdated", "pack 3 failed verification"],
        ),
        (
            |ledger| {
                forge(ledger, 3, |manifest| {
                    manifest.sealed_at = manifest.sealed_at.map(|at| at - TimeDelta::hours(2));
                    manifest.as_of -= TimeDelta::hours(2);
                });
            },
            &["manifest 3 goes back in time", "pack 3 failed verification"],
        ),
        (
            |ledger| forge(ledger, 1, |manifest| manifest.previous = Some("00".to_owned())),
            &["manifest 1 names one before it", "manifest 1 is not the one that"],
        ),
        (
            |ledger| overwrite(&at(ledger, &manifest_path(3)), b"{}"),
            &["manifest 3 cannot be read: it has no schema version"],
        ),
        (
            |ledger| {
                let pack = std::fs::read(at(ledger, &manifest_path(2))).expect("2");
                let place = pack_dir(&AnyManifest::parse(&pack, "").expect("a manifest"));
                overwrite(&at(ledger, &format!("{place}inventory/tables.parquet")), b"3");
            },
            &["pack 2 failed verification: inventory/tables.parquet was altered"],
        ),
        (
            |ledger| {
                let pack = std::fs::read(at(ledger, &manifest_path(2))).expect("2");
                let place = pack_dir(&AnyManifest::parse(&pack, "").expect("a manifest"));
                overwrite(&at(ledger, &format!("{place}{MANIFEST_FILE}")), b"{}");
            },
            &["the manifest in the folder of pack 2 is not the one of the chain"],
        ),
    ];
    for (forgery, texts) in forgeries {
        let (_dir, ledger) = ledger(3).await;
        forgery(&ledger);
        let found = broken(&ledger).await;
        assert_eq!(found.len(), texts.len(), "{found:#?}");
        for (found, text) in found.iter().zip(texts) {
            assert!(found.starts_with(text), "{found}, not {text}");
        }
    }
}

#[tokio::test]
async fn a_head_that_was_cut_off_shows_to_whoever_knew_it() {
    let (_dir, ledger) = ledger(3).await;
    let head = ledger.entries().await.expect("entries")[2].sha256.clone();
    let trust = Trust::none();
    let known = Expected {
        trust: &trust,
        head: Some(&head),
    };
    let mut check_pack = |_: &Entry, _: &Path| Ok(());
    assert_eq!(
        ledger.verify(known, &mut check_pack).await.expect("read").broken,
        Vec::new()
    );
    let (manifest, place) = (
        at(&ledger, &manifest_path(3)),
        pack_dir(&ledger.entries().await.expect("entries")[2].manifest),
    );
    std::fs::remove_file(manifest).expect("removed");
    let [witnessed] = &broken(&ledger).await[..] else {
        panic!("its pack is a witness")
    };
    let words = format!("manifest 3 is missing, and the pack that it was for lies in {place} with a copy of it");
    assert!(witnessed.starts_with(&words), "{witnessed}");
    std::fs::remove_file(at(&ledger, &format!("{place}{MANIFEST_FILE}"))).expect("removed");
    assert_eq!(
        broken(&ledger).await,
        Vec::<String>::new(),
        "without that it cannot be seen from inside"
    );
    let checked = ledger.verify(known, &mut check_pack).await.expect("read");
    assert_eq!(checked.broken, [Broken::HeadNotFound { digest: head }]);
    assert!(
        checked.notes.iter().any(|note| matches!(note, Note::NotInChain { .. })),
        "the pack still lies there"
    );
}

#[tokio::test]
async fn leftovers_are_harmless_and_named() {
    let (dir, ledger) = ledger(1).await;
    std::fs::write(at(&ledger, "manifests/18446744073709551615.json"), "{}").expect("written");
    // Killed before its manifest: files without a place in the chain, and a file half written.
    let stray = pack(dir.path(), 9, Utc::now());
    let place = at(&ledger, "packs/2026-01-01T000000Z-0011223344556677");
    std::fs::rename(stray, &place).expect("moved");
    std::fs::write(at(&ledger, ".partial/1-2-3"), "half").expect("written");
    std::fs::write(at(&ledger, "manifests/9.json"), "half").expect("written");
    let checked = verify(&ledger).await;
    assert_eq!(checked.broken, Vec::new());
    let notes: Vec<String> = checked.notes.iter().map(ToString::to_string).collect();
    for path in [
        "manifests/9.json",
        ".partial/1-2-3",
        "packs/2026-01-01T000000Z-0011223344556677/",
    ] {
        let note = format!("not in the chain, and harmless: {path}");
        assert!(notes.contains(&note), "{notes:?}");
    }
    let next = pack(dir.path(), 2, Utc::now());
    assert_eq!(
        ledger
            .append(&IntactPack::held(&next), &Signers::default())
            .await
            .expect("appended")
            .sequence,
        2
    );
}

#[tokio::test]
async fn packs_that_cannot_be_proven_later_are_not_taken() {
    let (dir, ledger) = ledger(1).await;
    let old = pack(dir.path(), 2, Utc::now() - TimeDelta::days(2));
    let problem = ledger
        .append(&IntactPack::held(&old), &Signers::default())
        .await
        .expect_err("too old");
    assert!(problem.what.contains("too old"), "{problem}");
    let altered = pack(dir.path(), 3, Utc::now());
    std::fs::write(altered.join("inventory/tables.parquet"), "4").expect("written");
    let problem = ledger
        .append(&IntactPack::held(&altered), &Signers::default())
        .await
        .expect_err("altered");
    assert!(problem.what.contains("was altered"), "{problem}");
    // A head from the future: this machine's clock is wrong, or that one's was.
    forge(&ledger, 1, |manifest| {
        manifest.sealed_at = Some(Utc::now() + TimeDelta::hours(3))
    });
    let next = pack(dir.path(), 4, Utc::now());
    let problem = ledger
        .append(&IntactPack::held(&next), &Signers::default())
        .await
        .expect_err("behind");
    assert!(problem.what.contains("clock of this machine is behind"), "{problem}");
    assert_eq!(ledger.listed().await.expect("listed").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_make_one_chain() {
    const APPENDERS: u32 = 16;
    let dir = tempfile::tempdir().expect("a folder");
    let mut tasks = tokio::task::JoinSet::new();
    for number in 1..=APPENDERS {
        let (pack, ledger) = (pack(dir.path(), number, Utc::now()), open(dir.path()).await);
        tasks.spawn(async move {
            ledger
                .append(&IntactPack::held(&pack), &Signers::default())
                .await
                .expect("appended")
                .sequence
        });
    }
    let mut places = tasks.join_all().await;
    places.sort_unstable();
    assert_eq!(places, (1..=u64::from(APPENDERS)).collect::<Vec<_>>());
    let ledger = open(dir.path()).await;
    assert_eq!(broken(&ledger).await, Vec::<String>::new());
    let ids: std::collections::BTreeSet<String> = ledger
        .entries()
        .await
        .expect("entries")
        .into_iter()
        .map(|entry| entry.manifest.as_scan().expect("a scan").scan_id.clone())
        .collect();
    assert_eq!(ids.len(), APPENDERS as usize, "no pack was lost");
}

#[test]
fn paths_stay_below() {
    for (path, is_right) in [
        ("a", true),
        ("a/b.json", true),
        ("", false),
        ("/a", false),
        ("a//b", false),
        ("../a", false),
        ("a/../b", false),
        ("a/./b", false),
        ("a\\..\\b", false),
        ("c:a", false),
    ] {
        assert_eq!(is_below(path), is_right, "{path}");
    }
    for (path, number) in [
        ("manifests/00000042.json", Some(42)),
        ("manifests/123456789.json", Some(123_456_789)),
        ("manifests/42.json", None),
        ("manifests/00000000.json", None),
        ("manifests/18446744073709551615.json", None),
        ("manifests/+0000042.json", None),
        ("manifests/00000042.json.sig", None),
    ] {
        assert_eq!(number_of(path), number, "{path}");
    }
}
