//! Tests of the whole service: calls as a client makes them, on a clock that the test moves.

mod copies;
mod demo;
mod history;
mod jobs;
mod plans;
mod points;
mod properties;
mod restores;
mod vaults;
mod writers;

use chrono::{DateTime, TimeDelta, Utc};
use hyper::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::backup::engine;
use crate::call::Service;
use crate::cloud::Cloud;
use crate::dynamodb::state::{Schema, Table, TablePlace};
use crate::testing;

pub(super) const ACCOUNT: &str = "111122223333";
pub(super) const OTHER_ACCOUNT: &str = "444455556666";
pub(super) const REGION: &str = "eu-west-1";
pub(super) const OTHER_REGION: &str = "us-east-1";
pub(super) const ROLE: &str = "arn:aws:iam::111122223333:role/service-role/AWSBackupDefaultServiceRole";

/// An AWS with one caller.
pub(super) struct Sim {
    pub(super) cloud: Cloud,
    pub(super) account: &'static str,
    pub(super) region: &'static str,
}

/// A label of a path.
pub(super) fn enc(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

pub(super) fn table_arn(name: &str) -> String {
    format!("arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{name}")
}

/// The instant of a time in an answer.
pub(super) fn instant(value: &Value) -> DateTime<Utc> {
    DateTime::from_timestamp_millis((value.as_f64().unwrap() * 1000.0).round() as i64).unwrap()
}

impl Sim {
    pub(super) fn new() -> Self {
        let mut cloud = testing::cloud();
        let mut other = cloud.accounts[ACCOUNT].clone();
        other.id = OTHER_ACCOUNT.to_owned();
        cloud.accounts.insert(OTHER_ACCOUNT.to_owned(), other);
        Self {
            cloud,
            account: ACCOUNT,
            region: REGION,
        }
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        self.cloud.now()
    }

    /// A table that has existed for a year.
    pub(super) fn table(&mut self, name: &str, tags: &[(&str, &str)]) -> String {
        let place = TablePlace {
            partition: "aws".to_owned(),
            account: self.account.to_owned(),
            region: self.region.to_owned(),
        };
        let at = self.now() - TimeDelta::days(365);
        let schema = std::sync::Arc::new(Schema::simple("id"));
        let mut table = Table::new(place, name, schema, at, &mut self.cloud.ids);
        table.declared_size_bytes = Some(800_000_000);
        table.set_tags(tags.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())));
        let arn = table.arn.clone();
        self.cloud.place_mut(self.account, self.region).dynamodb.put(table);
        arn
    }

    /// A vault, with AWS's own key.
    pub(super) fn vault(&mut self, name: &str) {
        self.good("PUT", &format!("/backup-vaults/{name}"), json!({}));
    }

    /// A plan of one rule with one selection; gives its id.
    pub(super) fn plan(&mut self, rule: Value, selection: Value) -> String {
        let name = format!("plan-{}", self.cloud.ids.hex(6));
        let made = self.good(
            "PUT",
            "/backup/plans/",
            json!({"BackupPlan": {"BackupPlanName": name, "Rules": [rule]}}),
        );
        let id = made["BackupPlanId"].as_str().unwrap().to_owned();
        self.select(&id, selection);
        id
    }

    /// Adds a selection to a plan; gives its id.
    pub(super) fn select(&mut self, plan: &str, mut selection: Value) -> String {
        selection["SelectionName"] = json!(format!("selection-{}", self.cloud.ids.hex(6)));
        selection["IamRoleArn"] = json!(ROLE);
        let path = format!("/backup/plans/{}/selections/", enc(plan));
        let made = self.good("PUT", &path, json!({"BackupSelection": selection}));
        made["SelectionId"].as_str().unwrap().to_owned()
    }

    /// A call as the server does it: first everything that is due, then the call.
    pub(super) fn ask(&mut self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let now = self.now();
        engine::advance(&mut self.cloud, now);
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let mut call = testing::call(Service::Backup, self.account, self.region);
        call.method = Method::from_bytes(method.as_bytes()).unwrap();
        call.path = path.to_owned();
        call.query = crate::call::decode_pairs(query);
        call.now = now;
        if !body.is_null() {
            call.body = body.to_string().into();
        }
        let answer =
            super::route(&self.cloud, &call).and_then(|operation| super::handle(&mut self.cloud, &call, &operation));
        let reply = answer.unwrap_or_else(|error| error.render(Service::Backup, "request"));
        let value = if reply.body.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&reply.body).unwrap()
        };
        (reply.status, value)
    }

    /// A call that has to succeed.
    pub(super) fn good(&mut self, method: &str, path: &str, body: Value) -> Value {
        let (status, value) = self.ask(method, path, body);
        assert!((200..300).contains(&status), "{method} {path}: {status} {value}");
        value
    }

    pub(super) fn get(&mut self, path: &str) -> Value {
        self.good("GET", path, Value::Null)
    }

    /// A call that has to fail; gives status, code and message.
    fn bad(&mut self, method: &str, path: &str, body: Value) -> (u16, String, String) {
        let now = self.now();
        engine::advance(&mut self.cloud, now);
        let (status, value) = self.ask(method, path, body.clone());
        assert!(status >= 400, "{method} {path} {body}: {status} {value}");
        let message = value["Message"].as_str().unwrap_or_default().to_owned();
        // The code travels in a header; the body's own is AWS's number where it is known.
        (status, self.code(method, path, body), message)
    }

    /// The error code of a call, out of its header.
    fn code(&mut self, method: &str, path: &str, body: Value) -> String {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let mut call = testing::call(Service::Backup, self.account, self.region);
        call.method = Method::from_bytes(method.as_bytes()).unwrap();
        call.path = path.to_owned();
        call.query = crate::call::decode_pairs(query);
        call.now = self.now();
        call.body = if body.is_null() {
            Default::default()
        } else {
            body.to_string().into()
        };
        let answer =
            super::route(&self.cloud, &call).and_then(|operation| super::handle(&mut self.cloud, &call, &operation));
        answer.err().map(|error| error.code).unwrap_or_default()
    }

    /// Expects a certain error.
    pub(super) fn refused(&mut self, method: &str, path: &str, body: Value, status: u16, code: &str, message: &str) {
        let (actual, actual_code, text) = self.bad(method, path, body.clone());
        let what = format!("{method} {path} {body}");
        assert_eq!((actual, actual_code.as_str()), (status, code), "{what}: {text}");
        assert!(text.contains(message), "{what}: `{text}` lacks `{message}`");
    }

    /// Lets time pass.
    pub(super) fn pass(&mut self, step: TimeDelta) {
        self.cloud.clock.advance(step);
        let now = self.now();
        engine::advance(&mut self.cloud, now);
    }

    /// All recovery points of a vault, newest first.
    pub(super) fn points(&mut self, vault: &str) -> Vec<Value> {
        let mut points = Vec::new();
        let mut token = String::new();
        loop {
            let page = self.get(&format!(
                "/backup-vaults/{}/recovery-points/?maxResults=1000{token}",
                enc(vault)
            ));
            points.extend(page["RecoveryPoints"].as_array().unwrap().iter().cloned());
            match page["NextToken"].as_str() {
                Some(next) => token = format!("&nextToken={}", enc(next)),
                None => return points,
            }
        }
    }

    /// Backup jobs of the last 30 days, newest first, with a filter.
    pub(super) fn jobs(&mut self, filter: &str) -> Vec<Value> {
        let answer = self.get(&format!("/backup-jobs/?maxResults=1000&{filter}"));
        answer["BackupJobs"].as_array().unwrap().clone()
    }

    /// Starts an on-demand backup and waits for it; gives the job.
    pub(super) fn backup(&mut self, table: &str, vault: &str, lifecycle: Value) -> Value {
        let arn = format!("arn:aws:dynamodb:{}:{}:table/{table}", self.region, self.account);
        let body = json!({"BackupVaultName": vault, "ResourceArn": arn, "IamRoleArn": ROLE, "Lifecycle": lifecycle});
        let job = self.good("PUT", "/backup-jobs", body);
        self.pass(TimeDelta::minutes(1));
        self.get(&format!("/backup-jobs/{}", job["BackupJobId"].as_str().unwrap()))
    }
}

#[test]
fn every_route_is_found_with_and_without_a_trailing_slash() {
    let mut sim = Sim::new();
    for route in super::ROUTES {
        let labels: Vec<&str> = route
            .path
            .iter()
            .map(|part| if *part == "{}" { "some%2Fid" } else { part })
            .collect();
        for slash in ["", "/"] {
            let mut call = testing::call(Service::Backup, ACCOUNT, REGION);
            call.method = route.method.clone();
            call.path = format!("/{}{slash}", labels.join("/"));
            let operation = super::route(&sim.cloud, &call).unwrap();
            assert_eq!(
                (operation.name, operation.action),
                (route.name, format!("backup:{}", route.name))
            );
        }
    }
    let names: std::collections::BTreeSet<&str> = super::ROUTES.iter().map(|route| route.name).collect();
    assert_eq!(names.len(), super::ROUTES.len());
    let (status, _, _) = sim.bad("GET", "/frameworks", Value::Null);
    assert_eq!(status, 404);
}

#[test]
fn operations_name_the_arn_they_act_on() {
    let sim = Sim::new();
    let on = |method: &str, path: &str, body: &str| {
        let mut call = testing::call(Service::Backup, ACCOUNT, REGION);
        call.method = Method::from_bytes(method.as_bytes()).unwrap();
        call.path = path.to_owned();
        call.body = body.to_owned().into();
        super::route(&sim.cloud, &call).unwrap().resource
    };
    let prefix = format!("arn:aws:backup:{REGION}:{ACCOUNT}:");
    assert_eq!(
        on("GET", "/backup-vaults/aws%2Fefs%2Fvault/recovery-points/", ""),
        format!("{prefix}backup-vault:aws/efs/vault")
    );
    assert_eq!(
        on("GET", "/backup/plans/orgs%2F1/", ""),
        format!("{prefix}backup-plan:orgs/1")
    );
    assert_eq!(
        on("PUT", "/backup-jobs", r#"{"BackupVaultName":"v"}"#),
        format!("{prefix}backup-vault:v")
    );
    assert_eq!(on("PUT", "/copy-jobs", r#"{"RecoveryPointArn":"arn:x"}"#), "arn:x");
    assert_eq!(on("PUT", "/restore-jobs", "{"), "*");
    assert_eq!(on("GET", "/tags/arn%3Aaws%3Abackup%3Ax/", ""), "arn:aws:backup:x");
    assert_eq!(on("GET", "/backup-jobs/", ""), "*");
}

#[test]
fn settings_of_a_region() {
    let mut sim = Sim::new();
    let settings = sim.get("/account-settings");
    assert_eq!(settings["ResourceTypeOptInPreference"]["DynamoDB"], true);
    assert_eq!(
        settings["ResourceTypeManagementPreference"],
        json!({"DynamoDB": true, "EFS": true})
    );
    let off = json!({"ResourceTypeOptInPreference": {"DynamoDB": false}});
    sim.good("PUT", "/account-settings", off);
    let settings = sim.get("/account-settings");
    assert_eq!(settings["ResourceTypeOptInPreference"]["DynamoDB"], false);
    assert_eq!(settings["ResourceTypeOptInPreference"]["EBS"], true);
    let text = "Element present in resource type opt in preference has invalid values";
    let unknown = json!({"ResourceTypeOptInPreference": {"Mainframe": true}});
    sim.refused(
        "PUT",
        "/account-settings",
        unknown,
        400,
        "InvalidParameterValueException",
        text,
    );
    sim.refused(
        "PUT",
        "/account-settings",
        json!({}),
        400,
        "MissingParameterValueException",
        "",
    );
    sim.region = OTHER_REGION;
    assert_eq!(
        sim.get("/account-settings")["ResourceTypeOptInPreference"]["DynamoDB"],
        true
    );
    assert!(
        sim.get("/supported-resource-types")["ResourceTypes"]
            .as_array()
            .unwrap()
            .contains(&json!("DynamoDB"))
    );
}

#[test]
fn settings_of_the_organisation() {
    let mut sim = Sim::new();
    sim.refused(
        "GET",
        "/global-settings",
        Value::Null,
        400,
        "InvalidRequestException",
        "not a member",
    );
    sim.cloud.organization.management_account = Some(OTHER_ACCOUNT.to_owned());
    assert_eq!(
        sim.get("/global-settings")["GlobalSettings"]["isCrossAccountBackupEnabled"],
        "false"
    );
    let on = json!({"GlobalSettings": {"isCrossAccountBackupEnabled": "true"}});
    sim.refused(
        "PUT",
        "/global-settings",
        on.clone(),
        403,
        "AccessDeniedException",
        "Insufficient privileges",
    );
    sim.account = OTHER_ACCOUNT;
    sim.good("PUT", "/global-settings", on);
    let settings = sim.get("/global-settings");
    assert_eq!(settings["GlobalSettings"]["isCrossAccountBackupEnabled"], "true");
    assert_eq!(instant(&settings["LastUpdateTime"]), sim.now());
    let bad = json!({"GlobalSettings": {"isCrossAccountBackupEnabled": "perhaps"}});
    sim.refused(
        "PUT",
        "/global-settings",
        bad,
        400,
        "InvalidParameterValueException",
        "",
    );
}

#[test]
fn bodies_that_are_not_json_are_refused() {
    let sim = Sim::new();
    let mut call = testing::call(Service::Backup, ACCOUNT, REGION);
    call.method = Method::PUT;
    call.path = "/backup/plans/".to_owned();
    call.body = "{".into();
    assert_eq!(super::request::body(&call).unwrap_err().code, "SerializationException");
    assert!(super::route(&sim.cloud, &call).is_ok());
}
