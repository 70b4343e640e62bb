//! The sandbox's own endpoints under `/_sandbox/`: clock, faults, statistics, the log of writes, the state. They never suffer faults.

use chrono::{DateTime, TimeDelta, Utc};
use hyper::Method;
use serde_json::{Value, json};

use crate::call::Reply;
use crate::cloud::Cloud;
use crate::dump::{Form, dump};
use crate::faults::{Fault, Faults};
use crate::stats::Stats;
use crate::time;
use crate::writes::Writes;

/// The prefix of the paths.
pub(crate) const PREFIX: &str = "/_sandbox/";

/// What the endpoints read and change.
pub(crate) struct Controls<'a> {
    pub(crate) cloud: &'a mut Cloud,
    pub(crate) faults: &'a mut Faults,
    pub(crate) stats: &'a mut Stats,
    pub(crate) writes: &'a mut Writes,
}

impl Controls<'_> {
    /// Answers one request.
    pub(crate) fn answer(&mut self, method: &Method, path: &str, body: &[u8]) -> Reply {
        let path = path.strip_prefix(PREFIX).unwrap_or(path).trim_end_matches('/');
        let outcome = match (method, path) {
            (&Method::GET, "clock") => Ok(self.clock()),
            (&Method::POST, "clock") => self.move_clock(body),
            (&Method::GET, "faults") => Ok(self.faults()),
            (&Method::POST, "faults") => self.add_faults(body),
            (&Method::DELETE, "faults") => {
                self.faults.clear();
                Ok(self.faults())
            }
            (&Method::DELETE, path) if path.starts_with("faults/") => self.remove_fault(&path["faults/".len()..]),
            (&Method::GET, "stats") => Ok(self.stats.to_json()),
            (&Method::DELETE, "stats") => {
                *self.stats = Stats::default();
                Ok(self.stats.to_json())
            }
            (&Method::GET, "writes") => Ok(self.writes.to_json()),
            (&Method::DELETE, "writes") => {
                self.writes.clear();
                Ok(self.writes.to_json())
            }
            (&Method::GET, "state") => Ok(self.state(Form::Full)),
            (&Method::GET, "state/comparable") => Ok(self.state(Form::Comparable)),
            _ => return refuse(404, &format!("no such endpoint: {method} {PREFIX}{path}")),
        };
        match outcome {
            Ok(value) => Reply::json(200, &value),
            Err(message) => refuse(400, &message),
        }
    }

    /// What is due has happened.
    fn state(&mut self, form: Form) -> Value {
        time::settle(self.cloud);
        dump(self.cloud, form)
    }

    fn clock(&self) -> Value {
        json!({ "now": self.cloud.now().to_rfc3339_opts(chrono::SecondsFormat::Millis, true), "frozen": self.cloud.clock.is_frozen() })
    }

    fn move_clock(&mut self, body: &[u8]) -> Result<Value, String> {
        let body: Value = serde_json::from_slice(body).map_err(|error| format!("the body is not JSON: {error}"))?;
        match (&body["advance-seconds"], &body["set"]) {
            (Value::Number(seconds), Value::Null) => {
                let millis = seconds
                    .as_f64()
                    .map(|seconds| seconds * 1000.0)
                    .filter(|millis| (0.0..1e14).contains(millis));
                let millis = millis.ok_or("`advance-seconds` has to be 0 or more; the clock never goes back")?;
                self.cloud.clock.advance(TimeDelta::milliseconds(millis as i64));
            }
            (Value::Null, Value::String(at)) => {
                let at = DateTime::parse_from_rfc3339(at).map_err(|error| format!("`set` is no instant: {error}"))?;
                if !self.cloud.clock.set(at.with_timezone(&Utc)) {
                    return Err("`set` lies in the past; the clock never goes back".to_owned());
                }
            }
            _ => {
                return Err(
                    "the body has to be {\"advance-seconds\": N} or {\"set\": \"2026-11-01T00:00:00Z\"}".to_owned(),
                );
            }
        }
        time::settle(self.cloud);
        Ok(self.clock())
    }

    fn faults(&self) -> Value {
        let fault = |(number, fault): (u64, &Fault)| json!({ "id": number, "fault": fault });
        json!({ "faults": self.faults.list().map(fault).collect::<Vec<_>>() })
    }

    /// Takes one fault, or a list of them; all of them or none.
    fn add_faults(&mut self, body: &[u8]) -> Result<Value, String> {
        let body: Value = serde_json::from_slice(body).map_err(|error| format!("the body is not JSON: {error}"))?;
        let list = match body {
            Value::Array(list) => list,
            one => vec![one],
        };
        let read = |value| {
            let fault: Fault = serde_json::from_value(value).map_err(|error| error.to_string())?;
            fault.problem().map_or(Ok(fault), |(_, problem)| Err(problem))
        };
        let faults: Vec<Fault> = list.into_iter().map(read).collect::<Result<_, String>>()?;
        let ids: Vec<u64> = faults.into_iter().map(|fault| self.faults.add(fault)).collect();
        Ok(json!({ "ids": ids }))
    }

    fn remove_fault(&mut self, number: &str) -> Result<Value, String> {
        match number.parse() {
            Ok(number) if self.faults.remove(number) => Ok(self.faults()),
            _ => Err(format!("there is no fault {number}")),
        }
    }
}

fn refuse(status: u16, message: &str) -> Reply {
    Reply::json(status, &json!({ "error": message }))
}
