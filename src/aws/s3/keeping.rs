//! How objects are to be kept: Object Lock, legal hold, the key that encrypts them.

use std::fmt;

use aws_sdk_s3::types::ObjectLockMode;
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};

use super::read::Found;
use super::{ObjectLockLegalHoldStatus, PutObjectFluentBuilder, SdkTime, ServerSideEncryption};
use crate::domain::Arn;
use crate::duration;
use crate::problem::{Problem, Problems};

/// How objects are to be kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keeping {
    lock: Option<Lock>,
    legal_hold: bool,
    kms_key: Option<String>,
}

/// A lock that S3 keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lock {
    /// Who may shorten it.
    pub mode: LockMode,
    /// Until when; whole seconds.
    pub until: DateTime<Utc>,
}

/// Who may shorten a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockMode {
    /// Whoever has the right s3:BypassGovernanceRetention.
    Governance,
    /// Nobody.
    Compliance,
}

impl LockMode {
    fn sdk(self) -> ObjectLockMode {
        match self {
            Self::Governance => ObjectLockMode::Governance,
            Self::Compliance => ObjectLockMode::Compliance,
        }
    }
}

impl fmt::Display for LockMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Governance => "governance",
            Self::Compliance => "compliance",
        })
    }
}

impl fmt::Display for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} until {}", self.mode, self.until.format("%Y-%m-%dT%H:%M:%SZ"))
    }
}

/// What was typed.
#[derive(Debug, Clone, Copy, Default)]
pub struct KeepingFlags<'a> {
    /// `--object-lock`.
    pub lock: Option<LockMode>,
    /// `--retain-for`.
    pub retain_for: Option<&'a str>,
    /// `--retain-until`.
    pub retain_until: Option<&'a str>,
    /// `--legal-hold`.
    pub legal_hold: bool,
    /// `--sse-kms-key`.
    pub kms_key: Option<&'a str>,
}

impl Keeping {
    /// What was typed, meant; `now` is where `--retain-for` begins.
    ///
    /// Errors: every mistake on the command line.
    pub fn new(asked: KeepingFlags<'_>, now: DateTime<Utc>) -> Result<Self, Problems> {
        let mut problems = Vec::new();
        let mut refuse = |what: String, flag: &str, hint: &str| {
            let problem = Problem::usage(what).at(format!("`{flag}`")).hint(hint);
            problems.push(problem.so("nothing was read from AWS"));
        };
        let until = match (asked.retain_for, asked.retain_until) {
            (Some(_), Some(_)) => {
                let hint = "give one of the two";
                refuse("two ends of the retention were given".to_owned(), "--retain-for", hint);
                None
            }
            (Some(text), None) => duration::parse(text)
                .map(|length| now + length)
                .map_err(|why| refuse(why, "--retain-for", "write it like `7y` or `400d`"))
                .ok(),
            (None, Some(text)) => end_of_day(text).or_else(|| {
                let what = format!("`{text}` is not a date");
                refuse(what, "--retain-until", "write a day, like `2033-12-31`");
                None
            }),
            (None, None) => None,
        };
        match (asked.lock, asked.retain_for.or(asked.retain_until)) {
            (Some(_), None) => {
                let hint = "add `--retain-for 7y` or `--retain-until 2033-12-31`";
                refuse("the lock has no end".to_owned(), "--object-lock", hint);
            }
            (None, Some(_)) => {
                let hint = "add `--object-lock compliance` or `--object-lock governance`";
                refuse("a retention needs a lock".to_owned(), "--retain-for", hint);
            }
            _ => {}
        }
        if until.is_some_and(|until| until <= now) {
            refuse(
                "the retention ends in the past".to_owned(),
                "--retain-until",
                "write a later day",
            );
        }
        let is_key = |arn: &str| Arn::parse(arn).is_some_and(|arn| arn.service == "kms");
        if asked.kms_key.is_some_and(|arn| !is_key(arn)) {
            let hint = "write it like `arn:aws:kms:eu-west-1:111122223333:key/…`";
            refuse("this is not the ARN of a KMS key".to_owned(), "--sse-kms-key", hint);
        }
        if !problems.is_empty() {
            return Err(Problems(problems));
        }
        let whole = |until: DateTime<Utc>| DateTime::from_timestamp(until.timestamp(), 0).unwrap_or(until);
        Ok(Self {
            lock: asked.lock.zip(until).map(|(mode, until)| Lock {
                mode,
                until: whole(until),
            }),
            legal_hold: asked.legal_hold,
            kms_key: asked.kms_key.map(str::to_owned),
        })
    }

    /// True if nothing was asked for.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// True if the bucket must have Object Lock.
    pub(super) fn locks(&self) -> bool {
        self.lock.is_some() || self.legal_hold
    }

    /// Adds to a put what it asks for.
    pub(super) fn ask(&self, mut request: PutObjectFluentBuilder) -> PutObjectFluentBuilder {
        if let Some(lock) = self.lock {
            request = request
                .object_lock_mode(lock.mode.sdk())
                .object_lock_retain_until_date(SdkTime::from_secs(lock.until.timestamp()));
        }
        if self.legal_hold {
            request = request.object_lock_legal_hold_status(ObjectLockLegalHoldStatus::On);
        }
        if let Some(key) = &self.kms_key {
            request = request
                .server_side_encryption(ServerSideEncryption::AwsKms)
                .ssekms_key_id(key);
        }
        request
    }

    /// Is an object kept as asked?
    pub(super) fn check(&self, found: &Found) -> Result<(), String> {
        match (self.lock, found.lock) {
            (Some(_), None) => {
                return Err(
                    "S3 does not say how the object is locked; allow s3:GetObjectRetention, without which it is silent"
                        .to_owned(),
                );
            }
            (Some(asked), Some(found)) if asked != found => {
                return Err(format!(
                    "the object is locked otherwise than asked: {found}, not {asked}"
                ));
            }
            _ => {}
        }
        if self.legal_hold && !found.legal_hold {
            return Err(
                "S3 does not say that the object is under a legal hold; allow s3:GetObjectLegalHold, without which it is silent"
                    .to_owned(),
            );
        }
        match (&self.kms_key, &found.kms_key) {
            (None, _) => Ok(()),
            // An alias is answered with the ARN of its key.
            (Some(asked), Some(found)) if asked == found || asked.contains(":alias/") => Ok(()),
            (Some(asked), found) => Err(format!(
                "the object is not encrypted with {asked} but with {}",
                found.as_deref().unwrap_or("a key of S3")
            )),
        }
    }
}

/// The last second of a day.
fn end_of_day(text: &str) -> Option<DateTime<Utc>> {
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    if date.to_string() != text {
        return None;
    }
    Some(date.and_time(NaiveTime::from_hms_opt(23, 59, 59)?).and_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keeping(asked: KeepingFlags<'_>) -> Result<Keeping, Problems> {
        Keeping::new(asked, DateTime::UNIX_EPOCH)
    }

    #[test]
    fn locks_end_when_asked() {
        let asked = KeepingFlags {
            lock: Some(LockMode::Compliance),
            ..KeepingFlags::default()
        };
        for (more, until) in [
            (
                KeepingFlags {
                    retain_for: Some("7y"),
                    ..asked
                },
                "compliance until 1977-01-01T00:00:00Z",
            ),
            (
                KeepingFlags {
                    retain_until: Some("2033-12-31"),
                    ..asked
                },
                "compliance until 2033-12-31T23:59:59Z",
            ),
        ] {
            let lock = keeping(more).expect("right").lock.expect("a lock");
            assert_eq!(lock.to_string(), until);
        }
        assert!(keeping(KeepingFlags::default()).expect("nothing asked").is_default());
    }

    #[test]
    fn mistakes_are_all_named() {
        let lock = Some(LockMode::Governance);
        let asked = KeepingFlags::default();
        for (asked, whats) in [
            (KeepingFlags { lock, ..asked }, vec!["no end"]),
            (
                KeepingFlags {
                    retain_for: Some("7y"),
                    ..asked
                },
                vec!["needs a lock"],
            ),
            (
                KeepingFlags {
                    lock,
                    retain_for: Some("long"),
                    ..asked
                },
                vec!["not a whole number"],
            ),
            (
                KeepingFlags {
                    lock,
                    retain_until: Some("2033-2-1"),
                    ..asked
                },
                vec!["not a date"],
            ),
            (
                KeepingFlags {
                    lock,
                    retain_until: Some("1969-12-31"),
                    ..asked
                },
                vec!["in the past"],
            ),
            (
                KeepingFlags {
                    lock,
                    retain_for: Some("7y"),
                    retain_until: Some("2033-12-31"),
                    ..asked
                },
                vec!["two ends"],
            ),
            (
                KeepingFlags {
                    lock,
                    kms_key: Some("alias/x"),
                    ..asked
                },
                vec!["no end", "not the ARN"],
            ),
        ] {
            let problems = keeping(asked).expect_err("mistakes").0;
            assert_eq!(problems.len(), whats.len(), "{problems:?}");
            for (problem, what) in problems.iter().zip(whats) {
                assert!(problem.what.contains(what), "{problem}");
            }
        }
    }
}
