//! Files that the user doesn't want, and the pieces they share with files he does.

use std::fs;

use gannet_core::{
    bitfield::Bitfield,
    storage::{Order, Outcome, StorageError},
};

use super::{Fixture, PIECE_BYTES};

/// Three files of a piece and a half each, of which only the middle one is wanted.
fn middle_wanted() -> Fixture {
    Fixture::of(&[PIECE_BYTES * 3 / 2; 3])
}

fn hidden(fixture: &Fixture, file: usize) -> std::path::PathBuf {
    fixture.path(&format!(".gannet-{}/{file}", fixture.info.info_hash()))
}

fn select(shelf: &super::Shelf, wanted: [bool; 3]) -> Result<(), StorageError> {
    let order = Order::Select { wanted: wanted.to_vec() };
    let Outcome::Selected(result) = shelf.perform(order) else { panic!("not selected") };
    result
}

#[test]
fn bytes_of_files_that_are_not_wanted_stay_out_of_sight() {
    let fixture = middle_wanted();
    let (shelf, _) = fixture.open_wanting(&[false, true, false]);
    // Piece 1 is half of file 0; pieces 1 and 2 make file 1.
    fixture.store_good(&shelf, 1);
    fixture.store_good(&shelf, 2);
    assert_eq!(fixture.read(&shelf, 1), Ok(fixture.piece(1)));
    assert!(!fixture.path("t/0").exists());
    assert!(hidden(&fixture, 0).exists());
    let middle = &fixture.data[PIECE_BYTES * 3 / 2..PIECE_BYTES * 3];
    assert_eq!(fs::read(fixture.path("t/1")).unwrap(), middle);
}

#[test]
fn hidden_bytes_serve_until_the_end_and_then_go() {
    let fixture = middle_wanted();
    let (shelf, _) = fixture.open_wanting(&[false, true, false]);
    fixture.store_good(&shelf, 1);
    fixture.store_good(&shelf, 2);
    let have = Bitfield::new(fixture.info.layout().piece_count());
    let order = Order::Checkpoint { have, complete: true };
    assert!(matches!(shelf.perform(order), Outcome::Checkpointed(Ok(()))));
    assert_eq!(fixture.read(&shelf, 1), Ok(fixture.piece(1)));
    shelf.perform(Order::Close);
    assert_eq!(fixture.names(), ["t"]);
}

#[test]
fn hidden_bytes_are_there_when_their_file_is_wanted_after_all() {
    let fixture = middle_wanted();
    let (shelf, _) = fixture.open_wanting(&[false, true, false]);
    fixture.store_good(&shelf, 1);
    select(&shelf, [true, true, false]).unwrap();
    assert_eq!(fixture.read(&shelf, 1), Ok(fixture.piece(1)));
    fixture.store_good(&shelf, 0);
    assert_eq!(fs::read(fixture.path("t/0")).unwrap(), fixture.data[..PIECE_BYTES * 3 / 2]);
    assert!(!hidden(&fixture, 0).exists());
}

#[test]
fn a_file_that_is_no_longer_wanted_keeps_its_place_if_it_has_one() {
    let fixture = middle_wanted();
    let (shelf, _) = fixture.open();
    fixture.store_good(&shelf, 0);
    select(&shelf, [false, true, false]).unwrap();
    fixture.store_good(&shelf, 1);
    fixture.store_good(&shelf, 3);
    assert_eq!(fs::read(fixture.path("t/0")).unwrap(), fixture.data[..PIECE_BYTES * 3 / 2]);
    assert!(!fixture.path("t/2").exists());
    assert!(hidden(&fixture, 2).exists());
}

#[test]
fn a_foreign_file_is_only_in_the_way_where_it_is_wanted() {
    let fixture = middle_wanted();
    fs::create_dir(fixture.path("t")).unwrap();
    fs::write(fixture.path("t/2"), b"mine").unwrap();
    let (shelf, opened) = fixture.open_wanting(&[true, true, false]);
    assert_eq!(opened.unwrap().present, [false; 3]);
    fixture.store_good(&shelf, 3);
    let refused = select(&shelf, [true, true, true]);
    assert!(matches!(refused, Err(StorageError::Foreign { .. })), "{refused:?}");
    assert_eq!(fs::read(fixture.path("t/2")).unwrap(), b"mine");
    assert_eq!(fixture.read(&shelf, 3), Ok(fixture.piece(3)));
}

#[test]
fn what_was_hidden_is_trusted_again_after_a_restart() {
    let fixture = middle_wanted();
    let (shelf, _) = fixture.open_wanting(&[false, true, false]);
    fixture.store_good(&shelf, 1);
    fixture.checkpoint(&shelf, &[1]);
    let (shelf, opened) = fixture.open_wanting(&[false, true, false]);
    let opened = opened.unwrap();
    assert_eq!(opened.trusted.map(|have| have.count()), Some(1));
    assert_eq!(opened.present, [true, true, false]);
    assert_eq!(fixture.read(&shelf, 1), Ok(fixture.piece(1)));
}
