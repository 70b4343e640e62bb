//! One selection against one table: the definition that every faster way must agree with.

use super::TableFacts;
use super::pattern::{ArnPattern, Breadth, Glob};
use super::tri::{Judgement, Membership};
use crate::domain::Arn;

/// Plans skip what AWS restore testing made: by the start of its name, or by this tag key.
const RESTORE_TEST: &str = "awsbackup-restore-test";

/// How keys are written in `Conditions`.
const TAG_PREFIX: &str = "aws:ResourceTag/";

/// A selection as AWS returned it. An empty list is a member that was never set.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// The plan it belongs to.
    pub plan_id: String,
    /// The plan's name.
    pub plan_name: String,
    /// Its own id.
    pub selection_id: String,
    /// Its own name.
    pub selection_name: String,
    /// A plan that comes from an Organizations backup policy: the management account's opt-in counts, not the member's.
    pub is_organization_plan: bool,
    /// ARN patterns; one is enough.
    pub resources: Vec<String>,
    /// ARN patterns that exclude.
    pub not_resources: Vec<String>,
    /// Tags; one is enough, and they add to `resources`.
    pub list_of_tags: Vec<TagCondition>,
    /// Conditions on tags; all must hold, for both of the above.
    pub conditions: Vec<Condition>,
}

/// An entry of `ListOfTags`.
#[derive(Debug, Clone)]
pub struct TagCondition {
    /// `STRINGEQUALS` in any case.
    pub kind: String,
    /// Tag key, documented without prefix.
    pub key: String,
    /// Tag value.
    pub value: String,
}

/// An entry of `Conditions`.
#[derive(Debug, Clone)]
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
    /// An operator that AWS added since.
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
    fn as_str(&self) -> &str {
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
#[derive(Debug, Clone)]
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

/// A selection with its patterns compiled.
#[derive(Debug, Clone)]
pub(super) struct Compiled {
    pub(super) selection: Selection,
    pub(super) resources: Vec<ArnPattern>,
    not_resources: Vec<ArnPattern>,
    globs: Vec<Glob>,
}

impl Compiled {
    pub(super) fn new(selection: Selection) -> Self {
        let compile = |patterns: &[String]| patterns.iter().map(|text| ArnPattern::new(text)).collect();
        Self {
            resources: compile(&selection.resources),
            not_resources: compile(&selection.not_resources),
            globs: selection
                .conditions
                .iter()
                .map(|condition| Glob::new(&condition.value))
                .collect(),
            selection,
        }
    }

    /// The definition.
    pub(super) fn judge(&self, place: &Place, table: &TableFacts<'_>) -> Judgement {
        let Some(name) = name_here(place, table) else {
            return Judgement::no("a plan takes tables of its own account, Region and partition only");
        };
        let has_tag = table.tags.is_some_and(|tags| tags.contains_key(RESTORE_TEST));
        if name.starts_with(RESTORE_TEST) || has_tag {
            return Judgement::no("plans skip what AWS restore testing made");
        }
        let taken = self.taken(place, table);
        if taken.membership == Membership::No {
            return taken;
        }
        taken.and(self.conditions(table)).and(self.excluded(table))
    }

    fn opt_in(&self, place: &Place) -> Option<bool> {
        if self.selection.is_organization_plan {
            place.org_opt_in
        } else {
            place.opt_in
        }
    }

    /// By an ARN pattern or by a tag: the surest way in counts.
    fn taken(&self, place: &Place, table: &TableFacts<'_>) -> Judgement {
        let selection = &self.selection;
        if selection.resources.is_empty() && selection.list_of_tags.is_empty() {
            return Judgement::uncertain("a selection without Resources and ListOfTags, which AWS refuses to create");
        }
        let opt_in = self.opt_in(place);
        let mut best = Judgement::no("no Resources pattern and no tag of ListOfTags matches");
        for pattern in &self.resources {
            best = best.or(by_pattern(pattern, opt_in, table));
        }
        for tag in &selection.list_of_tags {
            best = best.or(by_tag(tag, opt_in, !selection.resources.is_empty(), table));
        }
        best
    }

    fn conditions(&self, table: &TableFacts<'_>) -> Judgement {
        let conditions = self.selection.conditions.iter().zip(&self.globs);
        conditions
            .map(|(condition, glob)| holds(condition, glob, table))
            .fold(Judgement::yes("every condition holds"), Judgement::and)
    }

    fn excluded(&self, table: &TableFacts<'_>) -> Judgement {
        let mut result = Judgement::yes("no NotResources pattern matches");
        for pattern in &self.not_resources {
            let one = match pattern.matches(table.arn) {
                (Membership::No, _) => continue,
                (Membership::Yes, _) => Judgement::no(format!("excluded by NotResources `{}`", pattern.text)),
                (Membership::Uncertain, doubt) => Judgement::uncertain(format!(
                    "NotResources `{}` may exclude it: {}",
                    pattern.text,
                    doubt.unwrap_or_default()
                )),
            };
            result = result.and(one);
        }
        result
    }
}

/// The table's name, if it lives where the plans live.
fn name_here<'a>(place: &Place, table: &TableFacts<'a>) -> Option<&'a str> {
    let arn = Arn::parse(table.arn)?;
    let is_here = arn.partition == place.partition && arn.account_id == place.account_id && arn.region == place.region;
    arn.table_name().filter(|_| is_here)
}

fn by_pattern(pattern: &ArnPattern, opt_in: Option<bool>, table: &TableFacts<'_>) -> Judgement {
    let (matched, doubt) = pattern.matches(table.arn);
    let form = match matched {
        Membership::No => return Judgement::no("no Resources pattern and no tag of ListOfTags matches"),
        Membership::Yes => Judgement::yes(format!("taken by Resources `{}`", pattern.text)),
        Membership::Uncertain => Judgement::uncertain(format!(
            "Resources `{}` matches, but {}",
            pattern.text,
            doubt.unwrap_or_default()
        )),
    };
    let allowed = match (pattern.breadth, opt_in) {
        (Breadth::Explicit, _) | (_, Some(true)) => return form,
        (Breadth::Broad, Some(false)) => Judgement::no(format!(
            "Resources `{}` matches, but DynamoDB is not opted in here and the pattern names no tables",
            pattern.text
        )),
        (Breadth::Unclear, Some(false)) => Judgement::uncertain(format!(
            "Resources `{}` matches, DynamoDB is not opted in here, and AWS does not say whether such a pattern overrides that",
            pattern.text
        )),
        (_, None) => Judgement::uncertain(format!(
            "Resources `{}` matches, and whether DynamoDB is opted in could not be read",
            pattern.text
        )),
    };
    form.and(allowed)
}

fn by_tag(tag: &TagCondition, opt_in: Option<bool>, has_resources: bool, table: &TableFacts<'_>) -> Judgement {
    let shown = format!("`{}` = `{}`", tag.key, tag.value);
    let bare = tag.key.strip_prefix(TAG_PREFIX).unwrap_or(&tag.key);
    let Some(tags) = table.tags else {
        return Judgement::uncertain(format!("asks for tag {shown}, and the table's tags could not be read"));
    };
    let is_known_kind = tag.kind.eq_ignore_ascii_case("STRINGEQUALS");
    let has_it = tags.get(bare).is_some_and(|value| *value == tag.value);
    if is_known_kind && !has_it {
        return Judgement::no("no Resources pattern and no tag of ListOfTags matches");
    }
    let form = if !is_known_kind {
        Judgement::uncertain(format!(
            "ListOfTags compares by `{}`, which AWS does not document",
            tag.kind
        ))
    } else if bare.len() != tag.key.len() {
        Judgement::uncertain(format!(
            "tag {shown} matches, but the prefix is documented for Conditions only"
        ))
    } else if bare.starts_with("aws:") {
        Judgement::uncertain(format!(
            "tag {shown} matches, but AWS does not say whether selections see AWS's own tags"
        ))
    } else {
        Judgement::yes(format!("taken by tag {shown}"))
    };
    let allowed = match (opt_in, has_resources) {
        (Some(true), _) => return form,
        (Some(false), false) => Judgement::no(format!("tag {shown} matches, but DynamoDB is not opted in here")),
        (Some(false), true) => Judgement::uncertain(format!(
            "tag {shown} matches, DynamoDB is not opted in here, and AWS does not say whether naming other types overrides that"
        )),
        (None, _) => Judgement::uncertain(format!(
            "tag {shown} matches, and whether DynamoDB is opted in could not be read"
        )),
    };
    form.and(allowed)
}

fn holds(condition: &Condition, glob: &Glob, table: &TableFacts<'_>) -> Judgement {
    let operator = condition.operator.as_str();
    let shown = format!("{operator} `{}` = `{}`", condition.key, condition.value);
    let Some(key) = condition.key.strip_prefix(TAG_PREFIX) else {
        return Judgement::uncertain(format!(
            "condition {shown}: AWS documents keys with the prefix {TAG_PREFIX} only"
        ));
    };
    let is_negative = match &condition.operator {
        Operator::StringEquals | Operator::StringLike => false,
        Operator::StringNotEquals | Operator::StringNotLike => true,
        Operator::Other(_) => return Judgement::uncertain(format!("condition {shown}: an operator not known here")),
    };
    let Some(tags) = table.tags else {
        return Judgement::uncertain(format!("condition {shown} asks for tags, which could not be read"));
    };
    let Some(value) = tags.get(key) else {
        return match (is_negative, tags.is_empty()) {
            (false, _) => Judgement::no(format!("condition {shown} fails: the table has no such tag")),
            (true, false) => Judgement::yes("every condition holds"),
            (true, true) => Judgement::uncertain(format!(
                "condition {shown} on a table without any tag: AWS does not say whether it holds"
            )),
        };
    };
    if key.starts_with("aws:") {
        return Judgement::uncertain(format!(
            "condition {shown}: AWS does not say whether selections see AWS's own tags"
        ));
    }
    let is_equal = match condition.operator {
        Operator::StringLike | Operator::StringNotLike => glob.matches(value),
        _ => *value == condition.value,
    };
    if is_equal == is_negative {
        Judgement::no(format!("condition {shown} fails: the tag is `{value}`"))
    } else {
        Judgement::yes("every condition holds")
    }
}
