//! Texts of a policy, which are untrusted, in sentences.

/// Text of a policy in a sentence: in backticks, short, without control characters.
pub(super) fn quote(text: &str) -> String {
    const LONGEST: usize = 80;
    let clean: String = text
        .chars()
        .map(|character| {
            if character.is_control() || character == '`' {
                '\u{fffd}'
            } else {
                character
            }
        })
        .take(LONGEST)
        .collect();
    if text.chars().count() > LONGEST {
        format!("`{clean}…`")
    } else {
        format!("`{clean}`")
    }
}
