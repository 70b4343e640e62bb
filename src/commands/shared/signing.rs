//! What makes a pack evidence for others: signatures over its manifest, and its place in a ledger.

use std::path::Path;

use chrono::{DateTime, Utc};

use crate::aws::s3::{Keeping, KeepingFlags, LockMode};
use crate::commands::shared::args::{KeepArgs, LockArg, OutputArgs};
use crate::commands::shared::evidence::is_drill;
use crate::deliver::Destination;
use crate::drill::pack::DrillPack;
use crate::exit::Exit;
use crate::ledger::{Appended, Ledger, sign_pack};
use crate::pack::intact::{Held, IntactPack};
use crate::problem::{Outcome, Problem, Problems};
use crate::sign::{Signature, Signers};

/// What comes out beside the reports.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Makes<'a> {
    /// Nothing.
    Reports,
    /// A pack, for the ledger that the settings name if none is named elsewhere.
    Pack(Option<&'a str>),
}

/// Who signs and which ledger takes the pack, found before the work begins.
#[derive(Debug, Default)]
pub(crate) struct Signing {
    signers: Signers,
    ledger: Option<Ledger>,
}

impl Signing {
    /// Opens keys and ledger.
    ///
    /// Errors: every key that cannot sign, and a ledger that cannot be appended to.
    pub(crate) async fn prepare(keys: &[String], ledger: Option<&str>, keeping: Keeping) -> Outcome<Self> {
        let signers = Signers::open(keys).await;
        let ledger = match ledger {
            Some(address) => Some(Ledger::open(address, keeping).await),
            None => None,
        };
        match (signers, ledger.transpose()) {
            (Ok(signers), Ok(ledger)) => Ok(Self { signers, ledger }),
            (Ok(_), Err(problem)) => Err(problem.into()),
            (Err(problems), Ok(_)) => Err(problems),
            (Err(Problems(mut problems)), Err(problem)) => {
                problems.push(problem);
                Err(Problems(problems))
            }
        }
    }

    /// The ledger that takes the pack, if one does.
    pub(crate) fn ledger(&self) -> Option<&Ledger> {
        self.ledger.as_ref()
    }

    /// Signs the pack in a folder and appends it, if that was asked for. The pack stays in its folder. Gives what to say.
    ///
    /// Errors: what was not done; the pack is complete in its folder all the same.
    pub(crate) async fn finish(&self, pack: &Path) -> Outcome<Vec<String>> {
        match &self.ledger {
            Some(ledger) => {
                let intact = intact(pack)?;
                Ok(lines(&ledger.append(&intact, &self.signers).await?))
            }
            None if self.signers.is_empty() => Ok(Vec::new()),
            None => Ok(signed(&sign_pack(pack, &self.signers).await?)),
        }
    }
}

/// The pack in a folder, of a scan or of a drill, once it holds: what is altered is neither signed nor appended.
///
/// Errors: there is no pack; the first thing that differs (exit code 12).
pub(crate) fn intact(dir: &Path) -> Result<Held, Problem> {
    let held = if is_drill(dir) {
        DrillPack::to_append(dir, Utc::now()).map(Held::from)
    } else {
        IntactPack::to_append(dir).map(Held::from)
    };
    held.map_err(|problem| match problem.exit {
        Exit::EvidenceBroken => Problem {
            what: "the pack failed verification and is not appended".to_owned(),
            location: format!("{}: {}", dir.display(), problem.location),
            so: "nothing was signed, and nothing was written to the ledger".to_owned(),
            ..problem
        },
        _ => problem,
    })
}

/// What became of a pack. Every object in S3 is named, with its version and its lock.
pub(crate) fn lines(appended: &Appended) -> Vec<String> {
    let mut lines: Vec<String> = appended.stored.iter().map(|one| format!("delivered {one}")).collect();
    lines.extend(signed(&appended.signatures));
    let how = if appended.was_there { "was already" } else { "is now" };
    lines.push(format!(
        "the pack {how} number {} of the ledger: {} (sha256 {})",
        appended.sequence, appended.address, appended.sha256
    ));
    lines
}

fn signed(signatures: &[Signature]) -> Vec<String> {
    signatures
        .iter()
        .map(|signature| format!("signed with {}", signature.signer.key()))
        .collect()
}

/// The ledger that is meant, if a pack is made at all. Mistakes go to `problems`.
pub(crate) fn ledger_of<'a>(
    args: &'a OutputArgs,
    makes: Makes<'a>,
    destination: &Destination,
    problems: &mut Vec<Problem>,
) -> Option<&'a str> {
    let asked = args.signing.ledger.as_deref();
    let refuse = |what: &str, why: &str, hint: &str| {
        Problem::usage(what)
            .at("`--sign`, `--ledger`")
            .why(why)
            .so("nothing was read from AWS")
            .hint(hint)
    };
    let signs = !args.signing.sign.is_empty();
    let what = "there is no pack that could be signed or appended";
    let default = match makes {
        Makes::Pack(default) if *destination != Destination::Stdout => default,
        _ if !signs && asked.is_none() => return None,
        Makes::Pack(_) => {
            problems.push(refuse(what, "what goes to stdout leaves no pack", "leave `--to -` out"));
            return None;
        }
        Makes::Reports => {
            let hint = "scan again with them, or give `--redact-accounts`, which makes a pack of its own";
            problems.push(refuse(what, "`report` writes reports only", hint));
            return None;
        }
    };
    if args.redact_accounts && args.signing.sign.iter().any(|key| key.starts_with("awskms:")) {
        let why = "the signature of a KMS key names the account that the key is in";
        problems.push(refuse(
            "the pack would show an account id after all",
            why,
            "sign it with an SSH key",
        ));
    }
    let ledger = asked.or(default);
    if args.redact_accounts && ledger.is_some() {
        problems.push(
            Problem::usage("a pack with pseudonyms goes into no ledger")
                .at("`--redact-accounts`, with a ledger named by `--ledger` or in the settings file")
                .why("the numbers of its accounts are not in it, so that it would prove nothing over a period")
                .so("nothing was read from AWS")
                .hint("scan without it; `report AUDIT/inventory --redact-accounts --to DIR` makes a pack for people outside"),
        );
    }
    ledger
}

/// How objects in S3 are to be kept.
///
/// Errors: every mistake.
pub(crate) fn keeping(args: &KeepArgs, now: DateTime<Utc>) -> Outcome<Keeping> {
    Keeping::new(
        KeepingFlags {
            lock: args.object_lock.map(|mode| match mode {
                LockArg::Governance => LockMode::Governance,
                LockArg::Compliance => LockMode::Compliance,
            }),
            retain_for: args.retain_for.as_deref(),
            retain_until: args.retain_until.as_deref(),
            legal_hold: args.legal_hold,
            kms_key: args.sse_kms_key.as_deref(),
        },
        now,
    )
}
