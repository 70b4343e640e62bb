//! The fields of a cron expression: lists of values, ranges and steps over a closed range of numbers.

use std::fmt;

/// An expression or a time zone that is not understood: the sentence to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotUnderstood(pub(super) String);

impl fmt::Display for NotUnderstood {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NotUnderstood {}

/// What a field may hold.
pub(super) struct Field {
    /// For messages.
    pub(super) name: &'static str,
    pub(super) least: u16,
    pub(super) most: u16,
    /// Names that stand for numbers, from `least` on.
    pub(super) names: &'static [&'static str],
}

pub(super) const MINUTE: Field = Field {
    name: "minute",
    least: 0,
    most: 59,
    names: &[],
};
pub(super) const HOUR: Field = Field {
    name: "hour",
    least: 0,
    most: 23,
    names: &[],
};
pub(super) const DAY_OF_MONTH: Field = Field {
    name: "day of month",
    least: 1,
    most: 31,
    names: &[],
};
pub(super) const MONTH: Field = Field {
    name: "month",
    least: 1,
    most: 12,
    names: &[
        "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
    ],
};
/// Sunday is 1.
pub(super) const DAY_OF_WEEK: Field = Field {
    name: "day of week",
    least: 1,
    most: 7,
    names: &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"],
};
pub(super) const YEAR: Field = Field {
    name: "year",
    least: 1970,
    most: 2199,
    names: &[],
};

/// The values that a field allows; `any` if it is `*`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Values {
    any: bool,
    values: Vec<u16>,
}

impl Values {
    pub(super) fn any() -> Self {
        Self {
            any: true,
            values: Vec::new(),
        }
    }

    pub(super) fn has(&self, value: u16) -> bool {
        self.any || self.values.binary_search(&value).is_ok()
    }

    /// In order.
    pub(super) fn within(&self, field: &Field) -> Vec<u16> {
        (field.least..=field.most).filter(|value| self.has(*value)).collect()
    }

    /// Adds one entry of a list.
    pub(super) fn add(&mut self, entry: &str, field: &Field) -> Result<(), NotUnderstood> {
        if entry == "*" {
            self.any = true;
            return Ok(());
        }
        self.values.extend(entry_values(entry, field)?);
        self.values.sort_unstable();
        self.values.dedup();
        Ok(())
    }
}

/// A whole field without special signs.
pub(super) fn list(text: &str, field: &Field) -> Result<Values, NotUnderstood> {
    let mut values = Values::default();
    for entry in text.split(',') {
        values.add(entry, field)?;
    }
    Ok(values)
}

/// One value by number or name.
pub(super) fn value(text: &str, field: &Field) -> Result<u16, NotUnderstood> {
    let named = field.names.iter().position(|name| name.eq_ignore_ascii_case(text));
    let number = match named {
        Some(place) => u16::try_from(place).ok().map(|place| place + field.least),
        None if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok(),
        None => None,
    };
    number
        .filter(|number| (field.least..=field.most).contains(number))
        .ok_or_else(|| refuse(text, field))
}

pub(super) fn refuse(text: &str, field: &Field) -> NotUnderstood {
    NotUnderstood(format!("`{text}` is not a {}", field.name))
}

/// `5`, `1-5`, `20-2` (over the end), `0/12`, `*/5`, `1-5/2`.
fn entry_values(entry: &str, field: &Field) -> Result<Vec<u16>, NotUnderstood> {
    let (range, step) = match entry.split_once('/') {
        Some((range, step)) => {
            let step: u16 = step.parse().map_err(|_| refuse(entry, field))?;
            if step == 0 {
                return Err(refuse(entry, field));
            }
            (range, Some(step))
        }
        None => (entry, None),
    };
    let (start, end) = match (range, range.split_once('-'), step) {
        ("*", _, _) => (field.least, field.most),
        (_, Some((start, end)), _) => (value(start, field)?, value(end, field)?),
        // A start with a step goes on to the end of the field.
        (start, None, Some(_)) => (value(start, field)?, field.most),
        (one, None, None) => return Ok(vec![value(one, field)?]),
    };
    let span = field.most - field.least + 1;
    let length = if end >= start { end - start } else { end + span - start };
    let places = (0..=length).step_by(usize::from(step.unwrap_or(1)));
    Ok(places
        .map(|place| field.least + (start - field.least + place) % span)
        .collect())
}
