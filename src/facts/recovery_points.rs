//! Recovery points one by one: for rules on the points themselves, and to explain which ones count.

use std::collections::HashMap;

use super::dictionary::{RecoveryPointFacts, Text};
use super::evidence::{Finder, TableIndex};
use super::points::{PointState, delete_at, is_encrypted, key_of, retention};
use super::{Evidence, JudgePoints, age_hours};
use crate::inventory::Inventory;
use crate::inventory::schema::RecoveryPoint;
use crate::inventory::schema::borrowed::RecoveryPoint as Borrowed;
use crate::problem::Problem;

/// Points handed over at once.
const BATCH: usize = 16_384;

/// Every point, some at a time.
pub(super) fn each(
    inventory: &Inventory,
    evidence: &Evidence,
    with: &mut dyn FnMut(Vec<RecoveryPointFacts>),
) -> Result<(), Problem> {
    let index = table_index(evidence);
    let mut maker = Maker::new(evidence, &index);
    let mut batch = Vec::new();
    inventory.for_each_row::<RecoveryPoint>(&[], |point| {
        batch.push(maker.facts(&point));
        if batch.len() >= BATCH {
            with(std::mem::take(&mut batch));
        }
    })?;
    with(batch);
    Ok(())
}

fn table_index(evidence: &Evidence) -> TableIndex<'_> {
    let tables = evidence.tables.iter().zip(0..);
    tables.map(|(table, row)| (table.table_arn.as_str(), row)).collect()
}

/// Facts that follow from a point's own dates and state, and the columns they need: cheap to make for tens of millions.
const LIGHT: [&str; 5] = ["is_overdue", "is_cold", "is_temporary", "delete_at", "age_hours"];

/// Columns that are not needed for them.
const UNUSED_BY_LIGHT: [&str; 12] = [
    "resource_arn",
    "started_at",
    "completed_at",
    "cold_after_days",
    "is_encrypted",
    "key_arn",
    "key_type",
    "source_vault_arn",
    "created_by_plan_id",
    "created_by_rule_id",
    "size_bytes",
    "last_restored_at",
];

/// Only points of which `judge` says something: it is given facts in batches, and gives the places of those.
///
/// Where every fact that is read is a light one, whole facts are made of the noteworthy points alone.
pub(super) fn noteworthy(
    inventory: &Inventory,
    evidence: &Evidence,
    reads: &[&str],
    judge: &mut JudgePoints<'_>,
    with: &mut dyn FnMut(Vec<RecoveryPointFacts>),
) -> Result<(), Problem> {
    let is_light = reads.iter().all(|name| LIGHT.contains(name));
    let mut found: Vec<usize> = Vec::new();
    let (mut result, mut start) = (Ok(()), 0);
    let mut keep = |batch: &[RecoveryPointFacts], found: &mut Vec<usize>| {
        match judge(batch) {
            Ok(places) => found.extend(places.into_iter().map(|place| start + place)),
            Err(problem) => result = Err(problem),
        }
        start += batch.len();
    };
    if is_light {
        let mut batch = Vec::with_capacity(BATCH);
        inventory.for_each_row::<RecoveryPoint>(&UNUSED_BY_LIGHT, |point| {
            batch.push(light(&point, evidence));
            if batch.len() >= BATCH {
                keep(&batch, &mut found);
                batch.clear();
            }
        })?;
        keep(&batch, &mut found);
    } else {
        each(inventory, evidence, &mut |batch| keep(&batch, &mut found))?;
    }
    result?;
    if found.is_empty() {
        return Ok(());
    }
    let index = table_index(evidence);
    let mut maker = Maker::new(evidence, &index);
    let (mut place, mut next, mut kept) = (0, found.into_iter().peekable(), Vec::new());
    inventory.for_each_row::<RecoveryPoint>(&[], |point| {
        if next.next_if_eq(&place).is_some() {
            kept.push(maker.facts(&point));
        }
        place += 1;
    })?;
    with(kept);
    Ok(())
}

fn light(point: &Borrowed<'_>, evidence: &Evidence) -> RecoveryPointFacts {
    let state = PointState::of(point, evidence.as_of);
    RecoveryPointFacts {
        is_overdue: Some(state.is_overdue),
        is_cold: Some(state.is_cold),
        is_temporary: Some(state.is_temporary),
        delete_at: delete_at(point),
        age_hours: point.created_at.map(|at| age_hours(at, evidence.as_of)),
        ..RecoveryPointFacts::default()
    }
}

/// Makes the facts of points.
struct Maker<'e> {
    evidence: &'e Evidence,
    finder: Finder<'e>,
    texts: Texts,
}

impl<'e> Maker<'e> {
    fn new(evidence: &'e Evidence, index: &'e TableIndex<'e>) -> Self {
        Self {
            evidence,
            finder: Finder::new(evidence, index),
            texts: Texts::default(),
        }
    }

    fn facts(&mut self, point: &Borrowed<'_>) -> RecoveryPointFacts {
        let vault = self.finder.vault(point);
        let row = point.resource_arn.and_then(|arn| self.finder.table(arn));
        let is_home = row.is_some_and(|row| self.finder.is_home(row, point));
        facts(point, vault, row, is_home, self.evidence, &mut self.texts)
    }
}

/// Texts that repeat over millions of points, kept once.
#[derive(Default)]
struct Texts(HashMap<String, Text>);

impl Texts {
    fn of(&mut self, text: &str) -> Text {
        if let Some(known) = self.0.get(text) {
            return known.clone();
        }
        let new: Text = text.into();
        self.0.insert(text.to_owned(), new.clone());
        new
    }
}

fn facts(
    point: &Borrowed<'_>,
    vault: Option<u32>,
    row: Option<usize>,
    is_home: bool,
    evidence: &Evidence,
    texts: &mut Texts,
) -> RecoveryPointFacts {
    let state = PointState::of(point, evidence.as_of);
    let table = row.map(|row| &evidence.tables[row]);
    let of_vault = vault.map(|place| &evidence.vaults[place as usize]);
    let key = key_of(point, &state, of_vault, table, evidence);
    let (retention_kind, retention_days) = retention(point);
    let born = table.map(|table| table.created_at);
    let is_previous = match (born, point.created_at) {
        (Some(Some(born)), Some(at)) => Some(at < born),
        (None, _) => Some(false),
        _ => None,
    };
    let why = why_unusable(point, &state, row, is_home, is_previous);
    RecoveryPointFacts {
        account_id: Some(texts.of(point.account_id)),
        region: Some(texts.of(point.region)),
        vault_name: Some(texts.of(point.vault_name)),
        recovery_point_arn: Some(point.recovery_point_arn.into()),
        source_table_arn: point.resource_arn.map(|arn| texts.of(arn)),
        status: point.status.map(|status| texts.of(status)),
        is_usable: why.as_deref().map(|why| why == "none"),
        why_unusable: why.map(|why| texts.of(&why)),
        created_at: point.created_at,
        age_hours: point.created_at.map(|at| age_hours(at, evidence.as_of)),
        retention_kind: Some(texts.of(retention_kind)),
        retention_days,
        delete_at: delete_at(point),
        is_overdue: Some(state.is_overdue),
        is_cold: Some(state.is_cold),
        is_copy: Some(point.source_vault_arn.is_some()),
        is_native: Some(state.is_native == Some(true)),
        is_temporary: Some(state.is_temporary),
        is_air_gapped: Some(of_vault.is_some_and(|vault| vault.is_air_gapped)),
        is_previous_incarnation: is_previous,
        is_encrypted: is_encrypted(point, &state),
        key_owner: key.owner.map(|owner| texts.of(owner)),
        key_state: key.state.clone(),
        lock_kind: Some(texts.of(of_vault.map_or("none", |vault| vault.lock.as_str()))),
        last_restored_at: point.last_restored_at,
    }
}

/// Why a point does not count, `none` if it does; `None` if that cannot be told.
fn why_unusable(
    point: &Borrowed<'_>,
    state: &PointState,
    row: Option<usize>,
    is_home: bool,
    is_previous: Option<bool>,
) -> Option<String> {
    if !state.is_finished {
        return Some(format!("state {}", point.status.unwrap_or("unknown")));
    }
    if state.is_temporary {
        return Some("it vanishes once it has been copied".to_owned());
    }
    point.resource_arn?;
    if row.is_none() {
        return Some("its table is not among those that were listed".to_owned());
    }
    if !is_home {
        return Some("a copy kept in another account or Region".to_owned());
    }
    match is_previous {
        Some(true) => Some("of an earlier table of this name".to_owned()),
        Some(false) => Some("none".to_owned()),
        None => None,
    }
}
