//! What goes wrong on purpose.
//!
//! In: one call and what it asks for. Out: whether it is refused, dropped, cut short or delayed. Rates are decided by counting,
//! never by chance: the same calls in the same order suffer the same faults.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use chrono::{NaiveDateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::call::{Allowance, ApiError, Call, Operation, Service, expired_token};
use crate::ids::mix;
use crate::quota::{Buckets, Reads};
use crate::tamper::Tamper;

/// One fault. Without a limit it hits every call of every service.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(crate) struct Fault {
    /// Only this service, by signing name or IAM prefix.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) service: Option<String>,
    /// Only actions like this: `backup:List*`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) action: Option<String>,
    /// Only callers of this account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) account: Option<String>,
    /// Only calls into this Region.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) region: Option<String>,
    /// Only resources whose ARN is like this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) resource: Option<String>,
    /// Only callers whose ARN, or that of the role behind it, is like this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) principal: Option<String>,
    /// Only calls that change something.
    pub(crate) writes: bool,
    /// So many of the calls that it concerns go well first; with `deny`, of those that it denies.
    pub(crate) after: u64,
    /// It strikes so many of them, and none from then on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) times: Option<u64>,
    /// Part of the calls that is throttled, 0 to 1.
    pub(crate) throttle_rate: f64,
    /// For so many seconds from the first call on, every call is throttled: others use the account's rate up.
    pub(crate) throttle_for: u64,
    /// AWS's clock is so many minutes ahead of the caller's, whose signatures have expired if that is too much.
    pub(crate) clock_ahead_minutes: u64,
    /// Part of the calls that fails with a server error.
    pub(crate) error_rate: f64,
    /// Part of the calls whose connection is reset without an answer; the call itself is done.
    pub(crate) reset_rate: f64,
    /// Part of the calls whose answer ends in the middle; the call itself is done.
    pub(crate) truncate_rate: f64,
    /// Delay of every answer.
    pub(crate) latency_ms: u64,
    /// Up to so much more.
    pub(crate) latency_jitter_ms: u64,
    /// Access denied to actions like this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) deny: Option<String>,
    /// Each access key is refused as expired after so many calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) expired_credentials: Option<u64>,
    /// Token buckets at the published rates, per account, Region and API.
    pub(crate) quota: bool,
    /// Reads of one table beyond so many read units in a real second are refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) read_units: Option<f64>,
    /// One of so many members of a batch of DynamoDB comes back unprocessed.
    pub(crate) unprocessed_every: u64,
    /// The call is done, and its answer is made wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) answer: Option<Tamper>,
}

impl Fault {
    /// What is wrong with the fault itself, and at which key.
    pub(crate) fn problem(&self) -> Option<(&'static str, String)> {
        let rates = [
            ("throttle-rate", self.throttle_rate),
            ("error-rate", self.error_rate),
            ("reset-rate", self.reset_rate),
            ("truncate-rate", self.truncate_rate),
        ];
        if let Some((name, rate)) = rates.into_iter().find(|(_, rate)| !(0.0..=1.0).contains(rate)) {
            return Some((name, format!("`{name}` is {rate}; a rate lies between 0 and 1")));
        }
        if let Some(units) = self.read_units.filter(|units| !(units.is_finite() && *units > 0.0)) {
            return Some((
                "read-units",
                format!("`read-units` is {units}; it has to be more than 0"),
            ));
        }
        if self.unprocessed_every == 1 {
            let problem = "`unprocessed-every` is 1; DynamoDB refuses a batch of which nothing was done";
            return Some(("unprocessed-every", problem.to_owned()));
        }
        if let Some(problem) = self.answer.as_ref().and_then(Tamper::problem) {
            return Some(problem);
        }
        let does_something = rates.iter().any(|(_, rate)| *rate > 0.0)
            || self.latency_ms + self.latency_jitter_ms + self.throttle_for + self.clock_ahead_minutes > 0
            || self.deny.is_some()
            || self.expired_credentials.is_some()
            || self.quota
            || self.read_units.is_some()
            || self.unprocessed_every > 0
            || self.answer.is_some();
        if does_something {
            None
        } else {
            Some(("", "the fault does nothing".to_owned()))
        }
    }

    fn concerns(&self, call: &Call, operation: &Operation) -> bool {
        let is = |limit: &Option<String>, value: &str| limit.as_deref().is_none_or(|limit| limit == value);
        let like = |limit: &Option<String>, value: &str| limit.as_deref().is_none_or(|pattern| matches(pattern, value));
        let service = self
            .service
            .as_deref()
            .is_none_or(|name| name == call.service.signing_name() || name == call.service.iam_prefix());
        let caller = &call.caller;
        let principal = like(&self.principal, &caller.arn) || like(&self.principal, &caller.principal);
        service
            && principal
            && (!self.writes || operation.is_write())
            && is(&self.account, &call.caller.account)
            && is(&self.region, &call.caller.region)
            && like(&self.action, &operation.action)
            && (like(&self.resource, &operation.resource) || self.denied(call, operation).is_some())
    }

    /// The action that `deny` denies to a call, and on what: its own, or that it hands a role over.
    fn denied(&self, call: &Call, operation: &Operation) -> Option<(String, String)> {
        let pattern = self.deny.as_deref()?;
        let is_meant = |resource: &str| self.resource.as_deref().is_none_or(|limit| matches(limit, resource));
        if matches(pattern, &operation.action) {
            return is_meant(&operation.resource).then(|| (operation.action.clone(), operation.resource.clone()));
        }
        let passes = matches(pattern, PASS_ROLE) && operation.is_write();
        let role = passes.then(|| call.passed_role()).flatten()?;
        is_meant(&role).then(|| (PASS_ROLE.to_owned(), role))
    }
}

/// What a caller needs on a role that AWS Backup is to use.
const PASS_ROLE: &str = "iam:PassRole";

/// What a call suffers.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Fate {
    /// The answer instead of the real one; the call is not done.
    pub(crate) refusal: Option<ApiError>,
    pub(crate) delay: Duration,
    pub(crate) reset: bool,
    pub(crate) truncate: bool,
    pub(crate) tampering: Vec<Tamper>,
    /// What is left of a batch.
    pub(crate) allowance: Allowance,
}

/// The active faults with their counters.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    active: BTreeMap<u64, Active>,
    last: u64,
    seed: u64,
}

#[derive(Debug)]
struct Active {
    fault: Fault,
    count: u64,
    /// What `after` and `times` count.
    turns: u64,
    first: Option<Instant>,
    calls_by_key: BTreeMap<String, u64>,
    buckets: Buckets,
    reads: Reads,
}

impl Faults {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            seed,
            ..Self::default()
        }
    }

    /// Switches a fault on; gives its number.
    pub(crate) fn add(&mut self, fault: Fault) -> u64 {
        self.last += 1;
        let active = Active {
            fault,
            count: 0,
            turns: 0,
            first: None,
            calls_by_key: BTreeMap::new(),
            buckets: Buckets::default(),
            reads: Reads::default(),
        };
        self.active.insert(self.last, active);
        self.last
    }

    /// Switches one fault off. False: there is none of that number.
    pub(crate) fn remove(&mut self, number: u64) -> bool {
        self.active.remove(&number).is_some()
    }

    /// Switches all faults off.
    pub(crate) fn clear(&mut self) {
        self.active.clear();
    }

    /// The active faults by number.
    pub(crate) fn list(&self) -> impl Iterator<Item = (u64, &Fault)> {
        self.active.iter().map(|(number, active)| (*number, &active.fault))
    }

    /// Decides what happens to a call.
    pub(crate) fn fate(&mut self, call: &Call, operation: &Operation) -> Fate {
        let mut fate = Fate::default();
        let seed = self.seed;
        for (number, active) in &mut self.active {
            if active.fault.concerns(call, operation) {
                active.count += 1;
                if !active.is_its_turn(call, operation) {
                    continue;
                }
                let refusal = active.strike(
                    call,
                    operation,
                    Dice {
                        seed,
                        fault: *number,
                        count: active.count,
                    },
                    &mut fate,
                );
                fate.refusal = fate.refusal.or(refusal);
            }
        }
        fate
    }

    /// Notes the read units that a call took.
    pub(crate) fn consume(&mut self, call: &Call, operation: &Operation, units: f64) {
        for active in self.active.values_mut() {
            if active.fault.read_units.is_some() && active.fault.concerns(call, operation) {
                active.reads.consume(&operation.resource, units);
            }
        }
    }
}

impl Active {
    /// Whether `after` and `times` let it strike; counts the call.
    fn is_its_turn(&mut self, call: &Call, operation: &Operation) -> bool {
        let fault = &self.fault;
        let counts = fault.deny.is_none() || fault.denied(call, operation).is_some();
        self.turns += u64::from(counts);
        let struck = self.turns.saturating_sub(fault.after);
        struck > 0 && fault.times.is_none_or(|times| struck <= times)
    }

    fn strike(&mut self, call: &Call, operation: &Operation, dice: Dice, fate: &mut Fate) -> Option<ApiError> {
        let fault = &self.fault;
        let jitter = (dice.roll(5) * fault.latency_jitter_ms as f64) as u64;
        fate.delay += Duration::from_millis(fault.latency_ms + jitter);
        fate.reset |= dice.roll(1) < fault.reset_rate;
        fate.truncate |= dice.roll(2) < fault.truncate_rate;
        fate.tampering.extend(fault.answer.clone());
        if let Some(limit) = fault.expired_credentials {
            let calls = self.calls_by_key.entry(call.caller.access_key.clone()).or_default();
            *calls += 1;
            if *calls > limit {
                return Some(expired_token());
            }
        }
        if let Some((action, resource)) = fault.denied(call, operation) {
            return Some(denied(call, &action, &resource));
        }
        if let Some(expired) = expired_signature(call, fault.clock_ahead_minutes) {
            return Some(expired);
        }
        let first = *self.first.get_or_insert_with(Instant::now);
        if first.elapsed() < Duration::from_secs(fault.throttle_for) || dice.roll(3) < fault.throttle_rate {
            return Some(throttled(call.service));
        }
        if dice.roll(4) < fault.error_rate {
            return Some(server_error(call.service, dice.count));
        }
        if let Some(rate) = fault.read_units.filter(|_| reads_items(call, operation)) {
            let left = self.reads.left(&operation.resource, rate, Instant::now());
            if left <= 0.0 {
                return Some(capacity_exceeded());
            }
            let least = fate.allowance.read_units.map_or(left, |other| other.min(left));
            fate.allowance.read_units = Some(least);
        }
        if fault.unprocessed_every > 0 {
            fate.allowance.leaves_every = Some((fault.unprocessed_every, dice.count));
        }
        let over = fault.quota && !self.buckets.take(call, operation, Instant::now());
        over.then(|| throttled(call.service))
    }
}

/// Numbers between 0 and 1 that follow from what is counted.
#[derive(Debug, Clone, Copy)]
struct Dice {
    seed: u64,
    fault: u64,
    count: u64,
}

impl Dice {
    fn roll(self, kind: u64) -> f64 {
        let bits = mix(mix(mix(self.seed ^ self.fault << 32) ^ kind) ^ self.count);
        (bits >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// What each service answers to a caller whose policy does not allow the action.
pub(crate) fn denied(call: &Call, action: &str, resource: &str) -> ApiError {
    let message = format!(
        "User: {} is not authorized to perform: {action} on resource: {resource} because no identity-based policy allows the {action} action",
        call.caller.arn
    );
    let (status, code) = match call.service {
        Service::Iam | Service::Sts | Service::S3 => (403, "AccessDenied"),
        Service::Backup | Service::Account | Service::SecurityHub => (403, "AccessDeniedException"),
        _ => (400, "AccessDeniedException"),
    };
    ApiError::new(status, code, message)
}

/// The refusal of a signature that is older than AWS takes one, by a clock that is so many minutes ahead of this machine's.
fn expired_signature(call: &Call, ahead_minutes: u64) -> Option<ApiError> {
    const FORMAT: &str = "%Y%m%dT%H%M%SZ";
    if ahead_minutes == 0 {
        return None;
    }
    let header = call.headers.get("x-amz-date")?.to_str().ok()?;
    let signed = NaiveDateTime::parse_from_str(header, FORMAT).ok()?.and_utc();
    let now = Utc::now() + TimeDelta::minutes(i64::try_from(ahead_minutes).ok()?);
    let minutes = if call.service == Service::S3 { 15 } else { 5 };
    let oldest = now - TimeDelta::minutes(minutes);
    if signed >= oldest {
        return None;
    }
    let (oldest, now) = (oldest.format(FORMAT), now.format(FORMAT));
    Some(match call.service {
        Service::S3 => ApiError::new(
            403,
            "RequestTimeTooSkewed",
            "The difference between the request time and the current time is too large.",
        ),
        _ => ApiError::new(
            403,
            "SignatureDoesNotMatch",
            format!("Signature expired: {header} is now earlier than {oldest} ({now} - {minutes} min.)"),
        ),
    })
}

/// Whether a call reads items, and so takes read capacity.
fn reads_items(call: &Call, operation: &Operation) -> bool {
    call.service == Service::DynamoDb && ["BatchGetItem", "GetItem", "Query", "Scan"].contains(&operation.name)
}

/// A table's reads are beyond its capacity.
fn capacity_exceeded() -> ApiError {
    let message = "The level of configured provisioned throughput for the table was exceeded. Consider increasing your provisioning \
                   level with the UpdateTable API.";
    ApiError::new(400, "ProvisionedThroughputExceededException", message)
}

/// The error of too many calls, by service.
fn throttled(service: Service) -> ApiError {
    let (status, code, message) = match service {
        Service::S3 => (503, "SlowDown", "Please reduce your request rate."),
        Service::Iam | Service::Sts => (400, "Throttling", "Rate exceeded"),
        Service::DynamoDb => (
            400,
            "ThrottlingException",
            "Rate of requests exceeds the allowed throughput.",
        ),
        Service::Account | Service::Organizations | Service::SecurityHub => {
            (429, "TooManyRequestsException", "Rate exceeded")
        }
        _ => (400, "ThrottlingException", "Rate exceeded"),
    };
    ApiError::new(status, code, message)
}

/// A server error: now an internal one, now "unavailable".
fn server_error(service: Service, count: u64) -> ApiError {
    let unavailable = count.is_multiple_of(2);
    let (status, code) = match (service, unavailable) {
        (Service::S3, false) => (500, "InternalError"),
        (Service::S3, true) => (503, "ServiceUnavailable"),
        (Service::Sts, _) => (503, "ServiceUnavailable"),
        (Service::Iam, false) => (500, "ServiceFailure"),
        (Service::Iam, true) => (503, "ServiceUnavailable"),
        (Service::DynamoDb, false) => (500, "InternalServerError"),
        (Service::Backup, _) => (500, "ServiceUnavailableException"),
        (Service::Kms, false) => (500, "KMSInternalException"),
        (Service::Tagging, false) => (500, "InternalServiceException"),
        (_, false) => (500, "InternalFailure"),
        (_, true) => (503, "ServiceUnavailableException"),
    };
    ApiError::new(
        status,
        code,
        "The service is temporarily unavailable. Please try again.",
    )
}

/// True if a text is like a pattern, in which `*` stands for any characters.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(mut text) = text.strip_prefix(head) else {
        return false;
    };
    let mut parts = rest.split('*').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return text.ends_with(part);
        }
        match text.find(part) {
            Some(at) => text = &text[at + part.len()..],
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(service: Service) -> Call {
        crate::testing::call(service, "111122223333", "eu-west-1")
    }

    fn operation(name: &'static str) -> Operation {
        Operation {
            name,
            action: format!("backup:{name}"),
            resource: "arn:aws:backup:eu-west-1:111122223333:backup-vault:v".to_owned(),
        }
    }

    #[test]
    fn patterns() {
        for (pattern, text, like) in [
            ("backup:List*", "backup:ListTags", true),
            ("backup:List*", "backup:GetBackupPlan", false),
            ("*", "anything", true),
            ("a*b*c", "a1b2c", true),
            ("a*b*c", "a1c2b", false),
            ("a*bc", "abcbc", true),
            ("same", "same", true),
            ("same", "sames", false),
        ] {
            assert_eq!(matches(pattern, text), like, "{pattern} {text}");
        }
    }

    #[test]
    fn rates_are_kept_and_repeat() {
        let throttled = |seed| -> Vec<bool> {
            let mut faults = Faults::new(seed);
            faults.add(Fault {
                throttle_rate: 0.1,
                ..Fault::default()
            });
            let call = call(Service::Backup);
            (0..5000)
                .map(|_| faults.fate(&call, &operation("ListTags")).refusal.is_some())
                .collect()
        };
        let first = throttled(7);
        assert_eq!(first, throttled(7));
        assert_ne!(first, throttled(8));
        let count = first.iter().filter(|hit| **hit).count();
        assert!((430..570).contains(&count), "{count}");
    }

    #[test]
    fn faults_keep_to_their_limits() {
        let mut faults = Faults::new(1);
        faults.add(Fault {
            deny: Some("backup:List*".to_owned()),
            region: Some("eu-west-1".to_owned()),
            resource: Some("*:backup-vault:v".to_owned()),
            ..Fault::default()
        });
        let here = call(Service::Backup);
        let refusal = faults.fate(&here, &operation("ListTags")).refusal.unwrap();
        assert_eq!((refusal.status, refusal.code.as_str()), (403, "AccessDeniedException"));
        assert!(
            refusal
                .message
                .contains("is not authorized to perform: backup:ListTags on resource: arn:aws:backup")
        );
        assert_eq!(faults.fate(&here, &operation("GetBackupPlan")).refusal, None);
        let mut there = call(Service::Backup);
        there.caller.region = "us-east-1".to_owned();
        assert_eq!(faults.fate(&there, &operation("ListTags")).refusal, None);
        let other = Operation {
            resource: "*".to_owned(),
            ..operation("ListTags")
        };
        assert_eq!(faults.fate(&here, &other).refusal, None);
        faults.clear();
        assert_eq!(faults.fate(&here, &operation("ListTags")), Fate::default());
    }

    #[test]
    fn credentials_expire_by_key() {
        let mut faults = Faults::new(1);
        faults.add(Fault {
            expired_credentials: Some(2),
            ..Fault::default()
        });
        let mut call = call(Service::DynamoDb);
        let mut refused = |key: &str| {
            call.caller.access_key = key.to_owned();
            faults.fate(&call, &operation("ListTables")).refusal.is_some()
        };
        assert_eq!(
            [
                refused("A"),
                refused("A"),
                refused("A"),
                refused("B"),
                refused("B"),
                refused("B")
            ],
            [false, false, true, false, false, true]
        );
    }

    #[test]
    fn a_fault_may_begin_late_and_end() {
        let mut faults = Faults::new(1);
        faults.add(Fault {
            deny: Some("backup:CreateBackupPlan".to_owned()),
            principal: Some("*:user/auditor".to_owned()),
            after: 1,
            times: Some(2),
            ..Fault::default()
        });
        let call = call(Service::Backup);
        let mut refused = |name| faults.fate(&call, &operation(name)).refusal.is_some();
        let names = [
            "CreateBackupPlan",
            "ListTags",
            "CreateBackupPlan",
            "CreateBackupPlan",
            "CreateBackupPlan",
        ];
        assert_eq!(names.map(&mut refused), [false, false, true, true, false]);
        let mut other = call.clone();
        other.caller.arn = "arn:aws:sts::111122223333:assumed-role/Fixer/x".to_owned();
        other.caller.principal = "arn:aws:iam::111122223333:role/team/Fixer".to_owned();
        let fault = |principal: &str| Fault {
            principal: Some(principal.to_owned()),
            writes: true,
            throttle_rate: 1.0,
            ..Fault::default()
        };
        for (pattern, name, strikes) in [
            ("*:role/team/Fixer", "CreateBackupPlan", true),
            ("*:assumed-role/Fixer/*", "UntagResource", true),
            ("*:role/team/Fixer", "ListTags", false),
            ("*:user/*", "CreateBackupPlan", false),
        ] {
            let mut faults = Faults::new(1);
            faults.add(fault(pattern));
            let refusal = faults.fate(&other, &operation(name)).refusal;
            assert_eq!(refusal.is_some(), strikes, "{pattern} {name}");
        }
    }

    #[test]
    fn a_role_may_not_be_passed() {
        let mut faults = Faults::new(1);
        faults.add(Fault {
            deny: Some("iam:PassRole".to_owned()),
            resource: Some("*:role/service-role/*".to_owned()),
            ..Fault::default()
        });
        let refused = |faults: &mut Faults, name: &'static str, body: &'static str| {
            let call = Call {
                body: body.into(),
                ..call(Service::Backup)
            };
            faults.fate(&call, &operation(name)).refusal.map(|error| error.message)
        };
        let selection = r#"{"BackupSelection": {"IamRoleArn": "arn:aws:iam::111122223333:role/service-role/x"}}"#;
        let message = refused(&mut faults, "CreateBackupSelection", selection).unwrap();
        assert!(
            message.contains("perform: iam:PassRole on resource: arn:aws:iam::111122223333:role/service-role/x"),
            "{message}"
        );
        let other = r#"{"IamRoleArn": "arn:aws:iam::111122223333:role/x"}"#;
        assert_eq!(refused(&mut faults, "StartBackupJob", other), None);
        assert_eq!(refused(&mut faults, "CreateBackupVault", "{}"), None);
    }

    #[test]
    fn reads_beyond_a_capacity_are_refused() {
        let mut faults = Faults::new(1);
        faults.add(Fault {
            read_units: Some(1e-3),
            ..Fault::default()
        });
        let call = call(Service::DynamoDb);
        let refused = |faults: &mut Faults, name, table: &str| {
            let operation = Operation {
                resource: table.to_owned(),
                ..operation(name)
            };
            let refusal = faults.fate(&call, &operation).refusal;
            if refusal.is_none() {
                faults.consume(&call, &operation, 0.5);
            }
            refusal.map(|error| error.code)
        };
        assert_eq!(refused(&mut faults, "Scan", "a"), None);
        let exceeded = Some("ProvisionedThroughputExceededException".to_owned());
        assert_eq!(refused(&mut faults, "Scan", "a"), exceeded);
        assert_eq!(refused(&mut faults, "BatchGetItem", "a"), exceeded);
        assert_eq!(refused(&mut faults, "DescribeTable", "a"), None);
        assert_eq!(
            refused(&mut faults, "Scan", "b"),
            None,
            "each table has its own capacity"
        );
    }

    #[test]
    fn wrong_faults_are_told() {
        assert!(Fault::default().problem().is_some());
        assert!(
            Fault {
                throttle_rate: 1.5,
                ..Fault::default()
            }
            .problem()
            .unwrap()
            .1
            .contains("throttle-rate")
        );
        assert_eq!(
            Fault {
                quota: true,
                ..Fault::default()
            }
            .problem(),
            None
        );
        assert!(serde_json::from_str::<Fault>("{\"throttle\": 1}").is_err());
    }
}
