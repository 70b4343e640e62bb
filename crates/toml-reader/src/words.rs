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
