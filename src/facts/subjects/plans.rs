//! Backup plans themselves: do they run, do they take anything, can their jobs work.

use std::collections::BTreeSet;

use crate::criteria::values::FOREVER_DAYS;
use crate::dictionary::{PlanFacts, Text};
use crate::facts::index::Index;
use crate::facts::jobs::{Jobs, OfRole};
use crate::facts::plans::membership::Memberships;
use crate::facts::plans::rule::{PlanRule, interval};
use crate::facts::plans::target::{PlanState, SelectionState, TargetPlans};
use crate::facts::protection::TaggedTable;
use crate::facts::table_points::TablePoints;
use crate::facts::time::{age_hours, hours};
use crate::facts::words::names;

/// The facts of every live plan.
pub(crate) fn facts(index: &Index, memberships: &Memberships, points: &TablePoints, jobs: &Jobs) -> Vec<PlanFacts> {
    let mut all = Vec::new();
    for place in 0..index.targets.len() {
        let Some(target) = memberships.target(place) else {
            continue;
        };
        for plan in target.plans.values() {
            let number = u32::try_from(place).unwrap_or(u32::MAX);
            all.push(
                PlanInTarget {
                    target,
                    plan,
                    place: number,
                    index,
                }
                .facts(points, jobs),
            );
        }
    }
    all
}

/// One plan of one target.
struct PlanInTarget<'p> {
    target: &'p TargetPlans,
    plan: &'p PlanState,
    place: u32,
    index: &'p Index,
}

impl<'p> PlanInTarget<'p> {
    /// Its selections, with their numbers in the index of selections.
    fn selections(&self) -> impl Iterator<Item = (usize, &'p SelectionState)> {
        self.target.selections_of(self.plan)
    }

    fn facts(&self, points: &TablePoints, jobs: &Jobs) -> PlanFacts {
        let (row, as_of) = (&self.plan.row, self.index.as_of);
        let rules = self.plan.rules.as_deref();
        let all: Option<Vec<&PlanRule>> = rules.map(|rules| rules.iter().collect());
        let texts = |text: &dyn Fn(&PlanRule) -> String| -> Option<Text> {
            let all: BTreeSet<String> = rules?.iter().map(text).collect();
            Some(names(all.iter().map(String::as_str)))
        };
        let (role_trouble, role_doubt) = self.role_trouble(jobs);
        let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        PlanFacts {
            account_id: Some(row.account_id.as_str().into()),
            region: Some(row.region.as_str().into()),
            plan_id: Some(row.plan_id.as_str().into()),
            plan_name: Some(self.plan.name().into()),
            is_organization_plan: Some(row.plan_id.starts_with("orgs/")),
            created_at: row.created_at,
            plan_age_hours: row.created_at.map(|at| age_hours(at, as_of)),
            last_run_at: row.last_execution_at,
            has_run: self.has_run(points, jobs),
            rule_count: rules.map(|rules| number(rules.len())),
            schedules: texts(&PlanRule::schedule_text),
            schedules_understood: rules.map(|rules| rules.iter().all(|rule| rule.schedule.is_some())),
            interval_hours: all.and_then(|rules| interval(&rules, as_of)).map(hours),
            retention_days: rules.and_then(|rules| rules.iter().map(PlanRule::retention_days).max()),
            is_for_dynamodb: self.is_for_dynamodb(),
            selection_count: self.plan.selections_whole.then(|| number(self.selections().count())),
            table_count: self.takes_known().then(|| number(self.taken())),
            table_count_seen: Some(number(self.taken())),
            empty_selections: self.empty_selections(),
            vaults: texts(&|rule| rule.vault_text().to_owned()),
            missing_vaults: self.missing_vaults(),
            roles: self.plan.selections_whole.then(|| {
                let roles: BTreeSet<&str> = self
                    .selections()
                    .filter_map(|(_, selection)| selection.role_arn.as_deref())
                    .collect();
                names(roles)
            }),
            role_trouble,
            role_doubt,
            open_selections: Some(self.open_selections()),
            rules_outside_lock: self.rules_outside_lock(),
        }
    }

    /// AWS may leave out when it ran last. A job or a recovery point of the plan proves a run.
    fn has_run(&self, points: &TablePoints, jobs: &Jobs) -> Option<bool> {
        let plan_id = &self.plan.row.plan_id;
        if self.plan.row.last_execution_at.is_some()
            || jobs.last_at(self.place, plan_id).is_some()
            || points.has_of_plan(self.place, plan_id)
        {
            return Some(true);
        }
        (jobs.is_target_whole(self.place) && points.is_target_whole(self.place)).then_some(false)
    }

    /// Tables of the selection that takes most.
    fn taken(&self) -> usize {
        let taken = self.selections().map(|(_, selection)| selection.taken);
        taken.chain([self.plan.proved]).max().unwrap_or(0)
    }

    /// Is it certain which tables the plan takes?
    fn takes_known(&self) -> bool {
        self.index.is_whole(self.place, "dynamodb:ListTables", "")
            && self.plan.selections_whole
            && self.selections().all(|(_, selection)| selection.open == 0)
    }

    fn is_for_dynamodb(&self) -> Option<bool> {
        let names_tables = |number: usize| {
            self.target
                .selection_index
                .selection(number)
                .resources
                .iter()
                .any(|one| is_of_tables(one))
        };
        if self
            .selections()
            .any(|(number, selection)| selection.taken > 0 || names_tables(number))
            || self.plan.proved > 0
        {
            return Some(true);
        }
        self.takes_known().then_some(false)
    }

    /// Selections that name tables and take none. A wildcard in a Region without tables is no mistake.
    fn empty_selections(&self) -> Option<Text> {
        let target = &self.index.targets[self.place as usize];
        let has_tables = self.target.has_tables;
        let names_tables = |number: usize| {
            let patterns = self.target.selection_index.selection(number).resources.iter();
            let mut patterns = patterns.filter(|one| is_of_tables(one));
            patterns.any(|one| has_tables || !one.contains('*'))
        };
        let empty: BTreeSet<&str> = self
            .selections()
            .filter(|(number, selection)| names_tables(*number) && selection.taken == 0 && selection.open == 0)
            .map(|(_, selection)| selection.name.as_str())
            .collect();
        let is_listed = self.index.reading.is_whole(target, "dynamodb:ListTables", "");
        let is_open = !is_listed
            || !self.plan.selections_whole
            || self
                .selections()
                .any(|(number, selection)| names_tables(number) && selection.taken == 0 && selection.open > 0);
        // Tables that were not listed may be the ones that a selection takes.
        ((!empty.is_empty() && is_listed) || !is_open).then(|| names(empty))
    }

    /// Were all vaults listed, and is it known which of them each rule writes to?
    fn knows_vaults(&self, rules: &[PlanRule]) -> bool {
        let is_listed = self.index.is_whole(self.place, "backup:ListBackupVaults", "");
        is_listed && rules.iter().all(PlanRule::is_vault_sure)
    }

    /// Vaults that rules write to and that the whole list of vaults does not hold.
    fn missing_vaults(&self) -> Option<Text> {
        let rules = self.plan.rules.as_deref()?;
        if !self.knows_vaults(rules) {
            return None;
        }
        let gone = |rule: &&PlanRule| rule.vault(self.index).is_none();
        let missing: BTreeSet<&str> = rules.iter().filter(gone).map(PlanRule::vault_text).collect();
        Some(names(missing))
    }

    /// What the last jobs said of their roles: trouble, and failures that leave it open.
    fn role_trouble(&self, jobs: &Jobs) -> (Option<Text>, Option<Text>) {
        if !jobs.is_target_whole(self.place) {
            return (None, None);
        }
        // A role that no selection names any more has no say; where they could not all be read, every role has.
        let whole = self.plan.selections_whole;
        let is_named = |role: &str| self.selections().any(|(_, one)| one.role_arn.as_deref() == Some(role));
        let counts = |role: Option<&str>| !whole || role.is_none_or(is_named);
        let last = jobs
            .last_of_plan(self.place, &self.plan.row.plan_id)
            .filter(|(role, _)| counts(*role));
        let (mut troubles, mut doubts, mut has_any) = (BTreeSet::new(), BTreeSet::new(), false);
        for (_, job) in last {
            has_any = true;
            match &job.of_role {
                OfRole::Trouble(text) => troubles.insert(text.as_str()),
                OfRole::Open(text) => doubts.insert(text.as_str()),
                OfRole::Nothing => false,
            };
        }
        let is_known = has_any && (!troubles.is_empty() || doubts.is_empty());
        (is_known.then(|| names(troubles)), Some(names(doubts)))
    }

    /// Selections that may take a table, with the first such table and why.
    fn open_selections(&self) -> Text {
        let why = |number: usize, selection: &SelectionState| {
            let row = selection.first_open?;
            let (tags, table) = (self.index.tags_of(row), &self.index.tables[row]);
            let subject = TaggedTable {
                arn: &table.table_arn,
                tags: tags.as_ref(),
            };
            let reason = self.target.selection_index.judge_one(number, &subject).reason;
            Some(format!(
                "selection `{}` may take table `{}`: {reason}",
                selection.name, table.table_name
            ))
        };
        let open: BTreeSet<String> = self.selections().filter_map(|(number, one)| why(number, one)).collect();
        names(open.iter().map(String::as_str))
    }

    /// Jobs of such rules fail: the lifecycle is outside the valid range for the vault.
    fn rules_outside_lock(&self) -> Option<Text> {
        let rules = self.plan.rules.as_deref()?;
        if !self.knows_vaults(rules) {
            return None;
        }
        let is_outside = |rule: &&PlanRule| {
            let Some((least, most)) = rule.vault(self.index).map(|vault| vault.bounds()) else {
                return false;
            };
            let kept = rule.retention_days();
            // For ever lies beyond every upper bound, and beyond none where there is no bound.
            kept < least || (kept > most && most < FOREVER_DAYS)
        };
        let outside: BTreeSet<&str> = rules
            .iter()
            .filter(is_outside)
            .map(|rule| rule.row.rule_name.as_str())
            .collect();
        Some(names(outside))
    }
}

/// A pattern that names DynamoDB tables, one or many.
fn is_of_tables(pattern: &str) -> bool {
    let mut parts = pattern.splitn(6, ':');
    parts.nth(2) == Some("dynamodb") && parts.nth(2).is_some_and(|resource| resource.starts_with("table/"))
}

#[cfg(test)]
mod tests {
    use super::is_of_tables;

    #[test]
    fn patterns_of_tables_are_told_from_others() {
        assert!(is_of_tables("arn:aws:dynamodb:*:*:table/*"));
        assert!(is_of_tables("arn:aws:dynamodb:eu-west-1:111122223333:table/Orders"));
        for other in [
            "*",
            "arn:aws:dynamodb:*",
            "arn:aws:ec2:*:*:volume/*",
            "arn:aws:rds:*:*:db:table/x",
        ] {
            assert!(!is_of_tables(other), "{other}");
        }
    }
}
