//! AWS's own clock, from the `Date` header of every answer.

use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_sts::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::BeforeDeserializationInterceptorContextRef;
use chrono::{DateTime, Utc};

tokio::task_local! {
    static DATE: ServerDate;
}

/// When AWS sent an answer, by its own clock.
#[derive(Debug, Clone, Default)]
pub(super) struct ServerDate(Arc<Mutex<Option<DateTime<Utc>>>>);

impl ServerDate {
    /// The date of the last answer, if it had one.
    pub fn read(&self) -> Option<DateTime<Utc>> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, at: DateTime<Utc>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(at);
    }
}

/// Sends a request whose answer's date goes to `date`, if its client has a [`ReadDate`].
pub(super) async fn noted<F: Future>(date: &ServerDate, send: F) -> F::Output {
    DATE.scope(date.clone(), send).await
}

/// Reads the `Date` header of every answer of a client.
#[derive(Debug)]
pub(super) struct ReadDate;

impl Intercept for ReadDate {
    fn name(&self) -> &'static str {
        "ReadDate"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let header = context.response().headers().get("date");
        if let Some(date) = header.and_then(|text| DateTime::parse_from_rfc2822(text).ok()) {
            // Requests that nobody notes, such as those for credentials, have no place for it.
            let _ = DATE.try_with(|noted| noted.note(date.with_timezone(&Utc)));
        }
        Ok(())
    }
}
