//! The binary `gannet`: the command line over the library of the same name.

mod build;
mod cli;
mod commands;
mod exit;
mod format;
mod interrupt;
mod output;
mod parse;
mod source;

use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = cli::Cli::read();
    match commands::run(cli.command) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            output::note(format!("gannet: {failure}"));
            failure.exit.into()
        }
    }
}
