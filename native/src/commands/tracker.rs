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
    let config = TrackerConfig { interval: args.interval, ..TrackerConfig::new(args.http) };
    let tracker = Tracker::start(config).await.or_fail(Exit::Network, args.http)?;
    if !args.quiet {
        print(format!("http://{}/announce\n", tracker.http_addr()))?;
    }
    interrupt.wanted().await;
    tracker.stop().await;
    Ok(Exit::Done)
}
