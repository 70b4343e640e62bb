//! Account management over restJson1: which Regions an account has enabled, and its name.

use serde_json::{Map, Value, json};

use crate::call::{ApiError, Call, Operation, Reply, Service, unknown_operation};
use crate::cloud::Cloud;

/// Regions that are enabled unless someone disables them.
const BY_DEFAULT: [&str; 17] = [
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ca-central-1",
    "eu-central-1",
    "eu-north-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
];

/// Regions that an account has to ask for.
const OPT_IN: [&str; 8] = [
    "af-south-1",
    "ap-east-1",
    "ap-southeast-3",
    "ca-west-1",
    "eu-central-2",
    "eu-south-1",
    "il-central-1",
    "me-south-1",
];

/// What a call asks for.
pub(crate) fn route(_cloud: &Cloud, call: &Call) -> Result<Operation, ApiError> {
    let name = match call.path.trim_matches('/') {
        "listRegions" => "ListRegions",
        "getAccountInformation" => "GetAccountInformation",
        "getRegionOptStatus" => "GetRegionOptStatus",
        other => return Err(unknown_operation(Service::Account, other)),
    };
    Ok(Operation {
        name,
        action: format!("account:{name}"),
        resource: "*".to_owned(),
    })
}

/// Does it.
pub(crate) fn handle(cloud: &mut Cloud, call: &Call, operation: &Operation) -> Result<Reply, ApiError> {
    let input = call.json()?;
    let asked = input.get("AccountId").and_then(Value::as_str);
    let id = match asked {
        Some(id) if id != call.caller.account && !manages(cloud, call, id) => return Err(denied(call, operation)),
        Some(id) => id,
        None => &call.caller.account,
    };
    match operation.name {
        "ListRegions" => list_regions(cloud, id, &input),
        "GetRegionOptStatus" => {
            let region = input.get("RegionName").and_then(Value::as_str).unwrap_or_default();
            Ok(Reply::json(
                200,
                &json!({ "RegionName": region, "RegionOptStatus": status(cloud, id, region) }),
            ))
        }
        _ => {
            let name = cloud.accounts.get(id).map(|account| account.name.clone());
            Ok(Reply::json(
                200,
                &json!({ "AccountId": id, "AccountName": name, "AccountCreatedDate": "2019-03-05T09:00:00Z" }),
            ))
        }
    }
}

/// True for the management account and a member of its organisation.
fn manages(cloud: &Cloud, call: &Call, id: &str) -> bool {
    cloud.organization.management_account.as_deref() == Some(&call.caller.account) && cloud.accounts.contains_key(id)
}

fn denied(call: &Call, operation: &Operation) -> ApiError {
    let message = format!(
        "User: {} is not authorized to perform: {}",
        call.caller.arn, operation.action
    );
    ApiError::new(403, "AccessDeniedException", message)
}

/// An account's Regions by what the world says; Regions that every account has are never "disabled" by opt-in, but in the
/// sandbox they do not answer either, so they count as disabled.
fn status(cloud: &Cloud, id: &str, region: &str) -> &'static str {
    match (cloud.has_region(id, region), BY_DEFAULT.contains(&region)) {
        (true, true) => "ENABLED_BY_DEFAULT",
        (true, false) => "ENABLED",
        (false, _) => "DISABLED",
    }
}

fn list_regions(cloud: &Cloud, id: &str, input: &Map<String, Value>) -> Result<Reply, ApiError> {
    let most = match input.get("MaxResults") {
        None => 50,
        Some(given) => given.as_u64().filter(|most| (1..=50).contains(most)).ok_or_else(|| {
            invalid(format!(
                "Value '{given}' at 'maxResults' failed to satisfy constraint: Member must have value between 1 and 50"
            ))
        })? as usize,
    };
    let wanted: Option<Vec<&str>> = input
        .get("RegionOptStatusContains")
        .and_then(Value::as_array)
        .map(|statuses| statuses.iter().filter_map(Value::as_str).collect());
    let own = cloud
        .accounts
        .get(id)
        .map(|account| account.regions.as_slice())
        .unwrap_or_default();
    let mut names: Vec<&str> = BY_DEFAULT
        .iter()
        .chain(&OPT_IN)
        .copied()
        .chain(own.iter().map(String::as_str))
        .collect();
    names.sort_unstable();
    names.dedup();
    let after = input.get("NextToken").and_then(Value::as_str);
    if after.is_some_and(|token| !names.contains(&token)) {
        return Err(invalid("Invalid NextToken"));
    }
    let mut rest = names
        .into_iter()
        .filter(|name| after.is_none_or(|after| *name > after))
        .map(|name| (name, status(cloud, id, name)))
        .filter(|(_, status)| wanted.as_ref().is_none_or(|wanted| wanted.contains(status)))
        .peekable();
    let page: Vec<(&str, &str)> = rest.by_ref().take(most).collect();
    let regions: Vec<Value> = page
        .iter()
        .map(|(name, status)| json!({ "RegionName": name, "RegionOptStatus": status }))
        .collect();
    let mut body = json!({ "Regions": regions });
    if let (Some(_), Some((last, _))) = (rest.peek(), page.last()) {
        body["NextToken"] = (*last).into();
    }
    Ok(Reply::json(200, &body))
}

fn invalid(message: impl Into<String>) -> ApiError {
    let mut error = ApiError::new(400, "ValidationException", message);
    error.extra.push(("message".to_owned(), error.message.clone().into()));
    error
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    fn ask(cloud: &mut Cloud, path: &str, body: &Value) -> Result<Value, ApiError> {
        let call = Call {
            path: path.to_owned(),
            body: body.to_string().into(),
            ..testing::call(Service::Account, "111122223333", "us-east-1")
        };
        let operation = route(cloud, &call)?;
        let reply = handle(cloud, &call, &operation)?;
        Ok(serde_json::from_slice(&reply.body).unwrap())
    }

    #[test]
    fn enabled_regions_are_those_of_the_world() {
        let filter = json!({ "RegionOptStatusContains": ["ENABLED", "ENABLED_BY_DEFAULT"] });
        let answer = ask(&mut testing::cloud(), "/listRegions", &filter).unwrap();
        let names: Vec<&str> = answer["Regions"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|r| r["RegionName"].as_str())
            .collect();
        assert_eq!(names, ["eu-west-1", "us-east-1"]);
        assert!(answer.get("NextToken").is_none());
    }

    #[test]
    fn all_regions_come_in_pages() {
        let mut cloud = testing::cloud();
        let (mut names, mut token) = (Vec::new(), Value::Null);
        loop {
            let mut body = json!({ "MaxResults": 10 });
            if token.is_string() {
                body["NextToken"] = token;
            }
            let answer = ask(&mut cloud, "/listRegions", &body).unwrap();
            names.extend(
                answer["Regions"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|r| r["RegionName"].clone()),
            );
            token = answer["NextToken"].clone();
            if token.is_null() {
                break;
            }
        }
        assert_eq!(names.len(), BY_DEFAULT.len() + OPT_IN.len());
        assert_eq!(
            ask(&mut cloud, "/listRegions", &json!({ "MaxResults": 51 }))
                .unwrap_err()
                .code,
            "ValidationException"
        );
        assert_eq!(
            ask(&mut cloud, "/listRegions", &json!({ "NextToken": "?" }))
                .unwrap_err()
                .code,
            "ValidationException"
        );
    }

    #[test]
    fn other_accounts_are_for_the_management_account() {
        let mut cloud = testing::cloud();
        let other = crate::cloud::Account {
            id: "444455556666".to_owned(),
            regions: vec!["eu-west-1".to_owned()],
            ..Default::default()
        };
        cloud.accounts.insert(other.id.clone(), other);
        let body = json!({ "AccountId": "444455556666" });
        assert_eq!(ask(&mut cloud, "/listRegions", &body).unwrap_err().status, 403);
        cloud.organization.management_account = Some("111122223333".to_owned());
        assert!(ask(&mut cloud, "/listRegions", &body).is_ok());
        let name = ask(&mut cloud, "/getAccountInformation", &json!({})).unwrap();
        assert_eq!(name["AccountName"], "test");
    }
}
