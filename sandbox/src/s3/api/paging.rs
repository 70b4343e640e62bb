//! How long a page is, and where the next one goes on.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::request::Request;
use crate::s3::refusal::Refusal;

/// A number of the query, between 0 and `most`; absent means `most`.
pub(super) fn limit(request: &Request<'_>, name: &str, most: usize) -> Result<usize, Refusal> {
    match request.query(name).filter(|text| !text.is_empty()) {
        None => Ok(most),
        Some(text) => match text.parse::<i64>() {
            Ok(number) if number >= 0 => Ok(usize::try_from(number).unwrap_or(most).min(most)),
            Ok(_) => Err(Refusal::invalid_argument(
                format!("Argument {name} must be an integer between 0 and 2147483647"),
                name,
                text,
            )),
            Err(_) => Err(Refusal::invalid_argument(
                "Provided max-keys not an integer or within integer range",
                name,
                text,
            )),
        },
    }
}

/// A continuation token: where the last page ended, unreadable on purpose.
pub(super) fn seal_token(last: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("1/{last}"))
}

/// Where a continuation token says that the last page ended.
pub(super) fn open_token(token: &str) -> Result<String, Refusal> {
    let text = URL_SAFE_NO_PAD
        .decode(token)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok());
    text.as_deref()
        .and_then(|text| text.strip_prefix("1/"))
        .map(str::to_owned)
        .ok_or_else(|| {
            Refusal::invalid_argument(
                "The continuation token provided is incorrect",
                "continuation-token",
                token,
            )
        })
}
