//! What the tests share: the program in a folder beside a simulated AWS, and what it wrote, read back.

pub mod aws;
mod bench;
pub mod criteria;
pub mod evidence;
mod report;
pub mod worlds;

pub use bench::{Bench, PROGRAM, Ran, in_folder, refused, run};
pub use report::{csv_rows, days, fact, finding, json_file, permitted, table_row, verdict};

use proptest::prelude::ProptestConfig;

/// So many random cases. Those that fail leave no file in the tree.
pub fn cases(count: u32) -> ProptestConfig {
    ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(count)
    }
}
