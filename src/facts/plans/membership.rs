//! Which plans take a table.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

use super::offers::Offers;
use super::rule::PlanRule;
use super::target::{Proof, TargetPlans};
use crate::dictionary::TableFacts;
use crate::facts::index::Index;
use crate::facts::jobs::Jobs;
use crate::facts::protection::{Members, Membership, PlanVerdictKind, TaggedTable, members, verdict_of};
use crate::facts::table_points::TablePoints;
use crate::inventory::Inventory;
use crate::inventory::schema::Plan;
use crate::problem::Problem;

/// Plans and selections of all targets, and which selections take which table.
pub(crate) struct Memberships {
    /// By place of the target.
    targets: Vec<TargetPlans>,
    /// The members of each table, by place in `sets`.
    set_of: Vec<u32>,
    /// What proves that plans take a table which their selections leave open, by row.
    proofs: HashMap<usize, Vec<Proof>>,
    sets: Vec<Members>,
    /// What sets of plans promise, worked out once.
    offers: Mutex<HashMap<OfferKey, Arc<Offers>>>,
    /// The scan read plans; one for rules that need none does not.
    is_asked: bool,
}

/// Target, members, plans that are proved to take the table, and whether all is known.
type OfferKey = (u32, u32, Vec<String>, bool);

/// The answer of a selection that takes a table in no case.
pub(crate) const DOES_NOT_TAKE: &str = "does not take";

/// What one selection says of one table.
#[derive(Debug, Clone)]
pub(crate) struct SelectionAnswer {
    /// The plan's name.
    pub(crate) plan: String,
    /// The selection's name.
    pub(crate) selection: String,
    /// `takes`, `may take` or `does not take`.
    pub(crate) answer: &'static str,
    /// Which clause matched or failed, in words. Quotes text from AWS, which is untrusted.
    pub(crate) reason: String,
}

impl Memberships {
    pub fn read(inventory: &Inventory, index: &Index, points: &TablePoints, jobs: &Jobs) -> Result<Self, Problem> {
        let mut memberships = Self {
            targets: TargetPlans::read(inventory, index)?,
            set_of: Vec::with_capacity(index.tables.len()),
            sets: Vec::new(),
            proofs: HashMap::new(),
            offers: Mutex::new(HashMap::new()),
            is_asked: inventory.has::<Plan>(),
        };
        memberships.judge_all(index, points, jobs);
        Ok(memberships)
    }

    /// Asks every selection that may concern a table, once for each table, on all processors.
    fn judge_all(&mut self, index: &Index, points: &TablePoints, jobs: &Jobs) {
        let rows = index.tables.len();
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let share = rows.div_ceil(threads).max(1);
        let targets = &self.targets;
        let judge = |rows: std::ops::Range<usize>| -> Vec<Members> {
            rows.map(|row| members_of(targets, row, index)).collect()
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
        for (row, mut members) in judged.into_iter().flatten().enumerate() {
            let place = index.target_place(row);
            if let Some(target) = self.targets.get_mut(place as usize) {
                target.has_tables = true;
                let proofs = prove(target, (row, place), &mut members, points, jobs);
                if !proofs.is_empty() {
                    self.proofs.insert(row, proofs);
                }
                for number in &members.matches {
                    target.selections[*number as usize].taken += 1;
                }
                for number in &members.open {
                    let selection = &mut target.selections[*number as usize];
                    selection.open += 1;
                    selection.first_open.get_or_insert(row);
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

    pub(crate) fn fill(
        &self,
        facts: &mut TableFacts,
        row: usize,
        index: &Index,
        usual_duration_seconds: Option<i64>,
        tags: Option<&BTreeMap<String, String>>,
    ) -> Arc<Offers> {
        let place = index.target_place(row);
        let Some(target) = self.targets.get(place as usize) else {
            return Arc::default();
        };
        let subject = TaggedTable {
            arn: &index.tables[row].table_arn,
            tags,
        };
        let set = self.set_of[row];
        let verdict = verdict_of(
            &target.selection_index,
            &subject,
            &self.sets[set as usize],
            &target.unread,
        );
        let (mut kind, mut reason) = (verdict.kind, verdict.reason);
        let proofs = self.proofs.get(&row).map_or(&[][..], Vec::as_slice);
        if let Some(proof) = proofs.first()
            && self.is_by_proof_alone(set, proofs, target)
        {
            kind = PlanVerdictKind::Protected;
            reason = format!("{} ({reason})", proof.text);
        }
        if !self.is_asked {
            reason = "not asked: the rules that ran need no backup plans, and none was read".to_owned();
        }
        let proved = proofs.iter().map(|proof| proof.plan_id.clone()).collect();
        let (word, answer) = match kind {
            PlanVerdictKind::Protected => ("protected", Some(true)),
            PlanVerdictKind::Unprotected => ("unprotected", Some(false)),
            PlanVerdictKind::Uncertain => ("uncertain", None),
        };
        facts.in_a_plan = answer;
        facts.plan_verdict = Some(word.into());
        facts.plan_reason = Some(reason.into());
        facts.plan_exclusion_seen = answer.map(|_| verdict.exclusion.map_or_else(|| "none".into(), Into::into));
        let offers = self.offers(place, set, proved, index);
        let table = &index.tables[row];
        offers.fill(facts, usual_duration_seconds, (&table.account_id, &table.region));
        offers
    }

    /// The plans of the target of a table.
    pub(crate) fn target_of(&self, row: usize, index: &Index) -> Option<&TargetPlans> {
        self.targets.get(index.target_place(row) as usize)
    }

    /// Does nothing but what plans made say that the table is in a plan?
    fn is_by_proof_alone(&self, set: u32, proofs: &[Proof], target: &TargetPlans) -> bool {
        let mut matches = self.sets[set as usize].matches.iter();
        matches.all(|number| {
            let plan_id = &target.selections[*number as usize].plan_id;
            proofs.iter().any(|proof| proof.plan_id == *plan_id)
        })
    }

    fn offers(&self, place: u32, set: u32, proved: Vec<String>, index: &Index) -> Arc<Offers> {
        let target = &self.targets[place as usize];
        let key = (place, set, proved, target.unread.is_empty());
        let mut known = self.offers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(offers) = known.get(&key) {
            return Arc::clone(offers);
        }
        let offers = Arc::new(target.offers(place, &self.sets[set as usize], &key.2, index));
        known.insert(key, Arc::clone(&offers));
        offers
    }

    /// Every selection of the table's target: does it take the table, and why.
    pub(crate) fn explain(&self, row: usize, index: &Index) -> Vec<SelectionAnswer> {
        let Some(target) = self.targets.get(index.target_place(row) as usize) else {
            return Vec::new();
        };
        let tags = index.tags_of(row);
        let subject = TaggedTable {
            arn: &index.tables[row].table_arn,
            tags: tags.as_ref(),
        };
        let answer = |number: usize| {
            let judgement = target.selection_index.judge_one(number, &subject);
            let selection = target.selection_index.selection(number);
            SelectionAnswer {
                plan: selection.plan_name.clone(),
                selection: selection.selection_name.clone(),
                answer: match judgement.membership {
                    Membership::Yes => "takes",
                    Membership::Uncertain => "may take",
                    Membership::No => DOES_NOT_TAKE,
                },
                reason: judgement.reason,
            }
        };
        (0..target.selection_index.len()).map(answer).collect()
    }

    /// How long a rule of a live plan keeps what it makes, and since when the plan says so.
    pub(crate) fn retention(&self, place: u32, plan_id: &str, rule_id: &str) -> Option<(TimeDelta, DateTime<Utc>)> {
        let plan = self.targets.get(place as usize)?.plans.get(plan_id)?;
        let mut rules = plan.rules.iter().flatten();
        let rule = rules.find(|rule| rule.row.rule_id.as_deref() == Some(rule_id))?;
        Some((TimeDelta::days(rule.retention_days()), plan.version_at?))
    }

    /// Were all plans of a target listed, and this one with its rules and its versions, if it is still there? Then what it does
    /// not say of the past nobody does.
    pub(crate) fn is_plan_read(&self, place: u32, plan_id: &str, index: &Index) -> bool {
        let plan = self
            .targets
            .get(place as usize)
            .and_then(|target| target.plans.get(plan_id));
        index.is_whole(place, "backup:ListBackupPlans", "")
            && plan.is_none_or(|plan| plan.rules.is_some() && plan.version_at.is_some())
    }

    /// The plans of a target.
    pub(crate) fn target(&self, place: usize) -> Option<&TargetPlans> {
        self.targets.get(place)
    }

    /// Does a rule of a plan that takes a table write to this vault? `None`: a plan could not be read, it is not known which of
    /// its two vaults a rule writes to, or not every table was listed, so that a selection may take one that nobody saw.
    pub(crate) fn writes_to(
        &self,
        place: u32,
        vault_name: &str,
        vault_arn: Option<&str>,
        are_tables_listed: bool,
    ) -> Option<bool> {
        let target = self.targets.get(place as usize)?;
        // Without advanced features AWS leaves the point in the ordinary vault of the two that a rule names.
        let writes = |rule: &PlanRule| match &rule.row.air_gapped_vault_arn {
            Some(arn) if Some(arn.as_str()) == vault_arn => rule.advanced_on,
            Some(_) if rule.row.vault_name == vault_name => rule.advanced_on.map(|is_on| !is_on),
            Some(_) => Some(false),
            None => Some(rule.row.vault_name == vault_name),
        };
        let mut is_open = !target.unread.is_empty();
        for plan in target.plans.values() {
            let writes = plan.rules.as_ref().and_then(|rules| any(rules.iter().map(writes)));
            let of_plan = || target.selections_of(plan).map(|(_, selection)| selection);
            let takes = plan.proved > 0 || of_plan().any(|selection| selection.taken > 0);
            match writes {
                Some(false) => {}
                Some(true) if takes => return Some(true),
                None if plan.rules.is_none() => is_open = true,
                _ => is_open |= takes || of_plan().any(|selection| selection.open > 0 || !are_tables_listed),
            }
        }
        (!is_open).then_some(false)
    }
}

/// Does one of these hold? Unknown, if none does for certain and one is unknown.
fn any(answers: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut any = Some(false);
    for answer in answers {
        match answer {
            Some(true) => return answer,
            Some(false) => {}
            None => any = None,
        }
    }
    any
}

/// What proves that plans take a table which their selections leave open. Where one selection of such a plan is open, that is
/// the one that takes it.
fn prove(
    target: &mut TargetPlans,
    (row, place): (usize, u32),
    members: &mut Members,
    points: &TablePoints,
    jobs: &Jobs,
) -> Vec<Proof> {
    if members.open.is_empty() && target.unread.is_empty() {
        return Vec::new();
    }
    // Where not every job was read, the plan may have run since.
    if !jobs.is_target_whole(place) {
        return Vec::new();
    }
    let mut proofs: Vec<Proof> = Vec::new();
    for made in points.plan_made(row).into_iter().chain(jobs.last_by_plans(row)) {
        let is_proved = proofs.iter().any(|proof| proof.plan_id == made.plan_id);
        let last_job = jobs.last_at(place, made.plan_id);
        if !is_proved && let Some(proof) = target.proof(&made, members, last_job) {
            proofs.push(proof);
        }
    }
    for proof in &proofs {
        let Some(plan) = target.plans.get(&proof.plan_id) else {
            continue;
        };
        let open: Vec<usize> = target.open_of(plan, members).collect();
        if let [number] = open[..]
            && plan.selections_whole
        {
            let number = u32::try_from(number).unwrap_or(u32::MAX);
            members.open.retain(|open| *open != number);
            members.matches.push(number);
            members.matches.sort_unstable();
        } else if let Some(plan) = target.plans.get_mut(&proof.plan_id) {
            plan.proved += 1;
        }
    }
    proofs
}

fn members_of(targets: &[TargetPlans], row: usize, index: &Index) -> Members {
    let Some(target) = targets.get(index.target_place(row) as usize) else {
        return Members::default();
    };
    if target.selection_index.is_empty() {
        return Members::default();
    }
    let tags = index.tags_of(row);
    let subject = TaggedTable {
        arn: &index.tables[row].table_arn,
        tags: tags.as_ref(),
    };
    members(&target.selection_index, &subject)
}
