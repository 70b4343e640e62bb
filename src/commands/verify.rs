//! `verify`: does an evidence pack hold, or a whole ledger? Without any credentials, but for a ledger in S3.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chrono::Utc;
use clap::Args;

use crate::commands::shared::args::TrustArgs;
use crate::commands::shared::evidence::{is_drill, must_be_pack};
use crate::commands::shared::output::print;
use crate::criteria::changes::CHANGES_DIR;
use crate::criteria::files::CRITERIA_DIR;
use crate::domain::rfc3339;
use crate::drill::pack::DrillPack;
use crate::exit::Exit;
use crate::ledger::{Checked, Entry, Expected, Ledger, Note};
use crate::pack::AnyManifest;
use crate::pack::intact::{IntactPack, as_broken, broken, look, open};
use crate::pack::manifest::FileEntry;
use crate::pack::verify::{Verified, verify};
use crate::problem::{Outcome, Problem, count, one_line};
use crate::remediate::between;
use crate::sign::{Signer, Trust};

/// Arguments of `verify`.
#[derive(Debug, Args)]
pub struct VerifyPackArgs {
    /// The folder of the pack: what a scan or a drill wrote.
    #[arg(value_name = "PACK", required_unless_present = "ledger", conflicts_with = "ledger")]
    pub pack: Option<PathBuf>,
    /// A whole ledger instead: its chain and every pack in it. Only one in S3 needs credentials.
    #[arg(long, value_name = "DIR|s3://…")]
    pub ledger: Option<String>,
    /// SHA-256 of a manifest that must be in the ledger: the last one that you know of. Without it, it cannot be seen
    /// whether the end was cut off.
    #[arg(long, value_name = "SHA256", requires = "ledger")]
    pub expect_head: Option<String>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the text as a heading")]
    pub trust: TrustArgs,
}

/// Runs `verify`.
///
/// Errors: the first thing that does not hold.
pub async fn run(args: &VerifyPackArgs) -> Outcome<Exit> {
    let trust = trust(&args.trust)?;
    match (&args.ledger, &args.pack) {
        (Some(ledger), _) => of_ledger(ledger, args.expect_head.as_deref(), &trust).await,
        (None, Some(pack)) => of_pack(pack, &trust),
        (None, None) => Err(Problem::usage("nothing to verify was named").into()),
    }
}

/// The keys that count.
pub(super) fn trust(args: &TrustArgs) -> Result<Trust, Problem> {
    let mut trust = Trust::none();
    for file in args.allowed_signers.iter().chain(&args.public_key) {
        trust.add(file)?;
    }
    if let Some(identity) = &args.identity {
        trust.require(identity);
    }
    Ok(trust)
}

fn of_pack(dir: &Path, trust: &Trust) -> Outcome<Exit> {
    must_be_pack(dir)?;
    if is_drill(dir) {
        return of_drill(dir, trust);
    }
    let held = look(open(dir)?, trust)?;
    let mut verified = verify(&held)?;
    of_changes(&held, trust, &mut verified)?;
    let mut text = String::new();
    for line in verified.shown.iter().chain(&said_of(&held.signers)) {
        text.push_str(&format!("ok: {}\n", one_line(line)));
    }
    let manifest = &held.pack.manifest;
    let claim = manifest.sequence.map(|number| {
        format!("claims number {number} of a ledger: not checked; `verify --ledger` checks the whole ledger")
    });
    let notes: Vec<&String> = verified.notes.iter().chain(&claim).collect();
    for note in &notes {
        text.push_str(&format!("note: {}\n", one_line(note)));
    }
    let with_notes = match notes.len() {
        0 => String::new(),
        number => format!(" ({} above)", count(number, "note")),
    };
    let (verdict, exit) = match &verified.unchecked {
        None => ("the evidence holds", Exit::Compliant),
        Some(what) => {
            text.push_str(&format!("not checked: {}\n", one_line(what)));
            (
                "the evidence holds, but for what was not checked",
                Exit::EvidenceMissing,
            )
        }
    };
    text.push_str(&format!(
        "{verdict}{with_notes}: scan {} as of {}, manifest SHA-256 {}\n",
        one_line(&manifest.scan_id),
        rfc3339(manifest.as_of),
        held.pack.manifest_sha256
    ));
    print(&text)?;
    Ok(exit)
}

/// Holds what the pack tells of changes against the plans, journals and signatures that lie in it.
///
/// Errors: what differs.
fn of_changes(held: &IntactPack, trust: &Trust, verified: &mut Verified) -> Result<(), Problem> {
    let pack = &held.pack;
    let has_changes = |file: &&FileEntry| file.path.starts_with(&format!("{CRITERIA_DIR}/{CHANGES_DIR}/"));
    if !pack.manifest.files.iter().any(|file| has_changes(&file)) {
        return Ok(());
    }
    let criteria = pack.criteria().map_err(as_broken)?;
    for (number, change) in (1..).zip(&criteria.changes) {
        let place = format!("{CRITERIA_DIR}/{CHANGES_DIR}/{number}");
        match between::check(change, trust).map_err(|why| broken(place.as_str(), why))? {
            between::Checked::Holds(said) => verified.shown.push(said),
            between::Checked::Not(why) => verified.unchecked = Some(format!("{place}: {why}")),
        }
        let manifest = &pack.manifest;
        between::check_before(change, manifest.as_of, manifest.finished_at)
            .map_err(|why| broken(place.as_str(), why))?;
    }
    Ok(())
}

/// As [`of_pack`], of the pack of a drill.
fn of_drill(dir: &Path, trust: &Trust) -> Outcome<Exit> {
    let pack = DrillPack::open(dir, trust, Some(Utc::now()))?;
    let documents = pack.same_documents()?;
    let mut text = String::new();
    for line in pack
        .shown
        .iter()
        .chain(documents.as_ref().ok())
        .chain(&said_of(&pack.signers))
    {
        text.push_str(&format!("ok: {}\n", one_line(line)));
    }
    for drill in &pack.record.drills {
        text.push_str(&format!(
            "drill {}: {}, {}\n",
            drill.number,
            one_line(&drill.source.table_arn),
            drill.verdict.as_str()
        ));
    }
    if let Some(number) = pack.manifest.sequence {
        text.push_str(&format!(
            "note: claims number {number} of a ledger: not checked; `verify --ledger` checks the whole ledger\n"
        ));
    }
    let (verdict, exit) = match &documents {
        Ok(_) => ("the evidence holds", Exit::Compliant),
        Err(what) => {
            text.push_str(&format!("not checked: {}\n", one_line(what)));
            (
                "the evidence holds, but for what was not checked",
                Exit::EvidenceMissing,
            )
        }
    };
    text.push_str(&format!(
        "{verdict}: drill {} of {}, manifest SHA-256 {}; it says what was restored, not that tables are backed up\n",
        one_line(&pack.record.run_id),
        rfc3339(pack.record.ended_at),
        pack.manifest_sha256
    ));
    print(&text)?;
    Ok(exit)
}

/// What can be said of signatures. A signature that no key of the verifier was held against proves nothing of the signer.
fn said_of(signers: &[Signer]) -> Vec<String> {
    if signers.is_empty() {
        return vec!["not signed".to_owned()];
    }
    let said = |signer: &Signer| match &signer.trusted_as {
        Some(_) => format!("signed by {signer}"),
        None => format!(
            "signed with {}; who that is was not checked: name the keys you trust with `--allowed-signers` or `--public-key`",
            signer.key()
        ),
    };
    signers.iter().map(said).collect()
}

async fn of_ledger(address: &str, head: Option<&str>, trust: &Trust) -> Outcome<Exit> {
    let ledger = Ledger::open_to_read(address).await?;
    let (mut unchecked, mut told) = (Vec::new(), Vec::new());
    let mut runs = BTreeMap::new();
    let mut check_pack = |entry: &Entry, dir: &Path| -> Result<(), String> {
        // The signatures of the chain are checked apart, with what the verifier trusts.
        if let AnyManifest::Drill(manifest) = &entry.manifest {
            let checked = DrillPack::open(dir, &Trust::none(), Some(Utc::now())).and_then(|pack| pack.same_documents());
            let documents = checked.map_err(|problem| format!("{}: {}", problem.location, problem.why))?;
            let sequence = entry.sequence;
            unchecked.extend(documents.err().map(|what| Note::NotChecked { sequence, what }));
            if let Some(first) = runs.insert(manifest.run_id.clone(), sequence) {
                return Err(format!(
                    "pack {first} is of the same drill, {}: it was filed again",
                    manifest.run_id
                ));
            }
            return Ok(());
        }
        let held = open(dir).and_then(|pack| look(pack, &Trust::none()));
        let verified = held.and_then(|held| {
            let mut verified = verify(&held)?;
            of_changes(&held, &Trust::none(), &mut verified)?;
            Ok(verified)
        });
        let verified = verified.map_err(|problem| format!("{}: {}", problem.location, problem.why))?;
        let sequence = entry.sequence;
        unchecked.extend(verified.unchecked.map(|what| Note::NotChecked { sequence, what }));
        told.extend(verified.notes.into_iter().map(|what| Note::OfPack { sequence, what }));
        Ok(())
    };
    let mut checked = ledger.verify(Expected { trust, head }, &mut check_pack).await?;
    let exit = if unchecked.is_empty() {
        Exit::Compliant
    } else {
        Exit::EvidenceMissing
    };
    checked.notes.extend(unchecked);
    checked.notes.extend(told);
    let mut text = String::new();
    for entry in &checked.entries {
        text.push_str(&line(entry, &checked));
    }
    for note in &checked.notes {
        text.push_str(&format!("note: {}\n", one_line(&note.to_string())));
    }
    for broken in &checked.broken {
        text.push_str(&format!("broken: {}\n", one_line(&broken.to_string())));
    }
    if let Some(first) = checked.broken.first() {
        print(&text)?;
        let more = match checked.broken.len() {
            1 => String::new(),
            number => format!("; {} more", number - 1),
        };
        return Err(does_not_hold(address, &format!("{first}{more}"))
            .hint(first.hint())
            .into());
    }
    let Some(last) = checked.entries.last() else {
        return Err(does_not_hold(address, "there is no pack in it, or all were deleted").into());
    };
    text.push_str(&verdict(&checked, last, head));
    print(&text)?;
    Ok(exit)
}

/// A problem that says: the ledger failed verification.
pub(super) fn does_not_hold(address: &str, why: &str) -> Problem {
    Problem {
        what: "the ledger failed verification".to_owned(),
        so: "nothing that rests on this ledger can be relied on".to_owned(),
        ..broken(address, why)
    }
}

/// One line for each pack that was looked at.
fn line(entry: &Entry, checked: &Checked) -> String {
    let signers: Vec<String> = checked
        .signers
        .get(&entry.sequence)
        .into_iter()
        .flatten()
        .map(Signer::to_string)
        .collect();
    let signed = if signers.is_empty() {
        "no signature that holds".to_owned()
    } else {
        format!("signed by {}", signers.join(" and "))
    };
    format!(
        "pack {}{} as of {}, manifest SHA-256 {}, {signed}\n",
        entry.sequence,
        if entry.manifest.as_drill().is_some() {
            ", a drill,"
        } else {
            ""
        },
        rfc3339(entry.manifest.as_of()),
        entry.sha256
    )
}

fn verdict(checked: &Checked, last: &Entry, head: Option<&str>) -> String {
    let is_unchecked = |note: &Note| matches!(note, Note::NotChecked { .. });
    let but = if checked.notes.iter().any(is_unchecked) {
        ", but for reports that were not checked"
    } else {
        ""
    };
    let end = match head {
        Some(head) if head.eq_ignore_ascii_case(&last.sha256) => "its head is the one expected".to_owned(),
        Some(_) => "the head expected is in it, and it has grown since".to_owned(),
        None => {
            "whether packs were cut off at its end cannot be seen from inside: keep this digest elsewhere, and give it to `--expect-head` next time"
                .to_owned()
        }
    };
    format!(
        "the ledger holds{but}: {}, head {} ({}); {end}\n",
        count(checked.entries.len(), "pack"),
        last.sha256,
        rfc3339(last.manifest.as_of()),
    )
}
