//! Gannet against others, turn by turn in one run, so that the machine is the same for all.

mod browser;
mod cost;
mod get;
pub(crate) mod relay;
mod tracker;
mod verdict;

use anyhow::Result;
use clap::Subcommand;

use crate::Outcome;

#[derive(Subcommand)]
pub(crate) enum Bench {
    /// A download into a page: Gannet against WebTorrent, and against a page that only receives
    Browser(browser::Options),
    /// A download from one local seeder (libtorrent): `gannet get` against libtorrent
    Get(get::Options),
    /// The relay alone: streams, idle sockets, accepts, and ends that don't read
    Relay(relay::Options),
    /// The peer that `bench relay` dials, in a process of its own
    #[command(hide = true)]
    RelayPeer,
    /// The proxy that `bench relay` compares with, in a process of its own
    #[command(hide = true)]
    RelayProxy {
        /// Where what connects is connected to
        remote: std::net::SocketAddr,
    },
    /// A million peers on this machine: `gannet tracker` against opentracker and bittorrent-tracker
    Tracker(tracker::Options),
}

pub(crate) fn run(bench: &Bench) -> Result<Outcome> {
    match bench {
        Bench::Browser(options) => browser::run(options),
        Bench::Get(options) => get::run(options),
        Bench::Relay(options) => relay::run(options),
        Bench::RelayPeer => relay::remote::serve(),
        Bench::RelayProxy { remote } => relay::proxy::serve(*remote),
        Bench::Tracker(options) => tracker::run(options),
    }
}

/// The middle one of some figures; no number if there are none.
fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
