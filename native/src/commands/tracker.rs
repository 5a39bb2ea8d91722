//! `gannet tracker`.

use gannet::tracker::{AllowList, Tracker, TrackerConfig, TrustedProxies};

use crate::{
    cli::TrackerArgs,
    exit::{Exit, Failure, OrFail},
    interrupt::Interrupt,
    output::print,
};

/// Runs a tracker until it is interrupted.
pub(super) async fn run(args: TrackerArgs) -> Result<Exit, Failure> {
    let mut interrupt = Interrupt::listen().or_fail(Exit::Failed, "signals")?;
    let allow_list = match args.allow_list {
        Some(path) => AllowList::open(path).map_err(|error| Failure::new(Exit::Failed, error))?,
        None => AllowList::all(),
    };
    let config = TrackerConfig {
        http: args.http,
        udp: args.udp,
        interval: args.interval,
        limits: args.limits.into(),
        allow_list,
        proxies: TrustedProxies::new(args.trusted_proxies),
    };
    let started = Tracker::start(config).await;
    let tracker = started.map_err(|error| Failure::new(Exit::Network, error))?;
    if !args.quiet {
        print(urls(&tracker))?;
    }
    interrupt.wanted().await;
    tracker.stop().await;
    Ok(Exit::Done)
}

/// The announce URLs, one a line.
fn urls(tracker: &Tracker) -> String {
    let http = tracker.http_addr().map(|addr| format!("http://{addr}/announce\n"));
    let udp = tracker.udp_addr().map(|addr| format!("udp://{addr}\n"));
    http.into_iter().chain(udp).collect()
}
