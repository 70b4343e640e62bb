//! Which tables no plan serves as the policy asks, what is asked for them, and whether a try would be enough.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::criteria::values::PolicyValues;
use crate::dictionary::{FactKey, TableFacts};
use crate::domain::{FactValue, Finding, TargetId, Verdict};
use crate::inventory::schema::{Plan, TableTag};
use crate::problem::Outcome;
use crate::remediate::actions::Kind;
use crate::remediate::propose::Planner;
use crate::remediate::world::World;
use crate::report::{Report, TableRow};

/// The rules on tables that a plan has to satisfy, once it takes one.
pub(crate) const OF_TABLES: &[&str] = &[
    "cross-account-copy-planned",
    "cross-region-copy-planned",
    "in-a-plan",
    "plan-frequency-and-retention",
    "plan-frequent-enough",
    "plan-meets-policy",
    "plan-retention-long-enough",
];

/// The column of a table's tier, and what stands there for none.
const TIER: &str = "policy_tier";
const NO_TIER: &str = "none";

/// The column of the plans that promise enough and whose last runs failed for a table, and what stands there for none. A new
/// version or selection would only make those runs lie before it.
const FAILING: &str = "failing_plans";
const NO_PLAN: &str = "none";

/// Ids of the plans whose last runs failed for a table.
fn failing_plans(table: &TableRow) -> Vec<String> {
    match table.column(FAILING) {
        FactValue::Text(ids) if **ids != *NO_PLAN => ids.split(", ").map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

/// The plans whose last runs failed for a table.
pub(crate) fn failing(report: &Report) -> HashSet<(TargetId, String)> {
    let tables = report.tables.iter();
    let named = tables.flat_map(|table| {
        let ids = failing_plans(table).into_iter();
        ids.map(|id| (table.target.clone(), id))
    });
    named.collect()
}

/// A table that no plan serves as the policy asks.
#[derive(Clone)]
pub(crate) struct Needy {
    pub(crate) table: TableRow,
    /// What is open, of the rules of the kind that asks.
    pub(crate) findings: Vec<Finding>,
    /// Its tier; none: that of every table.
    pub(crate) tier: Option<String>,
    /// What is asked for it.
    pub(crate) values: PolicyValues,
    /// The plans that take it: id and name.
    pub(crate) plans: Vec<(String, String)>,
}

impl Needy {
    /// Where it is.
    pub(crate) fn at(&self) -> &TargetId {
        &self.table.target
    }

    /// The incarnation; none: a table older than ids.
    pub(crate) fn table_id(&self) -> Option<String> {
        text_of(&self.table, TableFacts::table_id).filter(|id| id != "none")
    }

    /// Its size; none: not known.
    pub(crate) fn size_bytes(&self) -> Option<i64> {
        match self.table.fact(TableFacts::table_size_bytes) {
            FactValue::Int(bytes) => Some(*bytes),
            _ => None,
        }
    }

    /// The partition of its ARN.
    pub(crate) fn partition(&self) -> String {
        text_of(&self.table, TableFacts::partition).unwrap_or_else(|| "aws".to_owned())
    }

    /// Are advanced features on where it is?
    pub(crate) fn has_advanced(&self) -> bool {
        *self.table.fact(TableFacts::advanced_features_on) == FactValue::Bool(true)
    }
}

fn text_of(table: &TableRow, key: FactKey) -> Option<String> {
    match table.fact(key) {
        FactValue::Text(text) => Some(text.to_string()),
        _ => None,
    }
}

/// The tables that findings of this kind are open for. Those of which it is not known what is asked are blocked.
///
/// Errors: the inventory is damaged.
pub(crate) fn needy(planner: &mut Planner<'_>, kind: &Kind) -> Outcome<Vec<Needy>> {
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut all: Vec<Needy> = Vec::new();
    let plans = planner.world.rows::<Plan>()?.to_vec();
    let open = planner.open(kind);
    let failing: HashSet<String> = open
        .iter()
        .filter(|finding| &*finding.rule == "plan-meets-policy")
        .map(|finding| &finding.resource_arn)
        .filter(|arn| planner.table(arn).is_some_and(|table| !failing_plans(table).is_empty()))
        .cloned()
        .collect();
    for finding in open {
        if failing.contains(&finding.resource_arn) {
            let why = format!("no change of plans mends what its jobs fail by: {}", finding.message);
            planner.block(&finding, why);
            continue;
        }
        if let Some(place) = places.get(&finding.resource_arn) {
            all[*place].findings.push(finding);
            continue;
        }
        let Some(table) = planner.table(&finding.resource_arn).cloned() else {
            continue;
        };
        let tier = tier_of(&table);
        let values = match &tier {
            Some(None) => Some(planner.criteria.policy.values.clone()),
            Some(Some(name)) => {
                let mut tiers = planner.criteria.policy.tiers.iter();
                tiers.find(|tier| tier.name == *name).map(|tier| tier.values.clone())
            }
            None => None,
        };
        let (Some(tier), Some(values)) = (tier, values) else {
            planner.block(
                &finding,
                "not known which tier of the policy applies, and so what a plan has to do",
            );
            continue;
        };
        places.insert(finding.resource_arn.clone(), all.len());
        all.push(Needy {
            plans: takers(&table, &plans),
            table,
            findings: vec![finding],
            tier,
            values,
        });
    }
    Ok(all)
}

/// The tier of a table; none of it is not known, `Some(None)`: it is in none.
fn tier_of(table: &TableRow) -> Option<Option<String>> {
    match table.column(TIER) {
        FactValue::Text(text) if &**text == NO_TIER => Some(None),
        FactValue::Text(text) => Some(Some(text.to_string())),
        _ => None,
    }
}

/// How large tables are together; none: not known of all.
pub(crate) fn bytes<'t>(tables: impl Iterator<Item = &'t TableRow>) -> Option<i64> {
    let size = |table: &TableRow| match table.fact(TableFacts::table_size_bytes) {
        FactValue::Int(bytes) => Some(*bytes),
        _ => None,
    };
    let mut sizes = tables.map(size);
    sizes.try_fold(0_i64, |sum, size| sum.checked_add(size?))
}

/// The plans that take a table, by the names that the report lists.
pub(crate) fn takers(table: &TableRow, plans: &[Plan]) -> Vec<(String, String)> {
    let Some(names) = text_of(table, TableFacts::plan_names).filter(|names| names != "none") else {
        return Vec::new();
    };
    let is_here = |plan: &&Plan| plan.account_id == table.target.account_id && plan.region == table.target.region;
    fn name(plan: &Plan) -> &str {
        plan.plan_name.as_deref().unwrap_or(&plan.plan_id)
    }
    let takes = |plan: &&Plan| names.split(", ").any(|one| one == name(plan));
    let takers = plans.iter().filter(is_here).filter(takes);
    takers
        .map(|plan| (plan.plan_id.clone(), name(plan).to_owned()))
        .collect()
}

/// How much a plan is proven to be what tables of a tier need: by target, plan's name and tier, how many it serves well.
pub(crate) fn well_served(report: &Report, plans: &[Plan]) -> BTreeMap<(TargetId, String, Option<String>), usize> {
    let met = report
        .findings
        .iter()
        .filter(|finding| &*finding.rule == "plan-meets-policy");
    let good: HashSet<&str> = met
        .filter(|finding| finding.verdict == Verdict::Compliant)
        .map(|finding| finding.resource_arn.as_str())
        .collect();
    let mut counts = BTreeMap::new();
    for table in report.tables.iter().filter(|table| good.contains(&*table.table_arn)) {
        let Some(tier) = tier_of(table) else { continue };
        for (plan_id, _) in takers(table, plans) {
            *counts.entry((table.target.clone(), plan_id, tier.clone())).or_default() += 1;
        }
    }
    counts
}

/// What a judgement of a world that was tried says.
pub(crate) struct Tried {
    /// The first open finding of each table, about its plans.
    of_tables: HashMap<String, String>,
    /// Tables that no plan takes for certain.
    unplanned: HashSet<String>,
    /// Plans whose lifecycle a lock refuses, by ARN, with the message.
    of_plans: HashMap<String, String>,
    /// A finding that is good now, or not there, and would not be good then: `resource (rule): message`, by account and Region.
    spoiled: BTreeMap<TargetId, String>,
}

impl Tried {
    pub(crate) fn of(planner: &Planner<'_>, after: &Report) -> Self {
        let verdicts = planner
            .report
            .findings
            .iter()
            .map(|finding| (&*finding.id, finding.verdict));
        let now: HashMap<&str, Verdict> = verdicts.collect();
        let mut tried = Self {
            of_tables: HashMap::new(),
            unplanned: HashSet::new(),
            of_plans: HashMap::new(),
            spoiled: BTreeMap::new(),
        };
        for finding in after.findings.iter().filter(|finding| planner.is_open(finding)) {
            let message = || finding.message.to_string();
            let is_of_table = OF_TABLES.contains(&&*finding.rule);
            if is_of_table {
                tried
                    .of_tables
                    .entry(finding.resource_arn.clone())
                    .or_insert_with(message);
            }
            if &*finding.rule == "in-a-plan" {
                tried.unplanned.insert(finding.resource_arn.clone());
            }
            if &*finding.rule == FITS_LOCK {
                tried
                    .of_plans
                    .entry(finding.resource_arn.clone())
                    .or_insert_with(message);
            }
            // What a plan lacks for a table that it takes only then is said of that table.
            let is_worse = match now.get(&*finding.id) {
                Some(Verdict::Compliant) => true,
                Some(Verdict::NonCompliant | Verdict::Unknown) => false,
                Some(Verdict::NotApplicable) | None => finding.verdict == Verdict::NonCompliant && !is_of_table,
            };
            if is_worse {
                let place = finding.target.clone();
                tried
                    .spoiled
                    .entry(place)
                    .or_insert_with(|| format!("{} ({}): {}", finding.resource_name, finding.rule, finding.message));
            }
        }
        tried
    }

    /// What is still open of a table; none: its plans do all that is asked.
    pub(crate) fn lacks(&self, table_arn: &str) -> Option<&str> {
        self.of_tables.get(table_arn).map(String::as_str)
    }

    /// Does a plan take the table for certain?
    pub(crate) fn is_planned(&self, table_arn: &str) -> bool {
        !self.unplanned.contains(table_arn)
    }

    /// Why a plan's lifecycle does not fit.
    pub(crate) fn misfits(&self, plan_arn: &str) -> Option<&str> {
        self.of_plans.get(plan_arn).map(String::as_str)
    }

    /// A finding there that would be worse than it is.
    pub(crate) fn spoils(&self, at: &TargetId) -> Option<&str> {
        self.spoiled.get(at).map(String::as_str)
    }
}

/// The rule on plans whose lifecycle a lock refuses.
pub(crate) const FITS_LOCK: &str = "plan-lifecycle-fits-lock";

/// The tags of all tables, by ARN.
///
/// Errors: the inventory is damaged.
pub(crate) fn tags(world: &mut World) -> Outcome<HashMap<String, BTreeMap<String, String>>> {
    let mut tags: HashMap<String, BTreeMap<String, String>> = HashMap::new();
    for tag in world.rows::<TableTag>()? {
        let of_table = tags.entry(tag.table_arn.clone()).or_default();
        of_table.insert(tag.key.clone(), tag.value.clone());
    }
    Ok(tags)
}
