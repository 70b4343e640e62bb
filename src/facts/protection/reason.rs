//! Why an answer is what it is: which clause decided, in words for an auditor.

use std::fmt;

use super::pattern::Doubt;
use super::selection::{Condition, TagCondition};

/// The clause that decided. Borrows, so that an answer costs nothing until somebody reads its reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why<'a> {
    /// Not an ARN of a DynamoDB table.
    NotATable,
    /// A name that DynamoDB does not allow, so that nothing is certain about it.
    OddName,
    /// Another account, Region or partition.
    Elsewhere,
    /// The table's name begins as those of restore tests do.
    RestoreTestName,
    /// The table has the tag of restore tests.
    RestoreTestTag,
    /// Neither `Resources` nor `ListOfTags` is filled.
    EmptySelection,
    /// Neither `Resources` nor `ListOfTags` matches.
    NothingMatches,
    /// It matches, and no rule of its plan will run again.
    PlanIsOver,
    /// It takes the table, if its plan has a rule that runs.
    PlanUnread,
    /// An entry of `Resources` matches.
    Resource(&'a str),
    /// It matches, but its form is doubtful.
    ResourceDoubt(&'a str, Doubt),
    /// An entry of `ListOfTags` matches.
    Tag(&'a TagCondition),
    /// It matches or might, but …
    TagDoubt(&'a TagCondition, TagDoubt),
    /// The opt-in forbids or may forbid what matched.
    OptIn(Entry<'a>, OptIn),
    /// Every entry of `Conditions` holds.
    ConditionsHold,
    /// The table lacks the tag that a condition asks for.
    ConditionLacksTag(&'a Condition),
    /// The table's tag has a value that the condition does not allow.
    ConditionFails(&'a Condition, &'a str),
    /// Whether the condition holds cannot be told.
    ConditionDoubt(&'a Condition, ConditionDoubt),
    /// No entry of `NotResources` matches.
    NotExcluded,
    /// An entry of `NotResources` matches.
    Excluded(&'a str),
    /// It matches, but its form is doubtful.
    ExcludedDoubt(&'a str, Doubt),
}

/// The way in which a selection reaches a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entry<'a> {
    Resource(&'a str),
    Tag(&'a TagCondition),
    Everything,
}

/// What the service opt-in does to a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OptIn {
    /// Off, and it decides.
    Off,
    /// Off, and AWS is silent on whether a pattern of this form overrides that.
    OffUnclearPattern,
    /// Off, and AWS is silent on whether other types named beside the tag override that.
    OffBesideOtherTypes,
    /// The Region's settings could not be read.
    Unread,
    /// A plan of an Organizations policy: only the management account knows.
    OfOrganizationUnknown,
}

/// Why an entry of `ListOfTags` is doubtful.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TagDoubt {
    UnknownKind,
    Unread,
    AwsKey,
    Prefixed,
}

/// Why a condition is doubtful.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ConditionDoubt {
    UnknownOperator,
    NoPrefix,
    Unread,
    AwsKey,
    Untagged,
    OddWhiteSpace,
}

impl fmt::Display for Why<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotATable => f.write_str("not the ARN of a DynamoDB table"),
            Self::OddName => f.write_str("the table's name has characters that DynamoDB does not allow"),
            Self::Elsewhere => f.write_str("a plan takes tables of its own account, Region and partition only"),
            Self::RestoreTestName => f.write_str("plans skip tables of AWS restore tests, which this is by its name"),
            Self::RestoreTestTag => f.write_str("plans skip tables of AWS restore tests, which this is by its tag"),
            Self::EmptySelection => {
                f.write_str("neither Resources nor ListOfTags is filled, which AWS refuses to create")
            }
            Self::NothingMatches => f.write_str("no Resources pattern and no tag of ListOfTags matches"),
            Self::PlanIsOver => f.write_str("it names the table, but the plan has no rule that will run again"),
            Self::PlanUnread => f.write_str("it takes the table, but the rules of the plan could not be read"),
            Self::Resource(pattern) => write!(f, "taken by Resources `{pattern}`"),
            Self::ResourceDoubt(pattern, doubt) => write!(f, "Resources `{pattern}` matches, but {doubt}"),
            Self::Tag(tag) => write!(f, "taken by tag {tag}"),
            Self::TagDoubt(tag, doubt) => write!(f, "ListOfTags {tag} {doubt}"),
            Self::OptIn(entry, effect) => write!(f, "{entry}, but {effect}"),
            Self::ConditionsHold => f.write_str("every condition holds"),
            Self::ConditionLacksTag(condition) => write!(f, "{condition} fails: the table has no such tag"),
            Self::ConditionFails(condition, value) => write!(f, "{condition} fails: the tag is `{value}`"),
            Self::ConditionDoubt(condition, doubt) => write!(f, "{condition} {doubt}"),
            Self::NotExcluded => f.write_str("no NotResources pattern matches"),
            Self::Excluded(pattern) => write!(f, "excluded by NotResources `{pattern}`"),
            Self::ExcludedDoubt(pattern, doubt) => {
                write!(f, "NotResources `{pattern}` may exclude it: it matches, but {doubt}")
            }
        }
    }
}

impl fmt::Display for Entry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resource(pattern) => write!(f, "Resources `{pattern}` matches"),
            Self::Tag(tag) => write!(f, "ListOfTags {tag} asks for tagged tables"),
            Self::Everything => f.write_str("a selection without Resources and ListOfTags is read as everything"),
        }
    }
}

impl fmt::Display for OptIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Off => "DynamoDB is not opted in here, and only naming tables in Resources overrides that",
            Self::OffUnclearPattern => {
                "DynamoDB is not opted in here, and AWS does not say whether a pattern of this form overrides that"
            }
            Self::OffBesideOtherTypes => {
                "DynamoDB is not opted in here, and AWS does not say whether the types named in Resources override that"
            }
            Self::Unread => "whether DynamoDB is opted in here could not be read",
            Self::OfOrganizationUnknown => {
                "for a plan of an Organizations policy the management account's opt-in decides, which is not known here"
            }
        })
    }
}

impl fmt::Display for TagDoubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownKind => "compares in a way that is not known here",
            Self::Unread => "asks for tags, and the table's tags could not be read",
            Self::AwsKey => "asks for a tag of AWS's own, and AWS does not say whether selections see those",
            Self::Prefixed => "matches, but the prefix of its key is documented for Conditions only",
        })
    }
}

impl fmt::Display for ConditionDoubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownOperator => "has an operator that is not known here",
            Self::NoPrefix => "has a key without `aws:ResourceTag/`, which AWS does not document",
            Self::Unread => "asks for tags, and the table's tags could not be read",
            Self::AwsKey => "asks for a tag of AWS's own, and AWS does not say whether selections see those",
            Self::Untagged => "meets a table without any tag of its own, and AWS does not say whether it holds then",
            Self::OddWhiteSpace => "meets white space outside ASCII, and AWS does not say whether `*` stops there",
        })
    }
}

impl fmt::Display for TagCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` = `{}`", self.key, self.value)
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "condition {} `{}` = `{}`",
            self.operator.as_str(),
            self.key,
            self.value
        )
    }
}
