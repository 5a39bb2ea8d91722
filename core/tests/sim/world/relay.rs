//! Relays: who is behind them can't be dialled and reaches others through one of them only. When it dies
//! all that ran through it breaks at once, and its hosts turn to the next.

use std::time::Duration;

use gannet_core::time::Instant;

use super::{HostId, Party, World};

/// A host that has lost its relay is at the next one after this time, or up to twice of it.
const MOVE_TIME: Duration = Duration::from_millis(500);

/// A relay.
#[derive(Debug, Default)]
pub struct Relay {
    pub down: bool,
}

/// How a host behind relays reaches others.
#[derive(Debug)]
pub struct Access {
    /// Where it is, or was when the last one died.
    relay: usize,
    /// From when on.
    since: Instant,
}

impl World {
    /// So many relays, all up.
    pub fn set_relays(&mut self, count: usize) {
        self.relays = (0..count).map(|_| Relay::default()).collect();
    }

    /// From now on a host reaches others through relays alone.
    pub fn put_behind_relays(&mut self, host: HostId) {
        let now = self.now;
        let host = &mut self.hosts[host];
        host.line.unreachable = true;
        host.access = Some(Access { relay: 0, since: now });
    }

    pub fn kill_relay(&mut self, relay: usize) {
        self.relays[relay].down = true;
        for host in self.hosts_at(relay) {
            self.cut(host);
            self.find_relay(host);
        }
    }

    /// A relay is back; who has none turns to it.
    pub fn restart_relay(&mut self, relay: usize) {
        self.relays[relay].down = false;
        let waiting: Vec<usize> = (0..self.relays.len()).filter(|&n| self.relays[n].down).collect();
        for host in waiting.into_iter().flat_map(|relay| self.hosts_at(relay)).collect::<Vec<_>>() {
            self.find_relay(host);
        }
    }

    fn hosts_at(&self, relay: usize) -> Vec<HostId> {
        let is_there = |host: &HostId| {
            self.hosts[*host].access.as_ref().is_some_and(|access| access.relay == relay)
        };
        (0..self.hosts.len()).filter(is_there).collect()
    }

    /// A host without a relay goes to the next one in the list, if any is up.
    fn find_relay(&mut self, host: HostId) {
        let most_millis = MOVE_TIME.as_millis() as u64;
        let since = self.now + MOVE_TIME + Duration::from_millis(self.rng.u64(..most_millis));
        let Some(access) = &mut self.hosts[host].access else { return };
        let count = self.relays.len();
        let mut next = (1..=count).map(|n| (access.relay + n) % count);
        if let Some(relay) = next.find(|&n| !self.relays[n].down) {
            *access = Access { relay, since };
        }
    }

    /// Whether a party can dial, or ask a tracker: by itself, or through a relay that is up.
    pub(super) fn reaches_out(&self, party: Party) -> bool {
        let Party::Host(host, _) = party else { return true };
        self.is_online(host)
    }

    pub(super) fn is_online(&self, host: HostId) -> bool {
        let access = self.hosts[host].access.as_ref();
        access.is_none_or(|access| !self.relays[access.relay].down && access.since <= self.now)
    }
}
