//! Flags of `gannet relay`.

use std::{
    net::{IpAddr, SocketAddr},
    ops::RangeInclusive,
    path::PathBuf,
    time::Duration,
};

use clap::Args;
use gannet::relay::Limits;
use ipnet::IpNet;

use crate::parse;

/// Arguments of `gannet relay`.
#[derive(Debug, Args)]
pub(crate) struct RelayArgs {
    /// Where pages connect to (port 0: any that is free)
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7979")]
    pub(crate) listen: SocketAddr,
    /// The address that peers reach this machine at, if it isn't the one listened at
    #[arg(long, value_name = "IP")]
    pub(crate) public_addr: Option<IpAddr>,
    /// Ports at which peers may connect to pages that want to be reachable, like 50000-50999
    #[arg(long, value_name = "PORTS", value_parser = parse::ports)]
    pub(crate) ports: Option<RangeInclusive<u16>>,
    /// The key of tickets, in 64 hex digits; made if it isn't there. Relays that share it take each
    /// other's tickets
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
    /// This relay's own URL, like wss://one.example, where several are behind one address
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<String>,
    /// Take the word of proxies in this network, like 127.0.0.0/8, for whom a page is (X-Forwarded-For; repeatable)
    #[arg(long = "trust-proxy", value_name = "CIDR", value_delimiter = ' ')]
    pub(crate) trusted_proxies: Vec<IpNet>,
    /// Serve only pages of this origin, like https://example.org (repeatable)
    #[arg(long = "origin", value_name = "URL", value_delimiter = ' ')]
    pub(crate) origins: Vec<String>,
    /// Connect to this network too, though it isn't public, like 192.168.0.0/16 (repeatable)
    #[arg(long = "allow-cidr", value_name = "NET", value_delimiter = ' ')]
    pub(crate) allowed: Vec<IpNet>,
    /// Serve only the torrents in this file: an info hash in a line, # for comments
    #[arg(long, value_name = "FILE")]
    pub(crate) allow_list: Option<PathBuf>,
    /// Certificate chain in PEM: speak TLS (wss)
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) cert: Option<PathBuf>,
    /// The certificate's private key in PEM
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub(crate) tls_key: Option<PathBuf>,
    /// On Ctrl-C, let streams go on for so long
    #[arg(long, value_name = "DUR", default_value = "10s", value_parser = parse::duration)]
    pub(crate) drain: Duration,
    /// How much to take on.
    #[command(flatten)]
    pub(crate) limits: RelayLimitArgs,
    /// Print nothing but errors
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

/// A flag for each limit.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
pub(crate) struct RelayLimitArgs {
    /// Open sockets; more are closed
    #[arg(long, value_name = "N", default_value_t = Limits::default().max_connections)]
    max_sockets: usize,
    /// Open sockets of one address (an IPv6 /64 is one; 0: any number)
    #[arg(long, value_name = "N", default_value_t = Limits::default().max_connections_per_address)]
    max_sockets_per_address: usize,
    /// Torrents at a time
    #[arg(long, value_name = "N", default_value_t = Limits::default().max_swarms)]
    max_swarms: usize,
    /// Torrents at a time for pages of one address (0: any number)
    #[arg(long, value_name = "N", default_value_t = Limits::default().max_swarms_per_address)]
    max_swarms_per_address: usize,
    /// Trackers that pages of one address may name per minute (0: any number)
    #[arg(long, value_name = "N", default_value_t = Limits::default().max_trackers_per_minute)]
    max_trackers: u32,
    /// Requests to trackers at one address per minute, whoever names them (0: any number)
    #[arg(long, value_name = "N", default_value_t = Limits::default().max_announces_per_target)]
    max_announces_per_target: u32,
    /// Dials that an address may ask for per minute (0: any number)
    #[arg(long, value_name = "N", default_value_t = Limits::default().max_dials_per_minute)]
    max_dials: u32,
    /// Dials to one address per minute, whoever asks for them (0: any number)
    #[arg(long, value_name = "N", default_value_t = Limits::default().max_dials_per_target)]
    max_dials_per_target: u32,
    /// Tickets per minute and address for peers that no tracker named (0: none)
    #[arg(long, value_name = "N", default_value_t = Limits::default().max_named_per_minute)]
    max_named: u32,
    /// Payload per second and address, both directions together
    #[arg(long, value_name = "RATE", value_parser = parse::rate)]
    max_rate: Option<u64>,
    /// Close a socket after so long without anything on it
    #[arg(long, value_name = "DUR", default_value = "3m", value_parser = parse::duration)]
    idle: Duration,
}

impl From<RelayLimitArgs> for Limits {
    fn from(args: RelayLimitArgs) -> Self {
        Self {
            max_connections: args.max_sockets,
            max_connections_per_address: args.max_sockets_per_address,
            max_swarms: args.max_swarms,
            max_swarms_per_address: args.max_swarms_per_address,
            max_trackers_per_minute: args.max_trackers,
            max_announces_per_target: args.max_announces_per_target,
            max_dials_per_minute: args.max_dials,
            max_dials_per_target: args.max_dials_per_target,
            max_named_per_minute: args.max_named,
            max_bytes_per_second: args.max_rate.unwrap_or_default(),
            idle_timeout: args.idle,
        }
    }
}
