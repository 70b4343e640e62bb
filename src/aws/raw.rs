//! Bodies as they go over the wire: what the SDK does not know, it drops from answers and from requests.

use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_backup::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::AfterDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use serde_json::Value;

/// Keeps the body of the last answer to one request, whole. Clones keep the same one.
#[derive(Debug, Clone, Default)]
pub(crate) struct RawAnswer(Arc<Mutex<Option<Vec<u8>>>>);

impl RawAnswer {
    /// The body as JSON; none without an answer, or if it is none.
    pub(crate) fn json(&self) -> Option<Value> {
        let body = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        serde_json::from_slice(body.as_deref()?).ok()
    }
}

impl Intercept for RawAnswer {
    fn name(&self) -> &'static str {
        "RawAnswer"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context.response().body().bytes().map(<[u8]>::to_vec);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = body;
        Ok(())
    }
}

/// Puts another body into a request that is not signed yet.
pub(crate) fn replace_body(request: &mut HttpRequest, body: &str) {
    *request.body_mut() = SdkBody::from(body);
    request.headers_mut().insert("content-length", body.len().to_string());
}
