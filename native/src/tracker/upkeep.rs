//! What has to be done now and then: forget who is silent, and read the allow list again.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{api::ApiState, desk::Desk, store::SHARDS};

/// The longest wait between two sweeps for silent peers.
const MAX_SWEEP_PERIOD: Duration = Duration::from_secs(60);
/// How often budgets that are whole again are forgotten. It bounds their memory: by the addresses
/// that can announce in this time.
const TIDY_PERIOD: Duration = Duration::from_secs(5);
/// How often the allow list's file is looked at.
const RELOAD_PERIOD: Duration = Duration::from_secs(2);

/// Does it, for ever.
pub(super) async fn run(desk: Arc<Desk>, api: Arc<ApiState>) {
    tokio::join!(sweep(&desk), tidy(&desk), reload(&desk), api.upkeep());
}

async fn sweep(desk: &Desk) {
    let period = (desk.interval / 2).clamp(Duration::from_secs(1), MAX_SWEEP_PERIOD);
    loop {
        tokio::time::sleep(period).await;
        for shard in 0..SHARDS {
            desk.store.sweep_shard(Instant::now(), shard);
            // Announces go first.
            tokio::task::yield_now().await;
        }
    }
}

async fn tidy(desk: &Desk) {
    loop {
        tokio::time::sleep(TIDY_PERIOD).await;
        let rates = desk.rates.clone();
        // It may take long when many addresses have announced.
        let tidied = tokio::task::spawn_blocking(move || rates.tidy()).await;
        if let Err(error) = tidied {
            tracing::warn!(%error, "budgets weren't tidied");
        }
    }
}

async fn reload(desk: &Desk) {
    if desk.allow_list.listed().is_none() {
        return;
    }
    loop {
        tokio::time::sleep(RELOAD_PERIOD).await;
        let list = desk.allow_list.clone();
        let reloaded =
            tokio::task::spawn_blocking(
                move || {
                    if list.has_changed() { list.reload() } else { Ok(()) }
                },
            );
        match reloaded.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the allow list stays as it was"),
            Err(error) => tracing::warn!(%error, "the allow list wasn't read"),
        }
    }
}
