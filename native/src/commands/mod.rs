//! The commands, a file each.

mod create;
mod decode;
mod get;
mod handshake;
mod info;
mod lists;
mod lookup;
mod manual;
mod peers;
mod piece;
mod publish;
mod relay;
mod seed;
mod serve;
mod share;
mod swarm;
mod tracker;
mod verify;

use std::future::Future;

use tokio::runtime::Runtime;

use crate::{
    cli::Command,
    exit::{Exit, Failure, OrFail},
};

/// Does what the command line says.
///
/// # Errors
/// What the user has to be told, with the code to end with.
pub(crate) fn run(command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Get(args) => block_on(get::run(*args)),
        Command::Seed(args) => block_on(seed::run(args)),
        Command::Serve(args) => block_on(serve::run(*args)),
        Command::Create(args) => create::run(&args),
        Command::Info(args) => block_on(info::run(args)),
        Command::Verify(args) => verify::run(&args),
        Command::Peers(args) => block_on(peers::run(args)),
        Command::Handshake(args) => block_on(handshake::run(args)),
        Command::Piece(args) => block_on(piece::run(args)),
        Command::Decode(args) => decode::run(&args),
        Command::Tracker(args) => block_on(tracker::run(*args)),
        Command::Relay(args) => block_on(relay::run(*args)),
        Command::Completions(args) => manual::completions(args.shell),
        Command::Man(args) => manual::pages(args.output_dir.as_deref()),
    }
}

fn block_on(work: impl Future<Output = Result<Exit, Failure>>) -> Result<Exit, Failure> {
    let runtime = Runtime::new().or_fail(Exit::Failed, "can't start")?;
    let result = runtime.block_on(work);
    // What still runs, a look-up of a name for example, is not waited for.
    runtime.shutdown_background();
    result
}
