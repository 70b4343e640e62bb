//! Writing and reading the frames of an inventory as Parquet.
//!
//! Rows go to disk in row groups while collecting goes on, so that memory stays bounded however many recovery points
//! there are. The order of rows is the order of arrival; nothing downstream may depend on it.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use polars::prelude::{
    BooleanChunked, ChunkAgg as _, Column, DataFrame, NewChunkedArray as _, PlSmallStr, PolarsError, PolarsResult,
    polars_err,
};
use polars_io::SerReader;
use polars_io::parquet::read::ParquetReader;
use polars_io::parquet::write::{BatchedWriter, ParquetCompression, ParquetWriter};

use super::cell::Kind;
use super::schema::{ColumnSchema, FRAMES, FrameSchema, OLDEST_VERSION, Row, SCHEMA_VERSION};
use super::{Inventory, Manifest};
use crate::fence;
use crate::inventory::panics::caught;
use crate::plain_file::{self, LARGEST_TEXT};
use crate::problem::Problem;

/// Rows per row group: small enough that a few of them fit in memory, large enough for dictionaries to pay, and that
/// thirty million rows have few of them.
pub(super) const ROW_GROUP: usize = 65_536;

/// Rows per row group of findings, which are long, and written while all of them stand in memory.
const FINDINGS_GROUP: usize = ROW_GROUP / 4;

/// Rows read at once: one row group, since several would have to be put together first.
const READ_ROWS: usize = ROW_GROUP;

/// Threads that decode one frame.
const DECODERS: usize = 2;

/// Frames of fewer rows are decoded by one thread: a batch less in memory matters more than the time.
const ROWS_FOR_DECODERS: usize = if cfg!(test) { 2 } else { 16 } * READ_ROWS;

/// The manifest's file name.
pub(crate) const MANIFEST_FILE: &str = "inventory.json";

/// Writes an inventory while it is being collected. Shared by all collectors.
pub struct Writer {
    dir: PathBuf,
    frames: BTreeMap<&'static str, Mutex<Option<FrameWriter>>>,
}

/// One frame on its way to disk.
pub(super) struct FrameWriter {
    parquet: BatchedWriter<Noting>,
    refused: Arc<Mutex<Option<String>>>,
    waiting: DataFrame,
    /// Rows per row group.
    group: usize,
    written: u64,
}

impl Writer {
    /// Opens an empty inventory in `dir`, which must exist.
    pub fn create(dir: &Path) -> Self {
        let frames = FRAMES.iter().map(|frame| (frame.name, Mutex::new(None))).collect();
        Self {
            dir: dir.to_owned(),
            frames,
        }
    }

    /// Adds rows to their frame, those that `seen` does not know: lists name a row twice whose rows move from page to page
    /// while they are read.
    ///
    /// Errors: the disk refused.
    pub(crate) fn push_new<R: Row>(&self, rows: &[R], seen: &Seen) -> Result<usize, Problem> {
        let new = R::to_frame(rows).and_then(|rows| seen.new_of(rows, R::FRAME));
        let refused = |error: PolarsError| disk_problem(&self.dir, R::FRAME, &error.to_string());
        let (new, differing) = new.map_err(refused)?;
        self.push_frame(R::FRAME, new)?;
        Ok(differing)
    }

    /// Adds rows to their frame. An empty list still creates the frame: it says that the question was asked.
    ///
    /// Errors: the disk refused.
    pub fn push<R: Row>(&self, rows: &[R]) -> Result<(), Problem> {
        let refused = |error: PolarsError| disk_problem(&self.dir, R::FRAME, &error.to_string());
        self.push_frame(R::FRAME, R::to_frame(rows).map_err(refused)?)
    }

    fn push_frame(&self, frame: &'static FrameSchema, rows: DataFrame) -> Result<(), Problem> {
        let mut slot = self.slot(frame);
        let result = (|| -> PolarsResult<()> {
            if slot.is_none() {
                *slot = Some(FrameWriter::open(&self.dir, frame, ROW_GROUP)?);
            }
            match slot.as_mut() {
                Some(writer) => writer.push(rows),
                None => Ok(()),
            }
        })();
        result.map_err(|error| disk_problem(&self.dir, frame, &error.to_string()))
    }

    /// Writes what is left and closes every frame. Gives the number of rows of each.
    ///
    /// Errors: the disk refused.
    pub fn finish(&self) -> Result<BTreeMap<String, u64>, Problem> {
        let mut counts = BTreeMap::new();
        for frame in FRAMES {
            if let Some(writer) = self.slot(frame).take() {
                let rows = writer
                    .finish()
                    .map_err(|error| disk_problem(&self.dir, frame, &error.to_string()))?;
                counts.insert(frame.name.to_owned(), rows);
            }
        }
        Ok(counts)
    }

    fn slot(&self, frame: &FrameSchema) -> std::sync::MutexGuard<'_, Option<FrameWriter>> {
        let slot = self
            .frames
            .get(frame.name)
            .expect("every frame of the schema has a slot");
        slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Which rows of one account and Region were pushed already: the hash of each key, with that of the row.
#[derive(Debug, Default)]
pub(crate) struct Seen(Mutex<HashMap<&'static str, HashMap<u64, u64>>>);

impl Seen {
    /// The rows of which none has been seen with the same key, from now on they have; and how many of the others differ
    /// from the one that was.
    fn new_of(&self, rows: DataFrame, frame: &FrameSchema) -> PolarsResult<(DataFrame, usize)> {
        if frame.key().is_empty() {
            return Ok((rows, 0));
        }
        let hashes = |names: &mut dyn Iterator<Item = &str>| -> PolarsResult<Vec<u64>> {
            let mut hashers = vec![DefaultHasher::new(); rows.height()];
            for name in names {
                for (hasher, value) in hashers
                    .iter_mut()
                    .zip(rows.column(name)?.as_materialized_series().iter())
                {
                    value.hash(hasher);
                }
            }
            Ok(hashers.iter().map(DefaultHasher::finish).collect())
        };
        let keys = hashes(&mut frame.key().iter().copied())?;
        let wholes = hashes(&mut rows.get_column_names().into_iter().map(PlSmallStr::as_str))?;
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = known.entry(frame.name).or_default();
        let mut differing = 0;
        let mut is_new = Vec::with_capacity(keys.len());
        for (key, whole) in keys.into_iter().zip(wholes) {
            match known.entry(key) {
                Entry::Vacant(entry) => {
                    entry.insert(whole);
                    is_new.push(true);
                }
                Entry::Occupied(entry) => {
                    differing += usize::from(*entry.get() != whole);
                    is_new.push(false);
                }
            }
        }
        if is_new.iter().all(|is_new| *is_new) {
            return Ok((rows, 0));
        }
        let rows = rows.filter(&BooleanChunked::from_slice(PlSmallStr::EMPTY, &is_new))?;
        Ok((rows, differing))
    }
}

impl FrameWriter {
    pub(super) fn open(dir: &Path, frame: &FrameSchema, group: usize) -> PolarsResult<Self> {
        let schema = frame.polars();
        let file = File::create(path_of(dir, frame.name))?;
        let refused = Arc::default();
        let noting = Noting {
            file,
            refused: Arc::clone(&refused),
        };
        let parquet = ParquetWriter::new(noting)
            .with_compression(ParquetCompression::Zstd(None))
            .set_parallel(false)
            .batched(&schema)?;
        Ok(Self {
            parquet,
            refused,
            waiting: DataFrame::empty_with_schema(&schema),
            group,
            written: 0,
        })
    }

    pub(super) fn push(&mut self, rows: DataFrame) -> PolarsResult<()> {
        if rows.height() > 0 {
            self.waiting.vstack_mut_owned(rows)?;
        }
        if self.waiting.height() >= self.group {
            self.flush()
        } else {
            Ok(())
        }
    }

    fn flush(&mut self) -> PolarsResult<()> {
        let empty = self.waiting.clear();
        let mut batch = std::mem::replace(&mut self.waiting, empty);
        batch.rechunk_mut();
        self.written += batch.height() as u64;
        let written = self.parquet.write_batch(&batch);
        self.in_words(written)
    }

    pub(super) fn finish(mut self) -> PolarsResult<u64> {
        if self.waiting.height() > 0 || self.written == 0 {
            self.flush()?;
        }
        let finished = self.parquet.finish().map(|_| ());
        self.in_words(finished)?;
        Ok(self.written)
    }

    /// The encoder forgets what the disk said.
    fn in_words(&self, result: PolarsResult<()>) -> PolarsResult<()> {
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner).take();
        match (result, refused) {
            (Err(_), Some(why)) => Err(PolarsError::ComputeError(why.into())),
            (result, _) => result,
        }
    }
}

/// A file that remembers why the disk refused.
struct Noting {
    file: File,
    refused: Arc<Mutex<Option<String>>>,
}

impl Noting {
    fn noted<T>(&self, result: std::io::Result<T>) -> std::io::Result<T> {
        result.inspect_err(|error| {
            let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
            refused.get_or_insert_with(|| error.to_string());
        })
    }
}

impl Write for Noting {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let result = self.file.write(bytes);
        self.noted(result)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        let result = self.file.flush();
        self.noted(result)
    }
}

impl Inventory {
    /// Opens a stored inventory.
    ///
    /// Errors: no inventory there, another schema version, an instant at which no scan was made, a frame missing or shorter than the manifest says.
    pub fn open(dir: &Path) -> Result<Self, Problem> {
        let path = dir.join(MANIFEST_FILE);
        let refuse = |why: String| {
            Problem::new("could not read the inventory")
                .at(dir.display().to_string())
                .why(why)
                .so("nothing was evaluated")
                .hint("name the folder that a scan or `collect` wrote")
        };
        let text =
            plain_file::text(&path, LARGEST_TEXT).map_err(|error| refuse(format!("{}: {error}", path.display())))?;
        let version = serde_json::from_str::<serde_json::Value>(&text)
            .map_err(|error| refuse(format!("{}: {error}", path.display())))?["schema_version"]
            .as_u64();
        let is_read = |version| (u64::from(OLDEST_VERSION)..=u64::from(SCHEMA_VERSION)).contains(&version);
        if !version.is_some_and(is_read) {
            let found = version.map_or_else(
                || "no schema version".to_owned(),
                |version| format!("schema version {version}"),
            );
            return Err(refuse(format!(
                "it has {found}; this program reads versions {OLDEST_VERSION} to {SCHEMA_VERSION}"
            )));
        }
        let manifest: Manifest =
            serde_json::from_str(&text).map_err(|error| refuse(format!("{}: {error}", path.display())))?;
        if let Some(flaw) = manifest.flaw() {
            return Err(refuse(format!("{}: {flaw}", path.display())));
        }
        let inventory = Self {
            dir: dir.to_owned(),
            manifest,
        };
        let paths = inventory
            .manifest
            .frames
            .keys()
            .map(|frame| path_of(dir, frame).symlink_metadata());
        fence::widen(paths.flatten().map(|file| plain_file::size_on_disk(&file)).sum());
        for (name, rows) in &inventory.manifest.frames {
            if !FRAMES.iter().any(|frame| frame.name == name) {
                return Err(refuse(format!(
                    "its manifest names a frame that does not exist: `{name}`"
                )));
            }
            let found = inventory
                .rows_of(name)
                .map_err(|why| refuse(format!("frame `{name}`: {why}")))?;
            if found != *rows {
                return Err(refuse(format!(
                    "frame `{name}` has {found} rows, its manifest says {rows}"
                )));
            }
        }
        Ok(inventory)
    }

    fn rows_of(&self, frame: &str) -> Result<u64, String> {
        rows_in(&path_of(&self.dir, frame))
    }

    /// The names of its files, in order.
    pub(crate) fn file_names(&self) -> Vec<String> {
        let frames = self.manifest.frames.keys().map(|frame| format!("{frame}.parquet"));
        let mut names: Vec<String> = frames.chain([MANIFEST_FILE.to_owned()]).collect();
        names.sort();
        names
    }

    /// Was this frame collected?
    pub fn has<R: Row>(&self) -> bool {
        self.has_frame(R::FRAME.name)
    }

    /// The same, by the name of the frame.
    pub(crate) fn has_frame(&self, name: &str) -> bool {
        self.manifest.frames.contains_key(name)
    }

    /// All rows of a small frame; none if it was not collected.
    ///
    /// Errors: the file is damaged.
    pub fn read<R: Row>(&self) -> Result<Vec<R>, Problem> {
        let mut all = Vec::new();
        self.for_each::<R>(|rows| all.extend(rows))?;
        Ok(all)
    }

    /// Hands over the rows of a large frame, a batch at a time.
    ///
    /// Errors: the file is damaged.
    pub(crate) fn for_each<R: Row>(&self, mut with: impl FnMut(Vec<R>)) -> Result<(), Problem> {
        self.each_batch(R::FRAME, &[], |frame| {
            with(R::from_frame(frame)?);
            Ok(())
        })
    }

    /// Hands over every row of the largest frames, with texts borrowed from the batch at hand. Columns in `without` are
    /// not read: they must be such that may be null, and are null in every row.
    ///
    /// Errors: the file is damaged.
    pub fn for_each_row<R: Row>(&self, without: &[&str], mut with: impl FnMut(R::Ref<'_>)) -> Result<(), Problem> {
        self.each_batch(R::FRAME, without, |frame| R::each(frame, &mut with))
    }

    /// Hands over a frame, a batch of rows at a time, without some of its columns.
    ///
    /// Errors: the file is damaged, or those of `with`.
    pub(crate) fn each_batch(
        &self,
        frame: &FrameSchema,
        without: &[&str],
        mut with: impl FnMut(&DataFrame) -> PolarsResult<()>,
    ) -> Result<(), Problem> {
        let Some(rows) = self.manifest.frames.get(frame.name).map(|rows| *rows as usize) else {
            return Ok(());
        };
        let is_older = self.manifest.schema_version < SCHEMA_VERSION;
        each_batch_of(&self.dir, (frame, is_older), rows, without, &mut with).map_err(|error| {
            Problem::new(format!("could not read frame `{}` of the inventory", frame.name))
                .at(path_of(&self.dir, frame.name).display().to_string())
                .why(error.to_string())
                .so("nothing was evaluated")
                .hint("the file is damaged; collect again")
        })
    }
}

/// Rows of a Parquet file, as its footer says.
fn rows_in(path: &Path) -> Result<u64, String> {
    let file = plain_file::open(path).map_err(|error| error.to_string())?;
    let bytes = file.metadata().map_err(|error| error.to_string())?.len();
    let read = caught(|| -> PolarsResult<(u64, u64)> {
        let mut reader = ParquetReader::new(file);
        let metadata = reader.get_metadata()?;
        let unfolded = metadata.row_groups.iter().map(|group| group.total_byte_size() as u64);
        Ok((metadata.num_rows as u64, unfolded.fold(0, u64::saturating_add)))
    });
    let (rows, unfolded) = read.map_err(damaged)?.map_err(|error| error.to_string())?;
    for (what, said, base, each) in [
        ("rows", rows, MOST_ROWS, 16),
        ("bytes unfolded", unfolded, MOST_UNFOLDED, 200),
    ] {
        let most = base + each * bytes;
        if said > most {
            return Err(format!(
                "its footer tells of {said} {what}, and a file of {bytes} bytes may hold {most} at most"
            ));
        }
    }
    Ok(rows)
}

/// Rows and unfolded bytes that any frame may have; larger files may have more of both. Ids and times are of many kinds and fold
/// to less than that; the same fifty tags on every table fold best of all that AWS says.
const MOST_ROWS: u64 = 2_000_000;
const MOST_UNFOLDED: u64 = 64 << 20;

fn damaged(panic: String) -> String {
    format!("the file is no Parquet file that this program wrote: {panic}")
}

/// Hands over the rows of a frame's file, a batch at a time, without some of its columns. In one that is older than this
/// program columns that may be null may be missing.
fn each_batch_of(
    dir: &Path,
    (frame, is_older): (&FrameSchema, bool),
    rows: usize,
    without: &[&str],
    with: &mut dyn FnMut(&DataFrame) -> PolarsResult<()>,
) -> PolarsResult<()> {
    let path = path_of(dir, frame.name);
    let columns: Vec<&ColumnSchema> = frame
        .columns
        .iter()
        .filter(|column| !without.contains(&column.name))
        .collect();
    // The next batches are decoded while the one at hand is used; one of each decoder waits, so that memory stays
    // bounded. Decoders take turns, so that batches come in order.
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let decoders = if rows < ROWS_FOR_DECODERS {
        1
    } else {
        threads.min(DECODERS)
    };
    let decode = |turn: usize, sender: SyncSender<PolarsResult<DataFrame>>| {
        // The decoder asserts where a damaged file contradicts itself.
        let mut send = |batch: DataFrame| -> PolarsResult<bool> {
            check(&batch, frame)?;
            Ok(sender.send(Ok(batch)).is_ok())
        };
        let offsets = (turn * READ_ROWS..rows).step_by(READ_ROWS * decoders);
        let sent = caught(|| decode(&path, (&columns, is_older), offsets, &mut send));
        let sent = sent.unwrap_or_else(|panic| Err(PolarsError::ComputeError(damaged(panic).into())));
        if let Err(error) = sent {
            // Nobody listens any more only if the other side has failed before.
            let _ = sender.send(Err(error));
        }
    };
    std::thread::scope(|scope| {
        let start = |turn: usize| {
            let (sender, batches) = sync_channel(1);
            scope.spawn(move || decode(turn, sender));
            batches
        };
        let batches: Vec<_> = (0..decoders).map(start).collect();
        // A decoder that ends has no batch left for its turn, and then the others have none after it.
        let mut in_order = batches.iter().cycle().map_while(|batches| batches.recv().ok());
        in_order.try_for_each(|batch| with(&batch?))
    })
}

/// Writes a frame that belongs to no inventory as a file of its own. Gives the number of rows.
///
/// Errors: the disk refused.
pub fn write_frame<R: Row>(dir: &Path, batches: impl Iterator<Item = Vec<R>>) -> Result<u64, Problem> {
    let write = || -> PolarsResult<u64> {
        let mut writer = FrameWriter::open(dir, R::FRAME, FINDINGS_GROUP)?;
        for rows in batches {
            writer.push(R::to_frame(&rows)?)?;
        }
        writer.finish()
    };
    write().map_err(|error| disk_problem(dir, R::FRAME, &error.to_string()))
}

/// Hands over the rows of such a file, a batch at a time. Which program wrote it is not said in it, so that it may be an older
/// one.
///
/// Errors: what is wrong with the file, in words.
pub fn read_frame<R: Row>(dir: &Path, mut with: impl FnMut(Vec<R>)) -> Result<(), String> {
    let rows = rows_in(&path_of(dir, R::FRAME.name))?;
    let rows = usize::try_from(rows).map_err(|error| error.to_string())?;
    each_batch_of(dir, (R::FRAME, true), rows, &[], &mut |frame| {
        // As rows they take much more than as columns.
        (0..frame.height()).step_by(FINDINGS_GROUP).try_for_each(|from| {
            let rows = i64::try_from(from).map_err(|error| polars_err!(ComputeError: "{error}"))?;
            with(R::from_frame(&frame.slice(rows, FINDINGS_GROUP))?);
            Ok(())
        })
    })
    .map_err(|error| error.to_string())
}

/// Hands over such a file, a batch at a time, without some of its columns.
///
/// Errors: what is wrong with the file, in words.
pub(crate) fn each_batch_of_frame<R: Row>(
    dir: &Path,
    without: &[&str],
    mut with: impl FnMut(&DataFrame) -> PolarsResult<()>,
) -> Result<(), String> {
    let rows = rows_in(&path_of(dir, R::FRAME.name))?;
    let rows = usize::try_from(rows).map_err(|error| error.to_string())?;
    each_batch_of(dir, (R::FRAME, true), rows, without, &mut with).map_err(|error| error.to_string())
}

/// Reads the batches that begin at these rows, until `take` wants no more.
fn decode(
    path: &Path,
    (columns, is_older): (&[&ColumnSchema], bool),
    offsets: impl Iterator<Item = usize>,
    take: &mut dyn FnMut(DataFrame) -> PolarsResult<bool>,
) -> PolarsResult<()> {
    let file = plain_file::open(path)?;
    // Where every row group begins is read once, not for every batch.
    let metadata = ParquetReader::new(file.try_clone()?).get_metadata()?.clone();
    let is_there = |column: &&&ColumnSchema| {
        let mut fields = metadata.schema_descr.fields().iter();
        fields.any(|field| field.name() == column.name)
    };
    let missing: Vec<&&ColumnSchema> = columns
        .iter()
        .filter(|column| is_older && column.nullable && !is_there(column))
        .collect();
    let wanted: Vec<String> = columns
        .iter()
        .filter(|column| !missing.iter().any(|missing| missing.name == column.name))
        .map(|column| column.name.to_owned())
        .collect();
    for offset in offsets {
        let mut reader = ParquetReader::new(file.try_clone()?)
            .with_slice(Some((offset, READ_ROWS)))
            .with_columns(Some(wanted.clone()));
        reader.set_metadata(metadata.clone());
        let mut batch = reader.finish()?;
        for column in &missing {
            let nulls = Column::full_null(column.name.into(), batch.height(), &column.kind.dtype());
            batch.with_column(nulls)?;
        }
        if !missing.is_empty() {
            // Copies are written in the order of the schema.
            batch = batch.select(columns.iter().map(|column| column.name))?;
        }
        if !take(batch)? {
            break;
        }
    }
    Ok(())
}

/// Refuses instants and durations that no AWS can have sent, so that nothing downstream has to reckon with them.
fn check(batch: &DataFrame, frame: &FrameSchema) -> PolarsResult<()> {
    for column in frame.columns {
        let Ok(values) = batch.column(column.name) else {
            continue;
        };
        let bounds = match column.kind {
            Kind::Time => Some((values.datetime()?.physical().min_max(), INSTANTS)),
            Kind::Int if DURATIONS.iter().any(|unit| column.name.ends_with(unit)) => {
                Some((values.i64()?.min_max(), SPANS))
            }
            _ => None,
        };
        if let Some((Some((least, most)), (first, last))) = bounds
            && (least < first || most > last)
        {
            let what = format!("column `{}` holds a value that AWS cannot have sent", column.name);
            return Err(PolarsError::ComputeError(what.into()));
        }
    }
    Ok(())
}

/// From the year 1 to the year 9999, in milliseconds.
const INSTANTS: (i64, i64) = (-62_135_596_800_000, 253_402_300_799_999);

/// How the names of columns end that hold durations.
const DURATIONS: [&str; 3] = ["_days", "_hours", "_minutes"];

/// No duration of AWS Backup is longer than a hundred years, in whatever unit.
const SPANS: (i64, i64) = (-1, 100 * 366 * 24 * 60);

/// Writes the manifest: the last file of an inventory, so that a folder without it is not one.
///
/// Errors: the disk refused.
pub fn write_manifest(dir: &Path, manifest: &Manifest) -> Result<(), Problem> {
    let text = serde_json::to_string_pretty(manifest).map_err(|error| Problem::new(error.to_string()))?;
    std::fs::write(dir.join(MANIFEST_FILE), text + "\n").map_err(|error| {
        Problem::new("could not write the inventory")
            .at(dir.display().to_string())
            .why(error.to_string())
    })
}

pub(super) fn path_of(dir: &Path, frame: &str) -> PathBuf {
    dir.join(format!("{frame}.parquet"))
}

pub(super) fn disk_problem(dir: &Path, frame: &FrameSchema, why: &str) -> Problem {
    Problem::new(format!("could not write frame `{}`", frame.name))
        .at(dir.display().to_string())
        .why(why)
        .so("the scan was stopped; no report was written")
        .hint("free some space, or choose another folder with `--to`")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::schema::TableTag;
    use chrono::DateTime;

    fn tag(number: usize) -> TableTag {
        TableTag {
            table_arn: format!("arn:{number}"),
            key: "k".into(),
            value: "=cmd()\n\u{202e}😀".into(),
        }
    }

    fn manifest(frames: BTreeMap<String, u64>) -> Manifest {
        let at = DateTime::from_timestamp(1_700_000_000, 0).expect("an instant");
        Manifest {
            schema_version: SCHEMA_VERSION,
            scan_id: "s".into(),
            as_of: at,
            started_at: at,
            finished_at: at,
            caller_arn: "arn:aws:iam::111122223333:user/a".into(),
            tool_version: "0".into(),
            regions_named: true,
            clock_skew_seconds: Some(0),
            attempt_count: 1,
            frames,
        }
    }

    #[test]
    fn every_row_comes_back_over_several_row_groups() {
        let dir = tempfile::tempdir().expect("a folder");
        let writer = Writer::create(dir.path());
        for start in (0..140_000).step_by(1000) {
            let rows: Vec<TableTag> = (start..start + 1000).map(tag).collect();
            writer.push(&rows).expect("written");
        }
        let frames = writer.finish().expect("finished");
        assert_eq!(frames.get("table_tags"), Some(&140_000));
        write_manifest(dir.path(), &manifest(frames)).expect("written");
        let inventory = Inventory::open(dir.path()).expect("opened");
        let rows: Vec<TableTag> = inventory.read().expect("read");
        assert_eq!(rows.len(), 140_000);
        assert_eq!(rows[139_999], tag(139_999));
        assert_eq!(rows[67_000], tag(67_000));
    }

    /// The limits on what a footer may tell of are for bombs: what folds best of all evidence stays far below them.
    #[test]
    fn what_folds_well_is_still_read() {
        let dir = tempfile::tempdir().expect("a folder");
        let writer = Writer::create(dir.path());
        for table in 0..6_000 {
            let tag = |number: usize| TableTag {
                table_arn: format!("arn:aws:dynamodb:eu-west-1:111122223333:table/t{table:05}"),
                key: format!("key-{number}"),
                value: "the same everywhere".to_owned(),
            };
            writer.push(&(0..50).map(tag).collect::<Vec<_>>()).expect("written");
        }
        let frames = writer.finish().expect("finished");
        write_manifest(dir.path(), &manifest(frames)).expect("written");
        let size = dir.path().join("table_tags.parquet").metadata().expect("there").len();
        let inventory = Inventory::open(dir.path()).expect("opened");
        assert_eq!(inventory.manifest.frames.get("table_tags"), Some(&300_000));
        assert!(300_000 < MOST_ROWS / 4 && size < 2 << 20, "{size}");
    }

    #[test]
    fn an_empty_frame_is_still_a_frame_and_a_truncated_one_is_refused() {
        let dir = tempfile::tempdir().expect("a folder");
        let writer = Writer::create(dir.path());
        writer.push::<TableTag>(&[]).expect("written");
        let frames = writer.finish().expect("finished");
        write_manifest(dir.path(), &manifest(frames)).expect("written");
        let inventory = Inventory::open(dir.path()).expect("opened");
        assert!(inventory.has::<TableTag>());
        assert_eq!(inventory.read::<TableTag>().expect("read"), []);

        let path = dir.path().join("table_tags.parquet");
        let bytes = std::fs::read(&path).expect("bytes");
        std::fs::write(&path, &bytes[..bytes.len() / 2]).expect("cut");
        let problem = Inventory::open(dir.path()).expect_err("damaged");
        assert!(problem.why.starts_with("frame `table_tags`"), "{problem}");
    }
}
