//! Policies and waivers as people write them.

/// Tables that are made anew every night need no backups.
pub const SCRATCH: &str = r#"
[[policy.tier]]
name = "scratch"
when = "table_name LIKE 'tmp-%'"
exempt = true
reason = "filled anew every night"
approver = "head of platform"
expires = "2027-06-30"
max-tables = 20
"#;

/// Daily backups, which start within an hour, leave 26 hours between dates that are known by their jobs alone.
pub fn daily() -> String {
    let policy = r#"
[policy]
rpo = "24h"
[[policy.tier]]
name = "relaxed"
when = "table_name LIKE 'brief%'"
rpo = "26h"
"#;
    format!("{policy}{SCRATCH}")
}

/// A waiver that `ann` asked for.
pub fn waiver(rule: &str, tables: &str, approver: &str, expires: &str, max: usize) -> String {
    format!(
        r#"
[[waiver]]
rule = "{rule}"
tables = "{tables}"
reason = "r"
requester = "ann"
approver = "{approver}"
approved = 2026-06-01
expires = {expires}
max-tables = {max}
"#
    )
}
