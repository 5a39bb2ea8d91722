//! Flags of the commands that need no swarm.

use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;

use super::JsonArgs;
use crate::parse;

/// Arguments of `gannet create`.
#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// The file or folder to share
    #[arg(value_name = "PATH")]
    pub(crate) path: PathBuf,
    /// The file to write [default: NAME.torrent, here]
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// A tracker (repeatable: each is a tier of its own; URLs with commas between share a tier)
    #[arg(long = "tracker", value_name = "URL", value_delimiter = ' ')]
    pub(crate) trackers: Vec<String>,
    /// The size of a piece, a power of two like 256K [default: chosen from the size]
    #[arg(long, value_name = "SIZE", value_parser = parse::piece_length)]
    pub(crate) piece_length: Option<u32>,
    /// Peers come from the trackers only (BEP 27)
    #[arg(long)]
    pub(crate) private: bool,
    /// A comment for whoever reads the torrent
    #[arg(long, value_name = "TEXT")]
    pub(crate) comment: Option<String>,
    /// An http(s) URL of the data (repeatable, BEP 19)
    #[arg(long = "web-seed", value_name = "URL", value_delimiter = ' ')]
    pub(crate) web_seeds: Vec<String>,
    /// Put each file's SHA-256 into the torrent, for `get` to check
    #[arg(long)]
    pub(crate) file_hashes: bool,
    /// Replace an existing .torrent
    #[arg(long)]
    pub(crate) overwrite: bool,
    /// Print nothing but errors
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

/// Arguments of `gannet verify`.
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// A .torrent file
    #[arg(value_name = "TORRENT")]
    pub(crate) torrent: PathBuf,
    /// The folder that its data was downloaded into
    #[arg(value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// The single file is called NAME
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Print nothing but errors
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// For a person or a program.
    #[command(flatten)]
    pub(crate) output: JsonArgs,
}

/// Arguments of `gannet decode`.
#[derive(Debug, Args)]
pub(crate) struct DecodeArgs {
    /// A bencoded file, - for standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
}

/// Arguments of `gannet completions`.
#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// Which shell
    #[arg(value_name = "SHELL")]
    pub(crate) shell: Shell,
}

/// Arguments of `gannet man`.
#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// Write gannet.1 and a page for each command into this folder
    #[arg(short, long, value_name = "DIR")]
    pub(crate) output_dir: Option<PathBuf>,
}
