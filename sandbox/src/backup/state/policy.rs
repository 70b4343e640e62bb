//! Vault access policies: the JSON documents that AWS Backup keeps with a vault.
//!
//! In: a document and who asks for what. Out: whether a statement denies or allows it. Only what vault policies can hold is
//! understood: `Effect`, `Principal`, `Action`, `Resource` and the `String…` and `Arn…` operators of `Condition`. A condition key
//! that the simulation does not know counts as absent. Never grants anything by itself: within an account the caller's own
//! rights decide, and the simulation gives him all of them.

use serde_json::Value;

/// Who asks for what.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ask<'a> {
    /// `backup:DeleteRecoveryPoint` and the like.
    pub(crate) action: &'a str,
    /// ARN of the vault or of the recovery point.
    pub(crate) resource: &'a str,
    /// ARN of the caller, as `sts:GetCallerIdentity` gives it.
    pub(crate) caller: &'a str,
    /// `aws:PrincipalArn`: for a session the ARN of its role, with the path.
    pub(crate) principal: &'a str,
    /// Account of the caller.
    pub(crate) account: &'a str,
}

/// AWS does not say how long a policy may be; this is the limit of S3's.
const MAX_BYTES: usize = 20_480;

/// Checks a document when it is put on a vault; the text says what is wrong.
pub(crate) fn check(document: &str) -> Result<(), String> {
    let malformed = |what: &str| format!("The specified policy cannot be added to the backup vault: {what}");
    if document.len() > MAX_BYTES {
        return Err(malformed(&format!("it is longer than {MAX_BYTES} bytes")));
    }
    let policy: Value = serde_json::from_str(document).map_err(|_| malformed("it is not valid JSON"))?;
    let statements = statements(&policy);
    if statements.is_empty() {
        return Err(malformed("it has no statement"));
    }
    for statement in statements {
        if !matches!(statement.get("Effect").and_then(Value::as_str), Some("Allow" | "Deny")) {
            return Err(malformed("a statement needs the effect Allow or Deny"));
        }
        if statement.get("Principal").is_none() {
            return Err(malformed("a statement needs a principal"));
        }
        let actions = strings(statement.get("Action"));
        if actions.is_empty() {
            return Err(malformed("a statement needs an action"));
        }
        if let Some(wild) = actions.iter().find(|action| action.contains('*')) {
            return Err(malformed(&format!("wildcards are not supported in actions ({wild})")));
        }
        if statement.get("Resource").is_none() {
            return Err(malformed("a statement needs a resource"));
        }
    }
    Ok(())
}

/// Whether a statement allows another account anything but to copy into the vault.
pub(crate) fn shares_too_much(document: &str, account: &str) -> bool {
    let policy: Value = serde_json::from_str(document).unwrap_or_default();
    statements(&policy).into_iter().any(|statement| {
        let principals = statement.get("Principal").and_then(|principal| principal.get("AWS"));
        let is_foreign = |who: &&str| {
            let of = who.split(':').nth(4).unwrap_or(who);
            of.len() == 12 && of != account
        };
        statement.get("Effect").and_then(Value::as_str) == Some("Allow")
            && strings(principals).iter().any(is_foreign)
            && strings(statement.get("Action"))
                .iter()
                .any(|action| !action.eq_ignore_ascii_case("backup:CopyIntoBackupVault"))
    })
}

/// Whether a statement of the document denies what is asked.
pub(crate) fn denies(document: &str, ask: Ask<'_>) -> bool {
    speaks(document, "Deny", ask)
}

/// Whether a statement allows what is asked and none denies it: what a caller of another account needs.
pub(crate) fn allows(document: &str, ask: Ask<'_>) -> bool {
    speaks(document, "Allow", ask) && !denies(document, ask)
}

fn speaks(document: &str, effect: &str, ask: Ask<'_>) -> bool {
    let Ok(policy) = serde_json::from_str::<Value>(document) else {
        return false;
    };
    statements(&policy).into_iter().any(|statement| {
        statement.get("Effect").and_then(Value::as_str) == Some(effect)
            && strings(statement.get("Action"))
                .iter()
                .any(|action| pattern(&action.to_lowercase(), &ask.action.to_lowercase()))
            && strings(statement.get("Resource"))
                .iter()
                .any(|resource| pattern(resource, ask.resource))
            && names(statement.get("Principal"), ask)
            && conditions_hold(statement.get("Condition"), ask)
    })
}

fn statements(policy: &Value) -> Vec<&Value> {
    match policy.get("Statement") {
        Some(Value::Array(list)) => list.iter().collect(),
        Some(one @ Value::Object(_)) => vec![one],
        _ => Vec::new(),
    }
}

/// A string or a list of strings.
fn strings(value: Option<&Value>) -> Vec<&str> {
    match value {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

fn names(principal: Option<&Value>, ask: Ask<'_>) -> bool {
    match principal {
        Some(Value::String(one)) => one == "*",
        Some(Value::Object(object)) => strings(object.get("AWS")).into_iter().any(|who| {
            who == "*"
                || who == ask.account
                || who == ask.caller
                || who == ask.principal
                || who
                    .strip_prefix("arn:")
                    .is_some_and(|rest| rest.ends_with(&format!(":iam::{}:root", ask.account)))
        }),
        _ => false,
    }
}

fn conditions_hold(conditions: Option<&Value>, ask: Ask<'_>) -> bool {
    let Some(Value::Object(operators)) = conditions else {
        return true;
    };
    operators.iter().all(|(operator, keys)| match keys {
        Value::Object(keys) => keys
            .iter()
            .all(|(key, values)| condition_holds(operator, key, &strings(Some(values)), ask)),
        _ => false,
    })
}

fn condition_holds(operator: &str, key: &str, values: &[&str], ask: Ask<'_>) -> bool {
    let actual = match key.to_lowercase().as_str() {
        "aws:principalarn" => Some(ask.principal.to_owned()),
        "aws:principalaccount" | "aws:sourceaccount" => Some(ask.account.to_owned()),
        _ => None,
    };
    let operator = operator.strip_suffix("IfExists").unwrap_or(operator);
    let negative = operator.contains("Not");
    let Some(actual) = actual else {
        return negative;
    };
    let wild = operator.ends_with("Like") || operator.starts_with("Arn");
    let found = values.iter().any(|value| {
        if wild {
            pattern(value, &actual)
        } else {
            *value == actual
        }
    });
    found != negative
}

/// IAM's patterns: `*` any characters, `?` exactly one.
pub(crate) fn pattern(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut next) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while next < text.len() {
        match pattern.get(at) {
            Some('*') => {
                retry = Some((at + 1, next));
                at += 1;
            }
            Some(c) if *c == '?' || *c == text[next] => {
                at += 1;
                next += 1;
            }
            _ => match retry {
                Some((after, from)) => {
                    retry = Some((after, from + 1));
                    at = after;
                    next = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    const NO_DELETION: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*",
        "Action":["backup:DeleteRecoveryPoint","backup:UpdateRecoveryPointLifecycle","backup:PutBackupVaultAccessPolicy"],
        "Resource":"*","Condition":{"ArnNotEquals":{"aws:PrincipalArn":["arn:aws:iam::111122223333:role/BreakGlass"]}}}]}"#;
    const COPY_INTO: &str = r#"{"Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},
        "Action":"backup:CopyIntoBackupVault","Resource":"*"}}"#;

    fn ask<'a>(action: &'a str, principal: &'a str) -> Ask<'a> {
        Ask {
            action,
            resource: "arn:aws:backup:eu-west-1:111122223333:recovery-point:x",
            caller: "arn:aws:sts::111122223333:assumed-role/x/session",
            principal,
            account: "111122223333",
        }
    }

    #[test]
    fn a_deny_statement_with_an_exempt_role() {
        let user = "arn:aws:iam::111122223333:user/auditor";
        let exempt = "arn:aws:iam::111122223333:role/BreakGlass";
        assert!(denies(NO_DELETION, ask("backup:DeleteRecoveryPoint", user)));
        assert!(!denies(NO_DELETION, ask("backup:DeleteRecoveryPoint", exempt)));
        assert!(!denies(NO_DELETION, ask("backup:DescribeBackupVault", user)));
    }

    #[test]
    fn an_allow_statement_for_another_account() {
        let root = "arn:aws:iam::111122223333:role/x";
        assert!(allows(COPY_INTO, ask("backup:CopyIntoBackupVault", root)));
        assert!(!allows(
            COPY_INTO,
            Ask {
                account: "444455556666",
                ..ask("backup:CopyIntoBackupVault", "arn:aws:iam::444455556666:role/x")
            }
        ));
        assert!(!allows(COPY_INTO, ask("backup:DeleteRecoveryPoint", root)));
    }

    #[test]
    fn unknown_condition_keys_count_as_absent() {
        let document = |operator: &str| {
            format!(
                r#"{{"Statement":[{{"Effect":"Deny","Principal":{{"AWS":"*"}},"Action":"backup:DeleteRecoveryPoint","Resource":"*","Condition":{{"{operator}":{{"aws:userId":"AROA:*"}}}}}}]}}"#
            )
        };
        let user = "arn:aws:iam::111122223333:user/auditor";
        assert!(denies(
            &document("StringNotEquals"),
            ask("backup:DeleteRecoveryPoint", user)
        ));
        assert!(!denies(
            &document("StringEquals"),
            ask("backup:DeleteRecoveryPoint", user)
        ));
    }

    #[test]
    fn documents_that_are_refused() {
        for document in [
            "",
            "{}",
            r#"{"Statement":[]}"#,
            r#"{"Statement":[{"Effect":"Maybe","Principal":"*","Action":"backup:DeleteRecoveryPoint","Resource":"*"}]}"#,
            r#"{"Statement":[{"Effect":"Deny","Action":"backup:DeleteRecoveryPoint","Resource":"*"}]}"#,
            r#"{"Statement":[{"Effect":"Deny","Principal":"*","Resource":"*"}]}"#,
            r#"{"Statement":[{"Effect":"Deny","Principal":"*","Action":"backup:*","Resource":"*"}]}"#,
            r#"{"Statement":[{"Effect":"Deny","Principal":"*","Action":"backup:DeleteRecoveryPoint"}]}"#,
        ] {
            assert!(check(document).is_err(), "{document}");
        }
        assert!(check(NO_DELETION).is_ok() && check(COPY_INTO).is_ok());
    }

    #[test]
    fn patterns() {
        for (wild, text, expected) in [
            ("*", "", true),
            ("a?c", "abc", true),
            ("a*c", "abbc", true),
            ("a*c", "abbd", false),
            ("", "a", false),
            ("*a*", "bab", true),
        ] {
            assert_eq!(pattern(wild, text), expected, "{wild} {text}");
        }
    }
}
