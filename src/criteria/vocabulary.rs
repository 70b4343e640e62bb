//! Everything that a condition may name: facts, values of the policy, and comparisons of the two.

use polars::prelude::DataType;

/// The names that a condition may use, with their types.
pub(crate) use polars::prelude::Schema;

use super::values::{POLICY_VALUES, PolicyValues};
use crate::dictionary::{FactKey, FactKind, fact, facts_of};
use crate::domain::{FactValue, Subject};
use crate::inventory::cell::Kind;

/// A statement on a table that takes its policy into account: a column beside facts and policy values.
pub(crate) struct Comparison {
    /// Its name in conditions.
    pub(crate) name: &'static str,
    /// Its type.
    pub(crate) dtype: DataType,
    /// What it says, and when it is unknown.
    pub(crate) doc: &'static str,
    /// Frames that it rests on.
    pub(crate) frames: &'static [&'static str],
}

/// Frames that say which plans take a table and what they promise.
const PLAN_FRAMES: &[&str] = &[
    "plans",
    "plan_rules",
    "selections",
    "region_settings",
    "table_tags",
    "backup_jobs",
    "vaults",
    "recovery_points",
];

/// Frames that say which copies there are.
const COPY_FRAMES: &[&str] = &[
    "tables",
    "vaults",
    "recovery_points",
    "copy_jobs",
    "backup_jobs",
    "plans",
    "plan_rules",
    "plan_versions",
    "selections",
    "region_settings",
    "table_tags",
];

/// What rules on tables may compare with beside facts and policy values.
pub(crate) const COMPARISONS: &[Comparison] = &[
    Comparison {
        name: POLICY_TIER.name(),
        dtype: DataType::String,
        doc: "Tier of the policy whose values apply to the table; `none` if no tier takes it. Unknown if a tier's condition cannot be told.",
        frames: &[],
    },
    Comparison {
        name: "plan_rule_meets_policy",
        dtype: DataType::Boolean,
        doc: "One rule of a plan that takes the table runs at least as often as the RPO asks and keeps at least as long as the minimum retention. Unknown if a plan could not be read or may take the table and no other rule meets both.",
        frames: PLAN_FRAMES,
    },
    Comparison {
        name: "missing_copy_regions",
        dtype: DataType::String,
        doc: "Other Regions that the policy wants a copy in, or that a plan promises one to, and that hold none, or none whose data is young enough; `none` if all do. Unknown if one of them could not be looked at and none of the others lacks its copy.",
        frames: COPY_FRAMES,
    },
    Comparison {
        name: "missing_copy_accounts",
        dtype: DataType::String,
        doc: "The same for other accounts. Unknown as for Regions.",
        frames: COPY_FRAMES,
    },
    Comparison {
        name: "unplanned_copy_regions",
        dtype: DataType::String,
        doc: "Other Regions that the policy wants a copy in and that no rule of a plan that takes the table copies to; `none` if there is none. Unknown if one is lacking and a plan could not be read or may take the table.",
        frames: PLAN_FRAMES,
    },
    Comparison {
        name: "unplanned_copy_accounts",
        dtype: DataType::String,
        doc: "The same for other accounts. Unknown as for Regions.",
        frames: PLAN_FRAMES,
    },
    Comparison {
        name: "copies_not_seen",
        dtype: DataType::String,
        doc: "Accounts and Regions that copy jobs of the table wrote to and whose vaults were not looked at, or not all; `none` if there is none. Never unknown.",
        frames: COPY_FRAMES,
    },
];

/// The tier of the policy that a table is in.
pub const POLICY_TIER: FactKey = FactKey::new("policy_tier");

/// Everything that a condition on this subject may name.
pub(crate) fn schema(subject: Subject) -> Schema {
    let mut schema: Schema = facts_of(subject)
        .iter()
        .map(|fact| (fact.name.into(), fact.kind.dtype()))
        .collect();
    // With a value wherever one may be missing, which would have no type.
    let sample = PolicyValues {
        rpo: Some(chrono::TimeDelta::zero()),
        ..PolicyValues::default()
    };
    for value in POLICY_VALUES {
        schema.with_column(value.name.into(), dtype_of(&(value.of)(&sample)));
    }
    if subject == Subject::Table {
        for comparison in COMPARISONS {
            schema.with_column(comparison.name.into(), comparison.dtype.clone());
        }
    }
    schema
}

/// Everything that the condition of a policy tier may name, beside `tag('…')`: the facts on a table.
pub(crate) fn tier_schema() -> Schema {
    let facts = facts_of(Subject::Table).iter();
    facts.map(|fact| (fact.name.into(), fact.kind.dtype())).collect()
}

fn dtype_of(value: &FactValue) -> DataType {
    match value {
        FactValue::Bool(_) => DataType::Boolean,
        FactValue::Int(_) => DataType::Int64,
        FactValue::Float(_) => DataType::Float64,
        FactValue::Text(_) | FactValue::Unknown => DataType::String,
        FactValue::Time(_) => FactKind::Cell(Kind::Time).dtype(),
    }
}

/// What a name in a condition means: the sentence of its dictionary.
pub(crate) fn doc_of(subject: Subject, name: &str) -> Option<&'static str> {
    let of_fact = fact(subject, name).map(|fact| fact.doc);
    let of_policy = || {
        POLICY_VALUES
            .iter()
            .find(|value| value.name == name)
            .map(|value| value.doc)
    };
    let of_comparison = || COMPARISONS.iter().find(|one| one.name == name).map(|one| one.doc);
    of_fact.or_else(of_policy).or_else(of_comparison)
}

/// The frames that a name in a condition rests on.
pub(crate) fn frames_of(subject: Subject, name: &str) -> &'static [&'static str] {
    let of_comparison = || COMPARISONS.iter().find(|one| one.name == name).map(|one| one.frames);
    fact(subject, name)
        .map(|fact| fact.frames)
        .or_else(of_comparison)
        .unwrap_or_default()
}
