//! What is asked: selections as AWS returned them, where they live, and a table.

use std::collections::BTreeMap;

/// How keys are written in `Conditions`.
pub(super) const TAG_PREFIX: &str = "aws:ResourceTag/";

/// What is known of a table.
#[derive(Debug, Clone, Copy)]
pub struct TaggedTable<'a> {
    /// Its ARN.
    pub arn: &'a str,
    /// Its tags. `None`: they could not be read, which is not the same as having none.
    pub tags: Option<&'a BTreeMap<String, String>>,
}

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
