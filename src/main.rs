//! backproof.
fn main() {}
