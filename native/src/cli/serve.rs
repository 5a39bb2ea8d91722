//! Flags of `gannet serve`.

use std::{
    net::{IpAddr, SocketAddr},
    ops::RangeInclusive,
    path::PathBuf,
};

use clap::Args;
use gannet::tracker::Token;
use ipnet::IpNet;

use super::tracker_api;
use crate::parse;

/// Arguments of `gannet serve`.
#[derive(Debug, Clone, Args)]
pub(crate) struct ServeArgs {
    /// A file to share, a folder each entry of which is shared, or a .torrent whose data lies in
    /// --output-dir
    #[arg(value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// The one address for page, tracker and relay [default: 127.0.0.1:8080, or any port if that
    /// one is taken]; 0.0.0.0:8080 opens it to other machines
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<SocketAddr>,
    /// Accept peers at this address [default: port 6881 of the same, or any if that is taken]
    #[arg(long, value_name = "ADDR")]
    pub(crate) peer_listen: Option<SocketAddr>,
    /// The address that others reach this machine at, if it isn't the one listened at
    #[arg(long, value_name = "IP")]
    pub(crate) public_addr: Option<IpAddr>,
    /// Answer to this name too, like files.example.org (repeatable)
    #[arg(long = "host", value_name = "NAME", value_delimiter = ' ')]
    pub(crate) hosts: Vec<String>,
    /// Serve pages of this origin too, like https://example.org (repeatable)
    #[arg(long = "origin", value_name = "URL", value_delimiter = ' ')]
    pub(crate) origins: Vec<String>,
    /// What whoever changes something must know; @FILE for the token in a file [default: random]
    #[arg(long, value_name = "TOKEN", value_parser = tracker_api::token)]
    pub(crate) token: Option<Token>,
    /// Where downloads go that are added, and where the data of .torrent files is
    #[arg(short, long, value_name = "DIR", default_value = ".")]
    pub(crate) output_dir: PathBuf,
    /// Track over UDP too, at this address, like 0.0.0.0:6969
    #[arg(long, value_name = "ADDR")]
    pub(crate) udp: Option<SocketAddr>,
    /// Ports at which peers may connect to pages
    #[arg(long, value_name = "PORTS", value_parser = parse::ports, default_value = "50000-50999")]
    pub(crate) ports: RangeInclusive<u16>,
    /// Connect pages to this network too, though it isn't public, like 192.168.0.0/16 (repeatable)
    #[arg(long = "allow-cidr", value_name = "NET", value_delimiter = ' ')]
    pub(crate) allowed: Vec<IpNet>,
    /// Take the word of HTTP proxies in this network for whom a request is from (X-Forwarded-For; repeatable)
    #[arg(long = "trust-proxy", value_name = "CIDR", value_delimiter = ' ')]
    pub(crate) trusted_proxies: Vec<IpNet>,
    /// The size of a piece of what is no .torrent, a power of two [default: chosen from the size]
    #[arg(long, value_name = "SIZE", value_parser = parse::piece_length)]
    pub(crate) piece_length: Option<u32>,
    /// The most to upload per second, like 10MB or 512K
    #[arg(long, value_name = "RATE", value_parser = parse::rate)]
    pub(crate) max_upload: Option<u64>,
    /// The most to download per second
    #[arg(long, value_name = "RATE", value_parser = parse::rate)]
    pub(crate) max_download: Option<u64>,
    /// The page, in place of the one in this program
    #[arg(long, value_name = "DIR")]
    pub(crate) www: Option<PathBuf>,
    /// Certificate chain in PEM: speak TLS (https, wss)
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) cert: Option<PathBuf>,
    /// The certificate's private key in PEM
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Print only the links
    #[arg(short, long)]
    pub(crate) quiet: bool,
}
