//! The KMS keys behind `aws:kms` encryption.
//!
//! In: what a header or a bucket's default names. Out: the key's ARN, or the refusal that S3 passes on from KMS. A key of an
//! account outside the world is taken to be usable: its policy is unknown here.

use chrono::{DateTime, Utc};

use crate::cloud::Cloud;
use crate::kms::state::{Key, KeyState};
use crate::s3::refusal::Refusal;
use crate::s3::state::{Bucket, Object};

/// The ARN of the key that is to encrypt an object; without a name, the account's AWS managed key of S3.
pub(super) fn resolve(cloud: &Cloud, bucket: &Bucket, name: Option<&str>) -> Result<String, Refusal> {
    let Some(name) = name else {
        let place = cloud.places.get(&(bucket.account.clone(), bucket.region.clone()));
        return Ok(place.map(|place| place.kms.managed_key("s3")).unwrap_or_default());
    };
    let (account, region) = match place_of(name) {
        None => (bucket.account.as_str(), bucket.region.as_str()),
        Some((_, region)) if region != bucket.region => return Err(not_found(format!("Invalid arn {region}"))),
        Some((account, _)) if !cloud.accounts.contains_key(account) => return Ok(name.to_owned()),
        Some((account, region)) => (account, region),
    };
    let place = cloud.places.get(&(account.to_owned(), region.to_owned()));
    let key = place
        .and_then(|place| place.kms.find(name))
        .ok_or_else(|| not_found(format!("Key '{name}' does not exist")))?;
    check_state(key, cloud.now())?;
    Ok(key.arn.clone())
}

/// Refuses to read an object whose key no longer decrypts.
pub(super) fn usable(cloud: &Cloud, object: &Object) -> Result<(), Refusal> {
    let Some(arn) = &object.encryption.key else {
        return Ok(());
    };
    let place = place_of(arn).and_then(|(account, region)| cloud.places.get(&(account.to_owned(), region.to_owned())));
    place
        .and_then(|place| place.kms.find(arn))
        .map_or(Ok(()), |key| check_state(key, cloud.now()))
}

/// Account and Region of a key's ARN; None: the name is an id or an alias.
fn place_of(name: &str) -> Option<(&str, &str)> {
    let mut parts = name.strip_prefix("arn:")?.split(':').skip(2);
    let region = parts.next()?;
    Some((parts.next()?, region))
}

fn check_state(key: &Key, now: DateTime<Utc>) -> Result<(), Refusal> {
    match key.state(now) {
        KeyState::Enabled => Ok(()),
        KeyState::Disabled => Err(Refusal::new(
            400,
            "KMS.DisabledException",
            format!("{} is disabled.", key.arn),
        )),
        KeyState::PendingDeletion => Err(Refusal::new(
            400,
            "KMS.KMSInvalidStateException",
            format!("{} is pending deletion.", key.arn),
        )),
    }
}

fn not_found(message: String) -> Refusal {
    Refusal::new(400, "KMS.NotFoundException", message)
}

#[cfg(test)]
mod tests {
    use crate::kms::state::{KeyState, Manager};
    use crate::s3::testing::Client;

    #[test]
    fn objects_name_the_key_that_encrypts_them() {
        let mut client = Client::with_bucket(&[]);
        let now = client.cloud.now();
        let mut ids = client.cloud.ids.clone();
        let kms = &mut client.cloud.place_mut("111122223333", "us-east-1").kms;
        let arn = kms.create(Manager::Customer, "evidence", now, &mut ids);
        kms.name("evidence", &arn);
        let kms = ("x-amz-server-side-encryption", "aws:kms");
        let name = "x-amz-server-side-encryption-aws-kms-key-id";
        for given in [arn.as_str(), "alias/evidence", arn.rsplit('/').next().expect("an id")] {
            let put = client.send("PUT", "/box/k", &[kms, (name, given)], "hello");
            assert_eq!((put.status, put.header(name)), (200, Some(arn.as_str())), "{put:?}");
            assert_ne!(
                put.header("etag"),
                Some("\"5d41402abc4b2a76b9719d911017c592\""),
                "an ETag under KMS is no MD5"
            );
        }
        let head = client.ask("HEAD", "/box/k");
        assert_eq!(
            (head.header("x-amz-server-side-encryption"), head.header(name)),
            (Some("aws:kms"), Some(arn.as_str()))
        );
        for (given, code) in [
            ("alias/none", "KMS.NotFoundException"),
            ("arn:aws:kms:eu-west-1:111122223333:key/x", "KMS.NotFoundException"),
            ("arn:aws:kms:us-east-1:111122223333:key/x", "KMS.NotFoundException"),
        ] {
            assert_eq!(
                client.send("PUT", "/box/k", &[kms, (name, given)], "").error(),
                (400, code),
                "{given}"
            );
        }
        let foreign = "arn:aws:kms:us-east-1:999999999999:key/x";
        assert_eq!(
            client
                .send("PUT", "/box/foreign", &[kms, (name, foreign)], "")
                .header(name),
            Some(foreign)
        );
        assert_eq!(
            client.send("PUT", "/box/k", &[(name, &arn)], "").error(),
            (400, "InvalidArgument")
        );
        assert_eq!(
            client
                .send("PUT", "/box/k", &[("x-amz-server-side-encryption", "rot13")], "")
                .error(),
            (400, "InvalidArgument")
        );
        for (state, code) in [
            (KeyState::Disabled, "KMS.DisabledException"),
            (KeyState::PendingDeletion, "KMS.KMSInvalidStateException"),
        ] {
            let kms_state = &mut client.cloud.place_mut("111122223333", "us-east-1").kms;
            kms_state.find_mut(&arn).expect("the key").change(now, state);
            assert_eq!(client.ask("GET", "/box/k").error(), (400, code));
            assert_eq!(
                client.send("PUT", "/box/k", &[kms, (name, &arn)], "").error(),
                (400, code)
            );
        }
    }

    #[test]
    fn without_a_key_the_managed_one_encrypts() {
        let mut client = Client::with_bucket(&[]);
        let put = client.send("PUT", "/box/k", &[("x-amz-server-side-encryption", "aws:kms")], "");
        let key = put
            .header("x-amz-server-side-encryption-aws-kms-key-id")
            .expect("a key");
        assert!(key.starts_with("arn:aws:kms:us-east-1:111122223333:key/"), "{key}");
        let default = "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>aws:kms</SSEAlgorithm>\
            <KMSMasterKeyID>alias/none</KMSMasterKeyID></ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>";
        assert_eq!(client.send("PUT", "/box?encryption", &[], default).status, 200);
        assert_eq!(
            client.send("PUT", "/box/k", &[], "").error(),
            (400, "KMS.NotFoundException")
        );
    }
}
