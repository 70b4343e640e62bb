//! A plan taken back: what it changed gets its former value, what it made is deleted, in reverse order, and nothing else ever.
//!
//! What was done stands in the journal, with the values from before; each step back stands there before its call and after it.
//! Something that was changed since stays as it is, and so does what AWS refuses to give up; both are said.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;

use super::actions::{Deed, Undoing, Undone};
use super::journal::{Journal, Noted, Step};
use super::{Action, Event, Plan};
use crate::aws::target::Target;
use crate::domain::TargetId;
use crate::problem::Problem;

/// How much is taken back.
#[derive(Debug, Clone, Default)]
pub(crate) struct Extent {
    /// Recovery points too that plans made which the journal made.
    pub(crate) with_points: bool,
    /// Names of the tables whose last usable recovery point may go.
    pub(crate) last_points_of: BTreeSet<String>,
}

/// What became of it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct TakenBack {
    /// Actions that are taken back.
    pub(crate) back: usize,
    /// Actions that stay, or whose account cannot be reached.
    pub(crate) left: usize,
    /// Actions that were not begun because the run was to end.
    pub(crate) waiting: usize,
}

/// The actions that this tool did by its journal and has not taken back, the last one first; what keeps recovery points from being
/// deleted comes before all that may have made some. What was so already before is nobody's to take back.
pub(crate) fn undoable<'p>(plan: &'p Plan, journal: &Journal, extent: &Extent) -> Vec<(&'p Action, Noted)> {
    let done = plan.actions.iter().rev().filter_map(|action| {
        let noted = journal.of(action)?;
        let is_half = noted.step == Step::Refused && action.deed.has_halves();
        // The plan is gone, and its points are not.
        let has_points = noted.step == Step::Undone && extent.with_points && matches!(action.deed, Deed::PlanCreate(_));
        (noted.step.is_own() || is_half || has_points).then(|| (action, noted.clone()))
    });
    let (mut guards, rest): (Vec<_>, Vec<_>) = done.partition(|(action, _)| action.deed.guards_points());
    guards.extend(rest);
    guards
}

/// Takes back what the journal says was done. An action whose need of another stays keeps that one too.
///
/// API and calls: those of each action. Errors: the journal cannot be written. What AWS refuses is noted, and the rest goes on.
pub(crate) async fn undo(
    plan: &Plan,
    targets: &BTreeMap<TargetId, Target>,
    journal: &mut Journal,
    extent: &Extent,
    stop: &AtomicBool,
    tell: &mut dyn FnMut(Event<'_>),
) -> Result<TakenBack, Problem> {
    let mut result = TakenBack::default();
    let places = plan.places();
    // Ids of actions that something which stays still needs.
    let mut kept: BTreeSet<&str> = BTreeSet::new();
    for (action, noted) in undoable(plan, journal, extent) {
        if stop.load(Ordering::Relaxed) {
            result.waiting += 1;
            continue;
        }
        let outcome = match targets.get(&action.target()) {
            _ if kept.contains(action.id.as_str()) => Err("what needs it stays".to_owned()),
            None => Err("its account cannot be reached".to_owned()),
            Some(target) => {
                journal.note(action, Step::Undoing, Value::Null, &noted.done, None)?;
                let undoing = Undoing {
                    id: &action.id,
                    before: &noted.before,
                    done: &noted.done,
                    places: &places,
                    with_points: extent.with_points,
                    last_points_of: &extent.last_points_of,
                };
                match action.deed.undo(target, &undoing).await {
                    Ok(Undone::Back(how)) => Ok(how),
                    Ok(Undone::Left(why)) => Err(why),
                    Err(failure) => Err(failure.told()),
                }
            }
        };
        match outcome {
            Ok(how) => {
                journal.note(action, Step::Undone, Value::Null, &noted.done, Some(&how))?;
                tell(Event::Undone(action, &how));
                result.back += 1;
            }
            Err(why) => {
                tell(Event::Kept(action, &why));
                kept.extend(action.needs.iter().map(String::as_str));
                result.left += 1;
            }
        }
    }
    Ok(result)
}
