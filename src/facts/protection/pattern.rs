//! ARN patterns and tag patterns, where `*` stands for any run of characters that are not white space.

use super::tri::Membership;
use crate::domain::Arn;

/// A pattern cut at its stars, once.
#[derive(Debug, Clone)]
pub(super) struct Glob {
    parts: Vec<String>,
}

impl Glob {
    pub(super) fn new(text: &str) -> Self {
        Self {
            parts: text.split('*').map(str::to_owned).collect(),
        }
    }

    /// Without white space in the text: greedy from left to right, each part at its earliest place, the last at the end.
    /// No backtracking is needed, since a later place of a part never leaves more room for the rest.
    pub(super) fn matches(&self, text: &str) -> bool {
        if text.chars().any(char::is_whitespace) {
            return self.matches_around_white_space(text);
        }
        let [first, middle @ .., last] = self.parts.as_slice() else {
            return self.parts.first().is_some_and(|only| only == text);
        };
        let Some(rest) = text.strip_prefix(first.as_str()) else {
            return false;
        };
        let Some(mut rest) = rest.strip_suffix(last.as_str()) else {
            return false;
        };
        for part in middle {
            let Some(at) = rest.find(part.as_str()) else {
                return false;
            };
            rest = &rest[at + part.len()..];
        }
        true
    }

    /// The rare case of white space in the text: parts may hold it, runs may not, so the earliest place of a part may be
    /// the wrong one. All places are kept, part by part.
    fn matches_around_white_space(&self, text: &str) -> bool {
        let Some((first, rest)) = self.parts.split_first() else {
            return false;
        };
        if !text.starts_with(first.as_str()) {
            return false;
        }
        let mut ends = vec![first.len()];
        for part in rest {
            let mut next: Vec<usize> = Vec::new();
            for &end in &ends {
                let run = text[end..].find(char::is_whitespace).map_or(text.len(), |at| end + at);
                let places =
                    (end..=run).filter(|at| text.is_char_boundary(*at) && text[*at..].starts_with(part.as_str()));
                next.extend(places.map(|at| at + part.len()));
            }
            next.sort_unstable();
            next.dedup();
            ends = next;
        }
        ends.contains(&text.len())
    }
}

/// How a pattern names tables, for the opt-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Breadth {
    /// Its resource part begins with `table/`: the opt-in does not matter.
    Explicit,
    /// `*`, `arn:aws:dynamodb:*` and the like: the opt-in decides.
    Broad,
    /// Something between, on which AWS is silent.
    Unclear,
}

/// A compiled ARN pattern of a selection.
#[derive(Debug, Clone)]
pub(super) struct ArnPattern {
    pub(super) text: String,
    pub(super) breadth: Breadth,
    glob: Glob,
    /// The form is one that AWS's sources contradict each other about, or do not mention.
    doubt: Option<&'static str>,
}

impl ArnPattern {
    pub(super) fn new(text: &str) -> Self {
        let shorthand = expand_empty_segments(text);
        let doubt = if shorthand.is_some() {
            Some("empty segments in an ARN pattern are not documented")
        } else {
            doubt_of(text)
        };
        let full = shorthand.unwrap_or_else(|| text.to_owned());
        Self {
            breadth: breadth_of(&full),
            glob: Glob::new(&full),
            doubt,
            text: text.to_owned(),
        }
    }

    /// Has the pattern no star, so that one ARN is all it can mean?
    pub(super) fn is_exact(&self) -> bool {
        self.doubt.is_none() && !self.text.contains('*')
    }

    /// Does it match, and is its form beyond doubt?
    pub(super) fn matches(&self, arn: &str) -> (Membership, Option<&'static str>) {
        if !self.glob.matches(arn) {
            (Membership::No, None)
        } else if let Some(doubt) = self.doubt {
            (Membership::Uncertain, Some(doubt))
        } else {
            (Membership::Yes, None)
        }
    }
}

/// `arn:aws:dynamodb:::table/*`, as AWS's prose writes it: with stars for the empty Region and account.
fn expand_empty_segments(text: &str) -> Option<String> {
    let arn = Arn::parse(text)?;
    if arn.service != "dynamodb" || !(arn.region.is_empty() || arn.account_id.is_empty()) {
        return None;
    }
    let or_star = |segment: &str| {
        if segment.is_empty() {
            "*".to_owned()
        } else {
            segment.to_owned()
        }
    };
    Some(format!(
        "arn:{}:dynamodb:{}:{}:{}",
        arn.partition,
        or_star(arn.region),
        or_star(arn.account_id),
        arn.resource
    ))
}

/// Stars are beyond doubt at the end, and as a whole Region or account segment. AWS's sources contradict each other
/// about stars inside or at the start of a name, and are silent about all other places.
fn doubt_of(text: &str) -> Option<&'static str> {
    let body = text.strip_suffix('*').unwrap_or(text);
    if !body.contains('*') {
        return None;
    }
    let segments: Vec<&str> = body.splitn(6, ':').collect();
    for (position, segment) in segments.iter().enumerate() {
        let is_whole_region_or_account = matches!(position, 3 | 4) && *segment == "*" && segments.len() == 6;
        if segment.contains('*') && !is_whole_region_or_account {
            return Some(if position == 5 {
                "AWS's sources contradict each other about a wildcard inside or at the start of a name"
            } else {
                "AWS does not document a wildcard in this place"
            });
        }
    }
    None
}

fn breadth_of(text: &str) -> Breadth {
    match Arn::parse(text) {
        Some(arn) if arn.resource.starts_with("table/") => Breadth::Explicit,
        Some(arn) if arn.resource.is_empty() || arn.resource == "*" => Breadth::Broad,
        Some(_) => Breadth::Unclear,
        None => Breadth::Broad,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stop_at_white_space() {
        for (pattern, text, expected) in [
            ("prod*", "production", true),
            ("prod*", "prod eu", false),
            ("*", "", true),
            ("*", "a b", false),
            ("a*b*a", "aba", true),
            ("a*b*a", "a", false),
            ("a*a", "a", false),
            ("a*a", "aa", true),
            ("*exclude*", "x-exclude-y", true),
            ("abc", "abc", true),
            ("abc", "abcd", false),
            ("a?c", "abc", false),
            ("* b*", "a bc", true),
            ("*b c*", "xb cb cy", false),
            ("*b c*", "b xb c", false),
            ("* *", "a b", true),
            ("*a b*", "aa b", true),
            ("*é*", "caféx", true),
        ] {
            assert_eq!(Glob::new(pattern).matches(text), expected, "{pattern} on {text}");
        }
    }

    #[test]
    fn many_stars_stay_fast() {
        let pattern = Glob::new(&("*a".repeat(200) + "b"));
        assert!(!pattern.matches(&"a".repeat(20_000)));
    }
}
