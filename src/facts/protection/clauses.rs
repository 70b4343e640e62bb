//! The clauses of a selection, one by one: entries of `Resources`, `ListOfTags`, `Conditions` and `NotResources`.

use super::answer::Answer;
use super::pattern::{ArnPattern, Breadth, glob};
use super::reason::{ConditionDoubt, Entry, OptIn, TagDoubt, Why};
use super::selection::{Condition, Operator, TAG_PREFIX, TagCondition, TaggedTable};
use super::tri::Membership;

/// Begins the keys of tags that AWS sets itself; nobody else may use it.
const AWS_KEY: &str = "aws:";

/// The service opt-in as it counts for one selection.
#[derive(Debug, Clone, Copy)]
pub(super) struct OptedIn {
    pub(super) is_on: Option<bool>,
    /// The plan comes from an Organizations policy.
    pub(super) is_of_organization: bool,
}

impl OptedIn {
    /// What the opt-in makes of a match that obeys it; `when_off` says what "off" means for this form of match.
    fn allows<'a>(self, entry: Entry<'a>, otherwise: Why<'a>, when_off: OptIn) -> Answer<'a> {
        match self.is_on {
            Some(true) => Answer::yes(otherwise),
            Some(false) if when_off == OptIn::Off => Answer::no(Why::OptIn(entry, when_off)),
            Some(false) => Answer::uncertain(Why::OptIn(entry, when_off)),
            None if self.is_of_organization => Answer::uncertain(Why::OptIn(entry, OptIn::OfOrganizationUnknown)),
            None => Answer::uncertain(Why::OptIn(entry, OptIn::Unread)),
        }
    }
}

/// A selection that names nothing. The API text reads it as everything that is opted in; the create call refuses it. By
/// either reading it takes nothing while the opt-in is off.
pub(super) fn by_nothing(opt_in: OptedIn) -> Answer<'static> {
    Answer::uncertain(Why::EmptySelection).and(opt_in.allows(Entry::Everything, Why::EmptySelection, OptIn::Off))
}

/// An entry of `Resources`; `None` if it does not match.
pub(super) fn by_pattern<'a>(pattern: &'a ArnPattern, opt_in: OptedIn, arn: &str) -> Option<Answer<'a>> {
    if !pattern.matches(arn) {
        return None;
    }
    let text = pattern.text.as_str();
    let matched = match pattern.doubt {
        None => Answer::yes(Why::Resource(text)),
        Some(doubt) => Answer::uncertain(Why::ResourceDoubt(text, doubt)),
    };
    // Naming tables, one or all, overrides the opt-in; `*` and `arn:aws:dynamodb:*` obey it.
    let when_off = match pattern.breadth {
        Breadth::Explicit => return Some(matched),
        Breadth::Broad => OptIn::Off,
        Breadth::Unclear => OptIn::OffUnclearPattern,
    };
    Some(matched.and(opt_in.allows(Entry::Resource(text), matched.why, when_off)))
}

/// An entry of `ListOfTags`; `None` if it does not match.
pub(super) fn by_tag<'a>(
    tag: &'a TagCondition,
    opt_in: OptedIn,
    is_beside_other_types: bool,
    table: &TaggedTable<'_>,
) -> Option<Answer<'a>> {
    let matched = tag_matches(tag, table)?;
    // A match by tag alone obeys the opt-in. A type named together with a tag overrides it, but AWS does not say
    // whether for that type only.
    let when_off = if is_beside_other_types {
        OptIn::OffBesideOtherTypes
    } else {
        OptIn::Off
    };
    Some(matched.and(opt_in.allows(Entry::Tag(tag), matched.why, when_off)))
}

fn tag_matches<'a>(tag: &'a TagCondition, table: &TaggedTable<'_>) -> Option<Answer<'a>> {
    let doubt = |doubt| Some(Answer::uncertain(Why::TagDoubt(tag, doubt)));
    if !tag.is_equality() {
        return doubt(TagDoubt::UnknownKind);
    }
    let Some(tags) = table.tags else {
        return doubt(TagDoubt::Unread);
    };
    let key = tag.bare_key();
    match tags.get(key) {
        Some(value) if *value != tag.value => None,
        // Some readings leave AWS's own tags out, so that a missing one proves nothing.
        _ if is_aws_key(key) => doubt(TagDoubt::AwsKey),
        None => None,
        // Templates write the prefix here too. AWS stores it as written; whether it is stripped is not known.
        Some(_) if key.len() != tag.key.len() => doubt(TagDoubt::Prefixed),
        Some(_) => Some(Answer::yes(Why::Tag(tag))),
    }
}

/// An entry of `Conditions`.
pub(super) fn holds<'a>(condition: &'a Condition, table: &TaggedTable<'a>) -> Answer<'a> {
    let doubt = |doubt| Answer::uncertain(Why::ConditionDoubt(condition, doubt));
    let (is_like, is_negative) = match condition.operator {
        Operator::StringEquals => (false, false),
        Operator::StringNotEquals => (false, true),
        Operator::StringLike => (true, false),
        Operator::StringNotLike => (true, true),
        Operator::Other(_) => return doubt(ConditionDoubt::UnknownOperator),
    };
    let Some(key) = condition.key.strip_prefix(TAG_PREFIX) else {
        return doubt(ConditionDoubt::NoPrefix);
    };
    let Some(tags) = table.tags else {
        return doubt(ConditionDoubt::Unread);
    };
    let Some(value) = tags.get(key) else {
        return match is_negative {
            _ if is_aws_key(key) => doubt(ConditionDoubt::AwsKey),
            false => Answer::no(Why::ConditionLacksTag(condition)),
            // A missing key satisfies a negative operator: a platform in production rests on it, on tagged resources.
            // For untagged ones the hints point both ways, and AWS's own tags may not count as tags.
            true if tags.keys().any(|key| !is_aws_key(key)) => Answer::yes(Why::ConditionsHold),
            true => doubt(ConditionDoubt::Untagged),
        };
    };
    let is_equal = if is_like {
        glob(&condition.value, value)
    } else {
        (*value == condition.value).into()
    };
    let result = if is_negative { !is_equal } else { is_equal };
    match result {
        // Seen, its value fails; not seen, its key is missing: no either way.
        Membership::No if !is_negative || !is_aws_key(key) => Answer::no(Why::ConditionFails(condition, value)),
        _ if is_aws_key(key) => doubt(ConditionDoubt::AwsKey),
        Membership::Yes => Answer::yes(Why::ConditionsHold),
        _ => doubt(ConditionDoubt::OddWhiteSpace),
    }
}

/// An entry of `NotResources`: yes means that it leaves the table in. A doubtful form that matches may exclude it.
pub(super) fn leaves_in<'a>(pattern: &'a ArnPattern, arn: &str) -> Answer<'a> {
    if !pattern.matches(arn) {
        return Answer::yes(Why::NotExcluded);
    }
    match pattern.doubt {
        None => Answer::no(Why::Excluded(&pattern.text)),
        Some(doubt) => Answer::uncertain(Why::ExcludedDoubt(&pattern.text, doubt)),
    }
}

/// Is it the key of a tag that AWS sets itself?
pub(super) fn is_aws_key(key: &str) -> bool {
    key.starts_with(AWS_KEY)
}
