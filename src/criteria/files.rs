//! Criteria as files, and back: whoever has the pack can judge the inventory again, by the same rules, policy, waivers and
//! frameworks, whatever the program's own have become.
//!
//! Rules and frameworks are stored as they were read. Policy and waivers are stored as what was in force after files,
//! frameworks and flags.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::criteria::baseline::Baseline;
use crate::criteria::changes::Change;
use crate::criteria::frameworks::Framework;
use crate::criteria::policy::{Levels, Policy, Source, Tier, VALUE_KEYS, value_key};
use crate::criteria::rules::RuleSet;
use crate::criteria::values::{FOREVER_DAYS, PolicyValues};
use crate::criteria::waivers::{Waiver, Waivers};
use crate::criteria::{Criteria, frameworks, policy, rules};
use crate::digest;
use crate::domain::Level;
use crate::duration;
use crate::plain_file::{self, LARGEST_CRITERIA, LARGEST_TEXT};
use crate::problem::{Outcome, Problem, Problems};

/// Raised whenever the files below change their meaning.
const SCHEMA_VERSION: u32 = 1;

/// The folder of the criteria in a pack.
pub(crate) const CRITERIA_DIR: &str = "criteria";

/// What the other files do not say.
const INDEX_FILE: &str = "criteria.json";
/// The policy in force.
pub(crate) const POLICY_FILE: &str = "policy.toml";
/// The waivers, in the order of their file.
const WAIVERS_FILE: &str = "waivers.toml";
/// Findings of an earlier scan, if new ones were told from known ones.
const BASELINE_FILE: &str = "baseline.json";
/// The folder of the rules.
pub(crate) const RULES_DIR: &str = "rules";
/// The folder of the frameworks.
pub(crate) const FRAMEWORKS_DIR: &str = "frameworks";

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Index {
    schema_version: u32,
    /// Ids, in the order in which they were asked for.
    frameworks: Vec<String>,
    /// Rules that somebody asked for by name.
    #[serde(default)]
    named_rules: Vec<String>,
    /// Where each value of the policy comes from: `default`, `file` or `framework …`.
    policy_sources: BTreeMap<String, String>,
}

/// Every file of the criteria, in order of path, by its path below `criteria/`.
pub fn files(criteria: &Criteria) -> Vec<(String, String)> {
    let index = Index {
        schema_version: SCHEMA_VERSION,
        frameworks: criteria
            .frameworks
            .iter()
            .map(|framework| framework.id.clone())
            .collect(),
        named_rules: criteria
            .rules
            .0
            .iter()
            .filter(|rule| rule.is_named)
            .map(|rule| rule.id.to_string())
            .collect(),
        policy_sources: criteria
            .policy
            .sources
            .iter()
            .map(|(key, source)| ((*key).to_owned(), source_text(source)))
            .collect(),
    };
    let index = serde_json::to_string_pretty(&index).expect("plain values always have a JSON form") + "\n";
    let mut files = BTreeMap::from([
        (INDEX_FILE.to_owned(), index),
        (POLICY_FILE.to_owned(), policy_text(&criteria.policy)),
        (WAIVERS_FILE.to_owned(), waivers_text(&criteria.waivers)),
    ]);
    if let Some(baseline) = &criteria.baseline {
        files.insert(BASELINE_FILE.to_owned(), baseline.to_text());
    }
    files.extend(Change::files(&criteria.changes));
    for rule in &criteria.rules.0 {
        files.insert(format!("{RULES_DIR}/{}.toml", rule.id), rule.text.to_string());
    }
    for (name, text) in criteria.frameworks.iter().flat_map(Framework::files) {
        files.insert(format!("{FRAMEWORKS_DIR}/{name}"), text.to_owned());
    }
    files.into_iter().collect()
}

/// Reads the criteria stored in a folder.
///
/// Errors: a file that cannot be read, and every mistake in them.
pub(crate) fn load(dir: &Path) -> Outcome<Criteria> {
    let names = digest::files_below(dir).map_err(|error| damaged(&dir.display().to_string(), &error.to_string()))?;
    let (most_files, most_bytes) = LARGEST_CRITERIA;
    let (mut files, mut bytes) = (Vec::new(), 0);
    for name in names {
        let path = dir.join(&name);
        let text = plain_file::text(&path, LARGEST_TEXT)
            .map_err(|error| damaged(&path.display().to_string(), &error.to_string()))?;
        bytes += text.len() as u64;
        if files.len() == most_files || bytes > most_bytes {
            let why = format!("it holds more than {most_files} files, or more than {most_bytes} bytes");
            return Err(damaged(&dir.display().to_string(), &why).into());
        }
        files.push((name, text));
    }
    read(&files, &dir.display().to_string())
}

/// Reads criteria from their files, each by its path below `origin`: the way back from [`files`].
///
/// Errors: a file that is missing or one too many, and every mistake in them.
pub fn read(files: &[(String, String)], origin: &str) -> Outcome<Criteria> {
    let text = |name: &str| -> Result<&str, Problem> {
        let file = files.iter().find(|(path, _)| path == name);
        let lost = || damaged(&format!("{origin}/{name}"), "it is not there");
        file.map(|(_, text)| &**text).ok_or_else(lost)
    };
    let place = |name: &str| format!("{origin}/{name}");
    let index_error = |why: String| damaged(&place(INDEX_FILE), &why);
    let index: Index = serde_json::from_str(text(INDEX_FILE)?).map_err(|error| index_error(error.to_string()))?;
    if index.schema_version != SCHEMA_VERSION {
        let (found, own) = (index.schema_version, SCHEMA_VERSION);
        return Err(index_error(format!(
            "it has schema version {found}; this program reads version {own}"
        ))
        .into());
    }
    let mut policy = policy::parse(text(POLICY_FILE)?, &place(POLICY_FILE))?;
    policy.sources = sources_of(&index).map_err(index_error)?;
    let all = frameworks::read_files(&below(files, FRAMEWORKS_DIR))?;
    let mut chosen = Vec::new();
    for id in &index.frameworks {
        let framework = all.iter().find(|framework| framework.id == *id);
        let lost = || damaged(&place(FRAMEWORKS_DIR), &format!("framework `{id}` is not there"));
        chosen.push(framework.ok_or_else(lost)?.clone());
    }
    let mut rules = read_rules(&below(files, RULES_DIR), &place(RULES_DIR))?;
    for rule in &mut rules.0 {
        rule.is_named = index.named_rules.iter().any(|id| **id == *rule.id);
    }
    let criteria = Criteria {
        rules,
        policy,
        waivers: Waivers::parse_stored(text(WAIVERS_FILE)?, &place(WAIVERS_FILE))?,
        baseline: baseline(files, &place(BASELINE_FILE))?,
        changes: Change::read(files, origin)?,
        frameworks: chosen,
    };
    let made = self::files(&criteria);
    let is_known = |path: &str| made.iter().any(|(known, _)| known == path);
    match files.iter().find(|(path, _)| !is_known(path)) {
        Some((path, _)) => Err(damaged(&place(path), "it is none of the files that criteria have").into()),
        None => Ok(criteria),
    }
}

/// The baseline; none if the scan had none.
fn baseline(files: &[(String, String)], origin: &str) -> Result<Option<Baseline>, Problem> {
    let found = files.iter().find(|(path, _)| path == BASELINE_FILE);
    found.map(|(_, text)| Baseline::parse_stored(text, origin)).transpose()
}

fn read_rules(files: &[(String, String)], origin: &str) -> Outcome<RuleSet> {
    let (mut rules, mut problems) = (Vec::new(), Vec::new());
    for (name, text) in files {
        match rules::parse(&format!("{origin}/{name}"), text) {
            Ok(rule) => rules.push(rule),
            Err(mistakes) => problems.extend(mistakes.0),
        }
    }
    rules.sort_by(|a, b| a.id.cmp(&b.id));
    if problems.is_empty() {
        Ok(RuleSet(rules))
    } else {
        Err(Problems(problems))
    }
}

/// Name and text of every file of a folder.
fn below(files: &[(String, String)], folder: &str) -> Vec<(String, String)> {
    let name_of = |path: &str| path.strip_prefix(folder)?.strip_prefix('/').map(str::to_owned);
    let all = files
        .iter()
        .filter_map(|(path, text)| Some((name_of(path)?, text.clone())));
    all.collect()
}

fn damaged(place: &str, why: &str) -> Problem {
    Problem::new("could not read the criteria of the pack")
        .at(place)
        .why(why)
        .so("the findings cannot be made again")
}

fn source_text(source: &Source) -> String {
    match source {
        Source::Default => "default".to_owned(),
        Source::File => "file".to_owned(),
        Source::Framework(names) => format!("framework {names}"),
    }
}

fn sources_of(index: &Index) -> Result<Vec<(&'static str, Source)>, String> {
    let mut sources = Vec::new();
    for (name, text) in &index.policy_sources {
        let key = value_key(name).or_else(|| (name == "window").then_some("window"));
        let key = key.ok_or_else(|| format!("`{name}` is not a value of the policy"))?;
        let source = match (text.as_str(), text.strip_prefix("framework ")) {
            ("default", _) => Source::Default,
            ("file", _) => Source::File,
            (_, Some(names)) => Source::Framework(names.to_owned()),
            (other, None) => return Err(format!("`{other}` is not a source of a policy value")),
        };
        sources.push((key, source));
    }
    Ok(sources)
}

fn policy_text(policy: &Policy) -> String {
    let mut table = values_table(&policy.values, &VALUE_KEYS);
    table.insert("window".to_owned(), format!("{}d", policy.window_days).into());
    let tiers: Vec<toml::Value> = policy.tiers.iter().map(|tier| tier_table(tier).into()).collect();
    if !policy.levels.is_empty() {
        table.insert("rules".to_owned(), levels_table(&policy.levels).into());
    }
    if !tiers.is_empty() {
        table.insert("tier".to_owned(), tiers.into());
    }
    for (key, lines) in [
        ("approval", policy.approval.lines()),
        ("exceptions", policy.exceptions.lines()),
    ] {
        if !lines.is_empty() {
            let lines = lines.into_iter().map(|(key, value)| (key.to_owned(), value.into()));
            table.insert(key.to_owned(), toml::Table::from_iter(lines).into());
        }
    }
    let document = toml::Table::from_iter([("policy".to_owned(), toml::Value::from(table))]);
    document.to_string()
}

/// The values of some keys, as a settings file says them.
fn values_table(values: &PolicyValues, keys: &[&str]) -> toml::Table {
    let span = |span: chrono::TimeDelta| Some(toml::Value::from(duration::human(span)));
    let span_or_none = |limit: Option<chrono::TimeDelta>| limit.map_or(Some("none".into()), span);
    let list = |items: &[String]| Some(toml::Value::from(items.to_vec()));
    let value_of = |key: &str| -> Option<toml::Value> {
        match key {
            // What is not set follows its default; a tier that sets one of these drops what it inherits of both.
            "rpo" => values.rpo.and_then(span),
            "frequency" => values.frequency.and_then(span),
            "tolerance" => values.tolerance.and_then(span),
            "retention-min" => Some(format!("{}d", values.retention_min_days).into()),
            "retention-max" if values.retention_max_days >= FOREVER_DAYS => Some("none".into()),
            "retention-max" => Some(format!("{}d", values.retention_max_days).into()),
            "key-owner" => Some(values.key_owner.as_str().into()),
            "vault-lock" => Some(values.vault_lock.as_str().into()),
            "copy.regions" => list(&values.copy.regions),
            "copy.accounts" => list(&values.copy.accounts),
            // Without a value of its own it follows the limit, also that of a tier.
            "copy.rpo" => values.copy.rpo.and_then(span),
            "copy.retention-min" => values.copy.retention_min_days.map(|days| format!("{days}d").into()),
            "copy.key-owner" => values.copy.key_owner.map(|owner| owner.as_str().into()),
            "copy.vault-lock" => values.copy.vault_lock.map(|lock| lock.as_str().into()),
            "accept-copies" => Some(values.accept_copies.into()),
            "air-gapped-within" => span_or_none(values.air_gapped_within),
            "restore-tested-within" => span_or_none(values.restore_tested_within),
            "rto" => span(values.rto),
            _ => None,
        }
    };
    let mut table = toml::Table::new();
    for (key, value) in keys.iter().filter_map(|key| Some((*key, value_of(key)?))) {
        match key.split_once('.') {
            None => drop(table.insert(key.to_owned(), value)),
            Some((below, key)) => {
                let below = table.entry(below).or_insert_with(|| toml::Table::new().into());
                below.as_table_mut().map(|below| below.insert(key.to_owned(), value));
            }
        }
    }
    table
}

fn tier_table(tier: &Tier) -> toml::Table {
    let mut table = values_table(&tier.values, &tier.sets);
    table.insert("name".to_owned(), tier.name.clone().into());
    table.insert("when".to_owned(), tier.when.clone().into());
    if !tier.levels.is_empty() {
        table.insert("rules".to_owned(), levels_table(&tier.levels).into());
    }
    if let Some(exemption) = &tier.exemption {
        table.insert("exempt".to_owned(), true.into());
        for (key, text) in [("reason", &exemption.reason), ("approver", &exemption.approver)] {
            if let Some(text) = text {
                table.insert(key.to_owned(), text.clone().into());
            }
        }
        if let Some(end) = exemption.expires_at {
            table.insert("expires".to_owned(), day(end));
        }
        if let Some(most) = exemption.max_tables {
            let most = i64::try_from(most).unwrap_or(i64::MAX);
            table.insert("max-tables".to_owned(), most.into());
        }
    }
    table
}

fn levels_table(levels: &Levels) -> toml::Table {
    let level = |(id, level): (&String, &Level)| (id.clone(), level.setting().into());
    levels.iter().map(level).collect()
}

fn day(at: chrono::DateTime<chrono::Utc>) -> toml::Value {
    at.format("%Y-%m-%d").to_string().into()
}

fn waivers_text(waivers: &Waivers) -> String {
    let tables: Vec<toml::Value> = waivers.0.iter().map(|waiver| waiver_table(waiver).into()).collect();
    let mut document = toml::Table::new();
    if !tables.is_empty() {
        document.insert("waiver".to_owned(), tables.into());
    }
    document.to_string()
}

fn waiver_table(waiver: &Waiver) -> toml::Table {
    let mut table = toml::Table::from_iter([
        ("rule".to_owned(), waiver.rule.clone().into()),
        ("tables".to_owned(), waiver.tables.clone().into()),
        ("reason".to_owned(), waiver.reason.clone().into()),
        ("requester".to_owned(), waiver.requester.clone().into()),
        ("approver".to_owned(), waiver.approver.clone().into()),
        ("approved".to_owned(), day(waiver.approved_at)),
        ("expires".to_owned(), day(waiver.expires_at)),
    ]);
    if !waiver.demands.is_empty() {
        table.insert("demands".to_owned(), toml::Value::from(waiver.demands.words()));
    }
    let most = i64::try_from(waiver.max_tables).unwrap_or(i64::MAX);
    table.insert("max-tables".to_owned(), most.into());
    for (key, text) in [
        ("compensating-control", &waiver.compensating_control),
        ("ticket", &waiver.ticket),
    ] {
        if let Some(text) = text {
            table.insert(key.to_owned(), text.clone().into());
        }
    }
    table
}
