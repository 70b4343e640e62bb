//! Tables that drills left behind and no journal at hand knows: found by how their names begin, and deleted one by one.
//!
//! A name proves nothing: whoever wants one deleted has typed it, and it is the table that was shown, by its id.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::ask::{self, Looked};
use super::plan::PREFIX;
use crate::aws::failure::FailureKind;
use crate::aws::target::Target;
use crate::collect::instant;
use crate::remediate::actions::ground::DESCRIBE_TABLE;

/// Pause between two looks at a table that is being deleted.
const EVERY: Duration = Duration::from_secs(2);

/// So many looks before it is said to stay.
const LOOKS: u32 = 300;

/// A table that a drill may have left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Leftover {
    /// Its name.
    pub(crate) name: String,
    /// AWS's id of it. `None`: AWS does not say, and it is not deleted.
    pub(crate) id: Option<String>,
    /// When it was made. `None`: AWS does not say.
    pub(crate) made_at: Option<DateTime<Utc>>,
    /// Its state, word for word.
    pub(crate) status: String,
}

/// Every table of the target whose name begins as those of drills do.
///
/// API: dynamodb:ListTables, dynamodb:DescribeTable. Calls: tables / 100, and 1 for each leftover. Errors: AWS's refusal, in words.
pub(crate) async fn leftovers(target: &Target) -> Result<Vec<Leftover>, String> {
    let names = ask::names(target, PREFIX).await;
    let mut found = Vec::new();
    for name in names.map_err(|failure| failure.of(ask::LIST_TABLES))? {
        let looked = ask::table(target, &name).await;
        if let Some(table) = looked.map_err(|failure| failure.of(DESCRIBE_TABLE))?.table {
            found.push(Leftover {
                made_at: instant(table.creation_date_time()),
                status: table
                    .table_status()
                    .map_or("of an unknown state", |status| status.as_str())
                    .to_owned(),
                id: table.table_id,
                name,
            });
        }
    }
    Ok(found)
}

/// Deletes a table that is still the one that was shown, and proves that it is gone.
///
/// API: dynamodb:DescribeTable, dynamodb:DeleteTable, dynamodb:ListTables. Calls: 3 and more. Errors: why it stays, in words.
pub(crate) async fn delete(target: &Target, leftover: &Leftover) -> Result<(), String> {
    let name = &leftover.name;
    let mut is_asked = false;
    for _ in 0..LOOKS {
        match ask::table(target, name).await {
            Ok(Looked { table: None, .. }) => {
                let names = ask::names(target, name).await;
                if !names.map_err(|failure| failure.of(ask::LIST_TABLES))?.contains(name) {
                    return Ok(());
                }
            }
            Ok(Looked { table: Some(table), .. }) => {
                if table.table_id.is_none() || table.table_id != leftover.id {
                    return Err("another table has its name now".to_owned());
                }
                let is_deleting = table.table_status().is_some_and(|status| status.as_str() == "DELETING");
                if !is_deleting && !is_asked {
                    match ask::delete(target, name).await {
                        Ok(_) => is_asked = true,
                        Err(failure) if failure.kind == FailureKind::Absent => {}
                        Err(failure) if failure.code == "ResourceInUseException" => {}
                        Err(failure) => return Err(failure.of(ask::DELETE)),
                    }
                }
            }
            Err(failure) => return Err(failure.of(DESCRIBE_TABLE)),
        }
        tokio::time::sleep(EVERY).await;
    }
    Err("it is not gone yet".to_owned())
}
