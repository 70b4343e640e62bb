//! The items of a restored table against those of its source, or against a digest.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, Utc};
use tokio::time::{Duration, MissedTickBehavior};

use super::super::record::{Against, Differences, Items, Point, Reach, Reading};
use super::canonical::Item;
use super::differences::{Asked, Buckets, Finder, Which};
use super::point_digest::Filed;
use super::scan::{Ground, Segments, Take, Taken, born, ground, read, segments};
use super::when::Span;
use super::{Progress, Side, Step, Tell, Wanted, Wish, sample};
use crate::aws::failure::{Failure, FailureKind};
use crate::problem::{count, one_line};
use crate::remediate::actions::ground::DESCRIBE_TABLE;
use crate::remediate::restore::ttl_of;

/// How often is told how far it has come.
const EVERY: Duration = Duration::from_secs(1);

/// Reads a table whole and gives its digest.
///
/// API: dynamodb:DescribeTable, dynamodb:Scan. Calls: 1, and 1 for each segment. Errors: it could not be read whole, in words.
pub(crate) async fn reading(side: Side<'_>, wish: &Wish, tell: Tell<'_>) -> Result<Reading, String> {
    read_whole(side, wish, tell).await.map(|(_, reading)| reading)
}

/// The same, and how the table was described just before.
pub(super) async fn read_whole(side: Side<'_>, wish: &Wish, tell: Tell<'_>) -> Result<(Ground, Reading), String> {
    let ground = ground(side, wish).await.map_err(|failure| unreadable(side, &failure))?;
    let seen = Arc::default();
    let (buckets, taken) = told(
        tell,
        Step::Reading,
        [&seen, &Arc::default()],
        tally(side, &ground, wish, &seen),
    )
    .await?;
    let reading = ground.reading(taken, Some(buckets.total().digest()), wish);
    Ok((ground, reading))
}

/// Compares the items of a restored table with those of its source, or with a digest of the point.
///
/// The digest goes first where it is one of this point, since nothing was written in between; of a sample it tells nothing.
///
/// API: dynamodb:DescribeTable, dynamodb:Scan, dynamodb:BatchGetItem, dynamodb:DescribeTimeToLive. Calls: 2, and 1 for each
/// segment of both sides, twice where they differ. Errors: the new table could not be read, in words. A source that cannot be
/// read, or not any more, is nothing to compare with, and is told as that.
pub(crate) async fn items(
    restored: Side<'_>,
    source: Option<Side<'_>>,
    digest: Option<&Filed>,
    point: &Point,
    wish: &Wish,
    tell: Tell<'_>,
) -> Result<Items, String> {
    let comparison = Comparison {
        restored,
        point,
        wish,
        tell,
    };
    let of_digest = digest.map(|filed| filed.check(point).map(|()| filed));
    match (wish.reach, of_digest, source) {
        (Wanted::Nothing, ..) => Err("the items were not to be compared".to_owned()),
        (Wanted::Whole, Some(Ok(filed)), _) => comparison.with_digest(filed).await,
        (Wanted::Sample { segments, of, seed }, _, Some(source)) if segments < of => {
            comparison.by_sample(source, (segments, of, seed)).await
        }
        (_, _, Some(source)) => comparison.with_source(source).await,
        (_, Some(Err(why)), None) => {
            comparison
                .with_nothing(format!("the source is not there, and {why}"))
                .await
        }
        (_, Some(Ok(_)), None) => {
            let why = "the source is not there, and a digest tells nothing of a sample";
            comparison.with_nothing(why.to_owned()).await
        }
        (_, None, None) => {
            comparison
                .with_nothing("the source is not there, and no digest of the point was given".to_owned())
                .await
        }
    }
}

/// Why a table could not be read, with its place.
fn unreadable(side: Side<'_>, failure: &Failure) -> String {
    let what = match failure.kind {
        FailureKind::Absent => "is not there",
        FailureKind::Gap(_) => "could not be read",
    };
    format!("table {} {what}: {}", place(side), failure.of(DESCRIBE_TABLE))
}

fn place(side: Side<'_>) -> String {
    let id = &side.target.id;
    format!(
        "`{}` in account {}, {}",
        one_line(side.table),
        one_line(&id.account_id),
        one_line(&id.region)
    )
}

impl Ground {
    fn reading(&self, taken: Taken, digest: Option<String>, wish: &Wish) -> Reading {
        Reading {
            items: taken.items,
            digest,
            is_consistent: wish.is_consistent,
            read_units: taken.units,
            began_at: self.at,
            ended_at: taken.ended_at.unwrap_or(self.at),
        }
    }
}

/// Reads a whole table into buckets.
async fn tally(
    side: Side<'_>,
    ground: &Ground,
    wish: &Wish,
    seen: &Arc<AtomicU64>,
) -> Result<(Arc<Buckets>, Taken), String> {
    let buckets: Arc<Buckets> = Arc::default();
    let keys: Arc<[String]> = ground.keys.as_slice().into();
    let take = {
        let buckets = Arc::clone(&buckets);
        at_once(move |items| buckets.take(items, &keys))
    };
    let taken = whole(side, ground, wish, seen, &take).await?;
    Ok((buckets, taken))
}

/// Reads every segment of a table.
async fn whole(
    side: Side<'_>,
    ground: &Ground,
    wish: &Wish,
    seen: &Arc<AtomicU64>,
    take: &Take,
) -> Result<Taken, String> {
    let segments = Segments::all(segments(&ground.table, wish));
    let taken = read(side, ground, segments, wish.is_consistent, seen, take).await;
    taken.map_err(|why| format!("table {} could not be read whole: {why}", place(side)))
}

/// What is done with a page at once.
fn at_once(take: impl Fn(&[Item]) -> Result<(), String> + Send + Sync + 'static) -> Take {
    Arc::new(move |items| Box::pin(std::future::ready(take(&items))))
}

/// Waits, and tells how far it has come meanwhile.
async fn told<T>(
    tell: Tell<'_>,
    step: Step,
    [restored, other]: [&Arc<AtomicU64>; 2],
    work: impl Future<Output = T>,
) -> T {
    let say = || {
        tell(Progress {
            step,
            restored: restored.load(Ordering::Relaxed),
            other: other.load(Ordering::Relaxed),
        });
    };
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    tokio::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => {
                say();
                return done;
            }
            _ = ticks.tick() => say(),
        }
    }
}

fn nothing(restored: Reading, why: String) -> Items {
    let statement = format!(
        "Every item of the new table was read: {}. They were compared with nothing: {why}.",
        items_of(restored.items)
    );
    Items {
        against: Against::Nothing { why },
        reach: Reach::Whole,
        restored,
        other: None,
        differences: None,
        statement,
    }
}

fn of_source_words(why: &str) -> String {
    format!("the source cannot be compared with: {why}")
}

fn items_of(number: u64) -> String {
    count(usize::try_from(number).unwrap_or(usize::MAX), "item")
}

fn both_read(restored: &Reading, source: &Reading) -> String {
    format!(
        "Every item of both tables was read: {} in the new table, {} in the source.",
        items_of(restored.items),
        items_of(source.items)
    )
}

/// What differs, in words.
fn differ(found: Option<&Differences>, point: &Point) -> String {
    let Some(found) = found else {
        return "They were not equal, and nothing that differs was found.".to_owned();
    };
    let mut parts = Vec::new();
    if found.damaged > 0 {
        parts.push(format!(
            "{} from before the point was begun, which it had to hold as they are",
            found.damaged
        ));
    }
    if found.since > 0 {
        parts.push(format!(
            "{} from after it was done, which it could not hold, or expired since",
            found.since
        ));
    }
    if found.untold > 0 {
        let why = match (&found.changed_at, point.created_at.zip(point.completed_at)) {
            (None, _) => "no attribute that tells when was named",
            (Some(_), None) => "AWS does not say when the point was begun and done",
            (Some(_), Some(_)) => "nothing tells when, or a deletion leaves no time",
        };
        parts.push(format!(
            "{} of which it is not known whether they changed since ({why})",
            found.untold
        ));
    }
    let all = found.since + found.damaged + found.untold;
    format!("{all} or more differ: {}.", parts.join("; "))
}

/// Items of tables with other keys have no counterparts.
fn same_keys(restored: &Ground, source: &Ground) -> Result<(), String> {
    let sorted = |ground: &Ground| {
        let mut keys = ground.keys.clone();
        keys.sort();
        keys
    };
    match sorted(restored) == sorted(source) {
        true => Ok(()),
        false => Err("the two tables have different keys, so no item of one has its like in the other".to_owned()),
    }
}

/// A comparison under way.
struct Comparison<'c> {
    restored: Side<'c>,
    point: &'c Point,
    wish: &'c Wish,
    tell: Tell<'c>,
}

impl Comparison<'_> {
    async fn ground(&self) -> Result<Ground, String> {
        let ground = ground(self.restored, self.wish).await;
        ground.map_err(|failure| unreadable(self.restored, &failure))
    }

    /// The new table alone.
    async fn alone(&self) -> Result<Reading, String> {
        reading(self.restored, self.wish, self.tell).await
    }

    async fn with_nothing(&self, why: String) -> Result<Items, String> {
        Ok(nothing(self.alone().await?, why))
    }

    async fn with_digest(&self, filed: &Filed) -> Result<Items, String> {
        let restored = self.alone().await?;
        let other = filed.digest.after.clone();
        let is_same = (restored.items, &restored.digest) == (other.items, &other.digest);
        let taken = "taken of the source before and after its backup job, which were equal";
        let statement = if is_same {
            format!(
                "Every item of the new table was read: {}. Their number and the sum of their digests are those {taken}. A sum \
                 shows damage, not intent.",
                items_of(restored.items)
            )
        } else {
            format!(
                "Every item of the new table was read: {}. Number or sum of their digests are not those {taken}: {}. What \
                 differs, a digest does not tell.",
                items_of(restored.items),
                items_of(other.items)
            )
        };
        Ok(Items {
            against: Against::Digest {
                evidence: filed.sha256.clone(),
            },
            reach: Reach::Whole,
            restored,
            other: Some(other),
            differences: None,
            statement,
        })
    }

    async fn with_source(&self, source: Side<'_>) -> Result<Items, String> {
        let of_restored = self.ground().await?;
        let of_source = match ground(source, self.wish).await {
            Ok(ground) => ground,
            Err(failure) => return self.with_nothing(of_source_words(&unreadable(source, &failure))).await,
        };
        if let Err(why) = same_keys(&of_restored, &of_source) {
            return self.with_nothing(why).await;
        }
        let seen = [Arc::default(), Arc::default()];
        let both = async {
            tokio::join!(
                tally(self.restored, &of_restored, self.wish, &seen[0]),
                tally(source, &of_source, self.wish, &seen[1]),
            )
        };
        let (restored, other) = told(self.tell, Step::Reading, [&seen[0], &seen[1]], both).await;
        let (restored, mut taken) = restored?;
        let (other, mut of_other) = match other {
            Ok(other) => other,
            Err(why) => {
                let restored = of_restored.reading(taken, Some(restored.total().digest()), self.wish);
                return Ok(nothing(restored, of_source_words(&why)));
            }
        };
        let differing = restored.differing(&other);
        let digests = (restored.total().digest(), other.total().digest());
        drop((restored, other));
        let found = if differing.is_empty() {
            Ok(None)
        } else {
            let found = self
                .find(source, &of_restored, &of_source, &differing, of_other.ended_at)
                .await;
            found.map(|(found, again, of_other_again)| {
                taken.again(again);
                of_other.again(of_other_again);
                found
            })
        };
        let is_same = differing.is_empty();
        let restored = of_restored.reading(taken, Some(digests.0), self.wish);
        let other = of_source.reading(of_other, Some(digests.1), self.wish);
        let statement = match &found {
            Ok(_) if is_same => format!(
                "Every item of both tables was read: {} in each. Numbers and sums of their digests are equal. A sum shows damage, \
                 not intent.",
                items_of(restored.items)
            ),
            Ok(found) => format!(
                "{} {}",
                both_read(&restored, &other),
                differ(found.as_ref(), self.point)
            ),
            Err(why) => format!(
                "{} They are not equal, and what differs could not be told: {why}.",
                both_read(&restored, &other)
            ),
        };
        Ok(Items {
            against: Against::Source,
            reach: Reach::Whole,
            restored,
            other: Some(other),
            differences: found.unwrap_or_default(),
            statement,
        })
    }

    /// Reads both sides once more for what differs.
    async fn find(
        &self,
        source: Side<'_>,
        of_restored: &Ground,
        of_source: &Ground,
        differing: &[u16],
        read_until: Option<DateTime<Utc>>,
    ) -> Result<(Option<Differences>, Taken, Taken), String> {
        let asked = self.asked(source, of_source, read_until).await;
        let finder = Arc::new(Finder::new(Arc::new(asked), differing));
        let take = |which| {
            let finder = Arc::clone(&finder);
            at_once(move |items| finder.take(which, items))
        };
        let takes = [take(Which::Restored), take(Which::Source)];
        let seen = [Arc::default(), Arc::default()];
        let both = async {
            tokio::try_join!(
                whole(self.restored, of_restored, self.wish, &seen[0], &takes[0]),
                whole(source, of_source, self.wish, &seen[1], &takes[1]),
            )
        };
        let (restored, other) = told(self.tell, Step::Finding, [&seen[0], &seen[1]], both).await?;
        Ok((finder.differences(), restored, other))
    }

    /// What is asked of items that differ.
    async fn asked(&self, source: Side<'_>, of_source: &Ground, read_until: Option<DateTime<Utc>>) -> Asked {
        // Where the attribute cannot be read, no item is known to have expired.
        let ttl = ttl_of(source.target, source.table).await.ok().flatten();
        // Items of a table that was made since have times of another table's: nothing follows from them.
        let is_same_table =
            matches!((born(&of_source.table), self.point.created_at), (Some(born), Some(at)) if born <= at);
        Asked {
            keys: of_source.keys.clone(),
            span: if is_same_table {
                Span::of(self.point)
            } else {
                Span::default()
            },
            changed_at: self.wish.changed_at.clone(),
            ttl: ttl
                .filter(|_| is_same_table)
                .zip(Some(read_until.unwrap_or(of_source.at))),
            shows_keys: self.wish.shows_keys,
            most: self.wish.most_differences,
        }
    }

    async fn by_sample(&self, source: Side<'_>, (number, of, seed): (u32, u32, u64)) -> Result<Items, String> {
        let of_restored = self.ground().await?;
        let of_source = match ground(source, self.wish).await {
            Ok(ground) => ground,
            Err(failure) => return self.with_nothing(of_source_words(&unreadable(source, &failure))).await,
        };
        if let Err(why) = same_keys(&of_restored, &of_source) {
            return self.with_nothing(why).await;
        }
        let segments = Segments {
            numbers: sample::drawn(number, of, seed),
            of,
            at_once: self.wish.segments.max(1),
        };
        let asked = Arc::new(self.asked(source, &of_source, None).await);
        let seen = [Arc::default(), Arc::default()];
        let work = sample::sample(
            (self.restored, &of_restored),
            (source, &of_source),
            &segments,
            &asked,
            self.wish,
            [&seen[0], &seen[1]],
        );
        let sampled = told(self.tell, Step::Reading, [&seen[0], &seen[1]], work).await?;
        let restored = of_restored.reading(sampled.restored, None, self.wish);
        let other = of_source.reading(sampled.source, None, self.wish);
        let differences = sampled.found.differences(self.wish.changed_at.as_ref());
        let read = format!(
            "{} of {of} segments of each table were read, drawn by seed {seed}: {} of the new table and {} of the source, each \
             looked up in the other.",
            number,
            items_of(restored.items),
            items_of(other.items)
        );
        let statement = match &differences {
            None if restored.items == 0 => format!("{read} They hold nothing, and so prove nothing."),
            None => format!(
                "{read} None differs: with 95 % confidence at most {} of the {of} segments hold a difference; items that are lost \
                 or changed one by one may go unseen.",
                sample::bound(number, of)
            ),
            found => format!("{read} {}", differ(found.as_ref(), self.point)),
        };
        Ok(Items {
            against: Against::Source,
            reach: Reach::Sample {
                segments: number,
                of,
                seed,
            },
            restored,
            other: Some(other),
            differences,
            statement,
        })
    }
}
