//! Which torrents are read, how, and what is said about those that aren't.

use bytes::Bytes;
use gannet_core::{
    bencode::Encoded,
    id::InfoHash,
    metainfo::{Attributes, Draft, DraftFile, Info, MAX_TORRENT_BYTES, MAX_URLS, Metainfo},
};
use proptest::prelude::*;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const PIECE_LENGTH: i64 = 16384;

type Entries = Vec<(&'static str, Encoded)>;

fn text(text: impl AsRef<[u8]>) -> Encoded {
    Encoded::bytes(text)
}

/// Entries of an info dictionary with some replaced, added, or (`None`) taken away.
fn with(
    mut entries: Entries,
    changes: impl IntoIterator<Item = (&'static str, Option<Encoded>)>,
) -> Encoded {
    for (key, value) in changes {
        entries.retain(|(own, _)| *own != key);
        entries.extend(value.map(|value| (key, value)));
    }
    Encoded::dict(entries)
}

fn common() -> Entries {
    let piece_length = Encoded::int(PIECE_LENGTH);
    vec![("name", text("n")), ("piece length", piece_length), ("pieces", text([7; 20]))]
}

fn single(changes: impl IntoIterator<Item = (&'static str, Option<Encoded>)>) -> Encoded {
    with([common(), vec![("length", Encoded::int(5))]].concat(), changes)
}

/// A torrent of several files, 5 bytes in the first and none in the others.
fn multi(paths: &[&[&[u8]]]) -> Encoded {
    let lengths = [5].into_iter().chain(std::iter::repeat(0));
    let files = lengths.zip(paths).map(|(length, path)| {
        let path = Encoded::list(path.iter().map(text));
        Encoded::dict([("length", Encoded::int(length)), ("path", path)])
    });
    with(common(), [("files", Some(Encoded::list(files)))])
}

fn info(info: Encoded) -> Result<Info, String> {
    Info::parse(info.into_bytes().into()).map_err(|error| error.to_string())
}

fn torrent(entries: Entries) -> Metainfo {
    let root = Encoded::dict(entries.into_iter().chain([("info", single([]))]));
    Metainfo::parse(root.into_bytes().into()).unwrap()
}

fn refusal(changes: impl IntoIterator<Item = (&'static str, Option<Encoded>)>) -> String {
    info(single(changes)).unwrap_err()
}

fn paths(info: &Info) -> Vec<String> {
    info.files().iter().map(|file| file.path.join("/")).collect()
}

#[test]
fn the_info_hash_is_that_of_the_bytes_as_they_came() {
    // Unsorted, with an unknown key, and a newline behind the torrent.
    let raw = b"d6:pieces20:aaaaaaaaaaaaaaaaaaaa4:name1:x12:piece lengthi16384e6:lengthi1e1:zlee";
    let torrent = [b"d4:info", &raw[..], b"8:announce8:http://ae\n"].concat();
    let metainfo = Metainfo::parse(torrent.into()).unwrap();
    // sha1sum of the bytes above.
    assert_eq!(metainfo.info.info_hash().to_string(), "7bb73a9b7484c9b493a028ca683afa558186bc8d");
    assert_eq!(metainfo.info.raw(), &raw[..]);
    let piece = metainfo.info.layout().piece(0).unwrap();
    assert_eq!(metainfo.info.piece_hash(piece), &[b'a'; 20]);
    assert_eq!(metainfo.trackers, [["http://a"]]);
}

#[test]
fn metadata_from_peers_must_be_what_was_asked_for_and_nothing_more() {
    let raw = Bytes::from(single([]).into_bytes());
    let hash = *Info::parse(raw.clone()).unwrap().info_hash();
    assert!(Info::parse_expecting(raw.clone(), &hash).is_ok());
    let other = InfoHash::new([0; 20]);
    let error = Info::parse_expecting(raw.clone(), &other).unwrap_err().to_string();
    assert_eq!(error, format!("the info hash is {hash}, not {other}"));
    let longer = Bytes::from([&raw[..], b"\n"].concat());
    let error = Info::parse(longer).unwrap_err().to_string();
    let expected = format!("at byte {}: something follows the end of the value", raw.len());
    assert_eq!(error, format!("not a torrent: {expected}"));
}

#[test]
fn each_fault_names_its_field() {
    let int = |number| Some(Encoded::int(number));
    for (changes, expected) in [
        (("pieces", Some(text([0; 39]))), "info.pieces: 39 bytes is not a multiple of 20"),
        (("pieces", Some(text([0; 40]))), "info.pieces: 2 hashes for 1 pieces"),
        (("pieces", Some(text(""))), "info.pieces: 0 hashes for 1 pieces"),
        (("pieces", int(3)), "info.pieces: not a string"),
        (("pieces", None), "info.pieces: missing"),
        (("piece length", None), "info.piece length: missing"),
        (("piece length", Some(text("16384"))), "info.piece length: not an integer"),
        (("piece length", int(-1)), "info.piece length: -1 is negative"),
        (
            ("piece length", int(0)),
            "info.piece length: a piece length of 0 bytes is not within 16 KiB and 64 MiB",
        ),
        (
            ("piece length", int(u32::MAX.into())),
            "info.piece length: a piece length of 4294967295 bytes is not within 16 KiB and 64 MiB",
        ),
        (
            ("piece length", int(i64::MAX)),
            "info.piece length: a piece length of 9223372036854775807 bytes is not within 16 KiB \
             and 64 MiB",
        ),
        (("length", int(-5)), "info.length: -5 is negative"),
        (
            ("length", int(i64::MAX)),
            "info.piece length: 562949953421312 pieces are more than the 2097152 that are read",
        ),
        (("length", None), "info.length: missing"),
        (("name", int(1)), "info.name: not a string"),
        (
            ("files", int(1)),
            "info: both length and files are there; a torrent has one or the other",
        ),
    ] {
        assert_eq!(refusal([changes]), expected);
    }
    let files = |files| info(with(common(), [("files", Some(files))])).unwrap_err();
    assert_eq!(files(Encoded::int(1)), "info.files: not a list");
    assert_eq!(files(Encoded::list([])), "info.files: empty");
    assert_eq!(files(Encoded::list([Encoded::int(1)])), "info.files: not a list of dictionaries");
    let entry = |entries: Entries| files(Encoded::list([Encoded::dict(entries)]));
    assert_eq!(entry(vec![]), "info.files[0].length: missing");
    assert_eq!(entry(vec![("length", Encoded::int(-1))]), "info.files[0].length: -1 is negative");
    let length = ("length", Encoded::int(5));
    assert_eq!(entry(vec![length.clone()]), "info.files[0].path: missing");
    let path = ("path", Encoded::list([Encoded::int(1)]));
    assert_eq!(entry(vec![length, path]), "info.files[0].path: not a list of strings");
}

#[test]
fn lengths_that_add_up_to_too_much_are_refused() {
    let file = |name| {
        let path = Encoded::list([text(name)]);
        Encoded::dict([("length", Encoded::int(i64::MAX)), ("path", path)])
    };
    let files = Encoded::list([file("a"), file("b"), file("c")]);
    let error = info(with(common(), [("files", Some(files))])).unwrap_err();
    assert_eq!(error, "info.length: the files are longer together than 2^63 bytes");
}

#[test]
fn what_is_no_torrent_says_so() {
    let parse =
        |bytes: &[u8]| Metainfo::parse(Bytes::copy_from_slice(bytes)).unwrap_err().to_string();
    assert_eq!(parse(b"<html>"), "not a torrent: at byte 0: no value begins with byte 0x3c");
    assert_eq!(parse(b""), "not a torrent: at byte 0: the input ends inside a value");
    assert_eq!(parse(b"i1e"), "not a torrent: the outermost value is not a dictionary");
    assert_eq!(parse(b"de"), "info: missing");
    assert_eq!(parse(b"d4:infoi1ee"), "info: not a dictionary");
    let bomb = [b"d4:info", &b"l".repeat(1_000_000)[..]].concat();
    assert!(parse(&bomb).ends_with("more than 100 lists and dictionaries inside each other"));
    let huge = parse(&vec![b'1'; MAX_TORRENT_BYTES + 1]);
    assert_eq!(huge, "67108865 bytes are more than the 67108864 that are read of a torrent");
}

#[test]
fn a_v2_torrent_is_refused_and_a_hybrid_read_as_v1() {
    let version = ("meta version", Some(Encoded::int(2)));
    let tree = ("file tree", Some(Encoded::dict::<&str>([])));
    let without = [("pieces", None), ("length", None)];
    let expected = "v2-only torrents aren't supported";
    assert_eq!(refusal([version.clone()].into_iter().chain(without.clone())), expected);
    assert_eq!(refusal([tree.clone()].into_iter().chain(without)), expected);
    assert!(info(single([version, tree])).is_ok());
}

#[test]
fn names_lead_nowhere_but_below_the_download_folder() {
    for (name, safe) in [
        ("../../etc/passwd", ".._.._etc_passwd"),
        ("/etc/passwd", "_etc_passwd"),
        ("C:\\x", "C__x"),
        ("nul.txt", "_nul.txt"),
        ("a\u{202e}b", "a_b"),
    ] {
        let info = info(single([("name", Some(text(name)))])).unwrap();
        assert_eq!((info.name(), paths(&info)), (safe, vec![safe.to_owned()]));
        let shown = name.replace('\u{202e}', r"\u{202e}");
        assert_eq!(info.original_name(), Some(&*shown));
        assert_eq!(info.files()[0].original.as_ref(), Some(&shown));
    }
    let info = info(multi(&[
        &[b"..", b"..", b"etc", b"x"],
        &[b"", b"a", b"b\xff"],
        &[b"ETC"],
        &[b"etc", b"X"],
        &[b"fine"],
    ]))
    .unwrap();
    assert_eq!(paths(&info), ["n/etc/x", "n/a/b\u{fffd}", "n/ETC (2)", "n/etc/X (2)", "n/fine"]);
    let originals: Vec<_> = info.files().iter().map(|file| file.original.as_deref()).collect();
    let changed = ["../../etc/x", r"/a/b\xff", "ETC", "etc/X"];
    assert_eq!(originals, [&changed.map(Some)[..], &[None]].concat());
}

#[test]
fn only_names_with_nothing_left_are_refused() {
    let nothing = |field: &str, name: &str| {
        format!("{field}: nothing is left of the name \"{name}\" once it is made safe")
    };
    assert_eq!(refusal([("name", Some(text("..")))]), nothing("info.name", ".."));
    assert_eq!(info(multi(&[&[b"."]])).unwrap_err(), nothing("info.files[0].path", "."));
    assert_eq!(info(multi(&[&[b"x"], &[]])).unwrap_err(), nothing("info.files[1].path", ""));
}

#[test]
fn a_name_in_utf8_comes_first_and_none_at_all_is_the_info_hash() {
    let both = info(single([("name.utf-8", Some(text("é"))), ("name", Some(text(b"\xe9")))]));
    assert_eq!(both.unwrap().name(), "é");
    let nameless = info(single([("name", None)])).unwrap();
    assert_eq!(nameless.name(), nameless.info_hash().to_string());
    let path = |name: &[u8]| Encoded::list([text(name)]);
    let file = [
        ("length", Encoded::int(5)),
        ("path", path(b"\xe9")),
        ("path.utf-8", path("é".as_bytes())),
    ];
    let files = Encoded::list([Encoded::dict(file)]);
    let info = info(with(common(), [("files", Some(files))])).unwrap();
    assert_eq!(paths(&info), ["n/é"]);
    assert!(!info.is_single_file(), "a list of one file is a folder with one file");
}

#[test]
fn pads_links_and_attributes_are_known() {
    let file = |entries: Entries| Encoded::dict(entries);
    let path = |parts: &[&str]| ("path", Encoded::list(parts.iter().map(text)));
    let length = |length| ("length", Encoded::int(length));
    let target = ["..", "..", "etc", "passwd"];
    let files = Encoded::list([
        file(vec![length(5), path(&["run.sh"]), ("attr", text("xh")), ("sha1", text([3; 20]))]),
        file(vec![length(16379), path(&[".pad", "0"]), ("attr", text("p"))]),
        file(vec![path(&["link"]), ("attr", text("l")), ("symlink path", path(&target).1)]),
        file(vec![length(0), path(&["empty"]), ("sha256", text([4; 32]))]),
        file(vec![length(0), path(&["odd"]), ("sha256", text([4; 31]))]),
    ]);
    let info = info(with(common(), [("files", Some(files))])).unwrap();
    let [script, pad, link, empty, odd] = info.files() else { panic!("{:?}", info.files()) };
    let attributes = Attributes { executable: true, hidden: true, ..Attributes::default() };
    assert_eq!((&script.attributes, script.sha1), (&attributes, Some([3; 20])));
    assert!(pad.attributes.pad && info.layout().files()[1].pad);
    let inside = vec!["etc".to_owned(), "passwd".to_owned()];
    assert_eq!((&link.attributes.symlink, link.length), (&Some(inside), 0));
    assert_eq!((empty.sha256, odd.sha256), (Some([4; 32]), None));
}

#[test]
fn a_torrent_without_a_byte_is_a_torrent() {
    let empty = [("length", Some(Encoded::int(0))), ("pieces", Some(text("")))];
    let info = info(single(empty)).unwrap();
    assert_eq!((info.layout().piece_count(), info.files().len()), (0, 1));
}

#[test]
fn private_is_any_number_but_zero() {
    for (value, private) in [(None, false), (Some(0), false), (Some(1), true), (Some(-7), true)] {
        let info = info(single([("private", value.map(Encoded::int))])).unwrap();
        assert_eq!(info.private(), private, "{value:?}");
    }
}

#[test]
fn trackers_come_in_tiers_each_once() {
    let tier = |urls: &[&str]| Encoded::list(urls.iter().map(text));
    let announce = ("announce", text(" http://alone "));
    let list = |tiers: Vec<Encoded>| ("announce-list", Encoded::list(tiers));
    let tiers =
        vec![tier(&["udp://a", "http://b", "udp://a"]), tier(&[""]), tier(&["http://b", "c"])];
    let several = torrent(vec![announce.clone(), list(tiers)]);
    assert_eq!(several.trackers, [vec!["udp://a", "http://b"], vec!["c"]]);
    for useless in [list(vec![]), list(vec![tier(&[])]), ("announce-list", Encoded::int(1))] {
        assert_eq!(torrent(vec![announce.clone(), useless]).trackers, [["http://alone"]]);
    }
    assert_eq!(torrent(vec![]).trackers, Vec::<Vec<String>>::new());
}

#[test]
fn more_urls_than_the_limit_and_overlong_ones_are_passed_over() {
    let urls = (0..MAX_URLS + 10).map(|n| text(format!("http://{n}")));
    let endless = text(format!("http://{}", "x".repeat(3000)));
    let list = Encoded::list([endless].into_iter().chain(urls));
    let torrent =
        torrent(vec![("announce-list", Encoded::list([list.clone()])), ("url-list", list)]);
    assert_eq!((torrent.trackers[0].len(), torrent.web_seeds.len()), (MAX_URLS, MAX_URLS));
    assert_eq!((&*torrent.trackers[0][0], &*torrent.web_seeds[0]), ("http://0", "http://0"));
}

#[test]
fn web_seeds_are_a_list_or_a_string() {
    let list = Encoded::list(["http://a/", "http://b/", "http://a/"].map(text));
    assert_eq!(torrent(vec![("url-list", list)]).web_seeds, ["http://a/", "http://b/"]);
    assert_eq!(torrent(vec![("url-list", text("http://a/"))]).web_seeds, ["http://a/"]);
    assert!(torrent(vec![("url-list", text(""))]).web_seeds.is_empty());
}

fn draft() -> Draft {
    let file = |path: &[&str], length| DraftFile {
        path: path.iter().map(|part| (*part).to_owned()).collect(),
        length,
        ..DraftFile::default()
    };
    Draft {
        name: "folder".to_owned(),
        files: vec![
            DraftFile { executable: true, sha256: Some([9; 32]), ..file(&["b", "run"], 20_000) },
            file(&["a"], 0),
        ],
        piece_length: 16384,
        hashes: vec![[1; 20], [2; 20]],
        private: true,
        trackers: vec![
            vec!["http://a".to_owned(), "http://b".to_owned()],
            vec!["udp://c".to_owned()],
        ],
        web_seeds: vec!["http://w/".to_owned()],
        comment: Some("for you".to_owned()),
        created_by: Some("gannet".to_owned()),
        creation_date: Some(1_700_000_000),
        ..Draft::default()
    }
}

#[test]
fn what_is_created_reads_back_the_same() {
    let draft = draft();
    let metainfo = Metainfo::parse(draft.encode().into()).unwrap();
    let info = &metainfo.info;
    assert_eq!((info.name(), info.private(), info.is_single_file()), ("folder", true, false));
    assert_eq!(paths(info), ["folder/b/run", "folder/a"]);
    assert!(info.files()[0].attributes.executable);
    assert_eq!(info.files()[0].sha256, Some([9; 32]));
    let hashes: Vec<_> = info.layout().pieces().map(|piece| *info.piece_hash(piece)).collect();
    assert_eq!(hashes, draft.hashes);
    assert_eq!(info.raw(), &draft.encode_info());
    assert_eq!((&metainfo.trackers, &metainfo.web_seeds), (&draft.trackers, &draft.web_seeds));
    assert_eq!((&metainfo.comment, &metainfo.created_by), (&draft.comment, &draft.created_by));
    assert_eq!(metainfo.creation_date, draft.creation_date);
}

#[test]
fn a_single_file_keeps_its_hash_and_needs_no_folder() {
    let mut draft =
        Draft { single_file: true, trackers: vec![vec!["http://a".to_owned()]], ..draft() };
    draft.files.truncate(1);
    let encoded = draft.encode();
    assert!(!encoded.windows(13).any(|part| part == b"announce-list"));
    let metainfo = Metainfo::parse(encoded.into()).unwrap();
    assert!(metainfo.info.is_single_file());
    assert_eq!(paths(&metainfo.info), ["folder"]);
    assert_eq!(metainfo.info.files()[0].sha256, Some([9; 32]));
    assert_eq!(metainfo.trackers, [["http://a"]]);
}

#[test]
fn a_torrent_tells_its_magnet_link() {
    let metainfo = Metainfo::parse(draft().encode().into()).unwrap();
    let expected = format!(
        "magnet:?xt=urn:btih:{}&dn=folder&tr=http%3A%2F%2Fa&tr=http%3A%2F%2Fb&tr=udp%3A%2F%2Fc\
         &ws=http%3A%2F%2Fw%2F",
        metainfo.info.info_hash()
    );
    assert_eq!(metainfo.magnet().to_string(), expected);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_damage_to_a_torrent_makes_the_reader_panic(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut: prop::sample::Index,
    ) {
        let mut torrent = draft().encode();
        for (at, byte) in damage {
            let at = at.index(torrent.len());
            torrent[at] = byte;
        }
        let cut = cut.index(torrent.len());
        prop_assert!(Metainfo::parse(Bytes::copy_from_slice(&torrent[..cut])).is_err());
        if let Ok(metainfo) = Metainfo::parse(torrent.into()) {
            let info = &metainfo.info;
            let length: u64 = info.files().iter().map(|file| file.length).sum();
            prop_assert_eq!(info.layout().total_length(), length);
            prop_assert!(info.files().iter().all(|file| !file.path.contains(&"..".to_owned())));
            for piece in info.layout().pieces() {
                info.piece_hash(piece);
            }
        }
    }
}
