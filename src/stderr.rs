//! How the program talks on stderr: to people, or to a log collector. stdout is for results only.
//!
//! `main` sets it once from the command line, before anything is said; until then it talks to people.

use std::io::{IsTerminal as _, Write as _};
use std::sync::OnceLock;

use chrono::Utc;
use clap::ValueEnum;
use serde_json::{Map, Value, json};

use crate::domain::rfc3339;
use crate::exit::Exit;
use crate::problem::{Problem, Problems};

/// How to talk on stderr.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Log {
    /// For people.
    Text,
    /// One JSON object on each line.
    Json,
}

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always, also into files and pipes.
    Always,
    /// Never.
    Never,
}

impl Color {
    /// Colour for this stream?
    pub(crate) fn on(self, is_terminal: bool) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto => is_terminal && is_wanted(),
        }
    }
}

/// By <https://no-color.org>, any value but the empty one turns colour off; a dumb terminal has none.
fn is_wanted() -> bool {
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    !no_color && !is_dumb
}

#[derive(Debug, Clone, Copy)]
struct Talk {
    is_quiet: bool,
    detail: Detail,
    log: Log,
    color: Color,
}

static TALK: OnceLock<Talk> = OnceLock::new();

/// How much of the talk with AWS is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Detail {
    /// Nothing but results.
    Results,
    /// Each call as it ends.
    Calls,
    /// Each request that is sent, retries included.
    Requests,
}

const TO_PEOPLE: Talk = Talk {
    is_quiet: false,
    detail: Detail::Results,
    log: Log::Text,
    color: Color::Never,
};

/// Sets how to talk, once.
pub(crate) fn set(is_quiet: bool, detail: Detail, log: Log, color: Color) {
    // Whoever was first has said how to talk.
    let _ = TALK.set(Talk {
        is_quiet,
        detail,
        log,
        color,
    });
}

fn talk() -> Talk {
    TALK.get().copied().unwrap_or(TO_PEOPLE)
}

/// When to colour, as the command line says.
pub(crate) fn color() -> Color {
    talk().color
}

/// Was `--quiet` given?
pub(crate) fn is_quiet() -> bool {
    talk().is_quiet
}

/// Should a bar show how far the work is? Only people at a terminal look at one, and lines of calls would break it.
pub(crate) fn shows_progress_bar() -> bool {
    let talk = talk();
    !talk.is_quiet && talk.detail == Detail::Results && talk.log == Log::Text && std::io::stderr().is_terminal()
}

/// Says how far the work is, to a log collector.
pub(crate) fn progress(what: &str, numbers: &[(&str, usize)]) {
    let talk = talk();
    if talk.log == Log::Text || talk.is_quiet {
        return;
    }
    let mut event = event("progress", what);
    event.extend(numbers.iter().map(|(name, number)| ((*name).to_owned(), json!(number))));
    line(&Value::from(event).to_string());
}

/// Is this much shown?
pub(crate) fn shows(detail: Detail) -> bool {
    talk().detail >= detail
}

/// Shows one call or request, if [`shows`] says so: its words for people, its fields for a log collector.
pub(crate) fn detail(text: &str, fields: &[(&str, Value)]) {
    match talk().log {
        Log::Text => line(text),
        Log::Json => {
            let mut event = event("call", text);
            event.extend(fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
            line(&Value::from(event).to_string());
        }
    }
}

/// Says that something was done.
pub(crate) fn say(text: &str) {
    let talk = talk();
    match talk.log {
        _ if talk.is_quiet => {}
        Log::Text => line(text),
        Log::Json => {
            for text in text.lines().filter(|text| !text.trim().is_empty()) {
                line(&Value::from(event("note", text.trim())).to_string());
            }
        }
    }
}

/// Says that something is not as it should be, and that the work goes on.
pub(crate) fn warn(problem: &Problem) {
    tell(problem, "warning");
}

/// Says why the work ends.
pub fn fail(problems: &Problems) {
    for problem in &problems.0 {
        tell(problem, "error");
    }
}

/// Says in JSON what is wrong with the command line, which was not understood.
pub fn usage(said: &str) {
    let mut parts = said.trim().splitn(2, '\n');
    let what = parts.next().unwrap_or_default();
    let what = what.strip_prefix("error: ").unwrap_or(what);
    let why = parts.next().map(str::trim).filter(|why| !why.is_empty());
    let mut event = event("error", what);
    for (key, value) in [("where", None), ("why", why), ("so", None), ("hint", None)] {
        event.insert(key.to_owned(), json!(value));
    }
    event.insert("exit_code".to_owned(), json!(Exit::Usage.code()));
    line(&Value::from(event).to_string());
}

/// The flags that make another run of this program talk alike.
pub(crate) fn flags() -> Vec<&'static str> {
    let talk = talk();
    let mut flags = Vec::new();
    if talk.is_quiet {
        flags.push("--quiet");
    }
    match talk.detail {
        Detail::Results => {}
        Detail::Calls => flags.push("-v"),
        Detail::Requests => flags.push("-vv"),
    }
    if talk.log == Log::Json {
        flags.extend(["--log", "json"]);
    }
    flags
}

/// Asks the person at the terminal for a line; none where nobody sits at one, or nothing was typed.
pub(crate) fn ask(question: &str) -> Option<String> {
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return None;
    }
    let mut stderr = std::io::stderr().lock();
    let _ = write!(stderr, "{question}").and_then(|()| stderr.flush());
    let mut typed = String::new();
    std::io::stdin().read_line(&mut typed).ok()?;
    Some(typed.trim().to_owned()).filter(|typed| !typed.is_empty())
}

fn tell(problem: &Problem, level: &'static str) {
    let talk = talk();
    match talk.log {
        Log::Text => line(&colored(
            &problem.render(level),
            talk.color.on(std::io::stderr().is_terminal()),
        )),
        Log::Json => {
            let mut event = event(level, &problem.what);
            let parts = [
                ("where", &problem.location),
                ("why", &problem.why),
                ("so", &problem.so),
                ("hint", &problem.hint),
            ];
            for (key, part) in parts {
                event.insert(key.to_owned(), json!((!part.is_empty()).then_some(part)));
            }
            if level == "error" {
                event.insert("exit_code".to_owned(), json!(problem.exit.code()));
            }
            line(&Value::from(event).to_string());
        }
    }
}

fn event(level: &str, what: &str) -> Map<String, Value> {
    Map::from_iter([
        ("at".to_owned(), json!(rfc3339(Utc::now()))),
        ("level".to_owned(), json!(level)),
        ("what".to_owned(), json!(what)),
    ])
}

fn line(text: &str) {
    // Nothing can be done if stderr is gone.
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

pub(crate) const BOLD_RED: &str = "\u{1b}[1;31m";
pub(crate) const BOLD_YELLOW: &str = "\u{1b}[1;33m";
pub(crate) const BOLD_GREEN: &str = "\u{1b}[1;32m";
pub(crate) const RESET: &str = "\u{1b}[0m";

/// The labels of a problem in colour.
fn colored(text: &str, is_on: bool) -> String {
    if !is_on {
        return text.to_owned();
    }
    let label = |line: &str| -> Option<(&'static str, usize)> {
        let labels = [("error:", BOLD_RED), ("warning:", BOLD_YELLOW), ("hint:", BOLD_GREEN)];
        let found = labels.iter().find(|(label, _)| line.starts_with(label));
        found.map(|(label, color)| (*color, label.len()))
    };
    let lines = text.lines().map(|line| match label(line) {
        Some((color, end)) => format!("{color}{}{RESET}{}", &line[..end], &line[end..]),
        None => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_coloured_and_nothing_else() {
        let text = "error: no error: here\n  where: x\nhint: y";
        assert_eq!(colored(text, false), text);
        let wanted = format!("{BOLD_RED}error:{RESET} no error: here\n  where: x\n{BOLD_GREEN}hint:{RESET} y");
        assert_eq!(colored(text, true), wanted);
    }
}
