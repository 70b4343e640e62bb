//! SHA-256 of files and of lists of files, as `sha256sum` writes them.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use ring::digest::{Context, SHA256, digest};

use crate::text::hex;

/// SHA-256 of some bytes, in hexadecimal digits.
pub(crate) fn of_bytes(bytes: &[u8]) -> String {
    hex(digest(&SHA256, bytes).as_ref())
}

/// Size and SHA-256 of a file, which never stands in memory.
///
/// Errors: it cannot be read.
pub fn of_file(path: &Path) -> std::io::Result<(u64, String)> {
    let mut file = File::open(path)?;
    let (mut context, mut size) = (Context::new(&SHA256), 0);
    let mut buffer = vec![0; 1 << 18];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok((size, hex(context.finish().as_ref()))),
            read => {
                context.update(&buffer[..read]);
                size += read as u64;
            }
        }
    }
}

/// Every file below a folder, by path with `/` between its parts, in order.
///
/// Errors: a folder that cannot be read; something that is neither folder nor file.
pub(crate) fn files_below(dir: &Path) -> std::io::Result<Vec<String>> {
    let (mut files, mut folders) = (Vec::new(), vec![PathBuf::new()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(dir.join(&folder))? {
            let entry = entry?;
            let (path, kind) = (folder.join(entry.file_name()), entry.file_type()?);
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_file() {
                let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
                files.push(parts.join("/"));
            } else {
                let what = format!("`{}` is neither a file nor a folder", path.display());
                return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, what));
            }
        }
    }
    files.sort();
    Ok(files)
}

/// The line that `sha256sum` writes for a file.
pub(crate) fn line(path: &str, sha256: &str) -> String {
    format!("{sha256}  {path}\n")
}

/// SHA-256 over the lines of some files, in order of path.
pub fn of_list<'f>(files: impl Iterator<Item = (&'f str, &'f str)>) -> String {
    let mut context = Context::new(&SHA256);
    for (path, sha256) in files {
        context.update(line(path, sha256).as_bytes());
    }
    hex(context.finish().as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_sha256sum() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("abc");
        std::fs::write(&path, "abc").expect("written");
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(of_file(&path).expect("read"), (3, abc.to_owned()));
        assert_eq!(of_bytes(b"abc"), abc);
        assert_eq!(
            of_list([("abc", abc)].into_iter()),
            of_bytes(format!("{abc}  abc\n").as_bytes())
        );
    }
}
