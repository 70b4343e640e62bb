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
    purpose: Purpose,
    /// Held as long as this process lives.
    _lock: Option<File>,
    done: bool,
}

/// What a folder is filled with: which words name it, and whether anything else may lie beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The pack of a scan.
    Scan,
    /// An inventory that stands alone.
    Inventory,
    /// Reports on evidence that is stored already.
    Reports,
    /// A pack without account ids, of evidence that is stored already.
    Redacted,
    /// An attestation.
    Attestation,
    /// A copy of a pack.
    Copy,
    /// Something that is gone with the process.
    Scratch,
}

impl Purpose {
    /// A pack names every file that lies in its folder: beside anything else it would never hold.
    const fn is_pack(self) -> bool {
        matches!(self, Self::Scan | Self::Redacted | Self::Copy)
    }

    const fn noun(self) -> &'static str {
        match self {
            Self::Scan | Self::Reports | Self::Redacted => "the reports",
            Self::Inventory => "the inventory",
            Self::Attestation => "the attestation",
            Self::Copy => "the pack",
            Self::Scratch => "temporary files",
        }
    }

    const fn nothing_written(self) -> &'static str {
        match self {
            Self::Scan | Self::Reports | Self::Redacted => "no report was written",
            Self::Inventory => "no inventory was written",
            Self::Attestation => "no attestation was written",
            Self::Copy => "no pack was copied",
            Self::Scratch => "nothing was written",
        }
    }

    /// What follows where the work has not begun.
    fn nothing_done(self) -> String {
        match self {
            Self::Scan | Self::Inventory => format!("nothing was read from AWS; {}", self.nothing_written()),
            _ => self.nothing_written().to_owned(),
        }
    }

    /// How another folder is named.
    const fn by(self) -> &'static str {
        match self {
            Self::Attestation => "with `--out`",
            Self::Scratch => "with `TMPDIR`",
            _ => "with `--to`",
        }
    }
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
    /// Errors: it cannot be written, or it holds an earlier report or inventory; for a pack: it holds anything.
    pub(crate) fn open(target: &Path, access: Access, purpose: Purpose) -> Result<Self, Problem> {
        let refuse = |why: String, hint: String| {
            Problem::new(format!("could not use the folder for {}", purpose.noun()))
                .at(target.display().to_string())
                .why(why)
                .so(purpose.nothing_done())
                .hint(hint)
        };
        let disk = |error: std::io::Error| {
            let hint = format!("choose a folder that can be written {}", purpose.by());
            refuse(error.to_string(), hint)
        };
        if let Some(name) = taken(target) {
            let why = format!("it already holds `{name}`, and reports are never overwritten");
            return Err(refuse(why, format!("choose a new folder {}", purpose.by())));
        }
        if let Some(name) = stranger(target).map_err(disk)?.filter(|_| purpose.is_pack()) {
            let why = format!("it holds `{name}`, which is no part of a pack");
            return Err(refuse(why, format!("name a new or empty folder {}", purpose.by())));
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
            purpose,
            _lock: locked(&partial),
            partial,
            done: false,
        })
    }

    /// A folder for things that nobody keeps and nobody else may see, gone with this value.
    ///
    /// Errors: the folder for temporary files cannot be written.
    pub(crate) fn scratch() -> Result<Self, Problem> {
        // A process may need several, at once even.
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("backproof-{}-{number}", std::process::id());
        Self::open(&std::env::temp_dir().join(name), Access::Owner, Purpose::Scratch)
    }

    /// Where to write until [`Staging::commit`].
    pub(crate) fn dir(&self) -> &Path {
        &self.partial
    }

    /// Folders beside this one that a process left behind unfinished. They are not touched.
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
                .so(self.purpose.nothing_written())
                .hint(self.another_folder())
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
        let (noun, nothing) = (self.purpose.noun(), self.purpose.nothing_written());
        let what = if name.is_empty() {
            noun.to_owned()
        } else {
            format!("`{name}`")
        };
        let problem = Problem::new(format!("could not write {what}"))
            .at(self.target.display().to_string())
            .why(error.to_string());
        if self.is_new && error.kind() == std::io::ErrorKind::DirectoryNotEmpty {
            return problem
                .so(format!("something else was written there meanwhile; {nothing}"))
                .hint(format!("choose a new folder {}", self.purpose.by()));
        }
        problem
            .so(if self.is_new {
                nothing.to_owned()
            } else {
                format!("{noun} may not be complete there; do not file what is there")
            })
            .hint(self.another_folder())
    }

    fn another_folder(&self) -> String {
        format!("free some space, or choose another folder {}", self.purpose.by())
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

/// The first of the things that lie in a folder, by name; none: it is empty, or not there.
///
/// Errors: it cannot be looked into.
fn stranger(target: &Path) -> std::io::Result<Option<String>> {
    let entries = match std::fs::read_dir(target) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        entries => entries?,
    };
    let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    Ok(names.collect::<std::io::Result<Vec<_>>>()?.into_iter().min())
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
            let staging = Staging::open(&target, Access::Owner, Purpose::Reports).expect("opened");
            std::fs::write(staging.dir().join("manifest.json"), "{}").expect("written");
            std::fs::write(staging.dir().join("zebra"), "z").expect("written");
            assert!(!target.join("manifest.json").exists());
            assert_eq!(target.exists(), is_there);
            staging.commit().expect("committed");
            assert!(target.join("manifest.json").exists() && target.join("zebra").exists());
            assert_eq!(target.join("note.txt").exists(), is_there);
            let again = Staging::open(&target, Access::Owner, Purpose::Reports).expect_err("taken");
            assert!(again.why.contains("manifest.json"), "{again}");
        }
    }

    #[test]
    fn what_dead_processes_left_is_named_and_what_others_fill_is_not() {
        let dir = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(dir.path().join(".partial-a-1")).expect("made");
        let other = Staging::open(&dir.path().join("b"), Access::Owner, Purpose::Reports).expect("opened");
        let mine = Staging::open(&dir.path().join("c"), Access::Owner, Purpose::Reports).expect("opened");
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
        let staging = Staging::open(&target, Access::Owner, Purpose::Reports).expect("opened");
        std::fs::write(staging.dir().join("a"), "mine").expect("written");
        std::fs::create_dir(&target).expect("made");
        std::fs::write(target.join("a"), "theirs").expect("written");
        let problem = staging.commit().expect_err("taken");
        assert!(problem.so.contains("meanwhile"), "{problem}");
        assert_eq!(std::fs::read_to_string(target.join("a")).expect("read"), "theirs");
    }

    #[test]
    fn a_pack_gets_a_folder_of_its_own_and_every_purpose_its_own_words() {
        let dir = tempfile::tempdir().expect("a folder");
        let target = dir.path().join("mine");
        std::fs::create_dir(&target).expect("made");
        let open = |purpose| Staging::open(&target, Access::Owner, purpose);
        drop(open(Purpose::Scan).expect("an empty folder will do"));
        for name in ["notes.txt", ".hidden"] {
            std::fs::write(target.join(name), "mine").expect("written");
            for (purpose, so) in [
                (Purpose::Scan, "nothing was read from AWS; no report was written"),
                (Purpose::Redacted, "no report was written"),
                (Purpose::Copy, "no pack was copied"),
            ] {
                let problem = open(purpose).expect_err("it is not empty");
                assert_eq!(problem.why, format!("it holds `{name}`, which is no part of a pack"));
                assert_eq!(
                    (&*problem.so, &*problem.hint),
                    (so, "name a new or empty folder with `--to`")
                );
            }
        }
        drop(open(Purpose::Reports).expect("reports may lie beside other files"));
        std::fs::write(target.join("report.json"), "{}").expect("written");
        let problem = open(Purpose::Attestation).expect_err("taken");
        let words = (&*problem.what, &*problem.so, &*problem.hint);
        let expected = (
            "could not use the folder for the attestation",
            "no attestation was written",
            "choose a new folder with `--out`",
        );
        assert_eq!(words, expected);
    }
}
