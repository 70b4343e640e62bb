//! Recovery points one by one: for rules on the points themselves, and to explain which ones count.

use std::collections::HashMap;

use polars::prelude::{Column, DataFrame, PolarsResult};

use crate::dictionary::{FactCell, RecoveryPointFacts, SubjectFacts as _, Text};
use crate::facts::index::Index;
use crate::facts::index::finder::Finder;
use crate::facts::recovery_point::{Lifecycle, PointState, all_but, delete_at, is_encrypted, is_overdue, key_of};
use crate::facts::time::{age_hours, instant};
use crate::inventory::Inventory;
use crate::inventory::schema::borrowed::RecoveryPoint as Borrowed;
use crate::inventory::schema::{RecoveryPoint, Row as _};
use crate::problem::Problem;

/// Of a batch of recovery points, given as columns of facts: the places of those of which something is to be told.
pub(crate) type JudgePoints<'j> = dyn FnMut(DataFrame) -> Result<Vec<usize>, Problem> + 'j;

/// Points handed over at once.
const BATCH: usize = 16_384;

/// Every point, some at a time.
pub(crate) fn each(
    inventory: &Inventory,
    index: &Index,
    with: &mut dyn FnMut(Vec<RecoveryPointFacts>),
) -> Result<(), Problem> {
    let mut maker = Maker::new(index);
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

/// Facts that follow from a point's own dates and state: cheap to make for tens of millions.
const LIGHT: [&str; 5] = ["is_overdue", "is_cold", "is_temporary", "delete_at", "age_hours"];

/// The columns that they need.
const READ_BY_LIGHT: [&str; 6] = [
    "status",
    "created_at",
    "delete_at",
    "delete_after_days",
    "delete_after_event",
    "cold_at",
];

/// Only points of which `judge` says something: it is given facts in batches, and gives the places of those.
///
/// Where every fact that is read is a light one, whole facts are made of the noteworthy points alone.
pub(crate) fn noteworthy(
    inventory: &Inventory,
    index: &Index,
    reads: &[&str],
    judge: &mut JudgePoints<'_>,
    with: &mut dyn FnMut(Vec<RecoveryPointFacts>),
) -> Result<(), Problem> {
    let mut found: Vec<usize> = Vec::new();
    let (mut result, mut start) = (Ok(()), 0);
    let mut keep = |frame: DataFrame| {
        let height = frame.height();
        match judge(frame) {
            Ok(places) => found.extend(places.into_iter().map(|place| start + place)),
            Err(problem) => result = Err(problem),
        }
        start += height;
    };
    if reads.iter().all(|name| LIGHT.contains(name)) {
        inventory.each_batch(RecoveryPoint::FRAME, &all_but(&READ_BY_LIGHT), |batch| {
            keep(light(batch, reads, index)?);
            Ok(())
        })?;
    } else {
        let mut broken = Ok(());
        each(
            inventory,
            index,
            &mut |batch| match RecoveryPointFacts::to_frame(&batch, &|name| reads.contains(&name)) {
                Ok(frame) => keep(frame),
                Err(error) => broken = Err(Problem::new("could not judge recovery points").why(error.to_string())),
            },
        )?;
        broken?;
    }
    result?;
    if found.is_empty() {
        return Ok(());
    }
    let mut maker = Maker::new(index);
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

/// Those of the light facts that are read, of a batch of points.
fn light(batch: &DataFrame, reads: &[&str], index: &Index) -> PolarsResult<DataFrame> {
    let millis = |name: &str| PolarsResult::Ok(batch.column(name)?.datetime()?.physical().iter());
    let (mut created, mut delete, mut cold) = (millis("created_at")?, millis("delete_at")?, millis("cold_at")?);
    let mut days = batch.column("delete_after_days")?.i64()?.iter();
    let mut lifecycle = || Lifecycle {
        created_at: created.next().flatten(),
        delete_at: delete.next().flatten(),
        delete_after_days: days.next().flatten(),
        cold_at: cold.next().flatten(),
        // Plays no part in when a point is to be deleted.
        has_source: false,
    };
    let statuses = batch.column("status")?.str()?.iter();
    let points: Vec<(Lifecycle, Option<&str>)> = statuses.map(|status| (lifecycle(), status)).collect();
    let as_of = index.as_of.timestamp_millis();
    let mut columns = Vec::new();
    let mut add = |name: &'static str, column: &dyn Fn(&'static str) -> PolarsResult<Column>| {
        if reads.contains(&name) {
            columns.push(column(name)?);
        }
        PolarsResult::Ok(())
    };
    let lifecycles = || points.iter().map(|(lifecycle, _)| lifecycle);
    add("is_overdue", &|name| {
        let is_overdue = points
            .iter()
            .map(|(lifecycle, status)| Some(is_overdue(lifecycle, *status, as_of)));
        Ok(facts_column(name, is_overdue))
    })?;
    add("is_cold", &|name| {
        Ok(facts_column(
            name,
            lifecycles().map(|lifecycle| Some(lifecycle.is_cold(as_of))),
        ))
    })?;
    add("is_temporary", &|name| {
        let events = batch.column("delete_after_event")?.str()?.iter();
        Ok(facts_column(name, events.map(|event| Some(event.is_some()))))
    })?;
    add("delete_at", &|name| {
        Ok(facts_column(
            name,
            lifecycles().map(|lifecycle| lifecycle.end().and_then(instant)),
        ))
    })?;
    add("age_hours", &|name| {
        let created = lifecycles().map(|lifecycle| lifecycle.created_at.and_then(instant));
        Ok(facts_column(
            name,
            created.map(|at| at.map(|at| age_hours(at, index.as_of))),
        ))
    })?;
    DataFrame::new(points.len(), columns)
}

fn facts_column<T>(name: &str, values: impl Iterator<Item = Option<T>>) -> Column
where
    Option<T>: FactCell,
{
    FactCell::column(name, values.collect::<Vec<_>>().iter())
}

/// Makes the facts of points.
struct Maker<'e> {
    index: &'e Index,
    finder: Finder<'e>,
    texts: Texts,
}

impl<'e> Maker<'e> {
    fn new(index: &'e Index) -> Self {
        Self {
            index,
            finder: Finder::new(index),
            texts: Texts::default(),
        }
    }

    fn facts(&mut self, point: &Borrowed<'_>) -> RecoveryPointFacts {
        let vault = self.finder.vault(point);
        let row = point.resource_arn.and_then(|arn| self.finder.table(arn));
        let is_home = row.is_some_and(|row| self.finder.is_home(row, point));
        facts(point, vault, row, is_home, self.index, &mut self.texts)
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
    index: &Index,
    texts: &mut Texts,
) -> RecoveryPointFacts {
    let state = PointState::of(point, index.as_of);
    let table = row.map(|row| &index.tables[row]);
    let of_vault = vault.map(|place| &index.vaults[place as usize]);
    let key = key_of(point, state.is_native, of_vault, index);
    let retention = Lifecycle::from(point).retention();
    let born = table.map(|table| table.created_at);
    let is_previous = match (born, point.created_at) {
        (Some(Some(born)), Some(at)) => Some(at < born),
        (None, _) => Some(false),
        _ => None,
    };
    let is_in_known_vault = !of_vault.is_some_and(|vault| vault.is_of_unknown_type);
    let why = why_unusable(point, &state, row, is_home, is_previous).filter(|_| is_in_known_vault);
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
        age_hours: point.created_at.map(|at| age_hours(at, index.as_of)),
        retention_kind: Some(texts.of(retention.as_str())),
        retention_days: retention.days(),
        delete_at: delete_at(point),
        is_overdue: Some(state.is_overdue),
        is_cold: Some(state.is_cold),
        is_copy: Some(point.source_vault_arn.is_some()),
        is_native: Some(state.is_native == Some(true)),
        is_temporary: Some(state.is_temporary),
        is_air_gapped: Some(of_vault.is_some_and(|vault| vault.is_air_gapped)),
        is_previous_incarnation: is_previous,
        is_encrypted: is_encrypted(point, state.is_native),
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
    if state.is_open {
        return None;
    }
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

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;
    use crate::inventory::Manifest;
    use crate::inventory::schema::SCHEMA_VERSION;
    use crate::inventory::store::Writer;

    const AS_OF: i64 = 1_790_000_000_000;

    fn instants() -> impl Strategy<Value = Option<DateTime<Utc>>> {
        // Around now and around the moments a day before it, to the millisecond, and anywhere.
        let near = select(vec![0, -86_400_000, 86_400_000]);
        let near = (near, -2..=2_i64).prop_map(|(base, off)| AS_OF + base + off);
        prop::option::weighted(0.8, prop_oneof![near, 0..2 * AS_OF])
            .prop_map(|millis| millis.and_then(DateTime::from_timestamp_millis))
    }

    fn points() -> impl Strategy<Value = RecoveryPoint> {
        let status = prop::option::of(select(vec!["COMPLETED", "DELETING", "EXPIRED", "CREATING"]));
        let days = prop::option::of(select(vec![-1, 0, 1, 35, 36_500]));
        let event = prop::option::weighted(0.2, Just("DELETE_AFTER_COPY".to_owned()));
        (instants(), instants(), instants(), status, days, event).prop_map(
            |(created_at, delete_at, cold_at, status, delete_after_days, delete_after_event)| RecoveryPoint {
                account_id: "111122223333".to_owned(),
                region: "eu-west-1".to_owned(),
                vault_name: "v".to_owned(),
                recovery_point_arn: "arn:aws:backup:eu-west-1:111122223333:recovery-point:1".to_owned(),
                resource_arn: None,
                status: status.map(str::to_owned),
                created_at,
                started_at: None,
                completed_at: None,
                cold_after_days: None,
                delete_after_days,
                delete_after_event,
                cold_at,
                delete_at,
                is_encrypted: None,
                key_arn: None,
                key_type: None,
                source_vault_arn: None,
                created_by_plan_id: None,
                created_by_rule_id: None,
                size_bytes: None,
                last_restored_at: None,
            },
        )
    }

    fn inventory(dir: &std::path::Path, points: &[RecoveryPoint]) -> Inventory {
        let writer = Writer::create(dir);
        writer.push(points).expect("written");
        let as_of = DateTime::from_timestamp_millis(AS_OF).expect("an instant");
        Inventory {
            dir: dir.to_owned(),
            manifest: Manifest {
                schema_version: SCHEMA_VERSION,
                scan_id: "s".to_owned(),
                as_of,
                started_at: as_of,
                finished_at: as_of,
                caller_arn: "arn:aws:iam::111122223333:user/a".to_owned(),
                tool_version: "0".to_owned(),
                regions_named: true,
                clock_skew_seconds: None,
                attempt_count: 0,
                frames: writer.finish().expect("finished"),
            },
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn facts_made_in_columns_are_those_made_row_by_row(points in prop::collection::vec(points(), 1..40)) {
            let dir = tempfile::tempdir().expect("a folder");
            let inventory = inventory(dir.path(), &points);
            let index = Index::read(&inventory, 30).expect("evidence");
            let mut in_columns = Vec::new();
            inventory
                .each_batch(RecoveryPoint::FRAME, &all_but(&READ_BY_LIGHT), |batch| {
                    in_columns.push(light(batch, &LIGHT, &index)?);
                    Ok(())
                })
                .expect("read");
            let mut by_rows = Vec::new();
            each(&inventory, &index, &mut |batch| by_rows.extend(batch)).expect("read");
            let by_rows = RecoveryPointFacts::to_frame(&by_rows, &|name| LIGHT.contains(&name)).expect("a frame");
            prop_assert_eq!(in_columns.len(), 1);
            for name in LIGHT {
                let (one, other) = (in_columns[0].column(name).expect("light"), by_rows.column(name).expect("whole"));
                prop_assert!(one.equals_missing(other), "{}: {:?} {:?}", name, one, other);
            }
        }
    }
}
