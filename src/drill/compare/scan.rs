//! Reading a table whole, or some segments of it, page by page.
//!
//! Only whole answers count: a page without its list, a count that is not that of its items, a key to go on from that came before,
//! and pages without end are failures, never fewer items.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use aws_sdk_dynamodb::types::{BillingMode, ReturnConsumedCapacity, TableDescription};
use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use tokio::task::JoinSet;

use super::canonical::{self, Item};
use super::pace::Pace;
use super::{Side, Wanted, Wish};
use crate::aws::failure::Failure;
use crate::aws::pages::Pages;
use crate::aws::target::Target;
use crate::collect::instant;
use crate::remediate::actions::ground::DESCRIBE_TABLE;
use crate::text::hex;

pub(super) const SCAN: &str = "dynamodb:Scan";

/// Read capacity units a second of a table on demand: a quarter of the 12,000 that each such table serves from its first moment
/// ("Read/write capacity mode", Amazon DynamoDB Developer Guide).
pub(super) const ON_DEMAND: f64 = 3000.0;

/// Our share of what a table is provisioned with, or of its ceiling on demand.
const SHARE: f64 = 0.25;

/// Bytes of a page at the most.
const PAGE_BYTES: i64 = 1 << 20;

/// A segment never has so many bytes that its pages, which are counted, would run out.
const SEGMENT_BYTES: i64 = 50_000 * PAGE_BYTES;

/// Segments of one table at the most, by AWS.
const MOST_SEGMENTS: u32 = 1_000_000;

/// A table that is to be read.
#[derive(Debug)]
pub(super) struct Ground {
    /// As DynamoDB describes it.
    pub(super) table: TableDescription,
    /// Attributes of the key.
    pub(super) keys: Vec<String>,
    /// How fast.
    pub(super) pace: Arc<Pace>,
    /// AWS's clock just before.
    pub(super) at: DateTime<Utc>,
}

/// Describes a table before it is read.
///
/// API: dynamodb:DescribeTable. Calls: 1. Errors: AWS's refusal; an answer without the table or its key.
pub(super) async fn ground(side: Side<'_>, wish: &Wish) -> Result<Ground, Failure> {
    let mut call = side.target.caller.begin(DESCRIBE_TABLE, side.table);
    let send = || side.target.dynamodb.describe_table().table_name(side.table).send();
    let answer = call.page(send).await?;
    let at = call.answered_at().unwrap_or_else(Utc::now);
    let keys = |table: &TableDescription| -> Vec<String> {
        let names = table.key_schema().iter().map(|key| key.attribute_name().to_owned());
        names.filter(|name| !name.is_empty()).collect()
    };
    let Some((table, keys)) = answer.table.map(|table| {
        let keys = keys(&table);
        (table, keys)
    }) else {
        return Err(call.broken("the answer holds no table"));
    };
    if keys.is_empty() {
        return Err(call.broken("the answer names no key of the table"));
    }
    call.finish()?;
    let rate = wish.rate.unwrap_or_else(|| usual_rate(&table));
    Ok(Ground {
        keys,
        pace: Arc::new(Pace::new(rate, wish.is_consistent)),
        at,
        table,
    })
}

/// A quarter of what the table serves.
fn usual_rate(table: &TableDescription) -> f64 {
    let mode = table.billing_mode_summary().and_then(|summary| summary.billing_mode());
    let provisioned = table
        .provisioned_throughput()
        .and_then(|throughput| throughput.read_capacity_units())
        .filter(|units| *units > 0);
    match (mode, provisioned) {
        (Some(BillingMode::PayPerRequest), _) | (_, None) => {
            let ceiling = table
                .on_demand_throughput()
                .and_then(|ceilings| ceilings.max_read_request_units());
            let ceiling = ceiling.filter(|units| *units > 0);
            ceiling.map_or(ON_DEMAND, |units| ON_DEMAND.min(units as f64 * SHARE))
        }
        (_, Some(units)) => units as f64 * SHARE,
    }
}

/// Segments that a whole table is read in: as many as were asked for, and more where each would have too many pages.
pub(super) fn segments(table: &TableDescription, wish: &Wish) -> u32 {
    let needed = table.table_size_bytes().unwrap_or(0).max(0) / SEGMENT_BYTES + 1;
    let needed = u32::try_from(needed).unwrap_or(MOST_SEGMENTS);
    wish.segments.max(needed).clamp(1, MOST_SEGMENTS)
}

/// Which segments of a table.
#[derive(Debug, Clone)]
pub(super) struct Segments {
    /// By number, from 0.
    pub(super) numbers: Vec<u32>,
    /// In all.
    pub(super) of: u32,
    /// So many at once.
    pub(super) at_once: u32,
}

impl Segments {
    /// All of so many, at once.
    pub(super) fn all(of: u32) -> Self {
        Self {
            numbers: (0..of).collect(),
            of,
            at_once: of,
        }
    }
}

/// What reading some segments took.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Taken {
    /// Items.
    pub(super) items: u64,
    /// Read capacity units, as AWS counted them.
    pub(super) units: f64,
    /// AWS's clock at the last page.
    pub(super) ended_at: Option<DateTime<Utc>>,
}

/// Uses the items of a page, or says why they cannot be used. The next page of the segment waits for it.
pub(super) type Take = Arc<dyn Fn(Vec<Item>) -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// Reads segments of a table; `seen` counts the items meanwhile. If it is dropped, no further page is asked for.
///
/// API: dynamodb:Scan, paged by 1 MB or less. Calls: 1 for each segment. Errors: that of the first segment that failed; what
/// was taken before it is not all.
pub(super) async fn read(
    side: Side<'_>,
    ground: &Ground,
    segments: Segments,
    is_consistent: bool,
    seen: &Arc<AtomicU64>,
    take: &Take,
) -> Result<Taken, String> {
    let (numbers, next) = (Arc::new(segments.numbers), Arc::new(AtomicUsize::new(0)));
    let workers = usize::try_from(segments.at_once)
        .unwrap_or(usize::MAX)
        .min(numbers.len());
    let mut running = JoinSet::new();
    for _ in 0..workers {
        let (numbers, next) = (Arc::clone(&numbers), Arc::clone(&next));
        let reader = Reader {
            target: side.target.clone(),
            table: side.table.to_owned(),
            of: segments.of,
            is_consistent,
            pace: Arc::clone(&ground.pace),
            seen: Arc::clone(seen),
            take: Arc::clone(take),
        };
        running.spawn(async move {
            let mut taken = Taken::default();
            while let Some(number) = numbers.get(next.fetch_add(1, Ordering::Relaxed)) {
                taken.merge(reader.segment(*number).await.map_err(|failure| failure.of(SCAN))?);
            }
            Ok::<_, String>(taken)
        });
    }
    let mut taken = Taken::default();
    while let Some(ended) = running.join_next().await {
        taken.merge(ended.map_err(|error| format!("reading was broken off: {error}"))??);
    }
    Ok(taken)
}

impl Taken {
    pub(super) fn merge(&mut self, other: Self) {
        self.items += other.items;
        self.units += other.units;
        self.ended_at = self.ended_at.max(other.ended_at);
    }

    /// The same items were read once more.
    pub(super) fn again(&mut self, other: Self) {
        self.merge(Self { items: 0, ..other });
    }
}

/// Reads one segment after the other.
struct Reader {
    target: Target,
    table: String,
    of: u32,
    is_consistent: bool,
    pace: Arc<Pace>,
    seen: Arc<AtomicU64>,
    take: Take,
}

impl Reader {
    async fn segment(&self, number: u32) -> Result<Taken, Failure> {
        let mut call = self.target.caller.begin(SCAN, &self.table);
        let (mut pages, mut start, mut taken) = (Pages::default(), None, Taken::default());
        loop {
            let turn = self.pace.turn().await;
            let requests = AtomicU64::new(0);
            let send = || {
                if requests.fetch_add(1, Ordering::Relaxed) > 0 {
                    self.pace.slow_down();
                }
                let scan = self.target.dynamodb.scan().table_name(&self.table);
                scan.segment(number as i32)
                    .total_segments(self.of as i32)
                    .consistent_read(self.is_consistent)
                    .return_consumed_capacity(ReturnConsumedCapacity::Total)
                    .set_limit(turn.limit)
                    .set_exclusive_start_key(start.clone())
                    .send()
            };
            let answer = call.page(send).await?;
            taken.ended_at = call.answered_at().max(taken.ended_at);
            let Some(items) = answer.items else {
                return Err(call.broken("the answer holds no list of items"));
            };
            if usize::try_from(answer.count) != Ok(items.len()) || answer.scanned_count != answer.count {
                let why = format!(
                    "the answer holds {} items, counts {} and went over {}",
                    items.len(),
                    answer.count,
                    answer.scanned_count
                );
                return Err(call.broken(&why));
            }
            let units = answer.consumed_capacity.and_then(|consumed| consumed.capacity_units);
            self.pace.pay(turn, units, items.len());
            let (rows, key) = (items.len(), answer.last_evaluated_key);
            // Nothing is filtered: a page ends with the item that the next one goes on from, or items between them are lost.
            let is_of_last = |key: &Item| items.last().is_none_or(|last| is_key_of(key, last));
            if !key.as_ref().is_none_or(is_of_last) {
                return Err(call.broken("the answer holds a key to go on from that is not that of its last item"));
            }
            if let Err(why) = (self.take)(items).await {
                return Err(call.broken(&why));
            }
            taken.items += rows as u64;
            taken.units += units.unwrap_or(0.0);
            self.seen.fetch_add(rows as u64, Ordering::Relaxed);
            let next = match token(key.as_ref()) {
                Ok(token) => pages.next(token.as_deref(), rows),
                Err(why) => Err(why),
            };
            match next {
                Ok(Some(_)) => start = key,
                Ok(None) => break,
                Err(why) => return Err(call.broken(&why)),
            }
        }
        call.finish()?;
        Ok(taken)
    }
}

/// Is each attribute of the key the item's?
fn is_key_of(key: &Item, item: &Item) -> bool {
    key.iter().all(|(name, value)| item.get(name) == Some(value))
}

/// A key to go on from, as a text that is equal for equal keys. `None`: it was the last page.
fn token(key: Option<&Item>) -> Result<Option<String>, String> {
    match key {
        None => Ok(None),
        Some(key) if key.is_empty() => Err("the answer holds a key to go on from that is empty".to_owned()),
        Some(key) => canonical::item(key).map(|bytes| Some(hex(&bytes))),
    }
}

/// What reading one side takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Quantities {
    /// Read capacity units.
    pub(crate) read_units: f64,
    /// Pages and other requests.
    pub(crate) requests: u64,
}

/// What reading one side takes at the least: differences ask for a second reading, and throttling for further requests.
/// `None`: the size is not known.
///
/// Of a sample, items are looked up in the other side: each takes a unit for every 4 KB of its own, so the number of items is
/// needed too.
pub(crate) fn quantities(size_bytes: Option<i64>, items: Option<i64>, wish: &Wish) -> Option<Quantities> {
    let size = size_bytes.filter(|size| *size >= 0)?;
    let price = if wish.is_consistent { 1.0 } else { 0.5 };
    let units = |bytes: i64| (bytes + 4095).div_euclid(4096).max(1) as f64 * price;
    let of_scan = |segments: u32, bytes: i64| {
        let of_each = bytes / i64::from(segments);
        let pages = u64::from(segments) * (of_each / PAGE_BYTES + 1).unsigned_abs();
        (units(of_each) * f64::from(segments), pages)
    };
    let (read_units, requests) = match wish.reach {
        Wanted::Nothing => (0.0, 0),
        Wanted::Whole => of_scan(wish.segments.max(1), size),
        Wanted::Sample { segments, of, .. } => {
            let share = f64::from(segments) / f64::from(of.max(1));
            let (units_of_scan, pages) = of_scan(segments.max(1), (size as f64 * share) as i64);
            let all = items.filter(|items| *items > 0)?;
            let looked_up = (all as f64 * share).ceil();
            let of_items = looked_up * units(size / all);
            (units_of_scan + of_items, pages + (looked_up / 100.0).ceil() as u64)
        }
    };
    Some(Quantities {
        read_units,
        requests: requests + 1,
    })
}

/// When a table was made. `None`: AWS does not say.
pub(super) fn born(table: &TableDescription) -> Option<DateTime<Utc>> {
    instant(table.creation_date_time())
}
