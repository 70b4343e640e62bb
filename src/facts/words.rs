//! Texts of facts that several topics make alike.

use crate::dictionary::Text;

/// `a, b`, or `none`.
pub(crate) fn names<'n>(names: impl IntoIterator<Item = &'n str>) -> Text {
    let names: Vec<&str> = names.into_iter().collect();
    if names.is_empty() {
        "none".into()
    } else {
        names.join(", ").into()
    }
}

/// State and message of a failed job.
pub(crate) fn cause(state: &str, message: Option<&str>) -> Text {
    let message = message.unwrap_or_default().trim_matches('"').trim();
    if message.is_empty() {
        state.into()
    } else {
        format!("{state}: {message}").into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_lose_the_quotation_marks_that_aws_puts_inside() {
        assert_eq!(
            &*cause("ABORTED", Some("\"Backup job was stopped by user.\"")),
            "ABORTED: Backup job was stopped by user."
        );
        assert_eq!(&*cause("FAILED", None), "FAILED");
    }
}
