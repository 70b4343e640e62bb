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
use serde_json::json;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::answer::{self, Answer, Noted};
use super::failure::{Failure, FailureKind, classify};
use super::limit::Limits;
use super::pages::Pages;
use super::patience::Patience;
use crate::domain::{GapKind, TargetId};
use crate::inventory::schema::CallLogEntry;
use crate::problem::count;
use crate::stderr::{self, Detail};

/// Requests under way at once, over all targets.
const CONCURRENT_REQUESTS: usize = 128;

/// The call log of a scan, shared by all targets.
#[derive(Debug)]
pub(crate) struct CallLog {
    rows: Mutex<Vec<CallLogEntry>>,
    attempts: AtomicU64,
    slots: Semaphore,
    /// When it was said last that something is still tried.
    said_at: Mutex<Option<Instant>>,
}

/// So long passes before it is said that a call is still tried, and between two such lines.
const LONG: Duration = Duration::from_secs(10);

impl Default for CallLog {
    fn default() -> Self {
        Self {
            rows: Mutex::default(),
            attempts: AtomicU64::new(0),
            slots: Semaphore::new(CONCURRENT_REQUESTS),
            said_at: Mutex::default(),
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

    /// Says what is still tried and why, for one call in ten seconds at the most.
    fn say_still_trying(&self, row: &CallLogEntry, elapsed: Duration, why: &str) {
        let mut said_at = self.said_at.lock().unwrap_or_else(PoisonError::into_inner);
        if elapsed < LONG || said_at.is_some_and(|at| at.elapsed() < LONG) {
            return;
        }
        *said_at = Some(Instant::now());
        stderr::say(&format!(
            "still trying {} in {}, for {} s by now: {why}",
            row.action,
            row.region,
            elapsed.as_secs()
        ));
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
    patience: Patience,
    limits: Arc<Limits>,
    log: Arc<CallLog>,
    /// How a call ended last that had no usable answer.
    gap: Arc<Mutex<Option<GapKind>>>,
}

impl Caller {
    /// A caller for one target, writing to the scan's log.
    pub(crate) fn new(target: TargetId, patience: Patience, log: Arc<CallLog>) -> Self {
        Self {
            target,
            patience,
            limits: Arc::default(),
            log,
            gap: Arc::default(),
        }
    }

    /// The same, which knows of its own calls only whether they were answered.
    pub(crate) fn watched(&self) -> Self {
        Self {
            gap: Arc::default(),
            ..self.clone()
        }
    }

    /// How a call ended that had no usable answer, the last one; none: all were answered. That something does not exist is an
    /// answer.
    pub(crate) fn gap(&self) -> Option<GapKind> {
        *self.gap.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note_gap(&self, kind: GapKind) {
        *self.gap.lock().unwrap_or_else(PoisonError::into_inner) = Some(kind);
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
            answer: Noted::default(),
            lost: 0,
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
        self.part(action, resource, send, "", Some).await
    }

    /// A call of a single page that has to hold something: `part` takes it, `what` is its name.
    ///
    /// Errors: as [`Caller::once`]; an answer without that part, which looks like one that has nothing to say, and is none.
    pub(crate) async fn part<T, E, F, Fut, P>(
        &self,
        action: &'static str,
        resource: &str,
        send: F,
        what: &str,
        part: impl FnOnce(T) -> Option<P>,
    ) -> Result<P, Failure>
    where
        F: Fn() -> Fut,
        Fut: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        T: RequestId,
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let mut call = self.begin(action, resource);
        let output = call.page(send).await?;
        match part(output) {
            Some(part) => call.finish().map(|()| part),
            None => Err(call.broken(&format!("the answer holds no {what}"))),
        }
    }
}

/// Of one page of a list: the rows, none if the list itself is missing, and the token of the next page.
pub(crate) type Page<'p, R> = (Option<&'p Vec<R>>, Option<&'p str>);

impl Caller {
    /// Reads a whole list: `send` asks for the page of a token, `page` finds its rows and the next token in it, `take`
    /// uses the rows and says how many of them could not be placed, for want of what tells them from others.
    ///
    /// Errors: those of `take`, and the failure of the call; what was taken before it is right, and not all. A page
    /// without the list itself, rows that cannot be placed and a list that does not end are failures, not an end.
    pub(crate) async fn list<T, R, E, Fut, X>(
        &self,
        action: &'static str,
        resource: &str,
        send: impl Fn(Option<String>) -> Fut,
        page: fn(&T) -> Page<'_, R>,
        mut take: impl FnMut(&[R]) -> Result<usize, X>,
    ) -> Result<(), X>
    where
        Fut: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        T: RequestId,
        E: ProvideErrorMetadata + std::error::Error + 'static,
        X: From<Failure>,
    {
        let mut call = self.begin(action, resource);
        let (mut pages, mut token, mut unplaced) = (Pages::default(), None, 0);
        loop {
            let answer = call.page(|| send(token.clone())).await?;
            let (rows, next) = page(&answer);
            // The SDK fills in an empty list where a page must have one.
            let has_list = || call.answer.body.as_ref().is_none_or(|body| body.lists > 0);
            let Some(rows) = rows.filter(|rows| !rows.is_empty() || has_list()) else {
                return Err(call.broken("the answer holds no list").into());
            };
            unplaced += take(rows)?;
            token = match pages.next(next, rows.len()) {
                Ok(token) => token,
                Err(why) => return Err(call.broken(&why).into()),
            };
            if token.is_none() {
                break;
            }
        }
        if unplaced > 0 {
            let rows = count(unplaced, "row");
            return Err(call
                .broken(&format!(
                    "{rows} in the answer without a name, an id, a date that can be or a state that is known"
                ))
                .into());
        }
        call.finish().map_err(X::from)
    }
}

/// A call under way. If it is dropped before [`Call::finish`], the log says that it was broken off.
pub(crate) struct Call<'c> {
    caller: &'c Caller,
    row: CallLogEntry,
    action: &'static str,
    started: Instant,
    /// Of the last page.
    answer: Noted,
    /// Elements of lists that were `null`, and tags and conditions without key or value, in all pages.
    lost: usize,
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
        // The wait for one's turn before the first request is none for AWS.
        let mut first_sent = None;
        let mut attempt = 0;
        loop {
            attempt += 1;
            self.caller.limits.wait(self.action).await;
            let began = *first_sent.get_or_insert_with(Instant::now);
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
                let answer = Answer::default();
                let result = answer::noted(&answer, send()).await;
                self.answer = answer.read();
                self.row.answered_at = self.answer.date;
                result
            };
            let failure = match result {
                Ok(output) => {
                    self.row.request_id = output.request_id().map(str::to_owned);
                    show_request(&self.row, "answered");
                    let Some(failure) = self.unlike_an_answer() else {
                        self.row.page_count += 1;
                        self.lost += self.answer.body.as_ref().map_or(0, |body| body.nulls + body.halves);
                        return Ok(output);
                    };
                    failure
                }
                Err(error) => {
                    let failure = classify(&error);
                    show_request(&self.row, &failure.why());
                    failure
                }
            };
            if failure.is_throttling() {
                self.caller.limits.slow_down(self.action);
            }
            let pause = self
                .caller
                .patience
                .pause(attempt, began.elapsed(), failure.is_throttling());
            let Some(pause) = pause.filter(|_| failure.is_retryable) else {
                if let FailureKind::Gap(kind) = failure.kind {
                    self.caller.note_gap(kind);
                }
                self.row.outcome = failure.outcome().to_owned();
                self.row.error = Some(failure.why());
                self.row.request_id.clone_from(&failure.request_id);
                return Err(Failure {
                    action: self.action,
                    ..failure
                });
            };
            self.caller
                .log
                .say_still_trying(&self.row, began.elapsed(), &failure.why());
            tokio::time::sleep(pause).await;
        }
    }

    /// What is wrong with an answer that came under a status of success.
    fn unlike_an_answer(&self) -> Option<Failure> {
        let request_id = self.row.request_id.clone();
        if self.answer.is_partial {
            return Some(Failure::broken("HTTP status 206: half an answer", request_id));
        }
        if let Some(code) = &self.answer.error {
            return Some(Failure::answered(answer::name_of(code), "", request_id));
        }
        let (code, message) = self.answer.body.as_ref()?.error.as_ref()?;
        Some(Failure::answered(code, message, request_id))
    }

    /// AWS's clock when it sent the last answer.
    pub(crate) fn answered_at(&self) -> Option<DateTime<Utc>> {
        self.row.answered_at
    }

    /// Every page was read.
    ///
    /// Errors: they were not whole: what is `null` in a list, or half a tag, is lost on the way to here.
    pub(crate) fn finish(mut self) -> Result<(), Failure> {
        if self.lost > 0 {
            return Err(self.broken("the answer holds null in a list, or a tag or condition without key or value"));
        }
        "ok".clone_into(&mut self.row.outcome);
        Ok(())
    }

    /// The answer came, but cannot be used.
    pub(crate) fn fail(mut self, why: &str) {
        self.caller.note_gap(GapKind::Failed);
        GapKind::Failed.as_str().clone_into(&mut self.row.outcome);
        self.row.error = Some(why.to_owned());
    }

    /// The same, as a failure.
    pub(crate) fn broken(self, why: &str) -> Failure {
        let failure = Failure {
            action: self.action,
            ..Failure::broken(why, self.row.request_id.clone())
        };
        self.fail(why);
        failure
    }
}

/// Who is asked what, in words.
fn asked(row: &CallLogEntry) -> String {
    // Who the caller is, is not known before the first answer; much is asked of the whole Region.
    let words = [&*row.account_id, &*row.region, &*row.action, &*row.resource];
    let known: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
    known.join(" ")
}

/// Shows a call that has ended, if that was asked for.
fn show(row: &CallLogEntry) {
    if !stderr::shows(Detail::Calls) {
        return;
    }
    let why = row
        .error
        .as_ref()
        .map_or_else(String::new, |error| format!(": {error}"));
    let text = format!(
        "{}: {} in {} ms, {}, {}{why}",
        asked(row),
        row.outcome,
        row.duration_ms,
        count(usize::try_from(row.page_count).unwrap_or(0), "page"),
        count(usize::try_from(row.attempt_count).unwrap_or(0), "request"),
    );
    let fields = [
        ("account_id", json!(row.account_id)),
        ("region", json!(row.region)),
        ("action", json!(row.action)),
        ("resource", json!(row.resource)),
        ("outcome", json!(row.outcome)),
        ("error", json!(row.error)),
        ("page_count", json!(row.page_count)),
        ("request_count", json!(row.attempt_count)),
        ("duration_ms", json!(row.duration_ms)),
        ("request_id", json!(row.request_id)),
    ];
    stderr::detail(&text, &fields);
}

/// Shows one request of a call, if that was asked for: what came of it.
fn show_request(row: &CallLogEntry, came: &str) {
    if !stderr::shows(Detail::Requests) {
        return;
    }
    let text = format!("{}: request {}: {came}", asked(row), row.attempt_count);
    let fields = [
        ("account_id", json!(row.account_id)),
        ("region", json!(row.region)),
        ("action", json!(row.action)),
        ("resource", json!(row.resource)),
        ("request", json!(row.attempt_count)),
        ("came", json!(came)),
        ("request_id", json!(row.request_id)),
    ];
    stderr::detail(&text, &fields);
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        if self.row.outcome.is_empty() {
            GapKind::Failed.as_str().clone_into(&mut self.row.outcome);
            self.row.error = Some("the call was broken off".to_owned());
        }
        self.row.duration_ms = i64::try_from(self.started.elapsed().as_millis()).unwrap_or(i64::MAX);
        show(&self.row);
        self.caller.log.add(self.row.clone());
    }
}
