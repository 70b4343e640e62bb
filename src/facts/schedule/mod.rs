//! Schedules of AWS Backup: when does a rule run, how far apart are its runs, and those of several rules together?
//!
//! In: expressions as AWS returned them. Out: instants and gaps. Pure: the caller says from when on. The dialect is
//! EventBridge's (six fields, SUN = 1, `L`, `W`, `#`), with or without `cron( )`, in any time zone.

mod cron;
#[cfg(test)]
mod croner_tests;
mod expression;
mod fields;
mod gaps;
#[cfg(test)]
mod tests;
mod words;
#[cfg(test)]
mod words_tests;

pub(crate) use expression::Schedule;
pub(crate) use gaps::{Run, TimedRule, effective_runs, gap_between, have_runs, largest_gap_of, worst_case_age};
pub(crate) use words::text;
