//! Findings on a table, answered as questions.
//!
//! A question is asked of a table only if every core rule of it ran, in the program's own words and required of that table. A
//! table is compliant only if the questions *in a plan* and *backed up* were both asked and both answered yes, and nothing else
//! that the policy requires was left out.

use std::collections::{HashMap, HashSet};

use crate::criteria::Criteria;
use crate::criteria::levels::{core_of, of_terms};
use crate::criteria::vocabulary::POLICY_TIER;
use crate::domain::{Answer, FactValue, Finding, Question, Subject};
use crate::report::TableRow;

/// The fact that says so of a new table.
const NOT_YET_DUE: &str = "is_not_yet_due";

/// The findings on one table, summed up.
#[derive(Clone)]
struct Summed {
    /// The worst of what is required.
    worst: Answer,
    /// The same of each question.
    by_question: [Answer; 4],
    /// What the rule says that a question is named after: without it nothing is a yes.
    named_after: [Option<Answer>; 4],
    /// Core rules of each question that were asked of it.
    core: [usize; 4],
    /// Required rules of each question that are not core.
    others: [usize; 4],
    /// A rule that a term of the policy asks for was not asked of it.
    lacks_term: bool,
}

impl Default for Summed {
    fn default() -> Self {
        Self {
            worst: Answer::NotAsked,
            by_question: [Answer::NotAsked; 4],
            named_after: [None; 4],
            core: [0; 4],
            others: [0; 4],
            lacks_term: false,
        }
    }
}

impl Summed {
    fn add(&mut self, finding: &Finding, is_core: bool) {
        let place = finding.question.place();
        let answer = Answer::of(finding.verdict, finding.waived);
        if *finding.rule == *finding.question.as_str() {
            self.named_after[place] = Some(answer);
        }
        self.worst = self.worst.worse(answer);
        self.by_question[place] = self.by_question[place].worse(answer);
        if is_core {
            self.core[place] += 1;
        } else {
            self.others[place] += 1;
        }
    }

    fn is_asked(&self, question: Question) -> bool {
        if question == Question::Safeguards {
            return self.others[question.place()] > 0;
        }
        let core = core_of(question).len();
        core > 0 && self.core[question.place()] == core
    }

    fn answer(&self, question: Question, is_young: bool) -> Answer {
        let answer = match (self.by_question[question.place()], self.named_after[question.place()]) {
            // Rules beside it may hold of a table of which it does not ask.
            (Answer::Compliant, Some(Answer::NotApplicable)) => Answer::NotApplicable,
            (answer, _) => answer,
        };
        if !self.is_asked(question) {
            return Answer::NotAsked;
        }
        match (question, answer) {
            (Question::BackedUp, Answer::NotApplicable) if is_young => Answer::NotYetDue,
            // Without a term a success of long ago proves nothing; a failure says something in any case.
            (Question::Restorable, Answer::Compliant | Answer::NotApplicable)
                if self.others[question.place()] == 0 || self.lacks_term =>
            {
                Answer::NotAsked
            }
            (_, answer) => answer,
        }
    }

    /// `is_whole`: every rule that the policy requires ran.
    fn verdict(&self, answers: &[Answer; 4], is_whole: bool) -> Answer {
        if matches!(self.worst, Answer::NonCompliant | Answer::Unknown) {
            return self.worst;
        }
        let (in_a_plan, backed_up) = (answers[Question::InAPlan.place()], answers[Question::BackedUp.place()]);
        let both = [in_a_plan, backed_up];
        if both.contains(&Answer::NotAsked) {
            Answer::NotAsked
        } else if both.contains(&Answer::NotApplicable) {
            Answer::NotApplicable
        } else {
            // Yes, unless one is waived or not yet due, or another required finding is waived.
            match in_a_plan.worse(backed_up).worse(self.worst) {
                Answer::Compliant if !is_whole => Answer::NotAsked,
                answer => answer,
            }
        }
    }
}

/// Fills the answers and the verdict of every table in. `is_whole`: every rule that the policy requires ran.
pub(super) fn answer(tables: &mut [TableRow], findings: &[Finding], criteria: &Criteria, is_whole: bool) {
    let core: Vec<&str> = criteria
        .rules
        .0
        .iter()
        .filter(|rule| rule.is_core())
        .map(|rule| &*rule.id)
        .collect();
    let mut restores: HashSet<(&str, &str)> = HashSet::new();
    let mut summed: HashMap<&str, Summed> = HashMap::with_capacity(tables.len());
    let of_tables = findings.iter().filter(|finding| finding.subject == Subject::Table);
    for finding in of_tables.filter(|finding| finding.is_required()) {
        let of_table = summed.entry(&finding.resource_arn).or_default();
        of_table.add(finding, core.contains(&&*finding.rule));
        if finding.question == Question::Restorable {
            restores.insert((&finding.resource_arn, &*finding.rule));
        }
    }
    for table in tables {
        let mut of_table = summed.get(table.table_arn.as_str()).cloned().unwrap_or_default();
        let tier = match table.column(POLICY_TIER.name()) {
            FactValue::Text(name) => criteria.policy.tiers.iter().find(|tier| *tier.name == **name),
            _ => None,
        };
        let mut terms = of_terms(Question::Restorable, &criteria.policy, tier);
        of_table.lacks_term = terms.any(|rule| !restores.contains(&(table.table_arn.as_str(), &*rule.id)));
        let is_young = *table.column(NOT_YET_DUE) == FactValue::Bool(true);
        table.answers = Question::ALL.map(|question| of_table.answer(question, is_young));
        table.verdict = of_table.verdict(&table.answers, is_whole);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summed(findings: &[(Question, Answer, bool)]) -> Summed {
        let mut summed = Summed::default();
        for (question, answer, is_core) in findings {
            let place = question.place();
            summed.worst = summed.worst.worse(*answer);
            summed.by_question[place] = summed.by_question[place].worse(*answer);
            *(if *is_core { &mut summed.core } else { &mut summed.others })
                .get_mut(place)
                .expect("four") += 1;
        }
        summed
    }

    /// Every core rule of a question, with one answer.
    fn core(question: Question, answer: Answer) -> Vec<(Question, Answer, bool)> {
        vec![(question, answer, true); core_of(question).len()]
    }

    fn verdict(findings: &[(Question, Answer, bool)], is_young: bool) -> Answer {
        let summed = summed(findings);
        summed.verdict(&Question::ALL.map(|question| summed.answer(question, is_young)), true)
    }

    #[test]
    fn a_table_is_compliant_only_if_both_questions_were_asked_and_answered_yes() {
        use Answer::{Compliant, NonCompliant, NotApplicable, NotAsked, NotYetDue, Unknown, UnknownWaived, Waived};
        use Question::{BackedUp, InAPlan, Restorable, Safeguards};
        let both = |plan: Answer, backup: Answer| [core(InAPlan, plan), core(BackedUp, backup)].concat();
        for (findings, is_young, wanted) in [
            (both(Compliant, Compliant), false, Compliant),
            (core(InAPlan, Compliant), false, NotAsked),
            (core(BackedUp, Compliant), false, NotAsked),
            (vec![], false, NotAsked),
            (vec![(Safeguards, Compliant, false)], false, NotAsked),
            // What was asked and failed counts in any case.
            (vec![(Safeguards, NonCompliant, false)], false, NonCompliant),
            (both(Compliant, Unknown), false, Unknown),
            (both(NonCompliant, Unknown), false, NonCompliant),
            (both(Compliant, Waived), false, Waived),
            (both(Compliant, UnknownWaived), false, UnknownWaived),
            (both(Waived, UnknownWaived), false, Waived),
            (both(Waived, NonCompliant), false, NonCompliant),
            (both(Compliant, NotApplicable), true, NotYetDue),
            (both(Compliant, NotApplicable), false, NotApplicable),
            (both(NonCompliant, NotApplicable), true, NonCompliant),
            (
                [both(Compliant, Compliant), core(Restorable, NonCompliant)].concat(),
                false,
                NonCompliant,
            ),
            (
                [both(Compliant, Compliant), core(Restorable, NotApplicable)].concat(),
                false,
                Compliant,
            ),
            (
                [both(Compliant, Compliant), vec![(Safeguards, Waived, false)]].concat(),
                false,
                Waived,
            ),
        ] {
            assert_eq!(verdict(&findings, is_young), wanted, "{findings:?}");
        }
    }

    #[test]
    fn a_rule_beside_the_one_that_a_question_is_named_after_makes_no_yes() {
        let mut young = summed(&core(Question::BackedUp, Answer::Compliant));
        young.named_after[Question::BackedUp.place()] = Some(Answer::NotApplicable);
        assert_eq!(young.answer(Question::BackedUp, true), Answer::NotYetDue);
        assert_eq!(young.answer(Question::BackedUp, false), Answer::NotApplicable);
    }

    #[test]
    fn a_success_without_a_term_proves_no_restore() {
        use Answer::{Compliant, NonCompliant, NotAsked};
        use Question::Restorable;
        let of = |findings: &[(Question, Answer, bool)]| summed(findings).answer(Restorable, false);
        assert_eq!(of(&core(Restorable, Compliant)), NotAsked);
        assert_eq!(of(&core(Restorable, NonCompliant)), NonCompliant);
        let with_term = [core(Restorable, Compliant), vec![(Restorable, Compliant, false)]].concat();
        assert_eq!(of(&with_term), Compliant);
        // Of two terms one was not asked.
        let mut lacks = summed(&with_term);
        lacks.lacks_term = true;
        assert_eq!(lacks.answer(Restorable, false), NotAsked);
    }
}
