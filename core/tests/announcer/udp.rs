//! The conversation with a UDP tracker.

use std::net::SocketAddr;

use gannet_core::{
    announce::{
        AnnounceEvent, AnnounceOutput, AnnounceRequest, AnnounceResponse, Announcer, Family,
        ResolveError, TrackerError, TrackerState,
        udp::{UdpRequest, UdpResponse},
    },
    time::Instant,
};

use crate::{A, UDP, answer, at, drain, failure_of, http, jump, started, tracker_address};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn resolve(announcer: &mut Announcer, now: Instant, addresses: &[SocketAddr]) {
    match announcer.poll() {
        Some(AnnounceOutput::Resolve { request, host, port }) => {
            assert_eq!((host.as_str(), port), ("t.example", 6969));
            announcer.handle_resolved(now, request, Ok(addresses));
        }
        other => panic!("expected a name to resolve, not {other:?}"),
    }
}

fn datagram(announcer: &mut Announcer) -> (SocketAddr, UdpRequest) {
    match announcer.poll() {
        Some(AnnounceOutput::Datagram { to, bytes }) => (to, UdpRequest::decode(&bytes).unwrap()),
        other => panic!("expected a datagram, not {other:?}"),
    }
}

fn connect_transaction(announcer: &mut Announcer) -> u32 {
    match datagram(announcer).1 {
        UdpRequest::Connect { transaction_id } => transaction_id,
        other => panic!("expected a connect, not {other:?}"),
    }
}

fn connected(announcer: &mut Announcer, now: Instant) {
    let transaction_id = connect_transaction(announcer);
    let response = UdpResponse::Connect { transaction_id, connection_id: 99 };
    assert!(announcer.handle_datagram(now, tracker_address(), &response.encode(Family::V4)));
}

fn announced(announcer: &mut Announcer) -> (u32, AnnounceRequest) {
    match datagram(announcer).1 {
        UdpRequest::Announce { connection_id, transaction_id, announce, path_and_query } => {
            assert_eq!((connection_id, &path_and_query[..]), (99, &b"/announce?k=v"[..]));
            (transaction_id, announce)
        }
        other => panic!("expected an announce, not {other:?}"),
    }
}

fn answer_udp(announcer: &mut Announcer, now: Instant, response: &AnnounceResponse) {
    let (transaction_id, _) = announced(announcer);
    let response = UdpResponse::Announce { transaction_id, response: response.clone() };
    assert!(announcer.handle_datagram(now, tracker_address(), &response.encode(Family::V4)));
}

#[test]
fn a_udp_tracker_is_resolved_connected_and_announced_to() {
    let mut announcer = started(&[&[UDP]]);
    resolve(&mut announcer, at(0), &[tracker_address()]);
    connected(&mut announcer, at(1));
    answer_udp(&mut announcer, at(2), &answer());
    let peers = drain(&mut announcer).pop();
    let tracker = UDP.to_owned();
    assert_eq!(peers, Some(AnnounceOutput::Peers { tracker, peers: answer().peers }));
    assert_eq!(announcer.trackers()[0].seeders, Some(3));
}

#[test]
fn a_connection_id_serves_for_a_minute_and_no_longer() {
    for (stop, again) in [(at(60), false), (at(61), true)] {
        let mut announcer = started(&[&[UDP]]);
        resolve(&mut announcer, at(0), &[tracker_address()]);
        connected(&mut announcer, at(1));
        answer_udp(&mut announcer, at(2), &answer());
        drain(&mut announcer);
        announcer.announce(stop, AnnounceEvent::Stopped);
        match announcer.poll() {
            Some(AnnounceOutput::Resolve { .. }) => assert!(again),
            Some(AnnounceOutput::Datagram { .. }) => assert!(!again),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_datagram_from_elsewhere_or_for_another_question_is_not_taken() {
    let mut announcer = started(&[&[UDP]]);
    resolve(&mut announcer, at(0), &[tracker_address()]);
    let transaction_id = connect_transaction(&mut announcer);
    let bytes = |transaction_id| {
        UdpResponse::Connect { transaction_id, connection_id: 1 }.encode(Family::V4)
    };
    let mapped: SocketAddr = "[::ffff:192.0.2.1]:6969".parse().unwrap();
    for elsewhere in ["192.0.2.2:6969", "192.0.2.1:6970"] {
        let elsewhere = elsewhere.parse().unwrap();
        assert!(!announcer.handle_datagram(at(1), elsewhere, &bytes(transaction_id)));
    }
    assert!(!announcer.handle_datagram(at(1), tracker_address(), &bytes(transaction_id ^ 1)));
    assert!(!announcer.handle_datagram(at(1), tracker_address(), &[0; 7]));
    assert_eq!(announcer.poll(), None);
    assert!(announcer.handle_datagram(at(1), mapped, &bytes(transaction_id)));
}

#[test]
fn a_silent_udp_tracker_is_tried_twice_at_its_next_address_then_given_up() {
    let second: SocketAddr = "192.0.2.2:6969".parse().unwrap();
    let mut announcer = started(&[&[UDP], &[A]]);
    resolve(&mut announcer, at(0), &[tracker_address(), second]);
    assert_eq!(datagram(&mut announcer).0, tracker_address());
    assert_eq!(jump(&mut announcer), at(15));
    assert_eq!(datagram(&mut announcer).0, second);
    assert_eq!(jump(&mut announcer), at(45));
    assert_eq!(failure_of(&[announcer.poll().unwrap()]), &TrackerError::Timeout);
    assert_eq!(http(&mut announcer).1, A);
}

#[test]
fn an_announce_without_answer_is_sent_again_with_the_same_connection() {
    let mut announcer = started(&[&[UDP]]);
    resolve(&mut announcer, at(0), &[tracker_address()]);
    connected(&mut announcer, at(1));
    announced(&mut announcer);
    jump(&mut announcer);
    answer_udp(&mut announcer, at(20), &answer());
    assert_eq!(announcer.trackers()[0].state, TrackerState::Working);
}

#[test]
fn on_leaving_a_udp_tracker_is_asked_but_once() {
    let mut announcer = started(&[&[UDP]]);
    resolve(&mut announcer, at(0), &[tracker_address()]);
    connected(&mut announcer, at(1));
    answer_udp(&mut announcer, at(2), &answer());
    drain(&mut announcer);
    announcer.announce(at(3), AnnounceEvent::Stopped);
    assert_eq!(announced(&mut announcer).1.event, AnnounceEvent::Stopped);
    jump(&mut announcer);
    assert_eq!(drain(&mut announcer).len(), 1, "a failure, and no second try");
    assert!(announcer.is_idle());
}

#[test]
fn a_udp_tracker_that_refuses_or_talks_rubbish_has_failed() {
    type Answer = fn(u32) -> Vec<u8>;
    let error: Answer = |transaction_id| {
        UdpResponse::Error { transaction_id, message: "no".to_owned() }.encode(Family::V4)
    };
    let out_of_turn: Answer = |transaction_id| {
        UdpResponse::Announce { transaction_id, response: answer() }.encode(Family::V4)
    };
    let cut: Answer = |transaction_id| [[0; 4], transaction_id.to_be_bytes()].concat();
    for answer in [error, out_of_turn, cut] {
        let mut announcer = started(&[&[UDP]]);
        resolve(&mut announcer, at(0), &[tracker_address()]);
        let transaction_id = connect_transaction(&mut announcer);
        assert!(announcer.handle_datagram(at(1), tracker_address(), &answer(transaction_id)));
        let error = failure_of(&drain(&mut announcer)).clone();
        assert!(matches!(error, TrackerError::Failure(_) | TrackerError::Udp(_)), "{error}");
    }
}

#[test]
fn a_name_that_does_not_resolve_fails_and_an_address_needs_no_resolving() {
    let mut announcer = started(&[&[UDP]]);
    let Some(AnnounceOutput::Resolve { request, .. }) = announcer.poll() else { panic!() };
    announcer.handle_resolved(at(1), request, Ok(&[]));
    let expected = TrackerError::Resolve(ResolveError::NotFound);
    assert_eq!(failure_of(&drain(&mut announcer)), &expected);

    let mut announcer = started(&[&["udp://[::1]:80"]]);
    assert_eq!(datagram(&mut announcer).0, "[::1]:80".parse().unwrap());
}
