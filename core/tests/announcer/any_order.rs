//! Any order of inputs.

use std::time::Duration;

use gannet_core::{
    announce::{
        AnnounceEvent, AnnounceOutput, Announcer, Family, HttpError,
        udp::{UdpRequest, UdpResponse},
    },
    time::Instant,
};
use proptest::{collection::vec, prelude::*, sample::select};

use crate::{A, B, UDP, announcer, answer, at, drain, started, tracker_address};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

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

#[derive(Debug, Clone, Copy)]
enum Step {
    Wait(u64),
    Timeout,
    Announce(AnnounceEvent),
    Answer,
    Rubbish,
    Fail,
}

fn any_step() -> impl Strategy<Value = Step> {
    let events = vec![
        AnnounceEvent::None,
        AnnounceEvent::Started,
        AnnounceEvent::Completed,
        AnnounceEvent::Stopped,
    ];
    prop_oneof![
        2 => (0u64..100).prop_map(Step::Wait),
        4 => Just(Step::Timeout),
        2 => select(events).prop_map(Step::Announce),
        4 => Just(Step::Answer),
        1 => Just(Step::Rubbish),
        3 => Just(Step::Fail),
    ]
}

/// Reacts to one output in the way of a step.
fn react(announcer: &mut Announcer, now: Instant, output: AnnounceOutput, step: Step) {
    let body = match step {
        Step::Answer => answer().encode(),
        _ => b"rubbish".to_vec(),
    };
    match (output, step) {
        (AnnounceOutput::Http { request, .. }, Step::Fail) => {
            announcer.handle_http(now, request, Err(HttpError::Connect));
        }
        (AnnounceOutput::Http { request, .. }, _) => {
            announcer.handle_http(now, request, Ok(&body));
        }
        (AnnounceOutput::Resolve { request, .. }, _) => {
            announcer.handle_resolved(now, request, Ok(&[tracker_address()]));
        }
        (AnnounceOutput::Datagram { to, bytes }, Step::Answer) => {
            let response = match UdpRequest::decode(&bytes).unwrap() {
                UdpRequest::Connect { transaction_id } => {
                    UdpResponse::Connect { transaction_id, connection_id: 99 }
                }
                UdpRequest::Announce { transaction_id, .. } => {
                    UdpResponse::Announce { transaction_id, response: answer() }
                }
                other => panic!("{other:?}"),
            };
            // Not taken if the question was given up before it was sent.
            let _ = announcer.handle_datagram(now, to, &response.encode(Family::V4));
        }
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_happens_a_running_announcer_is_never_stuck_and_a_stopped_one_ends(
        steps in vec(any_step(), 0..60),
    ) {
        let mut announcer = announcer(&[&[A, UDP], &[B]]);
        let (mut now, mut running) = (at(0), false);
        for step in steps {
            match step {
                Step::Wait(seconds) => now += Duration::from_secs(seconds),
                Step::Timeout => now = announcer.poll_timeout().map_or(now, |due| due.max(now)),
                Step::Announce(event) => {
                    running = match event {
                        AnnounceEvent::Started => true,
                        AnnounceEvent::Stopped => false,
                        _ => running,
                    };
                    announcer.announce(now, event);
                }
                _ => {
                    if let Some(output) = announcer.poll() {
                        react(&mut announcer, now, output, step);
                    }
                }
            }
            announcer.handle_timeout(now);
            prop_assert!(!running || announcer.poll_timeout().is_some_and(|due| due > now));
        }
        announcer.announce(now, AnnounceEvent::Stopped);
        while let Some(due) = announcer.poll_timeout() {
            prop_assert!(due > now);
            now = due;
            announcer.handle_timeout(now);
        }
        drain(&mut announcer);
        prop_assert!(announcer.is_idle());
    }
}
