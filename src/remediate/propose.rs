//! Findings to a plan. Kinds of actions are asked in their order, each for the world as it would be by then, and the whole plan
//! is judged at the end like any inventory: what it says that it fixes is what the rules say. No call to AWS, no clock.

use std::collections::{BTreeMap, BTreeSet};

use super::actions::{Act as _, Deed, KINDS, Kind, MakeRole, Thing, make_sure_of_roles, token};
use super::price::Prices;
use super::world::World;
use super::{Action, Blocked, Choice, Fix, PLAN_VERSION, Plan, Remaining, unanswered};
use crate::criteria::Criteria;
use crate::domain::{FactName, FactValue, Finding, NullCause, TargetId, Verdict};
use crate::inventory::Inventory;
use crate::judge::judge;
use crate::problem::Outcome;
use crate::report::{Report, TableRow};
use crate::settings::Remediation;
use crate::text::list;

/// What proposals rest on, and what was proposed so far.
pub(crate) struct Planner<'p> {
    /// What tables are judged by.
    pub(crate) criteria: &'p Criteria,
    /// How people want things done.
    pub(crate) settings: &'p Remediation,
    prices: &'p Prices,
    /// The judgement of the world as it would be after the actions so far.
    pub(crate) report: Report,
    /// That world.
    pub(crate) world: World,
    scan_id: String,
    choice: &'p Choice,
    actions: Vec<Action>,
    /// Why a finding gets no action, by its id.
    blocked: BTreeMap<String, String>,
    /// Where each table stands in the report.
    places: BTreeMap<String, usize>,
}

impl Planner<'_> {
    /// What the actions of a kind are to answer: findings of the world as it would be that are required (or advised, where that
    /// was asked for), that no waiver accepts, and that say no for certain.
    pub(crate) fn open(&self, kind: &Kind) -> Vec<Finding> {
        let rules = answered(kind, self.criteria);
        self.open_of(|rule| rules.contains(rule))
    }

    /// The same of other rules: what an action serves without answering it.
    pub(crate) fn open_of(&self, is_of: impl Fn(&str) -> bool) -> Vec<Finding> {
        let findings = self.report.findings.iter().filter(|finding| {
            is_of(&finding.rule) && finding.verdict == Verdict::NonCompliant && is_wanted(finding, self.choice)
        });
        findings.cloned().collect()
    }

    /// Was it said that this vault may get a compliance lock?
    pub(crate) fn may_lock_for_good(&self, vault_name: &str) -> bool {
        self.choice.compliance_locks.iter().any(|name| name == vault_name)
    }

    /// May the plan hold actions of this kind?
    pub(crate) fn takes(&self, kind: &str) -> bool {
        self.choice.takes(kind)
    }

    /// Is this finding one that says no, or is not known, and is the plan's affair?
    pub(crate) fn is_open(&self, finding: &Finding) -> bool {
        matches!(finding.verdict, Verdict::NonCompliant | Verdict::Unknown) && is_wanted(finding, self.choice)
    }

    /// A table of the report, by ARN.
    pub(crate) fn table(&self, arn: &str) -> Option<&TableRow> {
        self.places.get(arn).map(|place| &self.report.tables[*place])
    }

    /// Adds an action for these findings. The same deed in the same place is done once, for the findings of all.
    pub(crate) fn add(&mut self, at: &TargetId, deed: Deed, reason: &str, findings: &[&Finding]) {
        let ids = findings.iter().map(|finding| finding.id.to_string());
        if let Some(action) = self
            .actions
            .iter_mut()
            .find(|action| action.target() == *at && action.deed == deed)
        {
            let new: Vec<String> = ids.filter(|id| !action.findings.contains(id)).collect();
            action.findings.extend(new);
            return;
        }
        let text = serde_json::to_string(&deed).expect("plain values always have a JSON form");
        self.actions.push(Action {
            id: token(&[&self.scan_id, &at.to_string(), &text]),
            needs: Vec::new(),
            account_id: at.account_id.clone(),
            region: at.region.clone(),
            reason: reason.to_owned(),
            findings: ids.collect(),
            cost: self.prices.cost(&at.region, deed.quantities()),
            deed,
        });
    }

    /// Adds an action before all others that nothing but those asks for.
    pub(crate) fn add_first(&mut self, at: &TargetId, deed: Deed, reason: &str) {
        let known = self.actions.len();
        self.add(at, deed, reason, &[]);
        if self.actions.len() > known {
            self.actions.rotate_right(1);
        }
    }

    /// Says why a finding gets no action. The first reason stays.
    pub(crate) fn block(&mut self, finding: &Finding, why: impl Into<String>) {
        self.blocked.entry(finding.id.to_string()).or_insert_with(|| why.into());
    }

    /// The actions proposed so far.
    pub(crate) fn actions(&self) -> &[Action] {
        &self.actions
    }

    /// Judges the world as it would be if these were done too. The world stays as it is.
    ///
    /// Errors: the inventory is damaged.
    pub(crate) fn if_done(&mut self, deeds: &[(TargetId, Deed)]) -> Outcome<Report> {
        let mut world = World::of(self.world.inventory()?)?;
        for (at, deed) in deeds {
            deed.simulate(at, &mut world)?;
        }
        world.judge(self.criteria)
    }

    fn judged(&mut self, report: Report) {
        let tables = report.tables.iter().enumerate();
        self.places = tables.map(|(place, table)| (table.table_arn.clone(), place)).collect();
        self.report = report;
    }
}

/// Proposes what answers the findings of these criteria.
///
/// Errors: the inventory is damaged.
pub(crate) fn propose(
    inventory: &Inventory,
    criteria: &Criteria,
    (settings, prices): (&Remediation, &Prices),
    choice: &Choice,
    limits: Option<&str>,
) -> Outcome<Plan> {
    let before = judge(inventory, criteria)?;
    let mut planner = Planner {
        criteria,
        settings,
        prices,
        report: before.clone(),
        world: World::of(inventory)?,
        scan_id: before.scan.id.clone(),
        choice,
        actions: Vec::new(),
        blocked: BTreeMap::new(),
        places: BTreeMap::new(),
    };
    planner.judged(before.clone());
    for kind in KINDS.iter().filter(|kind| choice.takes(kind.id)) {
        let known = planner.actions.len();
        (kind.propose)(&mut planner)?;
        planner.actions[known..].sort_by_cached_key(|action| {
            let resource = action.deed.resource(&action.target());
            (action.target(), resource.id.into_owned())
        });
        for place in known..planner.actions.len() {
            let (at, deed) = (planner.actions[place].target(), planner.actions[place].deed.clone());
            deed.simulate(&at, &mut planner.world)?;
        }
        if planner.actions.len() > known {
            let report = planner.world.judge(criteria)?;
            planner.judged(report);
        }
    }
    if choice.takes(MakeRole::KIND.id) {
        make_sure_of_roles(&mut planner)?;
    }
    let Planner {
        report: after,
        mut actions,
        blocked,
        ..
    } = planner;
    connect(&mut actions);
    let told = Told {
        before: &before,
        after: &after,
        choice,
        limits,
        blocked: &blocked,
    };
    let plan = Plan {
        schema_version: PLAN_VERSION,
        scan_id: before.scan.id.clone(),
        as_of: before.scan.as_of,
        fixes: told.fixes(),
        blocked: told.blocked(&actions),
        remaining: told.remaining(&actions),
        worse: told.worse(),
        actions,
        sha256: String::new(),
    };
    Ok(plan.sealed())
}

/// Names for each action those that make what it needs. They come before it: kinds stand in that order.
fn connect(actions: &mut [Action]) {
    let mut makers: BTreeMap<Thing, Vec<String>> = BTreeMap::new();
    for action in actions {
        let at = action.target();
        let needed: BTreeSet<String> = action
            .deed
            .needs(&at)
            .iter()
            .filter_map(|thing| makers.get(thing))
            .flatten()
            .cloned()
            .collect();
        action.needs = needed.into_iter().collect();
        for thing in action.deed.gives(&at) {
            makers.entry(thing).or_default().push(action.id.clone());
        }
    }
}

/// What a plan tells of the world before it and after it.
struct Told<'t> {
    before: &'t Report,
    after: &'t Report,
    choice: &'t Choice,
    limits: Option<&'t str>,
    blocked: &'t BTreeMap<String, String>,
}

impl Told<'_> {
    /// Findings that say no, or that are not known, and that the plan makes good.
    fn fixes(&self) -> Vec<Fix> {
        let good: BTreeSet<&str> = self
            .after
            .findings
            .iter()
            .filter(|finding| matches!(finding.verdict, Verdict::Compliant | Verdict::NotApplicable))
            .map(|finding| &*finding.id)
            .collect();
        let open = wanted(self.before, self.choice).filter(|finding| good.contains(&*finding.id));
        let fix = |finding: &Finding| Fix {
            finding: finding.id.to_string(),
            rule: finding.rule.to_string(),
            resource: finding.resource_arn.clone(),
            now: finding.verdict,
        };
        open.map(fix).collect()
    }

    /// Findings that were good and are not after it.
    fn worse(&self) -> Vec<Remaining> {
        let good: BTreeSet<&str> = self
            .before
            .findings
            .iter()
            .filter(|finding| finding.verdict == Verdict::Compliant)
            .map(|finding| &*finding.id)
            .collect();
        let worse = wanted(self.after, self.choice).filter(|finding| good.contains(&*finding.id));
        worse.map(Remaining::of).collect()
    }

    /// Findings that an action answers and that still are not good after all of them.
    fn remaining(&self, actions: &[Action]) -> Vec<Remaining> {
        let with_action: BTreeSet<&str> = actions
            .iter()
            .flat_map(|action| &action.findings)
            .map(String::as_str)
            .collect();
        let left = wanted(self.after, self.choice).filter(|finding| with_action.contains(&*finding.id));
        left.map(Remaining::of).collect()
    }

    /// Findings without an action that the plan does not make good either.
    fn blocked(&self, actions: &[Action]) -> Vec<Blocked> {
        let with_action: BTreeSet<&str> = actions
            .iter()
            .flat_map(|action| &action.findings)
            .map(String::as_str)
            .collect();
        let still: BTreeMap<&str, &Finding> = wanted(self.after, self.choice)
            .map(|finding| (&*finding.id, finding))
            .collect();
        let mut blocked: Vec<Blocked> = wanted(self.before, self.choice)
            .filter(|finding| !with_action.contains(&*finding.id) && still.contains_key(&*finding.id))
            .map(|finding| Blocked {
                finding: finding.id.to_string(),
                rule: finding.rule.to_string(),
                resource: finding.resource_arn.clone(),
                reason: self.why(finding),
                remedy: finding.remedy.to_string(),
            })
            .collect();
        blocked.sort_by(|a, b| (&a.resource, &a.rule).cmp(&(&b.resource, &b.rule)));
        blocked
    }

    fn why(&self, finding: &Finding) -> String {
        if let Some(why) = self.blocked.get(&*finding.id) {
            return why.clone();
        }
        if finding.verdict == Verdict::Unknown {
            return doubt(finding, self.limits);
        }
        let kinds: Vec<&Kind> = KINDS
            .iter()
            .filter(|kind| kind.answers.contains(&&*finding.rule))
            .collect();
        let left_out: Vec<&str> = kinds
            .iter()
            .map(|kind| kind.id)
            .filter(|id| !self.choice.takes(id))
            .collect();
        match (unanswered::why(&finding.rule), left_out.as_slice()) {
            (Some(why), _) => why.to_owned(),
            (None, []) => "no action answers this rule".to_owned(),
            (None, [id]) => format!("1 kind of action left out: `{id}`"),
            (None, ids) => format!("{} kinds of action left out: {}", ids.len(), list(ids)),
        }
    }
}

fn wanted<'r>(report: &'r Report, choice: &'r Choice) -> impl Iterator<Item = &'r Finding> {
    report.findings.iter().filter(move |finding| {
        matches!(finding.verdict, Verdict::NonCompliant | Verdict::Unknown) && is_wanted(finding, choice)
    })
}

/// Is it the plan's affair? What a framework asks by numbers of its own is not: it follows from the policy, or goes beyond it.
fn is_wanted(finding: &Finding, choice: &Choice) -> bool {
    let is_in_scope = choice.tables.is_empty() || choice.tables.contains(&finding.resource_arn);
    !finding.waived && finding.framework.is_none() && is_in_scope && (finding.is_required() || choice.advised)
}

/// The rules whose findings a kind answers: the program's that it names, and those that name it.
fn answered<'c>(kind: &Kind, criteria: &'c Criteria) -> BTreeSet<&'c str> {
    let rules = criteria.rules.0.iter();
    let named = rules.filter(|rule| rule.action == Some(kind.id) || kind.answers.contains(&&*rule.id));
    named.map(|rule| &*rule.id).collect()
}

/// Why no action is proposed for a finding that is unknown: the scan did not ask, or from its message, where "not known" is
/// said once.
fn doubt(finding: &Finding, limits: Option<&str>) -> String {
    let is_unasked = |(_, value): (&FactName, &FactValue)| *value == FactValue::Null(NullCause::NotAsked);
    if finding.evidence.iter().any(is_unasked) {
        let why = limits.unwrap_or("this scan was for rules that do not ask whether it needs one");
        return format!("not asked: {why}; a scan with {} settles it", finding.rule);
    }
    not_known(&finding.message)
}

fn not_known(message: &str) -> String {
    let why = message.strip_prefix("not known").unwrap_or(message);
    match why.starts_with([',', ':']) {
        true => format!("not known whether it needs one{why}"),
        false => format!("not known whether it needs one: {message}"),
    }
}

#[cfg(test)]
mod tests {
    use super::not_known;

    #[test]
    fn a_doubt_says_once_that_it_is_not_known() {
        for (message, reason) in [
            (
                "not known, because A gave B",
                "not known whether it needs one, because A gave B",
            ),
            ("not known: it is open", "not known whether it needs one: it is open"),
            (
                "uncertain: plan `p`",
                "not known whether it needs one: uncertain: plan `p`",
            ),
            (
                "not known for all plans here",
                "not known whether it needs one: not known for all plans here",
            ),
        ] {
            assert_eq!(not_known(message), reason);
        }
    }
}
