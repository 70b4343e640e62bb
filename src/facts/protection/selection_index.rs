//! All selections of one target, and which of them can concern a table at all.
//!
//! Only speed lives here: candidates are looked up by name, start of name and tag, and each candidate is then judged by
//! the definition. A selection that is no candidate is a certain "no".

use std::collections::{BTreeSet, HashMap};

use super::answer::Answer;
use super::clauses::is_aws_key;
use super::compiled::{Compiled, name_here};
use super::pattern::behind;
use super::selection::{Operator, Place, Selection, TAG_PREFIX, TaggedTable};
use super::tri::{Judgement, Membership};

/// The selections of one target.
#[derive(Debug)]
pub struct SelectionIndex {
    place: Place,
    selections: Vec<Compiled>,
    by_name: HashMap<String, Vec<usize>>,
    /// By the start of the names that a pattern takes; empty for patterns that take every table.
    by_start: HashMap<String, Vec<usize>>,
    /// Lengths of the keys above.
    start_lengths: BTreeSet<usize>,
    /// By a tag without which the selection cannot take a table in the way registered here: key, then value.
    by_tag: HashMap<String, HashMap<String, Vec<usize>>>,
    /// Selections in `by_tag`: candidates all, when a table's tags are not known.
    with_tag: Vec<usize>,
    /// Selections with wildcards of other forms, or with doubts that no look-up can settle.
    always: Vec<usize>,
    /// Selections that name tables one by one and nothing else: a table that is not among them is no near miss.
    only_named: Vec<bool>,
}

impl SelectionIndex {
    /// Classifies the selections of a target once.
    pub fn new(place: Place, selections: Vec<Selection>) -> Self {
        let mut index = Self {
            selections: Vec::with_capacity(selections.len()),
            by_name: HashMap::new(),
            by_start: HashMap::new(),
            start_lengths: BTreeSet::new(),
            by_tag: HashMap::new(),
            with_tag: Vec::new(),
            always: Vec::new(),
            only_named: Vec::with_capacity(selections.len()),
            place,
        };
        let head = index.place.head();
        for (number, selection) in selections.into_iter().enumerate() {
            let compiled = Compiled::new(selection);
            index.only_named.push(compiled.is_only_named());
            index.register(number, &compiled, &head);
            index.selections.push(compiled);
        }
        index
    }

    fn register(&mut self, number: usize, compiled: &Compiled, head: &str) {
        let selection = &compiled.selection;
        let tags = &selection.list_of_tags;
        let is_doubtful = tags.iter().any(|tag| !tag.is_equality() || is_aws_key(tag.bare_key()));
        if is_doubtful || (selection.resources.is_empty() && tags.is_empty()) {
            self.always.push(number);
            return;
        }
        let reach: Vec<Reach> = compiled
            .resources
            .iter()
            .flat_map(|pattern| Reach::of(pattern.full(), head))
            .collect();
        // A condition on a tag's value narrows better than a wildcard does, and it must hold whatever matches.
        let is_wide = reach.iter().any(|one| !matches!(one, Reach::Name(_)));
        if is_wide && let Some((key, value)) = required_tag(selection) {
            self.register_tag(number, key, value);
            return;
        }
        for one in reach {
            match one {
                Reach::Name(name) => self.by_name.entry(name).or_default().push(number),
                Reach::Start(start) => {
                    self.start_lengths.insert(start.len());
                    self.by_start.entry(start).or_default().push(number);
                }
                Reach::Other => self.always.push(number),
            }
        }
        for tag in tags {
            self.register_tag(number, tag.bare_key(), &tag.value);
        }
    }

    fn register_tag(&mut self, number: usize, key: &str, value: &str) {
        let values = self.by_tag.entry(key.to_owned()).or_default();
        values.entry(value.to_owned()).or_default().push(number);
        self.with_tag.push(number);
    }

    /// How many selections there are.
    pub fn len(&self) -> usize {
        self.selections.len()
    }

    /// Is there none?
    pub fn is_empty(&self) -> bool {
        self.selections.is_empty()
    }

    /// One selection by its number, which is its place in the list given to [`SelectionIndex::new`].
    pub fn selection(&self, number: usize) -> &Selection {
        &self.selections[number].selection
    }

    /// Does a selection do nothing but name tables one by one?
    pub(super) fn is_only_named(&self, number: usize) -> bool {
        self.only_named[number]
    }

    /// The definition, for one selection.
    pub fn judge_one(&self, number: usize, table: &TaggedTable<'_>) -> Judgement {
        self.selections[number].in_words(self.answer(number, table))
    }

    /// Every selection that takes the table or may take it, in order. All others are a certain "no".
    pub fn judge_all(&self, table: &TaggedTable<'_>) -> Vec<(usize, Judgement)> {
        let answers = self
            .candidates(table)
            .into_iter()
            .map(|number| (number, self.answer(number, table)));
        answers
            .filter(|(_, answer)| answer.membership != Membership::No)
            .map(|(number, answer)| (number, self.selections[number].in_words(answer)))
            .collect()
    }

    pub(super) fn answer<'a>(&'a self, number: usize, table: &TaggedTable<'a>) -> Answer<'a> {
        self.selections[number].judge(&self.place, table)
    }

    /// In order, none twice.
    pub(super) fn candidates(&self, table: &TaggedTable<'_>) -> Vec<usize> {
        let name = match name_here(&self.place, table.arn) {
            Ok(name) => name,
            Err(answer) if answer.membership == Membership::No => return Vec::new(),
            Err(_) => return (0..self.len()).collect(),
        };
        let mut found = self.always.clone();
        found.extend(self.by_name.get(name).into_iter().flatten());
        for &length in self.start_lengths.iter().take_while(|length| **length <= name.len()) {
            let start = name.get(..length).and_then(|start| self.by_start.get(start));
            found.extend(start.into_iter().flatten());
        }
        match table.tags {
            None => found.extend(&self.with_tag),
            Some(tags) => {
                for (key, value) in tags {
                    let numbers = self.by_tag.get(key).and_then(|values| values.get(value));
                    found.extend(numbers.into_iter().flatten());
                }
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}

/// Which tables here a pattern can take.
enum Reach {
    Name(String),
    Start(String),
    Other,
}

impl Reach {
    /// Nothing, for most patterns: they name other services.
    fn of(pattern: &str, head: &str) -> Vec<Self> {
        let rests = behind(pattern, head);
        // A star before the name may go on into it, but names have neither colon nor slash for the rest to match.
        let rests = rests.into_iter().filter(|rest| !rest.contains([':', '/']));
        rests
            .map(|rest| match rest.split_once('*') {
                None => Self::Name(rest.to_owned()),
                Some((start, "")) => Self::Start(start.to_owned()),
                Some(_) => Self::Other,
            })
            .collect()
    }
}

/// A tag that the table must have, by an equality of `Conditions` that no doubt surrounds.
fn required_tag(selection: &Selection) -> Option<(&str, &str)> {
    let equalities = selection
        .conditions
        .iter()
        .filter(|condition| condition.operator == Operator::StringEquals);
    let keys =
        equalities.filter_map(|condition| Some((condition.key.strip_prefix(TAG_PREFIX)?, condition.value.as_str())));
    keys.into_iter().find(|(key, _)| !is_aws_key(key))
}
