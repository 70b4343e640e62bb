//! Which rules of the plans that take a table are good, and how often runs of theirs come.
//!
//! A good rule will run, and a point that it made now would be a good point: kept long enough, in a vault that exists and is
//! locked as wanted, under a working key of the wanted owner. AWS's overlap rule comes first, among all rules of a plan: a
//! rule that is not good may take the run of one that is. Each answer has two sides: what is good for certain, and what may
//! be. Copies that the policy requires elsewhere have rules of their own; one that may stand for the point at home counts here.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

use super::made::{Made, too_short};
use super::offers::Taker;
use super::rule::{CopyAction, PlanRule};
use super::target::TargetPlans;
use crate::criteria::values::{PlaceKind, PointValues, PolicyValues};
use crate::domain::{Demand, Demands};
use crate::facts::index::Index;
use crate::facts::index::keys::RankedKey;
use crate::facts::index::vaults::VaultState;
use crate::facts::schedule::{Run, Schedule, TimedRule, effective_runs, gap_between};
use crate::facts::time::START_SLACK;

/// Runs are looked for at least so far ahead, so that the rare ones of a month show.
const AHEAD: TimeDelta = TimeDelta::days(32);

/// And first so far back: most rules ran twice in that time.
const BACK: TimeDelta = TimeDelta::days(35);

/// Then so far back.
const FAR_BACK: TimeDelta = TimeDelta::days(400);

/// What is asked of the plans that take a table, and how far they keep it.
pub(crate) struct GoodRules {
    /// Those of plans that take the table, then those of plans that may.
    pub(crate) rules: Vec<GoodRule>,
    /// What was not read, or is not understood, may be good as well.
    pub(crate) may_be_more: bool,
    as_of: DateTime<Utc>,
    /// The end of the time that is looked at.
    end: DateTime<Utc>,
    /// The largest gap that the policy allows.
    interval: TimeDelta,
    /// Runs of rules that are good for certain, from the last one of each before `as_of` to some days after the end.
    sure: Vec<Run>,
    /// The same of rules that may be good.
    possible: Vec<Run>,
    cadences: Mutex<HashMap<Vec<Option<bool>>, Arc<Cadences>>>,
}

/// A rule, and what its points would lack.
pub(crate) struct GoodRule {
    /// By place among the plans that take the table or may.
    pub(crate) plan: usize,
    pub(crate) name: String,
    /// Would a point that it made now be good?
    pub(crate) is_good: Option<bool>,
    /// Does it take a copy elsewhere that stands for it, or may it?
    pub(crate) by_copy: bool,
    /// What such a point would lack for certain.
    pub(crate) lacks: Vec<String>,
    /// The demands that it would fail, and those of which that is not known; [`Demand::Usable`] where no point can be made.
    pub(crate) wants: Demands,
    /// How long its points are kept.
    pub(crate) kept: TimeDelta,
    /// Its last two runs whose windows are over, the later one first.
    pub(crate) due: Vec<Run>,
    schedule: Option<Schedule>,
}

/// What a rule would make.
struct Judged {
    is_good: Option<bool>,
    by_copy: bool,
    lacks: Vec<String>,
    /// The demands that the point at home would not meet for certain.
    wants: Demands,
}

/// How often good runs come: for certain, and at best.
pub(crate) struct Cadences {
    pub(crate) sure: Cadence,
    pub(crate) possible: Cadence,
}

/// How often runs come, from the last one before `as_of` on.
#[derive(Default)]
pub(crate) struct Cadence {
    /// The longest gap between runs whose windows are no longer than that, for each window; the shortest first.
    by_window: Vec<(TimeDelta, TimeDelta)>,
    /// The greatest age of the newest point before the next one, without the time that a job takes; none without runs.
    worst: Option<TimeDelta>,
}

/// Why runs do not come often enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Late {
    /// There is no run.
    Never,
    /// The longest gap between runs is longer than the policy allows.
    Gap(TimeDelta),
    /// Those with windows that the policy tolerates do not come often enough; the shortest window beyond that.
    Window(TimeDelta),
    /// The newest point gets older than is promised.
    Age(TimeDelta),
}

impl GoodRule {
    /// Is its schedule understood?
    pub(crate) fn is_clear(&self) -> bool {
        self.schedule.as_ref().is_some_and(Schedule::has_moments)
    }
}

impl Cadence {
    /// Do the runs come as often as the policy asks, where a job takes so long?
    pub(crate) fn late(&self, values: &PolicyValues, duration: TimeDelta) -> Option<Late> {
        let Some((_, gap)) = self.by_window.last().copied() else {
            return Some(Late::Never);
        };
        if let Some(frequency) = values.wanted_frequency() {
            if gap > frequency {
                return Some(Late::Gap(gap));
            }
            let tolerance = values.wanted_tolerance();
            let is_tolerated = |(window, _): &&(TimeDelta, TimeDelta)| *window + duration <= tolerance;
            let tolerated = self.by_window.iter().take_while(is_tolerated).count();
            let longest = tolerated.checked_sub(1).map(|place| self.by_window[place].1);
            if longest.is_none_or(|gap| gap > frequency) {
                return Some(Late::Window(self.by_window[tolerated].0));
            }
        }
        let worst = self.worst.map(|worst| worst + duration)?;
        let is_late = values.rpo.is_some_and(|rpo| worst > rpo);
        is_late.then_some(Late::Age(worst))
    }

    /// The longest gap between runs.
    pub(crate) fn gap(&self) -> Option<TimeDelta> {
        self.by_window.last().map(|(_, gap)| *gap)
    }
}

impl GoodRules {
    /// `native_key`: the key of points that are made without advanced features.
    pub(crate) fn new(
        takers: &[Taker],
        target: &TargetPlans,
        is_all_read: bool,
        values: &PolicyValues,
        native_key: &RankedKey,
        index: &Index,
    ) -> Self {
        let interval = values.wanted_frequency().max(values.rpo).unwrap_or_default();
        let mut all = Self {
            rules: Vec::new(),
            may_be_more: !is_all_read,
            as_of: index.as_of,
            end: index.as_of + (interval * 2).max(AHEAD),
            interval,
            sure: Vec::new(),
            possible: Vec::new(),
            cadences: Mutex::default(),
        };
        for (place, taker) in takers.iter().enumerate() {
            let rules = target.plans.get(&taker.plan_id).and_then(|plan| plan.rules.as_deref());
            let Some(rules) = rules else {
                all.may_be_more = true;
                continue;
            };
            let first = all.rules.len();
            all.rules.extend(rules.iter().map(|rule| {
                let Judged {
                    is_good,
                    by_copy,
                    lacks,
                    wants,
                } = judge(rule, values, native_key, index);
                GoodRule {
                    plan: place,
                    name: rule.row.rule_name.clone(),
                    is_good,
                    by_copy,
                    lacks,
                    wants,
                    kept: TimeDelta::days(rule.retention_days()),
                    due: Vec::new(),
                    schedule: rule.schedule.clone(),
                }
            }));
            all.add_runs(first, rules, taker.is_sure);
        }
        all.sure.sort_unstable();
        all.possible.sort_unstable();
        all
    }

    /// The runs of the rules of one plan, which are those from `first` on.
    fn add_runs(&mut self, first: usize, rules: &[PlanRule], is_sure: bool) {
        let states: Vec<Option<bool>> = self.rules[first..].iter().map(|rule| rule.is_good).collect();
        let is_clear = |rule: &PlanRule| rule.schedule.as_ref().is_some_and(Schedule::has_moments);
        let (clear, unclear): (Vec<usize>, Vec<usize>) = (0..rules.len()).partition(|place| is_clear(&rules[*place]));
        self.may_be_more |= unclear.iter().any(|place| states[*place] != Some(false));
        // One that is not understood may take any run of those that are kept no longer.
        let taken_up_to = unclear
            .iter()
            .map(|place| rules[*place].retention_days())
            .max()
            .unwrap_or(0);
        let place_of = |run: &Run| clear[run.rule];
        // AWS does not say which of rules with the same retention runs: for certain the one that is not good, at best the other.
        let runs = |from: DateTime<Utc>, wins: &dyn Fn(Option<bool>) -> bool| -> Vec<Run> {
            let timed: Vec<TimedRule<'_>> = clear
                .iter()
                .filter_map(|place| {
                    let rule = &rules[*place];
                    Some(TimedRule {
                        plan: &rule.row.plan_id,
                        schedule: rule.schedule.as_ref()?,
                        start_window: rule.start_window(),
                        retention_days: rule.retention_days() * 2 + i64::from(wins(states[*place])),
                    })
                })
                .collect();
            effective_runs(&timed, from, self.end + AHEAD).unwrap_or_default()
        };
        let is_over = |run: &Run| run.at + run.start_window + START_SLACK <= self.as_of;
        let due_of = |runs: &[Run], place: usize| -> Vec<Run> {
            let own = runs.iter().rev().filter(|run| place_of(run) == place && is_over(run));
            own.take(2).copied().collect()
        };
        let may_be_good = |state: Option<bool>| state != Some(false);
        let has_all_due = |runs: &[Run]| {
            let mut good = clear.iter().filter(|place| may_be_good(states[**place]));
            good.all(|place| due_of(runs, *place).len() == 2)
        };
        let mut from = self.as_of - BACK;
        let mut possible = runs(from, &may_be_good);
        if !has_all_due(&possible) {
            from = self.as_of - FAR_BACK.max(self.interval * 3);
            possible = runs(from, &may_be_good);
        }
        let sure = runs(from, &|state| state != Some(true));
        let due: Vec<Vec<Run>> = (0..rules.len()).map(|place| due_of(&possible, place)).collect();
        let counted = |runs: &[Run], counts: &dyn Fn(usize) -> bool| -> Vec<Run> {
            let mut last: Vec<Option<DateTime<Utc>>> = vec![None; rules.len()];
            for run in runs.iter().filter(|run| run.at < self.as_of) {
                last[place_of(run)] = Some(run.at);
            }
            let is_last = |run: &Run| last[place_of(run)] == Some(run.at);
            runs.iter()
                .filter(|run| counts(place_of(run)) && (run.at >= self.as_of || is_last(run)))
                .map(|run| Run {
                    rule: first + place_of(run),
                    ..*run
                })
                .collect()
        };
        let is_safe = |place: usize| unclear.is_empty() || rules[place].retention_days() > taken_up_to;
        let sure = counted(&sure, &|place| is_sure && states[place] == Some(true) && is_safe(place));
        let possible = counted(&possible, &|place| may_be_good(states[place]));
        self.sure.extend(sure);
        self.possible.extend(possible);
        for (rule, due) in self.rules[first..].iter_mut().zip(due) {
            rule.due = due;
        }
    }

    /// How often runs come of rules that work. `works`: of each rule; one that does not counts for nothing.
    pub(crate) fn cadences(&self, works: Vec<Option<bool>>) -> Arc<Cadences> {
        let mut known = self.cadences.lock().unwrap_or_else(PoisonError::into_inner);
        let cadences = known.entry(works).or_insert_with_key(|works| {
            let of = |runs: &[Run], counts: &dyn Fn(Option<bool>) -> bool| {
                let runs: Vec<Run> = runs.iter().filter(|run| counts(works[run.rule])).copied().collect();
                self.cadence(&runs)
            };
            Arc::new(Cadences {
                sure: of(&self.sure, &|works| works == Some(true)),
                possible: of(&self.possible, &|works| works != Some(false)),
            })
        });
        Arc::clone(cadences)
    }

    fn cadence(&self, runs: &[Run]) -> Cadence {
        let mut windows: Vec<TimeDelta> = runs.iter().map(|run| run.start_window).collect();
        windows.sort_unstable();
        windows.dedup();
        let by_window = windows.into_iter().map(|window| {
            let within = runs.iter().filter(|run| run.start_window <= window);
            (window, self.longest_gap(&within.copied().collect::<Vec<_>>()))
        });
        Cadence {
            by_window: by_window.collect(),
            worst: (!runs.is_empty()).then(|| self.worst_age(runs)),
        }
    }

    /// The last of these runs before `as_of` and those until the end; and the first one after that.
    fn looked_at<'r>(&self, runs: &'r [Run]) -> (&'r [Run], Option<&'r Run>) {
        let before = runs.partition_point(|run| run.at < self.as_of);
        let until_end = runs.partition_point(|run| run.at < self.end);
        (&runs[before.saturating_sub(1)..until_end], runs.get(until_end))
    }

    /// From the last run before `as_of`, or `as_of` where there was none, to the end.
    fn longest_gap(&self, runs: &[Run]) -> TimeDelta {
        let (runs, next) = self.looked_at(runs);
        let schedule = |run: &Run| self.rules[run.rule].schedule.as_ref();
        let between = runs.windows(2).map(|pair| {
            let schedules = schedule(&pair[0]).zip(schedule(&pair[1]));
            schedules.map_or(pair[1].at - pair[0].at, |(before, after)| {
                gap_between((before, pair[0].at), (after, pair[1].at))
            })
        });
        let first = runs.first().map_or(self.as_of, |run| run.at);
        let last = runs.last().map_or(self.as_of, |run| run.at);
        // One that is too long already is told whole.
        let open = self.end - last;
        let open = next
            .filter(|_| open > self.interval)
            .map_or(open, |next| next.at - last);
        between.chain([first - self.as_of, open]).max().unwrap_or_default()
    }

    /// The greatest age of the newest point, where each run makes one at some moment of its window.
    fn worst_age(&self, runs: &[Run]) -> TimeDelta {
        let (runs, _) = self.looked_at(runs);
        let mut next_by = self.end;
        let mut worst = TimeDelta::zero();
        for run in runs.iter().rev() {
            worst = worst.max(next_by - run.at);
            next_by = next_by.min(run.at + run.start_window);
        }
        // Where none ran before, the wait begins now.
        let is_first = runs.first().is_none_or(|first| first.at >= self.as_of);
        if is_first {
            worst.max(next_by - self.as_of)
        } else {
            worst
        }
    }
}

/// Would a point that the rule made now be good, and what would it lack for certain? Where copies may stand for it, one that
/// is good will do.
fn judge(rule: &PlanRule, values: &PolicyValues, native_key: &RankedKey, index: &Index) -> Judged {
    if rule.is_over {
        return Judged {
            is_good: Some(false),
            by_copy: false,
            lacks: vec!["will never run again".to_owned()],
            wants: Demands::NONE.and(Demand::Usable),
        };
    }
    // Where it is not known which of two vaults it writes to, both are asked.
    let places: Vec<Made> = rule
        .vaults(index)
        .into_iter()
        .map(|(name, vault)| made(name, vault, rule, &values.of_point(), native_key, index))
        .collect();
    let agreed = |of: fn(&Made) -> Option<bool>| {
        let mut all = places.iter().map(of);
        let first = all.next().flatten();
        first.filter(|_| all.all(|other| other == first))
    };
    let wants = places.iter().fold(Demands::NONE, |wants, made| wants.or(made.wants));
    let at_home = agreed(|made| made.is_good);
    let is_made = agreed(|made| made.is_made);
    let mut lacks = match at_home {
        Some(false) => places.into_iter().next().map(|made| made.lacks).unwrap_or_default(),
        _ => Vec::new(),
    };
    let by_copy = match values.of_accepted_copy() {
        Some(wanted) if at_home != Some(true) && is_made != Some(false) => {
            let (is_good, of_copies) = best_copy(rule, &wanted, values, index);
            lacks.extend(of_copies);
            is_good.filter(|is_good| !is_good || is_made.is_some())
        }
        _ => Some(false),
    };
    let is_good = match (at_home, by_copy) {
        (Some(true), _) | (_, Some(true)) => Some(true),
        (Some(false), Some(false)) => Some(false),
        _ => None,
    };
    let (is_copied, of_copies) = copied(rule, values, index);
    lacks.extend(of_copies);
    // To excuse what the point at home lacks is enough, whatever its copies lack that may stand for it.
    let wants = match is_good {
        Some(true) => Demands::NONE,
        _ => wants,
    };
    let wants = match is_copied {
        Some(true) => wants,
        _ => wants.and(Demand::Copied),
    };
    let is_good = match (is_good, is_copied) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    };
    if is_good != Some(false) {
        lacks.clear();
    }
    Judged {
        is_good,
        by_copy: at_home != Some(true) && by_copy != Some(false),
        lacks,
        wants,
    }
}

/// Does it copy to every place that the policy requires a copy in, so that the copy counts, and to which not for certain? Without
/// advanced features no copy is made.
fn copied(rule: &PlanRule, values: &PolicyValues, index: &Index) -> (Option<bool>, Vec<String>) {
    if !values.wants_copies_of_each_rule() {
        return (Some(true), Vec::new());
    }
    let asked = values.of_copy();
    let (mut answer, mut lacks) = (Some(true), Vec::new());
    for kind in PlaceKind::ALL {
        let own = kind.of(&rule.row.account_id, &rule.row.region);
        for place in values.copy.elsewhere(kind, own) {
            let counts = |copy: &CopyAction| copy.counts_in((kind, place, own), &asked, index);
            let all: Vec<Option<bool>> = rule.copies.iter().map(counts).collect();
            if all.contains(&Some(true)) && rule.advanced_on == Some(true) {
                continue;
            }
            if rule.advanced_on == Some(false) || all.iter().all(|counts| *counts == Some(false)) {
                answer = Some(false);
                lacks.push(format!("makes no copy in {} that meets the policy", kind.words(place)));
            } else if answer == Some(true) {
                answer = None;
            }
        }
    }
    (answer, lacks)
}

/// Is one of the copies that a rule makes good, and what do they lack for certain? Without advanced features none is made.
fn best_copy(
    rule: &PlanRule,
    wanted: &PointValues,
    values: &PolicyValues,
    index: &Index,
) -> (Option<bool>, Vec<String>) {
    if rule.copies.is_empty() || rule.advanced_on == Some(false) {
        return (Some(false), vec!["makes no copy".to_owned()]);
    }
    let (mut answer, mut lacks) = (Some(false), Vec::new());
    for copy in &rule.copies {
        // In the table's own account and Region it is a point like any other.
        let is_home = copy.to.account_id == rule.row.account_id && copy.to.region == rule.row.region;
        let wanted = if is_home { values.of_point() } else { *wanted };
        match copy.judge(&wanted, index) {
            (Some(true), _) if rule.advanced_on == Some(true) => return (Some(true), Vec::new()),
            (Some(false), of_copy) => {
                lacks.push(format!("its copy in {} {}", copy.place(), of_copy.join(", ")));
            }
            _ => answer = None,
        }
    }
    (answer, lacks)
}

/// What a rule would make now in one of its vaults.
fn made(
    name: &str,
    vault: Option<&VaultState>,
    rule: &PlanRule,
    wanted: &PointValues,
    native_key: &RankedKey,
    index: &Index,
) -> Made {
    let kept = rule.retention_days();
    let Some(vault) = vault else {
        let place = index.place_of(&rule.row.account_id, &rule.row.region);
        let is_listed = place.is_some_and(|place| index.is_whole(place, "backup:ListBackupVaults", ""));
        let mut made = Made::in_no_vault(name, is_listed, wanted);
        if kept < wanted.retention_min_days && !wanted.excused.contains(Demand::Kept) {
            made.is_good = Some(false);
            made.wants = made.wants.and(Demand::Kept);
            made.lacks.insert(0, too_short(kept, wanted));
        }
        return made;
    };
    let of_vault = RankedKey::from(vault.key.clone());
    // Without advanced features a point is encrypted by its table's key.
    let keys: &[&RankedKey] = match rule.advanced_on {
        _ if vault.is_air_gapped => &[&of_vault],
        Some(true) => &[&of_vault],
        Some(false) => &[native_key],
        None => &[&of_vault, native_key],
    };
    Made::in_vault(vault, name, Some(kept), keys, wanted)
}
