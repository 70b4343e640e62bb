//! Reads TOML so that every mistake is found in one run, each with its line and, for mistyped names, a suggestion.
//!
//! Used for `backproof.toml` and for rule files. It never stops at the first mistake.

pub(crate) mod values;

use chrono::NaiveDate;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::problem::Problem;
use crate::text::{list, nearest};

/// Reads a whole document: what `read` makes of it, if it can be parsed at all, and every mistake. Keys that `read` does
/// not ask for are mistakes too.
pub(crate) fn read_document<T>(
    origin: &str,
    text: &str,
    read: impl for<'a, 't> FnOnce(&mut Reader<'a>, &mut Section<'t, 'a>) -> T,
) -> (Option<T>, Vec<Problem>) {
    let mut reader = Reader::new(origin, text);
    let value = reader.parse().map(|document| {
        let mut root = Section::root(&document);
        let value = read(&mut reader, &mut root);
        reader.finish(&root);
        value
    });
    (value, reader.into_problems())
}

/// The mistakes of one file while it is being read.
pub(crate) struct Reader<'a> {
    origin: &'a str,
    text: &'a str,
    problems: Vec<Problem>,
}

impl<'a> Reader<'a> {
    /// Starts on a file; `origin` is its name in messages.
    pub(crate) fn new(origin: &'a str, text: &'a str) -> Self {
        Self {
            origin,
            text,
            problems: Vec::new(),
        }
    }

    /// The parsed document, or `None` with every syntax mistake noted.
    pub fn parse(&mut self) -> Option<Spanned<DeTable<'a>>> {
        let (table, errors) = DeTable::parse_recoverable(self.text);
        if errors.is_empty() {
            return Some(table);
        }
        for error in errors {
            let start = error.span().map_or(0, |span| span.start);
            self.note(
                start,
                format!("could not parse `{}`", self.origin),
                error.message().trim().to_owned(),
                "",
            );
        }
        None
    }

    /// Notes a mistake at a byte offset.
    pub(crate) fn note(
        &mut self,
        offset: usize,
        what: impl Into<String>,
        why: impl Into<String>,
        hint: impl Into<String>,
    ) {
        let location = self.place(offset);
        self.problems
            .push(Problem::usage(what).at(location).why(why).hint(hint));
    }

    /// File and line of a byte offset.
    pub(crate) fn place(&self, offset: usize) -> String {
        format!("{}:{}", self.origin, self.line(offset))
    }

    /// The line of a byte offset, from 1.
    pub(crate) fn line(&self, offset: usize) -> usize {
        let end = offset.min(self.text.len());
        self.text.as_bytes()[..end]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count()
            + 1
    }

    /// Everything that is wrong.
    pub(crate) fn into_problems(self) -> Vec<Problem> {
        self.problems
    }

    /// Is anything wrong so far?
    pub(crate) fn has_problems(&self) -> bool {
        !self.problems.is_empty()
    }

    /// Reads a string.
    pub(crate) fn string(&mut self, section: &mut Section<'_, 'a>, key: &'static str) -> Option<Located<String>> {
        let value = section.take(key)?;
        match value.get_ref() {
            DeValue::String(text) => Some(Located {
                value: text.to_string(),
                offset: value.span().start,
            }),
            other => self.wrong_type(section, key, "a string", other, value.span().start),
        }
    }

    /// Reads a whole number.
    pub(crate) fn integer(&mut self, section: &mut Section<'_, 'a>, key: &'static str) -> Option<Located<i64>> {
        let value = section.take(key)?;
        let offset = value.span().start;
        match value.get_ref() {
            DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
                Ok(number) => Some(Located { value: number, offset }),
                Err(_) => self.wrong_type(
                    section,
                    key,
                    "a whole number of at most 64 bits",
                    value.get_ref(),
                    offset,
                ),
            },
            other => self.wrong_type(section, key, "a whole number", other, offset),
        }
    }

    /// Reads true or false.
    pub(crate) fn boolean(&mut self, section: &mut Section<'_, 'a>, key: &'static str) -> Option<bool> {
        let value = section.take(key)?;
        match value.get_ref() {
            DeValue::Boolean(flag) => Some(*flag),
            other => self.wrong_type(section, key, "true or false", other, value.span().start),
        }
    }

    /// Reads a day: a TOML date, or the same in quotes.
    pub(crate) fn date(&mut self, section: &mut Section<'_, 'a>, key: &'static str) -> Option<Located<NaiveDate>> {
        let value = section.take(key)?;
        let offset = value.span().start;
        let written = match value.get_ref() {
            DeValue::String(text) => text.to_string(),
            DeValue::Datetime(written) => written.to_string(),
            other => return self.wrong_type(section, key, "a date such as `2027-06-30`", other, offset),
        };
        // Four digits, two, two: chrono alone would take fewer, too.
        let date = NaiveDate::parse_from_str(&written, "%Y-%m-%d").ok();
        match date.filter(|date| date.to_string() == written) {
            Some(value) => Some(Located { value, offset }),
            None => {
                let what = format!("`{}` is not a date", section.path_of(key));
                self.note(
                    offset,
                    what,
                    format!("it is `{written}`"),
                    "write a day, like `2027-06-30`",
                );
                None
            }
        }
    }

    /// Reads a list of strings.
    pub(crate) fn strings(&mut self, section: &mut Section<'_, 'a>, key: &'static str) -> Option<Vec<Located<String>>> {
        let value = section.take(key)?;
        let DeValue::Array(items) = value.get_ref() else {
            return self.wrong_type(section, key, "a list of strings", value.get_ref(), value.span().start);
        };
        let mut strings = Vec::new();
        for item in items.iter() {
            match item.get_ref() {
                DeValue::String(text) => {
                    strings.push(Located {
                        value: text.to_string(),
                        offset: item.span().start,
                    });
                }
                other => {
                    self.wrong_type::<()>(section, key, "a list of strings", other, item.span().start);
                }
            }
        }
        Some(strings)
    }

    /// Reads a table below this one.
    pub(crate) fn section<'t>(&mut self, section: &mut Section<'t, 'a>, key: &'static str) -> Option<Section<'t, 'a>> {
        let value = section.take(key)?;
        match value.get_ref() {
            DeValue::Table(table) => Some(Section::new(section.path_of(key), table, value.span().start)),
            other => self.wrong_type(section, key, "a table", other, value.span().start),
        }
    }

    /// Reads a list of tables (`[[key]]`, or a list of inline tables).
    pub(crate) fn sections<'t>(&mut self, section: &mut Section<'t, 'a>, key: &'static str) -> Vec<Section<'t, 'a>> {
        let Some(value) = section.take(key) else {
            return Vec::new();
        };
        let DeValue::Array(items) = value.get_ref() else {
            self.wrong_type::<()>(section, key, "a list of tables", value.get_ref(), value.span().start);
            return Vec::new();
        };
        let mut sections = Vec::new();
        for item in items.iter() {
            match item.get_ref() {
                DeValue::Table(table) => sections.push(Section::new(section.path_of(key), table, item.span().start)),
                other => {
                    self.wrong_type::<()>(section, key, "a list of tables", other, item.span().start);
                }
            }
        }
        sections
    }

    /// Notes a key that must be there and is not.
    pub(crate) fn missing(&mut self, section: &Section<'_, 'a>, key: &str) {
        let what = format!("`{}` is missing", section.path_of(key));
        self.note(section.offset, what, "", format!("add `{key} = …` here"));
    }

    /// Notes every key that nobody asked for.
    pub(crate) fn finish(&mut self, section: &Section<'_, 'a>) {
        for (key, _) in section.table.iter() {
            let name: &str = key.get_ref();
            if section.known.contains(&name) {
                continue;
            }
            let hint = match nearest(name, section.known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("the keys here are {}", list(&section.known)),
            };
            let what = format!("`{}` is not a setting", section.path_of(name));
            self.note(key.span().start, what, "", hint);
        }
    }

    fn wrong_type<T>(
        &mut self,
        section: &Section<'_, 'a>,
        key: &str,
        wanted: &str,
        found: &DeValue<'_>,
        offset: usize,
    ) -> Option<T> {
        let what = format!("`{}` must be {wanted}", section.path_of(key));
        self.note(offset, what, format!("it is {}", kind_of(found)), "");
        None
    }
}

/// One table of a TOML file, with the keys asked for so far.
pub(crate) struct Section<'t, 'a> {
    path: String,
    table: &'t DeTable<'a>,
    known: Vec<&'static str>,
    /// Where it begins.
    pub(crate) offset: usize,
}

impl<'t, 'a> Section<'t, 'a> {
    /// The document's own table.
    pub(crate) fn root(table: &'t Spanned<DeTable<'a>>) -> Self {
        Self::new(String::new(), table.get_ref(), table.span().start)
    }

    fn new(path: String, table: &'t DeTable<'a>, offset: usize) -> Self {
        Self {
            path,
            table,
            known: Vec::new(),
            offset,
        }
    }

    /// The names and values of this table, for tables whose keys are free.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (String, &'t Spanned<DeValue<'a>>)> {
        self.table.iter().map(|(key, value)| (key.get_ref().to_string(), value))
    }

    /// Where the value of a key stands, if the key is there. It still has to be read.
    pub(crate) fn place_of(&self, key: &str) -> Option<usize> {
        let mut entries = self.table.iter();
        entries
            .find(|(name, _)| name.get_ref() == key)
            .map(|(_, value)| value.span().start)
    }

    fn take(&mut self, key: &'static str) -> Option<&'t Spanned<DeValue<'a>>> {
        self.known.push(key);
        self.table
            .iter()
            .find(|(name, _)| name.get_ref() == key)
            .map(|(_, value)| value)
    }

    /// The key with the names of the tables around it, for messages.
    pub(crate) fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }
}

/// A value and where it stands in the file.
#[derive(Debug, Clone)]
pub(crate) struct Located<T> {
    /// The value.
    pub(crate) value: T,
    /// Byte offset in the file.
    pub(crate) offset: usize,
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
