//! How far a run has come: of how many actions, and how long the rest may take. What happens is said as before.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::jobs::say_step;
use crate::duration;
use crate::problem::count;
use crate::remediate::Event;
use crate::stderr::{say, shows_progress_bar};

/// Without a terminal, a line tells how far it is this often.
const EVERY: Duration = Duration::from_secs(10);

/// The progress of a run.
pub(super) struct Progress {
    bar: Option<ProgressBar>,
    all: usize,
    settled: usize,
    began: Instant,
    said: Instant,
}

impl Progress {
    /// Of a run over so many actions.
    pub(super) fn of(all: usize) -> Self {
        let bar = shows_progress_bar().then(|| {
            let bar = ProgressBar::new(all as u64);
            if let Ok(style) = ProgressStyle::with_template("{spinner} {pos}/{len} actions {bar:30} {msg}") {
                bar.set_style(style);
            }
            bar
        });
        Self {
            bar,
            all,
            settled: 0,
            began: Instant::now(),
            said: Instant::now(),
        }
    }

    /// Says what happened, and counts what it settles.
    pub(super) fn tell(&mut self, event: Event<'_>) {
        let is_settled = match event {
            Event::StartedBefore(..)
            | Event::DoneBefore(_)
            | Event::Unproven(..)
            | Event::Started(..)
            | Event::Done(_)
            | Event::Already(..)
            | Event::Refused(..)
            | Event::Drifted(..)
            | Event::Unasked(..)
            | Event::Left(_) => true,
            Event::Undone(..) | Event::Kept(..) | Event::Waiting(..) | Event::Ended(..) | Event::Pause => false,
        };
        self.settled += usize::from(is_settled);
        let left = left(self.settled, self.all, self.began.elapsed());
        match &self.bar {
            Some(bar) => {
                bar.suspend(|| say_step(event));
                bar.set_position(self.settled as u64);
                bar.set_message(left.unwrap_or_default());
            }
            None => {
                say_step(event);
                if let Some(left) = left.filter(|_| self.said.elapsed() >= EVERY) {
                    say(&format!("{} of {}, {left}", self.settled, count(self.all, "action")));
                    self.said = Instant::now();
                }
            }
        }
    }

    /// It is over.
    pub(super) fn end(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}

/// How long the rest may take, if it goes on like this; none: nothing is settled yet, or everything.
fn left(settled: usize, all: usize, elapsed: Duration) -> Option<String> {
    let rest = all.checked_sub(settled).filter(|rest| *rest > 0 && settled > 0)?;
    let seconds = elapsed.as_secs_f64() / settled as f64 * rest as f64;
    let time = chrono::TimeDelta::seconds((seconds.ceil() as i64).max(1));
    Some(match time.num_seconds() {
        seconds if seconds < 120 => format!("about {seconds} s left"),
        _ => format!("about {} left", duration::age(time)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_follows_from_what_was_done() {
        let second = Duration::from_secs(1);
        assert_eq!(left(0, 10, second), None);
        assert_eq!(left(10, 10, second), None);
        assert_eq!(left(100, 500, 10 * second).as_deref(), Some("about 40 s left"));
        assert_eq!(left(10, 500, 10 * second).as_deref(), Some("about 8 min left"));
    }
}
