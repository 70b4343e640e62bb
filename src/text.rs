//! Text from AWS is untrusted: tags, names and messages may hold anything. This makes it safe for one kind of output.

pub(crate) use backproof_toml_reader::{list, nearest};

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// For one line of a terminal: no control characters, no line breaks, nothing that turns the reading direction.
pub(crate) fn one_line(text: &str) -> String {
    text.chars()
        .map(|character| match character {
            '\n' | '\r' | '\t' => ' ',
            other if other.is_control() || turns_direction(other) => '\u{fffd}',
            other => other,
        })
        .collect()
}

/// For a cell of CSV: control characters but line breaks and tabs are replaced, and a text that a spreadsheet would take
/// for a formula begins with an apostrophe.
pub(crate) fn csv_cell(text: &str) -> String {
    let clean: String = text
        .chars()
        .map(|character| match character {
            '\n' | '\r' | '\t' => character,
            other if other.is_control() => '\u{fffd}',
            other => other,
        })
        .collect();
    if begins_formula(&clean) {
        format!("'{clean}")
    } else {
        clean
    }
}

/// What begins markup inside a line of Markdown. What begins it only at the start of a line needs no care: nothing
/// untrusted starts one.
const MARKUP: &str = "\\`*_{}[]<>()#!|~&$@";

/// For Markdown: one line in which nothing is markup. Code hosts look for mentions, references and addresses after escapes
/// are gone, so a space of no width breaks what begins one.
pub(crate) fn markdown(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 8);
    for character in one_line(text).chars() {
        if MARKUP.contains(character) {
            escaped.push('\\');
        }
        escaped.push(character);
        if matches!(character, '@' | '#') {
            escaped.push('\u{200b}');
        }
    }
    escaped.replace("www.", "www\u{200b}.").replace("://", ":\u{200b}//")
}

/// At most `most` characters on one line; what is cut ends with an ellipsis.
pub(crate) fn cut(text: &str, most: usize) -> String {
    let line = one_line(text);
    if line.chars().count() <= most {
        return line;
    }
    let mut kept: String = line.chars().take(most.saturating_sub(1)).collect();
    kept.push('…');
    kept
}

/// Spreadsheets take these for the start of a formula, also in full width, after white space or a line break.
fn begins_formula(text: &str) -> bool {
    if text.starts_with(['\t', '\r', '\n']) {
        return true;
    }
    let first = text.trim_start_matches(|character: char| character.is_whitespace() || character == '\u{feff}');
    first.starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠'])
}

/// Does the text match a pattern in which `*` stands for any run of characters? Case matters.
pub(crate) fn glob(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else {
        return false;
    };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else {
        return rest.is_empty();
    };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

fn turns_direction(character: char) -> bool {
    matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{061c}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminals_get_one_harmless_line() {
        assert_eq!(one_line("a\u{1b}[31mb\nc\u{202e}d"), "a\u{fffd}[31mb c\u{fffd}d");
        assert_eq!(one_line("ledger-😀"), "ledger-😀");
    }

    #[test]
    fn what_is_cut_says_so() {
        for (text, most, expected) in [
            ("abc", 3, "abc"),
            ("abcd", 3, "ab…"),
            ("ä\nö", 9, "ä ö"),
            ("abc", 0, "…"),
        ] {
            assert_eq!(cut(text, most), expected);
        }
    }

    #[test]
    fn stars_stand_for_any_run() {
        for (pattern, text, matches) in [
            ("*", "", true),
            ("a", "a", true),
            ("a", "ab", false),
            ("a*", "ab", true),
            ("*b", "ab", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*bc", "abbc", true),
            ("ab*b", "ab", false),
            ("**", "x", true),
        ] {
            assert_eq!(glob(pattern, text), matches, "{pattern} {text}");
        }
    }

    #[test]
    fn nothing_is_markup() {
        assert_eq!(markdown("a|b\n`c` <b> @d"), "a\\|b \\`c\\` \\<b\\> \\@\u{200b}d");
        assert_eq!(markdown("http://e-f"), "http:\u{200b}//e-f");
    }

    #[test]
    fn cells_are_no_formulas() {
        for text in ["=cmd()", "+1", "-1", "@x", "\t=1", " =1", "＝1", "\r\n=1", "\u{feff}=1"] {
            assert!(csv_cell(text).starts_with('\''), "{text:?}");
        }
        assert_eq!(csv_cell("a=b"), "a=b");
        assert_eq!(csv_cell("a\u{0}b"), "a\u{fffd}b");
    }
}
