//! One selection against one table: the definition that every faster way must agree with.

use super::answer::Answer;
use super::clauses::{self, OptedIn};
use super::pattern::{ArnPattern, Breadth};
use super::reason::Why;
use super::selection::{Place, Runs, Selection, TaggedTable};
use super::tri::{Judgement, Membership};
use crate::domain::Arn;

/// Plans skip what AWS restore testing made: by the start of its name, or by this tag key.
const RESTORE_TEST: &str = "awsbackup-restore-test";

/// The table's name, or why no selection can be judged on it. A plan is a regional object: its wildcards range over the
/// tables of its own account, Region and partition.
pub(super) fn name_here<'a>(place: &Place, arn: &'a str) -> Result<&'a str, Answer<'static>> {
    let parsed = Arn::parse(arn).ok_or(Answer::no(Why::NotATable))?;
    let name = parsed.table_name().ok_or(Answer::no(Why::NotATable))?;
    if parsed.partition != place.partition || parsed.account_id != place.account_id || parsed.region != place.region {
        return Err(Answer::no(Why::Elsewhere));
    }
    if !name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
    {
        return Err(Answer::uncertain(Why::OddName));
    }
    Ok(name)
}

/// A selection with its patterns classified.
#[derive(Debug, Clone)]
pub(super) struct Compiled {
    pub(super) selection: Selection,
    pub(super) resources: Vec<ArnPattern>,
    not_resources: Vec<ArnPattern>,
}

impl Compiled {
    pub(super) fn new(selection: Selection) -> Self {
        let compile = |patterns: &[String]| patterns.iter().map(|text| ArnPattern::new(text)).collect();
        Self {
            resources: compile(&selection.resources),
            not_resources: compile(&selection.not_resources),
            selection,
        }
    }

    /// Does it name tables one by one, and nothing else?
    pub(super) fn is_only_named(&self) -> bool {
        self.selection.list_of_tags.is_empty()
            && !self.resources.is_empty()
            && self.resources.iter().all(|pattern| !pattern.full().contains('*'))
    }

    /// The definition.
    pub(super) fn judge<'a>(&'a self, place: &Place, table: &TaggedTable<'a>) -> Answer<'a> {
        let name = match name_here(place, table.arn) {
            Ok(name) => name,
            Err(answer) => return answer,
        };
        // Where tags are unread the name alone decides: the tables that DynamoDB restore tests make always carry the
        // prefix, and the tag comes on top of it.
        if name.starts_with(RESTORE_TEST) {
            return Answer::no(Why::RestoreTestName);
        }
        if table.tags.is_some_and(|tags| tags.contains_key(RESTORE_TEST)) {
            return Answer::no(Why::RestoreTestTag);
        }
        let taken = self.taken(place, table);
        if taken.membership == Membership::No {
            return taken;
        }
        let runs = match self.selection.runs {
            Runs::Yes => Answer::yes(Why::ConditionsHold),
            Runs::No => return Answer::no(Why::PlanIsOver),
            Runs::Unread => Answer::uncertain(Why::PlanUnread),
        };
        taken
            .and(self.conditions_hold(table))
            .and(self.not_excluded(table))
            .and(runs)
    }

    /// By an ARN pattern or by a tag; the surest way in counts.
    fn taken<'a>(&'a self, place: &Place, table: &TaggedTable<'_>) -> Answer<'a> {
        let is_of_organization = self.selection.is_organization_plan;
        let is_on = if is_of_organization {
            place.org_opt_in
        } else {
            place.opt_in
        };
        let opt_in = OptedIn {
            is_on,
            is_of_organization,
        };
        let tags = &self.selection.list_of_tags;
        if self.resources.is_empty() && tags.is_empty() {
            return clauses::by_nothing(opt_in);
        }
        let by_pattern = self
            .resources
            .iter()
            .filter_map(|pattern| clauses::by_pattern(pattern, opt_in, table.arn));
        let is_beside_other_types = !tags.is_empty()
            && self
                .resources
                .iter()
                .any(|one| one.breadth != Breadth::Broad || !one.matches(table.arn));
        let by_tag = tags
            .iter()
            .filter_map(|tag| clauses::by_tag(tag, opt_in, is_beside_other_types, table));
        by_pattern
            .chain(by_tag)
            .reduce(Answer::or)
            .unwrap_or(Answer::no(Why::NothingMatches))
    }

    fn conditions_hold<'a>(&'a self, table: &TaggedTable<'a>) -> Answer<'a> {
        let answers = self
            .selection
            .conditions
            .iter()
            .map(|condition| clauses::holds(condition, table));
        answers.fold(Answer::yes(Why::ConditionsHold), Answer::and)
    }

    fn not_excluded<'a>(&'a self, table: &TaggedTable<'_>) -> Answer<'a> {
        let answers = self
            .not_resources
            .iter()
            .map(|pattern| clauses::leaves_in(pattern, table.arn));
        answers.fold(Answer::yes(Why::NotExcluded), Answer::and)
    }

    /// An answer with its reason in words.
    pub(super) fn in_words(&self, answer: Answer<'_>) -> Judgement {
        let mut reason = answer.why.to_string();
        if answer.membership == Membership::Yes {
            match self.selection.conditions.len() {
                0 => {}
                1 => reason.push_str(", and its condition holds"),
                number => reason.push_str(&format!(", and its {number} conditions hold")),
            }
        }
        Judgement {
            membership: answer.membership,
            reason,
        }
    }
}
