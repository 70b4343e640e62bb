//! What makes a pack evidence for others: signatures over its manifest, and its place in a ledger.

use std::path::Path;

use crate::aws::s3::Keeping;
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
    /// Opens keys and ledger.
    ///
    /// Errors: every key that cannot sign, and a ledger that cannot be appended to.
    pub async fn prepare(keys: &[String], ledger: Option<&str>, keeping: Keeping) -> Outcome<Self> {
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

    /// Signs the pack in a folder and appends it, if that was asked for. The pack stays in its folder. Gives what to say.
    ///
    /// Errors: what was not done; the pack is complete in its folder all the same.
    pub async fn finish(&self, pack: &Path) -> Outcome<Vec<String>> {
        match &self.ledger {
            Some(ledger) => Ok(lines(&ledger.append(pack, &self.signers).await?)),
            None if self.signers.is_empty() => Ok(Vec::new()),
            None => Ok(signed(&sign_pack(pack, &self.signers).await?)),
        }
    }
}

/// What became of a pack. Every object in S3 is named, with its version and its lock.
pub fn lines(appended: &Appended) -> Vec<String> {
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
