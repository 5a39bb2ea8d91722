//! Who waits for what about each torrent: readers of news, of pieces, of results; whoever removes it.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use gannet_core::{
    Session,
    event::{Event, News},
    id::{PieceIndex, TorrentKey},
    source::WorkResult,
    storage::StorageError,
    time::Instant,
};
use tokio::sync::oneshot;

use crate::events::Announcer;

type Answer<T> = oneshot::Sender<T>;

/// Everybody who waits, by torrent.
#[derive(Default)]
pub(crate) struct Audience(BTreeMap<TorrentKey, Listeners>);

/// Everybody who waits for one torrent. Those who have gone meanwhile are answered in vain.
struct Listeners {
    news: Announcer,
    readers: BTreeMap<PieceIndex, Vec<Answer<Result<Bytes, StorageError>>>>,
    takers: VecDeque<Answer<Option<WorkResult>>>,
    removers: Vec<Answer<()>>,
    is_finished: bool,
}

impl Audience {
    /// A torrent was added; its news go to `news`.
    pub(crate) fn add(&mut self, torrent: TorrentKey, news: Announcer) {
        let listeners = Listeners {
            news,
            readers: BTreeMap::new(),
            takers: VecDeque::new(),
            removers: Vec::new(),
            is_finished: false,
        };
        self.0.insert(torrent, listeners);
    }

    /// The torrents that were added and not yet removed.
    pub(crate) fn torrents(&self) -> Vec<TorrentKey> {
        self.0.keys().copied().collect()
    }

    /// Somebody waits for a piece's bytes.
    pub(crate) fn await_piece(
        &mut self,
        torrent: TorrentKey,
        piece: PieceIndex,
        answer: Answer<Result<Bytes, StorageError>>,
    ) {
        if let Some(listeners) = self.0.get_mut(&torrent) {
            listeners.readers.entry(piece).or_default().push(answer);
        }
    }

    /// Somebody waits for the next result of a work list.
    pub(crate) fn await_result(
        &mut self,
        session: &mut Session,
        now: Instant,
        torrent: TorrentKey,
        answer: Answer<Option<WorkResult>>,
    ) {
        if let Some(listeners) = self.0.get_mut(&torrent) {
            listeners.takers.push_back(answer);
            listeners.hand_out(session, now, torrent);
        }
    }

    /// Somebody waits for the torrent to be removed.
    pub(crate) fn await_removal(&mut self, torrent: TorrentKey, answer: Answer<()>) {
        match self.0.get_mut(&torrent) {
            Some(listeners) => listeners.removers.push(answer),
            // Gone already.
            None => drop(answer.send(())),
        }
    }

    /// Passes news on to those who wait for them.
    pub(crate) fn tell(&mut self, session: &mut Session, now: Instant, event: Event) {
        let Event { torrent, news } = event;
        let Some(listeners) = self.0.get_mut(&torrent) else { return };
        match news {
            News::Read { piece, result } => {
                for answer in listeners.readers.remove(&piece).into_iter().flatten() {
                    let _ = answer.send(result.clone());
                }
            }
            News::ResultReady => listeners.hand_out(session, now, torrent),
            News::Removed => {
                listeners.news.tell(News::Removed);
                for answer in listeners.removers.drain(..) {
                    let _ = answer.send(());
                }
                self.0.remove(&torrent);
            }
            news => {
                if matches!(news, News::Finished) {
                    listeners.is_finished = true;
                    listeners.hand_out(session, now, torrent);
                }
                listeners.news.tell(news);
            }
        }
    }
}

impl Listeners {
    /// Hands results to those who wait for them, and word that there are no more.
    fn hand_out(&mut self, session: &mut Session, now: Instant, torrent: TorrentKey) {
        // Who has stopped waiting must not get a result that nobody else could get then.
        self.takers.retain(|taker| !taker.is_closed());
        while !self.takers.is_empty() {
            let result = session.take_result(now, torrent);
            if result.is_none() && !self.is_finished {
                return;
            }
            if let Some(taker) = self.takers.pop_front() {
                let _ = taker.send(result);
            }
        }
    }
}
