//! One torrent of a run: what its news and statistics mean for the run.

use std::{io::ErrorKind, sync::Arc, time::Duration};

use gannet::News;
use gannet_core::{
    metainfo::Info,
    stats::{TorrentState, TorrentStats},
    storage::StorageError,
};
use tokio::time::Instant;

use crate::{
    commands::swarm::about,
    exit::{Exit, Failure},
    format,
};

/// A download that no peer was connected to for so long has no peers.
pub(super) const LONELY_LIMIT: Duration = Duration::from_secs(60);

/// When a download is over.
#[derive(Debug, Clone, Copy)]
pub(super) struct Goal {
    /// Goes on seeding once everything is there.
    pub(super) seeds: bool,
    /// Seeds until this many times the size has been uploaded.
    pub(super) ratio: Option<f64>,
    /// Seeds for this long.
    pub(super) time: Option<Duration>,
    /// How long a disk may be in trouble.
    pub(super) disk_wait: Duration,
}

impl Goal {
    /// Whether a seeder has done what was asked of it. With neither ratio nor time it never has.
    fn is_reached(&self, seeding_for: Duration, stats: &TorrentStats) -> bool {
        let sent = stats.uploaded_bytes as f64;
        let by_ratio = self.ratio.is_some_and(|ratio| sent >= ratio * stats.wanted_bytes as f64);
        !self.seeds || by_ratio || self.time.is_some_and(|time| seeding_for >= time)
    }
}

/// Something for the run to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Task {
    /// Check the finished files.
    Check,
    /// Tell the user.
    Say(String),
}

/// How far a download is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Downloading,
    Verifying,
    Seeding { since: Instant },
    Over(Exit),
}

/// One torrent of a run.
#[derive(Debug)]
pub(super) struct Download {
    pub(super) info: Option<Arc<Info>>,
    pub(super) wanted: Option<Vec<bool>>,
    name: String,
    goal: Goal,
    phase: Phase,
    /// Since when no peer was connected.
    lonely_since: Option<Instant>,
    /// Since when the disk is in trouble, and what it is.
    trouble: Option<(Instant, StorageError)>,
}

impl Download {
    pub(super) fn new(
        name: String,
        info: Option<Arc<Info>>,
        wanted: Option<Vec<bool>>,
        goal: Goal,
    ) -> Self {
        let phase = Phase::Downloading;
        Self { info, wanted, name, goal, phase, lonely_since: None, trouble: None }
    }

    /// Whether there is nothing more to wait for.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Over(_))
    }

    /// Whether everything wanted is there and checked.
    pub(super) fn is_done(&self) -> bool {
        matches!(self.phase, Phase::Seeding { .. } | Phase::Over(Exit::Done))
    }

    /// How it ended, if it has.
    pub(super) fn exit(&self) -> Option<Exit> {
        match self.phase {
            Phase::Over(exit) => Some(exit),
            _ => None,
        }
    }

    /// Takes in what happened.
    pub(super) fn take(&mut self, news: &News) -> Option<Task> {
        match news {
            News::Metadata(info) => {
                self.info = Some(Arc::clone(info));
                self.name = info.name().to_owned();
                None
            }
            News::Finished if self.phase == Phase::Downloading => {
                self.phase = Phase::Verifying;
                Some(Task::Check)
            }
            News::StorageFailed(error) if !self.is_over() => {
                self.storage_failed(error);
                None
            }
            News::StorageRecovered => {
                self.trouble = None;
                None
            }
            _ => None,
        }
    }

    fn storage_failed(&mut self, error: &StorageError) {
        if may_go_away(error) {
            let since = self.trouble.take().map_or_else(Instant::now, |(since, _)| since);
            self.trouble = Some((since, error.clone()));
        } else {
            self.phase = Phase::Over(Failure::from(error.clone()).exit);
        }
    }

    /// Takes in what the check of the finished files said.
    pub(super) fn checked(&mut self, result: Result<(), Failure>) -> Option<Task> {
        match result {
            Err(failure) => {
                self.phase = Phase::Over(failure.exit);
                Some(Task::Say(failure.to_string()))
            }
            Ok(()) => {
                self.phase = match self.goal.seeds {
                    true => Phase::Seeding { since: Instant::now() },
                    false => Phase::Over(Exit::Done),
                };
                None
            }
        }
    }

    /// Sees whether something has taken too long, or has been done long enough.
    pub(super) fn tick(&mut self, now: Instant, stats: &TorrentStats) -> Option<Task> {
        match self.phase {
            Phase::Seeding { since } if self.goal.is_reached(now - since, stats) => {
                self.phase = Phase::Over(Exit::Done);
                None
            }
            Phase::Downloading => self.out_of_patience(now).or_else(|| self.lonely(now, stats)),
            _ => None,
        }
    }

    fn out_of_patience(&mut self, now: Instant) -> Option<Task> {
        let (_, error) = self.trouble.take_if(|(since, _)| now - *since >= self.goal.disk_wait)?;
        self.phase = Phase::Over(Failure::from(error.clone()).exit);
        let waited = format::duration(self.goal.disk_wait);
        Some(Task::Say(format!("{error}; still so after {waited}")))
    }

    fn lonely(&mut self, now: Instant, stats: &TorrentStats) -> Option<Task> {
        let needs_peers = matches!(stats.state, TorrentState::Metadata | TorrentState::Downloading);
        if !needs_peers || stats.peers_connected > 0 {
            self.lonely_since = None;
            return None;
        }
        let since = *self.lonely_since.get_or_insert(now);
        if now - since < LONELY_LIMIT {
            return None;
        }
        self.phase = Phase::Over(Exit::NoPeers);
        let known = format::count(stats.peers_known.into(), "peer is", "peers are");
        let said = match stats.peers_known {
            0 => "no peers are known".to_owned(),
            // A connection came about with each that has a row.
            _ if !stats.peers.is_empty() => format!("{known} known, but turned us away"),
            _ => format!("{known} known, but none can be reached"),
        };
        Some(Task::Say(about(&self.name, &said)))
    }
}

/// Whether an error of the storage is worth waiting for: space is made, a cable is plugged in.
fn may_go_away(error: &StorageError) -> bool {
    match error {
        StorageError::Full { .. } | StorageError::Missing { .. } => true,
        StorageError::Io { kind, .. } => !matches!(
            kind,
            ErrorKind::AlreadyExists
                | ErrorKind::NotADirectory
                | ErrorKind::IsADirectory
                | ErrorKind::InvalidFilename
        ),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
