use bytes::Bytes;
use gannet_core::metainfo::MetainfoError;

use super::*;

/// A .torrent of a file called `name`: each name is another torrent.
fn torrent(name: &str, comment: &str) -> Bytes {
    let (name, comment) = (bencoded(name), bencoded(comment));
    let pieces = "x".repeat(20);
    format!("d7:comment{comment}4:infod6:lengthi5e4:name{name}12:piece lengthi16384e6:pieces20:{pieces}ee")
        .into()
}

fn bencoded(text: &str) -> String {
    format!("{}:{text}", text.len())
}

fn published(name: &str, payload: &str) -> Published {
    Published::read(name, torrent(payload, "")).unwrap()
}

fn catalogue() -> Catalogue {
    Catalogue::open(None, 10, 10_000).unwrap()
}

#[test]
fn a_published_torrent_is_found_by_name_in_any_case_and_by_info_hash() {
    let catalogue = catalogue();
    let (kept, is_new) = catalogue.insert(published("Größe", "a")).unwrap();
    assert!(is_new);
    assert_eq!(catalogue.named("grÖSSE"), None, "ß is no ss");
    assert_eq!(catalogue.named("GRÖßE").unwrap(), kept);
    assert_eq!(catalogue.of_torrent(&kept.info_hash).unwrap(), kept);
    assert_eq!((kept.path().as_str(), kept.total_bytes), ("/torrents/Gr%C3%B6%C3%9Fe.torrent", 5));
}

#[test]
fn names_are_made_safe_and_fit_with_their_suffix() {
    let name = |name: &str| Published::read(name, torrent("a", "")).map(|published| published.name);
    assert_eq!(name("../../etc/passwd").unwrap(), ".._.._etc_passwd");
    assert_eq!(name("a.torrent").unwrap(), "a");
    assert_eq!(name("a.TORRENT").unwrap(), "a");
    assert_eq!(name("<img src=x onerror=alert(1)>").unwrap(), "<img src=x onerror=alert(1)>");
    assert_eq!(name("gpj.\u{202e}exe").unwrap(), "gpj._exe");
    assert_eq!(name("con").unwrap(), "_con");
    assert_eq!(name(&"€".repeat(200)).unwrap().len(), 246, "255, less the suffix and a split €");
    assert!(matches!(name(".."), Err(PublishError::Name(_))));
    assert!(matches!(name(""), Err(PublishError::Name(_))));
    let error = Published::read("a", Bytes::from_static(b"de")).unwrap_err();
    assert!(matches!(error, PublishError::Torrent(MetainfoError::Missing { .. })), "{error:?}");
}

#[test]
fn a_name_belongs_to_one_torrent_and_a_torrent_has_one_name() {
    let catalogue = catalogue();
    catalogue.insert(published("a", "first")).unwrap();
    let error = catalogue.insert(published("A", "second")).unwrap_err();
    assert!(matches!(error, CatalogueError::NameTaken { name } if name == "A"));
    let error = catalogue.insert(published("b", "first")).unwrap_err();
    assert!(
        matches!(error, CatalogueError::AlreadyPublished { path } if path == "/torrents/a.torrent")
    );
    let other_file = Published::read("a", torrent("first", "now with a comment")).unwrap();
    let (kept, is_new) = catalogue.insert(other_file).unwrap();
    assert!(!is_new && catalogue.named("a").unwrap().torrent == kept.torrent);
    assert_eq!(catalogue.len(), 1);
}

#[test]
fn there_is_room_for_so_many_torrents_and_so_many_bytes() {
    let bytes = torrent("a", "").len() as u64;
    let few = Catalogue::open(None, 1, 10_000).unwrap();
    few.insert(published("a", "a")).unwrap();
    assert!(matches!(few.insert(published("b", "b")), Err(CatalogueError::Full)));
    few.insert(published("a", "a")).unwrap();
    few.remove("a").unwrap();
    few.insert(published("b", "b")).unwrap();

    let small = Catalogue::open(None, 10, bytes).unwrap();
    small.insert(published("a", "a")).unwrap();
    assert!(matches!(small.insert(published("b", "b")), Err(CatalogueError::Full)));
}

#[test]
fn a_folder_keeps_them_byte_for_byte_and_passes_over_what_is_bad() {
    let dir = tempfile::tempdir().unwrap();
    let open = || Catalogue::open(Some(dir.path()), 10, 10_000).unwrap();
    let catalogue = open();
    catalogue.insert(published("kept", "a")).unwrap();
    catalogue.insert(published("gone", "b")).unwrap();
    catalogue.insert(published("Renamed", "c")).unwrap();
    catalogue.insert(published("renamed", "c")).unwrap();
    catalogue.remove("GONE").unwrap().unwrap();
    std::fs::write(dir.path().join("bad.torrent"), "rubbish").unwrap();
    std::fs::write(dir.path().join("notes.txt"), "nothing to do with it").unwrap();
    std::fs::write(dir.path().join("bidi\u{202e}.torrent"), torrent("d", "")).unwrap();

    let again = open();
    let names: Vec<_> = again.all().iter().map(|published| published.name.clone()).collect();
    assert_eq!(names, ["kept", "renamed"]);
    assert_eq!(again.named("kept").unwrap().torrent, torrent("a", ""));
    assert!(dir.path().join("bad.torrent").exists(), "it may be somebody's");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 5, "no temporary file is left");
}

#[test]
fn what_another_instance_did_wins_over_what_was_here() {
    let catalogue = catalogue();
    catalogue.insert(published("a", "another torrent")).unwrap();
    catalogue.insert(published("elsewhere", "first")).unwrap();
    let theirs = Arc::new(published("a", "first"));
    catalogue.apply(CatalogueChange::Published(Arc::clone(&theirs))).unwrap();
    assert_eq!(catalogue.all(), [Arc::clone(&theirs)]);

    let removed = |info_hash| CatalogueChange::Removed { name: "A".to_owned(), info_hash };
    catalogue.apply(removed(published("b", "b").info_hash)).unwrap();
    assert_eq!(catalogue.len(), 1, "it has another torrent's name now");
    catalogue.apply(removed(theirs.info_hash)).unwrap();
    assert!(catalogue.is_empty());
}
