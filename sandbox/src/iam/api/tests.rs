//! Roles as clients make and take them, and what AWS Backup says of them.

use super::*;
use crate::backup::engine;
use crate::testing;

const ACCOUNT: &str = "111122223333";
const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"backup.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;

fn send(cloud: &mut Cloud, parameters: &[(&str, &str)]) -> Result<String, ApiError> {
    let encode =
        |text: &str| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string();
    let body: Vec<String> = parameters
        .iter()
        .map(|(name, value)| format!("{name}={}", encode(value)))
        .collect();
    let call = Call {
        body: body.join("&").into(),
        ..testing::call(Service::Iam, ACCOUNT, "us-east-1")
    };
    let operation = route(cloud, &call)?;
    let reply = handle(cloud, &call, &operation)?;
    Ok(String::from_utf8(reply.body.to_vec()).unwrap())
}

fn code(cloud: &mut Cloud, parameters: &[(&str, &str)]) -> String {
    send(cloud, parameters).unwrap_err().code
}

#[test]
fn a_role_from_its_creation_to_its_end() {
    let mut cloud = testing::cloud();
    let make = [
        ("Action", "CreateRole"),
        ("RoleName", "Backups"),
        ("Path", "/team/"),
        ("AssumeRolePolicyDocument", TRUST),
        ("Tags.member.1.Key", "backproof:plan"),
        ("Tags.member.1.Value", "42 & more"),
    ];
    let made = send(&mut cloud, &make).unwrap();
    assert!(
        made.contains("<Arn>arn:aws:iam::111122223333:role/team/Backups</Arn>"),
        "{made}"
    );
    assert!(made.contains("<Value>42 &amp; more</Value>"), "{made}");
    assert!(made.contains("<AssumeRolePolicyDocument>%7B%22Version%22"), "{made}");
    assert_eq!(code(&mut cloud, &make), "EntityAlreadyExists");
    let policy = "arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForBackup";
    let attach = [
        ("Action", "AttachRolePolicy"),
        ("RoleName", "backups"),
        ("PolicyArn", policy),
    ];
    send(&mut cloud, &attach).unwrap();
    send(&mut cloud, &attach).unwrap();
    let list = [("Action", "ListAttachedRolePolicies"), ("RoleName", "Backups")];
    let listed = send(&mut cloud, &list).unwrap();
    assert_eq!(listed.matches("<member>").count(), 1, "{listed}");
    let delete = [("Action", "DeleteRole"), ("RoleName", "Backups")];
    assert_eq!(code(&mut cloud, &delete), "DeleteConflict");
    let detach = [
        ("Action", "DetachRolePolicy"),
        ("RoleName", "Backups"),
        ("PolicyArn", policy),
    ];
    send(&mut cloud, &detach).unwrap();
    assert_eq!(code(&mut cloud, &detach), "NoSuchEntity");
    let tag = [
        ("Action", "TagRole"),
        ("RoleName", "Backups"),
        ("Tags.member.1.Key", "a"),
        ("Tags.member.1.Value", "b"),
    ];
    send(&mut cloud, &tag).unwrap();
    let get = [("Action", "GetRole"), ("RoleName", "Backups")];
    assert_eq!(send(&mut cloud, &get).unwrap().matches("<Key>").count(), 2);
    send(&mut cloud, &delete).unwrap();
    assert_eq!(code(&mut cloud, &get), "NoSuchEntity");
    assert!(!cloud.knows_role("arn:aws:iam::111122223333:role/team/Backups"));
}

#[test]
fn refusals() {
    let mut cloud = testing::cloud();
    let create = |name: &'static str, path: &'static str, trust: &'static str| {
        [
            ("Action", "CreateRole"),
            ("RoleName", name),
            ("Path", path),
            ("AssumeRolePolicyDocument", trust),
        ]
    };
    for (parameters, expected) in [
        (create("a b", "/", TRUST), "ValidationError"),
        (create("a", "team", TRUST), "ValidationError"),
        (create("a", "/", "{"), "MalformedPolicyDocument"),
        (create("a", "/", "{}"), "MalformedPolicyDocument"),
        (
            create("AWSBackupDefaultServiceRole", "/service-role/", TRUST),
            "EntityAlreadyExists",
        ),
    ] {
        assert_eq!(code(&mut cloud, &parameters), expected, "{parameters:?}");
    }
    let attach = |policy: &'static str| {
        [
            ("Action", "AttachRolePolicy"),
            ("RoleName", "AWSBackupDefaultServiceRole"),
            ("PolicyArn", policy),
        ]
    };
    assert_eq!(code(&mut cloud, &attach("Backup")), "ValidationError");
    assert_eq!(
        code(&mut cloud, &attach("arn:aws:iam::aws:policy/NoSuch")),
        "NoSuchEntity"
    );
    assert_eq!(code(&mut cloud, &[("Action", "CreateUser")]), "InvalidAction");
    assert_eq!(code(&mut cloud, &[("Action", "GetRole")]), "ValidationError");
}

#[test]
fn what_backup_may_do_with_a_role() {
    use crate::iam::state::{Trouble, Work};
    let mut cloud = testing::cloud();
    let arn = "arn:aws:iam::111122223333:role/service-role/AWSBackupDefaultServiceRole";
    assert_eq!(cloud.role_trouble(arn, Work::Select), None);
    for path in ["ForBackup", "ForRestores"] {
        let policy = format!("arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicy{path}");
        let detach = [
            ("Action", "DetachRolePolicy"),
            ("RoleName", "AWSBackupDefaultServiceRole"),
            ("PolicyArn", &policy),
        ];
        send(&mut cloud, &detach).unwrap();
        assert_eq!(cloud.role_trouble(arn, Work::Backup), Some(Trouble::Powerless));
        let restore = (path == "ForRestores").then_some(Trouble::Powerless);
        assert_eq!(cloud.role_trouble(arn, Work::Restore), restore);
    }
    send(
        &mut cloud,
        &[("Action", "DeleteRole"), ("RoleName", "AWSBackupDefaultServiceRole")],
    )
    .unwrap();
    assert_eq!(cloud.role_trouble(arn, Work::Select), Some(Trouble::Missing));
    cloud.iam.propagation_seconds = 10;
    let create = |trust: &'static str| {
        [
            ("Action", "CreateRole"),
            ("RoleName", "AWSBackupDefaultServiceRole"),
            ("Path", "/service-role/"),
            ("AssumeRolePolicyDocument", trust),
        ]
    };
    send(&mut cloud, &create(TRUST)).unwrap();
    assert_eq!(cloud.role_trouble(arn, Work::Select), Some(Trouble::Missing), "too new");
    cloud.clock.advance(chrono::TimeDelta::seconds(10));
    let now = cloud.now();
    engine::advance(&mut cloud, now);
    assert_eq!(cloud.role_trouble(arn, Work::Select), Some(Trouble::Powerless));
    let pathless = "arn:aws:iam::111122223333:role/AWSBackupDefaultServiceRole";
    assert_eq!(cloud.role_trouble(pathless, Work::Select), Some(Trouble::Missing));
    send(
        &mut cloud,
        &[("Action", "DeleteRole"), ("RoleName", "AWSBackupDefaultServiceRole")],
    )
    .unwrap();
    let other =
        r#"{"Statement":{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}}"#;
    send(&mut cloud, &create(other)).unwrap();
    cloud.clock.advance(chrono::TimeDelta::seconds(10));
    assert_eq!(cloud.role_trouble(arn, Work::Select), Some(Trouble::Untrusted));
}
