//! Who answers for a table that fails the policy, and by when it is to be put right.

use chrono::{DateTime, Days, NaiveDate, Utc};

use super::{Report, Since, TableRow};
use crate::dictionary::TableFacts;
use crate::domain::{FactValue, Finding};

impl Report {
    /// Who answers for a table: its tag, else whom the policy names; none if neither does.
    pub(crate) fn owner_of<'r>(&'r self, table: &'r TableRow) -> Option<&'r str> {
        let tagged = match self.exceptions.owner_tag.as_str() {
            "" => match table.fact(TableFacts::owner) {
                FactValue::Text(owner) if **owner != *"none" => Some(&**owner),
                _ => None,
            },
            tag => tag_of(table, tag),
        };
        let named = Some(self.exceptions.owner.as_str());
        tagged.or(named).filter(|owner| !owner.is_empty())
    }

    /// By when a table is to be put right: the day in its tag, else so many days after the scan in which one of its findings
    /// first stood, this one or the baseline; none if the policy says neither.
    pub(crate) fn due_of(&self, table: &TableRow, findings: &[&Finding]) -> Option<NaiveDate> {
        let tagged = Some(self.exceptions.due_tag.as_str()).filter(|tag| !tag.is_empty());
        let tagged = tagged.and_then(|tag| tag_of(table, tag)?.trim().parse().ok());
        tagged.or_else(|| {
            let days = u64::try_from(self.exceptions.due_days?).ok()?;
            self.first_seen(findings).date_naive().checked_add_days(Days::new(days))
        })
    }

    fn first_seen(&self, findings: &[&Finding]) -> DateTime<Utc> {
        let is_known = |finding: &&Finding| self.since(finding) == Some(Since::Known);
        match &self.baseline {
            Some(baseline) if findings.iter().any(is_known) => baseline.as_of,
            _ => self.scan.as_of,
        }
    }
}

/// The value of a tag in the fact that lists them, `key=value; key=value`.
fn tag_of<'t>(table: &'t TableRow, key: &str) -> Option<&'t str> {
    let FactValue::Text(tags) = table.fact(TableFacts::tags) else {
        return None;
    };
    let pairs = tags.split("; ").filter_map(|pair| pair.split_once('='));
    pairs.into_iter().find(|(name, _)| *name == key).map(|(_, value)| value)
}
