//! A reviewed plan, done: what each action rests on is checked just before it, every step stands in the journal before and after.
//!
//! Several actions go on at once; an action begins when those that it needs are done. Where something has changed since the plan
//! was made, the actions on it are left out, with all that need them, and the others go on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::LocalBoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use serde_json::Value;

use super::actions::{Doing, Done, Now, Obstacle, Standing, Thing};
use super::follow::{Job, until_over};
use super::journal::{Journal, Noted, Step};
use super::{Action, Event, Plan};
use crate::aws::failure::{Failure, FailureKind};
use crate::aws::target::Target;
use crate::domain::{GapKind, TargetId};
use crate::problem::Problem;

/// How a plan is done.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// Actions under way at once in one account and Region: AWS counts calls by those.
    pub(crate) at_once: usize,
    /// Time between two looks at a job that another action waits for.
    pub(crate) every: Duration,
    /// How long to wait for such a job.
    pub(crate) at_most: Duration,
}

/// What became of a plan.
#[derive(Debug, Default)]
pub(crate) struct Applied {
    /// Jobs that run or ran: started now, or found in the journal.
    pub(crate) jobs: Vec<Job>,
    /// Actions without a job that are done: now, by an earlier run, or by somebody.
    pub(crate) done: usize,
    /// Actions that AWS refused, or whose account cannot be reached, or whose job failed while another waited for it.
    pub(crate) refused: usize,
    /// Actions that the journal says are done, and AWS does not say so.
    pub(crate) unproven: usize,
    /// Actions whose ground has changed, with the reason.
    pub(crate) drifted: Vec<(Action, String)>,
    /// Actions of whose ground that could not be read, with the reason.
    pub(crate) unread: Vec<(Action, String)>,
    /// The credentials have expired: nothing more was begun.
    pub(crate) has_expired: bool,
    /// Actions that need one that was not done, or are on something that has changed.
    pub(crate) left: Vec<Action>,
    /// Actions that were not begun because the run was to end.
    pub(crate) waiting: usize,
}

impl Applied {
    /// Is anything not as the plan says?
    pub(crate) fn is_short(&self) -> bool {
        self.refused + self.unproven + self.drifted.len() + self.unread.len() + self.left.len() + self.waiting > 0
    }
}

/// Where an action stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting,
    Running,
    /// Its job has begun, and others wait for its end.
    Followed,
    Done,
    NotDone,
}

/// What came of a call.
enum Came {
    /// Is the job, or the change, of an earlier run proven?
    Checked(Result<(), String>),
    Looked(Result<Now, Obstacle>),
    /// It could not be asked how things stand, for this reason; the kind of the call that failed, where one was seen.
    Unasked(String, Option<GapKind>),
    Acted(Result<Done, Failure>),
    /// A job that another action waits for is over, or the time is.
    Over(Standing),
}

/// Did an earlier run end while it did this, or took it back?
fn is_interrupted(noted: Option<&Noted>) -> bool {
    noted.is_some_and(|noted| matches!(noted.step, Step::Starting | Step::Undoing))
}

struct Run<'r> {
    plan: &'r Plan,
    targets: &'r BTreeMap<TargetId, Target>,
    pace: Pace,
    states: Vec<State>,
    /// The places of the actions that each one needs.
    needs: Vec<Vec<usize>>,
    /// Ids of actions that others need.
    needed: BTreeSet<&'r str>,
    /// What actions have made, for those that need it.
    made: Vec<(Thing, String)>,
    running: FuturesUnordered<LocalBoxFuture<'r, (usize, Came)>>,
    applied: Applied,
}

/// Does what the plan says.
///
/// What the journal says is done counts once AWS says so: a journal is a file like any other, and proves nothing by itself.
/// `stop` ends the run after the calls under way.
///
/// API and calls: those of each action. Errors: the journal cannot be written. What AWS refuses is noted, and what does not need it
/// goes on.
pub(crate) async fn apply(
    plan: &Plan,
    targets: &BTreeMap<TargetId, Target>,
    journal: &mut Journal,
    pace: Pace,
    stop: &AtomicBool,
    tell: &mut dyn FnMut(Event<'_>),
) -> Result<Applied, Problem> {
    let places: BTreeMap<&str, usize> = plan
        .actions
        .iter()
        .enumerate()
        .map(|(place, action)| (action.id.as_str(), place))
        .collect();
    let needs = |action: &Action| {
        action
            .needs
            .iter()
            .filter_map(|id| places.get(id.as_str()).copied())
            .collect()
    };
    let mut run = Run {
        plan,
        needs: plan.actions.iter().map(needs).collect(),
        targets,
        pace,
        states: vec![State::Waiting; plan.actions.len()],
        needed: plan
            .actions
            .iter()
            .flat_map(|action| &action.needs)
            .map(String::as_str)
            .collect(),
        made: Vec::new(),
        running: FuturesUnordered::new(),
        applied: Applied::default(),
    };
    loop {
        if !stop.load(Ordering::Relaxed) && !run.applied.has_expired {
            run.begin(journal, tell);
        }
        let Some((number, came)) = run.running.next().await else {
            break;
        };
        run.goes_on(number, came, journal, tell)?;
    }
    run.applied.waiting = run.states.iter().filter(|state| **state == State::Waiting).count();
    Ok(run.applied)
}

impl<'r> Run<'r> {
    /// Begins every action that can begin, and leaves out those that never can.
    fn begin(&mut self, journal: &Journal, tell: &mut dyn FnMut(Event<'_>)) {
        let plan = self.plan;
        let mut under_way: BTreeMap<TargetId, usize> = BTreeMap::new();
        for (action, state) in plan.actions.iter().zip(&self.states) {
            if *state == State::Running {
                *under_way.entry(action.target()).or_default() += 1;
            }
        }
        for (number, action) in plan.actions.iter().enumerate() {
            if self.states[number] != State::Waiting {
                continue;
            }
            let needed: Vec<State> = self.needs[number].iter().map(|place| self.states[*place]).collect();
            if needed.contains(&State::NotDone) {
                self.leave(number, tell);
                continue;
            }
            let is_ready = needed.iter().all(|state| *state == State::Done);
            let here = under_way.entry(action.target()).or_default();
            if !is_ready || *here >= self.pace.at_once {
                continue;
            }
            let Some(target) = self.targets.get(&action.target()) else {
                self.states[number] = State::NotDone;
                self.applied.refused += 1;
                continue;
            };
            self.states[number] = State::Running;
            *here += 1;
            let noted = journal.of(action).cloned();
            let since = plan.as_of;
            let first = async move {
                let watched = target.watched();
                let came = match noted {
                    Some(Noted {
                        step: Step::Started,
                        done: Done { job: Some(job), .. },
                        ..
                    }) => Came::Checked(action.deed.check_job(&watched, &job, since).await),
                    Some(Noted {
                        step: Step::Done | Step::Already,
                        ..
                    }) => Came::Checked(match action.deed.look(&watched, &action.id).await {
                        Ok(Now::Already { .. }) => Ok(()),
                        Ok(Now::ToDo(_)) => Err("it is no longer so: somebody has changed it since".to_owned()),
                        Err(why) => Err(why.why()),
                    }),
                    noted => {
                        let now = action.deed.look(&watched, &action.id).await;
                        if is_interrupted(noted.as_ref()) && matches!(now, Ok(Now::Already { .. })) {
                            action.deed.settle().await;
                        }
                        match (now, watched.caller.gap()) {
                            (Err(obstacle), Some(gap)) => Came::Unasked(obstacle.why(), Some(gap)),
                            (Err(Obstacle::Unread(why)), None) => Came::Unasked(why, None),
                            // Whose it is, AWS says when it is asked for the job once more.
                            (Ok(Now::Already { .. }), _)
                                if is_interrupted(noted.as_ref()) && action.deed.begins_job() =>
                            {
                                let job = noted.map(|noted| noted.done).filter(|done| done.job.is_some());
                                job.map_or_else(|| Came::Looked(Ok(Now::ToDo(Value::Null))), |job| Came::Acted(Ok(job)))
                            }
                            (now, _) => Came::Looked(now),
                        }
                    }
                };
                let came = match (came, watched.caller.gap()) {
                    (Came::Checked(Err(why)), Some(GapKind::Expired)) => Came::Unasked(why, Some(GapKind::Expired)),
                    (came, _) => came,
                };
                (number, came)
            };
            self.running.push(first.boxed_local());
        }
    }

    /// Takes what came of a call of an action, and makes its next.
    fn goes_on(
        &mut self,
        number: usize,
        came: Came,
        journal: &mut Journal,
        tell: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), Problem> {
        let action = &self.plan.actions[number];
        let nothing = Done::default();
        match came {
            Came::Checked(Ok(())) => {
                let done = journal.of(action).map(|noted| noted.done.clone()).unwrap_or_default();
                match &done.job {
                    Some(job) => tell(Event::StartedBefore(action, job)),
                    None => tell(Event::DoneBefore(action)),
                }
                self.done(number, done);
            }
            Came::Checked(Err(why)) => {
                let done = journal.of(action).map(|noted| noted.done.clone()).unwrap_or_default();
                tell(Event::Unproven(action, done.job.as_deref().unwrap_or_default(), &why));
                self.states[number] = State::NotDone;
                self.applied.unproven += 1;
            }
            Came::Looked(Ok(Now::ToDo(before))) => {
                journal.note(action, Step::Starting, before, &nothing, None)?;
                let (made, target) = (self.made.clone(), &self.targets[&action.target()]);
                let round = journal.of(action).map_or(0, |noted| noted.round);
                let call = async move {
                    let doing = Doing {
                        id: &action.id,
                        round,
                        made: &made,
                    };
                    let acted = match action.deed.act(target, &doing).await {
                        // The answer to an earlier attempt may have been lost, and what it made is now in the way of the next.
                        Err(failure) if failure.leaves_open() && !action.deed.begins_job() => {
                            match action.deed.look(target, &action.id).await {
                                Ok(Now::Already { made, .. }) => Ok(Done { job: None, made }),
                                _ => Err(failure),
                            }
                        }
                        acted => acted,
                    };
                    (number, Came::Acted(acted))
                };
                self.running.push(call.boxed_local());
            }
            Came::Looked(Ok(Now::Already { how, made })) => {
                // What an earlier run was about to do when it ended, it did; what it was about to take back, it did not.
                let is_own = is_interrupted(journal.of(action));
                let done = Done { job: None, made };
                let step = if is_own { Step::Done } else { Step::Already };
                journal.note(action, step, Value::Null, &done, Some(&how))?;
                match is_own {
                    true => tell(Event::DoneBefore(action)),
                    false => tell(Event::Already(action, &how)),
                }
                self.done(number, done);
            }
            Came::Looked(Err(obstacle)) => {
                let why = obstacle.why();
                journal.note(action, Step::Drifted, Value::Null, &nothing, Some(&why))?;
                tell(Event::Drifted(action, &why));
                self.states[number] = State::NotDone;
                self.applied.drifted.push((action.clone(), why));
                self.leave_resource_of(number, tell);
            }
            Came::Unasked(why, gap) => {
                tell(Event::Unasked(action, &why));
                self.states[number] = State::NotDone;
                self.applied.unread.push((action.clone(), why));
                self.applied.has_expired |= gap == Some(GapKind::Expired);
            }
            Came::Acted(Ok(done)) => {
                let step = if done.job.is_some() { Step::Started } else { Step::Done };
                journal.note(action, step, Value::Null, &done, None)?;
                match &done.job {
                    Some(job) => tell(Event::Started(action, job)),
                    None => tell(Event::Done(action)),
                }
                self.done(number, done);
            }
            Came::Acted(Err(failure)) => {
                let why = failure.told();
                journal.note(action, Step::Refused, Value::Null, &nothing, Some(&why))?;
                tell(Event::Refused(action, &why));
                self.applied.has_expired |= failure.kind == FailureKind::Gap(GapKind::Expired);
                self.states[number] = State::NotDone;
                self.applied.refused += 1;
            }
            Came::Over(standing) => {
                tell(Event::Ended(action, &standing));
                self.states[number] = if standing.is_success {
                    State::Done
                } else {
                    State::NotDone
                };
            }
        }
        Ok(())
    }

    /// It is done, or its job has begun: one that others need is followed first.
    fn done(&mut self, number: usize, done: Done) {
        let action = &self.plan.actions[number];
        let (at, target) = (action.target(), &self.targets[&action.target()]);
        if let Some(made) = done.made {
            self.made
                .extend(action.deed.gives(&at).into_iter().map(|thing| (thing, made.clone())));
        }
        let Some(id) = done.job else {
            self.states[number] = State::Done;
            self.applied.done += 1;
            return;
        };
        let job = Job {
            id,
            action: action.clone(),
            target: target.clone(),
        };
        self.applied.jobs.push(job.clone());
        if !self.needed.contains(action.id.as_str()) {
            self.states[number] = State::Done;
            return;
        }
        self.states[number] = State::Followed;
        let (every, at_most) = (self.pace.every, self.pace.at_most);
        let wait = async move { (number, Came::Over(until_over(&job, every, at_most).await)) };
        self.running.push(wait.boxed_local());
    }

    /// Leaves out what is still to be done on something that has changed.
    fn leave_resource_of(&mut self, number: usize, tell: &mut dyn FnMut(Event<'_>)) {
        let plan = self.plan;
        let key = |action: &Action| {
            let at = action.target();
            let id = action.deed.resource(&at).id.into_owned();
            (at, id)
        };
        let changed = key(&plan.actions[number]);
        for (other, action) in plan.actions.iter().enumerate() {
            if self.states[other] == State::Waiting && key(action) == changed {
                self.leave(other, tell);
            }
        }
    }

    fn leave(&mut self, number: usize, tell: &mut dyn FnMut(Event<'_>)) {
        let action = &self.plan.actions[number];
        self.states[number] = State::NotDone;
        tell(Event::Left(action));
        self.applied.left.push(action.clone());
    }
}
