//! A plan that somebody else has reviewed: a detached signature beside it, and nobody who approves their own work.
//!
//! The signature is one of SSH over the bytes of the plan file, in a namespace of its own, so that neither the signature of a pack
//! nor anything else that was signed can stand for it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

use crate::problem::{Problem, one_line};
use crate::sign::{Kind, Purpose, SignatureFile, Signer, Signers, Trust, verify_all};
use crate::text::{glob, list};

/// Signs a plan file of these bytes. Gives the file with the signature, and who signed.
///
/// Errors: the key does not sign, or the signature cannot be written.
pub(crate) async fn approve(plan: &Path, bytes: &[u8], signers: Signers) -> Result<(PathBuf, Signer), Problem> {
    let signature = signers.for_purpose(Purpose::Plan).sign(bytes).await?;
    let Some(signature) = signature
        .into_iter()
        .find(|signature| signature.signer.kind == Kind::Ssh)
    else {
        return Err(Problem::usage("no SSH key was given to approve the plan with")
            .so("nothing was signed")
            .hint("`--sign` takes a key file, a `.pub` file, `agent` or a fingerprint"));
    };
    let mut name = plan.as_os_str().to_owned();
    name.push(Kind::Ssh.suffix());
    let path = PathBuf::from(name);
    std::fs::write(&path, &signature.bytes).map_err(|error| {
        Problem::new("could not write the signature")
            .at(path.display().to_string())
            .why(error.to_string())
            .so("the plan is not approved")
    })?;
    Ok((path, signature.signer))
}

/// Who approved the plan: somebody who is trusted, who is named among the approvers, and who is not the caller.
///
/// Errors: why the plan may not be applied.
pub(crate) fn check(
    plan: &Path,
    bytes: &[u8],
    trust: &Trust,
    approvers: &BTreeMap<String, Vec<String>>,
    caller_arns: &[&str],
    at: DateTime<Utc>,
) -> Result<String, Problem> {
    let refuse = |why: String| {
        Problem::new("the remediation plan is not approved")
            .at(plan.display().to_string())
            .why(why)
            .so("nothing was changed")
            .hint("let somebody else review it: `backproof remediate approve PLAN --sign KEY`")
    };
    let files = SignatureFile::beside(plan).map_err(|error| refuse(error.to_string()))?;
    let files: Vec<SignatureFile> = files
        .into_iter()
        .filter(|file| file.name.ends_with(Kind::Ssh.suffix()))
        .collect();
    if files.is_empty() {
        return Err(refuse(format!(
            "there is no `{}{}` beside it",
            file_name(plan),
            Kind::Ssh.suffix()
        )));
    }
    let signers =
        verify_all(bytes, &files, &[], (trust, at)).map_err(|(name, broken)| refuse(format!("{name}: {broken}")))?;
    let names = signers.into_iter().find_map(|signer| signer.trusted_as);
    let names = names.ok_or_else(|| refuse("nobody who is trusted has signed it".to_owned()))?;
    for name in names.split(',').map(str::trim) {
        let Some(patterns) = approvers.get(name).filter(|patterns| !patterns.is_empty()) else {
            let known: Vec<&str> = approvers.keys().map(String::as_str).collect();
            let why = match known.as_slice() {
                [] => format!("`{}` signed it, and the settings name no approvers", one_line(name)),
                known => format!(
                    "`{}` signed it, and is none of the approvers: {}",
                    one_line(name),
                    list(known)
                ),
            };
            return Err(refuse(why).hint("add who may approve, and as whom they work, to `[remediation.approvers]`"));
        };
        let own = caller_arns
            .iter()
            .find(|arn| patterns.iter().any(|pattern| glob(pattern, arn)));
        if let Some(arn) = own {
            return Err(refuse(format!(
                "`{}` signed it, and works as {}, who is applying it",
                one_line(name),
                one_line(arn)
            )));
        }
    }
    Ok(names)
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
