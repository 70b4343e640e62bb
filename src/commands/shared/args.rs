//! Flags that several commands take.

use clap::Args;

use crate::stderr::{self, Color, Log};

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

impl TalkArgs {
    /// Sets how the program talks from now on.
    pub fn apply(&self) {
        stderr::set(self.quiet, self.log, self.color);
    }
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
