//! One torrent at this relay: its pages, its trackers, and who waits to be taken by a page.
//!
//! It does no I/O: the [`hub`](super::hub) does, and calls it under its lock.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    net::{Ipv6Addr, SocketAddr},
    time::Duration,
};

use gannet_core::{
    announce::Progress,
    id::{InfoHash, PeerId},
};
use tokio::{sync::watch, task::AbortHandle, time::Instant};

use super::{
    announce::Wish,
    limits::{
        INCOMING_LIMIT, MAX_INCOMING_WAITING, MAX_PAGES_NAMED, MAX_PEERS_REMEMBERED,
        MAX_TRACKERS_PER_SWARM,
    },
    mailbox::Mailbox,
    protocol::{Join, Reply},
    remote::Remote,
};

/// Trackers insist on a port; at this one nobody can be reached.
const NO_PORT: u16 = 1;
/// What is said to be missing while nobody knows how much is.
const SOME_BYTES: u64 = 16 * 1024;
/// Peers that every announce asks for.
const NUM_WANT: u32 = 200;

/// A page of the swarm, by its number.
pub(super) type PageNumber = u64;

/// What a swarm knows of a page.
#[derive(Debug)]
struct Member {
    mailbox: Mailbox,
    trackers: Vec<String>,
    left: Option<u64>,
    is_reachable: bool,
}

/// A connection that waits for a page to take it.
#[derive(Debug)]
struct Waiting {
    remote: Remote,
    since: Instant,
}

/// A tracker that is announced to.
#[derive(Debug)]
pub(super) struct Tracker {
    pub(super) wishes: watch::Sender<Wish>,
}

/// Where peers connect to.
#[derive(Debug)]
pub(super) struct Port {
    pub(super) addr: SocketAddr,
    pub(super) listener: AbortHandle,
}

impl Drop for Port {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

/// One torrent.
#[derive(Debug)]
pub(super) struct Swarm {
    info_hash: InfoHash,
    peer_id: PeerId,
    members: BTreeMap<PageNumber, Member>,
    trackers: BTreeMap<String, Tracker>,
    known: VecDeque<SocketAddr>,
    waiting: BTreeMap<u64, Waiting>,
    urgency: u64,
    pub(super) port: Option<Port>,
}

impl Swarm {
    pub(super) fn new(info_hash: InfoHash) -> Self {
        let mut peer_id = *b"-GR0100-____________";
        peer_id[8..].fill_with(|| fastrand::alphanumeric() as u8);
        Self {
            info_hash,
            peer_id: PeerId::new(peer_id),
            members: BTreeMap::new(),
            trackers: BTreeMap::new(),
            known: VecDeque::new(),
            waiting: BTreeMap::new(),
            urgency: 0,
            port: None,
        }
    }

    /// Takes a page in, or what it says anew.
    pub(super) fn join(&mut self, page: PageNumber, join: &Join, mailbox: Mailbox) {
        let member = Member {
            mailbox,
            trackers: join.trackers.clone(),
            left: join.left,
            is_reachable: join.reachable,
        };
        self.members.insert(page, member);
        self.tell_trackers();
    }

    pub(super) fn leave(&mut self, page: PageNumber) {
        self.members.remove(&page);
        self.tell_trackers();
    }

    pub(super) fn update(&mut self, page: PageNumber, left: Option<u64>) {
        if let Some(member) = self.members.get_mut(&page) {
            member.left = left;
            self.tell_trackers();
        }
    }

    /// More peers are wanted at once.
    pub(super) fn hurry(&mut self) {
        self.urgency += 1;
        self.tell_trackers();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    pub(super) fn has(&self, page: PageNumber) -> bool {
        self.members.contains_key(&page)
    }

    pub(super) fn wants_port(&self) -> bool {
        self.members.values().any(|member| member.is_reachable)
    }

    /// What trackers are to be told now.
    pub(super) fn wish(&self) -> Wish {
        if self.members.is_empty() {
            return Wish::Stop;
        }
        let left = self.members.values().map(|member| member.left.unwrap_or(SOME_BYTES)).min();
        let progress = Progress {
            info_hash: self.info_hash,
            peer_id: self.peer_id,
            port: self.port.as_ref().map_or(NO_PORT, |port| port.addr.port()),
            uploaded: 0,
            downloaded: 0,
            left: left.unwrap_or(SOME_BYTES),
            num_want: NUM_WANT,
        };
        Wish::Run { progress, urgency: self.urgency }
    }

    /// Tells trackers what has changed.
    pub(super) fn tell_trackers(&self) {
        let wish = self.wish();
        for tracker in self.trackers.values() {
            tracker.wishes.send_if_modified(|said| {
                let changed = *said != wish;
                said.clone_from(&wish);
                changed
            });
        }
    }

    /// Takes leave of trackers that no page names any more; returns those to be begun.
    pub(super) fn review_trackers(&mut self) -> Vec<String> {
        let all = self.members.values().flat_map(|member| &member.trackers);
        let wanted: BTreeSet<String> = all.cloned().collect();
        self.trackers.retain(|url, tracker| {
            let stays = wanted.contains(url);
            if !stays {
                tracker.wishes.send_replace(Wish::Stop);
            }
            stays
        });
        let room = MAX_TRACKERS_PER_SWARM.saturating_sub(self.trackers.len());
        wanted.into_iter().filter(|url| !self.trackers.contains_key(url)).take(room).collect()
    }

    pub(super) fn add_tracker(&mut self, url: String, tracker: Tracker) {
        self.trackers.insert(url, tracker);
    }

    /// Remembers peers that a tracker named.
    pub(super) fn remember(&mut self, peers: &[SocketAddr]) {
        for peer in peers {
            if !self.known.contains(peer) {
                self.known.push_back(*peer);
            }
        }
        let surplus = self.known.len().saturating_sub(MAX_PEERS_REMEMBERED);
        self.known.drain(..surplus);
    }

    pub(super) fn known(&self) -> Vec<SocketAddr> {
        self.known.iter().copied().collect()
    }

    /// Other pages, as many as a page is told of, the newest first.
    pub(super) fn others(&self, page: PageNumber) -> Vec<PageNumber> {
        let others = self.members.keys().rev().copied().filter(|&other| other != page);
        others.take(MAX_PAGES_NAMED).collect()
    }

    /// Says something to one page, or to all. One that doesn't listen is given up.
    pub(super) fn say(&self, page: Option<PageNumber>, reply: &Reply) {
        let members =
            self.members.iter().filter(|(number, _)| page.is_none_or(|it| it == **number));
        for (_, member) in members {
            member.mailbox.say(reply.clone());
        }
    }

    /// A page that may be connected to, other than `not`: each has its turn.
    pub(super) fn pick(&self, turn: u64) -> Option<PageNumber> {
        let reachable: Vec<PageNumber> = self
            .members
            .iter()
            .filter(|(_, member)| member.is_reachable)
            .map(|(n, _)| *n)
            .collect();
        let count = u64::try_from(reachable.len()).ok().filter(|&count| count > 0)?;
        reachable.get(usize::try_from(turn % count).ok()?).copied()
    }

    /// Keeps a connection for a page to take; whether there was room.
    pub(super) fn keep(&mut self, number: u64, remote: Remote) -> bool {
        let now = Instant::now();
        self.waiting.retain(|_, waiting| now.duration_since(waiting.since) < INCOMING_LIMIT);
        let has_room = self.waiting.len() < MAX_INCOMING_WAITING;
        if has_room {
            self.waiting.insert(number, Waiting { remote, since: now });
        }
        has_room
    }

    pub(super) fn take(&mut self, number: u64) -> Option<Remote> {
        self.waiting.remove(&number).map(|waiting| waiting.remote)
    }

    /// Lets go of connections that nobody took.
    pub(super) fn tidy(&mut self, limit: Duration) {
        let now = Instant::now();
        self.waiting.retain(|_, waiting| now.duration_since(waiting.since) < limit);
    }
}

/// The name of a page among others: an address that is routed nowhere (RFC 6666).
pub(super) fn page_addr(page: PageNumber) -> SocketAddr {
    let [a, b, c, d] = [48, 32, 16, 0].map(|shift| (page >> shift) as u16);
    SocketAddr::new(Ipv6Addr::new(0x100, 0, 0, 0, a, b, c, d).into(), super::address::MIN_PEER_PORT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relay::mailbox::mailbox;

    fn join(trackers: &[&str], left: Option<u64>) -> Join {
        Join {
            info_hash: InfoHash::new([1; 20]),
            trackers: trackers.iter().map(|url| (*url).to_owned()).collect(),
            left,
            reachable: true,
        }
    }

    fn swarm(joins: &[Join]) -> Swarm {
        let mut swarm = Swarm::new(InfoHash::new([1; 20]));
        for (page, join) in joins.iter().enumerate() {
            swarm.join(page as u64, join, mailbox().0);
        }
        swarm
    }

    fn left(swarm: &Swarm) -> u64 {
        let Wish::Run { progress, .. } = swarm.wish() else { panic!("nobody is there") };
        progress.left
    }

    #[test]
    fn a_swarm_says_that_it_misses_the_least_that_a_page_of_it_does() {
        let mut swarm =
            swarm(&[join(&[], Some(100_000)), join(&[], Some(50_000)), join(&[], None)]);
        assert_eq!(left(&swarm), SOME_BYTES);
        swarm.leave(2);
        assert_eq!(left(&swarm), 50_000);
        swarm.update(0, Some(0));
        assert_eq!(left(&swarm), 0);
        swarm.leave(0);
        swarm.leave(1);
        assert_eq!(swarm.wish(), Wish::Stop);
    }

    #[test]
    fn a_tracker_is_announced_to_once_for_all_pages_that_name_it() {
        let mut swarm = swarm(&[join(&["a", "b"], None), join(&["b", "c"], None)]);
        assert_eq!(swarm.review_trackers(), ["a", "b", "c"]);
        let (wishes, wish) = watch::channel(swarm.wish());
        swarm.add_tracker("a".to_owned(), Tracker { wishes });
        assert_eq!(swarm.review_trackers(), ["b", "c"]);
        swarm.leave(0);
        swarm.review_trackers();
        assert_eq!(*wish.borrow(), Wish::Stop, "nobody names it any more");
    }

    #[test]
    fn no_more_trackers_and_peers_are_kept_than_there_may_be() {
        let urls: Vec<String> = (0..100).map(|number| format!("http://{number}/")).collect();
        let urls: Vec<&str> = urls.iter().map(String::as_str).collect();
        let mut swarm = swarm(&[join(&urls, None)]);
        assert_eq!(swarm.review_trackers().len(), MAX_TRACKERS_PER_SWARM);
        let peers: Vec<SocketAddr> = (1..=300).map(|port| ([192, 0, 2, 1], port).into()).collect();
        swarm.remember(&peers);
        swarm.remember(&peers);
        assert_eq!(swarm.known().len(), MAX_PEERS_REMEMBERED);
    }

    #[test]
    fn connections_that_wait_are_bounded_and_taken_once() {
        let mut swarm = swarm(&[join(&[], None)]);
        for number in 0..MAX_INCOMING_WAITING as u64 {
            assert!(swarm.keep(number, Remote::pair().0));
        }
        assert!(!swarm.keep(1000, Remote::pair().0));
        assert!(swarm.take(3).is_some() && swarm.take(3).is_none());
        swarm.tidy(Duration::ZERO);
        assert!(swarm.take(4).is_none());
    }

    #[test]
    fn reachable_pages_take_turns() {
        let mut swarm = swarm(&[join(&[], None), join(&[], None)]);
        swarm.join(2, &Join { reachable: false, ..join(&[], None) }, mailbox().0);
        let picked: Vec<_> = (0..4).filter_map(|turn| swarm.pick(turn)).collect();
        assert_eq!(picked, [0, 1, 0, 1]);
        assert_eq!(swarm.others(2), [1, 0]);
        assert_eq!(page_addr(258).to_string(), "[100::102]:1024");
    }
}
