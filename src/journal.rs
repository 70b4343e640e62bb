//! A file of lines that survives a crash: a line is one value as JSON, and on disk when [`Journal::add`] returns.
//!
//! Whoever changes something at AWS notes it here, before and after each call. What a line says is for its owner to define and to
//! check. One process at a time has a journal.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::Write as _;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::digest;
use crate::plain_file::{self, LARGEST_PLAN};
use crate::problem::Problem;

/// A journal that is open, and locked against others.
pub(crate) struct Journal {
    file: File,
    path: String,
    /// SHA-256 of its last line. None: it has none.
    last: Option<String>,
}

impl Journal {
    /// Opens a journal, which need not exist yet, and gives each whole line to `take`, with the SHA-256 of the
    /// line before it. A last line that a crash tore is cut off: what
    /// it was to say is not known.
    ///
    /// Errors: it cannot be read or written, is too large, another run has it, or a line is not one that `take` accepts. What to do
    /// about it is for the caller to say, but where another run has it.
    pub(crate) fn open<L: DeserializeOwned>(
        path: &Path,
        mut take: impl FnMut(L, Option<&str>) -> Result<(), String>,
    ) -> Result<Self, Problem> {
        let refuse = |why: String| refuse(path, why);
        let disk = |error: std::io::Error| refuse(error.to_string());
        let is_new = !path.exists();
        if !is_new && !path.is_file() {
            return Err(refuse("it is not a plain file".to_owned()));
        }
        let mut options = OpenOptions::new();
        options.create(true).read(true).append(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path).map_err(disk)?;
        if let Err(TryLockError::WouldBlock) = file.try_lock() {
            return Err(refuse("another run is using it".to_owned()).hint("wait until it has ended"));
        }
        let bytes = plain_file::read_open(&file, LARGEST_PLAN).map_err(disk)?;
        let whole = whole_lines(&bytes);
        let last = each_line(&bytes[..whole], &mut take).map_err(refuse)?;
        if whole < bytes.len() {
            file.set_len(whole as u64)
                .and_then(|()| file.sync_all())
                .map_err(disk)?;
        }
        if is_new {
            // Its name has to last before the first change does.
            file.sync_all().and_then(|()| sync_folder_of(path)).map_err(disk)?;
        }
        Ok(Self {
            file,
            path: path.display().to_string(),
            last,
        })
    }

    /// SHA-256 of the last line, for the next one to carry. None: there is none yet.
    pub(crate) fn last(&self) -> Option<&str> {
        self.last.as_deref()
    }

    /// Writes a line, on disk when this returns: one write for one line, so that a crash tears the last one at most.
    ///
    /// Errors: the disk refused.
    pub(crate) fn add<L: Serialize>(&mut self, line: &L) -> Result<(), Problem> {
        let text = serde_json::to_string(line).map_err(|error| Problem::new(error.to_string()))?;
        let digest = digest::of_bytes(text.as_bytes());
        let text = text + "\n";
        let written = self
            .file
            .write_all(text.as_bytes())
            .and_then(|()| self.file.sync_data());
        written.map_err(|error| {
            Problem::new("could not write the journal")
                .at(self.path.clone())
                .why(error.to_string())
                .so("no further action was started")
                .hint("free some space, then run the same command again: what is done is not done twice")
        })?;
        self.last = Some(digest);
        Ok(())
    }
}

fn refuse(path: &Path, why: String) -> Problem {
    Problem::new("could not use the journal")
        .at(path.display().to_string())
        .why(why)
        .so("nothing was changed")
}

/// Where the last whole line ends.
fn whole_lines(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1)
}

/// Gives the SHA-256 of the last line.
fn each_line<L: DeserializeOwned>(
    bytes: &[u8],
    take: &mut impl FnMut(L, Option<&str>) -> Result<(), String>,
) -> Result<Option<String>, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
    let mut last: Option<String> = None;
    for (number, text) in text.lines().enumerate() {
        let at = |why: String| format!("line {}: {why}", number + 1);
        let line: L = serde_json::from_str(text).map_err(|error| at(error.to_string()))?;
        take(line, last.as_deref()).map_err(at)?;
        last = Some(digest::of_bytes(text.as_bytes()));
    }
    Ok(last)
}

/// A new name lasts when its folder is on disk.
pub(crate) fn sync_folder_of(path: &Path) -> std::io::Result<()> {
    if cfg!(not(unix)) {
        return Ok(());
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}
