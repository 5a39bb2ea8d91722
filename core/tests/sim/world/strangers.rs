//! Strangers in the world: parties without a session, that say what they like.

use std::{net::SocketAddr, sync::Arc};

use bytes::Bytes;

use super::{Line, Party, Who, World, payload::Payload, queue::Delivery};
use crate::stranger::{Act, Behaviour, Stranger};

impl World {
    /// Somebody of this behaviour, who can be dialled.
    pub fn add_stranger(
        &mut self,
        behaviour: Behaviour,
        payload: &Arc<Payload>,
        rate: u64,
    ) -> usize {
        let id = self.strangers.len();
        let addr = self.next_addr();
        let line = Line::new(rate, self.latency / 2);
        let seed = self.rng.u64(..);
        self.strangers.push(Stranger::new(behaviour, addr, line, Arc::clone(payload), seed));
        self.addresses.insert(addr, Who::Stranger(id));
        id
    }

    /// A stranger dials somebody.
    pub fn intrude(&mut self, stranger: usize, to: SocketAddr) {
        let talk = self.strangers[stranger].meet();
        self.dial(Party::Stranger(stranger, talk), to);
    }

    /// A host learns of an address.
    pub fn befriend(&mut self, host: super::HostId, addr: SocketAddr) {
        let key = self.hosts[host].torrent();
        self.command(host, |session, now| session.add_peer(now, key, addr));
    }

    pub(super) fn stranger_connected(&mut self, id: usize, talk: u64) {
        let acts = self.strangers[id].connected(talk);
        self.act(id, talk, acts);
    }

    pub(super) fn stranger_heard(&mut self, id: usize, talk: u64, bytes: Bytes) {
        let acts = self.strangers[id].heard(talk, bytes);
        self.act(id, talk, acts);
    }

    pub(super) fn prod(&mut self, id: usize, talk: u64) {
        let acts = self.strangers[id].prodded(talk);
        self.act(id, talk, acts);
    }

    fn act(&mut self, id: usize, talk: u64, acts: Vec<Act>) {
        for act in acts {
            let Some(&(conn, side)) = self.strangers[id].links.get(&talk) else { return };
            match act {
                Act::Say(bytes) => self.send(conn, side, bytes),
                Act::HangUp => {
                    self.strangers[id].lost(talk);
                    self.close(conn, side);
                }
                Act::Wait(time) => self.plan(time, Delivery::Prod { stranger: id, talk }),
            }
        }
    }
}
