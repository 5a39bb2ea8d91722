//! The peers of one torrent.

use std::{
    hash::RandomState,
    net::{IpAddr, SocketAddr},
};

use gannet_core::announce::ScrapeEntry;

use super::{
    clock::Tick,
    peers::{Heard, Peers, Record, V4, V6},
};

/// The peers of one torrent, each known by the address it announces from.
#[derive(Debug, Default)]
pub(super) struct Swarm {
    v4: Peers<V4>,
    v6: Peers<V6>,
    downloaded: u32,
}

/// News of a peer, as a swarm takes it in.
#[derive(Debug, Clone, Copy)]
pub(super) struct News {
    pub(super) addr: SocketAddr,
    pub(super) heard: Tick,
    pub(super) is_seed: bool,
    /// It says that it has just become a seeder.
    pub(super) has_completed: bool,
}

/// Which peers shall be drawn for whom.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wish {
    /// Who asks: isn't named, and gets peers of its own family first.
    pub(super) addr: SocketAddr,
    pub(super) needs_no_seeds: bool,
    pub(super) count: usize,
}

impl Swarm {
    /// Takes a peer in, or notes what has changed about it.
    pub(super) fn hear(&mut self, hasher: &RandomState, news: News, has_room: bool) -> Heard {
        let News { heard, is_seed, .. } = news;
        let port = news.addr.port();
        let changed = match news.addr.ip() {
            IpAddr::V4(ip) => {
                let record = V4::new(V4::key_of(ip, port), heard);
                self.v4.hear(hasher, record, is_seed, has_room)
            }
            IpAddr::V6(ip) => {
                let record = V6::new(V6::key_of(ip, port), heard);
                self.v6.hear(hasher, record, is_seed, has_room)
            }
        };
        if changed == Heard::Completed && news.has_completed {
            self.downloaded = self.downloaded.saturating_add(1);
        }
        changed
    }

    /// Forgets a peer, unless it was heard of since.
    pub(super) fn remove(&mut self, hasher: &RandomState, addr: SocketAddr, heard: Tick) {
        match addr.ip() {
            IpAddr::V4(ip) => self.v4.remove(hasher, V4::key_of(ip, addr.port()), heard),
            IpAddr::V6(ip) => self.v6.remove(hasher, V6::key_of(ip, addr.port()), heard),
        }
    }

    /// Forgets those that aren't alive.
    pub(super) fn expire(&mut self, hasher: &RandomState, alive: impl Fn(Tick) -> bool) {
        self.v4.expire(hasher, &alive);
        self.v6.expire(hasher, &alive);
    }

    pub(super) fn raise_downloaded(&mut self, downloaded: u32) {
        self.downloaded = self.downloaded.max(downloaded);
    }

    pub(super) fn len(&self) -> usize {
        self.v4.len() + self.v6.len()
    }

    pub(super) fn scrape(&self) -> ScrapeEntry {
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        ScrapeEntry {
            complete: count(self.v4.seeders().len() + self.v6.seeders().len()),
            downloaded: self.downloaded,
            incomplete: count(self.v4.leechers().len() + self.v6.leechers().len()),
        }
    }

    /// The leechers, then the seeders: where they are, and when they were last heard of.
    pub(super) fn peers(&self, is_seed: bool) -> impl Iterator<Item = (SocketAddr, Tick)> {
        let (v4, v6) = match is_seed {
            true => (self.v4.seeders(), self.v6.seeders()),
            false => (self.v4.leechers(), self.v6.leechers()),
        };
        let v4 = v4.iter().map(|peer| (peer.addr(), peer.heard()));
        v4.chain(v6.iter().map(|peer| (peer.addr(), peer.heard())))
    }

    /// Draws peers at random and adds them to `out`, as many as are wished for and alive.
    pub(super) fn sample(
        &self,
        rng: &mut fastrand::Rng,
        wish: Wish,
        alive: impl Fn(Tick) -> bool,
        out: &mut Vec<SocketAddr>,
    ) {
        let draw_v4 = |rng: &mut _, out: &mut _| sample_of(&self.v4, rng, wish, &alive, out);
        let draw_v6 = |rng: &mut _, out: &mut _| sample_of(&self.v6, rng, wish, &alive, out);
        match wish.addr.is_ipv4() {
            true => {
                draw_v4(rng, out);
                draw_v6(rng, out);
            }
            false => {
                draw_v6(rng, out);
                draw_v4(rng, out);
            }
        }
    }
}

fn sample_of<R: Record>(
    peers: &Peers<R>,
    rng: &mut fastrand::Rng,
    wish: Wish,
    alive: impl Fn(Tick) -> bool,
    out: &mut Vec<SocketAddr>,
) {
    let peers = if wish.needs_no_seeds { peers.leechers() } else { peers.all() };
    let missing = wish.count.saturating_sub(out.len());
    if missing == 0 {
        return;
    }
    out.reserve(missing.min(peers.len()));
    // One more, since the one who asks may be drawn.
    let drawn = draw(rng, peers.len(), missing + 1).map(|at| peers[at]);
    let named = drawn.filter(|peer| alive(peer.heard())).map(Record::addr);
    out.extend(named.filter(|addr| *addr != wish.addr).take(missing));
}

/// Up to `count` different numbers below `total`, each as likely as any other.
///
/// One from each of `count` equal parts of a circle that is turned at random: needs no memory of
/// what was drawn, and runs through a swarm's memory in order.
fn draw(rng: &mut fastrand::Rng, total: usize, count: usize) -> impl Iterator<Item = usize> {
    let count = count.min(total);
    let turn = if count < total { rng.usize(..total) } else { 0 };
    // With 32 bits of fraction: totals are far below 2³², as positions are.
    let part_length = ((total as u64) << 32) / count.max(1) as u64;
    let bound = move |part: usize| ((part as u64 * part_length) >> 32) as usize;
    (0..count).map(move |part| {
        let (from, to) = (bound(part), bound(part + 1));
        let at = turn + if to - from > 1 { rng.usize(from..to) } else { from };
        if at < total { at } else { at - total }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drawn_numbers_differ_and_all_are_as_likely() {
        let mut rng = fastrand::Rng::with_seed(1);
        for (total, count) in [(10, 3), (51, 50), (1000, 50), (7, 1)] {
            let mut seen = vec![0; total];
            let rounds = 1000 * total / count;
            for _ in 0..rounds {
                let drawn: Vec<_> = draw(&mut rng, total, count).collect();
                let different: std::collections::HashSet<_> = drawn.iter().collect();
                assert_eq!((drawn.len(), different.len()), (count, count));
                drawn.into_iter().for_each(|number| seen[number] += 1);
            }
            // Each is expected 1000 times: this is more than six deviations.
            assert!(seen.iter().all(|times| (800..1200).contains(times)), "{total}: {seen:?}");
        }
    }

    #[test]
    fn of_no_more_than_wanted_all_are_drawn() {
        let mut rng = fastrand::Rng::with_seed(1);
        assert_eq!(draw(&mut rng, 3, 5).collect::<Vec<_>>(), [0, 1, 2]);
        assert_eq!(draw(&mut rng, 0, 5).count(), 0);
    }
}
