//! JSON schemas of the files that programs read, from the structs that are written.
//!
//! `explain schema NAME` prints one; `docs/schemas/` holds them all, and a test keeps them fresh.

use schemars::{Schema, schema_for};

/// The schema of one file.
pub struct FileSchema {
    /// What `explain schema` takes.
    pub name: &'static str,
    /// The file that it describes.
    pub file: &'static str,
    /// The schema.
    pub schema: fn() -> Schema,
}

/// Every schema.
pub const SCHEMAS: &[FileSchema] = &[
    FileSchema {
        name: "manifest",
        file: "manifest.json",
        schema: || schema_for!(crate::pack::Manifest),
    },
    FileSchema {
        name: "report",
        file: "report.json",
        schema: crate::report::json::schema,
    },
];

impl FileSchema {
    /// Its text, as it is shipped.
    pub fn text(&self) -> String {
        serde_json::to_string_pretty(&(self.schema)()).expect("a schema is JSON") + "\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shipped_schemas_are_fresh() {
        for schema in SCHEMAS {
            let path = format!(
                "{}/docs/schemas/{}.schema.json",
                env!("CARGO_MANIFEST_DIR"),
                schema.name
            );
            if std::env::var_os("BACKPROOF_BLESS").is_some() {
                std::fs::write(&path, schema.text()).expect("written");
            }
            let found = std::fs::read_to_string(&path).unwrap_or_default();
            assert!(
                found == schema.text(),
                "{path} is stale; BACKPROOF_BLESS=1 writes it anew"
            );
        }
    }
}
