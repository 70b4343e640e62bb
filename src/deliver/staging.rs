//! A folder that is filled beside its place and moved there at the end: whole or not at all, and never over something that
//! is there.
//!
//! The partial folder is hidden, says in its name that it is partial, and is locked while its process lives. At the end
//! every file and folder is flushed to disk. A new folder appears by one rename; in a folder that was there before, files
//! are moved one by one, and the manifest of a pack last, so that what is not whole has none.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::inventory::INVENTORY_DIR;
use crate::problem::Problem;
use crate::render::{FORMATS, Format, Templates};
use crate::report::Report;

/// Moved last: whoever finds it finds the rest.
const LAST: &str = crate::pack::MANIFEST_FILE;

/// How the name of every partial folder begins.
const PARTIAL: &str = ".partial-";

/// A folder that is being filled.
#[derive(Debug)]
pub(crate) struct Staging {
    target: PathBuf,
    partial: PathBuf,
    /// The target does not exist yet, and comes to be by one rename.
    is_new: bool,
    /// The nearest folder above that was there before: what is made below it must be made known to the disk.
    root: PathBuf,
    /// Who may read what comes of it.
    access: Access,
    /// Held as long as this process lives.
    _lock: Option<File>,
    done: bool,
}

/// Who may read files that are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Their owner alone: evidence names every table, tag and role of an organisation.
    Owner,
    /// Whoever the umask of the process lets.
    Umask,
}

impl Access {
    /// Makes folders that only their owner can enter, or such as the umask gives.
    fn folders(self) -> std::fs::DirBuilder {
        let folders = std::fs::DirBuilder::new();
        #[cfg(unix)]
        let folders = {
            let mut folders = folders;
            if self == Self::Owner {
                std::os::unix::fs::DirBuilderExt::mode(&mut folders, 0o700);
            }
            folders
        };
        folders
    }

    /// Takes the rights of others off everything below a folder, and off itself.
    fn apply(self, folder: &Path) -> std::io::Result<()> {
        #[cfg(unix)]
        if self == Self::Owner {
            use std::os::unix::fs::PermissionsExt as _;
            for entry in std::fs::read_dir(folder)? {
                let path = entry?.path();
                if path.is_dir() {
                    self.apply(&path)?;
                } else {
                    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
                }
            }
            std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700))?;
        }
        #[cfg(not(unix))]
        let _ = folder;
        Ok(())
    }
}

impl Staging {
    /// Opens a folder for new files, before any work is done.
    ///
    /// Errors: it cannot be written, or it holds an earlier report or inventory.
    pub(crate) fn open(target: &Path, access: Access) -> Result<Self, Problem> {
        Self::open_as(target, access)
    }

    /// A folder for things that nobody keeps and nobody else may see, gone with this value.
    ///
    /// Errors: the folder for temporary files cannot be written.
    pub(crate) fn scratch() -> Result<Self, Problem> {
        // A process may need several, at once even.
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("backproof-{}-{number}", std::process::id());
        Self::open_as(&std::env::temp_dir().join(name), Access::Owner)
    }

    fn open_as(target: &Path, access: Access) -> Result<Self, Problem> {
        let refuse = |why: String, hint: &str| {
            Problem::new("could not use the folder for the reports")
                .at(target.display().to_string())
                .why(why)
                .so("nothing was read from AWS; no report was written")
                .hint(hint)
        };
        let disk = |error: std::io::Error| refuse(error.to_string(), "choose a folder that can be written with `--to`");
        if let Some(name) = taken(target) {
            let why = format!("it already holds `{name}`, and reports are never overwritten");
            return Err(refuse(why, "choose a new folder with `--to`"));
        }
        let name = target.file_name().filter(|_| !target.exists());
        let above = match target.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            Some(parent) => parent,
            None => Path::new("."),
        };
        let root = existing(above);
        let partial = match name {
            Some(name) => above.join(format!("{PARTIAL}{}-{}", name.to_string_lossy(), std::process::id())),
            None => target.join(format!("{PARTIAL}{}", std::process::id())),
        };
        std::fs::create_dir_all(if name.is_some() { above } else { target }).map_err(disk)?;
        access.folders().create(&partial).map_err(disk)?;
        Ok(Self {
            target: target.to_owned(),
            is_new: name.is_some(),
            root,
            access,
            _lock: locked(&partial),
            partial,
            done: false,
        })
    }

    /// Where to write until [`Staging::commit`].
    pub(crate) fn dir(&self) -> &Path {
        &self.partial
    }

    /// Folders that a process left behind that did not live to finish them, beside this one. They are not touched.
    pub(crate) fn leftovers(&self) -> Vec<PathBuf> {
        let beside = self.partial.parent().map(std::fs::read_dir);
        let Some(Ok(entries)) = beside else { return Vec::new() };
        let mut left: Vec<PathBuf> = entries
            .flatten()
            .filter(|entry| entry.file_name().to_string_lossy().starts_with(PARTIAL))
            .map(|entry| entry.path())
            // Whoever still fills a folder holds its lock, this process too.
            .filter(|path| *path != self.partial && locked(path).is_some())
            .collect();
        left.sort();
        left
    }

    /// Renders one file.
    ///
    /// Errors: the renderer failed, or the disk refused.
    pub(crate) fn render(&self, format: &Format, report: &Report, templates: &Templates) -> Result<(), Problem> {
        let path = self.partial.join(format.file_name);
        let disk = |error: std::io::Error| self.disk_problem(format.file_name, &error);
        let mut out = BufWriter::new(File::create(&path).map_err(disk)?);
        format.write(report, templates, &mut out).map_err(|error| {
            Problem::new(format!("could not write `{}`", error.file_name))
                .at(self.target.display().to_string())
                .why(error.why)
                .so("no report was written")
                .hint("free some space, or choose another folder with `--to`")
        })?;
        out.into_inner().map_err(|error| disk(error.into_error()))?;
        Ok(())
    }

    /// Flushes everything to disk and moves it to its place.
    ///
    /// Errors: the disk refused, or somebody else was faster.
    pub(crate) fn commit(mut self) -> Result<PathBuf, Problem> {
        let whole = self.access.apply(&self.partial).and_then(|()| flush(&self.partial));
        whole.map_err(|error| self.disk_problem("", &error))?;
        if self.is_new {
            std::fs::rename(&self.partial, &self.target).map_err(|error| self.disk_problem("", &error))?;
            self.done = true;
            let mut folder = self.target.parent().unwrap_or(Path::new(""));
            // Folders that were made on the way are only there for good once their own folder knows of them.
            loop {
                flush_folder(folder).map_err(|error| self.disk_problem("", &error))?;
                match folder.parent() {
                    Some(above) if folder != self.root && !folder.as_os_str().is_empty() => folder = above,
                    _ => break,
                }
            }
        } else {
            self.move_one_by_one()?;
            self.done = true;
        }
        Ok(self.target.clone())
    }

    fn move_one_by_one(&self) -> Result<(), Problem> {
        let whole = |error: std::io::Error| self.disk_problem("", &error);
        let entries = std::fs::read_dir(&self.partial).map_err(whole)?;
        let names = entries.map(|entry| entry.map(|entry| entry.file_name()));
        let mut names = names.collect::<Result<Vec<_>, _>>().map_err(whole)?;
        names.sort_by_key(|name| (name == LAST, name.clone()));
        for name in names {
            if name == LAST {
                flush_folder(&self.target).map_err(whole)?;
            }
            std::fs::rename(self.partial.join(&name), self.target.join(&name))
                .map_err(|error| self.disk_problem(&name.to_string_lossy(), &error))?;
        }
        std::fs::remove_dir(&self.partial).map_err(whole)?;
        flush_folder(&self.target).map_err(whole)
    }

    fn disk_problem(&self, name: &str, error: &std::io::Error) -> Problem {
        let what = if name.is_empty() {
            "the reports".to_owned()
        } else {
            format!("`{name}`")
        };
        let problem = Problem::new(format!("could not write {what}"))
            .at(self.target.display().to_string())
            .why(error.to_string());
        if self.is_new && error.kind() == std::io::ErrorKind::DirectoryNotEmpty {
            return problem
                .so("something else was written there meanwhile; no report was written")
                .hint("choose a new folder with `--to`");
        }
        problem
            .so(if self.is_new {
                "no report was written"
            } else {
                "the reports are not complete there; do not file them"
            })
            .hint("free some space, or choose another folder with `--to`")
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if !self.done {
            // Best effort: the folder is marked as partial by its name.
            let _ = std::fs::remove_dir_all(&self.partial);
        }
    }
}

/// What a folder already holds of an earlier scan or report.
fn taken(target: &Path) -> Option<&'static str> {
    use crate::criteria::files::CRITERIA_DIR;
    use crate::pack::{FINDINGS_FILE, SEAL_FILES, TEMPLATES_DIR};
    let of_packs = [INVENTORY_DIR, CRITERIA_DIR, FINDINGS_FILE, TEMPLATES_DIR]
        .into_iter()
        .chain(SEAL_FILES);
    let names = FORMATS.iter().map(|format| format.file_name).chain(of_packs);
    names
        .into_iter()
        .find(|name| target.join(name).symlink_metadata().is_ok())
}

/// The nearest folder at or above this path that is there.
fn existing(path: &Path) -> PathBuf {
    let mut above = path.ancestors().filter(|folder| !folder.as_os_str().is_empty());
    above.find(|folder| folder.is_dir()).unwrap_or(Path::new("")).to_owned()
}

/// The lock of a partial folder, if nobody holds it. A system whose folders cannot be locked locks nothing.
fn locked(partial: &Path) -> Option<File> {
    let folder = File::open(partial).ok()?;
    folder.try_lock().ok()?;
    Some(folder)
}

/// Flushes every file and folder below this one, and itself.
fn flush(folder: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            flush(&path)?;
        } else {
            File::open(&path)?.sync_all()?;
        }
    }
    flush_folder(folder)
}

fn flush_folder(folder: &Path) -> std::io::Result<()> {
    if cfg!(not(unix)) {
        // Elsewhere folders cannot be opened; the file system looks after them itself.
        return Ok(());
    }
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_folder_appears_whole_and_an_old_one_gets_its_manifest_last() {
        let dir = tempfile::tempdir().expect("a folder");
        for (place, is_there) in [("new/deep", false), ("old", true)] {
            let target = dir.path().join(place);
            if is_there {
                std::fs::create_dir(&target).expect("made");
                std::fs::write(target.join("note.txt"), "mine").expect("written");
            }
            let staging = Staging::open(&target, Access::Owner).expect("opened");
            std::fs::write(staging.dir().join("manifest.json"), "{}").expect("written");
            std::fs::write(staging.dir().join("zebra"), "z").expect("written");
            assert!(!target.join("manifest.json").exists());
            assert_eq!(target.exists(), is_there);
            staging.commit().expect("committed");
            assert!(target.join("manifest.json").exists() && target.join("zebra").exists());
            assert_eq!(target.join("note.txt").exists(), is_there);
            let again = Staging::open(&target, Access::Owner).expect_err("taken");
            assert!(again.why.contains("manifest.json"), "{again}");
        }
    }

    #[test]
    fn what_dead_processes_left_is_named_and_what_others_fill_is_not() {
        let dir = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(dir.path().join(".partial-a-1")).expect("made");
        let other = Staging::open(&dir.path().join("b"), Access::Owner).expect("opened");
        let mine = Staging::open(&dir.path().join("c"), Access::Owner).expect("opened");
        assert_eq!(mine.leftovers(), [dir.path().join(".partial-a-1")]);
        let left = other.dir().to_owned();
        drop(other);
        assert!(!left.exists());
        assert_eq!(mine.leftovers(), [dir.path().join(".partial-a-1")]);
    }

    #[test]
    fn whoever_comes_second_does_not_overwrite() {
        let dir = tempfile::tempdir().expect("a folder");
        let target = dir.path().join("out");
        let staging = Staging::open(&target, Access::Owner).expect("opened");
        std::fs::write(staging.dir().join("a"), "mine").expect("written");
        std::fs::create_dir(&target).expect("made");
        std::fs::write(target.join("a"), "theirs").expect("written");
        let problem = staging.commit().expect_err("taken");
        assert!(problem.so.contains("meanwhile"), "{problem}");
        assert_eq!(std::fs::read_to_string(target.join("a")).expect("read"), "theirs");
    }
}
