//! Where a ledger lies: a folder, or a prefix of a bucket. Both take a file once and for all.

use std::fs::File;
use std::io::{ErrorKind, Read, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, Utc};

use crate::aws::s3::{Bucket, Content, Refused, Stored, Version};
use crate::deliver::{content_type, joined};
use crate::exit::Exit;
use crate::plain_file::{self, LARGEST_MANIFEST};
use crate::problem::Problem;

/// Where files are written before they get their names. What lies there was never finished.
pub(super) const PARTIAL_DIR: &str = ".partial";

/// The place.
#[derive(Debug, Clone)]
pub(super) enum Store {
    Folder(PathBuf),
    S3 { bucket: Bucket, prefix: String },
}

/// A file of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listed {
    /// Path below the ledger, with `/` between its parts.
    pub(super) path: String,
    /// When it came there, by a clock that is not ours: S3's. None in a folder, whose times anybody can set.
    pub(super) received: Option<DateTime<Utc>>,
}

impl Store {
    /// The address of a file, for people.
    pub(super) fn address(&self, path: &str) -> String {
        match self {
            Self::Folder(folder) => folder.join(path).display().to_string(),
            Self::S3 { bucket, prefix } => bucket.address(&joined(prefix, path)),
        }
    }

    /// Writes a file that is not there. If the same bytes are there, it was done before.
    ///
    /// Errors: other bytes are there; or the place refuses.
    pub(super) async fn put(&self, path: &str, content: Content<'_>) -> Result<Option<Stored>, Refused> {
        match self {
            Self::Folder(folder) => put_file(folder, path, content).map(|()| None),
            Self::S3 { bucket, prefix } => bucket
                .put(&joined(prefix, path), content, content_type(path))
                .await
                .map(Some),
        }
    }

    /// The bytes of a file; none if it is not there.
    ///
    /// Errors: it cannot be read.
    pub(super) async fn get(&self, path: &str) -> Result<Option<Vec<u8>>, Problem> {
        match self {
            Self::Folder(folder) => {
                let read = no_link(folder, path).and_then(|()| plain_file::read(&folder.join(path), LARGEST_MANIFEST));
                match read {
                    Ok(bytes) => Ok(Some(bytes)),
                    Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
                    Err(error) => Err(unread(&folder.join(path), &error)),
                }
            }
            Self::S3 { bucket, prefix } => bucket.get(&joined(prefix, path)).await,
        }
    }

    /// Copies a file to a new place on disk. False if it is not there.
    ///
    /// Errors: it cannot be read, or not be written.
    pub(super) async fn copy(&self, path: &str, to: &Path) -> Result<bool, Problem> {
        match self {
            Self::Folder(folder) => {
                let from = no_link(folder, path).and_then(|()| plain_file::open(&folder.join(path)));
                let mut from = match from {
                    Ok(from) => from,
                    Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
                    Err(error) => return Err(unread(&folder.join(path), &error)),
                };
                let copied = File::create_new(to).and_then(|mut to| std::io::copy(&mut from, &mut to));
                copied.map(|_| true).map_err(|error| unwritten(to, &error))
            }
            Self::S3 { bucket, prefix } => bucket.get_file(&joined(prefix, path), to).await,
        }
    }

    /// Every file below `under` (which ends with a slash), in order of path.
    ///
    /// Errors: they cannot be listed.
    pub(super) async fn list(&self, under: &str) -> Result<Vec<Listed>, Problem> {
        match self {
            Self::Folder(folder) => {
                let mut all = Vec::new();
                no_link(folder, under.trim_end_matches('/')).map_err(|error| unread(&folder.join(under), &error))?;
                walk(&folder.join(under), under, &mut all)?;
                all.sort_by(|one, other| one.path.cmp(&other.path));
                Ok(all)
            }
            Self::S3 { bucket, prefix } => {
                let start = if prefix.is_empty() { 0 } else { prefix.len() + 1 };
                let listed = bucket.list(&joined(prefix, under)).await?;
                Ok(listed
                    .into_iter()
                    .map(|object| Listed {
                        path: object.key[start..].to_owned(),
                        received: object.modified,
                    })
                    .collect())
            }
        }
    }

    /// Every version of every file below `under`; none where there are no versions to look at.
    ///
    /// Errors: they cannot be listed.
    pub(super) async fn versions(&self, under: &str) -> Result<Vec<Version>, Problem> {
        match self {
            Self::Folder(_) => Ok(Vec::new()),
            Self::S3 { bucket, prefix } => bucket.versions(&joined(prefix, under)).await,
        }
    }
}

fn unread(path: &Path, error: &std::io::Error) -> Problem {
    let mut problem = Problem::new("could not read the ledger")
        .at(path.display().to_string())
        .why(error.to_string());
    // Links, pipes and files that are too large are no fault of the disk.
    if matches!(error.kind(), ErrorKind::InvalidData | ErrorKind::FileTooLarge) {
        problem.exit = Exit::EvidenceBroken;
        problem.so = "nothing that rests on this ledger can be relied on".to_owned();
    }
    problem
}

fn unwritten(path: &Path, error: &std::io::Error) -> Problem {
    Problem::new("could not copy a file of the ledger")
        .at(path.display().to_string())
        .why(error.to_string())
        .hint("free some space, or choose another folder")
}

/// Refuses a path that passes a link: what it leads to is none of the ledger. Nothing there is no link.
fn no_link(folder: &Path, path: &str) -> std::io::Result<()> {
    let mut place = folder.to_owned();
    for part in path.split('/') {
        place.push(part);
        match place.symlink_metadata() {
            Ok(metadata) if metadata.is_symlink() => {
                let what = format!("`{}` is a link, and nothing of a ledger is", place.display());
                return Err(std::io::Error::new(ErrorKind::InvalidData, what));
            }
            Err(error) if error.kind() == ErrorKind::NotFound => break,
            Err(error) => return Err(error),
            Ok(_) => {}
        }
    }
    Ok(())
}

fn walk(folder: &Path, name: &str, all: &mut Vec<Listed>) -> Result<(), Problem> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(unread(folder, &error)),
    };
    for entry in entries {
        let entry = entry.map_err(|error| unread(folder, &error))?;
        let path = format!("{name}{}", entry.file_name().to_string_lossy());
        let kind = entry.file_type().map_err(|error| unread(&entry.path(), &error))?;
        if kind.is_dir() {
            walk(&entry.path(), &format!("{path}/"), all)?;
        } else {
            all.push(Listed { path, received: None });
        }
    }
    Ok(())
}

/// Writes beside, makes it last, and gives it its name only if nobody has that name: whole or not at all, whatever happens.
fn put_file(folder: &Path, path: &str, content: Content<'_>) -> Result<(), Refused> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let target = folder.join(path);
    let failed = |error: std::io::Error| Refused::Failed(error.to_string());
    let taken = || {
        if holds(&target, content).map_err(failed)? {
            Ok(())
        } else {
            Err(Refused::Taken(format!("{} exists, with other bytes", target.display())))
        }
    };
    if target.exists() {
        return taken();
    }
    let partial_dir = folder.join(PARTIAL_DIR);
    make_like(folder, &partial_dir).map_err(failed)?;
    let parent = target.parent().unwrap_or(folder);
    make_dirs(folder, parent).map_err(failed)?;
    let instant = Utc::now().timestamp_nanos_opt().unwrap_or_default();
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let partial = partial_dir.join(format!("{}-{number}-{instant}", std::process::id()));
    let linked = write_new(folder, &partial, content).and_then(|()| std::fs::hard_link(&partial, &target));
    let removed = std::fs::remove_file(&partial);
    match linked {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return taken(),
        Err(error) => return Err(failed(error)),
    }
    removed.and_then(|()| sync_dir(parent)).map_err(failed)
}

fn write_new(folder: &Path, partial: &Path, content: Content<'_>) -> std::io::Result<()> {
    let mut file = File::create_new(partial)?;
    match content {
        Content::Bytes(bytes) => file.write_all(bytes)?,
        Content::File(source) => {
            std::io::copy(&mut File::open(source)?, &mut file)?;
        }
    }
    file.sync_all()?;
    // A hint for people and programs that the file is not to be changed; it is no protection.
    let mut permissions = file.metadata()?.permissions();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        permissions.set_mode(folder.metadata()?.permissions().mode() & 0o444 | 0o400);
    }
    #[cfg(not(unix))]
    let _ = folder;
    permissions.set_readonly(true);
    file.set_permissions(permissions)
}

/// Makes a folder of the ledger, and those above it, for those who may enter the ledger's own. One that is not there yet is
/// made for its owner alone: whoever shares a ledger makes its folder first.
pub(super) fn make_like(ledger: &Path, dir: &Path) -> std::io::Result<()> {
    let mut folders = std::fs::DirBuilder::new();
    folders.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
        if !ledger.is_dir() {
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(ledger)?;
        }
        folders.mode(ledger.metadata()?.permissions().mode() & 0o777);
    }
    #[cfg(not(unix))]
    let _ = ledger;
    folders.create(dir)
}

/// Are these bytes there?
fn holds(path: &Path, content: Content<'_>) -> std::io::Result<bool> {
    let mut there = File::open(path)?;
    match content {
        Content::Bytes(bytes) => same(&mut there, &mut &*bytes),
        Content::File(source) => same(&mut there, &mut File::open(source)?),
    }
}

fn same(one: &mut impl Read, other: &mut impl Read) -> std::io::Result<bool> {
    let (mut left, mut right) = (Vec::new(), Vec::new());
    loop {
        left.clear();
        right.clear();
        one.take(1 << 16).read_to_end(&mut left)?;
        other.take(1 << 16).read_to_end(&mut right)?;
        if left != right {
            return Ok(false);
        }
        if left.is_empty() {
            return Ok(true);
        }
    }
}

/// Makes the folders from `folder` to `to`, and makes them last.
fn make_dirs(folder: &Path, to: &Path) -> std::io::Result<()> {
    if to.is_dir() {
        return Ok(());
    }
    make_like(folder, to)?;
    let mut dir = to;
    while let Some(parent) = dir.parent().filter(|_| dir != folder) {
        sync_dir(parent)?;
        dir = parent;
    }
    Ok(())
}

/// A new name in a folder lasts when the folder is on disk.
#[cfg(unix)]
fn sync_dir(dir: &Path) -> std::io::Result<()> {
    File::open(dir)?.sync_all()
}

#[cfg(not(unix))]
fn sync_dir(_dir: &Path) -> std::io::Result<()> {
    Ok(())
}
