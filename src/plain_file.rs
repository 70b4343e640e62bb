//! Files of evidence that somebody else may have made: only plain files are opened, and none larger than it may be.
//!
//! A pipe would never end, nor would a link to a device; a link would lead out of the evidence. What a file is and how long it
//! is, is asked before anything of it is read.

use std::fs::{File, Metadata};
use std::io::{Error, ErrorKind, Read as _, Result};
use std::path::Path;

/// The largest manifest of a pack, and of its list of digests.
pub(crate) const LARGEST_MANIFEST: u64 = 16 << 20;

/// The largest signature file.
pub(crate) const LARGEST_SIGNATURE: u64 = 64 << 10;

/// The largest file of criteria, of templates, and of what an inventory says of itself.
pub(crate) const LARGEST_TEXT: u64 = 8 << 20;

/// The largest plan of remediation, and its journal: a line or two for each of a hundred thousand tables and more.
pub(crate) const LARGEST_PLAN: u64 = 256 << 20;

/// The criteria of one pack: so many files, so many bytes together.
pub(crate) const LARGEST_CRITERIA: (usize, u64) = (2_000, 64 << 20);

/// Does an error tell of whoever reads, or of the machine, and nothing of what lies there?
pub(crate) fn is_of_reader(error: &Error) -> bool {
    let by_kind = matches!(
        error.kind(),
        ErrorKind::PermissionDenied
            | ErrorKind::OutOfMemory
            | ErrorKind::Interrupted
            | ErrorKind::TimedOut
            | ErrorKind::ResourceBusy
            | ErrorKind::StaleNetworkFileHandle
    );
    // These have no kind: a disk that cannot be read, and too many open files.
    const NUMBERS: [i32; 3] = [5, 23, 24];
    by_kind || (cfg!(unix) && error.raw_os_error().is_some_and(|number| NUMBERS.contains(&number)))
}

/// What lies at a path, links followed; none: nothing does.
///
/// Errors: it cannot be told, as in a folder that may not be entered.
pub(crate) fn at(path: &Path) -> Result<Option<Metadata>> {
    match path.metadata() {
        Ok(metadata) => Ok(Some(metadata)),
        Err(error) if is_of_reader(&error) => Err(error),
        Err(_) => Ok(None),
    }
}

/// What helps whoever may not read evidence.
pub(crate) const MAY_NOT_READ: &str = "run as its owner, or scan with `--shared`";

/// Opens a plain file; a link is none.
///
/// Errors: it is not there, is something else, or cannot be opened.
pub(crate) fn open(path: &Path) -> Result<File> {
    if !path.symlink_metadata()?.is_file() {
        return Err(Error::new(ErrorKind::InvalidData, "it is not a plain file"));
    }
    File::open(path)
}

/// The bytes of a plain file of at most `most` bytes.
///
/// Errors: those of [`open`]; it is larger.
pub(crate) fn read(path: &Path, most: u64) -> Result<Vec<u8>> {
    read_open(&open(path)?, most)
}

/// The text of a plain file of at most `most` bytes.
///
/// Errors: those of [`read`]; it is not UTF-8.
pub(crate) fn text(path: &Path, most: u64) -> Result<String> {
    String::from_utf8(read(path, most)?).map_err(|error| Error::new(ErrorKind::InvalidData, error))
}

/// The same for a file of one's own, which may be a link to a plain file.
///
/// Errors: those of [`read`].
pub(crate) fn read_linked(path: &Path, most: u64) -> Result<Vec<u8>> {
    if !path.metadata()?.is_file() {
        return Err(Error::new(ErrorKind::InvalidData, "it is not a plain file"));
    }
    read_open(&File::open(path)?, most)
}

/// Bytes that a file takes on disk, at most its length: what it stands for where it has holes is no evidence.
pub(crate) fn size_on_disk(metadata: &Metadata) -> u64 {
    #[cfg(unix)]
    return metadata
        .len()
        .min(std::os::unix::fs::MetadataExt::blocks(metadata).saturating_mul(512));
    #[cfg(not(unix))]
    return metadata.len();
}

/// Is it next to nothing but holes? It takes hours to read and no room to send. File systems that compress get nowhere near.
pub(crate) fn is_hollow(metadata: &Metadata) -> bool {
    metadata.len() > LARGEST_HOLE && size_on_disk(metadata) < metadata.len() / 128
}

/// Files up to this size are read, holes and all.
const LARGEST_HOLE: u64 = 1 << 30;

/// The bytes of an open file of at most `most` bytes.
///
/// Errors: it cannot be read; it is larger.
pub(crate) fn read_open(file: &File, most: u64) -> Result<Vec<u8>> {
    let size = file.metadata()?.len();
    let mut bytes = Vec::new();
    if size <= most {
        // It may grow while it is read.
        file.take(most + 1).read_to_end(&mut bytes)?;
    }
    if size > most || bytes.len() as u64 > most {
        let what = format!("it has {size} bytes, and at most {most} are read of such a file");
        return Err(Error::new(ErrorKind::FileTooLarge, what));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_tells_of_the_reader_or_of_what_lies_there() {
        for kind in [ErrorKind::PermissionDenied, ErrorKind::OutOfMemory, ErrorKind::TimedOut] {
            assert!(is_of_reader(&Error::from(kind)), "{kind}");
        }
        #[cfg(unix)]
        for (number, expected) in [(13, true), (5, true), (24, true), (2, false), (20, false), (40, false)] {
            assert_eq!(is_of_reader(&Error::from_raw_os_error(number)), expected, "{number}");
        }
        for kind in [
            ErrorKind::NotFound,
            ErrorKind::InvalidData,
            ErrorKind::FileTooLarge,
            ErrorKind::UnexpectedEof,
        ] {
            assert!(!is_of_reader(&Error::from(kind)), "{kind}");
        }
        let dir = tempfile::tempdir().expect("a folder");
        assert!(at(dir.path()).expect("told").is_some());
        assert!(at(&dir.path().join("none")).expect("told").is_none());
    }

    #[test]
    fn only_plain_files_that_are_small_enough_are_read() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("file");
        std::fs::write(&path, "four").expect("written");
        assert_eq!(read(&path, 4).expect("read"), b"four");
        let error = read(&path, 3).expect_err("too large");
        assert_eq!(
            error.to_string(),
            "it has 4 bytes, and at most 3 are read of such a file"
        );
        assert!(read(dir.path(), 9).is_err());
        #[cfg(unix)]
        {
            let link = dir.path().join("link");
            std::os::unix::fs::symlink("/dev/zero", &link).expect("linked");
            assert_eq!(
                read(&link, 9).expect_err("a link").to_string(),
                "it is not a plain file"
            );
            assert_eq!(
                read_linked(&link, 9).expect_err("a device").to_string(),
                "it is not a plain file"
            );
            let link = dir.path().join("other");
            std::os::unix::fs::symlink(&path, &link).expect("linked");
            assert!(read(&link, 9).is_err());
            assert_eq!(read_linked(&link, 9).expect("read"), b"four");
        }
    }
}
