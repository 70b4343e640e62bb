//! Lists `rules/*.toml` and `rules/frameworks/*.toml`, so that a new rule or framework is one new file.

use std::fmt::Write as _;
use std::path::Path;

fn main() {
    println!("cargo::rerun-if-changed=rules");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=CARGO_MANIFEST_DIR");
    list("rules", "rules.rs");
    list("rules/frameworks", "frameworks.rs");
}

/// Writes a list of the TOML files of a folder, by name and text.
fn list(folder: &str, to: &str) {
    let root = std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
    let mut names: Vec<String> = std::fs::read_dir(Path::new(&root).join(folder))
        .expect("the folder is part of the package")
        .filter_map(|entry| entry.expect("a readable folder").file_name().into_string().ok())
        .filter(|name| name.ends_with(".toml"))
        .collect();
    names.sort();
    let mut list = String::from("&[\n");
    for name in names {
        // The path is put together when the package is compiled: a build folder may serve several checkouts.
        let path = format!(
            "concat!(env!(\"CARGO_MANIFEST_DIR\"), {:?})",
            format!("/{folder}/{name}")
        );
        writeln!(list, "    ({name:?}, include_str!({path})),").expect("writing to a string");
    }
    list.push_str("]\n");
    let out = std::env::var("OUT_DIR").expect("cargo sets it");
    std::fs::write(Path::new(&out).join(to), list).expect("the output folder is writable");
}
