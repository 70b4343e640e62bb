//! One table of a file, read key by key.

use std::cell::RefCell;
use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::Notes;
use crate::words::{list, nearest};

/// A value and where it stands in the file.
#[derive(Debug, Clone)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// Byte offset in the file.
    pub offset: usize,
}

/// One table of a file, with the keys asked for so far. Whoever has read all that he knows calls [`Section::finish`].
#[derive(Debug)]
pub struct Section<'d> {
    path: String,
    table: &'d DeTable<'d>,
    notes: &'d Notes<'d>,
    known: RefCell<Vec<&'static str>>,
    /// Where it begins, as a byte offset.
    pub offset: usize,
}

impl<'d> Section<'d> {
    /// The document's own table.
    pub(crate) fn root(table: &'d Spanned<DeTable<'d>>, notes: &'d Notes<'d>) -> Self {
        Self::new(String::new(), table.get_ref(), table.span().start, notes)
    }

    fn new(path: String, table: &'d DeTable<'d>, offset: usize, notes: &'d Notes<'d>) -> Self {
        Self {
            path,
            table,
            notes,
            known: RefCell::default(),
            offset,
        }
    }

    fn below(&self, key: &str, table: &'d DeTable<'d>, offset: usize) -> Self {
        Self::new(self.path_of(key), table, offset, self.notes)
    }

    fn take(&self, key: &'static str) -> Option<&'d Spanned<DeValue<'d>>> {
        self.known.borrow_mut().push(key);
        self.table.get(key)
    }

    /// Notes a mistake at a byte offset.
    pub fn note(&self, offset: usize, what: impl Into<String>, why: impl Into<String>, hint: impl Into<String>) {
        self.notes.add(offset, what, why, hint);
    }

    /// Notes a mistake at the value of a key, or where the table begins if the key is not there.
    pub fn note_at(&self, key: &str, what: impl Into<String>, hint: impl Into<String>) {
        self.note(self.place_of(key).unwrap_or(self.offset), what, "", hint);
    }

    /// Notes a key that must be there and is not.
    pub fn missing(&self, key: &str) {
        let what = format!("`{}` is missing", self.path_of(key));
        self.note(self.offset, what, "", format!("add `{key} = …` here"));
    }

    /// Notes every key that nobody asked for.
    pub fn finish(&self) {
        let known = self.known.borrow();
        for key in self.table.keys() {
            let name: &str = key.get_ref();
            if known.contains(&name) {
                continue;
            }
            let hint = match nearest(name, known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("the keys here are {}", list(&known)),
            };
            let what = format!("`{}` is not a setting", self.path_of(name));
            self.note(key.span().start, what, "", hint);
        }
    }

    /// The key with the names of the tables around it, for messages.
    pub fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    /// File and line where the table begins, for messages.
    pub fn origin(&self) -> String {
        format!("{}:{}", self.notes.origin, self.notes.line(self.offset))
    }

    /// Where the value of a key stands, if the key is there: `table.key` for one of a table below. It still has to be read.
    pub fn place_of(&self, key: &str) -> Option<usize> {
        if let Some(value) = self.table.get(key) {
            return Some(value.span().start);
        }
        let (below, key) = key.split_once('.')?;
        match self.table.get(below)?.get_ref() {
            DeValue::Table(below) => below.get(key).map(|value| value.span().start),
            _ => None,
        }
    }

    /// True if a key is there. It still has to be read.
    pub fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// The names and values of this table, for tables whose keys are free.
    pub fn entries(&self) -> impl Iterator<Item = (String, &'d Spanned<DeValue<'d>>)> {
        self.table.iter().map(|(key, value)| (key.get_ref().to_string(), value))
    }

    /// Reads a string.
    pub fn string(&self, key: &'static str) -> Option<Located<String>> {
        let value = self.take(key)?;
        match value.get_ref() {
            DeValue::String(text) => Some(Located {
                value: text.to_string(),
                offset: value.span().start,
            }),
            _ => self.wrong_type(key, TEXT, value),
        }
    }

    /// Reads a string that is written like `example`, such as `24h`.
    pub fn string_like(&self, key: &'static str, example: &str) -> Option<Located<String>> {
        match self.table.get(key) {
            Some(value) if !matches!(value.get_ref(), DeValue::String(_)) => {
                self.known.borrow_mut().push(key);
                self.note_kind(key, TEXT, value, format!("write it like `{key} = \"{example}\"`"))
            }
            _ => self.string(key),
        }
    }

    /// Reads a string of which the place does not matter.
    pub fn text(&self, key: &'static str) -> Option<String> {
        self.string(key).map(|text| text.value)
    }

    /// Reads a string that must be there.
    pub fn needed(&self, key: &'static str) -> Option<String> {
        let text = self.text(key);
        if !self.has(key) {
            self.missing(key);
        }
        text
    }

    /// Reads a whole number.
    pub fn integer(&self, key: &'static str) -> Option<Located<i64>> {
        let value = self.take(key)?;
        let DeValue::Integer(number) = value.get_ref() else {
            return self.wrong_type(key, "a whole number", value);
        };
        match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => Some(Located {
                value: number,
                offset: value.span().start,
            }),
            Err(_) => self.wrong_type(key, "a whole number of at most 64 bits", value),
        }
    }

    /// Reads a number with or without a fraction.
    pub fn number(&self, key: &'static str) -> Option<f64> {
        let value = self.take(key)?;
        let number = match value.get_ref() {
            DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
                .ok()
                .map(|number| number as f64),
            DeValue::Float(number) => number.as_str().parse().ok(),
            _ => None,
        };
        let number = number.filter(|number: &f64| number.is_finite());
        number.or_else(|| self.wrong_type(key, "a number", value))
    }

    /// Reads true or false.
    pub fn boolean(&self, key: &'static str) -> Option<bool> {
        let value = self.take(key)?;
        match value.get_ref() {
            DeValue::Boolean(flag) => Some(*flag),
            _ => self.wrong_type(key, "true or false", value),
        }
    }

    /// Reads a day: a TOML date, or the same in quotes.
    pub fn date(&self, key: &'static str) -> Option<Located<NaiveDate>> {
        let value = self.take(key)?;
        let Some(written) = date_text(value) else {
            return self.wrong_type(key, "a date such as `2027-06-30`", value);
        };
        let offset = value.span().start;
        // Four digits, two, two: chrono alone would take fewer, too.
        let date = NaiveDate::parse_from_str(&written, "%Y-%m-%d").ok();
        let date = date.filter(|date| date.to_string() == written);
        if date.is_none() {
            let what = format!("`{}` is not a date", self.path_of(key));
            let hint = "write year, month and day of a day that exists, like `2027-06-30`";
            self.note(offset, what, format!("it is `{written}`"), hint);
        }
        date.map(|value| Located { value, offset })
    }

    /// Reads an instant: a TOML date-time with its offset, or the same in quotes.
    pub fn instant(&self, key: &'static str) -> Option<DateTime<Utc>> {
        let value = self.take(key)?;
        let Some(written) = date_text(value) else {
            return self.wrong_type(key, "an instant such as `2026-11-01T00:00:00Z`", value);
        };
        let instant = DateTime::parse_from_rfc3339(&written).ok();
        if instant.is_none() {
            let what = format!("`{}` is not an instant", self.path_of(key));
            let hint = "write day, time and offset, like `2026-11-01T00:00:00Z`";
            self.note(value.span().start, what, format!("it is `{written}`"), hint);
        }
        instant.map(|instant| instant.with_timezone(&Utc))
    }

    /// Reads a list of strings.
    pub fn strings(&self, key: &'static str) -> Option<Vec<Located<String>>> {
        let value = self.take(key)?;
        let DeValue::Array(items) = value.get_ref() else {
            return self.wrong_type(key, TEXTS, value);
        };
        let mut strings = Vec::new();
        for item in items.iter() {
            match item.get_ref() {
                DeValue::String(text) => strings.push(Located {
                    value: text.to_string(),
                    offset: item.span().start,
                }),
                _ => {
                    self.wrong_type::<()>(key, TEXTS, item);
                }
            }
        }
        Some(strings)
    }

    /// Reads a table of strings whose keys are free, such as tags.
    pub fn string_map(&self, key: &'static str) -> Option<BTreeMap<String, String>> {
        let value = self.take(key)?;
        let DeValue::Table(table) = value.get_ref() else {
            return self.wrong_type(key, "a table of strings", value);
        };
        let inner = self.below(key, table, value.span().start);
        let mut strings = BTreeMap::new();
        for (name, value) in inner.entries() {
            match value.get_ref() {
                DeValue::String(text) => {
                    strings.insert(name, text.to_string());
                }
                _ => {
                    inner.wrong_type::<()>(&name, TEXT, value);
                }
            }
        }
        Some(strings)
    }

    /// Reads a table of lists of strings.
    pub fn strings_map(&self, key: &'static str) -> Option<BTreeMap<String, Vec<String>>> {
        let value = self.take(key)?;
        let DeValue::Table(table) = value.get_ref() else {
            return self.wrong_type(key, "a table of lists of strings", value);
        };
        let inner = self.below(key, table, value.span().start);
        let mut lists = BTreeMap::new();
        for (name, value) in inner.entries() {
            let texts: Option<Vec<String>> = match value.get_ref() {
                DeValue::Array(values) => values
                    .iter()
                    .map(|value| value.get_ref().as_str().map(str::to_owned))
                    .collect(),
                _ => None,
            };
            match texts {
                Some(texts) => {
                    lists.insert(name, texts);
                }
                None => {
                    inner.wrong_type::<()>(&name, "a list of strings", value);
                }
            }
        }
        Some(lists)
    }

    /// Reads a table below this one.
    pub fn section(&self, key: &'static str) -> Option<Section<'d>> {
        let value = self.take(key)?;
        match value.get_ref() {
            DeValue::Table(table) => Some(self.below(key, table, value.span().start)),
            _ => self.wrong_type(key, "a table", value),
        }
    }

    /// Reads a list of tables (`[[key]]`, or a list of inline tables).
    pub fn sections(&self, key: &'static str) -> Vec<Section<'d>> {
        let Some(value) = self.take(key) else {
            return Vec::new();
        };
        let DeValue::Array(items) = value.get_ref() else {
            self.wrong_type::<()>(key, "a list of tables", value);
            return Vec::new();
        };
        let mut sections = Vec::new();
        for item in items.iter() {
            match item.get_ref() {
                DeValue::Table(table) => sections.push(self.below(key, table, item.span().start)),
                _ => {
                    self.wrong_type::<()>(key, "a list of tables", item);
                }
            }
        }
        sections
    }

    /// Reads a table of tables whose keys are free, such as `[settings."111122223333/eu-west-1"]`.
    pub fn named_sections(&self, key: &'static str) -> Vec<(String, Section<'d>)> {
        let Some(all) = self.section(key) else {
            return Vec::new();
        };
        let mut sections = Vec::new();
        for (name, value) in all.entries() {
            match value.get_ref() {
                DeValue::Table(table) => {
                    let section = all.below(&name, table, value.span().start);
                    sections.push((name, section));
                }
                _ => {
                    all.wrong_type::<()>(&name, "a table", value);
                }
            }
        }
        sections
    }

    fn wrong_type<T>(&self, key: &str, wanted: &str, found: &Spanned<DeValue<'_>>) -> Option<T> {
        let hint = hint(wanted, key, &self.path_of(key), found.get_ref());
        self.note_kind(key, wanted, found, hint)
    }

    fn note_kind<T>(&self, key: &str, wanted: &str, found: &Spanned<DeValue<'_>>, hint: String) -> Option<T> {
        let what = format!("`{}` must be {wanted}", self.path_of(key));
        let why = format!("it is {}", kind_of(found.get_ref()));
        self.note(found.span().start, what, why, hint);
        None
    }
}

/// What a string is called.
const TEXT: &str = "a string";

/// What to write instead of a value of another kind; empty if that is plain.
fn hint(wanted: &str, key: &str, path: &str, found: &DeValue<'_>) -> String {
    let text_of = |value: &DeValue<'_>| match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => Some(number.as_str().to_owned()),
        DeValue::Float(number) => Some(number.as_str().to_owned()),
        DeValue::Boolean(flag) => Some(flag.to_string()),
        DeValue::Datetime(written) => Some(written.to_string()),
        DeValue::Array(_) | DeValue::Table(_) => None,
    };
    let text = text_of(found);
    match (wanted, found) {
        (TEXT, DeValue::Array(items)) => match items.iter().next().and_then(|item| text_of(item.get_ref())) {
            Some(first) => format!("write one text, without brackets: `{key} = {first:?}`"),
            None => format!("write one text, without brackets: `{key} = \"…\"`"),
        },
        (TEXT, _) => text.map_or_else(
            || format!("write `{key} = \"…\"`"),
            |text| format!("write it in quotes: `{key} = {text:?}`"),
        ),
        (TEXTS, _) => text.map_or_else(
            || format!("write `{key} = [\"…\"]`"),
            |text| format!("write it as a list: `{key} = [{text:?}]`"),
        ),
        ("true or false", _) => format!("write `{key} = true` or `{key} = false`, without quotes"),
        ("a whole number" | "a number", DeValue::String(text)) if text.trim().parse::<i64>().is_ok() => {
            format!("write it without quotes: `{key} = {}`", text.trim())
        }
        ("a whole number" | "a number", _) => format!("write it like `{key} = 5`"),
        ("a table", _) => format!("write `[{path}]` on a line of its own, and its keys below it"),
        ("a list of tables", _) => format!("write `[[{path}]]` on a line of its own, and its keys below it"),
        _ => String::new(),
    }
}

/// What a list of strings is called.
const TEXTS: &str = "a list of strings";

/// A date as it is written, with quotation marks or without.
fn date_text(value: &Spanned<DeValue<'_>>) -> Option<String> {
    match value.get_ref() {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Datetime(written) => Some(written.to_string()),
        _ => None,
    }
}

fn kind_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
