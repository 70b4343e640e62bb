//! One verdict put into words: message, remedy, evidence, and an id that is stable over scans.

use std::sync::{Arc, OnceLock};

use sha2::{Digest, Sha256};

use super::{Missing, WhyUnknown};
use crate::criteria::rules::{Rule, bounds};
use crate::criteria::values::POLICY_VALUES;
use crate::criteria::vocabulary::{doc_of, frames_of};
use crate::dictionary::{
    ExemptionFacts, PlanFacts, RecoveryPointFacts, TableFacts, TargetFacts, Text, VaultFacts, WaiverFacts,
};
use crate::domain::{
    Evidence, FactList, FactName, FactValue, Finding, Level, NullCause, Resource, Subject, TargetId, Verdict,
};
use crate::duration;
use crate::text::hex;

/// Where the reason for an open fact lies.
struct Reason {
    /// The fact that is not known,
    open: &'static str,
    /// the one that says why,
    why: &'static str,
    /// and what would settle it.
    settled_by: &'static str,
}

const REASONS: [Reason; 14] = [
    Reason {
        open: "plan_meets_policy",
        why: "plan_policy_doubt",
        settled_by: NEXT_RUN,
    },
    Reason {
        open: "backed_up",
        why: "backed_up_doubt",
        settled_by: "a younger recovery point that surely is good settles it too",
    },
    Reason {
        open: "manual_deletion_denied",
        why: "manual_deletion_reason",
        settled_by: "a Deny for everybody would settle it whose conditions do nothing but exempt principals by `aws:PrincipalArn` or `aws:userId`",
    },
    Reason {
        open: "table_count",
        why: "open_selections",
        settled_by: NEXT_RUN,
    },
    Reason {
        open: "is_for_dynamodb",
        why: "open_selections",
        settled_by: NEXT_RUN,
    },
    Reason {
        open: "empty_selections",
        why: "open_selections",
        settled_by: NEXT_RUN,
    },
    Reason {
        open: "role_trouble",
        why: "role_doubt",
        settled_by: "the plan's next job settles it if it completes, or fails for a reason that is known",
    },
    Reason {
        open: "missed_run_count",
        why: "jobs_of_nobody",
        settled_by: "recovery points that say which plan made them settle it",
    },
    Reason {
        open: "missing_copy_regions",
        why: "copies_not_seen",
        settled_by: LOOK_THERE,
    },
    Reason {
        open: "missing_copy_accounts",
        why: "copies_not_seen",
        settled_by: LOOK_THERE,
    },
    Reason {
        open: "missing_copy_regions",
        why: "copies_doubt",
        settled_by: NEXT_COPY,
    },
    Reason {
        open: "missing_copy_accounts",
        why: "copies_doubt",
        settled_by: NEXT_COPY,
    },
    Reason {
        open: "unplanned_copy_regions",
        why: "copy_actions_doubt",
        settled_by: LOOK_THERE,
    },
    Reason {
        open: "unplanned_copy_accounts",
        why: "copy_actions_doubt",
        settled_by: LOOK_THERE,
    },
];

const NEXT_RUN: &str = "a job or a recovery point of the plan's next run settles it";
/// A finding that rests on what the scan did not ask for begins so.
const NOT_ASKED: &str = "not asked: this scan was for rules that need none of it";
const ASK: &str = "a scan with this rule settles it";
pub(super) const TIERS_KNOWN: &str = "the facts and tags that the tiers' conditions name settle it once they are known";
const NEXT_COPY: &str = "a copy that surely counts settles it too";
const LOOK_THERE: &str = "a scan with that account in `accounts` and that Region in `regions` settles it";

/// When a fact is unknown, by its dictionary.
fn when_unknown(subject: Subject, name: &str) -> Option<String> {
    let (_, clause) = doc_of(subject, name)?.rsplit_once("Unknown ")?;
    Some(format!("{name} is unknown {}", clause.trim_end_matches('.')))
}

/// Everything that conditions and messages may name, of one subject.
pub(crate) struct Values {
    all: Vec<(&'static str, FactValue)>,
    /// The same as a report keeps them; none: findings keep for themselves what they read.
    kept: Option<Arc<FactList>>,
}

impl Values {
    /// Facts, policy values and comparisons by name.
    pub(crate) fn new(values: Vec<(&'static str, FactValue)>) -> Self {
        Self {
            all: values,
            kept: None,
        }
    }

    /// Those that a report keeps for all findings on their subject.
    pub(crate) fn keep(&mut self, kept: Arc<FactList>) {
        self.kept = Some(kept);
    }

    /// What a rule reads of them. `places`: where that stands among all of them, once it is known.
    fn evidence(&self, rule: &Rule, places: &OnceLock<Arc<Vec<u16>>>) -> Evidence {
        let own = || {
            let read = rule.reads().map(|name| (self.name(name), self.get(name).clone()));
            Evidence::from(read.collect::<Vec<_>>())
        };
        let place = |name: &str| {
            let place = self.all.iter().position(|(known, _)| *known == name)?;
            u16::try_from(place).ok()
        };
        let places_now = || rule.reads().map(place).collect::<Option<Vec<u16>>>();
        let Some(kept) = &self.kept else { return own() };
        let places = match places.get() {
            Some(places) => Arc::clone(places),
            None => match places_now() {
                Some(now) => Arc::clone(places.get_or_init(|| Arc::new(now))),
                None => return own(),
            },
        };
        let evidence = Evidence::among(Arc::clone(kept), places);
        // All tables have the same names in the same order; if one had not, its rules would still read what they read.
        let is_read = evidence.iter().map(|(name, _)| &**name).eq(rule.reads());
        if is_read { evidence } else { own() }
    }

    /// By name; unknown if there is no such name.
    pub(crate) fn get(&self, name: &str) -> &FactValue {
        let found = self.all.iter().find(|(known, _)| *known == name);
        found.map_or(&FactValue::OPEN, |(_, value)| value)
    }

    /// Every name with its value, in order.
    pub(crate) fn all(&self) -> &[(&'static str, FactValue)] {
        &self.all
    }

    /// The name as the dictionary spells it, without a copy.
    fn name(&self, name: &str) -> FactName {
        let found = self.all.iter().find(|(known, _)| *known == name);
        found.map_or_else(|| FactName::Owned(name.to_owned()), |(known, _)| (*known).into())
    }

    /// A value for people: hours as days and hours; of what is not known that, and why.
    fn text(&self, name: &str) -> String {
        match self.get(name) {
            FactValue::Float(hours) if is_in_hours(name) => duration::age_of_hours(*hours),
            FactValue::Null(cause) if cause.is_unknown() => format!("unknown ({cause})"),
            value => value.to_string(),
        }
    }

    /// What stands for a pair of braces: a value, or the range between two bounds, which is one value where they agree.
    fn filled(&self, inner: &str) -> String {
        let (name, greatest) = bounds(inner);
        let least = self.text(name);
        let Some(greatest) = greatest else { return least };
        let is_known = |name: &str| !self.get(name).is_null();
        match (is_known(name), is_known(greatest)) {
            (true, false) => format!("at least {least}"),
            (false, true) => format!("at most {}", self.text(greatest)),
            // By their words: numbers that differ beyond the digits that are shown look the same.
            (true, true) if self.text(greatest) != least => format!("{least} to {}", self.text(greatest)),
            _ => least,
        }
    }

    /// A message with the values in place of `{fact}` and `{least..greatest}`. Hours carry their units: an `h` that a message
    /// writes after them is dropped.
    pub(crate) fn render(&self, template: &str) -> String {
        let mut text = String::with_capacity(template.len() + 32);
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            text.push_str(before);
            let Some((name, tail)) = after.split_once('}') else {
                text.push('{');
                rest = after;
                continue;
            };
            let has_units = is_in_hours(bounds(name).0);
            text.push_str(&self.filled(name));
            let is_end = |tail: &&str| !tail.starts_with(|next: char| next.is_alphanumeric());
            rest = tail
                .strip_prefix(" h")
                .filter(|tail| has_units && is_end(tail))
                .unwrap_or(tail);
        }
        text.push_str(rest);
        text
    }
}

/// Is it a time in hours?
fn is_in_hours(name: &str) -> bool {
    name.ends_with("_hours") || name.contains("_hours_")
}

/// Who a finding is about.
pub(super) struct Subjected {
    resource: Arc<Resource>,
    /// What tells it from others of its kind, over scans.
    identity: [String; 4],
}

fn text(text: &Option<Text>) -> String {
    text.as_deref().unwrap_or_default().to_owned()
}

impl Subjected {
    pub(super) fn of_table(table: &TableFacts) -> Self {
        let id = table.table_id.as_deref().filter(|id| *id != "none");
        let id = id.or(table.table_name.as_deref()).unwrap_or_default().to_owned();
        Self {
            resource: Arc::new(Resource {
                subject: Subject::Table,
                resource_arn: text(&table.table_arn),
                resource_name: text(&table.table_name),
                target: target(&table.account_id, &table.region),
            }),
            identity: [text(&table.partition), text(&table.account_id), text(&table.region), id],
        }
    }

    pub(super) fn of_vault(vault: &VaultFacts) -> Self {
        Self::in_target(
            Subject::Vault,
            text(&vault.vault_arn),
            text(&vault.vault_name),
            target(&vault.account_id, &vault.region),
        )
    }

    pub(super) fn of_plan(plan: &PlanFacts, partition: &str) -> Self {
        let target = target(&plan.account_id, &plan.region);
        let arn = format!(
            "arn:{partition}:backup:{}:{}:backup-plan:{}",
            target.region,
            target.account_id,
            text(&plan.plan_id)
        );
        Self::in_target(Subject::Plan, arn, text(&plan.plan_name), target)
    }

    pub(super) fn of_recovery_point(point: &RecoveryPointFacts) -> Self {
        Self::in_target(
            Subject::RecoveryPoint,
            text(&point.recovery_point_arn),
            text(&point.vault_name),
            target(&point.account_id, &point.region),
        )
    }

    pub(super) fn of_target(facts: &TargetFacts) -> Self {
        let target = target(&facts.account_id, &facts.region);
        Self::in_target(Subject::Target, target.to_string(), target.to_string(), target)
    }

    pub(super) fn of_waiver(waiver: &WaiverFacts) -> Self {
        Self::in_target(
            Subject::Waiver,
            text(&waiver.waiver_id),
            text(&waiver.waiver_id),
            nowhere(),
        )
    }

    pub(super) fn of_exemption(exemption: &ExemptionFacts) -> Self {
        let name = text(&exemption.tier_name);
        Self::in_target(Subject::Exemption, name.clone(), name, nowhere())
    }

    fn in_target(subject: Subject, arn: String, name: String, target: TargetId) -> Self {
        let identity = [
            subject.as_str().to_owned(),
            target.account_id.clone(),
            target.region.clone(),
            arn.clone(),
        ];
        Self {
            resource: Arc::new(Resource {
                subject,
                resource_arn: arn,
                resource_name: name,
                target,
            }),
            identity,
        }
    }

    pub(super) fn finding(
        &self,
        (rule, level, places): (&Rule, Level, &OnceLock<Arc<Vec<u16>>>),
        (verdict, part): (Verdict, usize),
        values: &Values,
        why_not_judged: Option<&str>,
        why_unknown: WhyUnknown<'_>,
    ) -> Finding {
        let message = match (why_not_judged, verdict) {
            (Some(why), _) => why.to_owned(),
            (None, Verdict::NotApplicable) => values.render(rule.why_not(part)),
            (None, Verdict::Unknown) => self.unknown_message(rule, values, why_unknown),
            (None, Verdict::Compliant | Verdict::NonCompliant) => values.render(&rule.message),
        };
        let needs_remedy = matches!(verdict, Verdict::NonCompliant);
        Finding {
            id: finding_id(&rule.id, &self.identity).into(),
            rule: Arc::clone(&rule.id),
            resource: Arc::clone(&self.resource),
            verdict,
            severity: rule.severity,
            question: rule.question,
            level,
            framework: None,
            waived: false,
            waivers: Box::default(),
            failing: Box::default(),
            message: message.into(),
            remedy: if needs_remedy {
                Arc::clone(&rule.remedy)
            } else {
                Arc::default()
            },
            evidence: values.evidence(rule, places),
        }
    }

    /// The target that it lies in.
    pub(super) fn target(&self) -> &TargetId {
        &self.resource.target
    }

    /// That target, and its name there.
    pub(super) fn place(&self) -> (&TargetId, &str) {
        (&self.resource.target, &self.resource.resource_name)
    }

    /// On a target, by a rule on what was not all listed there: `what` it is, and the fact that is unknown for it.
    pub(super) fn unlisted(
        &self,
        (rule, level): (&Rule, Level),
        what: &str,
        (count, value): (&'static str, &FactValue),
        why_unknown: WhyUnknown<'_>,
    ) -> Finding {
        let why = why_unknown(
            &self.resource.target,
            &self.resource.resource_name,
            frames_of(self.resource.subject, count),
        );
        let Missing { why, settled_by } = why.unwrap_or_else(|| Missing {
            why: "the list of them was not read to its end".to_owned(),
            settled_by: "a scan that reads it whole settles it".to_owned(),
        });
        Finding {
            id: finding_id(&rule.id, &self.identity).into(),
            rule: Arc::clone(&rule.id),
            resource: Arc::clone(&self.resource),
            verdict: Verdict::Unknown,
            severity: rule.severity,
            question: rule.question,
            level,
            framework: None,
            waived: false,
            waivers: Box::default(),
            failing: Box::default(),
            message: match value {
                FactValue::Null(NullCause::NotAsked) => format!("{NOT_ASKED} (needs {count}); {ASK}"),
                _ => format!("not known for all {what} here, because {why} (needs {count}); {settled_by}"),
            }
            .into(),
            remedy: Arc::default(),
            evidence: vec![(count.into(), value.clone())].into(),
        }
    }

    /// What is not known, and why not.
    fn unknown_message(&self, rule: &Rule, values: &Values, why_unknown: WhyUnknown<'_>) -> String {
        let missing: Vec<&str> = rule.reads().filter(|name| values.get(name).is_null()).collect();
        let with = |cause: &NullCause| {
            let of_cause = |name: &&str| matches!(values.get(name), FactValue::Null(of) if of == cause);
            missing.iter().copied().filter(of_cause).collect::<Vec<_>>()
        };
        let unasked = with(&NullCause::NotAsked);
        if !unasked.is_empty() {
            return format!("{NOT_ASKED} (needs {}); {ASK}", unasked.join(", "));
        }
        let absent = with(&NullCause::None);
        if !absent.is_empty() && absent.len() == missing.len() {
            return format!(
                "not known: {} {} none, and the rule does not say what follows from that",
                absent.join(", "),
                if absent.len() == 1 { "is" } else { "are" },
            );
        }
        // A plan's reason names its own gap, and uncertainty about a plan is AWS's own as often as a gap's.
        if missing.contains(&"in_a_plan") {
            let text = values.render("{plan_verdict}: {plan_reason}");
            let is_gap = text.contains("could not be read");
            let frames = frames_of(self.resource.subject, "in_a_plan");
            let why = why_unknown(&self.resource.target, &self.resource.resource_name, frames).filter(|_| is_gap);
            return match why {
                Some(Missing { why, settled_by }) => format!("{text}; {why}; {settled_by}"),
                None if is_gap => format!("{text}; a scan that can read it settles it"),
                None => format!("{text}; {NEXT_RUN}"),
            };
        }
        if missing.is_empty() {
            return format!("not known: whether a tier of the policy exempts the table cannot be told; {TIERS_KNOWN}");
        }
        if let Some(why) = self.reason(&missing, values) {
            return why;
        }
        // A value of the policy is unknown where it is not known which tier the table is in: mostly for want of its tags.
        let of_policy = |name: &str| name == "policy_tier" || POLICY_VALUES.iter().any(|value| value.name == name);
        let frames_of_name = |name: &&str| match of_policy(name) {
            true => &["table_tags", "tables"],
            false => frames_of(self.resource.subject, name),
        };
        let mut frames: Vec<&'static str> = missing.iter().flat_map(frames_of_name).copied().collect();
        frames.sort_unstable();
        frames.dedup();
        match why_unknown(&self.resource.target, &self.resource.resource_name, &frames) {
            Some(Missing { why, settled_by }) => {
                format!("not known, because {why} (needs {}); {settled_by}", missing.join(", "))
            }
            None if missing.iter().all(|name| of_policy(name)) => {
                format!("not known: which tier of the policy the table is in cannot be told; {TIERS_KNOWN}")
            }
            None => {
                let clause = missing
                    .iter()
                    .find_map(|name| when_unknown(self.resource.subject, name));
                let clause = clause.map_or_else(String::new, |clause| format!(": {clause}"));
                format!("not known: AWS's answers leave {} open{clause}", missing.join(", "))
            }
        }
    }

    /// What a fact says of why another is open, and what would settle it.
    fn reason(&self, missing: &[&str], values: &Values) -> Option<String> {
        let of = |reason: &&Reason| missing.contains(&reason.open);
        REASONS
            .iter()
            .filter(of)
            .find_map(|reason| match values.get(reason.why) {
                FactValue::Text(why) if **why != *"none" => Some(format!(
                    "not known: {why} (needs {}); {}",
                    missing.join(", "),
                    reason.settled_by
                )),
                _ => None,
            })
    }
}

fn target(account_id: &Option<Text>, region: &Option<Text>) -> TargetId {
    TargetId::new(text(account_id), text(region))
}

fn nowhere() -> TargetId {
    TargetId::new(String::new(), String::new())
}

/// Stable over scans: the rule, and what tells its subject from others. For a table: partition, account, Region and the
/// table's id, or its name where the id is not known.
pub(crate) fn finding_id(rule: &str, identity: &[String; 4]) -> String {
    let mut digest = Sha256::new();
    for part in std::iter::once(rule).chain(identity.iter().map(String::as_str)) {
        digest.update(part.as_bytes());
        digest.update([0]);
    }
    hex(&digest.finalize()[..16])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_one_value_where_its_bounds_agree() {
        let rendered = |least: FactValue, greatest: FactValue| {
            let values = Values::new(vec![("least", least), ("greatest", greatest)]);
            values.render("kept: {least..greatest} days, {least} days")
        };
        let int = FactValue::Int;
        assert_eq!(rendered(int(31), int(31)), "kept: 31 days, 31 days");
        assert_eq!(rendered(int(30), int(31)), "kept: 30 to 31 days, 30 days");
        assert_eq!(rendered(int(14), FactValue::OPEN), "kept: at least 14 days, 14 days");
        assert_eq!(
            rendered(FactValue::OPEN, int(14)),
            "kept: at most 14 days, unknown (left open by AWS) days"
        );
        assert_eq!(
            rendered(FactValue::OPEN, FactValue::OPEN),
            "kept: unknown (left open by AWS) days, unknown (left open by AWS) days"
        );
    }

    #[test]
    fn hours_are_told_as_people_tell_them() {
        let values = Values::new(vec![
            ("gap_hours_sure", FactValue::Float(31.66)),
            ("gap_hours_seen", FactValue::Float(75.0)),
            ("rpo_hours", FactValue::Null(NullCause::None)),
            ("age_hours", FactValue::Null(NullCause::NotAsked)),
        ]);
        assert_eq!(values.render("{gap_hours_seen} old"), "3 d 3 h old");
        assert_eq!(values.render("{gap_hours_seen} h old"), "3 d 3 h old");
        assert_eq!(
            values.render("{gap_hours_sure..gap_hours_seen} h, from"),
            "31 h 39 min to 3 d 3 h, from"
        );
        assert_eq!(
            values.render("{gap_hours_sure..gap_hours_sure} however"),
            "31 h 39 min however"
        );
        assert_eq!(values.render("{rpo_hours} h, {age_hours}"), "none, not asked");
    }
}
