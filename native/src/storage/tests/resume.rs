//! What is trusted after a restart, and what isn't.

use std::fs;

use super::{Fixture, PIECE_BYTES};

fn trusted(fixture: &Fixture) -> Option<u32> {
    let (_, opened) = fixture.open();
    opened.unwrap().trusted.map(|have| have.count())
}

/// Two pieces of four stored and recorded.
fn interrupted() -> Fixture {
    let fixture = Fixture::of(&[2 * PIECE_BYTES, 2 * PIECE_BYTES]);
    let (shelf, _) = fixture.open();
    fixture.store_good(&shelf, 0);
    fixture.store_good(&shelf, 2);
    fixture.checkpoint(&shelf, &[0, 2]);
    fixture
}

fn record(fixture: &Fixture) -> std::path::PathBuf {
    fixture.path(&format!(".gannet-{}.resume", fixture.info.info_hash()))
}

#[test]
fn a_record_of_files_that_are_as_they_were_is_trusted() {
    let fixture = interrupted();
    let (_, opened) = fixture.open();
    let opened = opened.unwrap();
    let have = opened.trusted.unwrap();
    let pieces: Vec<_> = have.iter().map(|piece| piece.as_u32()).collect();
    assert_eq!(pieces, [0, 2]);
    assert_eq!(opened.present, [true, true]);
}

#[test]
fn a_record_of_a_file_that_was_touched_since_is_not_trusted() {
    let fixture = interrupted();
    let file = fs::File::options().write(true).open(fixture.path("t/1")).unwrap();
    file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    assert_eq!(trusted(&fixture), None);
}

#[test]
fn a_record_of_a_file_that_is_gone_is_not_trusted() {
    let fixture = interrupted();
    fs::remove_file(fixture.path("t/0")).unwrap();
    let (_, opened) = fixture.open();
    let opened = opened.unwrap();
    assert!(opened.trusted.is_none());
    assert_eq!(opened.present, [false, true]);
}

#[test]
fn a_file_of_ours_that_was_cut_short_is_made_whole_again_and_checked() {
    let fixture = interrupted();
    fs::File::options().write(true).open(fixture.path("t/0")).unwrap().set_len(5).unwrap();
    let (shelf, opened) = fixture.open();
    let opened = opened.unwrap();
    assert!(opened.trusted.is_none());
    assert_eq!(opened.present, [true, true]);
    assert!(fixture.read(&shelf, 0).is_ok_and(|bytes| bytes != fixture.piece(0)));
}

#[test]
fn a_record_that_is_damaged_at_any_place_is_not_trusted() {
    let fixture = interrupted();
    let whole = fs::read(record(&fixture)).unwrap();
    for at in (0..whole.len()).step_by(7) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x10;
        fs::write(record(&fixture), damaged).unwrap();
        assert_eq!(trusted(&fixture), None, "byte {at}");
        fs::write(record(&fixture), &whole[..at]).unwrap();
        assert_eq!(trusted(&fixture), None, "cut at {at}");
    }
    fs::write(record(&fixture), whole).unwrap();
    assert_eq!(trusted(&fixture), Some(2));
}

#[test]
fn a_record_of_another_torrent_is_not_trusted() {
    let fixture = interrupted();
    let other = Fixture::of(&[4 * PIECE_BYTES]);
    fs::copy(record(&fixture), record(&other)).unwrap();
    assert_eq!(trusted(&other), None);
}

#[test]
fn what_is_written_after_the_record_makes_it_worthless_until_the_next() {
    let fixture = interrupted();
    let (shelf, _) = fixture.open();
    // File systems tell times apart that are some milliseconds apart.
    std::thread::sleep(std::time::Duration::from_millis(30));
    fixture.store_good(&shelf, 1);
    assert_eq!(trusted(&fixture), None);
    fixture.checkpoint(&shelf, &[0, 1, 2]);
    assert_eq!(trusted(&fixture), Some(3));
}

#[test]
fn a_complete_torrent_leaves_nothing_but_its_files() {
    let fixture = interrupted();
    let (shelf, _) = fixture.open();
    fixture.store_good(&shelf, 1);
    fixture.store_good(&shelf, 3);
    fixture.checkpoint(&shelf, &[0, 1, 2, 3]);
    shelf.perform(gannet_core::storage::Order::Close);
    assert_eq!(fixture.names(), ["t"]);
}

#[test]
fn a_record_that_was_half_written_when_the_program_was_killed_goes_with_the_last() {
    let fixture = interrupted();
    fs::write(record(&fixture).with_extension("resume.tmp"), "GnRes").unwrap();
    let (shelf, _) = fixture.open();
    fixture.store_good(&shelf, 1);
    fixture.store_good(&shelf, 3);
    fixture.checkpoint(&shelf, &[0, 1, 2, 3]);
    assert_eq!(fixture.names(), ["t"]);
}
