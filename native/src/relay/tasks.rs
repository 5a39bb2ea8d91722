//! The tasks of a relay: none outlives it.

use std::time::Duration;

use tokio::{task::JoinHandle, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Where tasks are spawned.
#[derive(Debug, Clone, Default)]
pub(super) struct Tasks {
    tracker: TaskTracker,
    end: CancellationToken,
}

impl Tasks {
    pub(super) fn spawn(
        &self,
        task: impl Future<Output = ()> + Send + 'static,
    ) -> JoinHandle<Option<()>> {
        let end = self.end.clone();
        // In a box, since each wrapper around a future would take its size once more.
        let task = Box::pin(task);
        self.tracker.spawn(async move { end.run_until_cancelled(task).await })
    }

    /// Waits for all to end by themselves, then ends those that haven't.
    pub(super) async fn finish(&self, limit: Duration) {
        self.tracker.close();
        let _ = timeout(limit, self.tracker.wait()).await;
        self.end.cancel();
        self.tracker.wait().await;
    }

    /// Ends all of them.
    pub(super) fn cancel(&self) {
        self.end.cancel();
    }
}
