//! The virtual clock: real time from a chosen start, faster, slower, or standing still.
//!
//! It never goes back: what has happened stays in the past.

use std::time::Instant;

use chrono::{DateTime, TimeDelta, Utc};

/// The time of the simulated AWS.
#[derive(Debug, Clone)]
pub(crate) struct Clock {
    /// The virtual time at `since`.
    base: DateTime<Utc>,
    since: Instant,
    /// Virtual seconds per real second; 0 is a frozen clock.
    rate: f64,
}

impl Clock {
    /// A clock that shows `now` at this moment.
    pub(crate) fn new(now: DateTime<Utc>, rate: f64) -> Self {
        Self {
            base: now,
            since: Instant::now(),
            rate,
        }
    }

    /// The virtual time, in whole milliseconds as AWS keeps it.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        if self.is_frozen() {
            return self.base;
        }
        let elapsed = self.since.elapsed().as_secs_f64() * self.rate * 1000.0;
        self.base
            .checked_add_signed(TimeDelta::milliseconds(elapsed as i64))
            .unwrap_or(DateTime::<Utc>::MAX_UTC)
    }

    /// True if time passes only by `advance`.
    pub(crate) fn is_frozen(&self) -> bool {
        self.rate == 0.0
    }

    /// Moves the clock forward; a negative step does nothing.
    pub(crate) fn advance(&mut self, step: TimeDelta) {
        if let Some(base) = self.base.checked_add_signed(step.max(TimeDelta::zero())) {
            self.base = base;
        }
    }

    /// Sets the clock to a later time. False: that time has passed, and nothing changes.
    pub(crate) fn set(&mut self, to: DateTime<Utc>) -> bool {
        let step = to - self.now();
        let forward = step >= TimeDelta::zero();
        if forward {
            self.advance(step);
        }
        forward
    }

    /// Lets the clock count from this moment on: simulating history takes real time, which must not pass on the clock.
    pub(crate) fn start(&mut self) {
        self.since = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noon() -> DateTime<Utc> {
        "2026-11-01T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn a_frozen_clock_moves_only_when_told() {
        let mut clock = Clock::new(noon(), 0.0);
        assert_eq!(clock.now(), noon());
        clock.advance(TimeDelta::hours(2));
        assert_eq!(clock.now(), noon() + TimeDelta::hours(2));
        clock.advance(TimeDelta::hours(-2));
        assert_eq!(clock.now(), noon() + TimeDelta::hours(2));
    }

    #[test]
    fn time_never_goes_back() {
        let mut clock = Clock::new(noon(), 0.0);
        assert!(!clock.set(noon() - TimeDelta::seconds(1)));
        assert!(clock.set(noon() + TimeDelta::days(1)));
        assert_eq!(clock.now(), noon() + TimeDelta::days(1));
    }

    #[test]
    fn a_fast_clock_runs_ahead() {
        let clock = Clock::new(noon(), 3_600_000.0);
        std::thread::sleep(std::time::Duration::from_millis(5));
        assert!(clock.now() >= noon() + TimeDelta::hours(5));
    }
}
