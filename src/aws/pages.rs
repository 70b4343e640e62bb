//! The pages of a list, one after the other: a list that does not end is a failure with a name, never asked for for ever.

use std::collections::HashSet;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};

/// Pages of one list at the most: a hundred million rows at 1,000 a page.
const MOST_PAGES: usize = 100_000;

/// Pages without a row, one after the other, at the most. AWS may send some where a filter leaves nothing of a page.
const MOST_EMPTY_PAGES: usize = 1000;

/// How far a list has been read.
#[derive(Debug, Default)]
pub(crate) struct Pages {
    /// Digests of the tokens so far: tokens are long, and there may be many.
    tokens: HashSet<u64>,
    pages: usize,
    empty_pages: usize,
}

impl Pages {
    /// The token of the page after one with this token and so many rows; none if it was the last. Some services end with an
    /// empty token instead of none.
    ///
    /// Errors: the token came before; the list has too many pages, or too many without a row.
    pub(crate) fn next(&mut self, token: Option<&str>, rows: usize) -> Result<Option<String>, String> {
        let Some(token) = token.filter(|token| !token.is_empty()) else {
            return Ok(None);
        };
        self.pages += 1;
        self.empty_pages = if rows == 0 { self.empty_pages + 1 } else { 0 };
        let mut digest = DefaultHasher::new();
        token.hash(&mut digest);
        if !self.tokens.insert(digest.finish()) {
            return Err(format!("after page {} came a token that came before", self.pages));
        }
        if self.empty_pages >= MOST_EMPTY_PAGES {
            return Err(format!("{} pages in a row held nothing", self.empty_pages));
        }
        if self.pages >= MOST_PAGES {
            return Err(format!("after {} pages there was still another", self.pages));
        }
        Ok(Some(token.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_ends_or_says_why_not() {
        let mut pages = Pages::default();
        assert_eq!(pages.next(Some("a"), 1), Ok(Some("a".to_owned())));
        assert_eq!(pages.next(Some("b"), 0), Ok(Some("b".to_owned())));
        assert_eq!(pages.next(Some(""), 1), Ok(None));
        assert_eq!(pages.next(None, 1), Ok(None));
        // A circle of any length.
        let why = pages.next(Some("a"), 1).expect_err("a circle");
        assert!(why.contains("came before"), "{why}");
    }

    #[test]
    fn pages_without_end_end() {
        for (rows, last, why) in [(0, MOST_EMPTY_PAGES, "held nothing"), (1, MOST_PAGES, "still another")] {
            let mut pages = Pages::default();
            let found = (1..).find_map(|page| pages.next(Some(&page.to_string()), rows).err().map(|why| (page, why)));
            let (page, said) = found.expect("an end");
            assert_eq!(page, last);
            assert!(said.contains(why), "{said}");
        }
    }
}
