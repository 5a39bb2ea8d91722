//! What becomes of a download, without any network.

use super::*;

const DISK_WAIT: Duration = Duration::from_secs(10);

fn goal() -> Goal {
    Goal { seeds: false, ratio: None, time: None, disk_wait: DISK_WAIT }
}

fn download(goal: Goal) -> Download {
    Download::new("name".into(), None, None, goal)
}

fn finished(goal: Goal) -> Download {
    let mut download = download(goal);
    assert_eq!(download.take(&News::Finished), Some(Task::Check));
    assert_eq!(download.checked(Ok(())), None);
    download
}

fn stats(state: TorrentState, peers_connected: u32) -> TorrentStats {
    TorrentStats {
        schema: 1,
        info_hash: None,
        name: None,
        state,
        elapsed_seconds: 0.0,
        transfer: Default::default(),
        total_bytes: 100,
        wanted_bytes: 100,
        have_bytes: 0,
        pieces: 1,
        pieces_wanted: 1,
        pieces_have: 0,
        pieces_checked: 0,
        pieces_at_start: 0,
        downloaded_bytes: 0,
        uploaded_bytes: 0,
        duplicate_bytes: 0,
        corrupt_bytes: 0,
        failed_pieces: 0,
        retries: 0,
        download_bytes_per_second: 0,
        upload_bytes_per_second: 0,
        eta_seconds: None,
        last_percent_seconds: None,
        peers_connected,
        seeds_connected: 0,
        peers_known: 2,
        memory_bytes: 0,
        trackers: vec![],
        peers: vec![],
    }
}

#[test]
fn finished_and_checked_is_done() {
    let download = finished(goal());
    assert!(download.is_over() && download.is_done());
    assert_eq!(download.exit(), Some(Exit::Done));
}

#[test]
fn a_wrong_checksum_is_no_end_in_peace() {
    let mut download = download(goal());
    download.take(&News::Finished);
    let task = download.checked(Err(Failure::say(Exit::Checksum, "f: wrong")));
    assert_eq!(task, Some(Task::Say("f: wrong".into())));
    assert_eq!((download.exit(), download.is_done()), (Some(Exit::Checksum), false));
}

#[test]
fn a_seeder_goes_on_until_its_ratio_or_its_time() {
    let now = Instant::now();
    let seeding = |goal| finished(Goal { seeds: true, ..goal });
    let mut forever = seeding(goal());
    forever.tick(now + Duration::from_secs(1_000_000), &stats(TorrentState::Seeding, 0));
    assert!(forever.is_done() && !forever.is_over());

    let mut by_time = seeding(Goal { time: Some(Duration::from_secs(5)), ..goal() });
    by_time.tick(now + Duration::from_secs(4), &stats(TorrentState::Seeding, 0));
    assert!(!by_time.is_over());
    by_time.tick(now + Duration::from_secs(6), &stats(TorrentState::Seeding, 0));
    assert!(by_time.is_over());

    let mut by_ratio = seeding(Goal { ratio: Some(1.5), ..goal() });
    let sent = |uploaded_bytes| TorrentStats { uploaded_bytes, ..stats(TorrentState::Seeding, 0) };
    by_ratio.tick(now, &sent(149));
    assert!(!by_ratio.is_over());
    by_ratio.tick(now, &sent(150));
    assert!(by_ratio.is_over());
}

#[test]
fn a_full_disk_is_waited_for_but_not_for_ever() {
    let full = News::StorageFailed(StorageError::Full { file: "f".into() });
    let waiting = stats(TorrentState::StorageError, 1);
    let mut download = download(goal());
    download.take(&full);
    let now = Instant::now();
    assert_eq!(download.tick(now, &waiting), None);
    // It fails again and again while it waits; that doesn't begin the wait anew.
    download.take(&full);
    download.take(&News::StorageRecovered);
    assert_eq!(download.tick(now + DISK_WAIT * 2, &waiting), None, "it has recovered");
    download.take(&full);
    let task = download.tick(now + DISK_WAIT * 2, &waiting);
    assert!(matches!(task, Some(Task::Say(said)) if said.contains("no space left")));
    assert_eq!(download.exit(), Some(Exit::DiskFull));
}

#[test]
fn a_foreign_file_is_not_waited_for() {
    for error in [
        StorageError::Foreign { file: "f".into(), found_bytes: 1, expected_bytes: 2 },
        StorageError::ReadOnly { file: "f".into(), kind: ErrorKind::PermissionDenied },
        StorageError::Io { file: "f".into(), kind: ErrorKind::NotADirectory },
    ] {
        let mut download = download(goal());
        download.take(&News::StorageFailed(error));
        assert_eq!(download.exit(), Some(Exit::Storage));
    }
}

#[test]
fn nobody_there_for_a_minute_is_no_peers() {
    let now = Instant::now();
    let (alone, met) = (stats(TorrentState::Downloading, 0), stats(TorrentState::Downloading, 1));
    let mut download = download(goal());
    download.tick(now, &alone);
    download.tick(now + LONELY_LIMIT / 2, &met);
    assert_eq!(download.tick(now + LONELY_LIMIT, &alone), None, "somebody was there in between");
    assert_eq!(download.tick(now + LONELY_LIMIT * 2 - Duration::from_secs(1), &alone), None);
    let task = download.tick(now + LONELY_LIMIT * 2, &alone);
    assert!(matches!(task, Some(Task::Say(said)) if said.contains("none can be reached")));
    assert_eq!(download.exit(), Some(Exit::NoPeers));
}

#[test]
fn a_check_of_the_disk_needs_no_peers() {
    let now = Instant::now();
    let mut download = download(goal());
    let checking = stats(TorrentState::Checking, 0);
    download.tick(now, &checking);
    assert_eq!(download.tick(now + LONELY_LIMIT * 10, &checking), None);
}
