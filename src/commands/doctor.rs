//! `doctor`: is everything there that a scan needs, and can whoever scans change nothing?

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use futures_util::stream::{self, StreamExt as _};
use serde::Serialize;
use serde_json::json;

use crate::aws::call::CallLog;
use crate::aws::simulate;
use crate::aws::target::{Identity, Session, Target};
use crate::collect::Wanted;
use crate::collect::probe::{self, Tried};
use crate::commands::collect::{accounts, regions};
use crate::commands::shared::args::ExplainFormat;
use crate::commands::shared::output::print;
use crate::criteria::rules::RuleSet;
use crate::domain::{Account, TargetId};
use crate::exit::Exit;
use crate::problem::{Outcome, Problem, count, one_line};
use crate::remediate::actions::{Act as _, KINDS, OnDemandBackup, UNDOING};
use crate::remediate::restore;
use crate::settings::Settings;

/// Accounts asked at once.
const AT_ONCE: usize = 8;

/// Allowed actions that are named in the text.
const SHOWN: usize = 8;

/// What would destroy evidence or data, beside what this program itself can do.
const DESTROYING: [&str; 12] = [
    "backup:DeleteBackupPlan",
    "backup:DeleteBackupSelection",
    "backup:DeleteBackupVault",
    "backup:DeleteBackupVaultAccessPolicy",
    "backup:DeleteBackupVaultLockConfiguration",
    "backup:DeleteRecoveryPoint",
    "backup:StopBackupJob",
    "backup:UpdateGlobalSettings",
    "dynamodb:DeleteItem",
    "dynamodb:DeleteTable",
    "dynamodb:PutItem",
    "kms:ScheduleKeyDeletion",
];

/// What a simulation of one's own policies cannot know.
const LEFT_OUT: &str = "not in the simulation: policies of vaults, tables and keys, and organisation policies beyond those that IAM includes; \
     conditions that a call would meet";

/// Arguments of `doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// The Region to try. Without this flag: the first that a scan would read.
    #[arg(long, value_name = "REGION")]
    pub region: Option<String>,
    /// Only the rights that these rules need, separated by commas.
    #[arg(long, value_name = "RULE,…", value_delimiter = ',')]
    pub rules: Vec<String>,
    /// End with 10 if whoever scans can change something, and with 11 if it is not proved that they cannot.
    #[arg(long)]
    pub prove_read_only: bool,
    /// How to print it: text or json.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: ExplainFormat,
    /// Settings file. Without this flag: the nearest backproof.toml, if there is one.
    #[arg(long, value_name = "FILE", env = "BACKPROOF_CONFIG")]
    pub config: Option<PathBuf>,
}

/// What was found.
#[derive(Debug, Serialize)]
struct Checkup {
    caller_arn: String,
    account_id: String,
    /// AWS's clock minus this machine's; null: not known.
    clock_skew_seconds: Option<i64>,
    /// Null: AWS's own.
    endpoint: Option<String>,
    /// The Region that was tried.
    region: String,
    /// Regions that a scan would read.
    regions: Vec<String>,
    /// Why the Regions of the account are not known. Null: they are.
    regions_unknown: Option<String>,
    accounts: Vec<AccountCheckup>,
}

/// What was found in one account.
#[derive(Debug, Serialize)]
struct AccountCheckup {
    account_id: String,
    name: String,
    /// Null: the caller's own rights.
    role_arn: Option<String>,
    /// Why the role could not be assumed. Null: it could.
    not_assumed: Option<String>,
    /// Rights that work.
    works: Vec<String>,
    /// Rights that AWS denied, with its words.
    denied: BTreeMap<String, String>,
    /// Rights of which AWS said neither yes nor no, with the reason.
    not_told: BTreeMap<String, String>,
    /// Rights that were not tried, with what there was none of to ask about.
    not_tried: BTreeMap<String, String>,
    writing: Writing,
}

/// Can whoever scans change something?
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case", tag = "outcome")]
enum Writing {
    /// Of so many actions none is allowed, by simulation.
    Cannot { principal: String, simulated: usize },
    /// These are allowed, by simulation.
    Can {
        principal: String,
        allowed: Vec<String>,
        simulated: usize,
    },
    /// It is not known.
    NotProved { why: String },
}

/// Runs `doctor`.
///
/// Errors: mistakes in the settings; no credentials, no caller identity; a Region that does not exist.
pub async fn run(args: DoctorArgs) -> Outcome<Exit> {
    let settings = Settings::load(args.config.as_deref(), None, None)?;
    let wanted = match args.rules.is_empty() {
        true => Wanted::all(),
        false => Wanted::frames(RuleSet::load(None, &args.rules)?.frames()),
    };
    let log = Arc::new(CallLog::default());
    let session = Session::load().await?;
    let identity = session.identity(&log).await?;
    let regions_unknown = session.regions(&identity, &log).await.err();
    let regions = regions(&settings, &session, &identity, &log).await?;
    let region = match &args.region {
        Some(region) if !regions.contains(region) => {
            return Err(Problem::usage(format!(
                "Region `{}` is not one that a scan would read",
                one_line(region)
            ))
            .at("`--region`")
            .hint(format!("it would read {}", regions.join(", ")))
            .into());
        }
        Some(region) => region.clone(),
        None => regions.first().cloned().unwrap_or_default(),
    };
    let accounts = accounts(&settings, &identity)?;
    let assumed = session
        .assume_all(accounts.iter().map(|account| (account, region.as_str())))
        .await;
    let actions = wanted.actions();
    let checkups = accounts.iter().zip(assumed).map(|(account, credentials)| {
        let credentials = credentials.map(|credentials| {
            let id = TargetId::new(account.id.clone(), region.clone());
            session.target(id, &identity.partition, credentials, &log)
        });
        let (identity, actions) = (&identity, &actions);
        async move {
            match credentials {
                Ok(target) => look(account, &target, identity, actions).await,
                Err(failure) => unreached(account, failure.of("sts:AssumeRole")),
            }
        }
    });
    let checkup = Checkup {
        caller_arn: identity.arn.clone(),
        account_id: identity.account_id.clone(),
        clock_skew_seconds: identity.clock_skew_seconds,
        endpoint: session.endpoint(),
        region: region.clone(),
        regions,
        regions_unknown: regions_unknown.map(|failure| failure.of("account:ListRegions")),
        accounts: stream::iter(checkups).buffered(AT_ONCE).collect().await,
    };
    match args.format {
        ExplainFormat::Text => print(&text(&checkup))?,
        ExplainFormat::Json => {
            let json = serde_json::to_string_pretty(&checkup).map_err(|error| Problem::new(error.to_string()))?;
            print(&(json + "\n"))?;
        }
    }
    Ok(exit(&checkup, args.prove_read_only))
}

fn unreached(account: &Account, why: String) -> AccountCheckup {
    AccountCheckup {
        account_id: account.id.clone(),
        name: account.name.clone(),
        role_arn: account.role_arn.clone(),
        not_assumed: Some(why),
        works: Vec::new(),
        denied: BTreeMap::new(),
        not_told: BTreeMap::new(),
        not_tried: BTreeMap::new(),
        writing: Writing::NotProved {
            why: "its role was not assumed".to_owned(),
        },
    }
}

async fn look(account: &Account, target: &Target, identity: &Identity, actions: &BTreeSet<&str>) -> AccountCheckup {
    let mut found = unreached(account, String::new());
    found.not_assumed = None;
    for (action, tried) in probe::rights(target).await {
        if !actions.contains(action) {
            continue;
        }
        match tried {
            Tried::Works => found.works.push(action.to_owned()),
            Tried::Denied(why) => drop(found.denied.insert(action.to_owned(), why)),
            Tried::NotTold(why) => drop(found.not_told.insert(action.to_owned(), why)),
            Tried::NothingThere(why) => drop(found.not_tried.insert(action.to_owned(), why.to_owned())),
        }
    }
    let caller = account.role_arn.as_deref().unwrap_or(&identity.arn);
    found.writing = match writing(target, caller).await {
        Ok(writing) => writing,
        Err(why) => Writing::NotProved { why },
    };
    found
}

/// Every action that this program knows to change something.
fn writes() -> Vec<&'static str> {
    let doing = KINDS.iter().flat_map(|kind| kind.doing.iter().copied());
    let undoing = UNDOING.iter().flat_map(|actions| actions.iter().copied());
    let starting = OnDemandBackup::KIND.doing.iter().chain(restore::ACTIONS).copied();
    let known: BTreeSet<&str> = doing.chain(undoing).chain(starting).chain(DESTROYING).collect();
    let reads = |action: &str| {
        let verb = action.split_once(':').map_or(action, |(_, verb)| verb);
        ["List", "Describe", "Get"].iter().any(|read| verb.starts_with(read))
    };
    known.into_iter().filter(|action| !reads(action)).collect()
}

/// API: iam:GetRole, iam:SimulatePrincipalPolicy. Errors: it cannot be simulated, in words.
async fn writing(target: &Target, caller_arn: &str) -> Result<Writing, String> {
    let principal = simulate::principal(target, caller_arn).await?;
    let actions = writes();
    let allowed = simulate::allowed(target, &principal, &actions).await?;
    let simulated = actions.len();
    Ok(match allowed.is_empty() {
        true => Writing::Cannot { principal, simulated },
        false => Writing::Can {
            principal,
            allowed,
            simulated,
        },
    })
}

fn exit(checkup: &Checkup, must_be_read_only: bool) -> Exit {
    let accounts = &checkup.accounts;
    let can_write = accounts
        .iter()
        .any(|account| matches!(account.writing, Writing::Can { .. }));
    let is_unproved = accounts
        .iter()
        .any(|account| matches!(account.writing, Writing::NotProved { .. }));
    let lacks = |account: &AccountCheckup| {
        account.not_assumed.is_some() || !account.denied.is_empty() || !account.not_told.is_empty()
    };
    if must_be_read_only && can_write {
        return Exit::NonCompliant;
    }
    if checkup.regions_unknown.is_some() || accounts.iter().any(lacks) || must_be_read_only && is_unproved {
        return Exit::EvidenceMissing;
    }
    Exit::Compliant
}

fn text(checkup: &Checkup) -> String {
    let mut text = String::new();
    let mut line = |what: &str, how: String| text.push_str(&format!("{what:<9} {how}\n"));
    line("caller", one_line(&checkup.caller_arn));
    line("clock", clock(checkup.clock_skew_seconds));
    if let Some(endpoint) = &checkup.endpoint {
        line("endpoint", format!("{}, not AWS's own", one_line(endpoint)));
    }
    let read = format!("{} to read; {} was tried", checkup.regions.len(), checkup.region);
    line("Regions", read);
    if let Some(why) = &checkup.regions_unknown {
        let why = one_line(why);
        line("", format!("which Regions the account has is not known: {why}"));
    }
    for account in &checkup.accounts {
        let name = match account.name.is_empty() {
            true => String::new(),
            false => format!(" ({})", one_line(&account.name)),
        };
        let by = account.role_arn.as_deref().map_or_else(
            || ", with the caller's own rights".to_owned(),
            |role| format!(", by {}", one_line(role)),
        );
        line("account", format!("{}{name}{by}", account.account_id));
        if let Some(why) = &account.not_assumed {
            line("", format!("the role could not be assumed: {}", one_line(why)));
            continue;
        }
        let tried = account.works.len() + account.denied.len() + account.not_told.len() + account.not_tried.len();
        let mut reads = format!("{} of {} work", account.works.len(), count(tried, "right"));
        for (number, how) in [
            (account.denied.len(), "denied"),
            (account.not_told.len(), "not known"),
            (account.not_tried.len(), "not tried"),
        ] {
            if number > 0 {
                reads.push_str(&format!(", {number} {how}"));
            }
        }
        line("  reads", reads);
        for (action, why) in &account.denied {
            line("", format!("denied: {action}: {}", one_line(why)));
        }
        for (how, rights) in [("not known", &account.not_told), ("not tried", &account.not_tried)] {
            let mut by_reason: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
            for (action, why) in rights {
                by_reason.entry(why).or_default().push(action);
            }
            for (why, actions) in by_reason {
                line("", format!("{how}: {}: {}", actions.join(", "), one_line(why)));
            }
        }
        line("  writes", said_of(&account.writing));
    }
    let missing: BTreeSet<&String> = checkup
        .accounts
        .iter()
        .flat_map(|account| account.denied.keys())
        .collect();
    if !missing.is_empty() {
        let statement = json!({"Effect": "Allow", "Action": missing, "Resource": "*"});
        let policy = json!({"Version": "2012-10-17", "Statement": [statement]});
        text.push_str(&format!("\nThe smallest policy with what is missing:\n{policy:#}\n"));
    }
    text
}

/// The first names of a list, and how many more there are.
fn some_of(names: &[String]) -> String {
    let shown = names.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more, see `--format json`"),
    }
}

fn clock(skew: Option<i64>) -> String {
    match skew {
        None => "AWS did not say what time it is".to_owned(),
        Some(skew @ -2..=2) => format!("agrees with AWS's ({})", count(skew.unsigned_abs() as usize, "second")),
        Some(skew) => {
            let seconds = count(skew.unsigned_abs() as usize, "second");
            let side = if skew > 0 { "behind" } else { "ahead of" };
            format!("{seconds} {side} AWS's: beyond 300 seconds AWS refuses every call")
        }
    }
}

fn said_of(writing: &Writing) -> String {
    match writing {
        Writing::Cannot { principal, simulated } => format!(
            "none: {} simulated for {}, and none is allowed\n{:<10}{LEFT_OUT}",
            count(*simulated, "action"),
            one_line(principal),
            ""
        ),
        Writing::Can {
            principal,
            allowed,
            simulated,
        } => format!(
            "{} of {simulated} simulated actions are allowed to {}: {}\n{:<10}{LEFT_OUT}",
            allowed.len(),
            one_line(principal),
            some_of(allowed),
            ""
        ),
        Writing::NotProved { why } => format!("not proved whether it can: {}", one_line(why)),
    }
}
