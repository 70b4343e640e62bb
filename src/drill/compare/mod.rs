//! A restored table compared with what it was restored of.
//!
//! In: two tables that can be read, or one and a digest that was taken of the other. Out: the parts of [`super::record`] that say
//! what was read, how far, and what is not the same. Nothing is written, nothing is judged, and nothing is printed: how far a
//! reading has come is told.
//!
//! Memory does not grow with the table: items are digested page by page, the first pass keeps sums, and the second, which looks
//! for what differs, has a bound.

mod canonical;
mod definition;
mod differences;
mod digest;
mod items;
mod measure;
mod pace;
mod point_digest;
mod sample;
mod scan;
#[cfg(test)]
mod tests;
mod when;

pub(crate) use definition::definition;
pub(crate) use items::items;
pub use measure::{Measured, measure};
pub(crate) use point_digest::{ACTIONS as DIGEST_ACTIONS, Before, Filed, point_to};
pub(crate) use scan::quantities;

use crate::aws::target::Target;

/// Segments that a table is read in at once, unless another number is asked for.
pub(crate) const SEGMENTS: u32 = 4;

/// Items that are named of those that differ, unless another number is asked for.
pub(crate) const MOST_DIFFERENCES: usize = 20;

/// IAM actions of a comparison, of either side.
pub(crate) const ACTIONS: &[&str] = &[
    scan::SCAN,
    sample::GET,
    crate::remediate::actions::ground::DESCRIBE_TABLE,
    "dynamodb:DescribeTimeToLive",
    "dynamodb:ListTagsOfResource",
    "dynamodb:DescribeContinuousBackups",
];

/// How to read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Wish {
    /// Segments of a table that are read at once, from 1.
    pub(crate) segments: u32,
    /// Read capacity units a second of each table. `None`: a quarter of what the table is provisioned with, and
    /// [`scan::ON_DEMAND`] where it is not.
    pub(crate) rate: Option<f64>,
    /// Strongly consistent reads, at twice the price.
    pub(crate) is_consistent: bool,
    /// How much.
    pub(crate) reach: Wanted,
    /// The attribute that tells when an item was last written.
    pub(crate) changed_at: Option<String>,
    /// Keys of items that differ are named, and not only their digests.
    pub(crate) shows_keys: bool,
    /// So many of the items that differ are named.
    pub(crate) most_differences: usize,
}

impl Default for Wish {
    fn default() -> Self {
        Self {
            segments: SEGMENTS,
            rate: None,
            is_consistent: false,
            reach: Wanted::Whole,
            changed_at: None,
            shows_keys: false,
            most_differences: MOST_DIFFERENCES,
        }
    }
}

/// How much to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Every item of both sides.
    Whole,
    /// Some segments of each side, each item looked up in the other.
    Sample {
        /// Segments to read.
        segments: u32,
        /// Segments in all: at most a million.
        of: u32,
        /// What they are drawn by.
        seed: u64,
    },
    /// None: only keys, indexes and settings.
    Nothing,
}

/// A table of an account and Region.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Side<'a> {
    /// Whose.
    pub(crate) target: &'a Target,
    /// Its name.
    pub(crate) table: &'a str,
}

/// How far a comparison has come.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Progress {
    /// What is under way.
    pub(crate) step: Step,
    /// Items read of the new table in this step.
    pub(crate) restored: u64,
    /// Items read of the other side in this step.
    pub(crate) other: u64,
}

/// What is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Reading one table, or both.
    Reading,
    /// Reading both once more, for what differs.
    Finding,
}

/// Takes how far it has come, now and then.
pub(crate) type Tell<'a> = &'a (dyn Fn(Progress) + Sync);
