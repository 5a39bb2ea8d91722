//! What trackers are asked and what they answer, over HTTP and UDP.

use gannet_core::announce::{
    AnnounceRequest, AnnounceResponse, Family, MAX_PEERS, ScrapeRequest, ScrapeResponse,
    compact_peers as compact, peers_of_compact, scrape_url,
    udp::{UdpRequest, UdpResponse},
};

/// The query of an announce (BEP 3, 7, 23): what a tracker understood is what we would have asked.
pub fn announce_request(input: &[u8]) {
    let Ok(query) = str::from_utf8(input) else { return };
    let Ok(request) = AnnounceRequest::from_query(query) else { return };
    let url = request.to_url("http://tracker.example/announce");
    let (_, query) = url.split_once('?').expect("there is a query");
    assert_eq!(AnnounceRequest::from_query(query), Ok(request));
}

/// A tracker's answer (BEP 3, 7, 23, 24): within its limits, and understood again once written.
pub fn announce_answer(input: &[u8]) {
    let Ok(answer) = AnnounceResponse::decode(input) else { return };
    assert!(answer.peers.len() <= MAX_PEERS);
    assert!(answer.peers.iter().all(|peer| peer.port() != 0));
    let again = AnnounceResponse::decode(&answer.encode()).expect("our own answer");
    assert_eq!(again.interval_seconds, answer.interval_seconds);
    assert_eq!(again.peers.len(), answer.peers.len());
}

/// Scrapes (BEP 48), asked and answered.
pub fn scrape(input: &[u8]) {
    if let Ok(answer) = ScrapeResponse::decode(input) {
        assert_eq!(ScrapeResponse::decode(&answer.encode()), Ok(answer));
    }
    let Ok(text) = str::from_utf8(input) else { return };
    drop(scrape_url(text));
    if let Ok(request) = ScrapeRequest::from_query(text) {
        let url = request.to_url("http://tracker.example/scrape");
        let (_, query) = url.split_once('?').expect("there is a query");
        assert_eq!(ScrapeRequest::from_query(query), Ok(request));
    }
}

/// Compact peers (BEP 23, 7): as many as fit, each written as it was read, but for IPv4 addresses in
/// IPv6's clothes, which are of the other family from then on.
pub fn compact_peers(input: &[u8]) {
    for family in [Family::V4, Family::V6] {
        let peers: Vec<_> = peers_of_compact(input, family).collect();
        assert!(peers.len() <= input.len() / family.peer_bytes());
        for family in [Family::V4, Family::V6] {
            let written = compact(peers.iter().copied(), family);
            let own = peers.iter().copied().filter(|peer| Family::of(peer.ip()) == family);
            assert!(peers_of_compact(&written, family).eq(own));
        }
    }
}

/// A datagram of BEP 15, as a tracker and as a client reads it; of the other family no peer is written.
pub fn udp_packet(input: &[u8]) {
    if let Ok(request) = UdpRequest::decode(input) {
        assert_eq!(UdpRequest::decode(&request.encode()), Ok(request));
    }
    for family in [Family::V4, Family::V6] {
        if let Ok(mut response) = UdpResponse::decode(input, family) {
            if let UdpResponse::Announce { response, .. } = &mut response {
                response.peers.retain(|peer| Family::of(peer.ip()) == family);
            }
            let again = UdpResponse::decode(&response.encode(family), family);
            assert_eq!(again, Ok(response));
        }
    }
}
