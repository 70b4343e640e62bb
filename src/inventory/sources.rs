//! Which calls fill which frame. Collecting, least-privilege permissions, and the reason why something is unknown all come
//! from here.

use super::schema::{FRAMES, FrameSchema};

/// What the call log says in place of an IAM action where the pack of a drill could not be read. No right of AWS's is meant.
pub(crate) const READ_DRILL: &str = "backproof:ReadDrill";

/// The frame that fills the facts on restores beside the calls to AWS.
pub(crate) const RESTORES: &str = "restore_jobs";

/// The frames that calls to AWS fill, in order.
pub(crate) fn collected() -> impl Iterator<Item = &'static FrameSchema> {
    FRAMES.iter().copied().filter(|frame| !frame.actions.is_empty())
}

/// The IAM actions of the calls that fill these frames, in order of the frames.
pub(crate) fn actions_of<'f>(frames: &'f [&str]) -> impl Iterator<Item = &'static str> + use<'f> {
    let wanted = collected().filter(|frame| frames.contains(&frame.name));
    wanted.flat_map(|frame| frame.actions.iter().copied())
}

/// The frames that a call fills.
pub(crate) fn frames_filled_by(action: &str) -> impl Iterator<Item = &'static str> {
    let filled = collected().filter(move |frame| frame.actions.contains(&action));
    filled.map(|frame| frame.name)
}
