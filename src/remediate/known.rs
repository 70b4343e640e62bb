//! What proposals rest on: the judgement, the evidence behind it, and how people want things done.

use std::collections::BTreeMap;

use crate::facts::Reading;
use crate::inventory::Inventory;
use crate::problem::Outcome;
use crate::report::{Report, TableRow};
use crate::settings::Remediation;

/// What proposals rest on.
pub(crate) struct Known<'k> {
    /// The judgement.
    pub(crate) report: &'k Report,
    /// The evidence that was judged.
    pub(crate) inventory: &'k Inventory,
    /// What of it was read whole.
    pub reading: Reading,
    /// How people want things done.
    pub(crate) settings: &'k Remediation,
    /// How the scan was limited, in words; none: it is not known that it was.
    pub(crate) limits: Option<&'k str>,
    tables: BTreeMap<&'k str, &'k TableRow>,
}

impl<'k> Known<'k> {
    /// A judgement and the evidence behind it.
    ///
    /// Errors: the inventory is damaged.
    pub(crate) fn of(
        report: &'k Report,
        inventory: &'k Inventory,
        settings: &'k Remediation,
        limits: Option<&'k str>,
    ) -> Outcome<Self> {
        let tables = report.tables.iter().map(|table| (table.table_arn.as_str(), table));
        Ok(Self {
            report,
            inventory,
            reading: Reading::read(inventory)?,
            settings,
            limits,
            tables: tables.collect(),
        })
    }

    /// A table of the report, by ARN.
    pub(crate) fn table(&self, arn: &str) -> Option<&'k TableRow> {
        self.tables.get(arn).copied()
    }
}
