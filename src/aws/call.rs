//! One call: rate limit, retries with back-off, outcome, and its row in the call log.
//!
//! A call is one question to AWS with all of its pages. It ends in exactly one row of the call log, whatever happens.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_backup::operation::RequestId;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use chrono::{DateTime, Utc};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::date::{self, ServerDate};
use super::failure::{Failure, classify};
use super::limit::Limits;
use crate::domain::TargetId;
use crate::inventory::schema::CallLogEntry;

/// Attempts for one request. At a failure rate of 20 % one request in ten million still fails.
const ATTEMPTS: u32 = 10;

/// The first pause between attempts; each further one may be twice as long, up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Requests under way at once, over all targets.
const CONCURRENT_REQUESTS: usize = 128;

/// The call log of a scan, shared by all targets.
#[derive(Debug)]
pub(crate) struct CallLog {
    rows: Mutex<Vec<CallLogEntry>>,
    attempts: AtomicU64,
    slots: Semaphore,
}

impl Default for CallLog {
    fn default() -> Self {
        Self {
            rows: Mutex::default(),
            attempts: AtomicU64::new(0),
            slots: Semaphore::new(CONCURRENT_REQUESTS),
        }
    }
}

impl CallLog {
    /// Requests sent so far, retries included.
    pub(crate) fn attempts(&self) -> u64 {
        self.attempts.load(Ordering::Relaxed)
    }

    /// The rows so far, in order of target, action and resource.
    pub(crate) fn take(&self) -> Vec<CallLogEntry> {
        let mut rows = std::mem::take(&mut *self.rows.lock().unwrap_or_else(PoisonError::into_inner));
        rows.sort_by(|a, b| {
            (&a.account_id, &a.region, &a.action, &a.resource, a.started_at).cmp(&(
                &b.account_id,
                &b.region,
                &b.action,
                &b.resource,
                b.started_at,
            ))
        });
        rows
    }

    /// Adds a row that no request stands behind, such as a role that could not be assumed.
    pub(crate) fn add(&self, row: CallLogEntry) {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner).push(row);
    }
}

/// Makes the calls of one target.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// The account and Region that are asked.
    pub(crate) target: TargetId,
    limits: Arc<Limits>,
    log: Arc<CallLog>,
}

impl Caller {
    /// A caller for one target, writing to the scan's log.
    pub(crate) fn new(target: TargetId, log: Arc<CallLog>) -> Self {
        Self {
            target,
            limits: Arc::default(),
            log,
        }
    }

    /// Begins a call about `resource` (empty: about the whole target).
    pub(crate) fn begin(&self, action: &'static str, resource: &str) -> Call<'_> {
        Call {
            caller: self,
            row: CallLogEntry {
                account_id: self.target.account_id.clone(),
                region: self.target.region.clone(),
                action: action.to_owned(),
                resource: resource.to_owned(),
                outcome: String::new(),
                error: None,
                page_count: 0,
                attempt_count: 0,
                started_at: Utc::now(),
                answered_at: None,
                duration_ms: 0,
                request_id: None,
            },
            action,
            started: Instant::now(),
        }
    }

    /// A call of a single page.
    ///
    /// Errors: the failure after all attempts; its row is in the log.
    pub(crate) async fn once<T, E, F, Fut>(&self, action: &'static str, resource: &str, send: F) -> Result<T, Failure>
    where
        F: Fn() -> Fut,
        Fut: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        T: RequestId,
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let mut call = self.begin(action, resource);
        let output = call.page(send).await?;
        call.finish();
        Ok(output)
    }
}

/// A call under way. If it is dropped before [`Call::finish`], the log says that it was broken off.
pub(crate) struct Call<'c> {
    caller: &'c Caller,
    row: CallLogEntry,
    action: &'static str,
    started: Instant,
}

impl Call<'_> {
    /// Reads one page, with as many attempts as it takes.
    ///
    /// Errors: the failure of the last attempt.
    pub(crate) async fn page<T, E, F, Fut>(&mut self, send: F) -> Result<T, Failure>
    where
        F: Fn() -> Fut,
        Fut: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        T: RequestId,
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let mut attempt = 0;
        loop {
            attempt += 1;
            self.caller.limits.wait(self.action).await;
            let result = {
                let _slot = self
                    .caller
                    .log
                    .slots
                    .acquire()
                    .await
                    .expect("the semaphore is never closed");
                self.caller.log.attempts.fetch_add(1, Ordering::Relaxed);
                self.row.attempt_count += 1;
                let date = ServerDate::default();
                let result = date::noted(&date, send()).await;
                self.row.answered_at = date.read();
                result
            };
            match result {
                Ok(output) => {
                    self.row.page_count += 1;
                    self.row.request_id = output.request_id().map(str::to_owned);
                    return Ok(output);
                }
                Err(error) => {
                    let failure = classify(&error);
                    if failure.is_throttling() {
                        self.caller.limits.slow_down(self.action);
                    }
                    if !failure.is_retryable || attempt == ATTEMPTS {
                        self.row.outcome = failure.outcome().to_owned();
                        self.row.error = Some(failure.why());
                        self.row.request_id.clone_from(&failure.request_id);
                        return Err(failure);
                    }
                    tokio::time::sleep(pause_after(attempt)).await;
                }
            }
        }
    }

    /// AWS's clock when it sent the last answer.
    pub(crate) fn answered_at(&self) -> Option<DateTime<Utc>> {
        self.row.answered_at
    }

    /// Every page was read.
    pub(crate) fn finish(mut self) {
        "ok".clone_into(&mut self.row.outcome);
    }

    /// The answer came, but cannot be used.
    pub(crate) fn fail(mut self, why: &str) {
        crate::domain::GapKind::Failed
            .as_str()
            .clone_into(&mut self.row.outcome);
        self.row.error = Some(why.to_owned());
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        if self.row.outcome.is_empty() {
            crate::domain::GapKind::Failed
                .as_str()
                .clone_into(&mut self.row.outcome);
            self.row.error = Some("the call was broken off".to_owned());
        }
        self.row.duration_ms = i64::try_from(self.started.elapsed().as_millis()).unwrap_or(i64::MAX);
        self.caller.log.add(self.row.clone());
    }
}

/// The token of the next page. Some services end with an empty token instead of none.
pub(crate) fn next(token: Option<&str>) -> Option<String> {
    token.filter(|token| !token.is_empty()).map(str::to_owned)
}

/// Exponential back-off with full jitter, so that workers that failed together do not come back together.
fn pause_after(attempt: u32) -> Duration {
    let ceiling = FIRST_PAUSE.saturating_mul(1 << attempt.min(16)).min(LONGEST_PAUSE);
    // The clock's low digits are jitter enough; nothing depends on their quality.
    let nanos = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |age| age.subsec_nanos());
    let share = f64::from(nanos.wrapping_mul(2_654_435_761) % 1000) / 1000.0;
    ceiling.mul_f64(0.25 + 0.75 * share)
}
