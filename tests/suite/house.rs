//! The plan of the house: which room may see which. Drawn in `docs/development.md`, read off the sources here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Every room, from the top floor down. A room sees the floors below its own and nothing else: not those above, and not
/// its neighbours.
const FLOORS: &[&[&str]] = &[
    &["main"],
    &["within"],
    &["cli"],
    &["commands"],
    &["drill"],
    &["remediate"],
    &["ledger"],
    &["deliver", "attest"],
    &["pack", "diff", "sample", "push"],
    &["render"],
    &["judge"],
    &["facts", "report", "settings"],
    &["criteria"],
    &["collect", "sign"],
    &["aws"],
    &["dictionary"],
    &["inventory"],
    &["journal"],
    &["stderr", "toml_reader", "digest"],
    &["problem"],
    &["domain", "duration", "exit", "fence", "plain_file", "text"],
];

/// Rooms that see one they should not, as `room -> room`. Each needs a reason here.
const EXCEPTIONS: &[&str] = &[];

/// Who may name the engine behind the frames.
const POLARS: &[&str] = &["inventory", "dictionary", "facts", "criteria", "judge"];

/// Who may name the AWS SDK.
const SDK: &[&str] = &["aws", "collect", "drill", "push", "remediate", "sign"];

/// One source file of the program: its room, its path below `src`, and its text without comments and test modules.
struct Source {
    room: String,
    path: String,
    text: String,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut sources, mut folders) = (Vec::new(), vec![root.clone()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path: PathBuf = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            if path.extension().is_none_or(|extension| extension != "rs") {
                continue;
            }
            let below = path.strip_prefix(&root).expect("below src");
            let room = below.iter().next().expect("a name").to_string_lossy();
            let text = std::fs::read_to_string(&path).expect("text");
            let is_test = below
                .file_stem()
                .is_some_and(|stem| stem.to_string_lossy().ends_with("tests"));
            let tests = text.find("#[cfg(test)]\nmod tests {").filter(|_| !is_test);
            let lines = text[..tests.unwrap_or(text.len())].lines();
            sources.push(Source {
                room: room.trim_end_matches(".rs").to_owned(),
                path: below.to_string_lossy().replace('\\', "/"),
                text: if is_test {
                    String::new()
                } else {
                    lines
                        .filter(|line| !line.trim_start().starts_with("//"))
                        .collect::<Vec<_>>()
                        .join("\n")
                },
            });
        }
    }
    assert!(sources.len() > 150, "only {} sources", sources.len());
    sources
}

/// The rooms that a text names: in `use` lines and in paths.
fn seen(text: &str) -> BTreeSet<&str> {
    let after = |start: &'static str| text.split(start).skip(1);
    let mut rooms = BTreeSet::new();
    for rest in after("crate::").chain(after("backproof::")) {
        match rest.strip_prefix('{') {
            Some(list) => {
                let list = list.split('}').next().unwrap_or_default();
                rooms.extend(list.split(',').map(str::trim).filter_map(first_name));
            }
            None => rooms.extend(first_name(rest)),
        }
    }
    rooms
}

fn first_name(path: &str) -> Option<&str> {
    let end = path
        .find(|c: char| !c.is_alphanumeric() && c != '_')
        .unwrap_or(path.len());
    (end > 0).then_some(&path[..end])
}

fn floor(room: &str) -> usize {
    let found = FLOORS.iter().position(|floor| floor.contains(&room));
    found.unwrap_or_else(|| panic!("`{room}` has no place in the house: add it to FLOORS and to docs/development.md"))
}

#[test]
fn arrows_go_down_only() {
    let mut wrong: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for source in sources().iter().filter(|source| source.room != "lib") {
        // From a room's own first file `super` is the way to every other room.
        let is_first = source.path.ends_with(&format!("{}/mod.rs", source.room)) || !source.path.contains('/');
        let climbs = is_first && source.text.lines().any(|line| line.starts_with("use super::"));
        assert!(!climbs, "{} names other rooms by `super`", source.path);
        for room in seen(&source.text) {
            if room != source.room && floor(room) <= floor(&source.room) {
                let arrow = format!("{} -> {room}", source.room);
                wrong.entry(arrow).or_default().insert(source.path.clone());
            }
        }
    }
    for known in EXCEPTIONS {
        assert!(wrong.remove(*known).is_some(), "{known} is not needed any more");
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_engine_and_the_sdk_stay_in_their_rooms_and_only_the_top_prints() {
    for source in sources() {
        let Source { room, path, text } = &source;
        if text.contains("polars::") || text.contains("polars_io::") {
            assert!(POLARS.contains(&room.as_str()), "{path} names polars");
        }
        if text.contains("aws_sdk_") || text.contains("aws_config::") {
            assert!(SDK.contains(&room.as_str()), "{path} names the AWS SDK");
        }
        if text.contains("stdout()")
            || text.contains("stderr()")
            || text.contains("print!(")
            || text.contains("println!(")
        {
            assert!(["commands", "stderr", "main"].contains(&room.as_str()), "{path} prints");
        }
    }
}
