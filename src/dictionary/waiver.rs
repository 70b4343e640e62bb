//! Facts on one waiver of the waivers file.

use chrono::{DateTime, Utc};

use super::{Text, facts};

facts! {
    /// Everything known of one waiver. `None` means not known.
    WaiverFacts, WAIVER_FACTS, Waiver:

    /// Id of the waiver: its ticket, or its place in the file.
    waiver_id: Text = [],
    /// Rule that it waives.
    waiver_rule: Text = [],
    /// Demands of that rule that it excuses; `none` if it names none. Never unknown.
    waiver_demands: Text = [],
    /// Its rule asks one thing only, or it names the demands of that rule that it excuses. Never unknown.
    names_what_it_excuses: bool = [],
    /// Pattern of the tables it is for.
    waiver_tables: Text = [],
    /// Why the finding is accepted. Never unknown.
    reason: Text = [],
    /// Who asked for it. Never unknown.
    requester: Text = [],
    /// Who approved it. Never unknown.
    approver: Text = [],
    /// Requester and approver are two people. Never unknown.
    is_approved_by_another: bool = [],
    /// When it was approved. Never unknown.
    approved_at: DateTime<Utc> = [],
    /// When it ends. Never unknown.
    expires_at: DateTime<Utc> = [],
    /// It ended before as_of. Never unknown.
    is_expired: bool = [],
    /// It was approved after as_of, so it does not hold yet. Never unknown.
    is_approved_in_future: bool = [],
    /// Days from approval to end. Never unknown.
    term_days: i64 = [],
    /// Tables that its pattern matches. Unknown if what its rule judges was not all listed, unless it names one ARN, or more than it may be for were seen.
    matched_table_count: i64 = ["tables"],
    /// Non-compliant and unknown findings it covers. Unknown if none was seen, and what its rule judges was not all listed, or it is not known what fails.
    matched_finding_count: i64 = ["tables"],
    /// Tables that it may be for at most. Never unknown.
    max_table_count: i64 = [],
}
