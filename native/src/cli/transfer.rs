//! Flags of the commands that meet a swarm.

use std::{ffi::OsString, net::SocketAddr, path::PathBuf, time::Duration};

use clap::Args;
use gannet::tracker::Token;
use globset::Glob;

use super::{JsonArgs, tracker_api};
use crate::{
    parse::{self, Numbers},
    source::HostPort,
};

/// Whom to connect with.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct SwarmArgs {
    /// Connect to this peer, beside those that trackers name (repeatable)
    #[arg(long = "peer", value_name = "ADDR", value_delimiter = ',')]
    pub(crate) peers: Vec<HostPort>,
    /// Ask this tracker before those of the torrent (repeatable)
    #[arg(long = "tracker", value_name = "URL", value_delimiter = ' ')]
    pub(crate) trackers: Vec<String>,
}

/// What is printed on the way.
#[derive(Debug, Clone, Args)]
pub(crate) struct ReportArgs {
    /// Print events and statistics as JSON, one object a line
    #[arg(long, conflicts_with_all = ["quiet", "verbose"])]
    pub(crate) json: bool,
    /// Write the last statistics to this file, as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) stats: Option<PathBuf>,
    /// Print nothing but errors
    #[arg(short, long, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Log each peer and each piece
    #[arg(short, long)]
    pub(crate) verbose: bool,
}

/// Which files of a torrent.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Selection {
    /// Only these files, by the numbers that --list shows
    #[arg(long, value_name = "1,3-5", value_delimiter = ',', conflicts_with = "select")]
    pub(crate) files: Vec<Numbers>,
    /// Only files whose path matches, like '*.iso' (repeatable)
    #[arg(long, value_name = "GLOB")]
    pub(crate) select: Vec<Glob>,
}

/// Arguments of `gannet get`.
#[derive(Debug, Args)]
pub(crate) struct GetArgs {
    /// A .torrent file, the http(s) URL of one, a magnet link, or a link to a download page
    #[arg(required = true, value_name = "SOURCE")]
    pub(crate) sources: Vec<OsString>,
    /// The folder to download into
    #[arg(short, long, value_name = "DIR", default_value = ".")]
    pub(crate) output_dir: PathBuf,
    /// Call the single file NAME
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Whom to connect with.
    #[command(flatten)]
    pub(crate) swarm: SwarmArgs,
    /// Accept peers at this address [default: 0.0.0.0:6881, or any port if that one is taken]
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<SocketAddr>,
    /// The most peers at a time, for each torrent
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub(crate) max_peers: usize,
    /// How often in a row a piece is asked of one peer
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub(crate) max_retries: u32,
    /// How long a block may take
    #[arg(long, value_name = "DUR", default_value = "30s", value_parser = parse::duration)]
    pub(crate) block_timeout: Duration,
    /// How long the whole run may take
    #[arg(long, value_name = "DUR", value_parser = parse::duration)]
    pub(crate) timeout: Option<Duration>,
    /// How long to wait for space when the disk is full
    #[arg(long, value_name = "DUR", default_value = "60s", value_parser = parse::duration)]
    pub(crate) disk_wait: Duration,
    /// Which files.
    #[command(flatten)]
    pub(crate) selection: Selection,
    /// Only list the files, with their numbers
    #[arg(long)]
    pub(crate) list: bool,
    /// Fetch the pieces in their order
    #[arg(long)]
    pub(crate) sequential: bool,
    /// The most to download per second, like 10MB or 512K
    #[arg(long, value_name = "RATE", value_parser = parse::rate)]
    pub(crate) max_download: Option<u64>,
    /// The most to upload per second
    #[arg(long, value_name = "RATE", value_parser = parse::rate)]
    pub(crate) max_upload: Option<u64>,
    /// Go on seeding when done
    #[arg(long)]
    pub(crate) seed: bool,
    /// Seed until this many times the size has been uploaded
    #[arg(long, value_name = "RATIO", value_parser = ratio)]
    pub(crate) seed_ratio: Option<f64>,
    /// Seed for this long
    #[arg(long, value_name = "DUR", value_parser = parse::duration)]
    pub(crate) seed_time: Option<Duration>,
    /// The SHA-256 that the finished single file must have
    #[arg(long, value_name = "HEX", value_parser = parse::checksum::<32>)]
    pub(crate) sha256: Option<[u8; 32]>,
    /// The SHA-1 that the finished single file must have
    #[arg(long, value_name = "HEX", value_parser = parse::checksum::<20>)]
    pub(crate) sha1: Option<[u8; 20]>,
    /// Replace existing files that aren't part of the torrent
    #[arg(long)]
    pub(crate) overwrite: bool,
    /// What is printed on the way.
    #[command(flatten)]
    pub(crate) report: ReportArgs,
}

impl GetArgs {
    /// Whether to seed when done: any of the flags about it says so.
    pub(crate) fn seeds(&self) -> bool {
        self.seed || self.seed_ratio.is_some() || self.seed_time.is_some()
    }
}

fn ratio(text: &str) -> Result<f64, RatioError> {
    let ratio: f64 = text.parse().map_err(|_| RatioError)?;
    if ratio.is_finite() && ratio >= 0.0 { Ok(ratio) } else { Err(RatioError) }
}

/// Not a ratio.
#[derive(Debug, thiserror::Error)]
#[error("a ratio is a number like 1 or 1.5")]
struct RatioError;

/// Arguments of `gannet seed`.
#[derive(Debug, Clone, Args)]
pub(crate) struct SeedArgs {
    /// A file or a folder to share, or a .torrent whose data lies in --output-dir
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// The folder with the data of .torrent files
    #[arg(short, long, value_name = "DIR", default_value = ".")]
    pub(crate) output_dir: PathBuf,
    /// Accept peers at this address [default: 0.0.0.0:6881, or any port if that one is taken]
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<SocketAddr>,
    /// Announce to this tracker before those of the torrent (repeatable)
    #[arg(long = "tracker", value_name = "URL", value_delimiter = ' ')]
    pub(crate) trackers: Vec<String>,
    /// The size of a piece of what is no .torrent, a power of two [default: chosen from the size]
    #[arg(long, value_name = "SIZE", value_parser = parse::piece_length)]
    pub(crate) piece_length: Option<u32>,
    /// Hand the .torrent to the first HTTP tracker too, so that it can be had there by its name
    #[arg(long)]
    pub(crate) publish: bool,
    /// What the tracker lets publish who knows it; @FILE for the token in a file
    #[arg(long, value_name = "TOKEN", value_parser = tracker_api::token, requires = "publish")]
    pub(crate) publish_token: Option<Token>,
    /// The most to upload per second, like 10MB or 512K
    #[arg(long, value_name = "RATE", value_parser = parse::rate)]
    pub(crate) max_upload: Option<u64>,
    /// The most peers at a time, for each torrent
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub(crate) max_peers: usize,
    /// What is printed on the way.
    #[command(flatten)]
    pub(crate) report: ReportArgs,
}

/// What the commands share that ask a swarm something and end.
#[derive(Debug, Clone, Args)]
pub(crate) struct LookupArgs {
    /// Whom to connect with.
    #[command(flatten)]
    pub(crate) swarm: SwarmArgs,
    /// How long to try
    #[arg(long, value_name = "DUR", default_value = "60s", value_parser = parse::duration)]
    pub(crate) timeout: Duration,
    /// For a person or a program.
    #[command(flatten)]
    pub(crate) output: JsonArgs,
}

/// Arguments of `gannet info`.
#[derive(Debug, Args)]
pub(crate) struct InfoArgs {
    /// A .torrent file, the http(s) URL of one, or a magnet link (its metadata is fetched)
    #[arg(value_name = "TORRENT")]
    pub(crate) source: OsString,
    /// How to find a magnet link's metadata.
    #[command(flatten)]
    pub(crate) lookup: LookupArgs,
}

/// Arguments of `gannet peers`.
#[derive(Debug, Args)]
pub(crate) struct PeersArgs {
    /// A .torrent file, the http(s) URL of one, or a magnet link
    #[arg(value_name = "TORRENT")]
    pub(crate) source: OsString,
    /// Ask this tracker before those of the torrent (repeatable)
    #[arg(long = "tracker", value_name = "URL", value_delimiter = ' ')]
    pub(crate) trackers: Vec<String>,
    /// How long to wait for answers
    #[arg(long, value_name = "DUR", default_value = "30s", value_parser = parse::duration)]
    pub(crate) timeout: Duration,
    /// For a person or a program.
    #[command(flatten)]
    pub(crate) output: JsonArgs,
}

/// Arguments of `gannet handshake`.
#[derive(Debug, Args)]
pub(crate) struct HandshakeArgs {
    /// A .torrent file, the http(s) URL of one, or a magnet link
    #[arg(value_name = "TORRENT")]
    pub(crate) source: OsString,
    /// The peer, like 192.0.2.1:6881
    #[arg(value_name = "ADDR")]
    pub(crate) addr: HostPort,
    /// How long to wait
    #[arg(long, value_name = "DUR", default_value = "30s", value_parser = parse::duration)]
    pub(crate) timeout: Duration,
    /// For a person or a program.
    #[command(flatten)]
    pub(crate) output: JsonArgs,
}

/// Arguments of `gannet piece`.
#[derive(Debug, Args)]
pub(crate) struct PieceArgs {
    /// A .torrent file, the http(s) URL of one, or a magnet link
    #[arg(value_name = "TORRENT")]
    pub(crate) source: OsString,
    /// The piece, counted from zero
    #[arg(value_name = "N")]
    pub(crate) piece: u32,
    /// The file to write, - for standard output [default: piece-N.bin]
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Whom to connect with.
    #[command(flatten)]
    pub(crate) swarm: SwarmArgs,
    /// How long to try
    #[arg(long, value_name = "DUR", default_value = "60s", value_parser = parse::duration)]
    pub(crate) timeout: Duration,
    /// Replace an existing file
    #[arg(long)]
    pub(crate) overwrite: bool,
}
