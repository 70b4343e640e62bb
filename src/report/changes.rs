//! What was done since an earlier scan, and how each finding that it was for stands now.

use std::collections::BTreeMap;

use crate::criteria::changes::{ActionTold, Promise, Told};
use crate::domain::rfc3339;
use crate::problem::count;

/// How a finding stands in this scan that a plan of before speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stands {
    /// It was not known, or was good, and says no now.
    Worse,
    /// It says no, as before.
    NotFixed,
    /// It is not known: the evidence is missing, or this scan does not hold it.
    NotKnown,
    /// Its rule does not ask about this any more.
    NotApplicable,
    /// It is good.
    Fixed,
}

impl Stands {
    /// The word of the machine formats.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Worse => "worse",
            Self::NotFixed => "not-fixed",
            Self::NotKnown => "not-known",
            Self::NotApplicable => "not-applicable",
            Self::Fixed => "fixed",
        }
    }

    /// What people read.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Worse => "worse",
            Self::NotFixed => "not fixed",
            Self::NotKnown => "not known",
            Self::NotApplicable => "no longer asked",
            Self::Fixed => "fixed",
        }
    }
}

/// A finding that a plan speaks of, and how it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeOutcome {
    /// What the plan says of it. Its rule and resource are those of this scan where the plan does not say.
    pub promise: Promise,
    /// How it stands.
    pub stands: Stands,
    /// What the rule says now; where this scan does not hold the finding, that.
    pub message: String,
    /// It says no, and a waiver accepts that.
    pub is_waived: bool,
}

/// A plan that was done, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeLine {
    /// What plan and journal say.
    pub told: Told,
    /// The findings of each action, in the order of the actions.
    pub outcomes: Vec<Vec<ChangeOutcome>>,
    /// Findings that the plan was to make good and that no single action names.
    pub others: Vec<ChangeOutcome>,
    /// Findings that the plan said would get worse.
    pub risks: Vec<ChangeOutcome>,
}

impl ChangeLine {
    /// Each action with its findings.
    pub(crate) fn actions(&self) -> impl Iterator<Item = (&ActionTold, &[ChangeOutcome])> {
        self.told.actions.iter().zip(self.outcomes.iter().map(Vec::as_slice))
    }

    /// How many findings stand how, each counted once, whatever number of actions it was for. A finding that stays open only as
    /// the plan said is counted as it stands.
    pub(crate) fn counts(&self) -> BTreeMap<Stands, usize> {
        let all = self.outcomes.iter().flatten().chain(&self.others);
        // What the plan said would get worse counts only if it did.
        let risks = self.risks.iter().filter(|outcome| outcome.stands == Stands::Worse);
        let by_id: BTreeMap<&str, Stands> = all
            .chain(risks)
            .map(|outcome| (outcome.promise.finding.as_str(), outcome.stands))
            .collect();
        let mut counts = BTreeMap::new();
        for stands in by_id.into_values() {
            *counts.entry(stands).or_default() += 1;
        }
        counts
    }

    /// `5 findings fixed, 1 not fixed, 1 not known, 0 worse`.
    pub(crate) fn counts_words(&self) -> String {
        let counts = self.counts();
        let of = |stands: Stands| counts.get(&stands).copied().unwrap_or(0);
        let mut text = format!(
            "{} fixed, {} not fixed, {} not known, {} worse",
            count(of(Stands::Fixed), "finding"),
            of(Stands::NotFixed),
            of(Stands::NotKnown),
            of(Stands::Worse)
        );
        if of(Stands::NotApplicable) > 0 {
            text.push_str(&format!(", {} no longer asked", of(Stands::NotApplicable)));
        }
        text
    }

    /// One line: which plan, of which scan, and what came of it.
    pub(crate) fn line(&self) -> String {
        format!(
            "after plan {} of the scan of {}: {}",
            self.told.plan_sha256.get(..12).unwrap_or(&self.told.plan_sha256),
            rfc3339(self.told.as_of),
            self.counts_words()
        )
    }

    /// By whom it was approved, in words.
    pub(crate) fn approval(&self) -> String {
        match self.told.approved_with.as_slice() {
            [] => "no signature approves it".to_owned(),
            keys => format!(
                "approved with {}; whose key that is was not checked here",
                keys.join(" and ")
            ),
        }
    }
}

/// What was done of an action, in words: its last step, with when and why.
pub(crate) fn done(action: &ActionTold) -> String {
    let Some(last) = action.steps.last() else {
        return "not begun".to_owned();
    };
    let words = match last.step.as_str() {
        "starting" => "begun, and its end was not noted",
        "started" => "job started",
        "already" => "it was so already",
        "refused" => "AWS refused",
        "drifted" => "left out: something had changed",
        "undone" => "taken back",
        other => other,
    };
    let mut text = format!("{words}, {}", last.at);
    for more in [&last.made, &last.why].into_iter().filter(|more| !more.is_empty()) {
        text.push_str(&format!(": {more}"));
    }
    text
}
