//! How old the newest usable recovery point of a table is, in parts and multiples of the table's own limit.

use crate::criteria::values::LIMIT_HOURS;
use crate::dictionary::{FactKey, TableFacts};
use crate::domain::FactValue;
use crate::report::TableRow;

/// A class of age. Their order is that of the pictures: within the limit, beyond it, then what has no age.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AgeClass {
    Half,
    Within,
    Double,
    Sevenfold,
    Older,
    None,
    Unknown,
}

impl AgeClass {
    pub(crate) const ALL: [Self; 7] = [
        Self::Half,
        Self::Within,
        Self::Double,
        Self::Sevenfold,
        Self::Older,
        Self::None,
        Self::Unknown,
    ];

    /// The class of one table. What was seen may show that a table is within its limit; that it is not takes a whole reading.
    pub(crate) fn of(table: &TableRow) -> Self {
        let hours = |key: FactKey| match table.fact(key) {
            FactValue::Float(hours) => Some(*hours),
            _ => None,
        };
        let Some(rpo) = hours(LIMIT_HOURS) else {
            return Self::Unknown;
        };
        let whole = hours(TableFacts::newest_recovery_point_age_hours);
        let seen = hours(TableFacts::newest_recovery_point_age_hours_seen).filter(|age| *age <= rpo);
        match whole.or(seen) {
            Some(age) if age <= rpo / 2.0 => Self::Half,
            Some(age) if age <= rpo => Self::Within,
            Some(age) if age <= rpo * 2.0 => Self::Double,
            Some(age) if age <= rpo * 7.0 => Self::Sevenfold,
            Some(_) => Self::Older,
            None if *table.fact(TableFacts::usable_recovery_point_count) == FactValue::Int(0) => Self::None,
            None => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Answer, TargetId};

    fn row(facts: &[(&'static str, FactValue)]) -> TableRow {
        TableRow {
            table_arn: String::new(),
            table_name: String::new(),
            target: TargetId::new(String::new(), String::new()),
            verdict: Answer::Unknown,
            answers: [Answer::Unknown; 4],
            answers_by_framework: Vec::new(),
            facts: facts
                .iter()
                .map(|(name, value)| ((*name).into(), value.clone()))
                .collect::<crate::domain::FactList>()
                .into(),
            days: Vec::new(),
        }
    }

    #[test]
    fn only_a_whole_reading_shows_that_a_point_is_too_old() {
        let (rpo, age, seen) = (
            "limit_hours",
            "newest_recovery_point_age_hours",
            "newest_recovery_point_age_hours_seen",
        );
        let hours = FactValue::Float;
        let points = "usable_recovery_point_count";
        for (facts, expected) in [
            (vec![(rpo, hours(24.0)), (age, hours(12.0))], AgeClass::Half),
            (vec![(rpo, hours(24.0)), (age, hours(24.0))], AgeClass::Within),
            (vec![(rpo, hours(24.0)), (age, hours(24.01))], AgeClass::Double),
            (vec![(rpo, hours(24.0)), (age, hours(168.0))], AgeClass::Sevenfold),
            (vec![(rpo, hours(24.0)), (age, hours(169.0))], AgeClass::Older),
            (vec![(rpo, hours(24.0)), (seen, hours(3.0))], AgeClass::Half),
            (vec![(rpo, hours(24.0)), (seen, hours(300.0))], AgeClass::Unknown),
            (vec![(rpo, hours(24.0)), (points, FactValue::Int(0))], AgeClass::None),
            (vec![(rpo, hours(24.0)), (points, FactValue::OPEN)], AgeClass::Unknown),
            (vec![(age, hours(1.0))], AgeClass::Unknown),
        ] {
            assert_eq!(AgeClass::of(&row(&facts)), expected, "{facts:?}");
        }
    }
}
