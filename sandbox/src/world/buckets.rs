//! Buckets of the world file.
//!
//! In: one `[[bucket]]` section. Out: the bucket, once the world is built. Mistakes go to the reader's list.

use backproof_toml_reader::Section;
use chrono::{DateTime, Utc};

use super::known::Known;
use super::values::{choice, count};
use crate::cloud::Cloud;
use crate::s3::limits::check_name;
use crate::s3::state::{Bucket, DefaultRetention, Encryption, LockMode, LockSettings, Period, Versioning};

/// A `[[bucket]]`: `name`, `account`, `region`, `versioning` (false), `object-lock` (false), `lock` = `"governance"` or
/// `"compliance"` with `lock-days` for the default retention (either turns Object Lock on, and Object Lock turns versioning on),
/// `key` = name, id, ARN or alias of a key for a default encryption by KMS, `"aws-managed"` for the key of S3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BucketSpec {
    pub(crate) name: String,
    pub(crate) account: String,
    pub(crate) region: String,
    versioning: bool,
    lock: Option<LockSettings>,
    key: Option<String>,
}

/// Reads `[[bucket]]`: names are one namespace for all accounts.
pub(super) fn read(root: &Section<'_>, known: &Known) -> Vec<BucketSpec> {
    let mut buckets: Vec<BucketSpec> = Vec::new();
    for section in root.sections("bucket") {
        let bucket = read_one(&section);
        known.place(&section);
        section.finish();
        let Some(bucket) = bucket else {
            continue;
        };
        if buckets.iter().any(|other| other.name == bucket.name) {
            section.note_at("name", format!("bucket `{}` is there twice", bucket.name), "");
        }
        buckets.push(bucket);
    }
    buckets
}

/// Reads a bucket; none if it has no name, account or Region.
fn read_one(section: &Section<'_>) -> Option<BucketSpec> {
    let (name, account, region) = (
        section.needed("name"),
        section.needed("account"),
        section.needed("region"),
    );
    let versioning = section.boolean("versioning").unwrap_or(false);
    let locked = section.boolean("object-lock").unwrap_or(false);
    let mode = choice(
        section,
        "lock",
        &[
            ("governance", LockMode::Governance),
            ("compliance", LockMode::Compliance),
        ],
    );
    let days = count(section, "lock-days");
    let key = section.text("key");
    if section.has("lock") != section.has("lock-days") {
        section.note_at("lock", "`lock` and `lock-days` of a bucket belong together", "");
    }
    let days = days.and_then(|days| {
        u32::try_from(days)
            .ok()
            .filter(|days| (1..=36_500).contains(days))
            .or_else(|| {
                section.note_at("lock-days", "`lock-days` lies between 1 and 36500", "");
                None
            })
    });
    let default = mode.zip(days).map(|(mode, days)| DefaultRetention {
        mode,
        period: Period::Days(days),
    });
    if let Some(name) = name.as_deref().filter(|name| check_name(name).is_err()) {
        let hint = "3 to 63 lower-case letters, digits, dots and hyphens";
        section.note_at("name", format!("`{name}` cannot be the name of a bucket"), hint);
    }
    let lock = (locked || default.is_some()).then_some(LockSettings { default });
    Some(BucketSpec {
        name: name?,
        account: account?,
        region: region?,
        versioning,
        lock,
        key,
    })
}

impl BucketSpec {
    /// Makes the bucket; false if the name is taken.
    pub(crate) fn build(&self, cloud: &mut Cloud, at: DateTime<Utc>) -> bool {
        if cloud.s3.buckets.contains_key(&self.name) {
            return false;
        }
        let mut bucket = Bucket::new(&self.name, &self.account, &self.region, at);
        if self.versioning || self.lock.is_some() {
            bucket.versioning = Versioning::Enabled;
        }
        bucket.lock.clone_from(&self.lock);
        let kms = &cloud.place_mut(&self.account, &self.region).kms;
        if let Some(key) = &self.key {
            // Keys of the world file have an alias of their name.
            let known = kms.find(&format!("alias/{key}")).map(|known| known.arn.clone());
            let key = Some(known.unwrap_or_else(|| key.clone())).filter(|key| key != "aws-managed");
            bucket.encryption = Encryption {
                algorithm: "aws:kms".to_owned(),
                key,
                bucket_key: true,
            };
        }
        cloud.s3.buckets.insert(self.name.clone(), bucket);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::s3::testing::Client;

    fn read(text: &str) -> (Option<BucketSpec>, Vec<String>) {
        let (spec, mistakes) = backproof_toml_reader::read("world.toml", text, read_one);
        (spec.flatten(), mistakes.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_bucket_of_the_world_answers_as_told() {
        let (spec, problems) = read(
            "name = \"evidence\"\naccount = \"111122223333\"\nregion = \"us-east-1\"\nlock = \"compliance\"\nlock-days = 30\nkey = \"aws-managed\"",
        );
        assert_eq!(problems, Vec::<String>::new());
        let spec = spec.expect("a bucket");
        let mut client = Client::new();
        let now = client.cloud.now();
        assert!(spec.build(&mut client.cloud, now));
        assert!(!spec.build(&mut client.cloud, now), "the name is taken");
        assert_eq!(
            client.ask("GET", "/evidence?versioning").text("Status"),
            Some("Enabled")
        );
        assert_eq!(client.ask("GET", "/evidence?object-lock").text("Days"), Some("30"));
        let put = client.send("PUT", "/evidence/k", &[], "hello");
        assert_eq!(
            (put.status, put.header("x-amz-server-side-encryption")),
            (200, Some("aws:kms"))
        );
        assert_eq!(
            client.ask("HEAD", "/evidence/k").header("x-amz-object-lock-mode"),
            Some("COMPLIANCE")
        );
    }

    #[test]
    fn a_key_of_the_world_is_known_by_its_name() {
        let (spec, _) = read("name = \"evidence\"\naccount = \"111122223333\"\nregion = \"us-east-1\"\nkey = \"seal\"");
        let mut client = Client::new();
        let (now, mut ids) = (client.cloud.now(), client.cloud.ids.clone());
        let kms = &mut client.cloud.place_mut("111122223333", "us-east-1").kms;
        let arn = kms.create(crate::kms::state::Manager::Customer, "", now, &mut ids);
        kms.name("seal", &arn);
        assert!(spec.expect("a bucket").build(&mut client.cloud, now));
        assert_eq!(
            client.ask("GET", "/evidence?encryption").text("KMSMasterKeyID"),
            Some(arn.as_str())
        );
    }

    #[test]
    fn every_mistake_is_named_with_its_line() {
        let (spec, problems) = read("name = \"Evidence\"\nregion = \"us-east-1\"\nlock = \"iron\"\nversionning = true");
        assert_eq!(spec, None);
        for told in [
            "world.toml:1: `Evidence` cannot be",
            "world.toml:1: `account` is missing",
            "world.toml:3: `lock` is `iron`",
            "world.toml:4: `versionning` is not a setting",
        ] {
            assert!(
                problems.iter().any(|problem| problem.starts_with(told)),
                "{told}: {problems:?}"
            );
        }
    }
}
