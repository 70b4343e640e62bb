//! How fast a table is read: read capacity units a second, shared by all of its segments.
//!
//! A turn is charged with what a page is expected to take, and corrected by what AWS counted. Throttling halves the pace at most
//! once a second, and time brings it back within a minute.

use std::sync::{Mutex, PoisonError};

use tokio::time::{Duration, Instant};

/// A page takes so many seconds of the pace at most: what is slow to read is read in small pages, so that a page is no burst.
const PAGE_SECONDS: f64 = 10.0;

/// A page of 1 MiB, by eventually consistent reads.
const PAGE_UNITS: f64 = 128.0;

/// The pace never falls below this share of what was wished.
const SLOWEST: f64 = 1.0 / 64.0;

/// The pace of one table.
#[derive(Debug)]
pub(super) struct Pace {
    wished: f64,
    /// Of a page of 1 MiB: strongly consistent reads cost twice as much.
    page_units: f64,
    began: Instant,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Units a second.
    rate: f64,
    /// Seconds since the beginning, as all others here: the next turn.
    free_at: f64,
    seen_at: f64,
    slowed_at: f64,
    /// Units of an item, as the last page tells. `None`: none was read yet.
    of_item: Option<f64>,
}

/// What was charged for a page before it was read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Turn {
    charged: f64,
    /// So many items at most. `None`: as many as fit.
    pub(super) limit: Option<i32>,
}

impl Pace {
    /// A pace of so many units a second.
    pub(super) fn new(wished: f64, is_consistent: bool) -> Self {
        let wished = wished.max(0.1);
        Self {
            wished,
            page_units: PAGE_UNITS * if is_consistent { 2.0 } else { 1.0 },
            began: Instant::now(),
            state: Mutex::new(State {
                rate: wished,
                free_at: 0.0,
                seen_at: 0.0,
                slowed_at: f64::NEG_INFINITY,
                of_item: None,
            }),
        }
    }

    /// Waits until the next page may be asked for.
    pub(super) async fn turn(&self) -> Turn {
        let (turn, at) = self.reserve(self.began.elapsed().as_secs_f64());
        tokio::time::sleep_until(self.began + Duration::from_secs_f64(at)).await;
        turn
    }

    /// The same for a request for single items, which take so many units if each is as large as those before.
    pub(super) async fn turn_for(&self, items: usize) -> Turn {
        let (turn, at) = {
            let now = self.began.elapsed().as_secs_f64();
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            let charged = items as f64 * state.of_item.unwrap_or(1.0).max(0.5);
            let at = state.free_at.max(now);
            state.free_at = at + charged / state.rate;
            (Turn { charged, limit: None }, at)
        };
        tokio::time::sleep_until(self.began + Duration::from_secs_f64(at)).await;
        turn
    }

    /// A turn, and when it comes.
    fn reserve(&self, now: f64) -> (Turn, f64) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let rested = self.wished * (now - state.seen_at).max(0.0) / 60.0;
        state.rate = (state.rate + rested).min(self.wished);
        state.seen_at = now;
        let (most, of_item) = (state.rate * PAGE_SECONDS, state.of_item.unwrap_or(1.0));
        // It is at most the limit of a page, and so no more than fits.
        let limit = (most < self.page_units).then(|| (most / of_item).clamp(1.0, 10_000.0) as i32);
        let charged = limit.map_or(self.page_units, |limit| self.page_units.min(f64::from(limit) * of_item));
        let at = state.free_at.max(now);
        state.free_at = at + charged / state.rate;
        (Turn { charged, limit }, at)
    }

    /// What a page really took. `None`: AWS does not say.
    pub(super) fn pay(&self, turn: Turn, units: Option<f64>, items: usize) {
        let Some(units) = units else { return };
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.free_at += (units - turn.charged) / state.rate;
        if items > 0 {
            state.of_item = Some((units / items as f64).max(0.001));
        }
    }

    /// A request has to be sent once more: AWS is busy.
    pub(super) fn slow_down(&self) {
        self.slow_down_at(self.began.elapsed().as_secs_f64());
    }

    fn slow_down_at(&self, now: f64) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if now - state.slowed_at >= 1.0 {
            state.rate = (state.rate / 2.0).max(self.wished * SLOWEST);
            (state.slowed_at, state.seen_at) = (now, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When the turns come that are charged and paid so, all asked for at once.
    fn turns(pace: &Pace, number: usize, units: f64, items: usize) -> Vec<f64> {
        let turn = |_| {
            let (turn, at) = pace.reserve(0.0);
            pace.pay(turn, Some(units), items);
            at
        };
        (0..number).map(turn).collect()
    }

    #[test]
    fn units_are_spread_over_time() {
        let pace = Pace::new(1280.0, false);
        let at = turns(&pace, 101, 128.0, 1000);
        assert!((at[100] - 10.0).abs() < 1e-6, "{at:?}");
        // What takes less than was expected gives time back.
        let pace = Pace::new(1280.0, false);
        let at = turns(&pace, 101, 64.0, 1000);
        assert!((at[100] - 5.0).abs() < 1e-6, "{at:?}");
    }

    #[test]
    fn what_is_slow_is_read_in_small_pages() {
        let pace = Pace::new(1.25, false);
        assert_eq!(pace.reserve(0.0).0.limit, Some(12));
        pace.pay(pace.reserve(0.0).0, Some(5.0), 10);
        assert_eq!(pace.reserve(0.0).0.limit, Some(25));
        assert_eq!(Pace::new(3000.0, false).reserve(0.0).0.limit, None);
        assert_eq!(Pace::new(20.0, true).reserve(0.0).0.limit, Some(200));
    }

    #[test]
    fn throttling_halves_the_pace_once_a_second_and_time_brings_it_back() {
        let pace = Pace::new(64.0, false);
        let rate = || pace.state.lock().expect("no panic").rate;
        for _ in 0..16 {
            pace.slow_down_at(0.5);
        }
        assert_eq!(rate(), 32.0);
        for second in 1..20 {
            pace.slow_down_at(f64::from(second) + 0.5);
        }
        assert_eq!(rate(), 1.0);
        pace.reserve(20.5 + 61.0);
        assert_eq!(rate(), 64.0);
    }
}
