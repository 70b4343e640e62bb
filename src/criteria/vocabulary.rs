//! Everything that a condition may name: facts, values of the policy, and comparisons of the two.

use polars::prelude::DataType;

/// The names that a condition may use, with their types.
pub(crate) use polars::prelude::Schema;

use super::values::{POLICY_VALUES, PolicyValues};
use crate::dictionary::{FactKey, FactKind, NoneIf, Plain, TableFacts, Test, fact, facts_of};
use crate::domain::{FactValue, Subject};
use crate::inventory::cell::Kind;

/// A statement on a table that takes its policy into account: a column beside facts and policy values.
pub(crate) struct Comparison {
    /// Its name in conditions.
    pub(crate) name: &'static str,
    /// Its type.
    pub(crate) kind: FactKind,
    /// What it says, and when it is unknown.
    pub(crate) doc: &'static str,
    /// Frames that it rests on.
    pub(crate) frames: &'static [&'static str],
    /// As of a fact.
    pub(crate) none_if: &'static [NoneIf],
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

/// Frames that say which copies plans promise, and how good these would be.
const COPY_PLAN_FRAMES: &[&str] = &[
    "plans",
    "plan_rules",
    "selections",
    "region_settings",
    "table_tags",
    "backup_jobs",
    "vaults",
    "keys",
    "recovery_points",
];

/// Frames that say which copies there are, and how good they are.
const COPY_FRAMES: &[&str] = &[
    "tables",
    "vaults",
    "keys",
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

/// Frames that say which plans take a table, what they promise, and how their last runs ended.
const PLAN_POLICY_FRAMES: &[&str] = &[
    "tables",
    "plans",
    "plan_rules",
    "plan_versions",
    "selections",
    "region_settings",
    "table_tags",
    "vaults",
    "keys",
    "recovery_points",
    "backup_jobs",
];

/// Frames that say whether a table has a backup, and when the first one is due.
const YOUNG_FRAMES: &[&str] = &[
    "tables",
    "plans",
    "plan_rules",
    "selections",
    "region_settings",
    "table_tags",
    "vaults",
    "recovery_points",
    "backup_jobs",
];

/// Frames that say which recovery points meet the policy.
const GOOD_POINT_FRAMES: &[&str] = &["tables", "vaults", "recovery_points", "native_backups", "keys"];

/// Frames that say which points jobs made, how long these were to live, and whether they are there.
const DELETION_FRAMES: &[&str] = &[
    "tables",
    "backup_jobs",
    "vaults",
    "recovery_points",
    "plans",
    "plan_rules",
    "plan_versions",
];

/// What rules on tables may compare with beside facts and policy values.
pub(crate) const COMPARISONS: &[Comparison] = &[
    Comparison {
        name: POLICY_TIER.name(),
        kind: FactKind::Cell(Kind::Text),
        doc: "Tier of the policy whose values apply to the table; `none` if no tier takes it. Unknown if a tier's condition cannot be told.",
        frames: &[],
        none_if: &[],
    },
    Comparison {
        name: "plan_rule_meets_policy",
        kind: FactKind::Cell(Kind::Bool),
        doc: "One rule of a plan that takes the table runs at least as often as the RPO asks and keeps at least as long as the minimum retention. Unknown if a plan could not be read or may take the table and no other rule meets both.",
        frames: PLAN_FRAMES,
        none_if: &[NoneIf {
            fact: TableFacts::in_a_plan.name(),
            test: Test::Is(Plain::Bool(false)),
        }],
    },
    Comparison {
        name: "missing_copy_regions",
        kind: FactKind::Cell(Kind::Text),
        doc: "Other Regions that the policy requires a copy in, or that a plan promises one to, and that hold none, none whose data is young enough, or none that meets what the policy asks of copies; `none` if all do. Unknown if one of them could not be looked at, or holds a copy that may count, and none of the others lacks its copy.",
        frames: COPY_FRAMES,
        none_if: &[],
    },
    Comparison {
        name: "missing_copy_accounts",
        kind: FactKind::Cell(Kind::Text),
        doc: "The same for other accounts. Unknown as for Regions.",
        frames: COPY_FRAMES,
        none_if: &[],
    },
    Comparison {
        name: "unplanned_copy_regions",
        kind: FactKind::Cell(Kind::Text),
        doc: "Other Regions that the policy requires a copy in and that no rule of a plan that takes the table makes one in that meets what the policy asks of copies; `none` if there is none. Unknown if one is lacking and a plan could not be read or may take the table, or if it is not known what a copy there would be like.",
        frames: COPY_PLAN_FRAMES,
        none_if: &[],
    },
    Comparison {
        name: "unplanned_copy_accounts",
        kind: FactKind::Cell(Kind::Text),
        doc: "The same for other accounts. Unknown as for Regions.",
        frames: COPY_PLAN_FRAMES,
        none_if: &[],
    },
    Comparison {
        name: "copies_not_seen",
        kind: FactKind::Cell(Kind::Text),
        doc: "Accounts and Regions that copy jobs of the table wrote to and whose vaults were not looked at, or not all; `none` if there is none. Never unknown.",
        frames: COPY_FRAMES,
        none_if: &[],
    },
    Comparison {
        name: "copies_summary",
        kind: FactKind::Cell(Kind::Text),
        doc: "Where usable copies were seen in other accounts and Regions, with the age of the data of the newest one and what it lacks of what the policy asks of copies; `none` if there is none. Unknown if the table could not be described.",
        frames: COPY_FRAMES,
        none_if: &[],
    },
    Comparison {
        name: "copies_doubt",
        kind: FactKind::Cell(Kind::Text),
        doc: "Copies that were seen and may count or not, and what is not known of them; `none` if there is none. Unknown if the table could not be described.",
        frames: COPY_FRAMES,
        none_if: &[],
    },
    Comparison {
        name: "copy_actions_summary",
        kind: FactKind::Cell(Kind::Text),
        doc: "Where rules of the plans that take the table, or may, copy to, with how long copies are kept there or what they would lack of what the policy asks of copies; `none` if there is no copy action. Unknown if a plan could not be read.",
        frames: COPY_PLAN_FRAMES,
        none_if: &[],
    },
    Comparison {
        name: "copy_actions_doubt",
        kind: FactKind::Cell(Kind::Text),
        doc: "Copy actions whose copies may count or not, and what is not known of them; `none` if there is none. Never unknown.",
        frames: COPY_PLAN_FRAMES,
        none_if: &[],
    },
    Comparison {
        name: "plan_meets_policy",
        kind: FactKind::Cell(Kind::Bool),
        doc: "Runs of good rules of the plans that take the table come often enough, within the window that the policy tolerates, and the last two of a rule did not both fail. A good rule will run, and a point that it made now would be a good point, or a copy of it elsewhere where the policy accepts copies. Unknown if the table, a plan, a vault, a key or the jobs could not be read and that decides, or if AWS's answers leave it open.",
        frames: PLAN_POLICY_FRAMES,
        none_if: &[],
    },
    Comparison {
        name: "plan_policy_reason",
        kind: FactKind::Cell(Kind::Text),
        doc: "How often runs of good rules come and how often they should, or what the plans lack, in words. Unknown if the table is in no target of the scan.",
        frames: PLAN_POLICY_FRAMES,
        none_if: &[],
    },
    Comparison {
        name: "plan_policy_doubt",
        kind: FactKind::Cell(Kind::Text),
        doc: "What AWS's answers leave open where plan_meets_policy is unknown; `none` if it is known, or if a call that failed would tell. Unknown as plan_policy_reason.",
        frames: PLAN_POLICY_FRAMES,
        none_if: &[],
    },
    Comparison {
        name: "failing_plans",
        kind: FactKind::Cell(Kind::Text),
        doc: "Ids of the plans whose last two runs of a rule that promises enough made no recovery point that meets the policy, where the plans of the table would keep the policy if those runs worked; `none` if there is none, or if plan_meets_policy is not false. Unknown if the table is in no target of the scan, or if it hangs on which tier it is in.",
        frames: PLAN_POLICY_FRAMES,
        none_if: &[],
    },
    Comparison {
        name: "is_not_yet_due",
        kind: FactKind::Cell(Kind::Bool),
        doc: "The table has no usable recovery point yet because none was due: a selection takes it, and the start window of the first run after its creation is not over. False for one whose name an earlier table had points under within two limits. Unknown if the table, its points or a plan could not be read and that decides, or if a plan may take the table.",
        frames: YOUNG_FRAMES,
        none_if: &[],
    },
    Comparison {
        name: "backed_up",
        kind: FactKind::Cell(Kind::Bool),
        doc: "A good point is no older than the limit: one usable recovery point of this table that is kept long enough, under a working key of the wanted owner, in a vault locked as wanted. Where the policy accepts copies, a copy in another account or Region that was read may stand for it, if it meets what is asked of copies and its data is no older than copies may be. Unknown if the table could not be described, or if none surely is and one may be: in a vault that could not be read, under a key that could not be described, of a state that is not known.",
        frames: GOOD_POINT_FRAMES,
        none_if: &[],
    },
    Comparison {
        name: "backed_up_doubt",
        kind: FactKind::Cell(Kind::Text),
        doc: "What AWS's answers leave open where backed_up is unknown; `none` if it is known, or if a call that failed would tell. Unknown if the table could not be described.",
        frames: GOOD_POINT_FRAMES,
        none_if: &[],
    },
    Comparison {
        name: "backed_up_summary",
        kind: FactKind::Cell(Kind::Text),
        doc: "How old the newest usable recovery point is, what it lacks, and how old the newest good one is, in words; where the policy accepts copies and the points at home are not enough, the same of copies, with where they lie. Unknown if the table could not be described.",
        frames: GOOD_POINT_FRAMES,
        none_if: &[],
    },
    Comparison {
        name: "newest_good_point_age_hours",
        kind: FactKind::Float,
        doc: "Age at as_of, in hours, of the newest good point; 876,000 if there is none. Unknown where newest_good_point_age_hours_at_most and newest_good_point_age_hours_at_least differ.",
        frames: GOOD_POINT_FRAMES,
        none_if: &[],
    },
    Comparison {
        name: "newest_good_point_age_hours_at_most",
        kind: FactKind::Float,
        doc: "Age at as_of, in hours, of the newest point that is good for certain, copies among them where the policy accepts these; 876,000 if there is none. Unknown if the table could not be described.",
        frames: GOOD_POINT_FRAMES,
        none_if: &[],
    },
    Comparison {
        name: "newest_good_point_age_hours_at_least",
        kind: FactKind::Float,
        doc: "Age at as_of, in hours, of the newest point that may be good: 0 if a vault that could not be read may hold one, 876,000 if there surely is none. Unknown if the table could not be described.",
        frames: GOOD_POINT_FRAMES,
        none_if: &[],
    },
    Comparison {
        name: "newest_good_point_at",
        kind: FactKind::Cell(Kind::Time),
        doc: "Date of the newest point that is good for certain. Unknown if there is none.",
        frames: GOOD_POINT_FRAMES,
        none_if: &[NoneIf {
            fact: "newest_good_point_age_hours",
            test: Test::IsKnown,
        }],
    },
    Comparison {
        name: "newest_good_point_arn",
        kind: FactKind::Cell(Kind::Text),
        doc: "Its ARN; `none` if there surely is no good point. Unknown if the table could not be described, or if one may be good and none is for certain.",
        frames: GOOD_POINT_FRAMES,
        none_if: &[],
    },
    Comparison {
        name: "newest_good_point_vault",
        kind: FactKind::Cell(Kind::Text),
        doc: "The vault that holds it, with account and Region if it is a copy elsewhere; `none` if there surely is no good point. Unknown as the ARN.",
        frames: GOOD_POINT_FRAMES,
        none_if: &[],
    },
    Comparison {
        name: "newest_point_failed_demands",
        kind: FactKind::Cell(Kind::Text),
        doc: "Which demands of the policy the newest usable recovery point does not meet, and of which that is not known; `none` if it is good. Unknown if the table could not be described.",
        frames: GOOD_POINT_FRAMES,
        none_if: &[],
    },
    Comparison {
        name: "points_deleted_early_count",
        kind: FactKind::Cell(Kind::Int),
        doc: "Recovery points that backup jobs of the last 30 days made, that are to live on, and that are not there. How long a point was to live is known where its plan has not changed since, or by the nearest point of the same rule; else it is the shortest retention that the policy allows. Unknown if the jobs or the table could not be read, or if one is not seen and its vault, its plan or its ARN is not known.",
        frames: DELETION_FRAMES,
        none_if: &[],
    },
    Comparison {
        name: "points_deleted_early_count_sure",
        kind: FactKind::Cell(Kind::Int),
        doc: "Those of them that are gone for certain, by the jobs and the vaults that could be read. Unknown if the table could not be described.",
        frames: DELETION_FRAMES,
        none_if: &[],
    },
    Comparison {
        name: "points_deleted_early_count_at_most",
        kind: FactKind::Cell(Kind::Int),
        doc: "Those of them that were not seen, gone for certain or not. Unknown if the jobs or the table could not be read.",
        frames: DELETION_FRAMES,
        none_if: &[],
    },
    Comparison {
        name: "points_deleted_early",
        kind: FactKind::Cell(Kind::Text),
        doc: "The first of those that are gone for certain: when their jobs were created, their vaults, the ids of the jobs; `none` if there is none. Unknown if the table could not be described.",
        frames: DELETION_FRAMES,
        none_if: &[],
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
            schema.with_column(comparison.name.into(), comparison.kind.dtype());
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
        FactValue::Text(_) | FactValue::Null(_) => DataType::String,
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

/// Frames that take a call for each table, of which AWS takes ten a second.
pub(crate) const COSTLY_FRAMES: [&str; 1] = ["continuous_backups"];

/// Calls that AWS takes in a second for those.
pub(crate) const COSTLY_CALLS_A_SECOND: usize = 10;

/// The frames that a name in a condition rests on.
pub(crate) fn frames_of(subject: Subject, name: &str) -> &'static [&'static str] {
    let of_comparison = || COMPARISONS.iter().find(|one| one.name == name).map(|one| one.frames);
    fact(subject, name)
        .map(|fact| fact.frames)
        .or_else(of_comparison)
        .unwrap_or_default()
}

/// What another name says where there is nothing that this one could be about.
pub(crate) fn none_if(subject: Subject, name: &str) -> &'static [NoneIf] {
    let of_comparison = || COMPARISONS.iter().find(|one| one.name == name).map(|one| one.none_if);
    fact(subject, name)
        .map(|fact| fact.none_if)
        .or_else(of_comparison)
        .unwrap_or_default()
}
