//! ARN patterns and tag patterns, where `*` stands for any run of characters that are not white space.

use std::fmt;

use super::tri::Membership;

/// Does the text match the pattern? AWS documents `*` as zero or more characters that are not white space; `?` and
/// brackets are not documented and stand for themselves. Uncertain where only white space outside ASCII decides, since
/// AWS does not say which characters it means.
pub(super) fn glob(pattern: &str, text: &str) -> Membership {
    let strict = glob_with(pattern, text, char::is_whitespace);
    if text.is_ascii() {
        return strict.into();
    }
    let loose = glob_with(pattern, text, |character| {
        character.is_ascii() && character.is_whitespace()
    });
    if strict == loose {
        strict.into()
    } else {
        Membership::Uncertain
    }
}

/// From left to right; on a mismatch only the last star passed takes one more character. Going back to an earlier star
/// never helps: a part with white space in it has one possible place only, and from the first place of any other part
/// the next star reaches whatever it reaches from a later one. So the time is bounded by text × longest part.
fn glob_with(pattern: &str, text: &str, is_space: impl Fn(char) -> bool) -> bool {
    let (pattern, bytes) = (pattern.as_bytes(), text.as_bytes());
    let stops = |at: usize| {
        text.get(at..)
            .and_then(|rest| rest.chars().next())
            .is_some_and(&is_space)
    };
    let (mut at_pattern, mut at_text) = (0, 0);
    // Behind the last star, and where what the star has taken ends.
    let mut star: Option<(usize, usize)> = None;
    while at_text < bytes.len() {
        match pattern.get(at_pattern) {
            Some(b'*') => {
                at_pattern += 1;
                star = Some((at_pattern, at_text));
            }
            // UTF-8: equal bytes from a character's start on are equal characters.
            Some(byte) if *byte == bytes[at_text] => {
                at_pattern += 1;
                at_text += 1;
            }
            _ => {
                let Some((behind, taken)) = star else { return false };
                if stops(taken) {
                    return false;
                }
                star = Some((behind, taken + 1));
                (at_pattern, at_text) = (behind, taken + 1);
            }
        }
    }
    pattern[at_pattern..].iter().all(|byte| *byte == b'*')
}

/// What of the pattern is left to match a text that goes on behind `head`: one entry for each way to match the head.
/// Empty if no text with this head can match.
pub(super) fn behind<'p>(pattern: &'p str, head: &str) -> Vec<&'p str> {
    let bytes = pattern.as_bytes();
    let skip_stars = |places: &mut Vec<usize>| {
        let mut next = 0;
        while let Some(&place) = places.get(next) {
            if bytes.get(place) == Some(&b'*') && !places.contains(&(place + 1)) {
                places.push(place + 1);
            }
            next += 1;
        }
    };
    let mut places = vec![0];
    skip_stars(&mut places);
    for byte in head.bytes() {
        let mut next = Vec::new();
        for &place in &places {
            match bytes.get(place) {
                Some(b'*') => next.push(place),
                Some(literal) if *literal == byte => next.push(place + 1),
                _ => {}
            }
        }
        next.sort_unstable();
        next.dedup();
        skip_stars(&mut next);
        places = next;
        if places.is_empty() {
            break;
        }
    }
    places.into_iter().filter_map(|place| pattern.get(place..)).collect()
}

/// A form of pattern that AWS's sources contradict each other about, or do not mention.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doubt {
    /// The guide writes `arn:aws:ec2:::instance/*` in prose; whether the service takes it at its word is not known.
    EmptySegment,
    /// The API reference allows a wildcard at the end only, the guide anywhere.
    InnerWildcard,
    /// A wildcard in partition or service, in part of a segment, or over several.
    OddWildcard,
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EmptySegment => "AWS does not document empty segments in an ARN pattern",
            Self::InnerWildcard => {
                "AWS's sources contradict each other about a wildcard inside or at the start of a name"
            }
            Self::OddWildcard => "AWS does not document a wildcard in this place of an ARN pattern",
        })
    }
}

/// How a pattern names tables, for the opt-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Breadth {
    /// Its resource part begins with `table/`: the opt-in does not matter.
    Explicit,
    /// `*`, `arn:aws:dynamodb:*` and the like, which name no type of resource: the opt-in decides.
    Broad,
    /// Something between, on which AWS is silent.
    Unclear,
}

/// An ARN pattern of a selection, classified once.
#[derive(Debug, Clone)]
pub(super) struct ArnPattern {
    /// As AWS returned it.
    pub(super) text: String,
    pub(super) breadth: Breadth,
    pub(super) doubt: Option<Doubt>,
    /// With stars for empty segments, where there are any.
    expanded: Option<String>,
    /// It has no wildcard: it matches itself and nothing else.
    is_exact: bool,
}

impl ArnPattern {
    pub(super) fn new(text: &str) -> Self {
        let expanded = expand_empty_segments(text);
        let full = expanded.as_deref().unwrap_or(text);
        let doubt = if expanded.is_some() {
            Some(Doubt::EmptySegment)
        } else {
            doubt_of(full)
        };
        Self {
            breadth: breadth_of(full),
            is_exact: !full.contains('*'),
            doubt,
            text: text.to_owned(),
            expanded,
        }
    }

    /// The pattern that is compared.
    pub(super) fn full(&self) -> &str {
        self.expanded.as_deref().unwrap_or(&self.text)
    }

    /// Does it match the ARN of a table, however doubtful its form?
    pub(super) fn matches(&self, arn: &str) -> bool {
        if self.is_exact {
            return self.full() == arn;
        }
        glob(self.full(), arn) == Membership::Yes
    }
}

/// Stars for an empty partition, service, Region or account.
fn expand_empty_segments(text: &str) -> Option<String> {
    let segments: Vec<&str> = text.splitn(6, ':').collect();
    // The last piece is the resource, or the unfinished end of a shorter pattern; neither is an empty segment.
    let head = segments.len() - 1;
    if segments[0] != "arn" || !segments[..head].contains(&"") {
        return None;
    }
    let filled = segments.iter().enumerate().map(|(place, segment)| {
        if place < head && segment.is_empty() {
            "*"
        } else {
            segment
        }
    });
    Some(filled.collect::<Vec<&str>>().join(":"))
}

/// A wildcard is beyond doubt at the end, behind the partition at least, and as the whole Region or account. Patterns
/// of those forms stand in AWS's worked examples and in its list for Organizations policies.
fn doubt_of(text: &str) -> Option<Doubt> {
    let body = text.strip_suffix('*').unwrap_or(text);
    let segments: Vec<&str> = body.splitn(6, ':').collect();
    if text == "*" || !text.contains('*') {
        return None;
    }
    if segments.len() < 3 {
        return Some(Doubt::OddWildcard);
    }
    let is_whole = segments.len() == 6 || segments.last() == Some(&"");
    let mut inner = None;
    for (place, segment) in segments.iter().enumerate().filter(|(_, segment)| segment.contains('*')) {
        match place {
            3 | 4 if *segment == "*" && is_whole => {}
            5 => inner = Some(Doubt::InnerWildcard),
            _ => return Some(Doubt::OddWildcard),
        }
    }
    inner
}

fn breadth_of(text: &str) -> Breadth {
    let segments: Vec<&str> = text.splitn(6, ':').collect();
    match segments.as_slice() {
        [_, _, _, _, _, resource] if resource.starts_with("table/") => Breadth::Explicit,
        [_, _, _, region, account, "*"] if is_plain(region) && is_plain(account) => Breadth::Broad,
        [_, _, _, _, _, _] => Breadth::Unclear,
        // Without a resource part: a prefix of ARNs, unless a star before its end may reach over the resource part.
        [head @ .., last] => match last.strip_suffix('*') {
            Some("") if head.iter().all(|segment| is_plain(segment)) => Breadth::Broad,
            Some(rest) if !rest.contains('*') && !head.concat().contains('*') => Breadth::Broad,
            _ => Breadth::Unclear,
        },
        [] => Breadth::Unclear,
    }
}

/// A segment without wildcard, or nothing else.
fn is_plain(segment: &str) -> bool {
    segment == "*" || !segment.contains('*')
}
