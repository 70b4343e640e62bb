//! Packs of drills for tests: a record built up part by part, sealed as `drill` seals it, signed with stock ssh-keygen.

use std::path::{Path, PathBuf};
use std::process::Command;

use backproof::drill::pack;
use backproof::pack::seal;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::Bench;

/// Where the tables of the small world are.
pub const TABLES: &str = "arn:aws:dynamodb:eu-west-1:111122223333:table";

/// What a run of `drill` saw, to be changed at will.
pub struct Drilled {
    pub record: Value,
    at: DateTime<Utc>,
}

fn text(at: DateTime<Utc>) -> Value {
    json!(at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true))
}

impl Drilled {
    /// A run that began at that instant and tested nothing yet.
    pub fn new(run: &str, began: DateTime<Utc>) -> Self {
        Self {
            record: json!({
                "schema_version": 1,
                "run_id": run,
                "tool_version": env!("CARGO_PKG_VERSION"),
                "caller_arn": "arn:aws:iam::111122223333:role/Drill",
                "began_at": text(began),
                "ended_at": text(began + TimeDelta::minutes(40)),
                "drills": [],
                "left_out": [],
            }),
            at: began,
        }
    }

    /// So many minutes after the beginning.
    pub fn minute(&self, minutes: i64) -> Value {
        text(self.at + TimeDelta::minutes(minutes))
    }

    /// One drill more, of a table that was born then: restored in 20 minutes, and identical.
    pub fn with(mut self, table_arn: &str, born: &Value) -> Self {
        let number = self.record["drills"].as_array().expect("a list").len() + 1;
        let run = self.record["run_id"].as_str().expect("a run").to_owned();
        let name = table_arn.rsplit('/').next().expect("a name");
        let reading = json!({
            "items": 5,
            "digest": "3b".repeat(32),
            "is_consistent": false,
            "read_units": 1.5,
            "began_at": self.minute(22),
            "ended_at": self.minute(23),
        });
        let drill = json!({
            "number": number,
            "source": { "table_arn": table_arn, "created_at": born, "is_there": true },
            "point": {
                "arn": format!("arn:aws:backup:eu-west-1:111122223333:recovery-point:{run}-{name}"),
                "vault_name": "Default",
                "created_at": self.minute(-1440),
                "completed_at": self.minute(-1430),
                "size_bytes": 2048,
                "is_cold": false,
            },
            "restored": {
                "account_id": "111122223333",
                "region": "eu-west-1",
                "table_name": format!("backproof-drill-{run}-{number}"),
                "table_id": format!("id-{run}-{number}"),
                "key": "aws-owned",
                "role_arn": "arn:aws:iam::111122223333:role/Restore",
                "job_id": format!("job-{run}-{number}"),
            },
            "job": {
                "state": "COMPLETED",
                "message": "",
                "created_at": self.minute(1),
                "completed_at": self.minute(20),
            },
            "times": {
                "ordered_at": self.minute(1),
                "running_at": self.minute(2),
                "active_at": self.minute(21),
                "compared_at": self.minute(25),
                "gone_at": self.minute(27),
            },
            "rto_seconds": 3600,
            "definition": {
                "parts": [{ "name": "key schema", "source": "id (S)", "restored": "id (S)", "outcome": "equal" }],
                "set_again": ["tags", "time to live"],
                "source_unknown": null,
            },
            "items": {
                "against": { "kind": "source" },
                "reach": { "kind": "whole" },
                "restored": reading,
                "other": reading,
                "differences": null,
                "statement": "Every item of both tables was read, and they are the same.",
            },
            "cleanup": { "kind": "gone" },
            "trouble": null,
            "verdict": "identical",
        });
        self.record["drills"].as_array_mut().expect("a list").push(drill);
        self
    }

    /// Changes the drill with that number.
    pub fn change(mut self, number: usize, change: impl FnOnce(&mut Value)) -> Self {
        change(&mut self.record["drills"][number - 1]);
        self
    }

    /// That drill brought back something else: one item is damaged.
    pub fn different(self, number: usize) -> Self {
        self.change(number, |drill| {
            drill["items"]["differences"] = json!({
                "changed_at": null, "since": 0, "damaged": 1, "untold": 0,
                "examples": [{ "kind": "changed", "when": "before", "key": "ab".repeat(32) }],
            });
            drill["items"]["statement"] = json!("1 item of the new table is not as the point had to hold it.");
            drill["verdict"] = json!("different");
        })
    }

    /// Plan and journal name what the record tells of.
    fn beside(&self) -> (Value, String) {
        let drills = self.record["drills"].as_array().expect("a list");
        let plan = drills
            .iter()
            .map(|drill| json!({ "table_arn": drill["source"]["table_arn"], "point_arn": drill["point"]["arn"] }));
        let journal = drills
            .iter()
            .map(|drill| json!({ "job_id": drill["restored"]["job_id"] }).to_string() + "\n");
        (json!({ "drills": plan.collect::<Vec<_>>() }), journal.collect())
    }

    /// Makes the pack.
    pub fn seal(&self, dir: &Path) {
        let (plan, journal) = self.beside();
        std::fs::create_dir_all(dir).expect("a folder");
        std::fs::write(dir.join("plan.json"), plan.to_string()).expect("written");
        std::fs::write(dir.join("journal.jsonl"), journal).expect("written");
        self.reseal(dir);
    }

    /// Writes the record anew beside the plan and journal that are there, as a forger does.
    pub fn reseal(&self, dir: &Path) {
        std::fs::write(dir.join("drill.json"), self.record.to_string()).expect("written");
        pack::anew(dir).expect("sealed");
    }

    /// Makes the pack in the bench's folder and signs it with the key of that number.
    pub fn signed(&self, bench: &Bench, name: &str, seed: u8) -> PathBuf {
        let dir = bench.path(name);
        self.seal(&dir);
        sign(&dir, &super::evidence::key(bench, seed).0);
        dir
    }
}

/// Says in the manifest by how much AWS's clock is ahead of the machine's.
pub fn skewed(dir: &Path, seconds: i64) {
    let mut manifest = pack::anew(dir).expect("sealed");
    manifest.clock_skew_seconds = Some(seconds);
    seal::write_manifest(dir, &manifest).expect("written");
}

/// Signs the manifest in a folder as `ssh-keygen` does.
pub fn sign(dir: &Path, key: &str) {
    let _ = std::fs::remove_file(dir.join("manifest.json.sig"));
    let ran = Command::new("ssh-keygen")
        .args(["-Y", "sign", "-q", "-f", key, "-n", "backproof", "manifest.json"])
        .current_dir(dir)
        .output()
        .expect("ssh-keygen is installed");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
}
