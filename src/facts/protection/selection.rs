//! One selection against one table: the definition that every faster way must agree with.

use super::TaggedTable;
use super::clauses::{self, OptedIn, TAG_PREFIX};
use super::pattern::{ArnPattern, Breadth};
use super::reason::Why;
use super::tri::{Answer, Judgement, Membership};
use crate::domain::Arn;

/// Plans skip what AWS restore testing made: by the start of its name, or by this tag key.
const RESTORE_TEST: &str = "awsbackup-restore-test";

/// A selection as AWS returned it. An empty list is a member that was never set: it restricts nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// The plan it belongs to.
    pub plan_id: String,
    /// The plan's name.
    pub plan_name: String,
    /// Its own id.
    pub selection_id: String,
    /// Its own name.
    pub selection_name: String,
    /// The plan comes from an Organizations policy (its id begins with `orgs/`): the management account's opt-in
    /// counts, not the member's.
    pub is_organization_plan: bool,
    /// Does anything come of what the selection takes?
    pub runs: Runs,
    /// ARN patterns; one is enough.
    pub resources: Vec<String>,
    /// ARN patterns that exclude, in this selection only.
    pub not_resources: Vec<String>,
    /// Tags; one is enough, and they add to `resources`.
    pub list_of_tags: Vec<TagCondition>,
    /// Conditions on tags; all must hold, for tables of both lists above.
    pub conditions: Vec<Condition>,
}

/// Has a plan a rule that will run again?
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Runs {
    /// It has.
    #[default]
    Yes,
    /// It has none.
    No,
    /// Its rules could not be read.
    Unread,
}

/// An entry of `ListOfTags`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagCondition {
    /// `STRINGEQUALS` in any case.
    pub kind: String,
    /// Tag key, documented without prefix.
    pub key: String,
    /// Tag value.
    pub value: String,
}

impl TagCondition {
    /// The API model knows equality only, in capitals; documents and templates write it in other cases too.
    pub(super) fn is_equality(&self) -> bool {
        self.kind.eq_ignore_ascii_case("STRINGEQUALS")
    }

    /// The key without the prefix that belongs into `Conditions`.
    pub(super) fn bare_key(&self) -> &str {
        self.key.strip_prefix(TAG_PREFIX).unwrap_or(&self.key)
    }
}

/// An entry of `Conditions`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// The operator.
    pub operator: Operator,
    /// Tag key, written `aws:ResourceTag/<key>`.
    pub key: String,
    /// Value, or pattern with the Like operators.
    pub value: String,
}

/// The operators of `Conditions`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operator {
    /// The tag is there with this value.
    StringEquals,
    /// The tag is not there with this value.
    StringNotEquals,
    /// The tag is there and its value matches.
    StringLike,
    /// The tag is not there with a value that matches.
    StringNotLike,
    /// An operator that AWS added since: what it means is not known.
    Other(String),
}

impl From<&str> for Operator {
    fn from(text: &str) -> Self {
        match text.to_ascii_lowercase().as_str() {
            "stringequals" => Self::StringEquals,
            "stringnotequals" => Self::StringNotEquals,
            "stringlike" => Self::StringLike,
            "stringnotlike" => Self::StringNotLike,
            _ => Self::Other(text.to_owned()),
        }
    }
}

impl Operator {
    /// As AWS spells it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::StringEquals => "StringEquals",
            Self::StringNotEquals => "StringNotEquals",
            Self::StringLike => "StringLike",
            Self::StringNotLike => "StringNotLike",
            Self::Other(text) => text,
        }
    }
}

/// Where the plans live, and what the Region's settings say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Partition of every ARN here.
    pub partition: String,
    /// Account.
    pub account_id: String,
    /// Region.
    pub region: String,
    /// DynamoDB is opted in here. `None`: the settings could not be read.
    pub opt_in: Option<bool>,
    /// DynamoDB is opted in for plans of Organizations policies. `None`: only the management account knows.
    pub org_opt_in: Option<bool>,
}

impl Place {
    /// What the ARN of every table here begins with.
    pub(super) fn head(&self) -> String {
        format!(
            "arn:{}:dynamodb:{}:{}:table/",
            self.partition, self.region, self.account_id
        )
    }
}

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
