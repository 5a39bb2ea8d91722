//! File names of strangers, made safe as the field's clients make them, and what was changed.
//!
//! The result means the same on every system: no part leads out of the download folder, is a
//! device, hides its end from a reader, or is too long for a file system.

mod case;
mod escape;
mod sanitize;
mod unique;

pub use escape::{escape_bytes, escape_for_terminal};
pub use sanitize::{
    MAX_COMPONENT_BYTES, MAX_PATH_BYTES, NameError, SafePath, describe, sanitize_path,
};
pub use unique::UniquePaths;
