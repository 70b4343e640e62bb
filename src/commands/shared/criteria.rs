//! What to judge by, put together from flags and files: rules, policy, waivers, frameworks.

use std::path::Path;

use crate::commands::shared::args::RuleArgs;
use crate::commands::shared::evidence::Evidence;
use crate::criteria::frameworks::Framework;
use crate::criteria::rules::{Rule, RuleSet};
use crate::criteria::vocabulary::{COSTLY_FRAMES, frames_of};
use crate::criteria::waivers::Waivers;
use crate::criteria::{Criteria, Origin, frameworks, levels, rules};
use crate::inventory::Inventory;
use crate::problem::{Outcome, Problem, Problems};
use crate::settings::Settings;

/// Reads the settings file and everything that flags and settings name. `stored`: the evidence, where it is there already; rules
/// that have to be asked for since they cost calls run where the answers are in it.
///
/// Errors: every mistake of every file and of the flags that name rules and frameworks, in one run.
pub fn read(config: Option<&Path>, args: &RuleArgs, stored: Option<&Inventory>) -> Outcome<(Settings, Criteria)> {
    let mut problems = Vec::new();
    let find = |name: &String| {
        let found = frameworks::find(name).cloned();
        found.map_err(|problem| problem.at("`--framework`").into())
    };
    let named = args.framework.iter().map(find);
    let frameworks: Vec<Framework> = named.filter_map(|found| noted(found, &mut problems)).collect();
    // By their file names: they are known even where a rule cannot be read.
    let ids = rules::file_names(args.rules_dir.as_deref());
    let settings = noted(
        Settings::load(config, args.policy.as_deref(), Some(&ids)),
        &mut problems,
    );
    // Settings that cannot be read may say of any rule that it is replaced.
    let replaced = match &settings {
        Some(settings) => settings.replaced_rules.clone(),
        None => rules::own_file_names(args.rules_dir.as_deref()),
    };
    let all = noted(RuleSet::all(args.rules_dir.as_deref(), &replaced), &mut problems);
    let known = all.clone();
    let waivers_file = settings.as_ref().and_then(|settings| settings.waivers.as_deref());
    let waivers = noted(
        read_waivers(args.waivers.as_deref().or(waivers_file), all.as_ref(), args),
        &mut problems,
    );
    let rules = all.and_then(|all| {
        if args.rules.is_empty() && !frameworks.is_empty() {
            // A framework's controls rest on its rules; whether tables are backed up is asked in any case.
            let of_frameworks = |id: &str| frameworks.iter().any(|framework| framework.rules().contains(id));
            let is_own = |rule: &Rule| rule.whose == Origin::Own;
            let chosen = all.0.into_iter();
            // What the policy requires is asked beside them, or a narrow framework would hide it.
            let policy = settings.as_ref().map(|settings| &settings.policy);
            let is_required = |rule: &Rule| policy.is_some_and(|policy| levels::may_be_required(rule, policy));
            let chosen =
                chosen.filter(|rule| rule.core || is_own(rule) || is_required(rule) || of_frameworks(&rule.id));
            Some(RuleSet(chosen.collect()))
        } else {
            noted(all.choose(&args.rules), &mut problems)
        }
    });
    if let Some(rules) = &known {
        problems.extend(check_with(&args.with, rules));
    }
    let (Some(settings), Some(mut rules), Some(waivers), true) = (settings, rules, waivers, problems.is_empty()) else {
        return Err(Problems(problems));
    };
    rules.0.retain(|rule| levels::may_run(rule, &settings.policy));
    rules.0.retain(|rule| {
        let by_letter = frameworks
            .iter()
            .any(|framework| framework.rules_of_its_own().contains(&*rule.id));
        let is_asked_for = by_letter || args.with.iter().any(|id| **id == *rule.id);
        let is_answered = stored.is_some_and(|inventory| costly_frames(rule).all(|frame| inventory.has_frame(frame)));
        is_asked_for || is_answered || !is_costly(rule) || levels::may_be_required(rule, &settings.policy)
    });
    let criteria = Criteria {
        rules,
        policy: settings.policy.clone(),
        waivers,
        baseline: None,
        changes: Vec::new(),
        frameworks,
    };
    Ok((settings, criteria))
}

/// Does a rule need calls for each table under a hard quota?
fn is_costly(rule: &Rule) -> bool {
    costly_frames(rule).next().is_some()
}

fn costly_frames(rule: &Rule) -> impl Iterator<Item = &'static str> {
    let frames = rule.reads().flat_map(|name| frames_of(rule.subject, name));
    frames.copied().filter(|frame| COSTLY_FRAMES.contains(frame))
}

/// Errors: ids of `--with` that are not rules which have to be asked for.
fn check_with(ids: &[String], rules: &RuleSet) -> Vec<Problem> {
    let costly: Vec<&str> = rules
        .0
        .iter()
        .filter(|rule| is_costly(rule))
        .map(|rule| &*rule.id)
        .collect();
    let wrong = ids.iter().filter(|id| !costly.contains(&id.as_str()));
    let problem = |id: &String| {
        Problem::usage(format!("`{id}` is not a rule that has to be asked for"))
            .at("`--with`")
            .hint(format!("these are: {}", costly.join(", ")))
    };
    wrong.map(problem).collect()
}

/// What stored evidence is judged by: what was asked for, else what the pack was judged by, else the settings.
///
/// Errors: those of [`read`]; a pack whose criteria are damaged.
pub(crate) fn of_evidence(evidence: &Evidence, config: Option<&Path>, args: &RuleArgs) -> Outcome<Criteria> {
    if config.is_none()
        && !args.is_any()
        && let Some(criteria) = evidence.criteria()?
    {
        return Ok(criteria);
    }
    Ok(read(config, args, Some(&evidence.inventory))?.1)
}

/// Keeps the mistakes and goes on with the rest.
fn noted<T>(outcome: Outcome<T>, problems: &mut Vec<Problem>) -> Option<T> {
    outcome.map_err(|mistakes| problems.extend(mistakes.0)).ok()
}

/// The waivers; rules that could not be read are known by their file names.
fn read_waivers(path: Option<&Path>, rules: Option<&RuleSet>, args: &RuleArgs) -> Outcome<Waivers> {
    let names = match rules {
        Some(rules) => rules.0.iter().map(|rule| rule.id.to_string()).collect(),
        None => rules::file_names(args.rules_dir.as_deref()),
    };
    let known: Vec<&str> = names.iter().map(String::as_str).collect();
    Waivers::load(path, &known)
}

/// The frames that these criteria need, with those that every report shows.
pub(crate) fn frames(criteria: &Criteria) -> impl Iterator<Item = &'static str> {
    let of_tiers = crate::judge::evaluate::Tiers::reads(&criteria.policy).flat_map(|name| {
        let frames = crate::criteria::vocabulary::frames_of(crate::domain::Subject::Table, name);
        let of_tag = crate::criteria::predicate::tag_key(name).map(|_| "table_tags");
        frames.iter().copied().chain(of_tag)
    });
    // Who answers for a table may stand in its tags.
    let of_owners = criteria.policy.exceptions.tags().next().map(|_| "table_tags");
    let frames: Vec<&'static str> = of_tiers.chain(of_owners).collect();
    criteria.rules.frames().into_iter().chain(frames).chain(REPORTED)
}

/// The keys of the tags by which tiers tell tables apart.
pub(crate) fn tag_keys(criteria: &Criteria) -> impl Iterator<Item = String> {
    let reads = crate::judge::evaluate::Tiers::reads(&criteria.policy);
    reads.filter_map(|name| crate::criteria::predicate::tag_key(name).map(str::to_owned))
}

/// Frames that every report shows, whatever rules were chosen.
const REPORTED: [&str; 2] = ["targets", "tables"];
