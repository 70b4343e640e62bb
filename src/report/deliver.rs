//! Bytes to their place: a folder, S3, stdout. Whole or not at all, and never over something that is there.

use std::io::BufWriter;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::{FORMATS, Format, Report, Templates};
use crate::aws::s3::{Bucket, Content, Keeping, Refused, Stored};
use crate::aws::target::Session;
use crate::problem::{Problem, count};
use crate::text::hex;

/// The folder of the inventory beside the reports.
pub const INVENTORY_DIR: &str = "inventory";

/// Where reports go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// A folder; none: a new one below `backproof-report`, named when the scan's time is known.
    Folder(Option<PathBuf>),
    /// An S3 prefix. The reports also stay in a new folder below `backproof-report`.
    S3 {
        /// The bucket.
        bucket: String,
        /// The prefix, without slashes at its ends; may be empty.
        prefix: String,
    },
    /// Standard output: one format, nothing on disk but a temporary inventory.
    Stdout,
}

impl Destination {
    /// Reads the value of `--to`.
    ///
    /// Errors: an S3 address without a bucket.
    pub fn parse(to: Option<&str>) -> Result<Self, Problem> {
        let Some(to) = to else { return Ok(Self::Folder(None)) };
        if to == "-" {
            return Ok(Self::Stdout);
        }
        let Some(address) = to.strip_prefix("s3://") else {
            return Ok(Self::Folder(Some(PathBuf::from(to))));
        };
        let (bucket, prefix) = address.split_once('/').unwrap_or((address, ""));
        if bucket.is_empty() {
            return Err(Problem::usage("the S3 address names no bucket")
                .at(format!("`--to {to}`"))
                .so("nothing was read from AWS")
                .hint("write it like `s3://bucket/prefix`"));
        }
        Ok(Self::S3 {
            bucket: bucket.to_owned(),
            prefix: prefix.trim_matches('/').to_owned(),
        })
    }
}

/// A folder that is being filled: everything is written beside its place and moved there at the end.
#[derive(Debug)]
pub struct Staging {
    target: PathBuf,
    partial: PathBuf,
    done: bool,
}

impl Staging {
    /// Opens a folder for new files, before any work is done.
    ///
    /// Errors: it cannot be written, or it holds an earlier report or inventory.
    pub fn open(target: &Path) -> Result<Self, Problem> {
        let refuse = |why: String, hint: &str| {
            Problem::new("could not use the folder for the reports")
                .at(target.display().to_string())
                .why(why)
                .so("nothing was read from AWS; no report was written")
                .hint(hint)
        };
        std::fs::create_dir_all(target)
            .map_err(|error| refuse(error.to_string(), "choose a folder that can be written with `--to`"))?;
        let taken = FORMATS.iter().map(|format| format.file_name).chain([INVENTORY_DIR]);
        for name in taken {
            if target.join(name).exists() {
                let why = format!("it already holds `{name}`, and reports are never overwritten");
                return Err(refuse(why, "choose a new folder with `--to`"));
            }
        }
        let partial = target.join(format!(".partial-{}", std::process::id()));
        std::fs::create_dir(&partial)
            .map_err(|error| refuse(error.to_string(), "choose a folder that can be written with `--to`"))?;
        Ok(Self {
            target: target.to_owned(),
            partial,
            done: false,
        })
    }

    /// Where to write until [`Staging::commit`].
    pub fn dir(&self) -> &Path {
        &self.partial
    }

    /// Renders one file.
    ///
    /// Errors: the renderer failed, or the disk refused.
    pub fn render(&self, format: &Format, report: &Report, templates: &Templates) -> Result<(), Problem> {
        let path = self.partial.join(format.file_name);
        let disk = |error: std::io::Error| self.disk_problem(format.file_name, &error);
        let mut out = BufWriter::new(std::fs::File::create(&path).map_err(disk)?);
        format.write(report, templates, &mut out).map_err(|error| {
            Problem::new(format!("could not write `{}`", error.file_name))
                .at(self.target.display().to_string())
                .why(error.why)
                .so("no report was written")
                .hint("free some space, or choose another folder with `--to`")
        })?;
        let file = out.into_inner().map_err(|error| disk(error.into_error()))?;
        file.sync_all().map_err(disk)
    }

    /// Moves everything to its place.
    ///
    /// Errors: the disk refused.
    pub fn commit(mut self) -> Result<PathBuf, Problem> {
        let entries = std::fs::read_dir(&self.partial).map_err(|error| self.disk_problem("", &error))?;
        let mut names: Vec<_> = entries
            .filter_map(|entry| entry.ok().map(|entry| entry.file_name()))
            .collect();
        names.sort();
        for name in names {
            let to = self.target.join(&name);
            std::fs::rename(self.partial.join(&name), to)
                .map_err(|error| self.disk_problem(&name.to_string_lossy(), &error))?;
        }
        self.done = true;
        std::fs::remove_dir(&self.partial).map_err(|error| self.disk_problem("", &error))?;
        Ok(self.target.clone())
    }

    fn disk_problem(&self, name: &str, error: &std::io::Error) -> Problem {
        Problem::new(format!("could not write `{name}`"))
            .at(self.target.display().to_string())
            .why(error.to_string())
            .so("the reports are not complete there; do not file them")
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

/// A prefix of a bucket that can be used.
#[derive(Debug)]
pub struct S3Prefix {
    bucket: Bucket,
    prefix: String,
}

impl S3Prefix {
    /// Asks whether the bucket is there, may be used and can keep what is delivered as asked, before the scan, so that a
    /// typing error costs nothing.
    ///
    /// API and errors: those of [`Bucket::open`].
    pub async fn open(session: &Session, bucket: &str, prefix: &str, keeping: Keeping) -> Result<Self, Problem> {
        Ok(Self {
            bucket: Bucket::open(session, bucket, keeping, "--to").await?,
            prefix: prefix.to_owned(),
        })
    }

    /// Stores files of `folder` under the prefix, each with its content type.
    ///
    /// API: [`Bucket::put`]. Calls: 2 for each file. Errors: the first file that is not there, word for word as it was
    /// written and kept as asked; the reports stay in `folder` all the same.
    pub async fn deliver(&self, files: &[(&str, &str)], folder: &Path) -> Result<Vec<Stored>, Problem> {
        let mut delivered = Vec::new();
        for (name, content_type) in files {
            let file = folder.join(name);
            let key = joined(&self.prefix, name);
            match self.bucket.put(&key, Content::File(&file), content_type).await {
                Ok(one) => delivered.push(one),
                Err(refused) => return Err(self.problem(&key, &file, &refused, delivered.len())),
            }
        }
        Ok(delivered)
    }

    fn problem(&self, key: &str, file: &Path, refused: &Refused, delivered: usize) -> Problem {
        let stored = match delivered {
            0 => "nothing was uploaded".to_owned(),
            number => format!("{} uploaded before it", count(number, "file")),
        };
        let sha256 = std::fs::read(file).map_or_else(
            |error| error.to_string(),
            |bytes| format!("sha256 {}", hex(&Sha256::digest(bytes))),
        );
        let problem = Problem::new(format!("could not deliver the report to {}", self.bucket.address(key))).so(
            format!("the report is complete at {} ({sha256}); {stored}", file.display()),
        );
        match refused {
            Refused::Taken(why) => problem
                .why(format!(
                    "{why}; an object with this key exists and evidence is never overwritten"
                ))
                .hint("choose a new prefix with `--to`"),
            Refused::Failed(why) => problem
                .why(why)
                .hint("deliver again; `explain permissions --command deliver` prints the rights that it takes"),
        }
    }
}

/// A key below a prefix, which may be empty.
pub fn joined(prefix: &str, name: &str) -> String {
    if prefix.is_empty() {
        name.to_owned()
    } else {
        format!("{prefix}/{name}")
    }
}
