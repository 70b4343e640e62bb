//! The waivers file: findings that somebody accepts, for a reason, approved by somebody else, until a day.
//!
//! In: TOML. Out: [`Waivers`]. What makes a file unreadable is a mistake here; what makes a waiver weak (expired, approved
//! by who asked for it, too long, too broad) is a finding, and such a waiver waives nothing.

use std::path::Path;

use chrono::{DateTime, NaiveDate, Utc};

use crate::criteria::policy::{LONGEST_TERM_DAYS, Tier};
use crate::criteria::rules::{Rule, read_demands, shipped};
use crate::dictionary::{ExemptionFacts, WaiverFacts};
use crate::domain::Demands;
use crate::problem::{Outcome, Problem, Problems};
use crate::text::{glob, list, nearest};
use crate::toml_reader::values::{beginning_of, end_of};
use crate::toml_reader::{Located, Section, read_document};

/// The most waivers of one file.
const MOST_WAIVERS: usize = 5_000;

/// One accepted kind of finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiver {
    /// Its ticket, or `waiver N` by its place in the file.
    pub id: String,
    /// The rule whose findings it is for.
    pub rule: String,
    /// Of a rule with demands, those that it excuses. None where the rule has none; a waiver that names none of a rule with
    /// demands waives nothing.
    pub demands: Demands,
    /// The tables it is for: a name or, beginning with `arn:`, an ARN, with `*` for any run of characters.
    pub tables: String,
    /// Why the finding is accepted.
    pub reason: String,
    /// What protects the tables instead.
    pub compensating_control: Option<String>,
    /// Who asked for it.
    pub requester: String,
    /// Who approved it.
    pub approver: String,
    /// The beginning of the day of approval, in UTC.
    pub approved_at: DateTime<Utc>,
    /// The end of its last day, in UTC.
    pub expires_at: DateTime<Utc>,
    /// Where it was asked for; unique.
    pub ticket: Option<String>,
    /// The tables that it may be for at most.
    pub max_tables: usize,
    /// File and line.
    pub origin: String,
}

/// All waivers, in the order of their file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Waivers(pub Vec<Waiver>);

impl Waivers {
    /// Reads the waivers file; no file: no waivers. `known_rules` are the ids that a waiver may name.
    ///
    /// Errors: a file that cannot be read, and every mistake in it at once (exit code 2).
    pub(crate) fn load(path: Option<&Path>, known_rules: &[&str]) -> Outcome<Self> {
        let Some(path) = path else {
            return Ok(Self::default());
        };
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&text, &path.display().to_string(), known_rules),
            Err(error) => Err(Problem::usage("could not read the waivers file")
                .at(path.display().to_string())
                .why(error.to_string())
                .so("without it, accepted findings could not be told from others; nothing was judged")
                .hint("check the path given to `--waivers`, or `waivers` in the settings file")
                .into()),
        }
    }

    /// Reads the text of a waivers file.
    ///
    /// Errors: every mistake, each with its line.
    pub fn parse(text: &str, origin: &str, known_rules: &[&str]) -> Outcome<Self> {
        Self::parse_for(text, origin, Some(known_rules))
    }

    /// Reads the text of a waivers file that was stored with the rules that were chosen: it may name others.
    ///
    /// Errors: every mistake, each with its line.
    pub fn parse_stored(text: &str, origin: &str) -> Outcome<Self> {
        Self::parse_for(text, origin, None)
    }

    fn parse_for(text: &str, origin: &str, known_rules: Option<&[&str]>) -> Outcome<Self> {
        let (waivers, problems) = read_document(origin, text, |root| {
            let mut waivers: Vec<Waiver> = Vec::new();
            let sections = root.sections("waiver");
            if sections.len() > MOST_WAIVERS {
                let what = format!("there are more waivers than the {MOST_WAIVERS} that a file may have");
                let why = format!(
                    "there are {}, and each is held against every finding of its rule",
                    sections.len()
                );
                root.note(
                    root.offset,
                    what,
                    why,
                    "join waivers for one rule and reason by a pattern in `tables`",
                );
                return waivers;
            }
            for (index, section) in sections.into_iter().enumerate() {
                let waiver = read_waiver(&section, known_rules, index + 1, &waivers);
                section.finish();
                waivers.extend(waiver);
            }
            waivers
        });
        match waivers {
            Some(waivers) if problems.is_empty() => Ok(Self(waivers)),
            _ => Err(Problems(problems)),
        }
    }
}

impl Waiver {
    /// Is it for this table? Case matters, as in names of tables.
    pub(crate) fn matches(&self, table_arn: &str, table_name: &str) -> bool {
        if self.tables.starts_with("arn:") {
            glob(&self.tables, table_arn)
        } else {
            glob(&self.tables, table_name)
        }
    }

    /// How many it matches, if so many of those that were seen. Not known if what its rule judges was not all listed,
    /// unless it is for one whole ARN; too many is too many, however many more there are.
    pub(crate) fn matched(&self, seen: usize, is_listed_whole: bool) -> Option<usize> {
        let is_for_one = self.tables.starts_with("arn:") && !self.tables.contains('*');
        (is_listed_whole || is_for_one || seen > self.max_tables).then_some(seen)
    }

    /// Does it waive findings at this instant? Only a waiver without any defect does, and none whose tables cannot be
    /// counted.
    pub(crate) fn is_in_force(&self, as_of: DateTime<Utc>, matched_tables: Option<usize>) -> bool {
        self.expires_at > as_of
            && self.approved_at <= as_of
            && self.is_approved_by_another()
            && self.term_days() <= LONGEST_TERM_DAYS
            && self.names_what_it_excuses()
            && matched_tables.is_some_and(|matched| matched <= self.max_tables)
    }

    /// What rules may ask about it.
    pub(crate) fn facts(
        &self,
        as_of: DateTime<Utc>,
        matched_tables: Option<usize>,
        matched_findings: Option<usize>,
    ) -> WaiverFacts {
        WaiverFacts {
            waiver_id: Some(self.id.as_str().into()),
            waiver_rule: Some(self.rule.as_str().into()),
            waiver_demands: Some(match self.demands.is_empty() {
                true => "none".into(),
                false => self.demands.words().join(", ").into(),
            }),
            names_what_it_excuses: Some(self.names_what_it_excuses()),
            waiver_tables: Some(self.tables.as_str().into()),
            reason: Some(self.reason.as_str().into()),
            requester: Some(self.requester.as_str().into()),
            approver: Some(self.approver.as_str().into()),
            is_approved_by_another: Some(self.is_approved_by_another()),
            approved_at: Some(self.approved_at),
            expires_at: Some(self.expires_at),
            is_expired: Some(self.expires_at <= as_of),
            is_approved_in_future: Some(self.approved_at > as_of),
            term_days: Some(self.term_days()),
            matched_table_count: matched_tables.map(whole),
            matched_finding_count: matched_findings.map(whole),
            max_table_count: Some(whole(self.max_tables)),
        }
    }

    /// Rules with demands of which it excuses some: its own; or, by what the program's rules say of each other, those that
    /// ask the same as its own.
    pub(crate) fn excuses(&self) -> Vec<(&str, Demands)> {
        let Some(rule) = shipped_rule(&self.rule) else {
            return Vec::new();
        };
        if rule.demands.is_empty() {
            return rule
                .excuses
                .iter()
                .map(|(rule, demands)| (rule.as_str(), *demands))
                .collect();
        }
        vec![(&self.rule, self.demands)]
    }

    /// Its rule has no demands, or it says which of them it excuses.
    fn names_what_it_excuses(&self) -> bool {
        !self.demands.is_empty() || !has_demands(&self.rule)
    }

    /// Requester and approver are two people.
    fn is_approved_by_another(&self) -> bool {
        let name = |text: &str| text.trim().to_lowercase();
        name(&self.requester) != name(&self.approver)
    }

    /// Days from the day of approval to the last day.
    fn term_days(&self) -> i64 {
        (self.expires_at - self.approved_at).num_days()
    }
}

/// The rule of that id as it comes with the program: what waivers of it mean does not hang on which rules are chosen.
fn shipped_rule(id: &str) -> Option<&'static Rule> {
    shipped().0.iter().find(|rule| *rule.id == *id)
}

/// Does the rule of that id ask several things at once?
pub(crate) fn has_demands(id: &str) -> bool {
    shipped_rule(id).is_some_and(|rule| !rule.demands.is_empty())
}

/// What rules may ask about the exemption of a tier; `None` if the tier exempts nothing.
///
/// `is_within`: does it take no more tables than it may?
pub(crate) fn exemption_facts(
    tier: &Tier,
    as_of: DateTime<Utc>,
    matched_tables: usize,
    is_within: Option<bool>,
) -> Option<ExemptionFacts> {
    let exemption = tier.exemption.as_ref()?;
    let or_none = |text: &Option<String>| text.as_deref().unwrap_or("none").into();
    Some(ExemptionFacts {
        tier_name: Some(tier.name.as_str().into()),
        tier_when: Some(tier.when.as_str().into()),
        reason: Some(or_none(&exemption.reason)),
        approver: Some(or_none(&exemption.approver)),
        has_approver: Some(exemption.approver.is_some()),
        has_reason: Some(exemption.reason.is_some()),
        has_end: Some(exemption.expires_at.is_some()),
        expires_at: exemption.expires_at,
        days_left: exemption.expires_at.map(|end| (end - as_of).num_days()),
        is_expired: Some(exemption.expires_at.is_some_and(|end| end <= as_of)),
        matched_table_count: Some(whole(matched_tables)),
        has_max_tables: Some(exemption.max_tables.is_some()),
        max_table_count: exemption.max_tables.map(whole),
        is_within_max_tables: is_within,
        is_in_force: exemption.is_in_force(as_of, is_within),
    })
}

fn whole(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn read_waiver(
    section: &Section<'_>,
    known_rules: Option<&[&str]>,
    number: usize,
    earlier: &[Waiver],
) -> Option<Waiver> {
    let rule = required(section, "rule");
    if let (Some(rule), Some(known_rules)) = (&rule, known_rules) {
        check_rule(section, rule, known_rules);
    }
    let demands = read_excused(section, rule.as_ref());
    let tables = required(section, "tables");
    let reason = required(section, "reason");
    let compensating_control = optional(section, "compensating-control");
    let requester = required(section, "requester");
    let approver = required(section, "approver");
    let approved = required_date(section, "approved");
    let expires = required_date(section, "expires");
    if let (Some(approved), Some(expires)) = (&approved, &expires)
        && expires.value < approved.value
    {
        let what = format!("`{}` is before `approved`", section.path_of("expires"));
        let why = format!("it was approved on {} and ends on {}", approved.value, expires.value);
        section.note(expires.offset, what, why, "correct the date that is wrong");
    }
    let ticket = optional(section, "ticket");
    if let Some(ticket) = &ticket
        && let Some(other) = earlier.iter().find(|waiver| waiver.id == ticket.value)
    {
        let what = format!("ticket `{}` is named twice", ticket.value);
        let why = format!("it is the ticket of the waiver at {}, too", other.origin);
        section.note(ticket.offset, what, why, "give each waiver a ticket of its own");
    }
    let max_tables = read_max_tables(section);
    Some(Waiver {
        id: ticket
            .as_ref()
            .map_or_else(|| format!("waiver {number}"), |ticket| ticket.value.clone()),
        rule: rule?.value,
        demands,
        tables: tables?.value,
        reason: reason?.value,
        compensating_control: compensating_control.map(|control| control.value),
        requester: requester?.value,
        approver: approver?.value,
        approved_at: beginning_of(approved?.value),
        expires_at: end_of(expires?.value),
        ticket: ticket.map(|ticket| ticket.value),
        max_tables: max_tables?,
        origin: section.origin(),
    })
}

fn check_rule(section: &Section<'_>, rule: &Located<String>, known_rules: &[&str]) {
    if !known_rules.contains(&rule.value.as_str()) {
        let hint = match nearest(&rule.value, known_rules.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "`explain rules` lists them all".to_owned(),
        };
        section.note(rule.offset, format!("`{}` is not a rule", rule.value), "", hint);
    }
}

/// The demands that it excuses. That there are none is a finding where the rule has some; that the list is empty, or the
/// rule has none, is a mistake.
fn read_excused(section: &Section<'_>, rule: Option<&Located<String>>) -> Demands {
    let (demands, offset) = (read_demands(section, "demands"), section.place_of("demands"));
    let (Some(demands), Some(offset)) = (demands, offset) else {
        return Demands::NONE;
    };
    let path = section.path_of("demands");
    let of_rule = rule.and_then(|rule| shipped_rule(&rule.value));
    match of_rule {
        Some(rule) if rule.demands.is_empty() => {
            let with_demands = shipped().0.iter().filter(|rule| !rule.demands.is_empty());
            let names: Vec<&str> = with_demands.map(|rule| &*rule.id).collect();
            let why = format!(
                "`{}` asks one thing only; rules with demands are {}",
                rule.id,
                list(&names)
            );
            let hint = "drop `demands`, or name such a rule";
            section.note(offset, format!("`{path}` is set, but the rule has none"), why, hint);
        }
        Some(rule) if demands.is_empty() && section.strings("demands").is_some_and(|words| words.is_empty()) => {
            let hint = format!("name what is accepted, of {}", list(&rule.demands.words()));
            section.note(offset, format!("`{path}` is empty"), "", hint);
        }
        _ => {}
    }
    demands
}

/// A text that must be there and say something.
fn required(section: &Section<'_>, key: &'static str) -> Option<Located<String>> {
    if section.place_of(key).is_none() {
        // It is known all the same, so that a mistyped key gets its suggestion.
        section.string(key);
        section.missing(key);
        return None;
    }
    let text = section.string(key)?;
    if text.value.trim().is_empty() {
        let what = format!("`{}` is empty", section.path_of(key));
        section.note(text.offset, what, "", "write it out: an auditor reads it");
    }
    Some(text)
}

/// A text that may be left out; one that says nothing is left out.
fn optional(section: &Section<'_>, key: &'static str) -> Option<Located<String>> {
    section.string(key).filter(|text| !text.value.trim().is_empty())
}

fn required_date(section: &Section<'_>, key: &'static str) -> Option<Located<NaiveDate>> {
    let is_there = section.place_of(key).is_some();
    let date = section.date(key);
    if !is_there {
        section.missing(key);
    }
    date
}

fn read_max_tables(section: &Section<'_>) -> Option<usize> {
    let is_there = section.place_of("max-tables").is_some();
    let number = section.integer("max-tables");
    if !is_there {
        section.missing("max-tables");
    }
    let number = number?;
    let most = usize::try_from(number.value).ok().filter(|most| *most >= 1);
    if most.is_none() {
        let what = format!("`{}` must be at least 1", section.path_of("max-tables"));
        let hint = "write how many tables the waiver may be for at most";
        section.note(number.offset, what, format!("it is {}", number.value), hint);
    }
    most
}

#[cfg(test)]
mod tests;
