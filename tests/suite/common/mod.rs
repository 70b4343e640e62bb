//! What the tests share: the program in a folder beside a simulated AWS, and what it wrote, read back.

pub mod aws;
mod bench;
pub mod criteria;
pub mod drills;
pub mod evidence;
pub mod months;
mod report;
pub mod worlds;

pub use bench::{Bench, PROGRAM, Ran, in_folder, refused, run};
pub use report::{csv_rows, days, fact, finding, json_file, permitted, table_row, verdict};

use proptest::prelude::ProptestConfig;

/// So many random cases, or as many as `PROPTEST_CASES` asks for. Those that fail leave no file in the tree.
pub fn cases(count: u32) -> ProptestConfig {
    let asked = std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|asked| asked.parse().ok());
    ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(asked.unwrap_or(count))
    }
}
