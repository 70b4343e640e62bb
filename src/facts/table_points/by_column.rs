//! The frame of recovery points in, the points of every table out: of tens of millions of rows, column by column.
//!
//! A point is small here: its date, its place in the frame, and the number of its [`PointKind`], which is everything else that
//! matters of it. Few kinds cover millions of points, so that what follows from a kind is worked out once. ARNs are read
//! in a second pass, of the points that a fact names.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use polars::prelude::{Column, DataFrame, PolarsResult};

use crate::facts::copies::{Copied, Copies};
use crate::facts::index::Index;
use crate::facts::index::rows::ArnHasher;
use crate::facts::recovery_point::{Lifecycle, PointKind, Retention, is_native, is_overdue};
use crate::facts::restore::Restores;
use crate::facts::time::{instant, seconds_of_millis};
use crate::inventory::Inventory;
use crate::inventory::schema::borrowed::RecoveryPoint as Borrowed;
use crate::inventory::schema::{RecoveryPoint, Row as _};
use crate::problem::Problem;

/// Columns that no fact on tables and vaults reads.
const UNUSED: [&str; 3] = ["started_at", "cold_after_days", "size_bytes"];

/// The date of a point that has none: no instant of an inventory lies there.
pub(crate) const UNDATED: i64 = i64::MIN;

/// Stands for no table.
const NO_TABLE: u32 = u32::MAX;

/// Stands for a point that does not say what it is of.
const UNTRACEABLE: u32 = u32::MAX - 1;

/// A recovery point in its table's own account and Region.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TablePoint {
    /// When it was made, in milliseconds since 1970, or [`UNDATED`].
    pub(crate) at: i64,
    /// By place.
    pub(crate) kind: u32,
    /// Its place in the frame.
    pub(crate) number: u32,
}

/// What tells kinds apart: equal ones are of one [`PointKind`]. Texts by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Likeness {
    vault: Option<u32>,
    status: u32,
    plan_id: u32,
    rule_id: u32,
    key_arn: u32,
    key_type: u32,
    /// That DynamoDB told of, of a native point that names none.
    key_of_backup: Option<u32>,
    retention: Retention,
    is_temporary: bool,
    is_overdue: bool,
    is_cold: bool,
    is_copy: bool,
    is_native: Option<bool>,
    is_encrypted: Option<bool>,
}

/// The recovery points of an inventory.
pub(crate) struct Gathered {
    pub(crate) kinds: Vec<PointKind>,
    /// In order of table.
    pub(crate) points: Vec<TablePoint>,
    /// When each of them was complete, in seconds since 1970; 0: it does not say.
    pub(crate) completed: Vec<u32>,
    /// Where the points of each table begin, and where the last ones end.
    pub(crate) starts: Vec<u32>,
    /// Targets with a point that names no table, by place: it may belong to any of them.
    pub(crate) untraceable: Vec<bool>,
}

/// Reads all recovery points; shows those elsewhere to `copies`, and those that were restored to `restores`.
///
/// Errors: the frame is damaged, or holds more points than four bytes count.
pub(crate) fn gather(
    inventory: &Inventory,
    index: &Index,
    copies: &mut Copies,
    restores: &mut Restores,
) -> Result<Gathered, Problem> {
    let mut gatherer = Gatherer {
        index,
        copies,
        restores,
        as_of: index.as_of.timestamp_millis(),
        texts: Texts::default(),
        places: HashMap::default(),
        vaults: HashMap::default(),
        numbers: HashMap::default(),
        kinds: Vec::new(),
        untraceable: vec![false; index.targets.len()],
        batches: Vec::new(),
    };
    inventory.each_batch(RecoveryPoint::FRAME, &UNUSED, |frame| gatherer.read(frame))?;
    let Gatherer {
        kinds,
        untraceable,
        batches,
        ..
    } = gatherer;
    let (starts, points, completed) = by_table(batches, index.tables.len()).ok_or_else(|| {
        Problem::new("could not read the recovery points of the inventory")
            .why("there are more of them than this program can count")
            .so("nothing was evaluated")
            .hint("scan fewer accounts at once")
    })?;
    Ok(Gathered {
        kinds,
        points,
        completed,
        starts,
        untraceable,
    })
}

/// A row of the frame: a point of a table in its own target, or [`NO_TABLE`].
struct Seen {
    at: i64,
    table: u32,
    kind: u32,
    /// In seconds since 1970; 0: it does not say.
    completed: u32,
}

/// Where the points of each table begin, the points, and when each was complete.
type Sorted = (Vec<u32>, Vec<TablePoint>, Vec<u32>);

/// Puts the points of each table side by side. None if four bytes are too few to count them.
fn by_table(batches: Vec<Vec<Seen>>, tables: usize) -> Option<Sorted> {
    let rows: usize = batches.iter().map(Vec::len).sum();
    u32::try_from(rows).ok()?;
    let mut starts = vec![0_u32; tables + 1];
    for seen in batches.iter().flatten().filter(|seen| seen.table != NO_TABLE) {
        starts[seen.table as usize + 1] += 1;
    }
    for row in 0..tables {
        starts[row + 1] += starts[row];
    }
    let nowhere = TablePoint {
        at: UNDATED,
        kind: 0,
        number: 0,
    };
    let mut points = vec![nowhere; starts[tables] as usize];
    let mut ends = vec![0; points.len()];
    let mut next = starts.clone();
    let mut number = 0;
    for batch in batches {
        for Seen {
            at,
            table,
            kind,
            completed,
        } in batch
        {
            if table != NO_TABLE {
                let place = &mut next[table as usize];
                points[*place as usize] = TablePoint { at, kind, number };
                ends[*place as usize] = completed;
                *place += 1;
            }
            number += 1;
        }
    }
    Some((starts, points, ends))
}

struct Gatherer<'e> {
    index: &'e Index,
    copies: &'e mut Copies,
    restores: &'e mut Restores,
    /// In milliseconds since 1970.
    as_of: i64,
    texts: Texts,
    /// Targets by account and Region.
    places: HashMap<(u32, u32), Option<u32>, BuildHasherDefault<ArnHasher>>,
    /// Vaults by account, Region and name.
    vaults: HashMap<(u32, u32, u32), Option<u32>, BuildHasherDefault<ArnHasher>>,
    numbers: HashMap<Likeness, u32, BuildHasherDefault<ArnHasher>>,
    kinds: Vec<PointKind>,
    untraceable: Vec<bool>,
    batches: Vec<Vec<Seen>>,
}

/// The columns of a batch, texts by number.
struct Columns<'f> {
    account_id: Vec<u32>,
    region: Vec<u32>,
    vault_name: Vec<u32>,
    arn: Vec<&'f str>,
    status: Vec<u32>,
    key_arn: Vec<u32>,
    key_type: Vec<u32>,
    plan_id: Vec<u32>,
    rule_id: Vec<u32>,
    delete_after_event: Vec<u32>,
    source_vault_arn: Vec<u32>,
    is_encrypted: Vec<Option<bool>>,
    created_at: Vec<Option<i64>>,
    completed_at: Vec<Option<i64>>,
    delete_at: Vec<Option<i64>>,
    delete_after_days: Vec<Option<i64>>,
    cold_at: Vec<Option<i64>>,
    last_restored_at: Vec<Option<i64>>,
}

impl<'f> Columns<'f> {
    fn new(frame: &'f DataFrame, texts: &mut Texts) -> PolarsResult<Self> {
        let mut numbers = |name: &str| texts.numbers(frame.column(name)?);
        let times = |name: &str| -> PolarsResult<Vec<Option<i64>>> {
            Ok(frame.column(name)?.datetime()?.physical().iter().collect())
        };
        let arns = frame.column("recovery_point_arn")?.str()?.iter();
        Ok(Self {
            account_id: numbers("account_id")?,
            region: numbers("region")?,
            vault_name: numbers("vault_name")?,
            arn: arns.map(Option::unwrap_or_default).collect(),
            status: numbers("status")?,
            key_arn: numbers("key_arn")?,
            key_type: numbers("key_type")?,
            plan_id: numbers("created_by_plan_id")?,
            rule_id: numbers("created_by_rule_id")?,
            delete_after_event: numbers("delete_after_event")?,
            source_vault_arn: numbers("source_vault_arn")?,
            is_encrypted: frame.column("is_encrypted")?.bool()?.iter().collect(),
            created_at: times("created_at")?,
            completed_at: times("completed_at")?,
            delete_at: times("delete_at")?,
            delete_after_days: frame.column("delete_after_days")?.i64()?.iter().collect(),
            cold_at: times("cold_at")?,
            last_restored_at: times("last_restored_at")?,
        })
    }

    fn lifecycle(&self, row: usize) -> Lifecycle {
        Lifecycle {
            created_at: self.created_at[row],
            delete_at: self.delete_at[row],
            delete_after_days: self.delete_after_days[row],
            cold_at: self.cold_at[row],
            has_source: self.source_vault_arn[row] != Texts::NULL,
        }
    }

    /// The row, without what it is of.
    fn point<'t>(&'t self, row: usize, texts: &'t Texts) -> Borrowed<'t> {
        let text = |numbers: &[u32]| texts.of(numbers[row]);
        let time = |values: &[Option<i64>]| values[row].and_then(instant);
        Borrowed {
            account_id: text(&self.account_id).unwrap_or_default(),
            region: text(&self.region).unwrap_or_default(),
            vault_name: text(&self.vault_name).unwrap_or_default(),
            recovery_point_arn: self.arn[row],
            resource_arn: None,
            status: text(&self.status),
            created_at: time(&self.created_at),
            started_at: None,
            completed_at: time(&self.completed_at),
            cold_after_days: None,
            delete_after_days: self.delete_after_days[row],
            delete_after_event: text(&self.delete_after_event),
            cold_at: time(&self.cold_at),
            delete_at: time(&self.delete_at),
            is_encrypted: self.is_encrypted[row],
            key_arn: text(&self.key_arn),
            key_type: text(&self.key_type),
            source_vault_arn: text(&self.source_vault_arn),
            created_by_plan_id: text(&self.plan_id),
            created_by_rule_id: text(&self.rule_id),
            size_bytes: None,
            last_restored_at: time(&self.last_restored_at),
        }
    }
}

impl Gatherer<'_> {
    fn read(&mut self, frame: &DataFrame) -> PolarsResult<()> {
        let resources = frame.column("resource_arn")?.str()?;
        let rows = &self.index.rows;
        // On a thread of their own: look-ups wait for memory.
        let look_up = || -> Vec<u32> {
            let arns: Vec<Option<&str>> = resources.iter().collect();
            let row = |(row, arn): (Option<u32>, &Option<&str>)| match arn {
                Some(_) => row.unwrap_or(NO_TABLE),
                None => UNTRACEABLE,
            };
            rows.get_all(&arns).into_iter().zip(&arns).map(row).collect()
        };
        let texts = &mut self.texts;
        let (tables, columns) = std::thread::scope(|scope| {
            let tables = scope.spawn(look_up);
            let columns = Columns::new(frame, texts);
            let tables = tables.join();
            (tables.unwrap_or_else(|panic| std::panic::resume_unwind(panic)), columns)
        });
        let columns = columns?;
        let batch = tables.into_iter().enumerate();
        let batch = batch.map(|(row, table)| self.see(&columns, row, table)).collect();
        self.batches.push(batch);
        Ok(())
    }

    /// What is kept of a row.
    fn see(&mut self, columns: &Columns<'_>, row: usize, table: u32) -> Seen {
        let index = self.index;
        let vault = self.vault(columns, row);
        let kind = self.kind(columns, row, vault);
        self.kinds[kind as usize].seen += 1;
        let at = columns.created_at[row];
        let unkept = Seen {
            at: UNDATED,
            table: NO_TABLE,
            kind,
            completed: 0,
        };
        // A view of a point in another vault is no second point, and the other vault may lie elsewhere.
        if vault.is_some_and(|vault| index.vaults[vault as usize].is_view) {
            return unkept;
        }
        let place = self.place(columns, row);
        match table {
            NO_TABLE => unkept,
            UNTRACEABLE => {
                if let Some(place) = place {
                    self.untraceable[place as usize] = true;
                }
                unkept
            }
            _ if self.is_home(table as usize, place, columns, row) => {
                if columns.last_restored_at[row].is_some() || self.restores.asks_for(columns.arn[row]) {
                    let point = columns.point(row, &self.texts);
                    self.restores.see(table as usize, &point, index);
                }
                Seen {
                    at: at.unwrap_or(UNDATED),
                    table,
                    kind,
                    completed: columns.completed_at[row].map_or(0, seconds_of_millis),
                }
            }
            _ => {
                if let Some(place) = place {
                    let copy = Copied {
                        kind,
                        place,
                        at: at.unwrap_or(UNDATED),
                    };
                    self.copies.see(
                        table as usize,
                        copy,
                        columns.arn[row],
                        &self.kinds[kind as usize],
                        index,
                    );
                }
                unkept
            }
        }
    }

    /// Does the point lie in the table's own account and Region? Elsewhere it is a copy.
    fn is_home(&self, table: usize, place: Option<u32>, columns: &Columns<'_>, row: usize) -> bool {
        if let Some(place) = place {
            return place == self.index.target_place(table);
        }
        let table = &self.index.tables[table];
        let is = |numbers: &[u32], text: &str| self.texts.of(numbers[row]) == Some(text);
        is(&columns.region, &table.region) && is(&columns.account_id, &table.account_id)
    }

    fn place(&mut self, columns: &Columns<'_>, row: usize) -> Option<u32> {
        let key = (columns.account_id[row], columns.region[row]);
        if let Some(place) = self.places.get(&key) {
            return *place;
        }
        let text = |number: u32| self.texts.of(number).unwrap_or_default();
        let place = self.index.place_of(text(key.0), text(key.1));
        self.places.insert(key, place);
        place
    }

    fn vault(&mut self, columns: &Columns<'_>, row: usize) -> Option<u32> {
        let key = (columns.account_id[row], columns.region[row], columns.vault_name[row]);
        if let Some(vault) = self.vaults.get(&key) {
            return *vault;
        }
        let text = |number: u32| self.texts.of(number).unwrap_or_default();
        let vault = self.index.vault_place(text(key.0), text(key.1), text(key.2));
        self.vaults.insert(key, vault);
        vault
    }

    fn kind(&mut self, columns: &Columns<'_>, row: usize, vault: Option<u32>) -> u32 {
        let lifecycle = columns.lifecycle(row);
        let status = columns.status[row];
        let (arn, is_native) = (columns.arn[row], is_native(columns.arn[row]));
        let names_no_key = is_native == Some(true) && columns.key_arn[row] == Texts::NULL;
        let likeness = Likeness {
            vault,
            status,
            plan_id: columns.plan_id[row],
            rule_id: columns.rule_id[row],
            key_arn: columns.key_arn[row],
            key_type: columns.key_type[row],
            key_of_backup: names_no_key.then(|| self.index.keys.number_of_backup(arn)).flatten(),
            retention: lifecycle.retention(),
            is_temporary: columns.delete_after_event[row] != Texts::NULL,
            is_overdue: is_overdue(&lifecycle, self.texts.of(status), self.as_of),
            is_cold: lifecycle.is_cold(self.as_of),
            is_copy: lifecycle.has_source,
            is_native,
            is_encrypted: columns.is_encrypted[row],
        };
        if let Some(kind) = self.numbers.get(&likeness) {
            return *kind;
        }
        let kind = u32::try_from(self.kinds.len()).unwrap_or(u32::MAX);
        let point = columns.point(row, &self.texts);
        self.kinds.push(PointKind::new(&point, vault, self.index));
        self.numbers.insert(likeness, kind);
        kind
    }
}

/// Texts that repeat over millions of rows, by number.
#[derive(Default)]
struct Texts {
    texts: Vec<String>,
    numbers: HashMap<String, u32, BuildHasherDefault<ArnHasher>>,
}

impl Texts {
    /// The number of no text at all.
    const NULL: u32 = 0;

    fn of(&self, number: u32) -> Option<&str> {
        let place = (number as usize).checked_sub(1)?;
        Some(&self.texts[place])
    }

    fn number(&mut self, text: &str) -> u32 {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        self.texts.push(text.to_owned());
        let number = u32::try_from(self.texts.len()).unwrap_or(u32::MAX);
        self.numbers.insert(text.to_owned(), number);
        number
    }

    /// The numbers of a column's texts.
    fn numbers(&mut self, column: &Column) -> PolarsResult<Vec<u32>> {
        let mut numbers = Vec::with_capacity(column.len());
        for array in column.str()?.downcast_iter() {
            // Inside an array equal views are equal texts, and a dictionary's texts all have one view.
            let mut known: HashMap<u128, u32, BuildHasherDefault<ArnHasher>> = HashMap::default();
            let mut last = None;
            for (view, text) in array.views().iter().zip(array.iter()) {
                let Some(text) = text else {
                    numbers.push(Self::NULL);
                    continue;
                };
                let view = view.as_u128();
                let number = match last {
                    Some((same, number)) if same == view => number,
                    _ => *known.entry(view).or_insert_with(|| self.number(text)),
                };
                last = Some((view, number));
                numbers.push(number);
            }
        }
        Ok(numbers)
    }
}
