//! Values of the field in TOML: Regions, account ids, days; each checked where it stands.

use chrono::{DateTime, NaiveDate, Utc};

use super::{Located, Section};
use crate::duration;

/// Notes what is no account id.
pub(crate) fn check_account(section: &Section<'_>, id: &Located<String>) -> bool {
    let is_right = id.value.len() == 12 && id.value.bytes().all(|byte| byte.is_ascii_digit());
    if !is_right {
        section.note(
            id.offset,
            format!("`{}` is not an account id", id.value),
            "an account id has 12 digits",
            "write it in quotes, with its leading zeros",
        );
    }
    is_right
}

/// Reads a list of Regions, each once.
pub(crate) fn regions(section: &Section<'_>, key: &'static str) -> Option<Vec<String>> {
    distinct(section, key, |region| region_or(section, region, None, ""))
}

/// Is it a Region, or the word that stands for any? Notes it if it is neither.
pub(crate) fn region_or(section: &Section<'_>, region: &Located<String>, word: Option<&str>, hint: &str) -> bool {
    let why = check_region(&region.value)
        .err()
        .filter(|_| word != Some(region.value.as_str()));
    if let Some(why) = &why {
        section.note(region.offset, format!("`{}` is not a Region", region.value), why, hint);
    }
    why.is_none()
}

/// A list of texts that are each right and not listed twice.
pub(crate) fn distinct(
    section: &Section<'_>,
    key: &'static str,
    is_right: impl Fn(&Located<String>) -> bool,
) -> Option<Vec<String>> {
    let mut items: Vec<String> = Vec::new();
    for item in section.strings(key)? {
        if is_right(&item) && items.contains(&item.value) {
            let what = format!("`{}` is listed twice in `{}`", item.value, section.path_of(key));
            section.note(item.offset, what, "", "delete one of the two");
        }
        items.push(item.value);
    }
    Some(items)
}

/// A duration of whole days.
pub(crate) fn days(section: &Section<'_>, key: &'static str) -> Option<i64> {
    let text = section.string_like(key, "35d")?;
    whole_days(section, &section.path_of(key), &text)
}

pub(crate) fn whole_days(section: &Section<'_>, path: &str, text: &Located<String>) -> Option<i64> {
    match duration::parse_days(&text.value) {
        Ok(days) if days >= 1 => Some(days),
        Ok(_) => {
            section.note(
                text.offset,
                format!("`{path}` must be at least a day"),
                "",
                "write whole days, such as `35d`",
            );
            None
        }
        Err(why) => {
            section.note(
                text.offset,
                format!("`{path}` is not a number of days"),
                why,
                "write it like `35d`",
            );
            None
        }
    }
}

/// The shape of a Region's name: `eu-west-1`, `us-gov-east-1`, `eusc-de-east-1`.
///
/// Errors: the sentence to show.
pub(crate) fn check_region(region: &str) -> Result<(), String> {
    let parts: Vec<&str> = region.split('-').collect();
    let letters = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase());
    let number = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    match parts.split_last() {
        Some((last, rest)) if rest.len() >= 2 && number(last) && rest.iter().all(letters) => Ok(()),
        _ => Err("a Region is written like `eu-west-1`".to_owned()),
    }
}

/// The first instant of a day in UTC.
pub(crate) fn beginning_of(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(chrono::NaiveTime::MIN).and_utc()
}

/// The last millisecond of a day in UTC: frames keep milliseconds, and the day is still that day for people.
pub(crate) fn end_of(day: NaiveDate) -> DateTime<Utc> {
    beginning_of(day) + chrono::TimeDelta::milliseconds(86_399_999)
}
