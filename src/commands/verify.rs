//! `verify`: does an evidence pack hold? Offline, and without any credentials.

use crate::cli::VerifyPackArgs;
use crate::commands::print;
use crate::exit::Exit;
use crate::pack::verify::{broken, open, verify};
use crate::pack::{Pack, SIGNATURE_FILE};
use crate::problem::{Outcome, Problem, one_line};

/// Runs `verify`.
///
/// Errors: the first thing in the pack that does not hold.
pub fn run(args: &VerifyPackArgs) -> Outcome<Exit> {
    let pack = open(&args.pack)?;
    // Who signed comes first: a manifest that was altered after signing explains everything that follows from it.
    let signature = signature(&pack, args)?;
    let shown = verify(&pack)?;
    let mut text = String::new();
    for line in shown.iter().chain([&signature]) {
        text.push_str(&format!("ok: {}\n", one_line(line)));
    }
    text.push_str(&format!(
        "the evidence holds: scan {} as of {}, manifest SHA-256 {}\n",
        one_line(&pack.manifest.scan_id),
        crate::domain::rfc3339(pack.manifest.as_of),
        pack.manifest_sha256
    ));
    print(&text)?;
    Ok(Exit::Compliant)
}

/// What can be said of the signature.
///
/// Errors: one was asked for, and there is none that holds.
fn signature(pack: &Pack, args: &VerifyPackArgs) -> Result<String, Problem> {
    let is_signed = pack.dir.join(SIGNATURE_FILE).symlink_metadata().is_ok();
    match (is_signed, &args.allowed_signers) {
        (false, None) => Ok("not signed".to_owned()),
        (true, None) => {
            Ok("the signature was not checked: name the keys you trust with `--allowed-signers`".to_owned())
        }
        (false, Some(_)) => Err(broken(SIGNATURE_FILE, "the pack is not signed")),
        (true, Some(_)) => Err(broken(SIGNATURE_FILE, "this build cannot check signatures")),
    }
}
