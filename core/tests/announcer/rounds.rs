//! Whom it asks, when, and what for.

use gannet_core::announce::{
    AnnounceError, AnnounceEvent, AnnounceOutput, AnnounceResponse, Announcer, HttpError,
    MAX_BACKOFF, MIN_BACKOFF, TrackerError, TrackerState, encode_failure,
};

use crate::{
    A, B, announcer, answer, answer_http, at, drain, failure_of, http, jump, refuse_http, started,
};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

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
