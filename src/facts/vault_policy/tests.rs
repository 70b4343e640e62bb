use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const VAULT: &str = "arn:aws:backup:eu-west-1:111122223333:backup-vault:ledger";

fn judged(statements: Value) -> DeletionVerdict {
    let policy = json!({"Version": "2012-10-17", "Statement": statements});
    manual_deletion(Some(&policy.to_string()), VAULT)
}

/// A Deny of all three for everybody, with some members changed, and of deleting the policy.
fn deny(changes: Value) -> Value {
    let all = [ACTIONS.as_slice(), &[POLICY_DELETION]].concat();
    let mut statement = json!({"Effect": "Deny", "Principal": "*", "Action": all, "Resource": "*"});
    for (key, value) in changes.as_object().expect("an object") {
        statement[key] = value.clone();
    }
    statement
}

fn without(key: &str, changes: Value) -> Value {
    let mut statement = deny(changes);
    statement.as_object_mut().expect("an object").remove(key);
    statement
}

#[test]
fn one_statement_for_everybody_denies() {
    for changes in [
        json!({}),
        json!({"Principal": {"AWS": "*"}}),
        json!({"Principal": {"AWS": ["*"]}}),
        json!({"Resource": ["*"]}),
        json!({"Action": "*"}),
        json!({"Action": "backup:*"}),
        json!({"Action": ["BACKUP:deleterecoverypoint", "backup:Update*", "backup:PutBackupVault?ccessPolicy", "backup:DeleteBackupVault*"]}),
        json!({"Action": ["backup:*Recovery*", "backup:*BackupVaultAccessPolicy"]}),
        json!({"Condition": {}}),
        json!({"Condition": null}),
    ] {
        let verdict = judged(json!([deny(changes.clone())]));
        assert_eq!(verdict.answer, Some(true), "{changes}: {}", verdict.reason);
        assert!(verdict.exempt_principals.is_empty());
    }
    let by_exception = without(
        "Action",
        json!({"NotAction": ["backup:StartBackupJob", "backup:CopyIntoBackupVault"]}),
    );
    assert_eq!(judged(json!([by_exception])).answer, Some(true));
    // One statement instead of a list.
    assert_eq!(judged(deny(json!({}))).answer, Some(true));
}

#[test]
fn a_policy_that_may_be_deleted_denies_nothing_for_long() {
    let keeper = |changes: Value| {
        let mut statement = deny(changes);
        statement["Action"] = json!(POLICY_DELETION);
        statement
    };
    let three = || deny(json!({"Action": ACTIONS}));
    let open = judged(json!([three()]));
    assert_eq!(open.answer, Some(false));
    assert!(
        open.reason
            .contains("backup:DeleteBackupVaultAccessPolicy is not denied"),
        "{}",
        open.reason
    );
    assert_eq!(judged(json!([three(), keeper(json!({}))])).answer, Some(true));
    let some = json!({"Condition": {"ArnNotEquals": {"aws:PrincipalArn": "arn:aws:iam::111122223333:role/b"}}});
    let exempt = judged(json!([three(), keeper(some)]));
    assert_eq!((exempt.answer, exempt.exempt_principals.len()), (Some(true), 1));
    let doubtful = json!({"Condition": {"Bool": {"aws:MultiFactorAuthPresent": "false"}}});
    assert_eq!(judged(json!([three(), keeper(doubtful)])).answer, None);
    let narrow = json!({"Principal": {"AWS": "arn:aws:iam::111122223333:root"}});
    assert_eq!(judged(json!([three(), keeper(narrow)])).answer, Some(false));
}

#[test]
fn exempt_principals_are_listed() {
    let role = "arn:aws:iam::111122223333:role/BreakGlass";
    for condition in [
        json!({"ArnNotEquals": {"aws:PrincipalArn": [role]}}),
        json!({"arnnotlike": {"AWS:principalarn": role}}),
        json!({"StringNotEquals": {"aws:PrincipalArn": role}}),
        json!({"StringNotLike": {"aws:userId": role}}),
        json!({"StringNotLike": {"aws:PrincipalArn": role}}),
    ] {
        let verdict = judged(json!([deny(json!({"Condition": condition}))]));
        assert_eq!(verdict.answer, Some(true), "{condition}");
        assert_eq!(verdict.exempt_principals, [role]);
    }
    let both = json!({"ArnNotLike": {"aws:PrincipalArn": ["arn:aws:iam::111122223333:role/b*", "arn:aws:iam::111122223333:role/a"]}, "StringNotEquals": {"aws:userId": "AIDA1"}});
    let verdict = judged(json!([deny(json!({"Condition": both}))]));
    assert_eq!(verdict.exempt_principals.len(), 3);
    assert!(verdict.exempt_principals.is_sorted());
}

#[test]
fn a_pattern_that_names_somebody_is_told_from_one_that_takes_everybody() {
    let account = "arn:aws:iam::111122223333";
    for (operator, key, pattern, answer) in [
        // What AWS's own samples exempt: one role, in whatever session.
        ("StringNotLike", "aws:userId", "AROAEXAMPLEID:*".to_owned(), true),
        ("StringNotLike", "aws:userId", "AIDAEXAMPLEID".to_owned(), true),
        (
            "ArnNotLike",
            "aws:PrincipalArn",
            format!("{account}:role/break-*"),
            true,
        ),
        (
            "ArnNotLike",
            "aws:PrincipalArn",
            format!("{account}:role/teams/*"),
            true,
        ),
        ("ArnNotLike", "aws:PrincipalArn", format!("{account}:root"), true),
        (
            "ArnNotLike",
            "aws:PrincipalArn",
            "arn:aws:iam::*:role/BreakGlass".to_owned(),
            true,
        ),
        // Not a Like: a star is a star.
        ("StringNotEquals", "aws:PrincipalArn", "*".to_owned(), true),
        ("StringNotLike", "aws:userId", "*".to_owned(), false),
        ("StringNotLike", "aws:userId", "AROA*".to_owned(), false),
        ("StringNotLike", "aws:userId", "*:admin".to_owned(), false),
        ("StringNotLike", "aws:PrincipalArn", "arn:*".to_owned(), false),
        ("StringNotLike", "aws:PrincipalArn", "arn:aws*".to_owned(), false),
        ("StringNotLike", "aws:PrincipalArn", format!("{account}:*"), false),
        ("ArnNotLike", "aws:PrincipalArn", format!("{account}:us?r/*"), false),
        ("ArnNotLike", "aws:PrincipalArn", format!("{account}:role/**"), false),
        (
            "ArnNotLike",
            "aws:PrincipalArn",
            "arn:aws-cn:iam::*:user/*".to_owned(),
            false,
        ),
    ] {
        let verdict = judged(json!([deny(json!({"Condition": {operator: {key: pattern}}}))]));
        assert_eq!(
            verdict.answer,
            Some(answer),
            "{operator} {key} {pattern}: {}",
            verdict.reason
        );
    }
}

#[test]
fn what_is_missing_is_named() {
    for (statements, answer, reason) in [
        (json!([]), Some(false), "no statement denies deletion to everybody"),
        (
            json!([{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"}, "Action": "backup:*", "Resource": "*"}]),
            Some(false),
            "no statement denies deletion to everybody",
        ),
        // The sample of AWS's own guide.
        (
            json!([deny(json!({"Sid": "guide", "Action": "backup:DeleteRecoveryPoint"}))]),
            Some(false),
            "statement `guide` does not deny backup:UpdateRecoveryPointLifecycle and backup:PutBackupVaultAccessPolicy",
        ),
        // AWS's own vault for file systems.
        (
            json!([deny(
                json!({"Principal": {"AWS": "*"}, "Action": ["backup:DeleteBackupVault", "backup:DeleteBackupVaultAccessPolicy", "backup:DeleteRecoveryPoint", "backup:StartCopyJob", "backup:StartRestoreJob", "backup:UpdateRecoveryPointLifecycle"]})
            )]),
            Some(false),
            "statement 1 does not deny backup:PutBackupVaultAccessPolicy",
        ),
        (
            json!([deny(json!({"Principal": {"AWS": "arn:aws:iam::111122223333:user/a"}}))]),
            Some(false),
            "statement 1 denies to some principals only",
        ),
        (
            json!([deny(json!({"Resource": VAULT}))]),
            Some(false),
            "statement 1 is about the vault alone, and its recovery points are resources of their own",
        ),
        (
            json!([deny(
                json!({"Resource": "arn:aws:backup:eu-west-1:111122223333:recovery-point:1"})
            )]),
            Some(false),
            "statement 1 is about some resources only",
        ),
        (
            json!([deny(json!({"Condition": {"ArnNotLike": {"aws:PrincipalArn": "*"}}}))]),
            Some(false),
            "statement 1 exempts `*`, which is everybody",
        ),
        (
            json!([deny(
                json!({"Condition": {"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:*"}}})
            )]),
            Some(false),
            "statement 1 exempts `arn:aws:iam::*:*`, which is everybody",
        ),
        (
            json!([deny(
                json!({"Condition": {"ArnNotEquals": {"aws:PrincipalArn": "arn:aws:iam::111122223333:role/*"}}})
            )]),
            Some(false),
            "statement 1 exempts `arn:aws:iam::111122223333:role/*`, which is everybody",
        ),
        (
            json!([deny(json!({"Resource": "arn:aws:backup:*:*:recovery-point:*"}))]),
            None,
            "statement 1 is about `arn:aws:backup:*:*:recovery-point:*`, and AWS's control wants every resource",
        ),
        (
            json!([deny(
                json!({"Condition": {"StringNotEqualsIfExists": {"aws:PrincipalArn": "x"}}})
            )]),
            None,
            "statement 1 depends on condition `StringNotEqualsIfExists` on `aws:PrincipalArn`",
        ),
        (
            json!([deny(
                json!({"Condition": {"Bool": {"aws:MultiFactorAuthPresent": "false"}}})
            )]),
            None,
            "statement 1 depends on condition `Bool` on `aws:MultiFactorAuthPresent`",
        ),
        (
            json!([deny(json!({"Condition": {"StringEquals": {"aws:PrincipalArn": "x"}}}))]),
            None,
            "statement 1 depends on condition `StringEquals` on `aws:PrincipalArn`",
        ),
        (
            json!([deny(
                json!({"Condition": {"StringNotEquals": {"aws:PrincipalOrgID": "o-1"}}})
            )]),
            None,
            "statement 1 depends on condition `StringNotEquals` on `aws:PrincipalOrgID`",
        ),
        (
            json!([deny(
                json!({"Condition": {"StringNotEquals": {"aws:PrincipalArn": []}}})
            )]),
            None,
            "statement 1 depends on condition `StringNotEquals` on `aws:PrincipalArn`",
        ),
        (
            json!([deny(
                json!({"Condition": {"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::111122223333:role/${aws:username}"}}})
            )]),
            None,
            "statement 1 exempts `arn:aws:iam::111122223333:role/${aws:username}`, which differs by caller",
        ),
        (
            json!([without(
                "Principal",
                json!({"NotPrincipal": {"AWS": "arn:aws:iam::111122223333:role/x"}})
            )]),
            None,
            "statement 1 uses NotPrincipal, and AWS does not say whether its control takes that",
        ),
        (
            json!([without(
                "Resource",
                json!({"NotResource": "arn:aws:backup:eu-west-1:111122223333:recovery-point:1"})
            )]),
            None,
            "statement 1 uses NotResource, and AWS does not say whether its control takes that",
        ),
        (
            json!(ACTIONS.map(|action| deny(json!({"Action": action})))),
            None,
            "the three actions are denied by several statements, and AWS does not say whether its control takes that",
        ),
        (
            json!([deny(json!({"Action": 5}))]),
            None,
            "statement 1 has an Action that is no list of texts",
        ),
        (
            json!([deny(json!({"NotAction": "x"}))]),
            None,
            "statement 1 has both Action and NotAction",
        ),
        (
            json!([without("Action", json!({}))]),
            None,
            "statement 1 has neither Action nor NotAction",
        ),
        (
            json!([deny(json!({"Effect": "deny"}))]),
            None,
            "statement 1 has an Effect that is neither Allow nor Deny",
        ),
        (
            json!([5]),
            None,
            "statement 1 has an Effect that is neither Allow nor Deny",
        ),
        (
            json!([without("Action", json!({"NotAction": "backup:*"}))]),
            Some(false),
            "no statement denies deletion to everybody",
        ),
    ] {
        let verdict = judged(statements.clone());
        assert_eq!(
            (verdict.answer, verdict.reason.as_str()),
            (answer, reason),
            "{statements}"
        );
    }
}

#[test]
fn policies_that_are_none() {
    assert_eq!(manual_deletion(None, VAULT).answer, Some(false));
    for text in ["", "{", "[]", "5", "{}", r#"{"Statement": 5}"#] {
        assert_eq!(manual_deletion(Some(text), VAULT).answer, None, "{text}");
    }
}

#[test]
fn a_sure_denial_beside_a_doubtful_one_is_sure() {
    let doubtful = deny(json!({"Condition": {"Bool": {"aws:SecureTransport": "false"}}}));
    assert_eq!(judged(json!([doubtful, deny(json!({}))])).answer, Some(true));
}

#[test]
fn sids_are_quoted_without_harm() {
    let sid = format!("a`\n\u{1b}[31m{}", "x".repeat(200));
    let verdict = judged(json!([deny(
        json!({"Sid": sid, "Action": "backup:DeleteRecoveryPoint"})
    )]));
    assert!(
        !verdict.reason.contains(['\n', '\u{1b}']) && verdict.reason.len() < 300,
        "{}",
        verdict.reason
    );
}

fn any_json() -> impl Strategy<Value = Value> {
    let words = prop::sample::select(vec![
        "*",
        "Deny",
        "Allow",
        "backup:*",
        "backup:DeleteRecoveryPoint",
        "aws:PrincipalArn",
        "",
        "arn:aws:iam::1:role/x",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i8>().prop_map(Value::from),
        words.prop_map(Value::from)
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        let keys = prop::sample::select(vec![
            "Statement",
            "Effect",
            "Action",
            "NotAction",
            "Principal",
            "NotPrincipal",
            "Resource",
            "Condition",
            "AWS",
            "ArnNotLike",
            "aws:PrincipalArn",
            "Sid",
        ]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((keys, inner), 0..6).prop_map(|pairs| {
                pairs
                    .into_iter()
                    .map(|(key, value)| (key.to_owned(), value))
                    .collect::<serde_json::Map<_, _>>()
                    .into()
            }),
        ]
    })
}

proptest! {
    #[test]
    fn any_policy_is_judged_and_more_allows_change_nothing(statements in prop::collection::vec(any_json(), 0..4), allow in any_json()) {
        let before = judged(json!(statements));
        let mut more = statements.clone();
        let mut statement = json!({"Effect": "Allow"});
        if let Some(members) = allow.as_object() {
            for (key, value) in members.iter().filter(|(key, _)| *key != "Effect") {
                statement[key] = value.clone();
            }
        }
        more.push(statement);
        prop_assert_eq!(judged(json!(more)).answer, before.answer);
        let mut denied = statements;
        denied.push(deny(json!({})));
        prop_assert_eq!(judged(json!(denied)).answer, Some(true));
    }
}
