//! One text as a result: to stdout, or to a new file.

use std::io::Write as _;
use std::path::PathBuf;

use super::{print, say};
use crate::problem::{Outcome, Problem};

/// Where one text goes.
pub enum Single {
    /// Standard output.
    Stdout,
    /// A file that does not exist yet.
    File(PathBuf),
}

impl Single {
    /// Reads `-` or the name of a file, before the work begins.
    ///
    /// Errors: the file is there already.
    pub fn prepare(to: &str) -> Outcome<Self> {
        if to == "-" {
            return Ok(Self::Stdout);
        }
        let path = PathBuf::from(to);
        match path.try_exists() {
            Ok(false) => Ok(Self::File(path)),
            Ok(true) => Err(Problem::new("results are never overwritten")
                .at(to)
                .so("nothing was written")
                .hint("choose a new file with `--to`")
                .into()),
            Err(error) => Err(Problem::new("could not use the file for the result")
                .at(to)
                .why(error.to_string())
                .hint("choose another file with `--to`")
                .into()),
        }
    }

    /// Writes the text: whole, or not at all under that name.
    ///
    /// Errors: stdout or the disk refused, or somebody else made the file meanwhile.
    pub fn write(&self, text: &str) -> Outcome<()> {
        let path = match self {
            Self::Stdout => return print(text),
            Self::File(path) => path,
        };
        let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty());
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
                .hint(match folder {
                    Some(folder) if !folder.is_dir() => format!("create the folder {} first", folder.display()),
                    _ => "choose another file with `--to`".to_owned(),
                })
        })?;
        say(&format!("written to {}", path.display()));
        Ok(())
    }
}
