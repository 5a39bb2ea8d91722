//! What the user sees: lines, bars, tables, JSON.

mod bar;
mod files;
mod json;
mod line;
mod log;
mod report;
mod table;

use std::io::{self, Write};

use gannet_core::names::escape_for_terminal;
use serde::Serialize;

pub(crate) use bar::{count_to, counting, hidden};
pub(crate) use files::{Existing, write_file};
pub(crate) use report::{Ending, Report};
pub(crate) use table::{Align, table};

use crate::exit::{self, Failure, OrFail};

/// Writes text to standard output, for a program as well as for a person.
///
/// # Errors
/// A full disk, a pipe that is closed.
pub(crate) fn print(text: impl AsRef<[u8]>) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_ref()).and_then(|()| stdout.flush()) {
        // Who reads only the beginning has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => exit::written(result, "standard output"),
    }
}

/// Prints a value as JSON, readably.
pub(crate) fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).or_fail(exit::Exit::Failed, "JSON")?;
    print(text + "\n")
}

/// A line on standard error, escaped. Nobody is left to be told if that fails.
pub(crate) fn note(text: impl AsRef<str>) {
    let _ = writeln!(io::stderr(), "{}", escape_for_terminal(text.as_ref()));
}
