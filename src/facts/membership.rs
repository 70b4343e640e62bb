//! Which plans take a table.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

use super::Evidence;
use super::offers::{Offers, Parts, Rule};
use super::points::PlanMade;
use super::protection::{
    Condition, Index, Members, Membership, Place, PlanVerdictKind, Runs, Selection, TableFacts as Subject,
    TagCondition, Unread, members, verdict_of,
};
use crate::dictionary::TableFacts;
use crate::domain::{TargetId, rfc3339};
use crate::inventory::Inventory;
use crate::inventory::schema::{Plan, PlanRule, PlanVersion, Selection as SelectionRow};
use crate::problem::Problem;

/// Plans and selections of all targets, and which selections take which table.
pub(super) struct Memberships {
    /// By place of the target.
    targets: Vec<Target>,
    /// The members of each table, by place in `sets`.
    set_of: Vec<u32>,
    sets: Vec<Members>,
    /// What sets of plans promise, worked out once.
    offers: Mutex<HashMap<OfferKey, Arc<Offers>>>,
}

/// Target, members, plan proved by a recovery point, and whether all is known.
type OfferKey = (u32, u32, Option<String>, bool);

/// Plans of one target.
pub(super) struct Target {
    pub(super) index: Index,
    /// Of each selection of the index.
    pub(super) selections: Vec<SelectionState>,
    unread: Vec<Unread>,
    pub(super) plans: BTreeMap<String, PlanState>,
}

/// What is known of a selection beside its clauses.
pub(super) struct SelectionState {
    pub(super) plan_id: String,
    pub(super) name: String,
    pub(super) role_arn: Option<String>,
    created_at: Option<DateTime<Utc>>,
    /// Tables that it takes for certain.
    pub(super) taken: usize,
    /// Tables that it may take.
    pub(super) open: usize,
}

/// A plan and what hangs on it.
pub(super) struct PlanState {
    pub(super) row: Plan,
    /// `None`: the plan's rules could not be read.
    pub(super) rules: Option<Vec<Rule>>,
    /// Since when the version in force is.
    version_at: Option<DateTime<Utc>>,
    /// Its selections were listed, and each of them could be read.
    pub(super) selections_whole: bool,
}

impl PlanState {
    pub(super) fn name(&self) -> &str {
        self.row.plan_name.as_deref().unwrap_or(&self.row.plan_id)
    }

    /// Has it a rule that will run again?
    fn runs(&self) -> Runs {
        match &self.rules {
            None => Runs::Unread,
            Some(rules) if rules.iter().all(|rule| rule.is_over) => Runs::No,
            Some(_) => Runs::Yes,
        }
    }
}

/// What one selection says of one table.
#[derive(Debug, Clone)]
pub struct SelectionAnswer {
    /// The plan's name.
    pub plan: String,
    /// The selection's name.
    pub selection: String,
    /// `takes`, `may take` or `does not take`.
    pub answer: &'static str,
    /// Which clause matched or failed, in words. Quotes text from AWS, which is untrusted.
    pub reason: String,
}

impl Memberships {
    pub(super) fn read(inventory: &Inventory, evidence: &Evidence) -> Result<Self, Problem> {
        let mut plans = read_plans(inventory, evidence)?;
        let mut rows = read_selections(inventory, evidence)?;
        let mut targets = Vec::with_capacity(evidence.targets.len());
        for target in &evidence.targets {
            let plans = plans.remove(target).unwrap_or_default();
            targets.push(Target::new(
                target,
                plans,
                rows.remove(target).unwrap_or_default(),
                evidence,
            )?);
        }
        let mut memberships = Self {
            targets,
            set_of: Vec::with_capacity(evidence.tables.len()),
            sets: Vec::new(),
            offers: Mutex::new(HashMap::new()),
        };
        memberships.judge_all(evidence);
        Ok(memberships)
    }

    /// Asks every selection that may concern a table, once for each table, on all processors.
    fn judge_all(&mut self, evidence: &Evidence) {
        let rows = evidence.tables.len();
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let share = rows.div_ceil(threads).max(1);
        let targets = &self.targets;
        let judge = |rows: std::ops::Range<usize>| -> Vec<Members> {
            rows.map(|row| members_of(targets, row, evidence)).collect()
        };
        let judged: Vec<Vec<Members>> = std::thread::scope(|scope| {
            let parts: Vec<_> = (0..rows)
                .step_by(share)
                .map(|start| scope.spawn(move || judge(start..rows.min(start + share))))
                .collect();
            let join = |part: std::thread::ScopedJoinHandle<'_, Vec<Members>>| part.join();
            let joined = parts.into_iter().map(join);
            joined
                .map(|part| part.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .collect()
        });
        let mut numbers: HashMap<Members, u32> = HashMap::new();
        for (row, members) in judged.into_iter().flatten().enumerate() {
            if let Some(target) = self.targets.get_mut(evidence.target_place(row) as usize) {
                for number in &members.matches {
                    target.selections[*number as usize].taken += 1;
                }
                for number in &members.open {
                    target.selections[*number as usize].open += 1;
                }
            }
            let next = u32::try_from(self.sets.len()).unwrap_or(u32::MAX);
            let number = *numbers.entry(members).or_insert_with_key(|members| {
                self.sets.push(members.clone());
                next
            });
            self.set_of.push(number);
        }
    }

    pub(super) fn fill(
        &self,
        facts: &mut TableFacts,
        row: usize,
        evidence: &Evidence,
        made: Option<&PlanMade<'_>>,
        usual_duration_seconds: Option<i64>,
        tags: Option<&BTreeMap<String, String>>,
    ) -> Arc<Offers> {
        let place = evidence.target_place(row);
        let Some(target) = self.targets.get(place as usize) else {
            return Arc::default();
        };
        let subject = Subject {
            arn: &evidence.tables[row].table_arn,
            tags,
        };
        let set = self.set_of[row];
        let verdict = verdict_of(&target.index, &subject, &self.sets[set as usize], &target.unread);
        let (mut kind, mut reason) = (verdict.kind, verdict.reason);
        let mut proved = None;
        if kind == PlanVerdictKind::Uncertain
            && let Some((plan_id, proof)) = made.and_then(|made| target.proof(made, &self.sets[set as usize]))
        {
            kind = PlanVerdictKind::Protected;
            reason = format!("{proof} ({reason})");
            proved = Some(plan_id.to_owned());
        }
        let (word, answer) = match kind {
            PlanVerdictKind::Protected => ("protected", Some(true)),
            PlanVerdictKind::Unprotected => ("unprotected", Some(false)),
            PlanVerdictKind::Uncertain => ("uncertain", None),
        };
        facts.in_a_plan = answer;
        facts.plan_verdict = Some(word.into());
        facts.plan_reason = Some(reason.into());
        let offers = self.offers(place, set, proved, evidence);
        let table = &evidence.tables[row];
        offers.fill(facts, usual_duration_seconds, (&table.account_id, &table.region));
        offers
    }

    fn offers(&self, place: u32, set: u32, proved: Option<String>, evidence: &Evidence) -> Arc<Offers> {
        let target = &self.targets[place as usize];
        let key = (place, set, proved, target.unread.is_empty());
        let mut known = self.offers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(offers) = known.get(&key) {
            return Arc::clone(offers);
        }
        let offers = Arc::new(target.offers(place, &self.sets[set as usize], key.2.as_deref(), evidence));
        known.insert(key, Arc::clone(&offers));
        offers
    }

    /// Every selection of the table's target: does it take the table, and why.
    pub(super) fn explain(&self, row: usize, evidence: &Evidence) -> Vec<SelectionAnswer> {
        let Some(target) = self.targets.get(evidence.target_place(row) as usize) else {
            return Vec::new();
        };
        let tags = evidence.tags_of(row);
        let subject = Subject {
            arn: &evidence.tables[row].table_arn,
            tags: tags.as_ref(),
        };
        let answer = |number: usize| {
            let judgement = target.index.judge_one(number, &subject);
            let selection = target.index.selection(number);
            SelectionAnswer {
                plan: selection.plan_name.clone(),
                selection: selection.selection_name.clone(),
                answer: match judgement.membership {
                    Membership::Yes => "takes",
                    Membership::Uncertain => "may take",
                    Membership::No => "does not take",
                },
                reason: judgement.reason,
            }
        };
        (0..target.index.len()).map(answer).collect()
    }

    /// How long a rule of a live plan keeps what it makes, and since when the plan says so.
    pub(super) fn retention(&self, place: u32, plan_id: &str, rule_id: &str) -> Option<(TimeDelta, DateTime<Utc>)> {
        let plan = self.targets.get(place as usize)?.plans.get(plan_id)?;
        let mut rules = plan.rules.iter().flatten();
        let rule = rules.find(|rule| rule.row.rule_id.as_deref() == Some(rule_id))?;
        Some((TimeDelta::days(rule.retention_days()), plan.version_at?))
    }

    /// The plans of a target.
    pub(super) fn target(&self, place: usize) -> Option<&Target> {
        self.targets.get(place)
    }

    /// Does a rule of a plan that takes a table write to this vault? `None`: a plan could not be read.
    pub(super) fn writes_to(&self, place: u32, vault_name: &str, vault_arn: Option<&str>) -> Option<bool> {
        let target = self.targets.get(place as usize)?;
        // Where it is not known which of its two vaults a rule writes to, it uses both.
        let writes = |rule: &Rule| match &rule.row.air_gapped_vault_arn {
            Some(arn) if Some(arn.as_str()) == vault_arn => rule.advanced_on != Some(false),
            Some(_) => rule.advanced_on != Some(true) && rule.row.vault_name == vault_name,
            None => rule.row.vault_name == vault_name,
        };
        let mut is_open = !target.unread.is_empty();
        for (plan_id, plan) in &target.plans {
            let of_plan = || {
                target
                    .selections
                    .iter()
                    .filter(|selection| selection.plan_id == *plan_id)
            };
            match &plan.rules {
                Some(rules) if !rules.iter().any(writes) => {}
                Some(_) if of_plan().any(|selection| selection.taken > 0) => return Some(true),
                Some(_) => is_open |= of_plan().any(|selection| selection.open > 0),
                None => is_open = true,
            }
        }
        (!is_open).then_some(false)
    }
}

fn members_of(targets: &[Target], row: usize, evidence: &Evidence) -> Members {
    let Some(target) = targets.get(evidence.target_place(row) as usize) else {
        return Members::default();
    };
    if target.index.is_empty() {
        return Members::default();
    }
    let tags = evidence.tags_of(row);
    let subject = Subject {
        arn: &evidence.tables[row].table_arn,
        tags: tags.as_ref(),
    };
    members(&target.index, &subject)
}

type Plans = BTreeMap<TargetId, BTreeMap<String, PlanState>>;

fn read_plans(inventory: &Inventory, evidence: &Evidence) -> Result<Plans, Problem> {
    let mut plans = Plans::new();
    for row in inventory.read::<Plan>()? {
        let target = TargetId::new(&row.account_id, &row.region);
        let is_whole = |action| evidence.reading.is_whole(&target, action, &row.plan_id);
        let begins = format!("{} ", row.plan_id);
        let has_broken = evidence
            .reading
            .failures_of(&target)
            .any(|failure| failure.action == "backup:GetBackupSelection" && failure.resource.starts_with(&begins));
        let state = PlanState {
            rules: is_whole("backup:GetBackupPlan").then(Vec::new),
            version_at: None,
            selections_whole: is_whole("backup:ListBackupSelections") && !has_broken,
            row,
        };
        plans
            .entry(target)
            .or_default()
            .insert(state.row.plan_id.clone(), state);
    }
    let mut plan_of = |account_id: &str, region: &str, plan_id: &str, with: &mut dyn FnMut(&mut PlanState)| {
        let plan = plans
            .get_mut(&TargetId::new(account_id, region))
            .and_then(|plans| plans.get_mut(plan_id));
        plan.into_iter().for_each(with);
    };
    for row in inventory.read::<PlanRule>()? {
        let (account_id, region, plan_id) = (row.account_id.clone(), row.region.clone(), row.plan_id.clone());
        let mut rule = Some(Rule::new(row, evidence));
        plan_of(&account_id, &region, &plan_id, &mut |plan| {
            plan.rules.iter_mut().for_each(|rules| rules.extend(rule.take()));
        });
    }
    for row in inventory.read::<PlanVersion>()? {
        plan_of(&row.account_id, &row.region, &row.plan_id, &mut |plan| {
            if plan.row.version_id.is_some() && plan.row.version_id == row.version_id {
                plan.version_at = row.created_at;
            }
        });
    }
    Ok(plans)
}

fn read_selections(
    inventory: &Inventory,
    evidence: &Evidence,
) -> Result<BTreeMap<TargetId, Vec<SelectionRow>>, Problem> {
    let mut selections: BTreeMap<TargetId, Vec<SelectionRow>> = evidence
        .targets
        .iter()
        .map(|target| (target.clone(), Vec::new()))
        .collect();
    for row in inventory.read::<SelectionRow>()? {
        selections
            .entry(TargetId::new(&row.account_id, &row.region))
            .or_default()
            .push(row);
    }
    for rows in selections.values_mut() {
        rows.sort_by(|a, b| (&a.plan_id, &a.selection_id).cmp(&(&b.plan_id, &b.selection_id)));
    }
    Ok(selections)
}

impl Target {
    fn new(
        target: &TargetId,
        plans: BTreeMap<String, PlanState>,
        rows: Vec<SelectionRow>,
        evidence: &Evidence,
    ) -> Result<Self, Problem> {
        let mut unread = Vec::new();
        if !evidence.reading.is_whole(target, "backup:ListBackupPlans", "") {
            unread.push(Unread {
                what: "the list of backup plans".to_owned(),
            });
        }
        for plan in plans.values() {
            if !evidence
                .reading
                .is_whole(target, "backup:ListBackupSelections", &plan.row.plan_id)
            {
                unread.push(Unread {
                    what: format!("the selections of plan `{}`", plan.name()),
                });
            }
        }
        for failure in evidence.reading.failures_of(target) {
            if failure.action == "backup:GetBackupSelection" {
                unread.push(Unread {
                    what: format!("selection `{}`", failure.resource),
                });
            }
        }
        let (mut selections, mut states) = (Vec::new(), Vec::new());
        for row in rows {
            let plan = plans.get(&row.plan_id);
            states.push(SelectionState {
                plan_id: row.plan_id.clone(),
                name: row.selection_name.clone(),
                role_arn: row.role_arn.clone(),
                created_at: row.created_at,
                taken: 0,
                open: 0,
            });
            selections.push(selection(row, plan)?);
        }
        let settings = evidence.settings.get(target);
        let place = Place {
            partition: evidence
                .partitions
                .get(target)
                .cloned()
                .unwrap_or_else(|| "aws".to_owned()),
            account_id: target.account_id.clone(),
            region: target.region.clone(),
            opt_in: settings.map(|settings| settings.dynamodb_opt_in.unwrap_or(false)),
            org_opt_in: None,
        };
        Ok(Self {
            index: Index::new(place, selections),
            selections: states,
            unread,
            plans,
        })
    }

    /// A recovery point that a live plan made in its latest run proves that the plan takes the table, whatever AWS's
    /// documents leave open. An older point does not, nor one that is older than the selection: both may have changed
    /// since. Nor does a point prove anything of a plan that surely does not take the table any more.
    fn proof(&self, made: &PlanMade<'_>, members: &Members) -> Option<(&str, String)> {
        let (id, plan) = self.plans.get_key_value(made.plan_id)?;
        let last_run = plan.row.last_execution_at?;
        let open = members.open.iter().map(|number| &self.selections[*number as usize]);
        let mut of_plan = open.filter(|selection| selection.plan_id == *id);
        let may_take = !plan.selections_whole
            || of_plan.any(|selection| selection.created_at.is_some_and(|created_at| created_at <= made.at));
        (may_take && made.at >= last_run - TimeDelta::days(1)).then(|| {
            let proof = format!(
                "proved by recovery point {} that plan `{}` made at {}",
                made.recovery_point_arn,
                plan.name(),
                rfc3339(made.at)
            );
            (id.as_str(), proof)
        })
    }

    fn offers(&self, place: u32, members: &Members, proved: Option<&str>, evidence: &Evidence) -> Offers {
        let plan_of = |number: &u32| self.selections[*number as usize].plan_id.as_str();
        let sure: BTreeSet<&str> = members.matches.iter().map(plan_of).chain(proved).collect();
        let is_open = members.open.iter().map(plan_of).any(|plan| !sure.contains(plan));
        let plans: Vec<&PlanState> = sure.iter().filter_map(|plan| self.plans.get(*plan)).collect();
        let all_read = plans.len() == sure.len() && plans.iter().all(|plan| plan.rules.is_some());
        let selection_text = |number: &u32| {
            let selection = &self.selections[*number as usize];
            let plan = self.plans.get(&selection.plan_id).map_or("", PlanState::name);
            format!("{plan}/{}", selection.name)
        };
        Offers::new(
            Parts {
                place,
                plan_ids: sure.iter().map(|plan| (*plan).to_owned()).collect(),
                plan_names: plans.iter().map(|plan| plan.name().to_owned()).collect(),
                selections: members.matches.iter().map(selection_text).collect(),
                rules: plans.iter().filter_map(|plan| plan.rules.as_ref()).flatten().collect(),
                is_whole: !is_open && self.unread.is_empty() && all_read,
                last_run_at: plans.iter().filter_map(|plan| plan.row.last_execution_at).max(),
                since: self.since(&plans, members),
            },
            evidence,
        )
    }

    /// Since when these plans take the table as they do now: each by its version in force and its first selection.
    fn since(&self, plans: &[&PlanState], members: &Members) -> Option<DateTime<Utc>> {
        let mut since = None;
        for plan in plans {
            let of_plan = members
                .matches
                .iter()
                .map(|number| &self.selections[*number as usize])
                .filter(|selection| selection.plan_id == plan.row.plan_id);
            let dates: Option<Vec<DateTime<Utc>>> = of_plan.map(|selection| selection.created_at).collect();
            let selected_at = dates?.into_iter().min()?;
            since = since.max(Some(selected_at.max(plan.version_at?)));
        }
        since
    }
}

fn selection(row: SelectionRow, plan: Option<&PlanState>) -> Result<Selection, Problem> {
    let damaged = |error: serde_json::Error| {
        Problem::new(format!(
            "could not read selection `{}` of the inventory",
            row.selection_id
        ))
        .why(error.to_string())
        .so("nothing was evaluated")
        .hint("the file is damaged; collect again")
    };
    let list = |text: &str| serde_json::from_str::<Vec<String>>(text).map_err(damaged);
    let triples = |text: &str| serde_json::from_str::<Vec<[String; 3]>>(text).map_err(damaged);
    Ok(Selection {
        plan_name: plan.map_or(&*row.plan_id, PlanState::name).to_owned(),
        is_organization_plan: row.plan_id.starts_with("orgs/"),
        runs: plan.map_or(Runs::Unread, PlanState::runs),
        resources: list(&row.resources_json)?,
        not_resources: list(&row.not_resources_json)?,
        list_of_tags: triples(&row.list_of_tags_json)?
            .into_iter()
            .map(|[kind, key, value]| TagCondition { kind, key, value })
            .collect(),
        conditions: triples(&row.conditions_json)?
            .into_iter()
            .map(|[operator, key, value]| Condition {
                operator: operator.as_str().into(),
                key,
                value,
            })
            .collect(),
        plan_id: row.plan_id,
        selection_id: row.selection_id,
        selection_name: row.selection_name,
    })
}
