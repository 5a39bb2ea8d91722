//! The decoder of the peer wire protocol against streams cut anywhere, and against hostile ones.

use bytes::{Bytes, BytesMut};
use gannet_core::wire::{
    Decoder, MAX_MESSAGE_BYTES, Message, Span, WireError, max_message_bytes, piece_header,
};
use proptest::{collection::vec, prelude::*};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn decode_all(chunks: impl IntoIterator<Item = Bytes>) -> (Vec<Message>, Option<WireError>) {
    let mut decoder = Decoder::new();
    let mut messages = Vec::new();
    for chunk in chunks {
        decoder.feed(chunk);
        loop {
            match decoder.next() {
                Ok(Some(message)) => messages.push(message),
                Ok(None) => break,
                Err(error) => return (messages, Some(error)),
            }
        }
    }
    (messages, None)
}

fn stream_of(messages: &[Message]) -> Bytes {
    let mut out = BytesMut::new();
    messages.iter().for_each(|message| message.encode(&mut out));
    out.freeze()
}

/// Cuts a stream after steps of the given sizes, taken round and round.
fn cut(mut stream: Bytes, steps: &[usize]) -> Vec<Bytes> {
    let mut chunks = Vec::new();
    for step in steps.iter().cycle() {
        if stream.is_empty() {
            break;
        }
        chunks.push(stream.split_to(*step.min(&stream.len())));
    }
    chunks
}

fn any_span() -> impl Strategy<Value = Span> {
    any::<(u32, u32, u32)>().prop_map(|(index, begin, length)| Span { index, begin, length })
}

fn any_payload() -> impl Strategy<Value = Bytes> {
    prop_oneof![4 => vec(any::<u8>(), 0..80), 1 => vec(any::<u8>(), 16_384..40_000)]
        .prop_map(Bytes::from)
}

fn any_message() -> impl Strategy<Value = Message> {
    prop_oneof![
        Just(Message::KeepAlive),
        Just(Message::Choke),
        Just(Message::Unchoke),
        Just(Message::Interested),
        Just(Message::NotInterested),
        Just(Message::HaveAll),
        Just(Message::HaveNone),
        any::<u32>().prop_map(|index| Message::Have { index }),
        any::<u32>().prop_map(|index| Message::Suggest { index }),
        any::<u32>().prop_map(|index| Message::AllowedFast { index }),
        any::<u16>().prop_map(Message::Port),
        any_span().prop_map(Message::Request),
        any_span().prop_map(Message::Cancel),
        any_span().prop_map(Message::Reject),
        any_payload().prop_map(Message::Bitfield),
        (any::<u32>(), any::<u32>(), any_payload())
            .prop_map(|(index, begin, data)| Message::Piece { index, begin, data }),
        (any::<u8>(), any_payload()).prop_map(|(id, payload)| Message::Extended { id, payload }),
        (21u8..).prop_map(|id| Message::Unknown { id }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_fragmentation_gives_the_messages_that_were_sent(
        messages in vec(any_message(), 0..12),
        steps in vec(prop_oneof![1usize..20, 1usize..20_000], 1..8),
    ) {
        let chunks = cut(stream_of(&messages), &steps);
        prop_assert_eq!(decode_all(chunks), (messages, None));
    }

    #[test]
    fn feeding_everything_before_asking_changes_nothing(
        messages in vec(any_message(), 0..12), step in 1usize..20_000,
    ) {
        let mut decoder = Decoder::new();
        cut(stream_of(&messages), &[step]).into_iter().for_each(|chunk| decoder.feed(chunk));
        for message in messages {
            prop_assert_eq!(decoder.next(), Ok(Some(message)));
        }
        prop_assert_eq!(decoder.next(), Ok(None));
    }

    #[test]
    fn random_bytes_give_the_same_messages_and_error_however_they_are_cut(
        lengths in vec((0u32..40, any::<u8>(), vec(any::<u8>(), 0..40)), 0..20),
        steps in vec(1usize..9, 1..5),
    ) {
        let stream: Bytes = lengths
            .into_iter()
            .flat_map(|(length, id, rest)| {
                [&length.to_be_bytes()[..], &[id % 24], &rest].concat()
            })
            .collect();
        prop_assert_eq!(decode_all([stream.clone()]), decode_all(cut(stream, &steps)));
    }
}

#[test]
fn a_stream_cut_after_every_byte_gives_the_same_messages() {
    let messages = vec![
        Message::Bitfield(Bytes::from_static(&[0xff, 0x80])),
        Message::KeepAlive,
        Message::Unknown { id: 200 },
        Message::Request(Span { index: 1, begin: 2, length: 3 }),
        Message::Piece { index: 1, begin: 0, data: Bytes::from_static(b"some block") },
        Message::Port(6881),
    ];
    assert_eq!(decode_all(cut(stream_of(&messages), &[1])), (messages, None));
}

#[test]
fn a_truncated_header_waits_for_more() {
    let mut decoder = Decoder::new();
    decoder.feed(Bytes::from_static(&[0, 0, 0]));
    assert_eq!(decoder.next(), Ok(None));
    decoder.feed(Bytes::from_static(&[5, 4, 0, 0, 0]));
    assert_eq!(decoder.next(), Ok(None));
    decoder.feed(Bytes::from_static(&[9]));
    assert_eq!(decoder.next(), Ok(Some(Message::Have { index: 9 })));
}

#[test]
fn a_huge_length_is_refused_as_soon_as_its_four_bytes_are_there() {
    let mut decoder = Decoder::new();
    decoder.feed(Bytes::from_static(&[0xff; 4]));
    let error = WireError::TooLong { length: u32::MAX, max: MAX_MESSAGE_BYTES };
    assert_eq!(decoder.next(), Err(error));
    assert_eq!(decoder.next(), Err(error), "the error stays");
}

#[test]
fn the_limit_follows_the_bitfield_of_a_large_torrent() {
    assert_eq!(max_message_bytes(1000), MAX_MESSAGE_BYTES);
    assert_eq!(max_message_bytes(2_097_152), 262_145);
    assert_eq!(max_message_bytes(u32::MAX), 0x2000_0001);
    let bitfield = Message::Bitfield(Bytes::from(vec![0; 262_144]));
    let stream = stream_of(std::slice::from_ref(&bitfield));
    let mut decoder = Decoder::new();
    decoder.set_max_message_bytes(max_message_bytes(2_097_152));
    decoder.feed(stream.clone());
    assert_eq!(decoder.next(), Ok(Some(bitfield)));
    assert!(decode_all([stream]).1.is_some());
}

#[test]
fn a_length_that_does_not_fit_its_message_names_both() {
    for (bytes, message, length) in [
        (&[0, 0, 0, 2, 0, 0][..], "choke", 2),
        (&[0, 0, 0, 4, 4, 0, 0, 0], "have", 4),
        (&[0, 0, 0, 6, 4, 0, 0, 0], "have", 6),
        (&[0, 0, 0, 12, 6], "request", 12),
        (&[0, 0, 0, 14, 16], "reject", 14),
        (&[0, 0, 0, 8, 7], "piece", 8),
        (&[0, 0, 0, 1, 9], "port", 1),
        (&[0, 0, 0, 1, 20], "extended", 1),
    ] {
        let (messages, error) = decode_all([Bytes::copy_from_slice(bytes)]);
        assert_eq!((messages, error), (vec![], Some(WireError::Length { message, length })));
    }
}

#[test]
fn an_unknown_message_is_skipped_and_the_next_one_read() {
    let stream = Bytes::from_static(b"\0\0\0\x05\x63abcd\0\0\0\x01\x01");
    let expected = vec![Message::Unknown { id: 0x63 }, Message::Unchoke];
    assert_eq!(decode_all(cut(stream, &[3])), (expected, None));
}

#[test]
fn an_announced_block_takes_memory_only_as_it_comes() {
    let mut decoder = Decoder::new();
    decoder.feed(Bytes::copy_from_slice(&piece_header(0, 0, MAX_MESSAGE_BYTES - 9)));
    decoder.feed(Bytes::from_static(b"a"));
    assert_eq!(decoder.next(), Ok(None));
    assert!(decoder.buffered_capacity_bytes() <= 16 * 1024);
}

#[test]
fn a_block_keeps_no_read_buffer_alive() {
    for step in [usize::MAX, 10_000] {
        let data = Bytes::from(vec![7; 16_384]);
        let stream = stream_of(&[Message::Piece { index: 0, begin: 0, data }]);
        let chunks = cut(stream.clone(), &[step]);
        let (messages, _) = decode_all(chunks);
        assert_eq!(messages.len(), 1);
        assert!(stream.is_unique(), "cut after {step}");
    }
}
