//! `gannet tracker`.

use gannet::tracker::{Tracker, TrackerConfig};

use crate::{
    cli::TrackerArgs,
    exit::{Exit, Failure, OrFail},
    interrupt::Interrupt,
    output::print,
};

/// Runs a tracker until it is interrupted.
pub(super) async fn run(args: TrackerArgs) -> Result<Exit, Failure> {
    let mut interrupt = Interrupt::listen().or_fail(Exit::Failed, "signals")?;
    let config = TrackerConfig {
        http: Some(args.http),
        interval: args.interval,
        ..TrackerConfig::default()
    };
    let tracker = Tracker::start(config).await.or_fail(Exit::Network, args.http)?;
    if let Some(addr) = tracker.http_addr().filter(|_| !args.quiet) {
        print(format!("http://{addr}/announce\n"))?;
    }
    interrupt.wanted().await;
    tracker.stop().await;
    Ok(Exit::Done)
}
