//! What the chosen frameworks ask for: the values that hold where the organisation's own file says nothing.
//!
//! Where several frameworks ask for the same thing, the strictest wins. Which of them set a value is remembered.

use chrono::TimeDelta;

use super::layer::{Layer, clashes, source_words, window};
use crate::criteria::policy::{Policy, Source};
use crate::criteria::values::PolicyValues;
use crate::problem::Problem;
use crate::toml_reader::{Section, read_document};

/// The values of all chosen frameworks.
#[derive(Debug, Default)]
pub(crate) struct Preset {
    values: Layer,
    window: Option<i64>,
    sources: Vec<(&'static str, Source)>,
}

/// The values of one framework.
struct FrameworkValues {
    name: String,
    layer: Layer,
    window: Option<i64>,
}

impl Preset {
    /// Reads the policies of frameworks: name, and TOML text with or without the head `[policy]`.
    pub fn read(frameworks: &[(String, String)], problems: &mut Vec<Problem>) -> Self {
        let mut asked = Vec::new();
        for (name, text) in frameworks {
            let origin = format!("framework `{name}`");
            let (read, mistakes) = read_document(&origin, text, |root| {
                if root.place_of("policy").is_none() {
                    return Some(read_one(root));
                }
                let section = root.section("policy")?;
                let read = read_one(&section);
                section.finish();
                Some(read)
            });
            problems.extend(mistakes);
            if let Some((layer, window)) = read.flatten() {
                let name = name.clone();
                asked.push(FrameworkValues { name, layer, window });
            }
        }
        Self::strictest(&asked)
    }

    fn strictest(asked: &[FrameworkValues]) -> Self {
        let mut sources = Vec::new();
        let mut preset = Self::default();
        let values = &mut preset.values;
        macro_rules! choose {
            ($($key:literal: $($field:ident).+ by $stricter:expr => $target:expr,)+) => {$(
                if let Some((value, names)) = choose(asked, |one| one.$($field).+.as_ref(), $stricter) {
                    $target = Some(value);
                    sources.push(($key, Source::Framework(names)));
                }
            )+};
        }
        choose! {
            "rpo": layer.rpo by sooner => values.rpo,
            "frequency": layer.frequency by sooner => values.frequency,
            "tolerance": layer.tolerance by Ord::min => values.tolerance,
            "retention-min": layer.retention_min by Ord::max => values.retention_min,
            "retention-max": layer.retention_max by Ord::min => values.retention_max,
            "key-owner": layer.key_owner by Ord::max => values.key_owner,
            "vault-lock": layer.vault_lock by Ord::max => values.vault_lock,
            "copy-regions": layer.copy_regions by union => values.copy_regions,
            "copy-accounts": layer.copy_accounts by union => values.copy_accounts,
            "copy-rpo": layer.copy_rpo by Ord::min => values.copy_rpo,
            "air-gapped-within": layer.air_gapped_within by sooner => values.air_gapped_within,
            "restore-tested-within": layer.restore_tested_within by sooner => values.restore_tested_within,
            "rto": layer.rto by Ord::min => values.rto,
            "window": window by Ord::max => preset.window,
        }
        preset.sources = sources;
        preset
    }

    /// The policy without any file.
    pub(crate) fn policy(&self) -> Policy {
        let default = Policy::default();
        Policy {
            values: self.values.over(&PolicyValues::default()),
            sources: self.sources.clone(),
            window_days: self.window.unwrap_or(default.window_days),
            ..default
        }
    }

    /// What contradicts each other when no file says anything.
    pub(crate) fn mistake(&self) -> impl Iterator<Item = Problem> {
        let said_by = |key: &str| source_words(&self.sources, key, "");
        clashes(&self.policy().values, said_by).into_iter().map(|clash| {
            Problem::usage(format!("`{}` {}", clash.key, clash.what))
                .at("`--framework`")
                .why(clash.why)
                .hint(format!("{} in `[policy]` of the settings file", clash.hint))
        })
    }
}

fn read_one(section: &Section<'_>) -> (Layer, Option<i64>) {
    (Layer::read(section), window(section))
}

/// The strictest value, and the names of the frameworks that ask for just that (for lists: for a part of it).
fn choose<'f, T: Clone + PartialEq + 'f>(
    asked: &'f [FrameworkValues],
    value: impl Fn(&'f FrameworkValues) -> Option<&'f T>,
    stricter: fn(T, T) -> T,
) -> Option<(T, String)> {
    let strictest = asked.iter().filter_map(&value).cloned().reduce(stricter)?;
    let names = |wanted: &dyn Fn(&T) -> bool| -> Vec<&str> {
        let own = asked.iter().filter(|one| value(one).is_some_and(wanted));
        own.map(|one| one.name.as_str()).collect()
    };
    let mut chosen = names(&|own| *own == strictest);
    if chosen.is_empty() {
        chosen = names(&|_| true);
    }
    let names = chosen.join(", ");
    Some((strictest, names))
}

/// The items of both, in order of first appearance.
fn union(mut mine: Vec<String>, theirs: Vec<String>) -> Vec<String> {
    for item in theirs {
        if !mine.contains(&item) {
            mine.push(item);
        }
    }
    mine
}

/// The shorter of two limits; a limit is stricter than none.
fn sooner(mine: Option<TimeDelta>, theirs: Option<TimeDelta>) -> Option<TimeDelta> {
    match (mine, theirs) {
        (Some(mine), Some(theirs)) => Some(mine.min(theirs)),
        (one, other) => one.or(other),
    }
}
