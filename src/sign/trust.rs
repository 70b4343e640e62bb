//! Whom the verifier trusts: files in the forms that OpenSSH and OpenSSL write.
//!
//! `allowed_signers` (ssh-keygen(1)), an OpenSSH public key, or a public key in PEM or DER for KMS. What is written there
//! and not understood is refused: a limit that is overlooked would be trust that nobody gave.

use std::path::Path;

use chrono::{DateTime, Local, NaiveDate, NaiveDateTime, NaiveTime, TimeZone as _, Utc};
use ssh_key::PublicKey;
use ssh_key::public::KeyData;

use super::public_key::SpkiKey;
use super::{Broken, Purpose, ssh};
use crate::problem::{Problem, one_line};

/// Keys that the verifier brings.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    /// Something was given, even if it holds no key that could have signed evidence.
    is_given: bool,
    purpose: Purpose,
    /// Who must have signed, as lines of allowed_signers name him.
    identity: Option<String>,
    ssh: Vec<Allowed>,
    spki: Vec<(SpkiKey, String)>,
}

/// One SSH key with the limits set on it.
#[derive(Debug, Clone)]
struct Allowed {
    key: KeyData,
    name: String,
    limits: Limits,
}

/// What a key may be used for, and when.
#[derive(Debug, Clone, Default)]
struct Limits {
    namespaces: Option<String>,
    after: Option<DateTime<Utc>>,
    before: Option<DateTime<Utc>>,
}

impl Trust {
    /// No key at all: signatures are checked, and who made them is left open.
    pub fn none() -> Self {
        Self::default()
    }

    /// The same keys, for signatures of another purpose.
    pub(crate) fn for_purpose(self, purpose: Purpose) -> Self {
        Self { purpose, ..self }
    }

    /// What signatures have to be for.
    pub(super) fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// True if there is nothing to hold a signature against.
    pub(crate) fn is_none(&self) -> bool {
        !self.is_given
    }

    /// Adds the keys of a file: allowed_signers, an OpenSSH public key, or a public key in PEM or DER.
    ///
    /// Errors: a file that cannot be read, that holds no key, or that says what is not understood, with its line.
    pub(crate) fn add(&mut self, path: &Path) -> Result<(), Problem> {
        self.is_given = true;
        let name = path.display().to_string();
        let refuse = |why: String| {
            Problem::usage("could not read the trusted keys")
                .why(why)
                .so("no signature was checked")
                .hint("give an allowed_signers file, an OpenSSH public key, or a public key in PEM or DER")
        };
        let bytes = std::fs::read(path).map_err(|error| refuse(error.to_string()).at(&name))?;
        let text = match std::str::from_utf8(&bytes) {
            Ok(text) if !SpkiKey::looks_like_one(&bytes) => text,
            _ => {
                let key = SpkiKey::from_bytes(&bytes).map_err(|why| refuse(why).at(&name))?;
                self.spki.push((key, name));
                return Ok(());
            }
        };
        let mut is_empty = true;
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            is_empty = false;
            let allowed = read_line(line, &name).map_err(|why| refuse(why).at(format!("{name}:{}", number + 1)))?;
            self.ssh.extend(allowed);
        }
        if is_empty {
            return Err(refuse("it holds no key".to_owned()).at(&name));
        }
        Ok(())
    }

    /// Accepts SSH keys only under this name: one of the principals of a line of allowed_signers must match it.
    pub(crate) fn require(&mut self, identity: &str) {
        self.identity = Some(identity.to_owned());
    }

    /// As whom an SSH key is trusted; none if no SSH keys were given.
    pub(super) fn of_ssh(&self, key: &KeyData, at: DateTime<Utc>) -> Result<Option<String>, Broken> {
        if self.ssh.is_empty() {
            return Ok(None);
        }
        let fingerprint = ssh::fingerprint(key);
        let mut broken = Broken::WrongKey {
            fingerprint: fingerprint.clone(),
        };
        for allowed in self.ssh.iter().filter(|allowed| allowed.key == *key) {
            let other = self
                .identity
                .as_deref()
                .filter(|identity| !in_list(&allowed.name, identity));
            let other = other.map(|identity| {
                format!(
                    "it is the key of {}, not of {}",
                    one_line(&allowed.name),
                    one_line(identity)
                )
            });
            match other.or_else(|| allowed.limits.passed(self.purpose, at)) {
                None => return Ok(Some(allowed.name.clone())),
                Some(why) => {
                    broken = Broken::NotTrustedForThis {
                        fingerprint: fingerprint.clone(),
                        why,
                    };
                }
            }
        }
        Err(broken)
    }

    /// As whom a KMS key is trusted; none if no such keys were given.
    pub(super) fn of_spki(&self, key: &SpkiKey) -> Result<Option<String>, Broken> {
        match self.spki.iter().find(|(known, _)| known == key) {
            Some((_, name)) => Ok(Some(format!("the key in {name}"))),
            None if self.spki.is_empty() => Ok(None),
            None => Err(Broken::WrongKey {
                fingerprint: key.fingerprint(),
            }),
        }
    }
}

impl Limits {
    /// Which limit keeps the key from being trusted.
    fn passed(&self, purpose: Purpose, at: DateTime<Utc>) -> Option<String> {
        let time = |time: DateTime<Utc>| time.format("%Y-%m-%dT%H:%M:%SZ").to_string();
        if let Some(namespaces) = self
            .namespaces
            .as_deref()
            .filter(|list| !in_list(list, purpose.namespace()))
        {
            return Some(format!(
                "it may sign for the namespaces `{}` only",
                one_line(namespaces)
            ));
        }
        if let Some(after) = self.after.filter(|after| at < *after) {
            return Some(format!(
                "it was made at {}, and the key is valid from {}",
                time(at),
                time(after)
            ));
        }
        let before = self.before.filter(|before| at > *before)?;
        Some(format!(
            "it was made at {}, and the key was valid until {}",
            time(at),
            time(before)
        ))
    }

    fn read(text: &str) -> Result<Self, String> {
        let mut limits = Self::default();
        let mut in_quotes = false;
        let options = text.split(|character: char| {
            in_quotes ^= character == '"';
            !in_quotes && character == ','
        });
        for option in options {
            let (name, value) = option.split_once('=').unwrap_or((option, ""));
            let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
            let is_again = match (name.to_ascii_lowercase().as_str(), value) {
                ("namespaces", Some(list)) => limits.namespaces.replace(list.to_owned()).is_some(),
                ("valid-after", Some(text)) => limits.after.replace(time(text)?).is_some(),
                ("valid-before", Some(text)) => limits.before.replace(time(text)?).is_some(),
                ("cert-authority", _) => {
                    let why = "certificate authorities (`cert-authority`) are not supported; list the keys themselves";
                    return Err(why.to_owned());
                }
                ("namespaces" | "valid-after" | "valid-before", None) => {
                    return Err(format!("`{}` needs a value in double quotes", one_line(name)));
                }
                _ => return Err(format!("`{}` is neither an option nor a type of key", one_line(name))),
            };
            if is_again {
                return Err(format!("`{}` is there twice", one_line(name)));
            }
        }
        Ok(limits)
    }
}

/// One line: a public key alone, or principals, options and a key. None: a key of a kind that signs no evidence.
fn read_line(line: &str, file: &str) -> Result<Option<Allowed>, String> {
    let (first, after_first) = word(line)?;
    let mut limits = Limits::default();
    let (name, key) = if is_key_type(first) {
        (format!("the key in {file}"), line)
    } else {
        let (second, after_second) = word(after_first)?;
        let has_options = !is_key_type(second);
        if has_options {
            limits = Limits::read(second)?;
        }
        let key = if has_options { after_second } else { after_first };
        (first.trim_matches('"').to_owned(), key)
    };
    match word(key)?.0 {
        "ssh-ed25519" => {}
        kind if is_key_type(kind) => return Ok(None),
        kind => return Err(format!("`{}` is not a type of key", one_line(kind))),
    }
    let key = PublicKey::from_openssh(key).map_err(|error| format!("its key cannot be read: {error}"))?;
    Ok(Some(Allowed {
        key: key.key_data().clone(),
        name,
        limits,
    }))
}

fn is_key_type(word: &str) -> bool {
    ["ssh-", "ecdsa-", "sk-ssh-", "sk-ecdsa-"]
        .iter()
        .any(|prefix| word.starts_with(prefix))
        && !word.contains('=')
}

/// The first word, with white space inside double quotes, and what follows it.
fn word(text: &str) -> Result<(&str, &str), String> {
    let text = text.trim_start();
    let mut in_quotes = false;
    let end = text.find(|character: char| {
        in_quotes ^= character == '"';
        !in_quotes && (character == ' ' || character == '\t')
    });
    let (word, rest) = text.split_at(end.unwrap_or(text.len()));
    match (word.is_empty(), end, in_quotes) {
        (true, ..) => Err("the line ends too early".to_owned()),
        (_, None, true) => Err("a double quote is not closed".to_owned()),
        _ => Ok((word, rest.trim_start())),
    }
}

/// `YYYYMMDD[HHMM[SS]]`, in UTC with a `Z` at its end, else in local time, as ssh-keygen has it.
fn time(text: &str) -> Result<DateTime<Utc>, String> {
    let wrong = || {
        format!(
            "`{}` is not a time such as `20270101` or `20270101120000Z`",
            one_line(text)
        )
    };
    let (digits, is_utc) = text.strip_suffix('Z').map_or((text, false), |digits| (digits, true));
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong());
    }
    let naive = match digits.len() {
        8 => NaiveDate::parse_from_str(digits, "%Y%m%d").map(|date| date.and_time(NaiveTime::MIN)),
        12 => NaiveDateTime::parse_from_str(&format!("{digits}00"), "%Y%m%d%H%M%S"),
        14 => NaiveDateTime::parse_from_str(digits, "%Y%m%d%H%M%S"),
        _ => return Err(wrong()),
    }
    .map_err(|_| wrong())?;
    if is_utc {
        return Ok(naive.and_utc());
    }
    Local
        .from_local_datetime(&naive)
        .earliest()
        .map(|time| time.with_timezone(&Utc))
        .ok_or_else(wrong)
}

/// OpenSSH's pattern lists: parts between commas with `*` and `?`; one that begins with `!` excludes.
fn in_list(list: &str, name: &str) -> bool {
    let mut found = false;
    for part in list.split(',') {
        match part.strip_prefix('!') {
            Some(part) if matches(part.as_bytes(), name.as_bytes()) => return false,
            Some(_) => {}
            None => found |= matches(part.as_bytes(), name.as_bytes()),
        }
    }
    found
}

fn matches(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern, text) {
        ([], []) => true,
        ([b'*', rest @ ..], _) => (0..=text.len()).any(|start| matches(rest, &text[start..])),
        ([b'?', pattern @ ..], [_, text @ ..]) => matches(pattern, text),
        ([first, pattern @ ..], [other, text @ ..]) => first == other && matches(pattern, text),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti";

    fn load(text: &str) -> Result<Trust, Problem> {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), text).expect("written");
        let mut trust = Trust::none();
        trust.add(file.path()).map(|()| trust)
    }

    fn key() -> KeyData {
        PublicKey::from_openssh(KEY).expect("a key").key_data().clone()
    }

    fn at(text: &str) -> DateTime<Utc> {
        time(text).expect("a time")
    }

    #[test]
    fn lines_say_who_for_what_and_when() {
        for (line, trusted) in [
            (KEY.to_owned(), true),
            (format!("{KEY} comment with words"), true),
            (format!("a@b.c,d@e.f {KEY}"), true),
            (format!("\"a name\" {KEY} comment"), true),
            (format!("a@b.c namespaces=\"backproof\" {KEY}"), true),
            (format!("a@b.c namespaces=\"git,back*\" {KEY}"), true),
            (format!("a@b.c namespaces=\"backproo?\" {KEY}"), true),
            (format!("a@b.c namespaces=\"git\" {KEY}"), false),
            (format!("a@b.c namespaces=\"*,!backproof\" {KEY}"), false),
            (format!("a@b.c valid-after=\"20260101Z\" {KEY}"), true),
            (format!("a@b.c valid-after=\"20260702Z\" {KEY}"), false),
            (
                format!("a@b.c valid-before=\"202607010000Z\",valid-after=\"20260101\" {KEY}"),
                true,
            ),
            (format!("a@b.c VALID-BEFORE=\"20260630235959Z\" {KEY}"), false),
            (format!("a@b.c valid-before=\"20250101Z\" {KEY}\nd@e.f {KEY}"), true),
            (format!("# nobody\n\nx ssh-rsa AAAA\nd@e.f {KEY}"), true),
        ] {
            let trust = load(&line).unwrap_or_else(|problem| panic!("{line}: {problem}"));
            let found = trust.of_ssh(&key(), at("20260701Z"));
            assert_eq!(found.is_ok(), trusted, "{line}: {found:?}");
        }
        let trust = load(&format!("a@b.c,d@e.f {KEY}")).expect("trust");
        assert_eq!(trust.of_ssh(&key(), Utc::now()), Ok(Some("a@b.c,d@e.f".to_owned())));
    }

    #[test]
    fn limits_that_are_not_understood_are_refused_with_their_line() {
        for (line, why) in [
            (format!("a@b.c cert-authority {KEY}"), "cert-authority"),
            (format!("@revoked a@b.c {KEY}"), "`a@b.c` is neither"),
            (format!("a@b.c weekdays=\"1\" {KEY}"), "`weekdays` is neither"),
            (format!("a@b.c valid-after=20260101 {KEY}"), "double quotes"),
            (format!("a@b.c valid-after=\"2026\" {KEY}"), "not a time"),
            (format!("a@b.c valid-after=\"20261301Z\" {KEY}"), "not a time"),
            (format!("a@b.c namespaces=\"git {KEY}"), "not closed"),
            (
                format!("a@b.c valid-after=\"20250101\",valid-after=\"20240101\" {KEY}"),
                "twice",
            ),
            ("a@b.c ssh-ed25519 AAAA".to_owned(), "cannot be read"),
            ("a@b.c".to_owned(), "too early"),
            ("hello world this is no key".to_owned(), "neither"),
        ] {
            let problem = load(&format!("# first\n{line}\n")).expect_err(&line);
            assert!(problem.why.contains(why), "{line}: {}", problem.why);
            assert!(problem.location.ends_with(":2"), "{}", problem.location);
        }
        assert!(load("# nothing\n").expect_err("empty").why.contains("no key"));
    }

    #[test]
    fn one_of_several_can_be_required() {
        let file = format!("\"audit@b.c,lead@b.c\" {KEY}\n");
        for (identity, is_trusted) in [("audit@b.c", true), ("lead@b.c", true), ("x@b.c", false), ("", false)] {
            let mut trust = load(&file).expect("trust");
            trust.require(identity);
            let found = trust.of_ssh(&key(), Utc::now());
            assert_eq!(found.is_ok(), is_trusted, "{identity}: {found:?}");
        }
        let mut trust = load(&format!("*@b.c,!x@b.c {KEY}")).expect("trust");
        trust.require("x@b.c");
        assert!(trust.of_ssh(&key(), Utc::now()).is_err());
    }

    #[test]
    fn other_keys_are_other_keys() {
        let other = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAcEFRXq+TA4pHQWkVDlyXy8O9BeCQvBRz7oHMhO4Cxd";
        let trust = load(other).expect("trust");
        assert!(matches!(trust.of_ssh(&key(), Utc::now()), Err(Broken::WrongKey { .. })));
        // Trust in SSH keys says nothing of KMS keys, and no trust at all leaves it open.
        assert_eq!(Trust::none().of_ssh(&key(), Utc::now()), Ok(None));
    }
}
