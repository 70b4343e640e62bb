//! What to judge by, put together from flags and files: rules, policy, waivers, frameworks.

use std::path::Path;

use crate::cli::RuleArgs;
use crate::frameworks::{self, Framework};
use crate::problem::Outcome;
use crate::report::build::Criteria;
use crate::rules::RuleSet;
use crate::settings::Settings;
use crate::waivers::Waivers;

/// Reads the settings file and everything that flags and settings name.
///
/// Errors: every mistake of the file that is read first; a rule or a framework that does not exist.
pub fn read(config: Option<&Path>, args: &RuleArgs) -> Outcome<(Settings, Criteria)> {
    let frameworks: Vec<Framework> = args
        .framework
        .iter()
        .map(|name| frameworks::find(name).cloned())
        .collect::<Result<_, _>>()?;
    let presets: Vec<(String, String)> = frameworks
        .iter()
        .filter_map(|framework| Some((framework.id.clone(), framework.policy_text()?)))
        .collect();
    let settings = Settings::load(config, args.policy.as_deref(), &presets)?;
    let all = RuleSet::load(args.rules_dir.as_deref(), &[])?;
    let known: Vec<&str> = all.0.iter().map(|rule| &*rule.id).collect();
    let waivers = Waivers::load(args.waivers.as_deref().or(settings.waivers.as_deref()), &known)?;
    let rules = if args.rules.is_empty() && !frameworks.is_empty() {
        // A framework's controls rest on its rules, and every report on waivers and exemptions.
        let of_frameworks = |id: &str| frameworks.iter().any(|framework| framework.rules().contains(id));
        RuleSet(all.0.iter().filter(|rule| of_frameworks(&rule.id)).cloned().collect())
    } else {
        all.choose(&args.rules)?
    };
    let criteria = Criteria {
        rules,
        policy: settings.policy.clone(),
        waivers,
        frameworks,
    };
    Ok((settings, criteria))
}

/// The frames that these criteria need, with those that every report shows.
pub fn frames(criteria: &Criteria) -> impl Iterator<Item = &'static str> {
    let of_tiers = crate::evaluate::Tiers::reads(&criteria.policy).flat_map(|name| {
        let frames = crate::rules::frames_of(crate::domain::Subject::Table, name);
        let of_tag = crate::rules::predicate::tag_key(name).map(|_| "table_tags");
        frames.iter().copied().chain(of_tag)
    });
    let frames: Vec<&'static str> = of_tiers.collect();
    criteria.rules.frames().into_iter().chain(frames).chain(REPORTED)
}

/// Frames that every report shows, whatever rules were chosen.
const REPORTED: [&str; 2] = ["targets", "tables"];
