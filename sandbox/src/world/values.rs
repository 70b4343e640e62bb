//! Values of world files: counts, days, lengths of time, words out of a list.

use backproof_toml_reader::{Section, did_you_mean, list};
use chrono::TimeDelta;

/// The most days, or of anything else that is counted, that a world needs.
const MOST: i64 = 365_000;

/// A whole number that is not negative.
pub(super) fn count(section: &Section<'_>, key: &'static str) -> Option<u64> {
    let number = section.integer(key)?;
    let count = u64::try_from(number.value).ok();
    if count.is_none() {
        section.note_at(
            key,
            format!("`{}` is negative", section.path_of(key)),
            "write 0 or more",
        );
    }
    count
}

/// A number of days, or of anything that is counted in `i64`.
pub(super) fn days(section: &Section<'_>, key: &'static str) -> Option<i64> {
    let count = count(section, key)?;
    let days = i64::try_from(count).ok().filter(|days| *days <= MOST);
    if days.is_none() {
        section.note_at(
            key,
            format!("`{}` is too large", section.path_of(key)),
            format!("{MOST} is the most"),
        );
    }
    days
}

/// A length of time such as `30d`, `12h`, `45m` or `10s`.
pub(super) fn duration(section: &Section<'_>, key: &'static str) -> Option<TimeDelta> {
    let text = section.string(key)?;
    let duration = read_duration(&text.value);
    if duration.is_none() {
        let what = format!("`{}` is not a length of time", section.path_of(key));
        let hint = "write it like `30d`, `12h` or `45m`";
        section.note(text.offset, what, format!("it is `{}`", text.value), hint);
    }
    duration
}

/// Reads `30d`, `12h`, `45m` or `10s`.
fn read_duration(text: &str) -> Option<TimeDelta> {
    let unit = text.chars().last()?;
    let count: i64 = text[..text.len() - unit.len_utf8()]
        .parse()
        .ok()
        .filter(|count| (0..=MOST).contains(count))?;
    match unit {
        'd' => Some(TimeDelta::days(count)),
        'h' => Some(TimeDelta::hours(count)),
        'm' => Some(TimeDelta::minutes(count)),
        's' => Some(TimeDelta::seconds(count)),
        _ => None,
    }
}

/// One of several words.
pub(super) fn choice<T: Copy>(section: &Section<'_>, key: &'static str, words: &[(&str, T)]) -> Option<T> {
    let text = section.string(key)?;
    let chosen = words.iter().find(|(word, _)| *word == text.value);
    if chosen.is_none() {
        let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let what = format!("`{}` is `{}`", section.path_of(key), text.value);
        let hint = did_you_mean(&text.value, known.iter().copied());
        section.note(text.offset, what, format!("the words are {}", list(&known)), hint);
    }
    chosen.map(|(_, meaning)| *meaning)
}

/// A list of strings of which the places do not matter.
pub(super) fn texts(section: &Section<'_>, key: &'static str) -> Option<Vec<String>> {
    let texts = section.strings(key)?;
    Some(texts.into_iter().map(|text| text.value).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, seconds) in [
            ("30d", 2_592_000),
            ("12h", 43_200),
            ("45m", 2_700),
            ("10s", 10),
            ("0d", 0),
        ] {
            assert_eq!(read_duration(text).map(|d| d.num_seconds()), Some(seconds), "{text}");
        }
        for text in ["", "d", "30", "-1d", "1.5h", "30 d", "9999999d", "5é"] {
            assert_eq!(read_duration(text), None, "{text}");
        }
    }
}
