//! What must hold in every run, checked with every output of every host.

use std::{collections::BTreeSet, sync::Arc};

use gannet_core::{
    event::News,
    id::PieceIndex,
    storage::{Order, Outcome},
    time::Instant,
};

use super::{HostId, World, disk::DiskFault, payload::Payload};

/// What is known of one host, apart from what it says of itself.
#[derive(Debug, Default)]
pub struct Watch {
    /// The bytes as they should be.
    pub truth: Option<Arc<Payload>>,
    pub finished_at: Option<Instant>,
    /// Most bytes of the memory budget that were in use.
    pub most_leased_bytes: u64,
    /// Pieces that it has said are done, since it was started.
    pub done: BTreeSet<PieceIndex>,
    /// Pieces that were lost again: a read failed.
    lost: BTreeSet<PieceIndex>,
    /// All news are kept, to be asked about.
    pub keeps_news: bool,
    /// Orders that are not answered yet.
    orders_out: u64,
}

impl Watch {
    pub(super) fn restarted(&mut self) {
        self.finished_at = None;
        self.done.clear();
        self.lost.clear();
        self.orders_out = 0;
    }
}

impl World {
    /// Before an order is carried out: only what is verified is read.
    pub(super) fn check_order(&mut self, host: HostId, order: &Order) {
        let host = &mut self.hosts[host];
        host.watch.orders_out += 1;
        if let Order::Read { piece, .. } = order {
            assert!(host.has(*piece), "{} serves {piece:?}, which is not verified", host.addr);
        }
    }

    /// After an order was carried out: what counts as verified or is served is the truth.
    pub(super) fn check_outcome(&mut self, host: HostId, outcome: &Outcome) {
        let host = &mut self.hosts[host];
        let faulty = host.disk.fault == DiskFault::CorruptReads;
        let Some(truth) = host.watch.truth.clone().filter(|_| !faulty && !host.hollow) else {
            return;
        };
        match outcome {
            Outcome::Read { piece, begin, length, result: Ok(bytes) } => {
                assert!(
                    bytes == truth.range(*piece, *begin, *length),
                    "{} serves wrong bytes of {piece:?}",
                    host.addr
                );
            }
            Outcome::Read { piece, result: Err(_), .. } => {
                host.watch.lost.insert(*piece);
            }
            _ => {}
        }
    }

    /// What a host tells its user.
    pub(super) fn check_news(&mut self, id: HostId, news: &News) {
        let now = self.now;
        let host = &mut self.hosts[id];
        match news {
            News::PieceDone(report) => {
                let again = !host.watch.done.insert(report.piece);
                let excused = host.watch.lost.remove(&report.piece);
                assert!(!again || excused, "{}: {:?} is done twice", host.addr, report.piece);
                if let Some(truth) = host.watch.truth.clone().filter(|_| !host.hollow) {
                    let on_disk = host.disk.piece(&truth.info, report.piece);
                    assert!(
                        on_disk == truth.bytes(report.piece),
                        "{}: {:?} is reported, and wrong",
                        host.addr,
                        report.piece
                    );
                }
            }
            News::Finished => {
                host.watch.finished_at.get_or_insert(now);
            }
            News::Banned { name } => {
                assert!(
                    self.deserves_ban(name),
                    "{} bans {name}, who is honest",
                    self.hosts[id].addr
                );
            }
            _ => {}
        }
    }

    /// After each call: memory is under its cap.
    pub(super) fn check_memory(&mut self, host: HostId) {
        let host = &mut self.hosts[host];
        let leased = host.session.leased_bytes();
        let cap = host.config.memory_bytes;
        assert!(leased <= cap, "{}: {leased} bytes leased of {cap}", host.addr);
        host.watch.most_leased_bytes = host.watch.most_leased_bytes.max(leased);
    }

    /// Whether somebody may be banned: it is no honest host.
    fn deserves_ban(&self, name: &str) -> bool {
        let Ok(addr) = name.parse::<std::net::SocketAddr>() else { return true };
        let at = |host: &&super::host::Host| host.addr.ip() == addr.ip();
        self.hosts.iter().find(at).is_none_or(|host| host.disk.fault == DiskFault::CorruptReads)
    }
}
