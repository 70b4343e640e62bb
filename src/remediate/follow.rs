//! Jobs that AWS began, followed to their end.

use std::time::Duration;

use tokio::time::Instant;

use super::actions::Standing;
use super::{Action, Event};
use crate::aws::target::Target;

/// A job under way.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    /// Opaque.
    pub(crate) id: String,
    /// What it does.
    pub(crate) action: Action,
    /// Where it runs.
    pub(crate) target: Target,
}

/// A job that is over soon is seen soon; the longer one takes, the longer the pauses, up to the one that was asked for.
pub(super) const FIRST_LOOK: Duration = Duration::from_secs(2);

/// Follows jobs until each has ended, or the time is over.
///
/// API: that of the action's look. Calls: 1 for each job and look. Errors: a look that fails is repeated at the next turn.
pub(crate) async fn follow(
    jobs: Vec<Job>,
    every: Duration,
    at_most: Duration,
    tell: &mut dyn FnMut(Event<'_>),
) -> Vec<Standing> {
    let until = Instant::now() + at_most;
    let mut pause = FIRST_LOOK.min(every);
    let mut ended = Vec::new();
    let mut waiting = jobs;
    while !waiting.is_empty() {
        let mut still = Vec::new();
        for job in waiting {
            let standing = job.action.deed.job(&job.target, &job.id).await;
            let name = &job.action;
            if standing.is_over {
                tell(Event::Ended(name, &standing));
                ended.push(standing);
            } else if Instant::now() >= until {
                ended.push(standing);
            } else {
                tell(Event::Waiting(name, &standing));
                still.push(job);
            }
        }
        waiting = still;
        if !waiting.is_empty() {
            tell(Event::Pause);
            tokio::time::sleep(pause).await;
            pause = (2 * pause).min(every);
        }
    }
    ended
}

/// Follows one job until it has ended, or the time is over.
///
/// API: that of the action's look. Calls: 1 for each look. Errors: none; the last standing is given.
pub(crate) async fn until_over(job: &Job, every: Duration, at_most: Duration) -> Standing {
    let until = Instant::now() + at_most;
    let mut pause = FIRST_LOOK.min(every);
    loop {
        let standing = job.action.deed.job(&job.target, &job.id).await;
        if standing.is_over || Instant::now() >= until {
            return standing;
        }
        tokio::time::sleep(pause).await;
        pause = (2 * pause).min(every);
    }
}
