//! Client-side rates below AWS's published quotas, one bucket per account, Region and API, shared by all workers.
//!
//! Each bucket adapts: a throttled call halves its rate, time brings it back.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Calls per second and the burst allowed after a pause.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rate {
    per_second: f64,
    burst: f64,
}

const fn rate(per_second: f64, burst: f64) -> Rate {
    Rate { per_second, burst }
}

/// The sum of all AWS Backup calls of a target stays below AWS's 50 per second.
const BACKUP_TOTAL: Rate = rate(45.0, 45.0);

/// The rate of one API: below its quota in "AWS Backup endpoints and quotas", the DynamoDB quotas and the
/// Security Hub API Reference.
pub(crate) fn rate_of(action: &str) -> Rate {
    let (service, operation) = action.split_once(':').unwrap_or((action, ""));
    match (service, operation) {
        // 10 per second each.
        ("dynamodb", "DescribeBackup" | "DescribeContinuousBackups" | "ListTagsOfResource") => rate(9.0, 9.0),
        ("dynamodb", _) => rate(1000.0, 200.0),
        ("backup", operation) if operation.starts_with("Get") => rate(12.0, 12.0),
        ("backup", operation) if operation.starts_with("List") || operation.starts_with("Describe") => rate(16.0, 16.0),
        ("backup", _) => rate(4.0, 4.0),
        ("tag", _) => rate(10.0, 10.0),
        ("securityhub", "GetFindings") => rate(2.7, 3.0),
        ("securityhub", _) => rate(9.0, 9.0),
        _ => rate(50.0, 50.0),
    }
}

/// The buckets of one target.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    buckets: Mutex<BTreeMap<String, Bucket>>,
}

#[derive(Debug)]
struct Bucket {
    published: Rate,
    per_second: f64,
    tokens: f64,
    at: Instant,
}

impl Bucket {
    fn new(published: Rate, now: Instant) -> Self {
        Self {
            published,
            per_second: published.per_second,
            tokens: published.burst,
            at: now,
        }
    }

    /// Takes a token, on credit if need be; gives the time until it is really there.
    fn take(&mut self, now: Instant) -> Duration {
        let elapsed = now.saturating_duration_since(self.at).as_secs_f64();
        self.at = now;
        // A tenth of the published rate comes back each second after a cut.
        self.per_second = (self.per_second + elapsed * self.published.per_second / 10.0).min(self.published.per_second);
        self.tokens = (self.tokens + elapsed * self.per_second).min(self.published.burst) - 1.0;
        if self.tokens >= 0.0 {
            Duration::ZERO
        } else {
            Duration::from_secs_f64(-self.tokens / self.per_second)
        }
    }

    fn slow_down(&mut self) {
        self.per_second = (self.per_second / 2.0).max(self.published.per_second / 16.0);
    }
}

impl Limits {
    /// Waits until this call may be sent.
    pub(crate) async fn wait(&self, action: &str) {
        let pause = {
            let now = Instant::now();
            let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
            let own = bucket(&mut buckets, action, rate_of(action), now).take(now);
            if action.starts_with("backup:") {
                own.max(bucket(&mut buckets, "backup:*", BACKUP_TOTAL, now).take(now))
            } else {
                own
            }
        };
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
    }

    /// AWS asked for fewer calls of this API.
    pub(crate) fn slow_down(&self, action: &str) {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bucket) = buckets.get_mut(action) {
            bucket.slow_down();
        }
    }
}

fn bucket<'b>(buckets: &'b mut BTreeMap<String, Bucket>, name: &str, rate: Rate, now: Instant) -> &'b mut Bucket {
    buckets.entry(name.to_owned()).or_insert_with(|| Bucket::new(rate, now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_never_gives_more_than_burst_plus_rate() {
        let start = Instant::now();
        let mut bucket = Bucket::new(rate(10.0, 5.0), start);
        let waits: Vec<Duration> = (0..25).map(|_| bucket.take(start)).collect();
        assert!(waits[..5].iter().all(Duration::is_zero));
        assert_eq!(waits[24].as_secs_f64(), 2.0);
    }

    #[test]
    fn throttling_halves_the_rate_and_time_brings_it_back() {
        let start = Instant::now();
        let mut bucket = Bucket::new(rate(10.0, 1.0), start);
        bucket.slow_down();
        assert_eq!(bucket.per_second, 5.0);
        for _ in 0..10 {
            bucket.slow_down();
        }
        assert_eq!(bucket.per_second, 0.625);
        bucket.take(start + Duration::from_secs(60));
        assert_eq!(bucket.per_second, 10.0);
    }
}
