//! `[[policy.tier]]`: groups of tables with values of their own, or with none because they need no backup.

use crate::criteria::vocabulary::Schema;

use super::layer::{Layer, VALUE_KEYS, clashes, place_of, source_words};
use super::levels;
use crate::criteria::policy::{Exemption, Policy, Tier};
use crate::criteria::predicate::{self, Predicate};
use crate::criteria::values::PolicyValues;
use crate::toml_reader::values::end_of;
use crate::toml_reader::{Located, Section};

/// The most tiers of one policy.
const MOST_TIERS: usize = 500;

/// The word that reports use for tables that no tier takes.
const NO_TIER: &str = "none";

/// Reads the tiers, in order; their values are laid over those of `policy`.
pub(super) fn read(section: &Section<'_>, policy: &Policy, known: Option<&[String]>) -> Vec<Tier> {
    let sections = section.sections("tier");
    if sections.is_empty() {
        return Vec::new();
    }
    if sections.len() > MOST_TIERS {
        let what = format!("there are more tiers than the {MOST_TIERS} that a policy may have");
        let why = format!("there are {}, and each is held against every table", sections.len());
        section.note(
            section.offset,
            what,
            why,
            "join tiers with the same values by `OR` in `when`",
        );
        return Vec::new();
    }
    let schema = crate::criteria::vocabulary::tier_schema();
    let mut tiers: Vec<Tier> = Vec::new();
    for section in sections {
        let tier = read_tier(&section, policy, &schema, &tiers, known);
        section.finish();
        tiers.extend(tier);
    }
    tiers
}

fn read_tier(
    section: &Section<'_>,
    policy: &Policy,
    schema: &Schema,
    earlier: &[Tier],
    known: Option<&[String]>,
) -> Option<Tier> {
    let name = read_name(section, earlier);
    let when = read_condition(section, schema);
    let layer = Layer::read(section);
    if let Some(offset) = section.place_of("window") {
        section.string("window");
        let what = format!("`{}` may not be set", section.path_of("window"));
        section.note(
            offset,
            what,
            "it is the same for every table",
            "set `window` in `[policy]`",
        );
    }
    let levels = section
        .section("rules")
        .map(|rules| levels::read(&rules, known))
        .unwrap_or_default();
    let exemption = read_exemption(section);
    let set = VALUE_KEYS.into_iter().filter(|key| place_of(section, key).is_some());
    let sets: Vec<&'static str> = set.collect();
    let values = layer.over(&policy.values);
    if exemption.is_some() {
        for key in &sets {
            let what = format!("`{}` is set in an exempt tier", section.path_of(key));
            let why = "tables that need no backup have nothing to meet";
            let hint = format!("drop `{key}`, or drop `exempt`");
            section.note(place_of(section, key).unwrap_or(section.offset), what, why, hint);
        }
    } else {
        check_tier(section, policy, &values);
    }
    let (name, (when, predicate)) = (name?, when?);
    Some(Tier {
        name,
        when,
        predicate,
        values,
        sets,
        levels,
        exemption,
        origin: section.origin(),
    })
}

/// Notes what contradicts each other because of this tier, not what `[policy]` already has wrong.
fn check_tier(section: &Section<'_>, policy: &Policy, values: &PolicyValues) {
    let said_by = |key: &str| {
        if place_of(section, key).is_some() {
            "this tier".to_owned()
        } else {
            source_words(&policy.sources, key, "`[policy]`")
        }
    };
    for clash in clashes(values, said_by) {
        if let Some(place) = clash.place(section) {
            clash.note(section, place);
        }
    }
}

fn read_name(section: &Section<'_>, earlier: &[Tier]) -> Option<String> {
    let is_there = section.place_of("name").is_some();
    let name = section.string("name");
    if !is_there {
        section.missing("name");
    }
    let name = name?;
    let path = section.path_of("name");
    if name.value.trim().is_empty() {
        section.note(
            name.offset,
            format!("`{path}` is empty"),
            "",
            "name the tier: findings and reports do",
        );
    } else if name.value == NO_TIER {
        let why = "that word stands for tables that no tier takes";
        section.note(name.offset, format!("a tier may not be named `{NO_TIER}`"), why, "");
    } else if let Some(other) = earlier.iter().find(|tier| tier.name == name.value) {
        let what = format!("tier `{}` is there twice", name.value);
        let why = format!("the other is at {}", other.origin);
        section.note(name.offset, what, why, "give each tier a name of its own");
    }
    Some(name.value)
}

fn read_condition(section: &Section<'_>, schema: &Schema) -> Option<(String, Predicate)> {
    let is_there = section.place_of("when").is_some();
    let when = section.string("when");
    if !is_there {
        section.missing("when");
    }
    let when: Located<String> = when?;
    match predicate::compile_tier(&when.value, schema) {
        Ok(predicate) => Some((when.value, predicate)),
        Err(mistake) => {
            let what = format!("`{}` {}", section.path_of("when"), mistake.what);
            section.note(when.offset, what, "", mistake.hint);
            None
        }
    }
}

/// An exemption may lack its reason, approver, end or number of tables: then it is not in force, which is a finding and no mistake here.
fn read_exemption(section: &Section<'_>) -> Option<Exemption> {
    let is_exempt = section.boolean("exempt");
    let has_exempt = section.place_of("exempt").is_some();
    let said = |text: Located<String>| Some(text.value).filter(|text| !text.trim().is_empty());
    let exemption = Exemption {
        reason: section.string("reason").and_then(said),
        approver: section.string("approver").and_then(said),
        expires_at: section.date("expires").map(|day| end_of(day.value)),
        max_tables: read_max_tables(section),
    };
    if is_exempt == Some(true) {
        return Some(exemption);
    }
    // `exempt = "yes"` is one mistake; what stands beside it is no other.
    if is_exempt.is_some() || !has_exempt {
        for key in ["reason", "approver", "expires", "max-tables"] {
            if let Some(offset) = section.place_of(key) {
                let what = format!("`{}` is set, but the tier is not exempt", section.path_of(key));
                let hint = format!("add `exempt = true`, or drop `{key}`");
                section.note(offset, what, "", hint);
            }
        }
    }
    None
}

fn read_max_tables(section: &Section<'_>) -> Option<usize> {
    let number = section.integer("max-tables")?;
    let most = usize::try_from(number.value).ok().filter(|most| *most >= 1);
    if most.is_none() {
        let what = format!("`{}` must be at least 1", section.path_of("max-tables"));
        let hint = "write how many tables the tier may exempt at most";
        section.note(number.offset, what, format!("it is {}", number.value), hint);
    }
    most
}
