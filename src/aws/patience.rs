//! How long an answer of AWS is waited for, and how often one is asked for again: one value, from which all else follows.

use std::time::Duration;

use crate::duration;
use crate::problem::Problem;

/// The environment variable that sets it.
const VARIABLE: &str = "BACKPROOF_PATIENCE";

/// The longest one question to AWS may take, with every attempt at it.
///
/// Throttling says that AWS is there and busy, also on account of others: it is waited out for the whole time. A server
/// error, a reset or silence may last for ever: after a fifth of the time the question is a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Patience(Duration);

/// Attempts at a call that fails without being throttled. At a failure rate of 20 % one in ten million still fails.
const ATTEMPTS: u32 = 10;

/// The first pause between attempts; each further one may be twice as long, up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

impl Default for Patience {
    fn default() -> Self {
        Self(Duration::from_secs(300))
    }
}

impl Patience {
    /// The time that `BACKPROOF_PATIENCE` names, as `5m`; five minutes without it.
    ///
    /// Errors: it names none between one second and an hour.
    pub(crate) fn from_env() -> Result<Self, Problem> {
        let Some(text) = std::env::var_os(VARIABLE) else {
            return Ok(Self::default());
        };
        let text = text.to_string_lossy();
        let time = duration::parse(&text).and_then(|time| {
            let time = time.to_std().map_err(|error| error.to_string())?;
            if (Duration::from_secs(1)..=Duration::from_secs(3600)).contains(&time) {
                Ok(Self(time))
            } else {
                Err(format!("`{text}` is not between one second and an hour"))
            }
        });
        time.map_err(|why| {
            Problem::usage("cannot tell how long to wait for AWS")
                .at(VARIABLE)
                .why(why)
                .so("nothing was read from AWS; no report was written")
                .hint("write a time from `1s` to `1h`, or leave it out: the default is `5m`")
        })
    }

    /// For a connection: 5 s of 5 minutes.
    pub(crate) fn connect(self) -> Duration {
        self.0 / 60
    }

    /// For the first byte of an answer: 20 s of 5 minutes.
    pub(crate) fn read(self) -> Duration {
        self.0 / 15
    }

    /// For one attempt, the whole answer included: 30 s of 5 minutes.
    pub(crate) fn attempt(self) -> Duration {
        self.0 / 10
    }

    /// The pause before the attempt after this one, the first being 1, so long after the first began; none when it was
    /// the last.
    pub(crate) fn pause(self, attempt: u32, elapsed: Duration, is_throttled: bool) -> Option<Duration> {
        let (attempts, time) = if is_throttled {
            (u32::MAX, self.0)
        } else {
            (ATTEMPTS, self.0 / 5)
        };
        let longest = LONGEST_PAUSE.min(self.0 / 20);
        let pause = FIRST_PAUSE.saturating_mul(1 << attempt.min(16)).min(longest);
        // Full jitter, so that workers that failed together do not come back together. The clock's low digits are jitter
        // enough; nothing depends on their quality.
        let nanos = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |age| age.subsec_nanos());
        let share = f64::from(nanos.wrapping_mul(2_654_435_761) % 1000) / 1000.0;
        let pause = pause.mul_f64(0.25 + 0.75 * share);
        (attempt < attempts && elapsed + pause < time).then_some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Attempts and time spent on a call whose every attempt takes so long.
    fn spent(patience: Patience, each: Duration, is_throttled: bool) -> (u32, Duration) {
        let (mut attempt, mut elapsed) = (1, each);
        while let Some(pause) = patience.pause(attempt, elapsed, is_throttled) {
            elapsed += pause + each;
            attempt += 1;
        }
        (attempt, elapsed)
    }

    #[test]
    fn throttling_is_waited_out_for_minutes_and_silence_is_not() {
        let patience = Patience::default();
        let second = Duration::from_secs(1);
        let (attempts, elapsed) = spent(patience, second / 20, true);
        assert!(
            attempts > 50 && elapsed > 280 * second && elapsed <= 300 * second,
            "{attempts} {elapsed:?}"
        );
        let (attempts, elapsed) = spent(patience, second / 20, false);
        assert!(attempts == ATTEMPTS && elapsed < 30 * second, "{attempts} {elapsed:?}");
        let (_, elapsed) = spent(patience, patience.attempt(), false);
        assert!(elapsed <= 90 * second, "{elapsed:?}");
    }
}
