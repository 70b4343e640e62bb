//! How the program talks on stderr: to people, or to a log collector. stdout is for results only.
//!
//! `main` sets it once from the command line, before anything is said; until then it talks to people.

use std::io::{IsTerminal as _, Write as _};
use std::sync::OnceLock;

use chrono::Utc;
use clap::{Args, ValueEnum};
use serde_json::{Map, Value, json};

use crate::domain::rfc3339;
use crate::exit::Exit;
use crate::problem::{Problem, Problems};

/// Flags that every command takes.
#[derive(Debug, Args, Clone)]
pub struct TalkArgs {
    /// Say nothing but problems; scan and report print no summary then.
    #[arg(long, short, global = true, help_heading = "How to talk")]
    pub quiet: bool,
    /// How to talk on stderr: for people, or one JSON object for each warning, problem and step.
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "text",
        global = true,
        help_heading = "How to talk",
        env = "BACKPROOF_LOG"
    )]
    pub log: Log,
    /// When to colour what people read. Nothing is told by colour alone; NO_COLOR turns it off.
    #[arg(
        long,
        value_name = "WHEN",
        default_value = "auto",
        global = true,
        help_heading = "How to talk"
    )]
    pub color: Color,
}

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
    fn on(self, is_terminal: bool) -> bool {
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
    log: Log,
    color_of_talk: bool,
    color_of_results: bool,
}

static TALK: OnceLock<Talk> = OnceLock::new();

const TO_PEOPLE: Talk = Talk {
    is_quiet: false,
    log: Log::Text,
    color_of_talk: false,
    color_of_results: false,
};

/// Sets how to talk, once.
pub fn set(args: &TalkArgs) {
    let talk = Talk {
        is_quiet: args.quiet,
        log: args.log,
        color_of_talk: args.color.on(std::io::stderr().is_terminal()),
        color_of_results: args.color.on(std::io::stdout().is_terminal()),
    };
    // Whoever was first has said how to talk.
    let _ = TALK.set(talk);
}

fn talk() -> Talk {
    TALK.get().copied().unwrap_or(TO_PEOPLE)
}

/// Was `--quiet` given?
pub(crate) fn is_quiet() -> bool {
    talk().is_quiet
}

/// Should a bar show how far the work is? Only people at a terminal look at one.
pub(crate) fn shows_progress_bar() -> bool {
    let talk = talk();
    !talk.is_quiet && talk.log == Log::Text && std::io::stderr().is_terminal()
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
    if talk.log == Log::Json {
        flags.extend(["--log", "json"]);
    }
    flags
}

fn tell(problem: &Problem, level: &'static str) {
    let talk = talk();
    match talk.log {
        Log::Text => line(&colored(&problem.render(level), talk.color_of_talk)),
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

const BOLD_RED: &str = "\u{1b}[1;31m";
const BOLD_YELLOW: &str = "\u{1b}[1;33m";
const BOLD_GREEN: &str = "\u{1b}[1;32m";
const RESET: &str = "\u{1b}[0m";

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

/// A summary with its heads and its verdict in colour, if stdout wants colour.
pub(crate) fn colored_summary(text: &str) -> String {
    if !talk().color_of_results {
        return text.to_owned();
    }
    let color = |line: &str| match line {
        "NON-COMPLIANT" | "not compliant" => Some(BOLD_RED),
        "UNKNOWN" | "nothing to prove" => Some(BOLD_YELLOW),
        line if line.starts_with("not proven") => Some(BOLD_YELLOW),
        line if line.starts_with("compliant") => Some(BOLD_GREEN),
        _ => None,
    };
    let lines = text.lines().map(|line| match color(line) {
        Some(color) => format!("{color}{line}{RESET}\n"),
        None => format!("{line}\n"),
    });
    lines.collect()
}

/// What the command line itself says of colour, for its own help and mistakes: it is not read yet when those are shown.
pub fn color_of(args: impl Iterator<Item = std::ffi::OsString>) -> clap::ColorChoice {
    let args: Vec<String> = args.map(|arg| arg.to_string_lossy().into_owned()).collect();
    let after = args
        .iter()
        .position(|arg| arg == "--color")
        .and_then(|place| args.get(place + 1));
    let tied = args.iter().find_map(|arg| arg.strip_prefix("--color="));
    match after.map(String::as_str).or(tied) {
        Some("always") => clap::ColorChoice::Always,
        Some("never") => clap::ColorChoice::Never,
        _ => clap::ColorChoice::Auto,
    }
}

/// Does the command line, or the environment, ask for a log in JSON? For mistakes of the command line itself.
pub fn is_json(args: impl Iterator<Item = std::ffi::OsString>) -> bool {
    let args: Vec<String> = args.map(|arg| arg.to_string_lossy().into_owned()).collect();
    let pair = args.windows(2).any(|pair| pair[0] == "--log" && pair[1] == "json");
    let of_environment = || std::env::var_os("BACKPROOF_LOG").is_some_and(|log| log == "json");
    pair || args.iter().any(|arg| arg == "--log=json") || of_environment()
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

    #[test]
    fn the_command_line_says_of_itself_how_to_show_its_mistakes() {
        let args = |text: &str| {
            text.split(' ')
                .map(std::ffi::OsString::from)
                .collect::<Vec<_>>()
                .into_iter()
        };
        for (text, color) in [
            ("scan --color never", clap::ColorChoice::Never),
            ("scan --color=always", clap::ColorChoice::Always),
            ("scan --color", clap::ColorChoice::Auto),
            ("scan", clap::ColorChoice::Auto),
        ] {
            assert_eq!(color_of(args(text)), color, "{text}");
        }
        assert!(is_json(args("scan --log json")));
        assert!(is_json(args("--log=json scan")));
        assert!(!is_json(args("scan --log text")));
    }
}
