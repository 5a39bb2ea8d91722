//! The announcer against trackers that answer, refuse, talk rubbish or keep silent.

use std::{net::SocketAddr, time::Duration};

use gannet_core::{
    announce::{
        AnnounceError, AnnounceEvent, AnnounceOutput, AnnounceRequest, AnnounceResponse, Announcer,
        Family, HttpError, MAX_BACKOFF, MIN_BACKOFF, Progress, ResolveError, TrackerError,
        TrackerState, encode_failure,
        udp::{UdpRequest, UdpResponse},
    },
    id::{InfoHash, PeerId},
    time::Instant,
};

const A: &str = "http://a.example/announce";
const B: &str = "http://b.example/announce";
const UDP: &str = "udp://t.example:6969/announce?k=v";

fn at(seconds: u64) -> Instant {
    Instant::from_micros(seconds * 1_000_000)
}

fn announcer(tiers: &[&[&str]]) -> Announcer {
    let tiers: Vec<Vec<String>> =
        tiers.iter().map(|tier| tier.iter().map(|&url| url.to_owned()).collect()).collect();
    let mut announcer = Announcer::new(&tiers, 7, fastrand::Rng::with_seed(5));
    announcer.set_progress(progress());
    announcer
}

fn started(tiers: &[&[&str]]) -> Announcer {
    let mut announcer = announcer(tiers);
    announcer.announce(at(0), AnnounceEvent::Started);
    announcer
}

fn progress() -> Progress {
    Progress {
        info_hash: InfoHash::new([1; 20]),
        peer_id: PeerId::new([2; 20]),
        port: 6881,
        uploaded: 0,
        downloaded: 10,
        left: 20,
        num_want: 50,
    }
}

fn answer() -> AnnounceResponse {
    AnnounceResponse {
        interval_seconds: 1800,
        complete: Some(3),
        incomplete: Some(4),
        peers: vec!["10.0.0.9:6881".parse().unwrap()],
        ..AnnounceResponse::default()
    }
}

/// The HTTP request that is next in line: its number, whom it asks, and what.
fn http(announcer: &mut Announcer) -> (u64, String, AnnounceRequest) {
    match announcer.poll() {
        Some(AnnounceOutput::Http { request, url }) => {
            let (base, query) = url.split_once('?').unwrap();
            (request, base.to_owned(), AnnounceRequest::from_query(query).unwrap())
        }
        other => panic!("expected an HTTP request, not {other:?}"),
    }
}

/// Answers the HTTP request that is next in line; what was asked of whom.
fn answer_http(
    announcer: &mut Announcer,
    now: Instant,
    response: &AnnounceResponse,
) -> (String, AnnounceEvent) {
    let (request, base, asked) = http(announcer);
    announcer.handle_http(now, request, Ok(&response.encode()));
    (base, asked.event)
}

fn refuse_http(announcer: &mut Announcer, now: Instant) -> String {
    let (request, base, _) = http(announcer);
    announcer.handle_http(now, request, Err(HttpError::Connect));
    base
}

fn drain(announcer: &mut Announcer) -> Vec<AnnounceOutput> {
    std::iter::from_fn(|| announcer.poll()).collect()
}

/// Jumps to the next deadline, and does what is due.
fn jump(announcer: &mut Announcer) -> Instant {
    let now = announcer.poll_timeout().expect("something is due");
    announcer.handle_timeout(now);
    now
}

fn failure_of(outputs: &[AnnounceOutput]) -> &TrackerError {
    match outputs {
        [.., AnnounceOutput::Failed { error, .. }] => error,
        other => panic!("expected a failure, not {other:?}"),
    }
}

#[test]
fn a_tracker_that_answers_gives_peers_and_is_asked_again_at_its_interval() {
    let mut announcer = started(&[&[A]]);
    let (base, event) = answer_http(&mut announcer, at(1), &answer());
    assert_eq!((base.as_str(), event), (A, AnnounceEvent::Started));
    let tracker = A.to_owned();
    assert_eq!(
        drain(&mut announcer),
        [
            AnnounceOutput::Succeeded {
                tracker: tracker.clone(),
                event: AnnounceEvent::Started,
                seeders: Some(3),
                leechers: Some(4),
                warning: None
            },
            AnnounceOutput::Peers { tracker, peers: answer().peers },
        ]
    );
    let now = jump(&mut announcer);
    let wait = now.since(at(1)).as_secs();
    assert!((1800..=1890).contains(&wait), "{wait} s");
    let (_, event) = answer_http(&mut announcer, now, &answer());
    assert_eq!(event, AnnounceEvent::None);
}

#[test]
fn nothing_is_announced_before_started_nor_without_progress() {
    let mut silent = announcer(&[&[A]]);
    for event in [AnnounceEvent::None, AnnounceEvent::Completed, AnnounceEvent::Stopped] {
        silent.announce(at(0), event);
    }
    let mut blank = Announcer::new(&[vec![A.to_owned()]], 7, fastrand::Rng::with_seed(5));
    blank.announce(at(0), AnnounceEvent::Started);
    for mut announcer in [silent, blank] {
        assert_eq!(announcer.poll(), None);
        assert_eq!(announcer.poll_timeout(), None);
    }
}

#[test]
fn the_next_tier_is_asked_only_when_the_first_has_failed() {
    let mut announcer = started(&[&[A], &[B]]);
    assert_eq!(refuse_http(&mut announcer, at(1)), A);
    let failed = announcer.poll();
    let error = TrackerError::Http(HttpError::Connect);
    assert_eq!(failed, Some(AnnounceOutput::Failed { tracker: A.to_owned(), error }));
    assert_eq!(answer_http(&mut announcer, at(2), &answer()).0, B);
    drain(&mut announcer);
    let states: Vec<_> = announcer.trackers().into_iter().map(|row| row.state).collect();
    assert_eq!(states, [TrackerState::Failed, TrackerState::Working]);
    let now = jump(&mut announcer);
    assert_eq!(answer_http(&mut announcer, now, &answer()).0, A, "the next round begins anew");
    let states: Vec<_> = announcer.trackers().into_iter().map(|row| row.state).collect();
    assert_eq!(states, [TrackerState::Working, TrackerState::Idle]);
}

#[test]
fn in_a_tier_the_tracker_that_answered_is_asked_first() {
    let mut announcer = started(&[&[A, B]]);
    let refused = refuse_http(&mut announcer, at(1));
    announcer.poll();
    let (answered, _) = answer_http(&mut announcer, at(2), &answer());
    assert_ne!(refused, answered);
    drain(&mut announcer);
    let now = jump(&mut announcer);
    assert_eq!(answer_http(&mut announcer, now, &answer()).0, answered);
}

#[test]
fn when_all_fail_the_wait_doubles_up_to_its_limit() {
    let mut announcer = started(&[&[A]]);
    let mut now = at(0);
    let mut expected = MIN_BACKOFF;
    for _ in 0..12 {
        refuse_http(&mut announcer, now);
        drain(&mut announcer);
        let next = jump(&mut announcer);
        let wait = next.since(now);
        assert!(wait >= expected && wait <= expected * 3 / 2, "{wait:?} for {expected:?}");
        expected = (expected * 2).min(MAX_BACKOFF);
        now = next;
    }
    answer_http(&mut announcer, now, &answer());
    drain(&mut announcer);
    now = jump(&mut announcer);
    refuse_http(&mut announcer, now);
    assert!(announcer.poll_timeout().unwrap().since(now) <= MIN_BACKOFF * 3 / 2, "forgotten");
}

#[test]
fn rubbish_and_a_failure_reason_count_as_failed() {
    for (body, is_failure) in [(b"<html>".to_vec(), false), (encode_failure("no"), true)] {
        let mut announcer = started(&[&[A]]);
        let (request, ..) = http(&mut announcer);
        announcer.handle_http(at(1), request, Ok(&body));
        let outputs = drain(&mut announcer);
        let TrackerError::Answer(error) = failure_of(&outputs) else { panic!("{outputs:?}") };
        assert_eq!(matches!(error, AnnounceError::Failure(_)), is_failure);
        assert_eq!(announcer.trackers()[0].state, TrackerState::Failed);
        assert!(announcer.trackers()[0].next_announce.is_some());
    }
}

#[test]
fn a_host_that_never_answers_is_not_waited_for() {
    let mut announcer = started(&[&[A], &[B]]);
    let (late, ..) = http(&mut announcer);
    let now = jump(&mut announcer);
    assert_eq!(failure_of(&[announcer.poll().unwrap()]), &TrackerError::Timeout);
    announcer.handle_http(now, late, Ok(&answer().encode()));
    assert_eq!(http(&mut announcer).1, B);
    assert_eq!(announcer.poll(), None, "the late answer is ignored");
}

#[test]
fn asking_for_more_peers_respects_the_interval_of_the_tracker() {
    let mut announcer = started(&[&[A]]);
    let response = AnnounceResponse { min_interval_seconds: Some(300), ..answer() };
    answer_http(&mut announcer, at(0), &response);
    drain(&mut announcer);
    announcer.announce(at(10), AnnounceEvent::None);
    assert_eq!(announcer.poll(), None);
    assert_eq!(announcer.poll_timeout(), Some(at(300)));
    announcer.announce(at(400), AnnounceEvent::None);
    assert_eq!(http(&mut announcer).2.event, AnnounceEvent::None);
}

#[test]
fn an_interval_out_of_all_reason_is_brought_into_it() {
    for (said, least, most) in [(0, 1800, 1900), (1, 30, 40), (u32::MAX, 7200, 7600)] {
        let mut announcer = started(&[&[A]]);
        let response = AnnounceResponse { interval_seconds: said, ..answer() };
        answer_http(&mut announcer, at(0), &response);
        let wait = announcer.poll_timeout().unwrap().since(at(0)).as_secs();
        assert!((least..most).contains(&wait), "{wait} s for {said}");
    }
}

#[test]
fn completed_is_told_at_once_and_once_even_while_started_is_on_its_way() {
    let mut announcer = started(&[&[A]]);
    announcer.announce(at(1), AnnounceEvent::Completed);
    assert_eq!(answer_http(&mut announcer, at(2), &answer()).1, AnnounceEvent::Started);
    let completed = drain(&mut announcer)
        .into_iter()
        .find_map(|output| match output {
            AnnounceOutput::Http { request, url } => Some((request, url)),
            _ => None,
        })
        .expect("asked right after");
    assert!(completed.1.contains("&event=completed"), "{}", completed.1);
    announcer.handle_http(at(3), completed.0, Ok(&answer().encode()));
    drain(&mut announcer);
    let now = jump(&mut announcer);
    assert_eq!(answer_http(&mut announcer, now, &answer()).1, AnnounceEvent::None);
}

#[test]
fn stopped_goes_once_to_those_that_know_us_and_nobody_else() {
    let mut announcer = started(&[&[A], &[B]]);
    refuse_http(&mut announcer, at(0));
    announcer.poll();
    answer_http(&mut announcer, at(1), &answer());
    drain(&mut announcer);
    announcer.announce(at(2), AnnounceEvent::Stopped);
    let (request, base, asked) = http(&mut announcer);
    assert_eq!((base.as_str(), asked.event, asked.num_want), (B, AnnounceEvent::Stopped, 0));
    assert_eq!(announcer.poll(), None);
    assert!(!announcer.is_idle());
    announcer.handle_http(at(3), request, Err(HttpError::Timeout));
    assert_eq!(drain(&mut announcer).len(), 1);
    assert!(announcer.is_idle());
    assert_eq!(announcer.poll_timeout(), None, "and never again");
}

#[test]
fn stopped_before_any_answer_has_nothing_to_wait_for() {
    let mut announcer = started(&[&[A]]);
    let (request, ..) = http(&mut announcer);
    announcer.announce(at(1), AnnounceEvent::Stopped);
    assert!(announcer.is_idle());
    announcer.handle_http(at(2), request, Ok(&answer().encode()));
    assert!(announcer.is_idle());
    announcer.announce(at(3), AnnounceEvent::Started);
    assert_eq!(http(&mut announcer).2.event, AnnounceEvent::Started);
}

#[test]
fn a_tracker_id_is_told_again() {
    let mut announcer = started(&[&[A]]);
    let response = AnnounceResponse { tracker_id: Some(b"id\xff".to_vec()), ..answer() };
    answer_http(&mut announcer, at(0), &response);
    drain(&mut announcer);
    jump(&mut announcer);
    assert_eq!(http(&mut announcer).2.tracker_id, Some(b"id\xff".to_vec()));
}

#[test]
fn an_unusable_tracker_is_reported_once_and_skipped() {
    let mut announcer = started(&[&["wss://w.example"], &["udp://no-port"], &[A]]);
    let errors: Vec<_> = (0..2).map(|_| failure_of(&[announcer.poll().unwrap()]).clone()).collect();
    assert_eq!(errors, [TrackerError::Unsupported, TrackerError::BadUrl]);
    refuse_http(&mut announcer, at(0));
    assert_eq!(drain(&mut announcer).len(), 1);
    jump(&mut announcer);
    refuse_http(&mut announcer, at(60));
    assert_eq!(drain(&mut announcer).len(), 1);
    assert_eq!(announcer.trackers()[0].state, TrackerState::Unusable);
}

#[test]
fn a_tracker_added_while_none_answers_is_asked_soon() {
    let mut none = started(&[]);
    assert_eq!(none.poll_timeout(), None);
    none.add_tracker(B);
    none.handle_timeout(at(1));
    assert_eq!(http(&mut none).1, B);

    let mut busy = started(&[&[A]]);
    busy.add_tracker(B);
    busy.add_tracker(B);
    assert_eq!(refuse_http(&mut busy, at(1)), A);
    busy.poll();
    assert_eq!(refuse_http(&mut busy, at(2)), B);
    assert_eq!(drain(&mut busy).len(), 1);
}

// UDP

fn tracker_address() -> SocketAddr {
    "192.0.2.1:6969".parse().unwrap()
}

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

#[test]
fn the_same_seed_and_inputs_give_the_same_outputs() {
    let run = || {
        let mut announcer = started(&[&[A, B, UDP]]);
        let mut trace = Vec::new();
        for _ in 0..50 {
            while let Some(output) = announcer.poll() {
                if let AnnounceOutput::Http { request, .. } = output {
                    announcer.handle_http(at(0), request, Err(HttpError::Connect));
                }
                trace.push(output);
            }
            announcer.handle_timeout(announcer.poll_timeout().unwrap() + Duration::from_secs(1));
        }
        trace
    };
    assert_eq!(run(), run());
}
