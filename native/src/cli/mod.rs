//! The command line: every command, every flag and its help text.

mod files;
mod relay;
mod serve;
mod tracker;
mod tracker_api;
mod transfer;

use clap::{
    ArgAction, Args, Command as Clap, CommandFactory, FromArgMatches, Parser, Subcommand,
    builder::FalseyValueParser,
};

pub(crate) use files::{CompletionsArgs, CreateArgs, DecodeArgs, ManArgs, VerifyArgs};
pub(crate) use relay::RelayArgs;
pub(crate) use serve::ServeArgs;
pub(crate) use tracker::{IN_MEMORY, TrackerArgs};
pub(crate) use transfer::{
    GetArgs, HandshakeArgs, InfoArgs, PeersArgs, PieceArgs, ReportArgs, SeedArgs, Selection,
    SwarmArgs,
};

use crate::exit;

/// Downloads and seeds torrents from the terminal
#[derive(Debug, Parser)]
#[command(name = "gannet", version, about, after_help = exit::HELP, max_term_width = 100)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Download torrents: .torrent files, URLs of them, magnet links
    Get(Box<GetArgs>),
    /// Share files and folders, or the data of .torrent files, until Ctrl-C
    Seed(SeedArgs),
    /// Share files and folders with pages too: tracker, relay, seeder and page on one address
    Serve(Box<ServeArgs>),
    /// Write a .torrent for a file or a folder
    Create(CreateArgs),
    /// Show all that a .torrent or a magnet link says
    Info(InfoArgs),
    /// Check data on the disk: which pieces and files are good, missing, bad
    Verify(VerifyArgs),
    /// Ask the trackers of a torrent and list what they answer
    Peers(PeersArgs),
    /// Connect to one peer: its id, its client, its extensions, the pieces it has
    Handshake(HandshakeArgs),
    /// Fetch, verify and write a single piece
    Piece(PieceArgs),
    /// Print a bencoded file as JSON
    Decode(DecodeArgs),
    /// Run a tracker, over HTTP and UDP
    Tracker(Box<TrackerArgs>),
    /// Run a relay: peers for pages, which can't open TCP connections
    Relay(Box<RelayArgs>),
    /// Print the completions for a shell
    Completions(CompletionsArgs),
    /// Print the manual page, or write one for each command
    Man(ManArgs),
}

/// What every command can print for a program instead of a person.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct JsonArgs {
    /// Print JSON, for a program
    #[arg(long)]
    pub(crate) json: bool,
}

impl Cli {
    /// Reads the process's arguments and environment; ends the process if they can't be understood.
    pub(crate) fn read() -> Self {
        let matches = command().get_matches();
        Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }
}

/// The command line, with an environment variable for every flag.
pub(crate) fn command() -> Clap {
    with_environment(Cli::command())
}

/// `--max-peers` is `GANNET_MAX_PEERS`, so that no flag can be without.
fn with_environment(command: Clap) -> Clap {
    command.mut_subcommands(|command| {
        command.mut_args(|arg| {
            let Some(long) = arg.get_long() else { return arg };
            let variable = format!("GANNET_{}", long.replace('-', "_").to_uppercase());
            let is_switch = matches!(arg.get_action(), ArgAction::SetTrue);
            let arg = arg.env(variable).hide_env(true);
            if is_switch { arg.value_parser(FalseyValueParser::new()) } else { arg }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn every_flag_has_an_environment_variable_and_a_help_text() {
        for command in command().get_subcommands() {
            for arg in command.get_arguments() {
                let name = format!("{} {}", command.get_name(), arg.get_id());
                assert!(arg.get_help().is_some(), "{name}");
                assert!(arg.is_positional() || arg.get_env().is_some(), "{name}");
            }
        }
    }

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        let matches = command().try_get_matches_from(line.split_whitespace())?;
        Cli::from_arg_matches(&matches)
    }

    #[test]
    fn get_takes_all_its_flags() {
        let cli = parse(
            "gannet get a.torrent magnet:?xt=x -o dir --peer 127.0.0.1:1 --peer [::1]:2 \
             --files 1,3-5 --max-download 10MB --block-timeout 5s --seed-ratio 1.5 -v",
        );
        let Command::Get(args) = cli.unwrap().command else { panic!("another command") };
        assert_eq!(args.sources.len(), 2);
        assert_eq!(args.swarm.peers.len(), 2);
        assert_eq!(args.max_download, Some(10_000_000));
        assert_eq!(args.selection.files.len(), 2);
    }

    #[test]
    fn a_usage_error_ends_with_2() {
        for line in ["gannet get", "gannet get a --files 0", "gannet nonsense", "gannet get a -qv"]
        {
            assert_eq!(parse(line).unwrap_err().exit_code(), 2, "{line}");
        }
    }
}
