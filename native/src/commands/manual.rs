//! `gannet completions` and `gannet man`.

use std::{fs, io, path::Path};

use clap::Command as Clap;
use clap_complete::Shell;
use clap_mangen::Man;

use crate::{
    cli,
    exit::{self, Exit, Failure, OrFail},
    output::{Existing, print, write_file},
};

/// Prints the completions for a shell.
pub(super) fn completions(shell: Shell) -> Result<Exit, Failure> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut cli::command(), "gannet", &mut text);
    print(text)?;
    Ok(Exit::Done)
}

/// Prints the manual page, or writes one for each command into a folder.
pub(super) fn pages(folder: Option<&Path>) -> Result<Exit, Failure> {
    let mut command = cli::command().disable_help_subcommand(true);
    command.build();
    let Some(folder) = folder else {
        print(page(command).or_fail(Exit::Failed, "manual page")?)?;
        return Ok(Exit::Done);
    };
    let subcommands: Vec<_> = command.get_subcommands().cloned().collect();
    write(folder, command)?;
    subcommands.into_iter().try_for_each(|subcommand| {
        let name = format!("gannet-{}", subcommand.get_name());
        write(folder, subcommand.name(name))
    })?;
    Ok(Exit::Done)
}

fn page(command: Clap) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    Man::new(command).render(&mut text)?;
    Ok(text)
}

fn write(folder: &Path, command: Clap) -> Result<(), Failure> {
    let path = folder.join(format!("{}.1", command.get_name()));
    let written = fs::create_dir_all(folder)
        .and_then(|()| page(command))
        .and_then(|page| write_file(&path, &page, Existing::Replace));
    exit::written(written, path.display())
}
