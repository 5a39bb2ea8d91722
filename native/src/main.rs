//! The binary `gannet`.
fn main() {}
