//! STS over its query protocol: who calls, and temporary credentials of roles.
//!
//! Credentials expire in real time, whatever the virtual clock shows: SDKs compare the expiry with their own clocks.

use chrono::{SecondsFormat, TimeDelta, Utc};

use crate::call::{ApiError, Call, Form, Operation, Reply, Service, escape_xml, unknown_operation};
use crate::cloud::{Cloud, Session, role_of};

const OPERATIONS: [&str; 2] = ["AssumeRole", "GetCallerIdentity"];

fn invalid(message: impl Into<String>) -> ApiError {
    Form::invalid(message)
}

/// What a call asks for.
pub(crate) fn route(_cloud: &Cloud, call: &Call) -> Result<Operation, ApiError> {
    let form = Form::of(call);
    let asked = form.get("Action").unwrap_or_default();
    let name = OPERATIONS
        .into_iter()
        .find(|name| *name == asked)
        .ok_or_else(|| unknown_operation(Service::Sts, asked))?;
    let resource = form.get("RoleArn").unwrap_or("*").to_owned();
    Ok(Operation {
        name,
        action: format!("sts:{name}"),
        resource,
    })
}

/// Does it.
pub(crate) fn handle(cloud: &mut Cloud, call: &Call, operation: &Operation) -> Result<Reply, ApiError> {
    let result = match operation.name {
        "AssumeRole" => assume_role(cloud, call, &Form::of(call))?,
        _ => caller_identity(call),
    };
    let name = operation.name;
    Ok(Reply::xml(
        200,
        format!(
            "<{name}Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><{name}Result>{result}</{name}Result>\
             <ResponseMetadata><RequestId>{}</RequestId></ResponseMetadata></{name}Response>",
            call.request_id
        ),
    ))
}

/// `GetCallerIdentity`: works for every caller, whatever he may do.
fn caller_identity(call: &Call) -> String {
    let caller = &call.caller;
    let session = caller
        .arn
        .rsplit('/')
        .next()
        .filter(|_| caller.arn.contains(":assumed-role/"));
    let user = match session {
        Some(session) => format!("{}:{session}", role_id(&caller.account)),
        None => format!("AIDA{}", &role_id(&caller.account)[4..]),
    };
    format!(
        "<Arn>{}</Arn><UserId>{}</UserId><Account>{}</Account>",
        escape_xml(&caller.arn),
        escape_xml(&user),
        escape_xml(&caller.account)
    )
}

/// The unique id of a role of an account; every role of it has the same.
fn role_id(account: &str) -> String {
    format!("AROA{account}ROLE0")
}

/// `AssumeRole`. An external id and a session policy are accepted and not looked at.
fn assume_role(cloud: &mut Cloud, call: &Call, form: &Form) -> Result<String, ApiError> {
    let arn = form.needed("RoleArn")?;
    let name = form.needed("RoleSessionName")?;
    check_session_name(name)?;
    let (account, path) = role_of(arn).ok_or_else(|| invalid(format!("{arn} is invalid")))?;
    let seconds = match form.get("DurationSeconds").map(str::parse::<i64>) {
        None => 3600,
        Some(Ok(seconds @ 900..=43_200)) => seconds,
        Some(_) => {
            return Err(invalid(
                "1 validation error detected: Value at 'durationSeconds' failed to satisfy constraint: Member must have value between 900 and 43200",
            ));
        }
    };
    if !cloud.can_assume(arn, &call.caller) {
        let message = format!(
            "User: {} is not authorized to perform: sts:AssumeRole on resource: {arn}",
            call.caller.arn
        );
        return Err(ApiError::new(403, "AccessDenied", message));
    }
    let role = path.rsplit('/').next().unwrap_or(path);
    let expires_at = Utc::now() + TimeDelta::seconds(seconds);
    let access_key = format!("ASIA{account}{:04}", cloud.sessions.len() + 1);
    let (secret, token) = (cloud.ids.hex(40), cloud.ids.hex(64));
    let session = Session {
        account: account.to_owned(),
        role: role.to_owned(),
        role_arn: arn.to_owned(),
        name: name.to_owned(),
        expires_at,
    };
    cloud.sessions.insert(access_key.clone(), session);
    Ok(format!(
        "<AssumedRoleUser><Arn>{}</Arn><AssumedRoleId>{}:{}</AssumedRoleId></AssumedRoleUser>\
         <Credentials><AccessKeyId>{access_key}</AccessKeyId><SecretAccessKey>{secret}</SecretAccessKey>\
         <SessionToken>{token}</SessionToken><Expiration>{}</Expiration></Credentials>",
        escape_xml(&format!(
            "arn:{}:sts::{account}:assumed-role/{role}/{name}",
            cloud.partition
        )),
        role_id(account),
        escape_xml(name),
        expires_at.to_rfc3339_opts(SecondsFormat::Secs, true),
    ))
}

fn check_session_name(name: &str) -> Result<(), ApiError> {
    let fine = (2..=64).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b));
    if fine {
        return Ok(());
    }
    Err(invalid(format!(
        "1 validation error detected: Value '{name}' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]*"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::Scope;
    use crate::caller;
    use crate::testing;

    fn send(cloud: &mut Cloud, body: &str) -> Result<String, ApiError> {
        let call = Call {
            body: body.to_owned().into(),
            ..testing::call(Service::Sts, "111122223333", "us-east-1")
        };
        let operation = route(cloud, &call)?;
        let reply = handle(cloud, &call, &operation)?;
        Ok(String::from_utf8(reply.body.to_vec()).unwrap())
    }

    fn element<'x>(xml: &'x str, name: &str) -> &'x str {
        xml.split_once(&format!("<{name}>"))
            .unwrap()
            .1
            .split_once('<')
            .unwrap()
            .0
    }

    #[test]
    fn identity_of_a_user() {
        let xml = send(&mut testing::cloud(), "Action=GetCallerIdentity&Version=2011-06-15").unwrap();
        assert_eq!(element(&xml, "Arn"), "arn:aws:iam::111122223333:user/auditor");
        assert_eq!(element(&xml, "Account"), "111122223333");
    }

    #[test]
    fn an_assumed_role_is_the_caller_from_then_on() {
        let mut cloud = testing::cloud();
        let body = "Action=AssumeRole&RoleArn=arn%3Aaws%3Aiam%3A%3A111122223333%3Arole%2Fteam%2FAudit&RoleSessionName=scan&ExternalId=x";
        let xml = send(&mut cloud, body).unwrap();
        assert_eq!(
            element(&xml, "Arn"),
            "arn:aws:sts::111122223333:assumed-role/Audit/scan"
        );
        let access_key = element(&xml, "AccessKeyId").to_owned();
        assert!(access_key.starts_with("ASIA111122223333"), "{access_key}");
        assert!(element(&xml, "Expiration").parse::<chrono::DateTime<Utc>>().unwrap() > Utc::now());
        let scope = Scope {
            access_key: access_key.clone(),
            region: "eu-west-1".to_owned(),
            service: "sts".to_owned(),
        };
        assert_eq!(
            caller::find(&cloud, &scope).unwrap().arn,
            "arn:aws:sts::111122223333:assumed-role/Audit/scan"
        );
        cloud.sessions.get_mut(&access_key).unwrap().expires_at = Utc::now();
        assert_eq!(caller::find(&cloud, &scope).unwrap_err().code, "ExpiredTokenException");
        let again = send(&mut cloud, body).unwrap();
        assert_ne!(element(&again, "AccessKeyId"), access_key);
    }

    #[test]
    fn refusals() {
        let mut cloud = testing::cloud();
        cloud.accounts.get_mut("111122223333").unwrap().roles = Some(vec!["Audit".to_owned()]);
        let role = |arn: &str, more: &str| format!("Action=AssumeRole&RoleArn={arn}&RoleSessionName=scan{more}");
        for (body, code) in [
            (role("arn:aws:iam::111122223333:role/Other", ""), "AccessDenied"),
            (role("arn:aws:iam::999988887777:role/Audit", ""), "AccessDenied"),
            (role("Audit", ""), "ValidationError"),
            (
                role("arn:aws:iam::111122223333:role/Audit", "&DurationSeconds=60"),
                "ValidationError",
            ),
            (
                "Action=AssumeRole&RoleArn=arn:aws:iam::111122223333:role/Audit".to_owned(),
                "ValidationError",
            ),
            (role("arn:aws:iam::111122223333:role/Audit", "%20x"), "ValidationError"),
            ("Action=GetFederationToken".to_owned(), "InvalidAction"),
        ] {
            assert_eq!(send(&mut cloud, &body).unwrap_err().code, code, "{body}");
        }
    }
}
