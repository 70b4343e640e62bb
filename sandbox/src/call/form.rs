//! The parameters of a call of the query protocol.

use super::error::ApiError;
use super::request::{Call, decode_pairs};

/// The parameters of a call: in its body, or in its query if there is no body.
pub(crate) struct Form(Vec<(String, String)>);

impl Form {
    pub(crate) fn of(call: &Call) -> Self {
        let body = std::str::from_utf8(&call.body).unwrap_or_default();
        Self(if body.is_empty() {
            call.query.clone()
        } else {
            decode_pairs(body)
        })
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn needed(&self, name: &str) -> Result<&str, ApiError> {
        self.get(name).ok_or_else(|| {
            let mut member = name.to_owned();
            member[..1].make_ascii_lowercase();
            Self::invalid(format!(
                "1 validation error detected: Value null at '{member}' failed to satisfy constraint: Member must not be null"
            ))
        })
    }

    /// The members of a list of `{Key, Value}`: `Tags.member.1.Key` and so on, in order.
    pub(crate) fn pairs(&self, name: &str) -> Vec<(String, String)> {
        let of = |n: usize, part: &str| self.get(&format!("{name}.member.{n}.{part}")).map(str::to_owned);
        (1..)
            .map_while(|n| Some((of(n, "Key")?, of(n, "Value").unwrap_or_default())))
            .collect()
    }

    /// Every parameter, as it was sent.
    pub(crate) fn all(&self) -> impl Iterator<Item = &(String, String)> {
        self.0.iter()
    }

    /// `ValidationError`.
    pub(crate) fn invalid(message: impl Into<String>) -> ApiError {
        ApiError::new(400, "ValidationError", message)
    }
}
