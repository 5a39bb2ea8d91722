//! Flags of `gannet tracker`.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::Args;
use gannet::tracker::{Limits, limits};
use ipnet::IpNet;

use super::tracker_api::ApiArgs;
use crate::parse;

/// The value of `--store` for a tracker on its own.
pub(crate) const IN_MEMORY: &str = "memory";

/// Arguments of `gannet tracker`.
#[derive(Debug, Args)]
#[group(id = "listen", required = true, multiple = true, args = ["http", "udp"])]
pub(crate) struct TrackerArgs {
    /// Answer HTTP at this address, like 0.0.0.0:6969, or [::]:6969 for IPv6 and IPv4 (port 0: any that is free)
    #[arg(long, value_name = "ADDR")]
    pub(crate) http: Option<SocketAddr>,
    /// Answer UDP at this address
    #[arg(long, value_name = "ADDR")]
    pub(crate) udp: Option<SocketAddr>,
    /// Share the swarms with other instances over redis://[[user]:password@]host[:port][/db], or rediss:// for TLS
    #[arg(long, value_name = "memory|URL", default_value = IN_MEMORY)]
    pub(crate) store: String,
    /// How often peers shall announce themselves
    #[arg(long, value_name = "DUR", default_value = "30m", value_parser = parse::duration)]
    pub(crate) interval: Duration,
    /// Serve only the torrents in this file: an info hash in a line, # for comments; read again when it changes
    #[arg(long, value_name = "FILE")]
    pub(crate) allow_list: Option<PathBuf>,
    /// Take the word of HTTP proxies in this network, like 10.0.0.0/8, for whom a request is from (X-Forwarded-For; repeatable)
    #[arg(long = "trust-proxy", value_name = "CIDR", value_delimiter = ' ')]
    pub(crate) trusted_proxies: Vec<IpNet>,
    /// How much to take in.
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
    /// The web API.
    #[command(flatten)]
    pub(crate) api: ApiArgs,
    /// Print nothing but errors
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

/// A flag for each limit.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
pub(crate) struct LimitArgs {
    /// Keep at most so many torrents; others are refused then
    #[arg(long, value_name = "N", default_value_t = limits::MAX_TORRENTS)]
    max_torrents: usize,
    /// Keep at most so many peers; others still get peers then, but aren't named
    #[arg(long, value_name = "N", default_value_t = limits::MAX_PEERS)]
    max_swarm_peers: usize,
    /// Keep at most so many peers of one torrent
    #[arg(long, value_name = "N", default_value_t = limits::MAX_PEERS_PER_TORRENT)]
    max_peers_per_torrent: usize,
    /// Name at most so many peers in an answer
    #[arg(long, value_name = "N", default_value_t = limits::MAX_NUM_WANT)]
    max_num_want: u32,
    /// Answer scrapes of at most so many torrents
    #[arg(long, value_name = "N", default_value_t = limits::MAX_SCRAPE_HASHES)]
    max_scrape: usize,
    /// Announces an address may send per second, over a while (an IPv6 /64 is one; 0: any number)
    #[arg(long, value_name = "N", default_value_t = limits::MAX_ANNOUNCES_PER_SECOND)]
    max_announces: u32,
    /// The longest head of an HTTP request, at least 8K
    #[arg(long, value_name = "SIZE", default_value_t = limits::MAX_HEAD_BYTES as u64, value_parser = parse::bytes)]
    max_head: u64,
    /// Close an HTTP connection after so long without a request
    #[arg(long, value_name = "DUR", default_value = "30s", value_parser = parse::duration)]
    idle_timeout: Duration,
    /// Open HTTP connections; more wait
    #[arg(long, value_name = "N", default_value_t = limits::MAX_CONNECTIONS)]
    max_connections: usize,
    /// Open HTTP connections of one address (an IPv6 /64 is one; 0: any number); more are closed
    #[arg(long, value_name = "N", default_value_t = limits::MAX_CONNECTIONS_PER_ADDRESS)]
    max_connections_per_address: usize,
}

impl From<LimitArgs> for Limits {
    fn from(args: LimitArgs) -> Self {
        Self {
            max_torrents: args.max_torrents,
            max_peers: args.max_swarm_peers,
            max_peers_per_torrent: args.max_peers_per_torrent,
            max_num_want: args.max_num_want,
            max_scrape_hashes: args.max_scrape,
            max_announces_per_second: args.max_announces,
            max_head_bytes: usize::try_from(args.max_head).unwrap_or(usize::MAX),
            idle_timeout: args.idle_timeout,
            max_connections: args.max_connections,
            max_connections_per_address: args.max_connections_per_address,
        }
    }
}
