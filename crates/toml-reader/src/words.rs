//! Words about names: what may have been meant, and which there are.

/// The known name nearest to what was typed, if it is near enough to be a slip.
pub fn nearest<'n>(typed: &str, known: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    known
        .map(|name| (strsim::damerau_levenshtein(typed, name), name))
        .filter(|(distance, name)| *distance <= 1 + name.len().max(typed.len()) / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// The hint for a name that nobody knows: the nearest one; empty if none is near.
pub fn did_you_mean<'n>(typed: &str, known: impl Iterator<Item = &'n str>) -> String {
    nearest(typed, known).map_or_else(String::new, |near| format!("did you mean `{near}`?"))
}

/// `a`, `b` and `c` in backticks.
pub fn list(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        None => String::from("none"),
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}

/// What may be meant by a line that is no TOML: a text without quotes, or a day that does not exist; empty if nobody can say.
pub(crate) fn syntax_hint(line: &str) -> String {
    let Some((key, value)) = line.split_once('=') else {
        return String::new();
    };
    let (key, value) = (key.trim(), value.split('#').next().unwrap_or("").trim());
    let begins_with = |of: fn(&char) -> bool| value.chars().next().is_some_and(|first| of(&first));
    let is_bare = begins_with(char::is_ascii_alphabetic) && !value.contains(['"', '\'']);
    // `35d`, `2027-13-01`: TOML takes both for numbers or dates.
    let is_date = value.len() >= 8
        && value
            .bytes()
            .all(|byte| byte.is_ascii_digit() || b"-./".contains(&byte));
    let is_span = begins_with(char::is_ascii_digit) && value.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if is_date {
        format!("write year, month and day of a day that exists, like `{key} = 2027-06-30`")
    } else if is_bare || is_span {
        format!("text stands in quotes: `{key} = \"{value}\"`")
    } else {
        String::new()
    }
}
