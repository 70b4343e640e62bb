//! Jobs that AWS began, followed at the terminal.

use std::collections::BTreeSet;
use std::time::Duration;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use crate::duration;
use crate::exit::Exit;
use crate::problem::{Outcome, Problem, count, one_line};
use crate::remediate::actions::Standing;
use crate::remediate::follow::{Job, follow};
use crate::remediate::{Action, Event};
use crate::stderr::{say, shows_progress_bar};

/// How to follow jobs.
#[derive(Debug, Args, Clone)]
pub struct WaitArgs {
    /// Follow the jobs until they have finished, and end by their outcome.
    #[arg(long)]
    pub wait: bool,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the text as a heading")]
    pub times: WaitTimes,
}

/// How long to follow jobs.
#[derive(Debug, Args, Clone)]
pub struct WaitTimes {
    /// Time between two looks at a job that is followed.
    #[arg(
        long,
        value_name = "DURATION",
        default_value = "30s",
        env = "BACKPROOF_POLL_INTERVAL"
    )]
    pub poll_interval: String,
    /// Give up following after this time; the jobs go on.
    #[arg(long, value_name = "DURATION", default_value = "12h")]
    pub timeout: String,
}

/// Says what happens.
pub(super) fn say_step(event: Event<'_>) {
    let say_of = |action: &Action, text: &str| say(&format!("{}: {}", one_line(&action.name()), one_line(text)));
    match event {
        Event::StartedBefore(action, job_id) => say_of(action, &format!("started before as {job_id}")),
        Event::DoneBefore(action) => say_of(action, "done before"),
        Event::Unproven(action, "", why) => say_of(
            action,
            &format!("the journal says that it is done, and AWS does not: {why}; not counted, and nothing was done"),
        ),
        Event::Unproven(action, job_id, why) => say_of(
            action,
            &format!(
                "the journal names job {job_id}, which is not known to be its own: {why}; not counted, and nothing was started. \
                 Apply with another `--journal` to ask again"
            ),
        ),
        Event::Started(action, job_id) => say_of(action, &format!("started {job_id}")),
        Event::Done(action) => say_of(action, &format!("{}: done", action.deed.describe())),
        Event::Already(action, how) => say_of(action, &format!("already so: {how}")),
        Event::Refused(action, why) => say_of(action, &format!("refused: {why}")),
        Event::Drifted(action, why) => say_of(action, &format!("not done: {why}")),
        Event::Unasked(action, why) => say_of(action, &format!("not done, as it could not be checked: {why}")),
        Event::Undone(action, how) => say_of(action, &format!("taken back: {how}")),
        Event::Kept(action, why) => say_of(action, &format!("stays: {why}")),
        Event::Left(action) => say_of(action, "not done: it needs what was not done"),
        Event::Ended(action, Standing { state, message, .. }) if message.is_empty() => {
            say(&format!("{} {state}", one_line(&action.name())));
        }
        Event::Ended(action, Standing { state, message, .. }) => {
            say(&format!("{} {state}: {}", one_line(&action.name()), one_line(message)));
        }
        Event::Waiting(..) | Event::Pause => {}
    }
}

/// Follows jobs with a progress bar.
pub(crate) async fn followed(jobs: Vec<Job>, every: Duration, at_most: Duration) -> Vec<Standing> {
    let bar = if shows_progress_bar() {
        ProgressBar::new(jobs.len() as u64)
    } else {
        ProgressBar::hidden()
    };
    if let Ok(style) = ProgressStyle::with_template("{spinner} {pos}/{len} jobs {bar:30} {msg} {elapsed}") {
        bar.set_style(style);
    }
    let mut tell = |event: Event<'_>| match event {
        Event::Waiting(action, standing) => bar.set_message(format!("{} {}", one_line(&action.name()), standing.state)),
        Event::Pause => bar.tick(),
        event => {
            if matches!(event, Event::Ended(..)) {
                bar.inc(1);
            }
            bar.suspend(|| say_step(event));
        }
    };
    let ended = follow(jobs, every, at_most, &mut tell).await;
    bar.finish_and_clear();
    ended
}

/// Everything asked for was done, or not.
pub(crate) fn outcome(ended: &[Standing], refused: usize, waited: bool) -> Exit {
    if waited {
        say(&tally(ended));
    }
    if refused == 0 && ended.iter().all(|standing| standing.is_success) {
        Exit::Compliant
    } else {
        Exit::Failed
    }
}

/// One line over all jobs: `3 jobs completed (1 with issues), 1 job did not (FAILED), 2 jobs are still going on (CREATED)`.
fn tally(ended: &[Standing]) -> String {
    let completed = ended.iter().filter(|standing| standing.is_success).count();
    let with_issues = ended.iter().filter(|standing| standing.has_issues).count();
    let mut text = format!("{} completed", count(completed, "job"));
    if with_issues > 0 {
        text.push_str(&format!(" ({with_issues} with issues)"));
    }
    let mut rest = |is_over: bool, one: &str, many: &str| {
        let others = ended
            .iter()
            .filter(|standing| !standing.is_success && standing.is_over == is_over);
        let states: Vec<&str> = others.map(|standing| standing.state.as_str()).collect();
        if !states.is_empty() {
            let verb = if states.len() == 1 { one } else { many };
            let distinct: BTreeSet<&str> = states.iter().copied().collect();
            let distinct: Vec<&str> = distinct.into_iter().collect();
            text.push_str(&format!(
                ", {} {verb} ({})",
                count(states.len(), "job"),
                distinct.join(", ")
            ));
        }
    };
    rest(true, "did not", "did not");
    rest(false, "is still going on", "are still going on");
    text
}

/// The pause between looks and the time to give up.
///
/// Errors: not durations.
pub(crate) fn intervals(args: &WaitTimes) -> Outcome<(Duration, Duration)> {
    let read = |flag: &str, text: &str| -> Result<Duration, Problem> {
        let delta = duration::parse(text).map_err(|why| {
            Problem::usage(format!("`{flag}` is not a duration"))
                .why(why)
                .hint("write it like `30s` or `12h`")
        })?;
        Ok(delta.to_std().unwrap_or(Duration::ZERO).max(Duration::from_secs(1)))
    };
    Ok((
        read("--poll-interval", &args.poll_interval)?,
        read("--timeout", &args.timeout)?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_tells_what_is_over_and_what_goes_on() {
        let standing = |state: &str, is_over: bool, has_issues: bool| Standing {
            state: state.to_owned(),
            message: String::new(),
            is_over,
            is_success: state == "COMPLETED",
            has_issues,
        };
        assert_eq!(tally(&[standing("COMPLETED", true, false)]), "1 job completed");
        let all = [
            standing("COMPLETED", true, false),
            standing("COMPLETED", true, true),
            standing("FAILED", true, false),
            standing("CREATED", false, false),
            standing("PENDING", false, false),
        ];
        assert_eq!(
            tally(&all),
            "2 jobs completed (1 with issues), 1 job did not (FAILED), 2 jobs are still going on (CREATED, PENDING)"
        );
        assert!(matches!(outcome(&all[..2], 0, false), Exit::Compliant));
        assert!(matches!(outcome(&all, 0, false), Exit::Failed));
    }
}
