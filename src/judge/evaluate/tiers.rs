//! Which values of the policy apply to a table.
//!
//! The first tier whose condition holds applies. A condition that cannot be told leaves its tier a candidate beside the
//! ones after it, up to the first that holds for certain: a value on which all candidates agree is known all the same.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use polars::prelude::{BooleanChunked, Column, DataFrame, DataType, IntoLazy, PolarsResult};

use super::engine_failed;
use crate::criteria::levels::level;
use crate::criteria::policy::{Exemption, Policy, Tier};
use crate::criteria::predicate::tag_key;
use crate::criteria::rules::Rule;
use crate::criteria::values::{POLICY_VALUES, PolicyValues};
use crate::dictionary::{FactCell, SubjectFacts, TableFacts};
use crate::domain::{FactValue, Level, Subject};
use crate::facts::rpo_over_time::RpoDemand;
use crate::facts::{Comparisons, Facts, Tables};
use crate::problem::Problem;

/// Tables whose tiers are told at once.
const CHUNK: usize = 8192;

/// What the policy says of one table.
#[derive(Debug)]
pub struct Assigned {
    /// Values by name, in order of [`POLICY_VALUES`].
    pub values: Vec<(&'static str, FactValue)>,
    /// Name of the tier, `none`, or unknown.
    pub tier: FactValue,
    /// The table needs no backup; `None`: that cannot be told.
    pub is_exempt: Option<bool>,
    /// Why not, for the message.
    pub exempt_reason: String,
    /// What each rule on tables counts for, in their order; none where the candidates disagree.
    pub(super) levels: Vec<Option<Level>>,
    /// The values of every candidate.
    candidates: Vec<PolicyValues>,
    /// The places of the candidates among the tiers.
    places: Vec<usize>,
}

impl Assigned {
    /// How old the newest recovery point may be: what all candidates say between them.
    pub(crate) fn asked(&self) -> RpoDemand {
        if self.is_exempt == Some(true) {
            return RpoDemand::Nothing;
        }
        let seconds = |values: &PolicyValues| u32::try_from(values.limit().num_seconds()).unwrap_or(u32::MAX);
        let each = self.candidates.iter().map(|values| RpoDemand::rpo(seconds(values)));
        let exemption = self.is_exempt.is_none().then_some(RpoDemand::Nothing);
        let asked = each.chain(exemption).reduce(RpoDemand::or);
        asked.expect("there is always a candidate")
    }

    /// The values of every tier that may take the table.
    pub(crate) fn candidates(&self) -> &[PolicyValues] {
        &self.candidates
    }

    /// The facts of the table at that place against the policy: known where all candidates agree.
    pub(crate) fn compare(&self, facts: &Facts, tables: &Tables, place: usize) -> Comparisons {
        let mut all = self
            .candidates
            .iter()
            .map(|values| facts.compare(tables, place, values));
        let first = all.next().unwrap_or_default();
        all.fold(first, |agreed, other| agreed.agreed(&other))
    }
}

/// Which exemptions take no more tables than they may, by place of their tier. One that takes more exempts nothing.
#[derive(Debug, Default)]
pub struct Within(Vec<Option<bool>>);

impl Within {
    /// Counts the tables of tiers whose exemptions say how many they may be.
    ///
    /// Errors: the engine fails, which a checked policy never makes it do.
    pub fn of(policy: &Policy, facts: &Facts) -> Result<Self, Problem> {
        let most = |tier: &Tier| tier.exemption.as_ref().and_then(|exemption| exemption.max_tables);
        let any = Self(vec![Some(true); policy.tiers.len()]);
        if policy.tiers.iter().all(|tier| most(tier).is_none()) {
            return Ok(any);
        }
        let (mut sure, mut possible) = (vec![0; policy.tiers.len()], vec![0; policy.tiers.len()]);
        let mut tiers = Tiers::new(policy, &[], facts.as_of(), &any);
        for start in (0..facts.len()).step_by(CHUNK) {
            let tables = facts.tables(start..facts.len().min(start + CHUNK));
            for assigned in tiers.assign(&tables, facts, start).map_err(engine_failed)? {
                match assigned.places[..] {
                    [BASE] => {}
                    [place] => sure[place] += 1,
                    _ => {
                        let open = assigned.places.iter().filter(|place| **place != BASE);
                        open.for_each(|place| possible[*place] += 1);
                    }
                }
            }
        }
        let is_listed_whole = facts.is_listed_whole(Subject::Table);
        let is_within = |(place, tier): (usize, &Tier)| match most(tier) {
            None => Some(true),
            Some(most) if sure[place] > most => Some(false),
            // There may be more.
            Some(most) => (is_listed_whole && sure[place] + possible[place] <= most).then_some(true),
        };
        Ok(Self(policy.tiers.iter().enumerate().map(is_within).collect()))
    }

    /// Does the exemption of the tier at that place take no more tables than it may?
    pub(crate) fn at(&self, place: usize) -> Option<bool> {
        self.0.get(place).copied().unwrap_or(Some(true))
    }
}

/// The value of a tag of the table of a row: `None` where its tags are not known, empty where it has no such tag.
type TagOf<'t> = dyn Fn(&str, usize) -> Option<&'t str> + 't;

/// The place of the values for every table, among the tiers.
const BASE: usize = usize::MAX;

/// Assigns tiers to tables; remembers every set of candidates it met.
pub(crate) struct Tiers<'p> {
    policy: &'p Policy,
    rules: &'p [&'p Rule],
    as_of: DateTime<Utc>,
    within: &'p Within,
    known: HashMap<Vec<usize>, Arc<Assigned>>,
}

impl<'p> Tiers<'p> {
    /// For one policy at one instant, and these rules on tables.
    pub(crate) fn new(policy: &'p Policy, rules: &'p [&'p Rule], as_of: DateTime<Utc>, within: &'p Within) -> Self {
        Self {
            policy,
            rules,
            as_of,
            within,
            known: HashMap::new(),
        }
    }

    /// The names of the facts that conditions of tiers read.
    pub(crate) fn reads(policy: &Policy) -> impl Iterator<Item = &str> {
        policy
            .tiers
            .iter()
            .flat_map(|tier| tier.predicate.reads.iter().map(String::as_str))
    }

    /// What the policy says of each of these tables.
    ///
    /// Errors: the engine fails, which a checked policy never makes it do.
    pub(crate) fn assign(&mut self, tables: &Tables, facts: &Facts, start: usize) -> PolarsResult<Vec<Arc<Assigned>>> {
        if self.policy.tiers.is_empty() {
            let base = self.assigned(&[BASE]);
            return Ok(vec![base; tables.facts.len()]);
        }
        let tag = |key: &str, row: usize| facts.tag(start + row, key);
        self.assign_by(&tables.facts, &tag)
    }

    /// The same of tables whose tags are not known.
    ///
    /// Errors: those of `assign`.
    pub(crate) fn assign_untagged(&mut self, tables: &[TableFacts]) -> PolarsResult<Vec<Arc<Assigned>>> {
        if self.policy.tiers.is_empty() {
            let base = self.assigned(&[BASE]);
            return Ok(vec![base; tables.len()]);
        }
        self.assign_by(tables, &|_, _| None)
    }

    fn assign_by<'t>(&mut self, tables: &[TableFacts], tag: &TagOf<'t>) -> PolarsResult<Vec<Arc<Assigned>>> {
        let rows = tables.len();
        let masks = self.masks(tables, tag)?;
        let mut candidates = Vec::new();
        let mut assigned = Vec::with_capacity(rows);
        for row in 0..rows {
            candidates.clear();
            let mut is_settled = false;
            for (place, mask) in masks.iter().enumerate() {
                match mask.get(row) {
                    Some(false) => {}
                    None => candidates.push(place),
                    Some(true) => {
                        candidates.push(place);
                        is_settled = true;
                        break;
                    }
                }
            }
            if !is_settled {
                candidates.push(BASE);
            }
            assigned.push(self.assigned(&candidates));
        }
        Ok(assigned)
    }

    fn masks(&self, tables: &[TableFacts], tag: &TagOf<'_>) -> PolarsResult<Vec<BooleanChunked>> {
        let reads: Vec<&str> = Self::reads(self.policy).collect();
        let mut frame = TableFacts::to_frame(tables, &|name| reads.contains(&name))?;
        let mut tag_columns: Vec<&str> = reads.iter().copied().filter(|read| tag_key(read).is_some()).collect();
        tag_columns.sort_unstable();
        tag_columns.dedup();
        for name in tag_columns {
            frame.with_column(tag_column(name, tables.len(), tag))?;
        }
        let conditions = self.policy.tiers.iter().enumerate();
        let conditions = conditions.map(|(place, tier)| tier.predicate.expr.clone().alias(place.to_string()));
        let results: DataFrame = frame.lazy().select(conditions.collect::<Vec<_>>()).collect()?;
        let mask = |place: usize| -> PolarsResult<BooleanChunked> {
            Ok(results.column(&place.to_string())?.bool()?.rechunk().into_owned())
        };
        (0..self.policy.tiers.len()).map(mask).collect()
    }

    fn assigned(&mut self, candidates: &[usize]) -> Arc<Assigned> {
        if let Some(known) = self.known.get(candidates) {
            return Arc::clone(known);
        }
        let assigned = Arc::new(self.agree(candidates));
        self.known.insert(candidates.to_vec(), Arc::clone(&assigned));
        assigned
    }

    fn agree(&self, candidates: &[usize]) -> Assigned {
        let tier = |place: usize| self.policy.tiers.get(place);
        let values_of = |place: &usize| tier(*place).map_or(&self.policy.values, |tier| &tier.values);
        let all: Vec<PolicyValues> = candidates.iter().map(values_of).cloned().collect();
        let values = POLICY_VALUES.iter().map(|value| {
            let mut of_all = all.iter().map(|values| (value.of)(values));
            let first = of_all.next().unwrap_or(FactValue::OPEN);
            let agreed = of_all.all(|other| other == first);
            (value.name, if agreed { first } else { FactValue::OPEN })
        });
        let in_force = |place: &usize| {
            let exemption = tier(*place).and_then(|tier| tier.exemption.as_ref());
            exemption.map_or(Some(false), |exemption| {
                exemption.is_in_force(self.as_of, self.within.at(*place))
            })
        };
        let level_of = |rule: &&Rule| {
            let mut levels = candidates.iter().map(|place| level(rule, self.policy, tier(*place)));
            let first = levels.next();
            first.filter(|first| levels.all(|other| other == *first))
        };
        let mut exempt = candidates.iter().map(in_force);
        let first = exempt.next().unwrap_or(Some(false));
        let reason = candidates
            .first()
            .and_then(|place| tier(*place))
            .map_or_else(String::new, exempt_reason);
        Assigned {
            values: values.collect(),
            tier: match candidates {
                [place] => FactValue::Text(tier(*place).map_or("none", |tier| tier.name.as_str()).into()),
                _ => FactValue::OPEN,
            },
            is_exempt: first.filter(|_| exempt.all(|other| other == first)),
            exempt_reason: reason,
            levels: self.rules.iter().map(level_of).collect(),
            candidates: all,
            places: candidates.to_vec(),
        }
    }
}

fn exempt_reason(tier: &Tier) -> String {
    let Some(Exemption {
        reason: Some(reason),
        approver: Some(approver),
        expires_at: Some(end),
        ..
    }) = &tier.exemption
    else {
        return String::new();
    };
    format!(
        "exempt by tier `{}` until {}: {reason} (approved by {approver})",
        tier.name,
        end.format("%Y-%m-%d")
    )
}

/// The values of one tag: null where tags could not be read, empty where the table has no such tag.
fn tag_column(name: &str, rows: usize, tag: &TagOf<'_>) -> Column {
    let key = tag_key(name).unwrap_or_default();
    let values: Vec<Option<&str>> = (0..rows).map(|row| tag(key, row)).collect();
    Column::new(name.into(), values)
}

/// A column of one value.
pub(crate) fn constant(name: &str, value: &FactValue, dtype: &DataType, length: usize) -> Column {
    match value {
        FactValue::Bool(flag) => Column::new(name.into(), vec![*flag; length]),
        FactValue::Int(number) => Column::new(name.into(), vec![*number; length]),
        FactValue::Float(number) => Column::new(name.into(), vec![*number; length]),
        FactValue::Text(text) => Column::new(name.into(), vec![&**text; length]),
        FactValue::Null(_) | FactValue::Time(_) => Column::full_null(name.into(), length, dtype),
    }
}

/// A column of values.
pub(crate) fn column<'v>(name: &str, values: impl Iterator<Item = &'v FactValue>, dtype: &DataType) -> Column {
    macro_rules! of {
        ($variant:ident, $read:expr) => {
            Column::new(
                name.into(),
                values
                    .map(|value| match value {
                        FactValue::$variant(value) => Some($read(value)),
                        _ => None,
                    })
                    .collect::<Vec<_>>(),
            )
        };
    }
    match dtype {
        DataType::Boolean => of!(Bool, |value: &bool| *value),
        DataType::Int64 => of!(Int, |value: &i64| *value),
        DataType::Float64 => of!(Float, |value: &f64| *value),
        DataType::Datetime(..) => {
            let time = |value: &FactValue| match value {
                FactValue::Time(at) => Some(*at),
                _ => None,
            };
            FactCell::column(name, values.map(time).collect::<Vec<Option<DateTime<Utc>>>>().iter())
        }
        _ => of!(Text, |value: &'v Arc<str>| -> &'v str { value }),
    }
}
