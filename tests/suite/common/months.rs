//! Time that passes on the sandbox's clock, packs that are written now and then, and attestations over them.

use serde_json::{Value, json};

use super::aws::{create_table, delete_table};
use super::{Bench, Ran};

/// A bench and its packs, in order.
pub struct Months {
    pub bench: Bench,
    pub packs: Vec<String>,
}

impl Months {
    pub fn new(world: &str, policy: &str) -> Self {
        let bench = Bench::new(world);
        bench.write("backproof.toml", policy);
        Self {
            bench,
            packs: Vec::new(),
        }
    }

    pub fn at(&self, instant: &str) {
        let body = json!({ "set": instant }).to_string();
        self.bench.control("POST /_sandbox/clock", &body);
    }

    pub fn pack(&mut self) {
        self.pack_of(&[]);
    }

    /// Lets the world come to that instant and scans it.
    pub fn pack_at(&mut self, instant: &str) {
        self.at(instant);
        self.pack();
    }

    /// A scan with these arguments.
    pub fn pack_of(&mut self, more: &[&str]) {
        let name = format!("pack-{}", self.packs.len());
        let (ran, _) = self.bench.scan(&name, &[&["--format", "json"], more].concat());
        assert!(matches!(ran.code, 0 | 10 | 11), "{}", ran.stderr);
        self.packs.push(name);
    }

    pub fn create(&self, name: &str, plan: &str) {
        create_table(&self.bench, name, &json!([{ "Key": "backup", "Value": plan }]));
    }

    pub fn delete(&self, name: &str) {
        delete_table(&self.bench, name);
    }

    pub fn run(&self, packs: &[String], from: &str, to: &str, more: &[&str]) -> Ran {
        let mut args = vec!["attest", "--from", from, "--to", to, "--pack"];
        args.extend(packs.iter().map(String::as_str));
        args.extend(more);
        self.bench.run(&args)
    }

    pub fn attest(&self, from: &str, to: &str) -> (i32, Value) {
        self.attest_with(&self.packs, from, to)
    }

    /// The attestation of some packs as JSON, and how the program ended.
    pub fn attest_with(&self, packs: &[String], from: &str, to: &str) -> (i32, Value) {
        let ran = self.run(packs, from, to, &["--format", "json", "--out", "-"]);
        (ran.code, ran.json())
    }
}

pub fn rows<'a>(attestation: &'a Value, name: &str) -> Vec<&'a Value> {
    let tables = attestation["tables"].as_array().expect("tables");
    tables.iter().filter(|table| table["table_name"] == name).collect()
}

pub fn row<'a>(attestation: &'a Value, name: &str) -> &'a Value {
    match rows(attestation, name).as_slice() {
        [row] => row,
        other => panic!("{} rows of {name}: {attestation}", other.len()),
    }
}

pub fn days<'a>(attestation: &'a Value, name: &str) -> &'a str {
    row(attestation, name)["days"].as_str().expect("days")
}
