//! The verdict over all selections of a target: is a table in a plan?

use super::reason::Why;
use super::selection::{Selection, TaggedTable};
use super::selection_index::SelectionIndex;
use super::tri::{Judgement, Membership};

/// Up to so many selections a "no" looks at every one for the nearest miss; beyond it, at the candidates only.
const EXPLAINED: usize = 50;

/// Plans, selections or a list of them that could not be read, and might take the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unread {
    /// What, in words: "the selections of plan `daily`".
    pub(crate) what: String,
}

/// Over all selections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PlanVerdictKind {
    /// A selection takes the table.
    Protected,
    /// None does, and all were read.
    Unprotected,
    /// It cannot be told.
    Uncertain,
}

/// The verdict over all selections of a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PlanVerdict {
    /// The verdict.
    pub(crate) kind: PlanVerdictKind,
    /// Why, in one sentence without its full stop.
    pub(crate) reason: String,
    /// The exclusion that keeps the table out of the selection that is nearest to taking it, and whose it is; none where the
    /// verdict is another, or where something else keeps it out.
    pub(crate) exclusion: Option<String>,
    /// The selections that take the table for certain.
    pub(crate) matches: Vec<usize>,
    /// The selections that may take it.
    pub(crate) open: Vec<usize>,
}

/// The selections that take a table and those that may, by number, without a word on why.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Members {
    /// Those that take it for certain.
    pub(crate) matches: Vec<u32>,
    /// Those that may take it.
    pub(crate) open: Vec<u32>,
}

/// Which selections take the table. All others are a certain "no".
pub(crate) fn members(index: &SelectionIndex, table: &TaggedTable<'_>) -> Members {
    let mut members = Members::default();
    for number in index.candidates(table) {
        let list = match index.answer(number, table).membership {
            Membership::Yes => &mut members.matches,
            Membership::Uncertain => &mut members.open,
            Membership::No => continue,
        };
        list.push(u32::try_from(number).unwrap_or(u32::MAX));
    }
    members
}

/// Is the table in a plan? Selections are a union: one that surely takes it is enough, and what could not be read
/// leaves only a "no" open. `members`: of that table.
pub(crate) fn verdict_of(
    index: &SelectionIndex,
    table: &TaggedTable<'_>,
    members: &Members,
    unread: &[Unread],
) -> PlanVerdict {
    let numbers = |list: &[u32]| list.iter().map(|number| *number as usize).collect::<Vec<usize>>();
    let (matches, open) = (numbers(&members.matches), numbers(&members.open));
    let first = |list: &[usize]| {
        let number = list.first()?;
        Some(sentence(index, *number, &index.judge_one(*number, table)))
    };
    let mut exclusion = None;
    let (kind, reason) = if let Some(reason) = first(&matches) {
        (PlanVerdictKind::Protected, reason + &more(matches.len()))
    } else if let Some(reason) = first(&open) {
        (PlanVerdictKind::Uncertain, reason + &more(open.len()))
    } else if let Some(first) = unread.first() {
        let what = format!("{}{}", first.what, more(unread.len()));
        (
            PlanVerdictKind::Uncertain,
            format!("no selection that was read takes it, and {what} could not be read"),
        )
    } else {
        let reason;
        (reason, exclusion) = why_not(index, table);
        (PlanVerdictKind::Unprotected, reason)
    };
    PlanVerdict {
        kind,
        reason,
        exclusion,
        matches,
        open,
    }
}

fn more(number: usize) -> String {
    if number > 1 {
        format!(" (and {} more)", number - 1)
    } else {
        String::new()
    }
}

fn sentence(index: &SelectionIndex, number: usize, judgement: &Judgement) -> String {
    let selection = index.selection(number);
    format!(
        "plan `{}`, selection `{}`: {}",
        selection.plan_name, selection.selection_name, judgement.reason
    )
}

/// The nearest miss, and the exclusion that makes it one: a selection that matched and then failed says more than one that
/// never matched, and one that would take the table but for an exclusion says most.
fn why_not(index: &SelectionIndex, table: &TaggedTable<'_>) -> (String, Option<String>) {
    let number = index.len();
    if number == 0 {
        return ("no live plan here has a selection".to_owned(), None);
    }
    let asked: Vec<usize> = if number <= EXPLAINED {
        let candidates = index.candidates(table);
        (0..number)
            .filter(|number| *number == 0 || !index.is_only_named(*number) || candidates.contains(number))
            .collect()
    } else {
        // The first of all comes last: it tells of a table that no selection can take, such as one of a restore test.
        index.candidates(table).into_iter().chain([0]).collect()
    };
    let mut nearest = None;
    for number in asked {
        match index.answer(number, table).why {
            Why::NothingMatches => {}
            Why::Excluded(pattern) => {
                let exclusion = exclusion(index.selection(number), pattern);
                return (
                    sentence(index, number, &index.judge_one(number, table)),
                    Some(exclusion),
                );
            }
            _ => nearest = nearest.or(Some(number)),
        }
    }
    let reason = match nearest {
        Some(nearest) => sentence(index, nearest, &index.judge_one(nearest, table)),
        None if number == 1 => "the only selection here names neither this table nor a tag of it".to_owned(),
        None => format!("none of {number} selections here names this table or a tag of it"),
    };
    (reason, None)
}

/// What excludes the table, and where that is changed.
fn exclusion(selection: &Selection, pattern: &str) -> String {
    let (plan, name) = (&selection.plan_name, &selection.selection_name);
    let of = format!("selection `{name}` of plan `{plan}`");
    match selection.is_organization_plan {
        // The plan can only be read here.
        true => format!(
            "`{pattern}` in `not_resource_types` of the organization's backup policy, in its management account ({of})"
        ),
        false => format!("`{pattern}` in NotResources of {of}"),
    }
}
