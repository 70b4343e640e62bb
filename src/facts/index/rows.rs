//! Rows of tables by ARN.

use std::hash::Hasher;

use hashbrown::HashTable;

use crate::inventory::schema::Table;

/// Hashes ARNs: they are as long as cache lines and come in tens of millions, and nobody can choose them to collide
/// who could not simply add tables.
#[derive(Default)]
pub(crate) struct ArnHasher(u64);

impl Hasher for ArnHasher {
    fn write(&mut self, bytes: &[u8]) {
        const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut chunks = bytes.chunks_exact(8);
        for chunk in &mut chunks {
            let word = u64::from_le_bytes(chunk.try_into().expect("chunks of eight bytes"));
            self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(MULTIPLIER);
        }
        for byte in chunks.remainder() {
            self.0 = (self.0.rotate_left(5) ^ u64::from(*byte)).wrapping_mul(MULTIPLIER);
        }
    }

    fn write_u8(&mut self, number: u8) {
        self.write_u64(u64::from(number));
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(u64::from(number));
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0.rotate_left(5) ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 29)
    }
}

/// Rows of tables by ARN. Tens of millions of look-ups wait for nothing but memory: an entry is small and says where its
/// ARN lies, and ARNs lie side by side.
#[derive(Default)]
pub(crate) struct TableRows {
    texts: String,
    entries: HashTable<Entry>,
}

#[derive(Clone, Copy)]
struct Entry {
    /// The upper half of the hash: what has another one is another ARN.
    tag: u32,
    row: u32,
    /// Place and length of its ARN in the texts.
    start: u64,
    length: u32,
}

impl TableRows {
    pub(super) fn new(tables: &[Table]) -> Self {
        let mut rows = Self {
            texts: String::with_capacity(tables.iter().map(|table| table.table_arn.len()).sum()),
            entries: HashTable::with_capacity(tables.len()),
        };
        for (table, row) in tables.iter().zip(0..) {
            let hash = hash_of(&table.table_arn);
            let entry = Entry {
                tag: tag_of(hash),
                row,
                start: rows.texts.len() as u64,
                length: u32::try_from(table.table_arn.len()).unwrap_or(u32::MAX),
            };
            rows.texts.push_str(&table.table_arn);
            let texts = &rows.texts;
            rows.entries
                .insert_unique(hash, entry, |entry| hash_of(text_of(texts, entry)));
        }
        rows
    }

    /// How many tables there are.
    pub(super) fn count(&self) -> usize {
        self.entries.len()
    }

    /// The row of the table with this ARN.
    pub(crate) fn get(&self, arn: &str) -> Option<u32> {
        let hash = hash_of(arn);
        let is_it = |entry: &Entry| entry.tag == tag_of(hash) && text_of(&self.texts, entry) == arn;
        self.entries.find(hash, is_it).map(|entry| entry.row)
    }

    /// The rows of many ARNs. Step by step, so that in each step a processor can wait for many of them at once.
    pub(crate) fn get_all(&self, arns: &[Option<&str>]) -> Vec<Option<u32>> {
        let hashes: Vec<u64> = arns.iter().map(|arn| hash_of(arn.unwrap_or_default())).collect();
        let by_tag = |hash: &u64| self.entries.find(*hash, |entry| entry.tag == tag_of(*hash)).copied();
        let likely: Vec<Option<Entry>> = hashes.iter().map(by_tag).collect();
        let surely = |(arn, likely): (&Option<&str>, &Option<Entry>)| match (arn, likely) {
            (Some(arn), Some(entry)) if text_of(&self.texts, entry) == *arn => Some(entry.row),
            // Two ARNs may have one tag.
            (Some(arn), Some(_)) => self.get(arn),
            _ => None,
        };
        arns.iter().zip(&likely).map(surely).collect()
    }
}

fn text_of<'t>(texts: &'t str, entry: &Entry) -> &'t str {
    let start = usize::try_from(entry.start).unwrap_or(usize::MAX);
    texts
        .get(start..start.saturating_add(entry.length as usize))
        .unwrap_or_default()
}

fn hash_of(arn: &str) -> u64 {
    let mut hasher = ArnHasher::default();
    hasher.write(arn.as_bytes());
    hasher.finish()
}

fn tag_of(hash: u64) -> u32 {
    u32::try_from(hash >> 32).unwrap_or(u32::MAX)
}
