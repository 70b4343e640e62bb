//! `remediate apply` and `undo` killed at any moment, over a plan with every kind of action: what is begun again ends as if nothing had
//! happened, nothing is done twice, and nothing outside the plan is touched.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use chrono::{Days, Utc};
use serde_json::Value;

use crate::common::{Bench, json_file};

const KINDS: [&str; 15] = [
    "assign",
    "backup-now",
    "copy",
    "deletion-protection",
    "opt-in",
    "pitr",
    "plan-change",
    "plan-create",
    "point-lifecycle",
    "restore-testing",
    "role",
    "tag-table",
    "vault",
    "vault-lock",
    "vault-policy",
];

/// Two Regions: one with a plan that keeps too short, one in which nothing is set up.
const WORLD: &str = r#"
history-days = 3
[jobs]
backup-seconds = 1
copy-seconds = 1
[iam]
propagation-seconds = 5
[[account]]
id = "111122223333"
regions = ["eu-west-1", "eu-central-1"]
default-role = "absent"
[[vault]]
account = "111122223333"
region = "eu-west-1"
name = "Default"
[[vault]]
account = "111122223333"
region = "eu-central-1"
name = "Default"
[settings."111122223333/eu-central-1"]
dynamodb-opt-in = false
dynamodb-advanced = false
[[plan]]
account = "111122223333"
region = "eu-west-1"
name = "daily"
role = "Own"
[[plan.rule]]
name = "daily"
vault = "Default"
schedule = "cron(0 5 ? * * *)"
start-window-minutes = 60
delete-after-days = 60
[[plan.selection]]
name = "tagged"
tags = [{ key = "backup", value = "daily" }]
[[table]]
account = "111122223333"
region = "eu-west-1"
name = "orders"
tags = { backup = "daily" }
created-days-ago = 300
[[table]]
account = "111122223333"
region = "eu-west-1"
name = "forgotten"
created-days-ago = 300
[[table]]
account = "111122223333"
region = "eu-central-1"
name = "bare"
created-days-ago = 300
[[event]]
account = "111122223333"
region = "eu-west-1"
at = "2d"
do = "on-demand-backup"
role = "Own"
table = "orders"
vault = "Default"
delete-after-days = 40
# Nobody asks for anything of this one.
[[table]]
account = "111122223333"
region = "eu-west-1"
name = "exempt"
created-days-ago = 300
"#;

const SETTINGS: &str = r#"
[policy]
retention-min = "90d"
vault-lock = "governance"
restore-tested-within = "14d"
copy = { regions = ["eu-central-1"] }
[[policy.tier]]
name = "scratch"
when = "table_name = 'exempt'"
exempt = true
reason = "filled anew every night"
approver = "head of platform"
expires = "EXPIRES"
max-tables = 1
[rules]
target-opted-in = "require"
recovery-point-retained = "require"
pitr-on = "require"
deletion-protection-on = "require"
vault-denies-manual-deletion = "require"
restore-testing-planned = "require"
[remediation]
assign = "tag"
break-glass = ["arn:aws:iam::111122223333:user/auditor"]
"#;

/// Every answer takes so long: moments fall between a call and what the journal says of it.
const SLOW: &str = r#"{"latency-ms": 15}"#;

const APPLY: [&str; 8] = [
    "remediate",
    "apply",
    "plan.json",
    "--yes",
    "--wait",
    "--poll-interval",
    "1s",
    "--max-changes=200",
];

/// Back to how it was, with all that was made.
const UNDO: [&str; 7] = [
    "remediate",
    "undo",
    "plan.json",
    "--with-points",
    "--last-point-of=bare,forgotten",
    "--confirm",
    "AWSBackupDefaultServiceRole,AWS Backup's settings,Default,backproof,backproof-default,backproof_restore_tests,bare,daily,forgotten,orders",
];

/// A world of its own, a minute after the scan that the plan rests on.
fn bench(now: &str, plan: &str) -> Bench {
    let bench = Bench::new(&format!("{now}{WORLD}"));
    bench.write("plan.json", plan);
    bench.control("POST /_sandbox/clock", r#"{"advance-seconds": 60}"#);
    bench.fault(SLOW);
    bench
}

/// The plan: the same for every world, since each begins with the same ids.
fn plan(now: &str) -> String {
    let bench = Bench::new(&format!("{now}{WORLD}"));
    let expires = Utc::now().date_naive() + Days::new(200);
    bench.write("backproof.toml", SETTINGS.replace("EXPIRES", &expires.to_string()));
    bench.scan("before", &["--format", "json"]);
    let ran = bench.run(&["remediate", "plan", "--from", "before/inventory", "--to", "plan.json"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let plan = json_file(&bench.path("plan.json"));
    let actions = plan["actions"].as_array().expect("actions").iter();
    let kinds: BTreeSet<&str> = actions.filter_map(|action| action["do"]["kind"].as_str()).collect();
    assert_eq!(kinds, KINDS.into_iter().collect(), "every kind of action");
    assert_eq!(plan["worse"], Value::Array(Vec::new()), "{plan:#}");
    std::fs::read_to_string(bench.path("plan.json")).expect("a plan")
}

/// What is there once it has come to rest, without what only says how it came to be.
fn state(bench: &Bench) -> Value {
    bench.control("POST /_sandbox/clock", r#"{"advance-seconds": 10}"#);
    let (_, state) = bench.send("GET /_sandbox/state/comparable", "", b"");
    serde_json::from_str(&state).expect("JSON")
}

/// A text with every id of AWS's in it replaced by the same word.
fn without_ids(text: &str) -> String {
    let is_id = |word: &str| {
        let parts: Vec<usize> = word.split('-').map(str::len).collect();
        parts == [8, 4, 4, 4, 12] && word.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
    };
    let mut out = String::new();
    let mut word = String::new();
    for letter in text.chars().chain(['\n']) {
        if letter.is_ascii_alphanumeric() || letter == '-' {
            word.push(letter);
            continue;
        }
        out.push_str(if is_id(&word) { "ID" } else { &word });
        out.push(letter);
        word.clear();
    }
    out
}

/// The same JSON with its members in order.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let members: BTreeMap<&String, Value> = members.iter().map(|(name, value)| (name, sorted(value))).collect();
            members.into_iter().map(|(name, value)| (name.clone(), value)).collect()
        }
        Value::Array(elements) => elements.iter().map(sorted).collect(),
        other => other.clone(),
    }
}

/// What changed something since the last time that this was asked, and how often.
fn writes(bench: &Bench) -> BTreeMap<String, usize> {
    let (_, log) = bench.send("GET /_sandbox/writes", "", b"");
    bench.control("DELETE /_sandbox/writes", "");
    let log: Value = serde_json::from_str(&log).expect("JSON");
    let mut writes = BTreeMap::new();
    for write in log["writes"].as_array().expect("a list") {
        let of = |key: &str| sorted(&write[key]).to_string();
        let text = ["account", "region", "action", "resource", "path", "parameters"]
            .map(of)
            .join(" ");
        *writes.entry(without_ids(&text)).or_default() += 1;
    }
    writes
}

fn calls(bench: &Bench) -> u64 {
    bench.sandbox.calls().values().sum()
}

/// One command, from its start to where it was wanted.
struct Step {
    args: &'static [&'static str],
    state: Value,
    writes: BTreeMap<String, usize>,
    calls: u64,
    took: Duration,
}

impl Step {
    fn whole(bench: &Bench, args: &'static [&'static str]) -> Self {
        let (began, before) = (Instant::now(), calls(bench));
        let ran = bench.run(args);
        assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
        Self {
            args,
            calls: calls(bench) - before,
            took: began.elapsed(),
            state: state(bench),
            writes: writes(bench),
        }
    }

    /// Kills it with SIGKILL at a moment of its own, and begins it again; false: it had ended by then.
    fn killed(&self, bench: &Bench, random: &mut Random) -> bool {
        let before = calls(bench);
        let by_call = random.below(2) == 0;
        let (most, time) = (
            random.below(self.calls),
            self.took.mul_f64(random.below(1000) as f64 / 1000.0),
        );
        let pause = Duration::from_micros(random.below(30_000));
        let mut child = bench.start(self.args);
        let began = Instant::now();
        let is_due = || match by_call {
            true => calls(bench) - before >= most,
            false => began.elapsed() >= time,
        };
        while !is_due() && child.try_wait().expect("a child").is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(pause);
        let lives = child.try_wait().expect("a child").is_none();
        child.kill().expect("killed, or gone");
        child.wait().expect("gone");
        let (calls, journal) = (
            calls(bench) - before,
            std::fs::read_to_string(bench.path("plan.journal.jsonl")),
        );
        let ran = bench.run(self.args);
        let what = format!(
            "killed after {calls} calls of {}\n{}\n{}{}",
            self.calls,
            journal.unwrap_or_default(),
            ran.stdout,
            ran.stderr
        );
        assert_eq!(ran.code, 0, "{what}");
        let writes = writes(bench);
        let differs = |here: &BTreeMap<String, usize>, there: &BTreeMap<String, usize>| -> Vec<String> {
            let other = here.iter().filter(|(write, count)| there.get(*write) != Some(count));
            other.map(|(write, count)| format!("{count} {write}")).collect()
        };
        let (more, less) = (differs(&writes, &self.writes), differs(&self.writes, &writes));
        assert!(
            more.is_empty() && less.is_empty(),
            "{more:#?} and not {less:#?}\n{what}"
        );
        let state = state(bench);
        assert!(
            state == self.state,
            "another state\n{state:#}\n{:#}\n{what}",
            self.state
        );
        lives
    }
}

/// Numbers that follow from a seed.
struct Random(u64);

impl Random {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most.max(1)
    }
}

/// The moments: `BACKPROOF_KILLS=1..101` tries others.
fn seeds() -> Vec<u64> {
    let asked = std::env::var("BACKPROOF_KILLS").unwrap_or_else(|_| "1..9".to_owned());
    let (from, to) = asked.split_once("..").expect("BACKPROOF_KILLS: from..to");
    let number = |text: &str| text.parse::<u64>().expect("BACKPROOF_KILLS: from..to");
    (number(from)..number(to)).collect()
}

/// Takes the jobs out of a state: AWS forgets none.
fn without_jobs(mut state: Value) -> Value {
    for place in state["places"].as_object_mut().expect("places").values_mut() {
        for jobs in ["backup-jobs", "copy-jobs"] {
            place["backup"].as_object_mut().expect("an object").shift_remove(jobs);
        }
    }
    state
}

#[test]
#[expect(clippy::print_stdout, reason = "the figures are what more moments are tried for")]
fn a_run_that_is_killed_at_any_moment_goes_on_and_ends_as_if_nothing_had_happened() {
    let now = Utc::now().format("now = %Y-%m-%dT12:00:00Z\n").to_string();
    let plan = plan(&now);
    let untouched = bench(&now, &plan);
    let former = state(&untouched);
    let apply = Step::whole(&untouched, &APPLY);
    let undo = Step::whole(&untouched, &UNDO);
    // What was there before is there again, and nothing else is.
    assert_eq!(without_jobs(undo.state.clone()), without_jobs(former));
    let seeds = Mutex::new(seeds());
    let killed = Mutex::new([0, 0]);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while let Some(seed) = { seeds.lock().expect("not poisoned").pop() } {
                    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
                    random.below(1);
                    let bench = bench(&now, &plan);
                    for (place, step) in [&apply, &undo].into_iter().enumerate() {
                        let lives = step.killed(&bench, &mut random);
                        killed.lock().expect("not poisoned")[place] += usize::from(lives);
                    }
                }
            });
        }
    });
    let [applied, undone] = killed.into_inner().expect("not poisoned");
    println!(
        "killed: {applied} times apply, over {} calls with {} writes; {undone} times undo, over {} calls with {} writes",
        apply.calls,
        apply.writes.values().sum::<usize>(),
        undo.calls,
        undo.writes.values().sum::<usize>()
    );
    assert!(applied > 0 && undone > 0);
}
