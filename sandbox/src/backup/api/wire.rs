//! JSON bodies as AWS Backup writes them: every member present, unset ones as explicit `null`, times as epoch seconds.
//!
//! In: names and values. Out: bytes. Written straight into a buffer, because a page holds up to 1,000 recovery points, and
//! because some answers show times in exponent form (`1.578560834253E9`), which no ordinary serialiser produces.

use std::fmt::{Display, Write as _};

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::call::Reply;

/// How an answer writes its times; both forms occur on the real wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Times {
    /// `1516925490.087`.
    Plain,
    /// `1.516925490087E9`.
    Exponent,
}

/// The members of one JSON object that is being written.
pub(super) struct Members<'a> {
    out: &'a mut String,
    first: bool,
    times: Times,
}

/// Writes one JSON object.
fn object(times: Times, build: impl FnOnce(&mut Members<'_>)) -> String {
    let mut out = String::with_capacity(256);
    write_object(&mut out, times, build);
    out
}

fn write_object(out: &mut String, times: Times, build: impl FnOnce(&mut Members<'_>)) {
    out.push('{');
    build(&mut Members {
        out,
        first: true,
        times,
    });
    out.push('}');
}

impl Members<'_> {
    fn name(&mut self, name: &str) {
        if !self.first {
            self.out.push(',');
        }
        self.first = false;
        self.out.push('"');
        self.out.push_str(name);
        self.out.push_str("\":");
    }

    /// A string.
    pub(super) fn text(&mut self, name: &str, value: &str) {
        self.name(name);
        quote(self.out, value);
    }

    /// A string, or null.
    pub(super) fn maybe_text(&mut self, name: &str, value: Option<&str>) {
        match value {
            Some(value) => self.text(name, value),
            None => self.null(name),
        }
    }

    /// A string of safe characters, such as an id or an ARN, without building it first.
    pub(super) fn shown(&mut self, name: &str, value: impl Display) {
        self.name(name);
        // Writing to a string cannot fail.
        let _ = write!(self.out, "\"{value}\"");
    }

    /// An explicit null.
    pub(super) fn null(&mut self, name: &str) {
        self.name(name);
        self.out.push_str("null");
    }

    /// Explicit nulls.
    pub(super) fn nulls(&mut self, names: &[&str]) {
        for name in names {
            self.null(name);
        }
    }

    /// A whole number.
    pub(super) fn int(&mut self, name: &str, value: impl Into<i128>) {
        self.name(name);
        let _ = write!(self.out, "{}", value.into());
    }

    /// A whole number, or null.
    pub(super) fn maybe_int(&mut self, name: &str, value: Option<impl Into<i128>>) {
        match value {
            Some(value) => self.int(name, value),
            None => self.null(name),
        }
    }

    /// A truth value.
    pub(super) fn flag(&mut self, name: &str, value: bool) {
        self.name(name);
        self.out.push_str(if value { "true" } else { "false" });
    }

    /// An instant as epoch seconds with milliseconds.
    pub(super) fn time(&mut self, name: &str, value: DateTime<Utc>) {
        self.name(name);
        epoch(self.out, self.times, value.timestamp_millis());
    }

    /// An instant, or null.
    pub(super) fn maybe_time(&mut self, name: &str, value: Option<DateTime<Utc>>) {
        match value {
            Some(value) => self.time(name, value),
            None => self.null(name),
        }
    }

    /// Any JSON value.
    pub(super) fn value(&mut self, name: &str, value: &Value) {
        self.name(name);
        let _ = write!(self.out, "{value}");
    }

    /// A nested object.
    pub(super) fn object(&mut self, name: &str, build: impl FnOnce(&mut Members<'_>)) {
        self.name(name);
        write_object(self.out, self.times, build);
    }

    /// A map of strings.
    pub(super) fn map<'m>(&mut self, name: &str, entries: impl IntoIterator<Item = (&'m String, &'m String)>) {
        self.name(name);
        self.out.push('{');
        for (at, (key, value)) in entries.into_iter().enumerate() {
            if at > 0 {
                self.out.push(',');
            }
            quote(self.out, key);
            self.out.push(':');
            quote(self.out, value);
        }
        self.out.push('}');
    }

    /// A list of objects.
    pub(super) fn list<T>(
        &mut self,
        name: &str,
        items: impl IntoIterator<Item = T>,
        write: impl Fn(&mut Members<'_>, T),
    ) {
        self.name(name);
        self.out.push('[');
        for (at, item) in items.into_iter().enumerate() {
            if at > 0 {
                self.out.push(',');
            }
            write_object(self.out, self.times, |members| write(members, item));
        }
        self.out.push(']');
    }
}

fn quote(out: &mut String, text: &str) {
    out.push('"');
    if text.bytes().all(|b| b >= 0x20 && b != b'"' && b != b'\\') {
        out.push_str(text);
        out.push('"');
        return;
    }
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if u32::from(c) < 0x20 => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

fn epoch(out: &mut String, times: Times, millis: i64) {
    let digits = millis.unsigned_abs().to_string();
    // Java, which writes the real answers, uses the exponent form from ten million on.
    if times == Times::Exponent && millis >= 10_000_000_000 {
        let fraction = digits[1..].trim_end_matches('0');
        let fraction = if fraction.is_empty() { "0" } else { fraction };
        let _ = write!(out, "{}.{fraction}E{}", &digits[..1], digits.len() - 4);
    } else {
        let sign = if millis < 0 { "-" } else { "" };
        let (seconds, rest) = (millis.unsigned_abs() / 1000, millis.unsigned_abs() % 1000);
        let _ = write!(out, "{sign}{seconds}.{rest:03}");
    }
}

/// An answer.
pub(super) fn reply(times: Times, build: impl FnOnce(&mut Members<'_>)) -> Reply {
    with_status(200, times, build)
}

/// An answer with a status of its own.
pub(super) fn with_status(status: u16, times: Times, build: impl FnOnce(&mut Members<'_>)) -> Reply {
    Reply::with_type(status, "application/json", object(times, build))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(times: Times, millis: i64) -> String {
        let mut out = String::new();
        epoch(&mut out, times, millis);
        out
    }

    #[test]
    fn times_in_both_forms() {
        assert_eq!(written(Times::Exponent, 1_578_560_834_253), "1.578560834253E9");
        assert_eq!(written(Times::Exponent, 1_600_000_000_000), "1.6E9");
        assert_eq!(written(Times::Exponent, 1_000_000_000_000), "1.0E9");
        assert_eq!(written(Times::Exponent, 5_000), "5.000");
        assert_eq!(written(Times::Plain, 1_516_925_490_087), "1516925490.087");
        assert_eq!(written(Times::Plain, -1_500), "-1.500");
    }

    #[test]
    fn an_object_is_valid_json() {
        let text = object(Times::Exponent, |m| {
            m.text("odd", "a\"b\\c\nd\u{1}\u{202e}é🎵");
            m.nulls(&["nothing", "more"]);
            m.int("size", 42u64);
            m.maybe_int("none", None::<i64>);
            m.flag("yes", true);
            m.time("at", DateTime::from_timestamp_millis(1_578_560_834_253).unwrap());
            m.map("tags", [(&"k".to_owned(), &"v".to_owned())]);
            m.list("items", [1i64, 2], |m, n| m.int("n", n));
            m.object("inner", |_| {});
            m.shown("id", 7);
        });
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["odd"], "a\"b\\c\nd\u{1}\u{202e}é🎵");
        assert_eq!(value["at"].as_f64(), Some(1_578_560_834.253));
        assert_eq!(value["items"][1]["n"], 2);
        assert!(value["nothing"].is_null() && value["inner"].as_object().unwrap().is_empty());
        assert_eq!(value["id"], "7");
    }
}
