//! `completions` and `man`: from the same definition that reads the command line.

use std::path::PathBuf;

use clap::{Args, Command};
use clap_complete::Shell;
use clap_mangen::roff::{Roff, bold, roman};

use crate::commands::examples;
use crate::commands::shared::output::print;
use crate::exit::Exit;
use crate::problem::{Outcome, Problem, count};
use crate::stderr::say;

/// Arguments of `completions`.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell that completes.
    pub shell: Shell,
}

/// Arguments of `man`.
#[derive(Debug, Args)]
pub struct ManArgs {
    /// Write a page for each command into this folder. Without this flag: the page of the program, to stdout.
    #[arg(long, short = 'o', visible_alias = "output", value_name = "DIR")]
    pub to: Option<PathBuf>,
}

/// Runs `completions` for the command line as it is defined.
///
/// Errors: stdout cannot be written.
pub fn completions(args: &CompletionsArgs, mut program: Command) -> Outcome<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut program, "backproof", &mut script);
    print(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Compliant)
}

/// Runs `man` for the command line as it is defined.
///
/// Errors: a folder that cannot be written.
pub fn man(args: &ManArgs, mut program: Command) -> Outcome<Exit> {
    // Puts into each command what holds for all of them.
    program.build();
    let Some(folder) = &args.to else {
        print(&page(&program, "backproof")?)?;
        return Ok(Exit::Compliant);
    };
    let refuse = |path: &std::path::Path, error: &std::io::Error| {
        Problem::new("could not write the manual")
            .at(path.display().to_string())
            .why(error.to_string())
            .hint("choose another folder with `--to`")
    };
    std::fs::create_dir_all(folder).map_err(|error| refuse(folder, &error))?;
    let mut pages = Vec::new();
    collect(&program, "backproof", &mut pages)?;
    for (name, text) in &pages {
        let path = folder.join(format!("{name}.1"));
        std::fs::write(&path, text).map_err(|error| refuse(&path, &error))?;
    }
    say(&format!("{} in {}", count(pages.len(), "page"), folder.display()));
    Ok(Exit::Compliant)
}

/// The pages of a command and of those below it, by name.
fn collect(command: &Command, name: &str, pages: &mut Vec<(String, String)>) -> Outcome<()> {
    pages.push((name.to_owned(), page(command, name)?));
    for below in command
        .get_subcommands()
        .filter(|below| !below.is_hide_set() && below.get_name() != "help")
    {
        collect(below, &format!("{name}-{}", below.get_name()), pages)?;
    }
    Ok(())
}

/// `name`: the words that call it, joined by hyphens.
fn page(command: &Command, name: &str) -> Outcome<String> {
    let mut text = Vec::new();
    sections(command, name, &mut text)
        .map_err(|error| Problem::new("could not write the manual").why(error.to_string()))?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

fn sections(command: &Command, name: &str, out: &mut Vec<u8>) -> std::io::Result<()> {
    let man = clap_mangen::Man::new(command.clone());
    man.render_title(out)?;
    man.render_name_section(out)?;
    man.render_synopsis_section(out)?;
    man.render_description_section(out)?;
    man.render_options_section(out)?;
    if command.has_subcommands() {
        man.render_subcommands_section(out)?;
    }
    let mut roff = Roff::new();
    if let Some(notes) = command.get_after_help() {
        roff.control("SH", ["NOTES"]);
        roff.text(notes.to_string().lines().map(roman).collect::<Vec<_>>());
    }
    roff.control("SH", ["EXIT STATUS"]);
    for exit in Exit::ALL {
        roff.control("TP", []);
        roff.text([bold(exit.code().to_string())]);
        roff.text([roman(exit.meaning())]);
    }
    let words = name.strip_prefix("backproof").unwrap_or(name).replace('-', " ");
    let examples = examples::of(words.trim());
    if !examples.is_empty() {
        roff.control("SH", ["EXAMPLES"]);
    }
    for (what, line) in examples {
        roff.control("PP", []);
        roff.text([roman(format!("{what}:"))]);
        roff.control("PP", []);
        roff.control("RS", ["4"]);
        roff.text([bold(*line)]);
        roff.control("RE", []);
    }
    roff.to_writer(out)?;
    if command.get_version().is_some() {
        man.render_version_section(out)?;
    }
    Ok(())
}
