//! `gannet tracker`.

use gannet::tracker::{
    AllowList, Tracker, TrackerConfig, TrustedProxies,
    shared::{Shared, StoreUrl},
};

use crate::{
    cli::{IN_MEMORY, TrackerArgs},
    exit::{Exit, Failure, OrFail},
    interrupt::{Hangup, Interrupt},
    output::{note, print},
};

/// Runs a tracker until it is interrupted.
pub(super) async fn run(args: TrackerArgs) -> Result<Exit, Failure> {
    let mut interrupt = Interrupt::listen().or_fail(Exit::Failed, "signals")?;
    let mut hangup = Hangup::listen().or_fail(Exit::Failed, "signals")?;
    let allow_list = match args.allow_list {
        Some(path) => AllowList::open(path).map_err(|error| Failure::new(Exit::Failed, error))?,
        None => AllowList::all(),
    };
    let config = TrackerConfig {
        http: args.http,
        udp: args.udp,
        interval: args.interval,
        limits: args.limits.into(),
        allow_list: allow_list.clone(),
        proxies: TrustedProxies::new(args.trusted_proxies),
        store_url: store_url(&args.store)?,
        api: args.api.into(),
    };
    let started = Tracker::start(config).await;
    let tracker = started.map_err(|error| Failure::new(Exit::Network, error))?;
    if let Some(away) = tracker.shared().and_then(Shared::away_at_start) {
        let away = Failure::new(Exit::Network, away.clone());
        note(format!("warning: {away}; serving from memory meanwhile"));
    }
    if !args.quiet {
        print(urls(&tracker))?;
    }
    loop {
        tokio::select! {
            () = interrupt.wanted() => break,
            () = hangup.next() => reload(&allow_list),
        }
    }
    tracker.stop().await;
    Ok(Exit::Done)
}

/// Reads the allow list again; a bad one is told, and the good one stays.
fn reload(allow_list: &AllowList) {
    if let Err(error) = allow_list.reload() {
        let failure = Failure::new(Exit::Failed, error);
        note(format!("warning: {failure}; the allow list stays as it was"));
    }
}

/// The announce URLs, one a line.
fn urls(tracker: &Tracker) -> String {
    let http = tracker.http_addr().map(|addr| format!("http://{addr}/announce\n"));
    let udp = tracker.udp_addr().map(|addr| format!("udp://{addr}\n"));
    http.into_iter().chain(udp).collect()
}

/// Where the shared store is, if not in this process. What was typed isn't repeated, for it may
/// have a password in it.
fn store_url(text: &str) -> Result<Option<StoreUrl>, Failure> {
    if text == IN_MEMORY {
        return Ok(None);
    }
    text.parse().map(Some).or_fail(Exit::Usage, "--store")
}
