//! All selections of one target: which of them can concern a table at all, and the verdict over all of them.
//!
//! Exact ARNs and tags are looked up; only selections with wildcards are compared one by one.

use std::collections::{BTreeSet, HashMap};

use super::TableFacts;
use super::selection::{Compiled, Place, Selection};
use super::tri::{Judgement, Membership};

/// Past this many selections a "no" is explained in general words: listing every reason would help nobody.
const EXPLAINED: usize = 50;

/// The selections of one target.
#[derive(Debug)]
pub struct Index {
    place: Place,
    selections: Vec<Compiled>,
    /// Selections by an ARN without wildcard.
    by_arn: HashMap<String, Vec<usize>>,
    /// Selections by a tag of `ListOfTags`, without prefix.
    by_tag: HashMap<(String, String), Vec<usize>>,
    /// Selections that must always be asked.
    general: Vec<usize>,
    /// Selections with `ListOfTags`: to be asked when a table's tags are not known.
    with_tags: Vec<usize>,
}

impl Index {
    /// Compiles the selections of a target.
    pub fn new(place: Place, selections: Vec<Selection>) -> Self {
        let mut index = Self {
            place,
            selections: selections.into_iter().map(Compiled::new).collect(),
            by_arn: HashMap::new(),
            by_tag: HashMap::new(),
            general: Vec::new(),
            with_tags: Vec::new(),
        };
        for (number, compiled) in index.selections.iter().enumerate() {
            let selection = &compiled.selection;
            let tags = &selection.list_of_tags;
            let is_special = tags.iter().any(|tag| !tag.kind.eq_ignore_ascii_case("STRINGEQUALS"));
            let is_empty = selection.resources.is_empty() && tags.is_empty();
            if is_special || is_empty || compiled.resources.iter().any(|pattern| !pattern.is_exact()) {
                index.general.push(number);
                continue;
            }
            for pattern in &compiled.resources {
                index.by_arn.entry(pattern.text.clone()).or_default().push(number);
            }
            for tag in tags {
                let key = tag.key.strip_prefix("aws:ResourceTag/").unwrap_or(&tag.key).to_owned();
                index.by_tag.entry((key, tag.value.clone())).or_default().push(number);
            }
            if !tags.is_empty() {
                index.with_tags.push(number);
            }
        }
        index
    }

    /// How many selections there are.
    pub fn len(&self) -> usize {
        self.selections.len()
    }

    /// Is there none?
    pub fn is_empty(&self) -> bool {
        self.selections.is_empty()
    }

    /// One selection by its number.
    pub fn selection(&self, number: usize) -> &Selection {
        &self.selections[number].selection
    }

    /// The definition, for one selection.
    pub fn judge_one(&self, number: usize, table: &TableFacts<'_>) -> Judgement {
        self.selections[number].judge(&self.place, table)
    }

    /// Every selection that takes the table or may take it, in order.
    pub fn judge_all(&self, table: &TableFacts<'_>) -> Vec<(usize, Judgement)> {
        let mut candidates: BTreeSet<usize> = self.general.iter().copied().collect();
        candidates.extend(self.by_arn.get(table.arn).into_iter().flatten());
        match table.tags {
            None => candidates.extend(&self.with_tags),
            Some(tags) => {
                for (key, value) in tags {
                    candidates.extend(self.by_tag.get(&(key.clone(), value.clone())).into_iter().flatten());
                }
            }
        }
        let judged = candidates
            .into_iter()
            .map(|number| (number, self.judge_one(number, table)));
        judged
            .filter(|(_, judgement)| judgement.membership != Membership::No)
            .collect()
    }
}

/// Something that could not be read and might take the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// What, in words.
    pub what: String,
}

/// Over all selections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlanVerdictKind {
    /// A selection takes the table.
    Protected,
    /// None does.
    Unprotected,
    /// It cannot be told.
    Uncertain,
}

/// The verdict over all selections of a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanVerdict {
    /// The verdict.
    pub kind: PlanVerdictKind,
    /// Why, in one sentence.
    pub reason: String,
    /// The selections that take the table for certain.
    pub matches: Vec<usize>,
}

/// Is the table in a plan? One selection that surely takes it is enough; what could not be read leaves only a "no" open.
pub fn plan_verdict(index: &Index, table: &TableFacts<'_>, unread: &[Unread]) -> PlanVerdict {
    let judged = index.judge_all(table);
    let of = |membership: Membership| {
        judged
            .iter()
            .filter(move |(_, judgement)| judgement.membership == membership)
    };
    let matches: Vec<usize> = of(Membership::Yes).map(|(number, _)| *number).collect();
    let sentence = |(number, judgement): &(usize, Judgement)| {
        let selection = index.selection(*number);
        format!(
            "plan `{}`, selection `{}`: {}",
            selection.plan_name, selection.selection_name, judgement.reason
        )
    };
    let (kind, reason) = if let Some(first) = of(Membership::Yes).next() {
        let others = matches.len() - 1;
        let more = if others > 0 {
            format!(" (and {others} more)")
        } else {
            String::new()
        };
        (PlanVerdictKind::Protected, sentence(first) + &more)
    } else if let Some(first) = of(Membership::Uncertain).next() {
        (PlanVerdictKind::Uncertain, sentence(first))
    } else if let Some(first) = unread.first() {
        let others = unread.len() - 1;
        let more = if others > 0 {
            format!(" and {others} more")
        } else {
            String::new()
        };
        (
            PlanVerdictKind::Uncertain,
            format!(
                "no selection that could be read takes it; {}{more} could not be read",
                first.what
            ),
        )
    } else {
        (PlanVerdictKind::Unprotected, why_not(index, table))
    };
    PlanVerdict { kind, reason, matches }
}

/// The nearest miss: a selection that matched and then failed says more than one that never matched.
fn why_not(index: &Index, table: &TableFacts<'_>) -> String {
    if index.is_empty() {
        return "no live plan here has a selection".to_owned();
    }
    if index.len() > EXPLAINED {
        return format!("none of {} selections takes it", index.len());
    }
    let misses = (0..index.len()).map(|number| (number, index.judge_one(number, table)));
    let nearest = misses
        .into_iter()
        .find(|(_, judgement)| !judgement.reason.starts_with("no Resources pattern"));
    match nearest {
        Some((number, judgement)) => {
            let selection = index.selection(number);
            format!(
                "plan `{}`, selection `{}`: {}",
                selection.plan_name, selection.selection_name, judgement.reason
            )
        }
        None => match index.len() {
            1 => "the only selection here names neither this table nor a tag of it".to_owned(),
            number => format!("none of {number} selections names this table or a tag of it"),
        },
    }
}
