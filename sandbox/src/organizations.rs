//! Organizations over awsJson1_1: the organisation of the world's accounts, as far as a scan of all of them needs it.

use serde_json::{Value, json};

use crate::call::{ApiError, Call, Operation, Reply, Service, unknown_operation};
use crate::cloud::{Account, Cloud};
use crate::ids::named_uuid;

const OPERATIONS: [&str; 3] = ["DescribeAccount", "DescribeOrganization", "ListAccounts"];
/// `ListAccounts` gives so many at most.
const PAGE: u64 = 20;

/// What a call asks for.
pub(crate) fn route(_cloud: &Cloud, call: &Call) -> Result<Operation, ApiError> {
    let asked = call.target_operation().unwrap_or_default();
    let name = OPERATIONS.into_iter().find(|name| *name == asked);
    let name = name.ok_or_else(|| unknown_operation(Service::Organizations, asked))?;
    Ok(Operation {
        name,
        action: format!("organizations:{name}"),
        resource: "*".to_owned(),
    })
}

/// Does it.
pub(crate) fn handle(cloud: &mut Cloud, call: &Call, operation: &Operation) -> Result<Reply, ApiError> {
    let Some(management) = cloud.organization.management_account.clone() else {
        let message = "Your account is not a member of an organization.";
        return Err(ApiError::new(400, "AWSOrganizationsNotInUseException", message));
    };
    let organization = Organization {
        partition: &cloud.partition,
        id: id(cloud),
        management: &management,
    };
    if operation.name != "DescribeOrganization" && call.caller.account != management {
        let message = "You don't have permissions to access this resource.";
        return Err(ApiError::new(400, "AccessDeniedException", message));
    }
    let input = call.json()?;
    let body = match operation.name {
        "DescribeOrganization" => organization.describe(cloud),
        "DescribeAccount" => {
            let wanted = input.get("AccountId").and_then(Value::as_str).unwrap_or_default();
            let account = cloud.accounts.get(wanted).ok_or_else(|| {
                ApiError::new(
                    400,
                    "AccountNotFoundException",
                    "You specified an account that doesn't exist.",
                )
            })?;
            json!({ "Account": organization.account(account) })
        }
        _ => {
            let most = match input.get("MaxResults") {
                None => PAGE,
                Some(given) => given
                    .as_u64()
                    .filter(|most| (1..=PAGE).contains(most))
                    .ok_or_else(|| invalid("You provided a value for MaxResults that is not between 1 and 20."))?,
            };
            let after = input.get("NextToken").and_then(Value::as_str);
            if after.is_some_and(|token| !cloud.accounts.contains_key(token)) {
                return Err(invalid("You provided an invalid NextToken."));
            }
            let mut rest = cloud
                .accounts
                .values()
                .filter(|account| after.is_none_or(|after| account.id.as_str() > after))
                .peekable();
            let page: Vec<&Account> = rest.by_ref().take(most as usize).collect();
            let mut body =
                json!({ "Accounts": page.iter().map(|account| organization.account(account)).collect::<Vec<_>>() });
            if let (Some(_), Some(last)) = (rest.peek(), page.last()) {
                body["NextToken"] = last.id.clone().into();
            }
            body
        }
    };
    Ok(Reply::aws_json(Service::Organizations, &body))
}

fn invalid(message: &str) -> ApiError {
    ApiError::new(400, "InvalidInputException", message)
}

/// The same in every run of a world.
fn id(cloud: &Cloud) -> String {
    let management = cloud.organization.management_account.as_deref().unwrap_or_default();
    format!(
        "o-{}",
        &named_uuid(0, &["organization", management]).replace('-', "")[..10]
    )
}

struct Organization<'a> {
    partition: &'a str,
    id: String,
    management: &'a str,
}

impl Organization<'_> {
    fn arn(&self, what: &str) -> String {
        format!("arn:{}:organizations::{}:{what}", self.partition, self.management)
    }

    fn describe(&self, cloud: &Cloud) -> Value {
        let email = cloud.accounts.get(self.management).map(email);
        json!({
            "Organization": {
                "Id": self.id,
                "Arn": self.arn(&format!("organization/{}", self.id)),
                "FeatureSet": "ALL",
                "MasterAccountId": self.management,
                "MasterAccountArn": self.arn(&format!("account/{}/{}", self.id, self.management)),
                "MasterAccountEmail": email,
                "AvailablePolicyTypes": [],
            },
        })
    }

    fn account(&self, account: &Account) -> Value {
        json!({
            "Id": account.id,
            "Arn": self.arn(&format!("account/{}/{}", self.id, account.id)),
            "Email": email(account),
            "Name": account.name,
            "Status": "ACTIVE",
            "State": "ACTIVE",
            "JoinedMethod": "CREATED",
            "JoinedTimestamp": 1_551_776_400.0,
        })
    }
}

fn email(account: &Account) -> String {
    format!("aws+{}@example.com", account.id)
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;
    use crate::testing;

    fn ask(cloud: &mut Cloud, caller: &str, name: &'static str, body: &Value) -> Result<Value, ApiError> {
        let mut call = Call {
            body: body.to_string().into(),
            ..testing::call(Service::Organizations, caller, "us-east-1")
        };
        let target = format!("AWSOrganizationsV20161128.{name}");
        call.headers
            .insert("x-amz-target", HeaderValue::from_str(&target).unwrap());
        let operation = route(cloud, &call)?;
        let reply = handle(cloud, &call, &operation)?;
        Ok(serde_json::from_slice(&reply.body).unwrap())
    }

    #[test]
    fn accounts_come_in_pages_for_the_management_account_only() {
        let mut cloud = testing::cloud();
        for n in 1..=44 {
            let account = Account {
                id: format!("2000000000{n:02}"),
                name: format!("a{n}"),
                ..Default::default()
            };
            cloud.accounts.insert(account.id.clone(), account);
        }
        let none = ask(&mut cloud, "111122223333", "ListAccounts", &json!({})).unwrap_err();
        assert_eq!(none.code, "AWSOrganizationsNotInUseException");
        cloud.organization.management_account = Some("111122223333".to_owned());
        let (mut ids, mut body) = (Vec::new(), json!({}));
        loop {
            let answer = ask(&mut cloud, "111122223333", "ListAccounts", &body).unwrap();
            let page = answer["Accounts"].as_array().unwrap();
            assert!(page.len() <= 20);
            ids.extend(page.iter().map(|account| account["Id"].clone()));
            match &answer["NextToken"] {
                Value::Null => break,
                token => body = json!({ "NextToken": token }),
            }
        }
        assert_eq!(ids.len(), 45);
        let member = ask(&mut cloud, "200000000001", "ListAccounts", &json!({})).unwrap_err();
        assert_eq!(member.code, "AccessDeniedException");
        let organization = ask(&mut cloud, "200000000001", "DescribeOrganization", &json!({})).unwrap();
        assert_eq!(organization["Organization"]["MasterAccountId"], "111122223333");
        let too_many = ask(&mut cloud, "111122223333", "ListAccounts", &json!({ "MaxResults": 21 })).unwrap_err();
        assert_eq!(too_many.code, "InvalidInputException");
        let one = ask(
            &mut cloud,
            "111122223333",
            "DescribeAccount",
            &json!({ "AccountId": "200000000007" }),
        )
        .unwrap();
        assert_eq!(one["Account"]["Name"], "a7");
    }
}
