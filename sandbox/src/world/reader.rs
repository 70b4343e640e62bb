//! Reads a world file key by key and collects every mistake with its line, instead of stopping at the first one.
//!
//! A [`Section`] is one table of the file. Whoever reads it asks for the keys that he knows; when the section is dropped, every
//! key that nobody asked for is reported as unknown, with the nearest known one. So: ask for all keys before returning early.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// One mistake in a world file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct WorldProblem {
    /// The file's name, as `World::parse` was told.
    pub origin: String,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong, in lower case and without a full stop.
    pub what: String,
    /// What may have been meant.
    pub hint: Option<String>,
}

impl fmt::Display for WorldProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.origin, self.line, self.what)?;
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

/// The mistakes found so far in one text.
#[derive(Debug)]
pub(crate) struct Problems<'a> {
    origin: &'a str,
    text: &'a str,
    found: RefCell<Vec<WorldProblem>>,
}

impl<'a> Problems<'a> {
    pub(crate) fn new(origin: &'a str, text: &'a str) -> Self {
        Self {
            origin,
            text,
            found: RefCell::default(),
        }
    }

    /// Adds a mistake at a line.
    pub(crate) fn add(&self, line: usize, what: impl Into<String>, hint: Option<String>) {
        let problem = WorldProblem {
            origin: self.origin.to_owned(),
            line,
            what: what.into(),
            hint,
        };
        self.found.borrow_mut().push(problem);
    }

    /// The line of a position in the text.
    pub(crate) fn line(&self, position: usize) -> usize {
        1 + self
            .text
            .as_bytes()
            .iter()
            .take(position)
            .filter(|byte| **byte == b'\n')
            .count()
    }

    /// All mistakes, by line.
    pub(crate) fn into_sorted(self) -> Vec<WorldProblem> {
        let mut found = self.found.into_inner();
        found.sort();
        found.dedup();
        found
    }
}

/// One table of the file, being read.
#[derive(Debug)]
pub(crate) struct Section<'a> {
    table: &'a DeTable<'a>,
    /// As the file writes it: `[[table]]`.
    name: String,
    line: usize,
    problems: &'a Problems<'a>,
    asked: RefCell<BTreeSet<&'static str>>,
}

impl<'a> Section<'a> {
    pub(crate) fn new(table: &'a Spanned<DeTable<'a>>, name: &str, problems: &'a Problems<'a>) -> Self {
        let line = problems.line(table.span().start);
        Self::of(table.get_ref(), name, line, problems)
    }

    fn of(table: &'a DeTable<'a>, name: &str, line: usize, problems: &'a Problems<'a>) -> Self {
        Self {
            table,
            name: name.to_owned(),
            line,
            problems,
            asked: RefCell::default(),
        }
    }

    fn get(&self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.asked.borrow_mut().insert(key);
        self.table.get(key)
    }

    /// True if the key is there.
    pub(crate) fn has(&self, key: &'static str) -> bool {
        self.get(key).is_some()
    }

    /// The line of a key; of the section, if the key is absent.
    fn line_of(&self, key: &str) -> usize {
        self.table
            .get_key_value(key)
            .map_or(self.line, |(key, _)| self.problems.line(key.span().start))
    }

    /// Adds a mistake at the line of a key.
    pub(crate) fn problem(&self, key: &str, what: impl Into<String>, hint: Option<String>) {
        self.problems.add(self.line_of(key), what, hint);
    }

    fn wrong_type<T>(&self, key: &str, value: &DeValue<'_>, expected: &str) -> Option<T> {
        let is = match value {
            DeValue::String(_) => "a string",
            DeValue::Integer(number) if number.as_str().starts_with('-') => "negative",
            DeValue::Integer(_) => "a whole number",
            DeValue::Float(_) => "a number with a fraction",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        self.problem(
            key,
            format!("`{key}` in {} is {is}; it has to be {expected}", self.name),
            None,
        );
        None
    }

    /// Says that a key is missing.
    fn missing<T>(&self, key: &str) -> Option<T> {
        self.problems
            .add(self.line, format!("`{key}` is missing in {}", self.name), None);
        None
    }

    /// A string.
    pub(crate) fn text(&self, key: &'static str) -> Option<String> {
        let value = self.get(key)?.get_ref();
        value
            .as_str()
            .map(str::to_owned)
            .or_else(|| self.wrong_type(key, value, "a string"))
    }

    /// A string that has to be there.
    pub(crate) fn needed_text(&self, key: &'static str) -> Option<String> {
        if self.has(key) {
            self.text(key)
        } else {
            self.missing(key)
        }
    }

    /// True or false.
    pub(crate) fn flag(&self, key: &'static str) -> Option<bool> {
        let value = self.get(key)?.get_ref();
        value.as_bool().or_else(|| self.wrong_type(key, value, "true or false"))
    }

    /// A whole number that is not negative.
    pub(crate) fn count(&self, key: &'static str) -> Option<u64> {
        let value = self.get(key)?.get_ref();
        let number = value
            .as_integer()
            .and_then(|number| u64::from_str_radix(number.as_str(), number.radix()).ok());
        number.or_else(|| self.wrong_type(key, value, "a whole number, 0 or more"))
    }

    /// A number of days, or of anything that is counted in `i64`.
    pub(crate) fn days(&self, key: &'static str) -> Option<i64> {
        let count = self.count(key)?;
        let days = i64::try_from(count).ok().filter(|days| *days <= 365_000);
        if days.is_none() {
            self.problem(key, format!("`{key}` in {} is too large", self.name), None);
        }
        days
    }

    /// A number with or without a fraction.
    pub(crate) fn number(&self, key: &'static str) -> Option<f64> {
        let value = self.get(key)?.get_ref();
        let whole = value.as_integer().and_then(|number| number.as_str().parse().ok());
        let number = whole.or_else(|| value.as_float().and_then(|number| number.as_str().parse().ok()));
        number
            .filter(|number: &f64| number.is_finite())
            .or_else(|| self.wrong_type(key, value, "a number"))
    }

    /// An instant: a TOML date-time with its offset, or the same as a string.
    pub(crate) fn instant(&self, key: &'static str) -> Option<DateTime<Utc>> {
        let value = self.get(key)?.get_ref();
        let text = value
            .as_datetime()
            .map(ToString::to_string)
            .or_else(|| value.as_str().map(str::to_owned));
        let instant = text
            .and_then(|text| DateTime::parse_from_rfc3339(&text).ok())
            .map(|at| at.with_timezone(&Utc));
        instant.or_else(|| self.wrong_type(key, value, "an instant such as 2026-11-01T00:00:00Z"))
    }

    /// A length of time such as `30d`, `12h`, `45m` or `10s`.
    pub(crate) fn duration(&self, key: &'static str) -> Option<TimeDelta> {
        let value = self.get(key)?.get_ref();
        value
            .as_str()
            .and_then(read_duration)
            .or_else(|| self.wrong_type(key, value, "a time such as \"30d\", \"12h\" or \"45m\""))
    }

    /// One of several words.
    pub(crate) fn choice<T: Copy>(&self, key: &'static str, words: &[(&str, T)]) -> Option<T> {
        let text = self.text(key)?;
        let chosen = words
            .iter()
            .find(|(word, _)| *word == text)
            .map(|(_, meaning)| *meaning);
        if chosen.is_none() {
            let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            let what = format!(
                "`{key}` in {} is `{text}`; it has to be one of: {}",
                self.name,
                known.join(", ")
            );
            self.problem(key, what, nearest(&text, known.iter().copied()));
        }
        chosen
    }

    /// A list of strings.
    pub(crate) fn texts(&self, key: &'static str) -> Option<Vec<String>> {
        let value = self.get(key)?.get_ref();
        let items = value.as_array().and_then(|items| {
            items
                .iter()
                .map(|item| item.get_ref().as_str().map(str::to_owned))
                .collect::<Option<Vec<String>>>()
        });
        items.or_else(|| self.wrong_type(key, value, "a list of strings"))
    }

    /// A table of strings, such as tags.
    pub(crate) fn map(&self, key: &'static str) -> Option<BTreeMap<String, String>> {
        let value = self.get(key)?.get_ref();
        let Some(table) = value.as_table() else {
            return self.wrong_type(key, value, "a table of strings");
        };
        let mut entries = BTreeMap::new();
        for (name, value) in table {
            let text: &str = name.get_ref().as_ref();
            match value.get_ref().as_str() {
                Some(value) => {
                    entries.insert(text.to_owned(), value.to_owned());
                }
                None => {
                    let what = format!("`{text}` of `{key}` in {} has to be a string", self.name);
                    self.problems.add(self.problems.line(name.span().start), what, None);
                }
            }
        }
        Some(entries)
    }

    /// A table inside this one.
    pub(crate) fn section(&self, key: &'static str) -> Option<Section<'a>> {
        let value = self.get(key)?;
        let name = self.below(key);
        match value.get_ref() {
            DeValue::Table(table) => Some(Self::of(
                table,
                &name,
                self.problems.line(value.span().start),
                self.problems,
            )),
            other => self.wrong_type(key, other, "a table"),
        }
    }

    /// The tables of an array of tables; empty if it is absent.
    pub(crate) fn sections(&self, key: &'static str) -> Vec<Section<'a>> {
        let Some(value) = self.get(key) else {
            return Vec::new();
        };
        let name = format!("[{}]", self.below(key));
        let tables = value.get_ref().as_array().and_then(|items| {
            items
                .iter()
                .map(|item| {
                    let table = item.get_ref().as_table()?;
                    Some(Self::of(
                        table,
                        &name,
                        self.problems.line(item.span().start),
                        self.problems,
                    ))
                })
                .collect::<Option<Vec<_>>>()
        });
        tables
            .or_else(|| self.wrong_type(key, value.get_ref(), &format!("written as {name}")))
            .unwrap_or_default()
    }

    /// The tables of a table whose keys are free, such as `[settings."111122223333/eu-west-1"]`.
    pub(crate) fn named_sections(&self, key: &'static str) -> Vec<(String, Section<'a>)> {
        let Some(value) = self.get(key) else {
            return Vec::new();
        };
        let Some(table) = value.get_ref().as_table() else {
            return self
                .wrong_type(key, value.get_ref(), "a table of tables")
                .unwrap_or_default();
        };
        let mut sections = Vec::new();
        for (free, value) in table {
            let line = self.problems.line(free.span().start);
            let free: &str = free.get_ref().as_ref();
            match value.get_ref().as_table() {
                Some(inner) => {
                    let name = self.below(&format!("{key}.\"{free}\""));
                    sections.push((free.to_owned(), Self::of(inner, &name, line, self.problems)));
                }
                None => self
                    .problems
                    .add(line, format!("`{free}` in [{key}] has to be a table"), None),
            }
        }
        sections
    }

    /// The name of a section inside this one.
    fn below(&self, key: &str) -> String {
        match self.name.trim_matches(['[', ']']) {
            TOP => format!("[{key}]"),
            outer => format!("[{outer}.{key}]"),
        }
    }
}

/// The name of the file's own table.
pub(crate) const TOP: &str = "the world file";

impl Drop for Section<'_> {
    fn drop(&mut self) {
        let asked = self.asked.borrow();
        for key in self.table.keys() {
            let name: &str = key.get_ref().as_ref();
            if !asked.contains(name) {
                let line = self.problems.line(key.span().start);
                let hint = nearest(name, asked.iter().copied());
                self.problems
                    .add(line, format!("unknown key `{name}` in {}", self.name), hint);
            }
        }
    }
}

/// Reads `30d`, `12h`, `45m` or `10s`.
fn read_duration(text: &str) -> Option<TimeDelta> {
    let unit = text.chars().last()?;
    let count: i64 = text[..text.len() - unit.len_utf8()]
        .parse()
        .ok()
        .filter(|count| (0..=365_000).contains(count))?;
    match unit {
        'd' => Some(TimeDelta::days(count)),
        'h' => Some(TimeDelta::hours(count)),
        'm' => Some(TimeDelta::minutes(count)),
        's' => Some(TimeDelta::seconds(count)),
        _ => None,
    }
}

/// "did you mean", if a known word is near.
pub(crate) fn nearest<'w>(word: &str, known: impl Iterator<Item = &'w str>) -> Option<String> {
    let limit = (word.chars().count() / 3).clamp(1, 3);
    let near = known
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit);
    near.min().map(|(_, candidate)| format!("did you mean `{candidate}`?"))
}

/// How many characters have to be put in, taken out, changed or swapped with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![(0..=b.len()).collect::<Vec<usize>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let changed = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = changed.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
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

    #[test]
    fn near_names_are_found_and_far_ones_are_not() {
        let known = ["latency-ms", "throttle-rate", "quota"];
        let hint = |word| nearest(word, known.into_iter());
        assert_eq!(hint("latncy-ms").as_deref(), Some("did you mean `latency-ms`?"));
        assert_eq!(hint("throtlte-rate").as_deref(), Some("did you mean `throttle-rate`?"));
        assert_eq!(hint("qouta").as_deref(), Some("did you mean `quota`?"));
        assert_eq!(hint("speed"), None);
    }
}
