//! What was found, and what could not be looked at.

use std::borrow::Cow;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Serialize, Serializer};

use super::{Demands, Level, NullCause, Question, Severity, Subject, TargetId, Verdict};

/// The value of one fact on one subject.
#[derive(Debug, Clone, PartialEq)]
pub enum FactValue {
    /// No value, and why.
    Null(NullCause),
    /// Yes or no.
    Bool(bool),
    /// A count, or a whole number of the unit in the fact's name.
    Int(i64),
    /// A number with fraction, in the unit of the fact's name.
    Float(f64),
    /// A name, an ARN, a word of a closed list, a sentence. Untrusted where it came from AWS.
    Text(Arc<str>),
    /// An instant.
    Time(DateTime<Utc>),
}

impl FactValue {
    /// No value, before anybody asked why: as if AWS's answers left it open.
    pub const OPEN: Self = Self::Null(NullCause::LeftOpen);

    /// Has it no value?
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null(_))
    }
}

impl fmt::Display for FactValue {
    /// For people: `yes`, `no`, whole seconds, at most two decimals; of a null its cause.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null(cause) => cause.fmt(f),
            Self::Bool(true) => f.pad("yes"),
            Self::Bool(false) => f.pad("no"),
            Self::Int(number) => f.pad(&number.to_string()),
            Self::Float(number) => f.pad(&short_number(*number)),
            Self::Text(text) => f.pad(text),
            Self::Time(at) => f.pad(&rfc3339(*at)),
        }
    }
}

/// The name of a fact or of a policy value: those of the dictionary cost nothing to copy.
pub type FactName = Cow<'static, str>;

/// FactList on one subject by name, in order. Those that are as usual among subjects of its kind stand in memory once.
#[derive(Clone)]
pub struct FactList {
    usual: Arc<[(FactName, FactValue)]>,
    /// Place and value of those that are not.
    own: Box<[(u16, FactValue)]>,
}

impl FactList {
    /// FactList beside others with the same names; alone where the names are not the same.
    pub(crate) fn beside(usual: &Arc<[(FactName, FactValue)]>, values: Vec<(FactName, FactValue)>) -> Self {
        let names_are_same = values.len() == usual.len()
            && values.len() <= usize::from(u16::MAX)
            && values
                .iter()
                .zip(usual.iter())
                .all(|((name, _), (known, _))| name == known);
        if !names_are_same {
            return values.into();
        }
        let places = (0..u16::MAX).zip(values).zip(usual.iter());
        let own = places.filter(|((_, (_, value)), (_, usual))| value != usual);
        Self {
            usual: Arc::clone(usual),
            own: own.map(|((place, (_, value)), _)| (place, value)).collect(),
        }
    }

    /// Of each fact the value that most of these have, if there is one.
    pub(crate) fn usual_of(all: &[Vec<(FactName, FactValue)>]) -> Arc<[(FactName, FactValue)]> {
        let Some(first) = all.first() else {
            return Arc::default();
        };
        let majority = |place: usize| {
            // Whoever is in the majority is left when each of the others has cancelled one of its votes.
            let (mut found, mut votes) = (&first[place].1, 0_usize);
            for (_, value) in all.iter().filter_map(|one| one.get(place)) {
                match (votes, value == found) {
                    (0, _) => (found, votes) = (value, 1),
                    (_, true) => votes += 1,
                    (_, false) => votes -= 1,
                }
            }
            (first[place].0.clone(), found.clone())
        };
        (0..first.len()).map(majority).collect()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.usual.len()
    }

    /// Are there none?
    pub fn is_empty(&self) -> bool {
        self.usual.is_empty()
    }

    /// Name and value at a place.
    pub fn get(&self, place: usize) -> Option<(&FactName, &FactValue)> {
        let (name, usual) = self.usual.get(place)?;
        let found = self.own.binary_search_by_key(&place, |(place, _)| usize::from(*place));
        Some((name, found.map_or(usual, |found| &self.own[found].1)))
    }

    /// The place of a name.
    pub fn place(&self, name: &str) -> Option<usize> {
        self.usual.iter().position(|(known, _)| known == name)
    }

    /// Every name with its value, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&FactName, &FactValue)> + Clone {
        let mut own = self.own.iter().peekable();
        self.usual.iter().enumerate().map(move |(place, (name, usual))| {
            let is_here = |(own, _): &&(u16, FactValue)| usize::from(*own) == place;
            (name, own.next_if(is_here).map_or(usual, |(_, value)| value))
        })
    }

    /// Do both have the same names in the same order?
    pub(crate) fn has_names_of(&self, other: &Self) -> bool {
        let is_one = Arc::ptr_eq(&self.usual, &other.usual);
        is_one
            || self
                .usual
                .iter()
                .map(|(name, _)| name)
                .eq(other.usual.iter().map(|(name, _)| name))
    }

    /// Those that are usual, and nothing else.
    pub(crate) fn of_usual(&self) -> Self {
        Self {
            usual: Arc::clone(&self.usual),
            own: Box::default(),
        }
    }

    /// A copy that can be changed.
    pub fn to_vec(&self) -> Vec<(FactName, FactValue)> {
        self.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
    }
}

impl From<Vec<(FactName, FactValue)>> for FactList {
    fn from(facts: Vec<(FactName, FactValue)>) -> Self {
        Self {
            usual: facts.into(),
            own: Box::default(),
        }
    }
}

impl FromIterator<(FactName, FactValue)> for FactList {
    fn from_iter<I: IntoIterator<Item = (FactName, FactValue)>>(facts: I) -> Self {
        facts.into_iter().collect::<Vec<_>>().into()
    }
}

impl<'f> IntoIterator for &'f FactList {
    type Item = (&'f FactName, &'f FactValue);
    type IntoIter = Box<dyn Iterator<Item = Self::Item> + 'f>;

    fn into_iter(self) -> Self::IntoIter {
        Box::new(self.iter())
    }
}

impl fmt::Debug for FactList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// The facts that a rule read, in the order in which it reads them: of a table, where they stand among its facts.
#[derive(Clone)]
pub struct Evidence(Read);

#[derive(Clone)]
enum Read {
    Among {
        facts: Arc<FactList>,
        places: Arc<Vec<u16>>,
    },
    Own(Arc<Vec<(FactName, FactValue)>>),
}

impl Evidence {
    /// What stands at these places among the facts of a table.
    pub(crate) fn among(facts: Arc<FactList>, places: Arc<Vec<u16>>) -> Self {
        Self(Read::Among { facts, places })
    }

    /// Every name with its value, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&FactName, &FactValue)> + Clone {
        let (among, own) = match &self.0 {
            Read::Among { facts, places } => {
                let at = |place: &u16| facts.get(usize::from(*place));
                (Some(places.iter().filter_map(at)), None)
            }
            Read::Own(own) => (None, Some(own.iter().map(|(name, value)| (name, value)))),
        };
        among.into_iter().flatten().chain(own.into_iter().flatten())
    }

    /// Does it stand among these very facts?
    pub(crate) fn is_among(&self, facts: &Arc<FactList>) -> bool {
        matches!(&self.0, Read::Among { facts: own, .. } if Arc::ptr_eq(own, facts))
    }

    /// A copy that can be changed.
    pub fn to_vec(&self) -> Vec<(FactName, FactValue)> {
        self.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
    }
}

impl Default for Evidence {
    fn default() -> Self {
        Vec::new().into()
    }
}

impl From<Vec<(FactName, FactValue)>> for Evidence {
    fn from(facts: Vec<(FactName, FactValue)>) -> Self {
        Self(Read::Own(Arc::new(facts)))
    }
}

impl<'e> IntoIterator for &'e Evidence {
    type Item = (&'e FactName, &'e FactValue);
    type IntoIter = Box<dyn Iterator<Item = Self::Item> + 'e>;

    fn into_iter(self) -> Self::IntoIter {
        Box::new(self.iter())
    }
}

impl PartialEq for Evidence {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl fmt::Debug for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// What a finding is about.
#[derive(Debug, Clone, PartialEq)]
pub struct Resource {
    /// What is judged.
    pub subject: Subject,
    /// ARN of what is judged.
    pub resource_arn: String,
    /// Name of what is judged, for people.
    pub resource_name: String,
    /// Where it lives.
    pub target: TargetId,
}

/// The id of a finding: 32 hexadecimal digits at most, which stand in the finding itself.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FindingId {
    digits: [u8; 32],
    len: u8,
}

impl From<&str> for FindingId {
    /// Of a longer text only the beginning.
    fn from(text: &str) -> Self {
        let len = (0..=text.len().min(32)).rev().find(|len| text.is_char_boundary(*len));
        let len = len.unwrap_or(0);
        let mut digits = [0; 32];
        digits[..len].copy_from_slice(&text.as_bytes()[..len]);
        Self {
            digits,
            len: u8::try_from(len).unwrap_or(0),
        }
    }
}

impl From<String> for FindingId {
    fn from(text: String) -> Self {
        text.as_str().into()
    }
}

impl Deref for FindingId {
    type Target = str;

    fn deref(&self) -> &str {
        std::str::from_utf8(&self.digits[..usize::from(self.len)])
            .expect("it was made of a text, whole characters of it")
    }
}

impl fmt::Display for FindingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self)
    }
}

impl Serialize for FindingId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }
}

impl fmt::Debug for FindingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

/// One rule applied to one subject. There are dozens for each table: what several share stands in memory once.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// Stable over scans: digest of rule, partition, account, Region and table id (or name, when the id is unknown).
    pub id: FindingId,
    /// The rule's id, which is its file name.
    pub rule: Arc<str>,
    /// What is judged; its fields are read as those of the finding.
    pub resource: Arc<Resource>,
    /// The outcome.
    pub verdict: Verdict,
    /// How much a non-compliant verdict matters; from the rule.
    pub severity: Severity,
    /// The question that the rule is evidence for.
    pub question: Question,
    /// Does it decide, or only advise?
    pub level: Level,
    /// The framework by whose numbers it was judged; none: the organisation's policy.
    pub framework: Option<Arc<str>>,
    /// Accepted by a waiver. It stays in every report all the same.
    pub waived: bool,
    /// Ids of the waivers that accept it: of one, or of several that excuse between them what fails.
    pub waivers: Box<[Arc<str>]>,
    /// Of a rule with demands, where it is no yes: sets of demands of which each is enough. Were none of one set asked, it
    /// would be one. Empty: no waiver can excuse it, as far as is known; or its rule has no demands.
    pub failing: Box<[Demands]>,
    /// What was found, in one sentence.
    pub message: Arc<str>,
    /// What to do about it; empty unless non-compliant or unknown.
    pub remedy: Arc<str>,
    /// The facts that the rule read, in the order in which it reads them.
    pub evidence: Evidence,
}

impl Deref for Finding {
    type Target = Resource;

    fn deref(&self) -> &Resource {
        &self.resource
    }
}

impl DerefMut for Finding {
    /// What it is about, for this finding alone.
    fn deref_mut(&mut self) -> &mut Resource {
        Arc::make_mut(&mut self.resource)
    }
}

impl Finding {
    /// Does it count for verdicts and exit codes?
    pub(crate) fn is_required(&self) -> bool {
        self.level == Level::Required
    }

    /// Do reports list it one by one? Of rules that only advise, good news on tables is counted.
    pub(crate) fn is_listed(&self) -> bool {
        let is_good = matches!(self.verdict, Verdict::Compliant | Verdict::NotApplicable);
        self.subject != Subject::Table || self.is_required() || self.waived || !is_good
    }

    /// The ids of the waivers that accept it, joined by ` and `.
    pub(crate) fn waived_by(&self) -> Option<Cow<'_, str>> {
        match &*self.waivers {
            [] => None,
            [only] => Some((**only).into()),
            several => Some(several.join(" and ").into()),
        }
    }

    /// Is it a no, or not known?
    pub(crate) fn is_bad(&self) -> bool {
        matches!(self.verdict, Verdict::NonCompliant | Verdict::Unknown)
    }

    /// Does it speak against what it is about, with no waiver that accepts it?
    pub(crate) fn is_open(&self) -> bool {
        self.verdict == Verdict::NonCompliant && !self.waived
    }
}

/// Why something could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GapKind {
    /// AWS refused the call, or the thing does not exist: AWS Backup answers both alike.
    Denied,
    /// Still throttled after every retry.
    Throttled,
    /// Credentials ran out during the scan.
    Expired,
    /// The Region is not enabled for the account.
    NotEnabled,
    /// The service does not exist here, or does not know the operation.
    Unsupported,
    /// Anything else: server errors, broken answers, connections lost.
    Failed,
}

impl GapKind {
    /// Every kind.
    pub(crate) const ALL: [Self; 6] = [
        Self::Denied,
        Self::Throttled,
        Self::Expired,
        Self::NotEnabled,
        Self::Unsupported,
        Self::Failed,
    ];

    /// The word of the machine formats.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Denied => "denied",
            Self::Throttled => "throttled",
            Self::Expired => "credentials-expired",
            Self::NotEnabled => "region-not-enabled",
            Self::Unsupported => "unsupported",
            Self::Failed => "failed",
        }
    }
}

impl fmt::Display for GapKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Evidence that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gap {
    /// Where.
    pub target: TargetId,
    /// Which call, as an IAM action: `backup:ListRecoveryPointsByBackupVault`.
    pub action: String,
    /// Of what: a vault, a plan, a table; empty when the call is about the whole target.
    pub resource: String,
    /// What kind of failure.
    pub kind: GapKind,
    /// AWS's own code and message, untrusted text.
    pub why: String,
    /// What this does to the audit.
    pub so: String,
    /// One thing to do about it.
    pub hint: String,
}

/// At most two decimals, none if they are zero: `36`, `7.5`, `0.25`.
pub fn short_number(number: f64) -> String {
    let text = format!("{number:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// RFC 3339 in UTC with whole seconds, as in every format: `2026-11-23T05:00:00Z`.
pub fn rfc3339(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        assert_eq!(short_number(36.0), "36");
        assert_eq!(short_number(7.5), "7.5");
        assert_eq!(short_number(0.251), "0.25");
        assert_eq!(short_number(100.0), "100");
    }
}
