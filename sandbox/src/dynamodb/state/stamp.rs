//! The attribute of an item that tells when it was written.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

/// Name and form of the attribute.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Stamp {
    pub(crate) attribute: String,
    form: Form,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Form {
    /// ISO 8601, a string.
    Iso,
    /// Seconds since 1970, a number.
    Seconds,
    /// Milliseconds since 1970, a number.
    Milliseconds,
}

impl Stamp {
    /// Reads `attribute`, `attribute:seconds` or `attribute:milliseconds`. None: another form.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let (attribute, form) = text.split_once(':').unwrap_or((text, "iso"));
        let form = match form {
            "iso" => Form::Iso,
            "seconds" => Form::Seconds,
            "milliseconds" => Form::Milliseconds,
            _ => return None,
        };
        (!attribute.is_empty()).then(|| Self {
            attribute: attribute.to_owned(),
            form,
        })
    }

    /// The attribute's value for an instant.
    pub(crate) fn value(&self, at: DateTime<Utc>) -> Value {
        match self.form {
            Form::Iso => json!({ "S": at.to_rfc3339_opts(SecondsFormat::Millis, true) }),
            Form::Seconds => json!({ "N": at.timestamp().to_string() }),
            Form::Milliseconds => json!({ "N": at.timestamp_millis().to_string() }),
        }
    }
}
