//! `demo`: the whole story on a simulated AWS in this process: scan, reports, a plan that is approved, done and verified, and a second
//! scan that shows the difference and says what was done in between. Every step runs the same program that a person would run, against the sandbox's endpoint.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use backproof_sandbox::{Sandbox, World};
use clap::Args;
use serde_json::Value;

use crate::exit::Exit;
use crate::problem::{Outcome, Problem};
use crate::sign::new_key;
use crate::stderr::{self, say};

/// Arguments of `demo`.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// The folder for the demo's reports.
    #[arg(
        long,
        short = 'o',
        visible_alias = "output",
        value_name = "DIR",
        default_value = "backproof-demo"
    )]
    pub to: PathBuf,
}

/// The settings of the demo's organisation: the caller's own account, and a role in the other.
const SETTINGS: &str = r#"# The demo's organisation, as an auditor would describe it.
accounts = [
  { id = "111122223333", name = "payments-prod" },
  { id = "444455556666", name = "retail-prod", role_arn = "arn:aws:iam::444455556666:role/BackupAudit" },
]
regions = ["eu-west-1", "us-east-1"]
waivers = "waivers.toml"

[policy]
frequency = "1d"
retention-min = "35d"
key-owner = "any"

[policy.approval]
approved-by = "head of risk"
approved-on = START
reference = "backup policy 3.1"
review-by = END

[policy.exceptions]
owner = "head of platform"
due-within = "14d"

[[policy.tier]]
name = "gold"
when = "tag('tier') = 'gold'"
rpo = "8h"
retention-min = "90d"
key-owner = "customer-managed"
vault-lock = "governance"
copy = { regions = ["us-east-1"], rpo = "48h" }

[[policy.tier]]
name = "scratch"
when = "table_name LIKE '%-scratch-%' OR table_name LIKE 'sandbox-%'"
exempt = true
reason = "filled anew from other tables every night"
approver = "head of payments platform"
expires = "END"
max-tables = 20

[remediation]
vault = "Default"
cold-after = "7d"
delete-after = "97d"
require-approval = true

# Who may approve plans, and as whom they work: nobody approves what they apply.
[remediation.approvers]
"head-of-risk@example.com" = ["arn:aws:iam::*:user/head-of-risk"]
"#;

/// The waivers of the demo's organisation: one that holds, and one whose approver asked for it himself.
const WAIVERS: &str = r#"[[waiver]]
rule = "deletion-protection-on"
tables = "pay-*"
reason = "tables are replaced by blue-green deployments; deletion is guarded by a service control policy"
compensating-control = "SCP deny-dynamodb-delete, reviewed monthly"
requester = "lead of checkout"
approver = "head of risk"
approved = START
expires = END
ticket = "RISK-214"
max-tables = 10

[[waiver]]
rule = "pitr-on"
tables = "merchant-*"
reason = "costs"
requester = "lead of merchants"
approver = "Lead of Merchants"
approved = START
expires = END
max-tables = 10
"#;

/// Waivers and exemptions, approved some days before today for half a year: the story is told at the present.
fn dated(text: &str, today: chrono::NaiveDate) -> String {
    let start = today - chrono::Days::new(20);
    let end = today + chrono::Days::new(160);
    text.replace("START", &start.to_string())
        .replace("END", &end.to_string())
}

/// Runs `demo`.
///
/// Errors: the folder is taken; the sandbox cannot be served; a step does not end as the story goes.
pub async fn run(args: DemoArgs) -> Outcome<Exit> {
    let folder = &args.to;
    if folder.exists() {
        return Err(Problem::new("the folder for the demo is already there")
            .at(folder.display().to_string())
            .so("nothing was run")
            .hint("remove it, or choose another with `--to`")
            .into());
    }
    std::fs::create_dir_all(folder).map_err(|error| {
        Problem::new("could not create the folder for the demo")
            .at(folder.display().to_string())
            .why(error.to_string())
    })?;
    let settings = folder.join("backproof.toml");
    let today = chrono::Utc::now().date_naive();
    std::fs::write(&settings, dated(SETTINGS, today)).map_err(|error| {
        Problem::new("could not write the settings")
            .at(settings.display().to_string())
            .why(error.to_string())
    })?;
    keys(folder)?;
    let waivers_file = folder.join("waivers.toml");
    std::fs::write(&waivers_file, dated(WAIVERS, today)).map_err(|error| {
        Problem::new("could not write the waivers")
            .at(waivers_file.display().to_string())
            .why(error.to_string())
    })?;
    say("1. A simulated AWS starts on loopback: 2 accounts, 2 Regions, about 60 tables, 120 days of history.");
    let sandbox = Sandbox::start(World::demo(), 0).await.map_err(|error| {
        Problem::new("could not serve the sandbox")
            .why(error.to_string())
            .hint("is loopback available?")
    })?;
    let story = Story {
        folder,
        settings: &settings,
        environment: sandbox.environment(),
    };
    let result = story.tell().await;
    sandbox.stop().await;
    result.map(|()| Exit::Compliant)
}

/// The key by which the head of risk approves plans, and who may: the line of it in a file of allowed signers.
///
/// Errors: no key could be made, or the disk refused.
fn keys(folder: &Path) -> Outcome<()> {
    let (private, public) = new_key()?;
    let failed = |path: &Path, error: std::io::Error| {
        Problem::new("could not write the key of the demo")
            .at(path.display().to_string())
            .why(error.to_string())
    };
    let path = folder.join(KEY_FILE);
    let mut options = std::fs::OpenOptions::new();
    options.create_new(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options
        .open(&path)
        .and_then(|mut file| std::io::Write::write_all(&mut file, private.as_bytes()));
    written.map_err(|error| failed(&path, error))?;
    let path = folder.join(SIGNERS_FILE);
    let line = format!("head-of-risk@example.com {public}\n");
    std::fs::write(&path, line).map_err(|error| failed(&path, error))?;
    Ok(())
}

/// The key of the head of risk, who approves plans.
const KEY_FILE: &str = "head-of-risk-key";

/// The keys that may approve.
const SIGNERS_FILE: &str = "allowed_signers";

struct Story<'s> {
    folder: &'s Path,
    settings: &'s Path,
    environment: Vec<(String, String)>,
}

impl Story<'_> {
    async fn tell(&self) -> Outcome<()> {
        let config = self.settings.display().to_string();
        let (first, second) = (self.path("1-before"), self.path("2-after"));
        let plan = self.path("remediation-plan.json");

        say("\n2. The audit: read every account and Region, judge every table, write the reports.");
        let frameworks = "soc2";
        let scan = ["scan", "--config", &config, "--framework", frameworks, "--to", &first];
        self.step(&scan, &[Exit::NonCompliant]).await?;

        say("\n   The folder is an evidence pack: does it hold? Every digest, and every finding judged again.");
        self.step(&["verify", &first], &[Exit::Compliant]).await?;

        say("\n   Why one table got its verdicts: every selection of its Region, its recovery points, its facts.");
        let inventory = format!("{first}/inventory");
        let explain = [
            "explain",
            "table",
            "pay-orders",
            "--config",
            &config,
            "--inventory",
            &inventory,
            "--format",
            "json",
        ];
        self.step_to(&explain, &[Exit::Compliant], Some(&self.path("pay-orders.json")))
            .await?;

        say(
            "\n3. The plan: what mends the findings, each action with its reason; what still fails after it, and what no\n   action can help.",
        );
        let planned = [
            "remediate",
            "plan",
            "--config",
            &config,
            "--from",
            &inventory,
            "--to",
            &plan,
        ];
        self.step(&planned, &[Exit::Compliant]).await?;

        say("\n4. The plan is approved by somebody else, who signs it: the settings ask for that.");
        let (key, signers) = (self.path(KEY_FILE), self.path(SIGNERS_FILE));
        self.step_to(
            &["remediate", "approve", &plan, "--sign", &key],
            &[Exit::Compliant],
            Some(&self.path("approved-plan.txt")),
        )
        .await?;

        say(
            "\n5. The plan is done, each step in a journal, and the jobs are followed to their end. Some fail, as in real\n   life.",
        );
        let applied = [
            "remediate",
            "apply",
            &plan,
            "--config",
            &config,
            "--allowed-signers",
            &signers,
            "--yes",
            "--wait",
            "--poll-interval",
            "1s",
        ];
        self.step(&applied, &[Exit::Compliant, Exit::Failed]).await?;

        say("\n6. AWS is asked afresh what came of it, and the findings are judged again.");
        let verified = ["remediate", "verify", &plan, "--config", &config, "--from", &inventory];
        self.step(&verified, &[Exit::Compliant, Exit::NonCompliant, Exit::EvidenceMissing])
            .await?;

        say(
            "\n7. The second audit, held against the first. Its pack holds plan, approval and journal, and its reports say which\n   \
             finding led to which change, and how it stands now.",
        );
        self.step(
            &[
                "scan",
                "--config",
                &config,
                "--framework",
                frameworks,
                "--baseline",
                &first,
                "--after",
                &plan,
                "--to",
                &second,
                "--quiet",
            ],
            &[Exit::NonCompliant, Exit::EvidenceMissing],
        )
        .await?;
        self.step(&["verify", &second], &[Exit::Compliant]).await?;

        say("\n8. What changed between the two.");
        self.step_to(
            &["diff", &first, &second],
            &[Exit::Compliant, Exit::NonCompliant, Exit::EvidenceMissing],
            Some(&self.path("diff.txt")),
        )
        .await?;

        self.compare(&first, &second)?;
        say(&format!(
            "\nThe reports are in {}: open 1-before/report.pdf or 2-after/report.html; diff.txt says what changed.\n\
             With an account of your own: `backproof scan`; the rights it needs: `backproof explain permissions`.",
            self.folder.display()
        ));
        Ok(())
    }

    fn path(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    /// Runs this program with the sandbox's environment.
    async fn step(&self, args: &[&str], expected: &[Exit]) -> Outcome<()> {
        self.step_to(args, expected, None).await
    }

    /// As [`Self::step`], with stdout in a file if one is named.
    async fn step_to(&self, args: &[&str], expected: &[Exit], to: Option<&str>) -> Outcome<()> {
        let redirected = to.map(|to| format!(" > {to}")).unwrap_or_default();
        say(&format!("   $ backproof {}{redirected}", args.join(" ")));
        let failed = |why: String| Problem::new(format!("the demo's step `{}` failed", args[0])).why(why);
        let program: PathBuf = std::env::current_exe().map_err(|error| failed(error.to_string()))?;
        let mut command = tokio::process::Command::new(program);
        let talk = stderr::flags().into_iter().filter(|flag| !args.contains(flag));
        command.args(args).args(talk).stdin(Stdio::null());
        if let Some(to) = to {
            let file = std::fs::File::create(to).map_err(|error| failed(error.to_string()))?;
            command.stdout(file);
        }
        // Whatever login the person has must not leak into the demo, nor the demo into it.
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            if name.starts_with("AWS_") || name.starts_with("BACKPROOF_") {
                command.env_remove(name);
            }
        }
        command
            .env("AWS_CONFIG_FILE", "/dev/null")
            .env("NO_PROXY", "127.0.0.1")
            .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        let status = command.status().await.map_err(|error| failed(error.to_string()))?;
        let code = status.code();
        if expected.iter().any(|exit| code == Some(i32::from(exit.code()))) {
            return Ok(());
        }
        Err(failed(format!("it ended with {status}")).into())
    }

    fn compare(&self, first: &str, second: &str) -> Outcome<()> {
        let (before, after) = (read(first)?, read(second)?);
        let answers = |report: &Value, question: &str, answer: &str| {
            let of = |table: &&Value| table["answers"][question] == answer;
            report["tables"]
                .as_array()
                .map_or(0, |tables| tables.iter().filter(of).count())
        };
        let open = |report: &Value, by_severity: &str| -> u64 {
            let counts = report["totals"][by_severity].as_object();
            counts.map_or(0, |counts| counts.values().filter_map(Value::as_u64).sum())
        };
        let line = |what: &str, before: u64, after: u64| say(&format!("   {what:<32} {before:>9} {after:>7}"));
        let count = |report: &Value, question: &str, answer: &str| answers(report, question, answer) as u64;
        say("\n   tables                              before   after");
        for (question, what) in [("in_a_plan", "in a plan"), ("backed_up", "backed up")] {
            for (words, answer) in [("yes", "compliant"), ("no", "non-compliant"), ("unknown", "unknown")] {
                let of = |report: &Value| count(report, question, answer);
                line(&format!("{what}: {words}"), of(&before), of(&after));
            }
        }
        let worse = worse(&before, &after);
        say(&format!(
            "   {:<32} {:>9} {:>7}",
            "answers that got worse",
            "",
            worse.len()
        ));
        for line in worse.iter().take(5) {
            say(&format!("     {line}"));
        }
        let (required, advised) = ("non_compliant_by_severity", "advised_by_severity");
        line("required findings", open(&before, required), open(&after, required));
        say(&format!(
            "   Advised findings decide nothing and are kept apart: {} before, {} after, since more rules apply to\n   tables that now have recovery points.",
            open(&before, advised),
            open(&after, advised)
        ));
        Ok(())
    }
}

/// Tables of which a question was answered yes before, and is answered no or not known after; each with the question.
fn worse(before: &Value, after: &Value) -> Vec<String> {
    let tables = |report: &Value| report["tables"].as_array().cloned().unwrap_or_default();
    let now = tables(after);
    let mut worse = Vec::new();
    for table in tables(before) {
        let arn = &table["table_arn"];
        let later = now.iter().find(|later| later["table_arn"] == *arn);
        for (question, answer) in table["answers"].as_object().into_iter().flatten() {
            let is_worse = match later.and_then(|later| later["answers"][question].as_str()) {
                None => true,
                Some(later) => {
                    *answer == "compliant" && later != "compliant" || *answer == "unknown" && later == "non-compliant"
                }
            };
            if is_worse {
                worse.push(format!("{}: {question}", arn.as_str().unwrap_or_default()));
            }
        }
    }
    worse
}

fn read(folder: &str) -> Outcome<Value> {
    let path = Path::new(folder).join("report.json");
    let problem = |why: String| {
        Problem::new("could not read a report of the demo")
            .at(path.display().to_string())
            .why(why)
    };
    let text = std::fs::read_to_string(&path).map_err(|error| problem(error.to_string()))?;
    Ok(serde_json::from_str(&text).map_err(|error| problem(error.to_string()))?)
}
