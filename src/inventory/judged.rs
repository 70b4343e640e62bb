//! `findings.parquet` and `tables.parquet`: every finding and every fact on tables, beside the inventory that they were made from.

use std::io::Write;

use polars::prelude::{Column, DataFrame, DataType, PolarsResult, Schema, TimeUnit};
use polars_io::parquet::write::{ParquetCompression, ParquetWriter};

use super::cell::Cell;
use super::schema::{ColumnSchema, FrameSchema, Row, frames};
use crate::domain::FactValue;

frames! {
    /// One rule applied to one subject.
    FindingRow in "findings" by [] {
        /// Stable over scans: digest of rule, partition, account, Region and table id. Null: good news on a table of a rule that only
        /// advises; nothing refers to it.
        id: Option<String>,
        /// The rule.
        rule: String,
        /// What is judged: `table`, `recovery-point`, `vault`, `plan`, `target`, `waiver` or `exemption`.
        subject: String,
        /// ARN of what is judged.
        resource_arn: String,
        /// Its name, for people.
        resource_name: String,
        /// Account where it lives.
        account_id: String,
        /// Region where it lives.
        region: String,
        /// `compliant`, `non-compliant`, `unknown` or `not-applicable`.
        verdict: String,
        /// `low`, `medium`, `high` or `critical`.
        severity: String,
        /// `in-a-plan`, `backed-up`, `restorable` or `safeguards`. Null: written before rules named their question.
        question: Option<String>,
        /// `required`, `advised` or `off`. Null: written before rules had levels; all were required.
        level: Option<String>,
        /// The framework by whose numbers it was judged. Null: the organisation's policy.
        framework: Option<String>,
        /// Accepted by a waiver.
        waived: bool,
        /// Id of that waiver. Null: none.
        waiver: Option<String>,
        /// What was found, in one sentence.
        message: String,
        /// What to do about it; empty unless non-compliant or unknown.
        remedy: String,
        /// The facts that the rule read, as a JSON object; a fact that is not known is null there. Null: the facts of its table in
        /// `tables.parquet`; so for findings on tables that only advise, or are good news.
        evidence_json: Option<String>,
    }
}

/// The type of a column of facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FactColumn {
    /// Nothing but nulls so far.
    Open,
    Bool,
    Int,
    Float,
    Time,
    Text,
}

impl FactColumn {
    /// A type that takes this value, too.
    pub(crate) const fn with(self, value: &FactValue) -> Self {
        let own = match value {
            FactValue::Null(_) => return self,
            FactValue::Bool(_) => Self::Bool,
            FactValue::Int(_) => Self::Int,
            FactValue::Float(_) => Self::Float,
            FactValue::Time(_) => Self::Time,
            FactValue::Text(_) => Self::Text,
        };
        match (self, own) {
            (Self::Open, _) | (Self::Bool, Self::Bool) | (Self::Int, Self::Int) | (Self::Time, Self::Time) => own,
            (Self::Float | Self::Int, Self::Float | Self::Int) => Self::Float,
            _ => Self::Text,
        }
    }

    const fn dtype(self) -> DataType {
        match self {
            Self::Bool => DataType::Boolean,
            Self::Int => DataType::Int64,
            Self::Float => DataType::Float64,
            Self::Time => DataType::Datetime(TimeUnit::Milliseconds, None),
            Self::Open | Self::Text => DataType::String,
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "facts are counts and durations")]
    fn column(self, name: &str, values: &[FactValue]) -> PolarsResult<Column> {
        fn of<T>(values: &[FactValue], of: impl Fn(&FactValue) -> Option<T>) -> Vec<Option<T>> {
            values.iter().map(of).collect()
        }
        let name = name.into();
        Ok(match self {
            Self::Bool => Column::new(
                name,
                of(values, |value| match value {
                    FactValue::Bool(flag) => Some(*flag),
                    _ => None,
                }),
            ),
            Self::Int => Column::new(
                name,
                of(values, |value| match value {
                    FactValue::Int(number) => Some(*number),
                    _ => None,
                }),
            ),
            Self::Float => Column::new(
                name,
                of(values, |value| match value {
                    FactValue::Float(number) => Some(*number),
                    FactValue::Int(number) => Some(*number as f64),
                    _ => None,
                }),
            ),
            Self::Time => {
                let instants = of(values, |value| match value {
                    FactValue::Time(at) => Some(at.timestamp_millis()),
                    _ => None,
                });
                Column::new(name, instants).cast(&self.dtype())?
            }
            Self::Open | Self::Text => {
                let texts = of(values, |value| (!value.is_null()).then(|| value.to_string()));
                Column::new(name, texts)
            }
        })
    }
}

/// Tables in a row group of `tables.parquet`.
const TABLES: usize = 2048;

/// Writes `tables.parquet`: a row for each table, of as many values as there are columns.
///
/// Errors: what the encoder or the disk said.
pub(crate) fn write_facts<'n>(
    out: &mut (dyn Write + 'n),
    columns: &[(&str, FactColumn)],
    mut rows: impl Iterator<Item = Vec<FactValue>>,
) -> Result<(), String> {
    let write = || -> PolarsResult<()> {
        let schema: Schema = columns
            .iter()
            .map(|(name, column)| ((*name).into(), column.dtype()))
            .collect();
        let mut writer = ParquetWriter::new(out)
            .with_compression(ParquetCompression::Zstd(None))
            .set_parallel(false)
            .batched(&schema)?;
        loop {
            let mut values: Vec<Vec<FactValue>> = vec![Vec::new(); columns.len()];
            for row in rows.by_ref().take(TABLES) {
                values
                    .iter_mut()
                    .zip(row)
                    .for_each(|(column, value)| column.push(value));
            }
            let height = values.first().map_or(0, Vec::len);
            if height == 0 {
                break;
            }
            let made = columns.iter().zip(&values);
            let made = made.map(|((name, column), values)| column.column(name, values));
            let frame = DataFrame::new(height, made.collect::<PolarsResult<Vec<Column>>>()?)?;
            writer.write_batch(&frame)?;
        }
        writer.finish().map(|_| ())
    };
    write().map_err(|error| error.to_string())
}
