//! What makes a pack evidence for others: signatures over its manifest, and its place in a ledger.

use std::path::Path;

use crate::aws::s3::Keeping;
use crate::cli::SealArgs;
use crate::commands::say;
use crate::ledger::{Appended, Ledger, sign_pack};
use crate::problem::{Outcome, Problems};
use crate::sign::{Signature, Signers};

/// Who signs and which ledger takes the pack, found before the work begins.
#[derive(Debug, Default)]
pub struct Seal {
    signers: Signers,
    ledger: Option<Ledger>,
}

impl Seal {
    /// Opens keys and ledger; `default` is the ledger that the settings name.
    ///
    /// Errors: every key that cannot sign, and a ledger that cannot be appended to.
    pub async fn prepare(args: &SealArgs, default: Option<&str>, keeping: Keeping) -> Outcome<Self> {
        let signers = Signers::open(&args.sign).await;
        let ledger = match args.ledger.as_deref().or(default) {
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

    /// Signs the pack in a folder and appends it, if that was asked for. The pack stays in its folder.
    ///
    /// Errors: the first thing that was not done; what was asked for is there, or it is said that it is not.
    pub async fn finish(&self, pack: &Path) -> Outcome<()> {
        match &self.ledger {
            Some(ledger) => tell(&ledger.append(pack, &self.signers).await?),
            None if self.signers.is_empty() => {}
            None => tell_signatures(&sign_pack(pack, &self.signers).await?),
        }
        Ok(())
    }
}

/// Says what became of a pack. Every object in S3 is named, with its version and its lock.
pub fn tell(appended: &Appended) {
    for one in &appended.stored {
        say(&format!("delivered {one}"));
    }
    tell_signatures(&appended.signatures);
    let how = if appended.was_there { "was already" } else { "is now" };
    say(&format!(
        "the pack {how} number {} of the ledger: {} (sha256 {})",
        appended.sequence, appended.address, appended.sha256
    ));
}

fn tell_signatures(signatures: &[Signature]) {
    for signature in signatures {
        say(&format!("signed with {}", signature.signer.key()));
    }
}
