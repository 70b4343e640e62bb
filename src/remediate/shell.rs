//! Words of a POSIX shell.

use std::borrow::Cow;

/// A word as a POSIX shell takes it whole, whatever stands in it.
pub(crate) fn quoted(text: &str) -> Cow<'_, str> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:=@,+%".contains(&byte);
    if !text.is_empty() && text.bytes().all(is_plain) {
        return text.into();
    }
    format!("'{}'", text.replace('\'', "'\\''")).into()
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_word_is_quoted_where_a_shell_would_read_more_into_it() {
        for (text, expected) in [
            ("plain", "plain"),
            (
                "arn:aws:dynamodb:eu-west-1:111122223333:table/a_b.c-d",
                "arn:aws:dynamodb:eu-west-1:111122223333:table/a_b.c-d",
            ),
            ("", "''"),
            ("a b", "'a b'"),
            ("it's", r"'it'\''s'"),
            ("$(rm -rf /)", "'$(rm -rf /)'"),
            ("a\nb", "'a\nb'"),
            ("*", "'*'"),
            ("~", "'~'"),
        ] {
            assert_eq!(quoted(text), expected);
        }
    }
}
