//! `[[policy.tier]]`: groups of tables with values of their own, or with none because they need no backup.

use crate::criteria::vocabulary::Schema;

use super::layer::{Layer, VALUE_KEYS, clashes, source_words};
use crate::criteria::policy::{Exemption, Policy, Tier};
use crate::criteria::predicate::{self, Predicate};
use crate::criteria::values::PolicyValues;
use crate::toml_reader::values::end_of;
use crate::toml_reader::{Located, Reader, Section};

/// The word that reports use for tables that no tier takes.
const NO_TIER: &str = "none";

/// Reads the tiers, in order; their values are laid over those of `policy`.
pub(super) fn read<'a>(reader: &mut Reader<'a>, section: &mut Section<'_, 'a>, policy: &Policy) -> Vec<Tier> {
    let sections = reader.sections(section, "tier");
    if sections.is_empty() {
        return Vec::new();
    }
    let schema = crate::criteria::vocabulary::tier_schema();
    let mut tiers: Vec<Tier> = Vec::new();
    for mut section in sections {
        let tier = read_tier(reader, &mut section, policy, &schema, &tiers);
        reader.finish(&section);
        tiers.extend(tier);
    }
    tiers
}

fn read_tier<'a>(
    reader: &mut Reader<'a>,
    section: &mut Section<'_, 'a>,
    policy: &Policy,
    schema: &Schema,
    earlier: &[Tier],
) -> Option<Tier> {
    let name = read_name(reader, section, earlier);
    let when = read_condition(reader, section, schema);
    let layer = Layer::read(reader, section);
    if let Some(offset) = section.place_of("window") {
        reader.string(section, "window");
        let what = format!("`{}` may not be set", section.path_of("window"));
        reader.note(
            offset,
            what,
            "it is the same for every table",
            "set `window` in `[policy]`",
        );
    }
    let exemption = read_exemption(reader, section);
    let set = VALUE_KEYS.into_iter().filter(|key| section.place_of(key).is_some());
    let sets: Vec<&'static str> = set.collect();
    let values = layer.over(&policy.values);
    if exemption.is_some() {
        for key in &sets {
            let what = format!("`{}` is set in an exempt tier", section.path_of(key));
            let why = "tables that need no backup have nothing to meet";
            let hint = format!("drop `{key}`, or drop `exempt`");
            reader.note(section.place_of(key).unwrap_or(section.offset), what, why, hint);
        }
    } else {
        check_tier(reader, section, policy, &values);
    }
    let (name, (when, predicate)) = (name?, when?);
    Some(Tier {
        name,
        when,
        predicate,
        values,
        sets,
        exemption,
        origin: reader.place(section.offset),
    })
}

/// Notes what contradicts each other because of this tier, not what `[policy]` already has wrong.
fn check_tier<'a>(reader: &mut Reader<'a>, section: &Section<'_, 'a>, policy: &Policy, values: &PolicyValues) {
    let said_by = |key: &str| {
        if section.place_of(key).is_some() {
            "this tier".to_owned()
        } else {
            source_words(&policy.sources, key, "`[policy]`")
        }
    };
    for clash in clashes(values, said_by) {
        if let Some(place) = clash.place(section) {
            clash.note(reader, section, place);
        }
    }
}

fn read_name<'a>(reader: &mut Reader<'a>, section: &mut Section<'_, 'a>, earlier: &[Tier]) -> Option<String> {
    let is_there = section.place_of("name").is_some();
    let name = reader.string(section, "name");
    if !is_there {
        reader.missing(section, "name");
    }
    let name = name?;
    let path = section.path_of("name");
    if name.value.trim().is_empty() {
        reader.note(
            name.offset,
            format!("`{path}` is empty"),
            "",
            "name the tier: findings and reports do",
        );
    } else if name.value == NO_TIER {
        let why = "that word stands for tables that no tier takes";
        reader.note(name.offset, format!("a tier may not be named `{NO_TIER}`"), why, "");
    } else if let Some(other) = earlier.iter().find(|tier| tier.name == name.value) {
        let what = format!("tier `{}` is there twice", name.value);
        let why = format!("the other is at {}", other.origin);
        reader.note(name.offset, what, why, "give each tier a name of its own");
    }
    Some(name.value)
}

fn read_condition<'a>(
    reader: &mut Reader<'a>,
    section: &mut Section<'_, 'a>,
    schema: &Schema,
) -> Option<(String, Predicate)> {
    let is_there = section.place_of("when").is_some();
    let when = reader.string(section, "when");
    if !is_there {
        reader.missing(section, "when");
    }
    let when: Located<String> = when?;
    match predicate::compile_tier(&when.value, schema) {
        Ok(predicate) => Some((when.value, predicate)),
        Err(mistake) => {
            let what = format!("`{}` {}", section.path_of("when"), mistake.what);
            reader.note(when.offset, what, "", mistake.hint);
            None
        }
    }
}

/// An exemption may lack its reason, approver or end: then it is not in force, which is a finding and no mistake here.
fn read_exemption<'a>(reader: &mut Reader<'a>, section: &mut Section<'_, 'a>) -> Option<Exemption> {
    let is_exempt = reader.boolean(section, "exempt");
    let has_exempt = section.place_of("exempt").is_some();
    let said = |text: Located<String>| Some(text.value).filter(|text| !text.trim().is_empty());
    let exemption = Exemption {
        reason: reader.string(section, "reason").and_then(said),
        approver: reader.string(section, "approver").and_then(said),
        expires_at: reader.date(section, "expires").map(|day| end_of(day.value)),
    };
    if is_exempt == Some(true) {
        return Some(exemption);
    }
    // `exempt = "yes"` is one mistake; what stands beside it is no other.
    if is_exempt.is_some() || !has_exempt {
        for key in ["reason", "approver", "expires"] {
            if let Some(offset) = section.place_of(key) {
                let what = format!("`{}` is set, but the tier is not exempt", section.path_of(key));
                let hint = format!("add `exempt = true`, or drop `{key}`");
                reader.note(offset, what, "", hint);
            }
        }
    }
    None
}
