//! Results: to stdout, or one text to a new file.

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;

use crate::problem::{Outcome, Problem};
use crate::stderr::{self, BOLD_GREEN, BOLD_RED, BOLD_YELLOW, RESET, say};

/// Where one text goes.
pub(crate) enum Single {
    /// Standard output.
    Stdout,
    /// A file that does not exist yet, and how another is named.
    File(PathBuf, &'static str),
}

impl Single {
    /// Reads `-` or the name of a file, before the work begins. `how` is for hints: how the command line names it.
    ///
    /// Errors: the file is there already, or its folder is not.
    pub(crate) fn prepare(to: &str, how: &'static str) -> Outcome<Self> {
        if to == "-" {
            return Ok(Self::Stdout);
        }
        let path = PathBuf::from(to);
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        if let Some(folder) = folder.filter(|folder| matches!(folder.try_exists(), Ok(false))) {
            return Err(Problem::usage("could not use the file for the result")
                .at(to)
                .why("there is no such folder")
                .so("nothing was written")
                .hint(format!("create the folder {} first", folder.display()))
                .into());
        }
        match path.try_exists() {
            Ok(false) => Ok(Self::File(path, how)),
            Ok(true) => Err(Problem::new("results are never overwritten")
                .at(to)
                .so("nothing was written")
                .hint(format!("choose a new file {how}"))
                .into()),
            Err(error) => Err(Problem::new("could not use the file for the result")
                .at(to)
                .why(error.to_string())
                .hint(format!("choose another file {how}"))
                .into()),
        }
    }

    /// Writes the text: whole, or not at all under that name.
    ///
    /// Errors: stdout or the disk refused, or somebody else made the file meanwhile.
    pub(crate) fn write(&self, text: &str) -> Outcome<()> {
        let (path, how) = match self {
            Self::Stdout => return print(text),
            Self::File(path, how) => (path, how),
        };
        let written = (|| {
            let mut name = path.as_os_str().to_owned();
            name.push(format!(".partial-{}", std::process::id()));
            let partial = PathBuf::from(name);
            let mut file = std::fs::File::create_new(&partial)?;
            let result = file
                .write_all(text.as_bytes())
                .and_then(|()| file.sync_all())
                // A link fails if the name is taken; a rename would overwrite.
                .and_then(|()| std::fs::hard_link(&partial, path));
            let removed = std::fs::remove_file(&partial);
            result.and(removed)
        })();
        written.map_err(|error: std::io::Error| {
            Problem::new("could not write the result")
                .at(path.display().to_string())
                .why(error.to_string())
                .hint(format!("choose another file {how}"))
        })?;
        say(&format!("written to {}", path.display()));
        Ok(())
    }
}

/// Prints a text of results to stdout.
///
/// Errors: stdout cannot be written.
pub(crate) fn print(text: &str) -> Outcome<()> {
    let mut out = Pipe::stdout();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|error| Problem::new("could not write to stdout").why(error.to_string()).into())
}

/// stdout, where a closed pipe is not a problem: nobody listens any more, and what is left to say goes nowhere.
pub(crate) struct Pipe {
    out: std::io::StdoutLock<'static>,
    is_closed: bool,
}

impl Pipe {
    pub(crate) fn stdout() -> Self {
        Self {
            out: std::io::stdout().lock(),
            is_closed: false,
        }
    }

    fn unless_closed<T>(&mut self, result: std::io::Result<T>, otherwise: T) -> std::io::Result<T> {
        match result {
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {
                self.is_closed = true;
                Ok(otherwise)
            }
            result => result,
        }
    }
}

impl std::io::Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.is_closed {
            return Ok(bytes.len());
        }
        let written = self.out.write(bytes);
        self.unless_closed(written, bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        if self.is_closed {
            return Ok(());
        }
        let flushed = self.out.flush();
        self.unless_closed(flushed, ())
    }
}

/// A summary with its heads and its verdict in colour, if stdout wants colour.
pub(crate) fn colored_summary(text: &str) -> String {
    if !stderr::color().on(std::io::stdout().is_terminal()) {
        return text.to_owned();
    }
    let color = |line: &str| match line {
        "NON-COMPLIANT" => Some(BOLD_RED),
        "UNKNOWN" => Some(BOLD_YELLOW),
        line if line.starts_with("not compliant (") => Some(BOLD_RED),
        line if line.starts_with("not proven") || line.starts_with("noth") => Some(BOLD_YELLOW),
        line if line.starts_with("compliant (") => Some(BOLD_GREEN),
        line if line.starts_with("compliant") => Some(BOLD_YELLOW),
        _ => None,
    };
    let lines = text.lines().map(|line| match color(line) {
        Some(color) => format!("{color}{line}{RESET}\n"),
        None => format!("{line}\n"),
    });
    lines.collect()
}
