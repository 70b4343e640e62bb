//! Facts on one tier that exempts tables from the rules.

use chrono::{DateTime, Utc};

use super::{Text, facts};

facts! {
    /// Everything known of one exemption. `None` means not known.
    ExemptionFacts, EXEMPTION_FACTS, Exemption:

    /// Name of the tier.
    tier_name: Text = [],
    /// Condition that tables must meet.
    tier_when: Text = [],
    /// Why these tables need no backup; `none` if the tier does not say. Never unknown.
    reason: Text = [],
    /// Who approved it; `none` if the tier does not say. Never unknown.
    approver: Text = [],
    /// The tier names an approver. Never unknown.
    has_approver: bool = [],
    /// The tier gives a reason. Never unknown.
    has_reason: bool = [],
    /// The tier says when the exemption ends. Never unknown.
    has_end: bool = [],
    /// When it ends. Unknown if the tier does not say.
    expires_at: DateTime<Utc> = [] none if (has_end == false),
    /// Whole days from as_of to its end; negative once it has ended. Unknown if the tier does not say when it ends.
    days_left: i64 = [] none if (has_end == false),
    /// It ended before as_of. False if it has no end. Never unknown.
    is_expired: bool = [],
    /// Tables that the tier takes for certain. Unknown if there is none and the tier of some table cannot be told.
    matched_table_count: i64 = ["tables", "table_tags"],
    /// The tier says how many tables it may exempt at most. Never unknown.
    has_max_tables: bool = [],
    /// Tables that it may exempt at most. Unknown if the tier does not say.
    max_table_count: i64 = [] none if (has_max_tables == false),
    /// It takes no more tables than it may; true if the tier does not say how many those are. Unknown if it hangs on tables of which the tier cannot be told, or that were not listed.
    is_within_max_tables: bool = ["tables", "table_tags"],
    /// It has a reason, an approver and an end that has not passed and lies within a year, says how many tables it may take, and takes no more. Unknown if only the last of these is.
    is_in_force: bool = ["tables", "table_tags"],
}
