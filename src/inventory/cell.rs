//! One value of a frame: how it is written to and read from a polars column.

use chrono::{DateTime, Utc};
use polars::prelude::*;

/// The type of a column, for the data dictionary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// UTF-8 text.
    Text,
    /// A whole number of 64 bits.
    Int,
    /// True or false.
    Bool,
    /// An instant in UTC with milliseconds.
    Time,
}

impl Kind {
    /// The word of the data dictionary.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Int => "whole number",
            Self::Bool => "true or false",
            Self::Time => "instant (UTC)",
        }
    }

    /// The polars type.
    pub(crate) fn dtype(self) -> DataType {
        match self {
            Self::Text => DataType::String,
            Self::Int => DataType::Int64,
            Self::Bool => DataType::Boolean,
            Self::Time => DataType::Datetime(TimeUnit::Milliseconds, None),
        }
    }
}

/// A value that a frame can hold.
pub trait Cell: Sized {
    /// The column's type.
    const KIND: Kind;
    /// May it be null?
    const NULLABLE: bool;

    /// Builds a column.
    fn column<'a>(name: &str, values: impl Iterator<Item = &'a Self>) -> Column
    where
        Self: 'a;

    /// Reads a column.
    ///
    /// Errors: another type than expected, or a null in a column that has none.
    fn read(column: &Column) -> PolarsResult<Vec<Self>>;

    /// The same value, borrowed from a column.
    type Ref<'c>: Copy;

    /// The values of a column without copying a text; of a column that was left out, nulls.
    ///
    /// Errors: as [`Cell::read`]; a column without nulls that was left out.
    fn iter(column: Option<&Column>) -> PolarsResult<impl Iterator<Item = Self::Ref<'_>>>;
}

fn forbid_nulls(column: &Column) -> PolarsResult<()> {
    if column.null_count() > 0 {
        polars_bail!(ComputeError: "column `{}` holds nulls", column.name());
    }
    Ok(())
}

fn needed(column: Option<&Column>) -> PolarsResult<&Column> {
    let Some(column) = column else {
        polars_bail!(ComputeError: "a column that has no nulls is missing");
    };
    forbid_nulls(column)?;
    Ok(column)
}

/// The values, or nulls without end: rows are counted by their frame.
fn optional<T, I: Iterator<Item = Option<T>>>(mut values: Option<I>) -> impl Iterator<Item = Option<T>> {
    std::iter::from_fn(move || match &mut values {
        Some(values) => values.next(),
        None => Some(None),
    })
}

impl Cell for Option<String> {
    const KIND: Kind = Kind::Text;
    const NULLABLE: bool = true;

    fn column<'a>(name: &str, values: impl Iterator<Item = &'a Self>) -> Column {
        let values: Vec<Option<&str>> = values.map(Option::as_deref).collect();
        Column::new(name.into(), values)
    }

    fn read(column: &Column) -> PolarsResult<Vec<Self>> {
        Ok(column.str()?.iter().map(|text| text.map(str::to_owned)).collect())
    }

    type Ref<'c> = Option<&'c str>;

    fn iter(column: Option<&Column>) -> PolarsResult<impl Iterator<Item = Self::Ref<'_>>> {
        Ok(optional(
            column.map(Column::str).transpose()?.map(|values| values.iter()),
        ))
    }
}

impl Cell for String {
    const KIND: Kind = Kind::Text;
    const NULLABLE: bool = false;

    fn column<'a>(name: &str, values: impl Iterator<Item = &'a Self>) -> Column {
        let values: Vec<&str> = values.map(String::as_str).collect();
        Column::new(name.into(), values)
    }

    fn read(column: &Column) -> PolarsResult<Vec<Self>> {
        forbid_nulls(column)?;
        Ok(column
            .str()?
            .iter()
            .map(|text| text.unwrap_or_default().to_owned())
            .collect())
    }

    type Ref<'c> = &'c str;

    fn iter(column: Option<&Column>) -> PolarsResult<impl Iterator<Item = Self::Ref<'_>>> {
        let column = needed(column)?;
        Ok(column.str()?.iter().map(Option::unwrap_or_default))
    }
}

impl Cell for Option<i64> {
    const KIND: Kind = Kind::Int;
    const NULLABLE: bool = true;

    fn column<'a>(name: &str, values: impl Iterator<Item = &'a Self>) -> Column {
        Column::new(name.into(), values.copied().collect::<Vec<_>>())
    }

    fn read(column: &Column) -> PolarsResult<Vec<Self>> {
        Ok(column.i64()?.iter().collect())
    }

    type Ref<'c> = Option<i64>;

    fn iter(column: Option<&Column>) -> PolarsResult<impl Iterator<Item = Self::Ref<'_>>> {
        Ok(optional(
            column.map(Column::i64).transpose()?.map(|values| values.iter()),
        ))
    }
}

impl Cell for i64 {
    const KIND: Kind = Kind::Int;
    const NULLABLE: bool = false;

    fn column<'a>(name: &str, values: impl Iterator<Item = &'a Self>) -> Column {
        Column::new(name.into(), values.copied().collect::<Vec<_>>())
    }

    fn read(column: &Column) -> PolarsResult<Vec<Self>> {
        forbid_nulls(column)?;
        Ok(column.i64()?.iter().map(Option::unwrap_or_default).collect())
    }

    type Ref<'c> = i64;

    fn iter(column: Option<&Column>) -> PolarsResult<impl Iterator<Item = Self::Ref<'_>>> {
        let column = needed(column)?;
        Ok(column.i64()?.iter().map(Option::unwrap_or_default))
    }
}

impl Cell for Option<bool> {
    const KIND: Kind = Kind::Bool;
    const NULLABLE: bool = true;

    fn column<'a>(name: &str, values: impl Iterator<Item = &'a Self>) -> Column {
        Column::new(name.into(), values.copied().collect::<Vec<_>>())
    }

    fn read(column: &Column) -> PolarsResult<Vec<Self>> {
        Ok(column.bool()?.iter().collect())
    }

    type Ref<'c> = Option<bool>;

    fn iter(column: Option<&Column>) -> PolarsResult<impl Iterator<Item = Self::Ref<'_>>> {
        Ok(optional(
            column.map(Column::bool).transpose()?.map(|values| values.iter()),
        ))
    }
}

impl Cell for bool {
    const KIND: Kind = Kind::Bool;
    const NULLABLE: bool = false;

    fn column<'a>(name: &str, values: impl Iterator<Item = &'a Self>) -> Column {
        Column::new(name.into(), values.copied().collect::<Vec<_>>())
    }

    fn read(column: &Column) -> PolarsResult<Vec<Self>> {
        forbid_nulls(column)?;
        Ok(column.bool()?.iter().map(Option::unwrap_or_default).collect())
    }

    type Ref<'c> = bool;

    fn iter(column: Option<&Column>) -> PolarsResult<impl Iterator<Item = Self::Ref<'_>>> {
        let column = needed(column)?;
        Ok(column.bool()?.iter().map(Option::unwrap_or_default))
    }
}

impl Cell for Option<DateTime<Utc>> {
    const KIND: Kind = Kind::Time;
    const NULLABLE: bool = true;

    fn column<'a>(name: &str, values: impl Iterator<Item = &'a Self>) -> Column {
        let millis: Vec<Option<i64>> = values.map(|at| at.map(|at| at.timestamp_millis())).collect();
        let column = Int64Chunked::from_slice_options(name.into(), &millis);
        column.into_datetime(TimeUnit::Milliseconds, None).into_series().into()
    }

    fn read(column: &Column) -> PolarsResult<Vec<Self>> {
        let millis = column.datetime()?.physical();
        Ok(millis
            .iter()
            .map(|millis| millis.and_then(DateTime::from_timestamp_millis))
            .collect())
    }

    type Ref<'c> = Option<DateTime<Utc>>;

    fn iter(column: Option<&Column>) -> PolarsResult<impl Iterator<Item = Self::Ref<'_>>> {
        let millis = column
            .map(Column::datetime)
            .transpose()?
            .map(|values| values.physical().iter());
        Ok(optional(millis).map(|millis| millis.and_then(DateTime::from_timestamp_millis)))
    }
}

impl Cell for DateTime<Utc> {
    const KIND: Kind = Kind::Time;
    const NULLABLE: bool = false;

    fn column<'a>(name: &str, values: impl Iterator<Item = &'a Self>) -> Column {
        let optional: Vec<Option<Self>> = values.map(|at| Some(*at)).collect();
        <Option<Self> as Cell>::column(name, optional.iter())
    }

    fn read(column: &Column) -> PolarsResult<Vec<Self>> {
        forbid_nulls(column)?;
        Ok(<Option<Self> as Cell>::read(column)?.into_iter().flatten().collect())
    }

    type Ref<'c> = DateTime<Utc>;

    fn iter(column: Option<&Column>) -> PolarsResult<impl Iterator<Item = Self::Ref<'_>>> {
        let millis = needed(column)?.datetime()?.physical();
        Ok(millis
            .iter()
            .map(|millis| millis.and_then(DateTime::from_timestamp_millis).unwrap_or_default()))
    }
}
