//! Trackers: what they are told, what they answer.

use std::net::SocketAddr;

use bytes::Bytes;

use super::{Phase, Timer, Torrent};
use crate::{
    announce::{AnnounceEvent, AnnounceOutput, ENABLED, HttpError, Progress, ResolveError},
    contract::Output,
    event::News,
    shared::Cx,
};

/// The port that is announced when we don't listen: trackers refuse zero.
const UNREACHABLE_PORT: u16 = 1;

impl Torrent {
    pub(super) fn announce(&mut self, cx: &mut Cx<'_>, event: AnnounceEvent) {
        self.report_progress(cx);
        self.announcer.announce(cx.now, event);
        self.drain_announcer(cx);
    }

    /// Says that we are here, once it is known how much is there: trackers and their other clients
    /// treat a seeder otherwise than somebody who says that everything is missing.
    pub(super) fn announce_start(&mut self, cx: &mut Cx<'_>) {
        let knows_what_is_missing = matches!(self.phase, Phase::Metadata | Phase::Active);
        if self.info_hash.is_some() && knows_what_is_missing && !self.paused {
            self.announce(cx, AnnounceEvent::Started);
        }
    }

    /// Somebody may have come since the last announce: asks again as soon as trackers allow it.
    pub(super) fn look_for_peers(&mut self, cx: &mut Cx<'_>) {
        let is_alone = self.peers.is_empty() && self.sources.is_empty();
        let wants = self.phase == Phase::Metadata || self.is_downloading();
        if is_alone && wants && !self.paused {
            self.announce(cx, AnnounceEvent::None);
        }
    }

    /// The user wants fresh addresses.
    pub(crate) fn announce_now(&mut self, cx: &mut Cx<'_>) {
        if !self.paused && self.phase != Phase::Leaving {
            self.announce(cx, AnnounceEvent::None);
        }
    }

    pub(crate) fn add_tracker(&mut self, cx: &mut Cx<'_>, url: &str) {
        self.report_progress(cx);
        self.announcer.add_tracker(url);
        self.drain_announcer(cx);
    }

    pub(crate) fn http_answered(
        &mut self,
        cx: &mut Cx<'_>,
        request: u64,
        result: Result<&[u8], HttpError>,
    ) {
        self.report_progress(cx);
        self.announcer.handle_http(cx.now, request, result);
        self.drain_announcer(cx);
    }

    pub(crate) fn resolved(
        &mut self,
        cx: &mut Cx<'_>,
        request: u64,
        result: Result<&[SocketAddr], ResolveError>,
    ) {
        self.announcer.handle_resolved(cx.now, request, result);
        self.drain_announcer(cx);
    }

    /// Whether the packet was for this torrent's trackers.
    pub(crate) fn datagram(&mut self, cx: &mut Cx<'_>, from: SocketAddr, bytes: &Bytes) -> bool {
        let taken = self.announcer.handle_datagram(cx.now, from, bytes);
        if taken {
            self.drain_announcer(cx);
        }
        taken
    }

    pub(super) fn announce_timeout(&mut self, cx: &mut Cx<'_>) {
        self.report_progress(cx);
        self.announcer.handle_timeout(cx.now);
        self.drain_announcer(cx);
    }

    fn report_progress(&mut self, cx: &Cx<'_>) {
        let Some(info_hash) = self.info_hash.filter(|_| ENABLED) else { return };
        let missing = self.options.max_peers.saturating_sub(self.peers.len());
        self.announcer.set_progress(Progress {
            info_hash,
            peer_id: cx.shared.peer_id,
            port: cx.shared.config.listen_port.unwrap_or(UNREACHABLE_PORT),
            uploaded: self.tally.uploaded.total_bytes(),
            downloaded: self.tally.downloaded.total_bytes(),
            left: self.left_bytes(),
            num_want: missing as u32,
        });
    }

    pub(super) fn drain_announcer(&mut self, cx: &mut Cx<'_>) {
        while let Some(output) = self.announcer.poll() {
            match output {
                AnnounceOutput::Http { request, url } => {
                    let request = cx.shared.own_request(cx.torrent, request);
                    cx.output(Output::Http { request, url });
                }
                AnnounceOutput::Resolve { request, host, port } => {
                    let request = cx.shared.own_request(cx.torrent, request);
                    cx.output(Output::Resolve { request, host, port });
                }
                AnnounceOutput::Datagram { to, bytes } => {
                    cx.output(Output::Datagram { to, bytes: bytes.into() });
                }
                AnnounceOutput::Peers { tracker, peers } => self.peers_found(cx, tracker, peers),
                AnnounceOutput::Succeeded { tracker, event, seeders, leechers, warning } => {
                    cx.news(News::TrackerAnswered {
                        url: tracker,
                        event,
                        seeders,
                        leechers,
                        warning,
                    });
                }
                AnnounceOutput::Failed { tracker, error } => {
                    cx.news(News::TrackerFailed { url: tracker, error });
                }
            }
        }
        self.timers.set(Timer::Announce, self.announcer.poll_timeout());
    }

    fn peers_found(&mut self, cx: &mut Cx<'_>, url: String, peers: Vec<SocketAddr>) {
        if self.phase == Phase::Leaving {
            return;
        }
        for &addr in &peers {
            self.book.add(addr, false);
        }
        cx.news(News::TrackerPeers { url, peers });
        self.dial(cx);
    }
}
