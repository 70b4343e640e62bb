//! `tag('key')` in the condition of a policy tier, turned into the name of a column that the engine understands.

use super::Mistake;

/// What the column of a tag begins with.
pub(super) const TAG_PREFIX: &str = "tag:";

/// The key of the tag that a name in [`super::Predicate::reads`] stands for; `None` if it is a fact.
pub(crate) fn tag_key(read: &str) -> Option<&str> {
    read.strip_prefix(TAG_PREFIX)
}

/// What to do about a tag that is asked for in another way.
pub(super) const TAG_HINT: &str = "write it like `tag('tier') = 'gold'`";

/// A condition with its tags as columns.
pub(super) struct Named {
    /// With `"tag:key"` for every tag.
    pub(crate) text: String,
    /// The keys, as often as they are asked for.
    pub(crate) keys: Vec<String>,
}

/// Turns every `tag('key')` outside literals, quoted names and comments into the name of a column.
///
/// Errors: `tag(…)` with anything but one key in single quotes.
pub(super) fn name_tags(text: &str) -> Result<Named, Mistake> {
    let mut named = Named {
        text: String::with_capacity(text.len()),
        keys: Vec::new(),
    };
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = token_length(rest, first);
        let (token, after) = rest.split_at(length);
        let arguments = after.trim_start().strip_prefix('(');
        if token.eq_ignore_ascii_case("tag")
            && let Some(arguments) = arguments
        {
            let (key, after) = tag_argument(arguments)?;
            named
                .text
                .push_str(&format!("\"{TAG_PREFIX}{}\"", key.replace('"', "\"\"")));
            named.keys.push(key);
            rest = after;
        } else {
            named.text.push_str(token);
            rest = after;
        }
    }
    Ok(named)
}

/// The length of the literal, quoted name, comment, word or other character that `text` begins with.
fn token_length(text: &str, first: char) -> usize {
    let until = |end: &str| text[end.len()..].find(end).map_or(text.len(), |at| at + 2 * end.len());
    let is_of_word = |character: char| character.is_alphanumeric() || matches!(character, '_' | '$' | '@' | '#');
    match first {
        // A doubled quote inside ends one token and begins the next, which is the same to us.
        '\'' => until("'"),
        '"' => until("\""),
        '`' => until("`"),
        _ if text.starts_with("--") => text.find('\n').unwrap_or(text.len()),
        _ if text.starts_with("/*") => text.find("*/").map_or(text.len(), |at| at + 2),
        _ if is_of_word(first) => text.find(|character| !is_of_word(character)).unwrap_or(text.len()),
        other => other.len_utf8(),
    }
}

/// The key between `tag(` and `)`, and what follows.
fn tag_argument(text: &str) -> Result<(String, &str), Mistake> {
    let mistake = |what: &str| Mistake::new(what, TAG_HINT);
    let not_a_key = || mistake("uses `tag(…)` with something else than one tag key in single quotes");
    let mut rest = text.trim_start().strip_prefix('\'').ok_or_else(not_a_key)?;
    let mut key = String::new();
    loop {
        let (part, after) = rest.split_once('\'').ok_or_else(not_a_key)?;
        key.push_str(part);
        match after.strip_prefix('\'') {
            Some(after) => {
                key.push('\'');
                rest = after;
            }
            None => {
                rest = after.trim_start().strip_prefix(')').ok_or_else(not_a_key)?;
                break;
            }
        }
    }
    if key.is_empty() {
        return Err(mistake("uses `tag('')`, and no tag has an empty key"));
    }
    Ok((key, rest))
}

#[cfg(test)]
mod tests {
    use polars::prelude::{Column, DataFrame, DataType, IntoLazy, Schema};

    use super::super::{Predicate, compile, compile_tier};
    use super::*;

    fn schema() -> Schema {
        let columns = [("n", DataType::Int64), ("t", DataType::String)];
        columns.into_iter().map(|(name, dtype)| (name.into(), dtype)).collect()
    }

    fn tier(text: &str) -> Predicate {
        compile_tier(text, &schema()).unwrap_or_else(|mistake| panic!("{text}: {mistake:?}"))
    }

    /// A table with one tag `tier` and one text fact.
    fn with_tag(text: &str, tag: Option<&str>, t: Option<&str>) -> Option<bool> {
        let columns = vec![
            Column::new("tag:tier".into(), [tag]),
            Column::new("tag:it's".into(), [tag]),
            Column::new("t".into(), [t]),
        ];
        let frame = DataFrame::new(1, columns).expect("a frame");
        let result = frame.lazy().select([tier(text).expr.alias("r")]).collect();
        let result = result.unwrap_or_else(|error| panic!("{text}: {error}"));
        result.column("r").expect("r").bool().expect("bool").get(0)
    }

    #[test]
    fn tags_are_three_valued() {
        let (t, f, u) = (Some(true), Some(false), None);
        for (text, gold, absent, unread) in [
            ("tag('tier') = 'gold'", t, f, u),
            ("tag('tier') <> 'gold'", f, t, u),
            ("NOT tag('tier') = 'gold'", f, t, u),
            ("tag('tier') = ''", f, t, u),
            ("tag('tier') LIKE 'go%'", t, f, u),
            ("tag('tier') NOT LIKE 'go%'", f, t, u),
            ("tag('tier') IN ('gold', 'silver')", t, f, u),
            ("tag('tier') = 'gold' OR t = 'ledger'", t, t, t),
            ("tag('tier') = 'gold' AND t = 'other'", f, f, f),
            (
                "(tag('tier') = 'gold' OR (t LIKE 'x%' AND NOT (tag('tier') = 'x')))",
                t,
                f,
                u,
            ),
            ("TAG ( 'tier' ) = 'gold'", t, f, u),
            ("Tag\n(\n'tier'\n) = 'gold'", t, f, u),
            ("tag('it''s') = 'gold'", t, f, u),
        ] {
            assert_eq!(with_tag(text, Some("gold"), Some("ledger")), gold, "{text}, gold");
            assert_eq!(with_tag(text, Some(""), Some("ledger")), absent, "{text}, no such tag");
            assert_eq!(with_tag(text, None, Some("ledger")), unread, "{text}, not read");
        }
    }

    #[test]
    fn reads_name_tags_by_their_keys() {
        let predicate = tier("n > 0 AND tag('cost: centre') = 'x' AND tag('tier') = tag('tier')");
        assert_eq!(predicate.reads, ["n", "tag:cost: centre", "tag:tier"]);
        let keys: Vec<_> = predicate.reads.iter().map(|read| tag_key(read)).collect();
        assert_eq!(keys, [None, Some("cost: centre"), Some("tier")]);
        assert_eq!(tier("tag('a\"b') = ''").reads, ["tag:a\"b"]);
    }

    #[test]
    fn tags_inside_literals_and_comments_are_text() {
        for text in [
            "t = 'tag(''x'')'",
            "t = 'it''s tag(''x'')'",
            "t = 'ä' -- tag('x')",
            "t /* tag('x') */ = 'a'",
        ] {
            assert_eq!(tier(text).reads, ["t"], "{text}");
            assert!(compile(text, &schema()).is_ok(), "{text}");
        }
        assert_eq!(with_tag("t = 'tag(''tier'')'", None, Some("tag('tier')")), Some(true));
        // Where the engine takes a backslash for an escape and we do not, the condition is refused and not misread.
        assert!(compile_tier("t = E'\\' tag('x')'", &schema()).is_err());
    }

    #[test]
    fn a_tag_is_asked_for_by_one_literal_key() {
        for text in [
            "tag(t) = 'a'",
            "tag() = 'a'",
            "tag('a', 'b') = 'a'",
            "tag('a' || 'b') = 'a'",
            "tag(\"a\") = 'a'",
            "tag('a = 'a'",
            "tag('a'",
            "tag(",
            "tag(tag('a')) = 'a'",
            "tag('') = 'a'",
        ] {
            let mistake = compile_tier(text, &schema()).expect_err(text);
            assert!(mistake.what.starts_with("uses `tag("), "{text}: {}", mistake.what);
            assert_eq!(mistake.hint, TAG_HINT, "{text}");
        }
        for text in [
            "tag('a') > 1",
            "tag('a')",
            "CAST(tag('a') AS INT) > 1",
            "tag('a') IS NULL",
            "mytag('a') = 'b'",
        ] {
            assert!(compile_tier(text, &schema()).is_err(), "{text}");
        }
    }

    #[test]
    fn mistakes_beside_tags_speak_of_what_was_written() {
        let wide: Schema = [("table_name", DataType::String)]
            .into_iter()
            .map(|(n, d)| (n.into(), d))
            .collect();
        let mistake = compile_tier("tag('tier') = 'gold' OR table_nam = 'x'", &wide).expect_err("a slip");
        assert_eq!(mistake.what, "uses a fact that does not exist: `table_nam`");
        assert!(
            mistake.hint.starts_with("did you mean `table_name`?"),
            "{}",
            mistake.hint
        );
        let mistake = compile_tier("tag('tier') = ", &schema()).expect_err("half a condition");
        assert!(mistake.what.contains("tag('tier') = "), "{}", mistake.what);
        assert!(!mistake.what.contains("tag:"), "{}", mistake.what);
    }

    #[test]
    fn ordinary_rules_may_not_ask_for_tags() {
        for text in ["tag('x') = 'a'", "tag(x) = 'a'", "n > 0 AND TAG ('x') = 'a'"] {
            let mistake = compile(text, &schema()).expect_err(text);
            assert_eq!(mistake.what, "uses `tag(…)`, which rules may not use");
            assert!(mistake.hint.contains("[[policy.tier]]"), "{}", mistake.hint);
        }
    }
}
