//! A table day by day.

use chrono::NaiveDate;

/// Days of UTC that end with the day of `as_of`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Window {
    /// The first day.
    pub first: NaiveDate,
    /// How many days there are; 0: no day was looked at.
    pub days: usize,
}

/// What is known of one table on one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DayState {
    /// At every moment of the day, as far as the table lived, the newest usable recovery point was within the RPO, or the
    /// table itself was younger than the RPO.
    Covered,
    /// For a part of the day, at least, it was not, or there was none.
    Exposed,
    /// What was read does not tell.
    NotObserved,
    /// The table did not exist on this day.
    NotAlive,
}

impl DayState {
    /// Every state, from good to bad, then those that say nothing.
    pub(crate) const ALL: [Self; 4] = [Self::Covered, Self::Exposed, Self::NotObserved, Self::NotAlive];

    /// The word of the machine formats.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Covered => "covered",
            Self::Exposed => "exposed",
            Self::NotObserved => "not-observed",
            Self::NotAlive => "not-alive",
        }
    }
}
