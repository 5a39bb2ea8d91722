//! What the bencode reader takes and refuses, and that the writer agrees with it.

use gannet_core::bencode::{
    BencodeError, Encoded, Limits, MAX_DEPTH, Reason, Step, Value, parse, parse_prefix,
};
use proptest::prelude::*;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn refusal(input: &[u8]) -> (usize, Reason) {
    let BencodeError { offset, reason } =
        parse(input, Limits::default()).err().unwrap_or_else(|| panic!("{input:?} was taken"));
    (offset, reason)
}

fn accepted(input: &[u8]) -> Vec<u8> {
    let document = parse(input, Limits::default()).unwrap_or_else(|e| panic!("{input:?}: {e}"));
    document.root().span().to_vec()
}

#[test]
fn integers_have_one_spelling() {
    for (input, number) in [
        ("i0e", 0),
        ("i-1e", -1),
        ("i9223372036854775807e", i64::MAX),
        ("i-9223372036854775808e", i64::MIN),
    ] {
        let document = parse(input.as_bytes(), Limits::default()).unwrap();
        assert_eq!(document.root().as_int(), Some(number));
    }
    for (input, reason) in [
        ("i05e", Reason::LeadingZero),
        ("i00e", Reason::LeadingZero),
        ("i-0e", Reason::LeadingZero),
        ("i-05e", Reason::LeadingZero),
        ("ie", Reason::IntegerSyntax),
        ("i-e", Reason::IntegerSyntax),
        ("i+5e", Reason::IntegerSyntax),
        ("i 5e", Reason::IntegerSyntax),
        ("i5xe", Reason::IntegerSyntax),
        ("i5", Reason::Truncated),
        ("i", Reason::Truncated),
        ("i9223372036854775808e", Reason::IntegerRange),
        ("i-9223372036854775809e", Reason::IntegerRange),
    ] {
        assert_eq!(refusal(input.as_bytes()), (0, reason), "{input}");
    }
}

#[test]
fn a_string_never_reaches_beyond_the_input() {
    assert_eq!(accepted(b"0:"), b"0:");
    assert_eq!(accepted(b"3:\0\xff:"), b"3:\0\xff:");
    for (input, reason) in [
        ("4:abc", Reason::StringTooLong),
        ("18446744073709551615:a", Reason::StringTooLong),
        ("99999999999999999999999999:a", Reason::StringTooLong),
        ("03:abc", Reason::LengthSyntax),
        ("3;abc", Reason::LengthSyntax),
        ("-1:a", Reason::NegativeLength),
        ("3", Reason::Truncated),
    ] {
        assert_eq!(refusal(input.as_bytes()), (0, reason), "{input}");
    }
}

#[test]
fn a_dictionary_may_be_unsorted_but_not_ambiguous() {
    let document = parse(b"d1:bi1e1:ai2ee", Limits::default()).unwrap();
    let dict = document.root().dict().unwrap();
    assert_eq!(dict.find(b"a").and_then(Value::as_int), Some(2));
    assert_eq!(dict.find(b"c").map(Value::span), None);
    assert_eq!(refusal(b"ld1:ai1e1:ai2eee"), (1, Reason::DuplicateKey));
    assert_eq!(refusal(b"d1:ai1e1:bi2e1:ai3ee"), (0, Reason::DuplicateKey));
    assert_eq!(refusal(b"di1ei2ee"), (1, Reason::KeyNotString));
    assert_eq!(refusal(b"d1:ae"), (4, Reason::MissingValue));
    assert_eq!(accepted(b"d1:ad1:ai1eee"), b"d1:ad1:ai1eee", "the same key one level down");
}

#[test]
fn what_is_cut_off_or_foreign_says_where() {
    assert_eq!(refusal(b""), (0, Reason::Truncated));
    assert_eq!(refusal(b"li1e"), (4, Reason::Truncated));
    assert_eq!(refusal(b"li1ex"), (4, Reason::UnexpectedByte(b'x')));
    assert_eq!(refusal(b"e"), (0, Reason::UnexpectedByte(b'e')));
    assert_eq!(refusal(b"<html>"), (0, Reason::UnexpectedByte(b'<')));
    assert_eq!(refusal(b"i1e \n i2e"), (6, Reason::TrailingData));
    let message = parse(b"li05ee", Limits::default()).unwrap_err().to_string();
    assert_eq!(message, "at byte 1: an integer has a leading zero or is minus zero");
}

#[test]
fn white_space_may_follow_and_is_no_part_of_the_value() {
    assert_eq!(accepted(b"d1:ai1ee\r\n \t"), b"d1:ai1ee");
}

#[test]
fn a_prefix_tells_where_it_ends() {
    let (document, consumed) = parse_prefix(b"d1:ai1eepayload", Limits::default()).unwrap();
    assert_eq!((document.root().span(), consumed), (&b"d1:ai1ee"[..], 8));
}

#[test]
fn nesting_a_million_deep_is_an_error_and_no_crash() {
    for open in [&b"l"[..], b"d1:a", b"ld1:a"] {
        let bomb = open.repeat(1_000_000);
        let (_, reason) = refusal(&bomb);
        assert_eq!(reason, Reason::TooDeep(MAX_DEPTH));
    }
    let all = |depth| [b"l".repeat(depth), b"e".repeat(depth)].concat();
    assert_eq!(accepted(&all(MAX_DEPTH)).len(), 2 * MAX_DEPTH);
    assert_eq!(refusal(&all(MAX_DEPTH + 1)), (MAX_DEPTH, Reason::TooDeep(MAX_DEPTH)));
}

#[test]
fn depth_that_a_caller_allows_is_read_walked_and_dropped_without_the_stack() {
    const DEPTH: usize = 1_000_000;
    let limits = Limits { depth: DEPTH, ..Limits::default() };
    let input = [b"l".repeat(DEPTH), b"e".repeat(DEPTH)].concat();
    let document = parse(&input, limits).unwrap();
    assert_eq!(document.root().walk().count(), 2 * DEPTH);
}

#[test]
fn more_values_than_allowed_are_refused() {
    let limits = Limits { tokens: 4, ..Limits::default() };
    assert!(parse(b"li1ei2ei3ee", limits).is_ok());
    let error = parse(b"li1ei2ei3ei4ee", limits).unwrap_err();
    assert_eq!(error, BencodeError { offset: 10, reason: Reason::TooManyTokens(4) });
}

#[test]
fn many_unsorted_keys_are_compared_without_a_quadratic_search() {
    let mut input = vec![b'd'];
    (0..200_000).rev().for_each(|n| input.extend_from_slice(format!("6:{n:06}i1e").as_bytes()));
    input.push(b'e');
    assert_eq!(accepted(&input).len(), input.len());
}

#[test]
fn a_walk_tells_keys_from_strings() {
    let document = parse(b"d1:al1:bd1:c1:de0:e1:zi7ee", Limits::default()).unwrap();
    let steps: Vec<_> = document.root().walk().collect();
    let expected = [
        Step::OpenDict,
        Step::Key(b"a"),
        Step::OpenList,
        Step::Bytes(b"b"),
        Step::OpenDict,
        Step::Key(b"c"),
        Step::Bytes(b"d"),
        Step::CloseDict,
        Step::Bytes(b""),
        Step::CloseList,
        Step::Key(b"z"),
        Step::Int(7),
        Step::CloseDict,
    ];
    assert_eq!(steps, expected);
    let inner = document.root().dict().unwrap().find(b"a").unwrap();
    assert_eq!(inner.walk().collect::<Vec<_>>(), expected[2..10]);
}

#[test]
fn the_writer_sorts_keys_as_bytes() {
    let dict = Encoded::dict([
        (&b"b"[..], Encoded::int(1)),
        (b"\xff", Encoded::list([])),
        (b"", Encoded::bytes("x")),
        (b"ab", Encoded::int(-2)),
        (b"b", Encoded::int(3)),
    ]);
    assert_eq!(dict.as_bytes(), b"d0:1:x2:abi-2e1:bi3e1:\xfflee");
}

#[derive(Debug, Clone, PartialEq)]
enum Tree {
    Int(i64),
    Bytes(Vec<u8>),
    List(Vec<Tree>),
    Dict(std::collections::BTreeMap<Vec<u8>, Tree>),
}

fn trees() -> impl Strategy<Value = Tree> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..12);
    let leaf = prop_oneof![any::<i64>().prop_map(Tree::Int), bytes().prop_map(Tree::Bytes)];
    leaf.prop_recursive(5, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Tree::List),
            prop::collection::btree_map(bytes(), inner, 0..6).prop_map(Tree::Dict),
        ]
    })
}

fn encode(tree: &Tree) -> Encoded {
    match tree {
        Tree::Int(number) => Encoded::int(*number),
        Tree::Bytes(bytes) => Encoded::bytes(bytes),
        Tree::List(items) => Encoded::list(items.iter().map(encode)),
        Tree::Dict(entries) => Encoded::dict(entries.iter().rev().map(|(k, v)| (k, encode(v)))),
    }
}

fn decode(value: Value<'_>) -> Tree {
    if let Some(items) = value.list() {
        return Tree::List(items.map(decode).collect());
    }
    if let Some(dict) = value.dict() {
        let entries = dict.entries().map(|(key, value)| (key.to_vec(), decode(value)));
        return Tree::Dict(entries.collect());
    }
    match value.as_int() {
        Some(number) => Tree::Int(number),
        None => Tree::Bytes(value.as_bytes().unwrap().to_vec()),
    }
}

/// Bytes that look like bencode more often than chance would have it.
fn near_bencode() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop::sample::select(&b"deil0123:-a\xff"[..]), 0..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn what_is_written_reads_back_the_same(tree in trees(), tail: Vec<u8>) {
        let encoded = encode(&tree).into_bytes();
        let document = parse(&encoded, Limits::default()).unwrap();
        prop_assert_eq!(decode(document.root()), tree);
        let input = [&encoded[..], &tail].concat();
        prop_assert_eq!(parse_prefix(&input, Limits::default()).unwrap().1, encoded.len());
        for end in 0..encoded.len() {
            prop_assert!(parse_prefix(&encoded[..end], Limits::default()).is_err());
        }
    }

    #[test]
    fn no_bytes_make_the_reader_panic(input in prop_oneof![any::<Vec<u8>>(), near_bencode()]) {
        match parse_prefix(&input, Limits::default()) {
            Ok((document, consumed)) => {
                prop_assert_eq!(document.root().span(), &input[..consumed]);
                prop_assert!(document.root().walk().count() > 0);
                prop_assert_eq!(encode(&decode(document.root())).as_bytes().len(), consumed);
            }
            Err(error) => prop_assert!(error.offset <= input.len()),
        }
    }
}
