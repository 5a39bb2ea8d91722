//! A disk that is full, and has space again. Needs a small file system, which only root can mount;
//! anybody else is told that nothing was tested.

mod common;

use std::{fs, path::Path, process::Command, time::Duration};

use common::*;
use gannet::News;
use gannet_core::{stats::TorrentState, storage::StorageError};
use tokio::time::{sleep, timeout};

const DISK_BYTES: usize = 2 * 1024 * 1024;

/// A file system of its own in memory, for as long as it isn't dropped.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let size = format!("size={DISK_BYTES}");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(dir.path());
        mount.status().is_ok_and(|status| status.success()).then_some(Self(dir))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn remount(&self, option: &str) {
        let mut mount = Command::new("mount");
        mount.args(["-o", &format!("remount,{option}")]).arg(self.path());
        assert!(mount.status().unwrap().success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a client that has just ended may still close its files.
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

#[tokio::test]
async fn a_full_disk_is_told_and_the_download_goes_on_once_there_is_space() {
    let Some(disk) = SmallDisk::mount() else {
        eprintln!("NOT TESTED: no file system can be mounted here");
        return;
    };
    let ballast = disk.path().join("ballast");
    fs::write(&ballast, vec![1; DISK_BYTES / 2]).unwrap();
    let sample = Sample::file(DISK_BYTES * 3 / 4);
    let seeder = sample.seeder().await;
    let client = client();
    let (torrent, mut events) =
        client.add(sample.add(&[seeder.addr]), below(disk.path())).await.unwrap();

    let news = until(&mut events, |news| matches!(news, News::StorageFailed(_))).await;
    let Some(News::StorageFailed(error)) = news.last() else { panic!("no failure") };
    assert!(matches!(error, StorageError::Full { .. }), "{error:?}");
    // Pieces that were under way may still fit in.
    let stopped = async {
        while torrent.stats().await.unwrap().state != TorrentState::StorageError {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, stopped).await.expect("the torrent doesn't wait for the disk");

    fs::remove_file(&ballast).unwrap();
    until_finished(&mut events).await;
    let stats = torrent.stats().await.unwrap();
    assert_eq!(stats.have_bytes, sample.data.len() as u64);
    assert_eq!(stats.corrupt_bytes, 0);
    torrent.remove().await;
    sample.assert_below(disk.path());
}

#[tokio::test]
async fn a_disk_that_becomes_read_only_is_told() {
    let Some(disk) = SmallDisk::mount() else {
        eprintln!("NOT TESTED: no file system can be mounted here");
        return;
    };
    disk.remount("ro");
    let sample = Sample::file(DISK_BYTES / 2);
    let seeder = sample.seeder().await;
    let client = client();
    let (_torrent, mut events) =
        client.add(sample.add(&[seeder.addr]), below(disk.path())).await.unwrap();
    let news = until(&mut events, |news| matches!(news, News::StorageFailed(_))).await;
    let Some(News::StorageFailed(error)) = news.last() else { panic!("no failure") };
    assert!(matches!(error, StorageError::ReadOnly { .. }), "{error:?}");
    disk.remount("rw");
    until_finished(&mut events).await;
}
