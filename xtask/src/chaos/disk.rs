//! Disks that can't be written to, and can again. A small one has to be mounted, as root.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, ensure};
use tempfile::TempDir;

use super::Verdict;
use super::download::{Download, Log};
use super::stage::{Shared, Stage};
use crate::gannet::Seeder;

const PAYLOAD_BYTES: u64 = 6_000_000;
const DISK_BYTES: u64 = 8_000_000;
/// What fills the disk when half of the payload is there.
const BALLAST_BYTES: usize = 5_000_000;
const MAX_UPLOAD: &str = "2MB";
const LIMIT: Duration = Duration::from_secs(60);
/// The exit code of a folder that can't be written to.
const NOT_WRITABLE: i32 = 6;
const NO_DISK: &str = "no file system can be mounted here; root can";

/// A file system in memory, until it is dropped.
struct SmallDisk(TempDir);

impl SmallDisk {
    fn mount() -> Result<Option<Self>> {
        let folder = tempfile::tempdir()?;
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={DISK_BYTES}"), "tmpfs"]);
        let output = mount.arg(folder.path()).output();
        Ok(output.is_ok_and(|output| output.status.success()).then_some(Self(folder)))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn remount(&self, option: &str) -> Result<()> {
        let mut mount = Command::new("mount");
        mount.args(["-o", &format!("remount,{option}")]).arg(self.path());
        ensure!(mount.status()?.success(), "the disk can't be made {option}");
        Ok(())
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a download that has just ended may still close its files.
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

pub(super) fn full(stage: &Stage) -> Result<Verdict> {
    let Some(disk) = SmallDisk::mount()? else { return Ok(Verdict::NotTested(NO_DISK.into())) };
    let (shared, _seeder, peer) = share(stage, "full")?;
    let (into, ballast) = (disk.path().join("copy"), disk.path().join("ballast"));
    fs::write(&ballast, vec![1; BALLAST_BYTES])?;
    let mut download = Download::start(stage, &shared, &into, &peer)?;
    let told = fails(&mut download, "no space left on the disk")?;
    fs::remove_file(ballast)?;
    let log = download.finish(LIMIT)?;
    ensure!(log.named("storage_recovered").next().is_some(), "it didn't tell that it goes on");
    ensure!(log.came() == shared.pieces(), "{} pieces came", log.came());
    shared.check(&into)?;
    Ok(Verdict::Held(format!("told “{told}”, went on by itself, {} pieces", log.came())))
}

/// A file system with a file open for writing can't be made read-only, so the download is killed
/// before. The next one says so and ends; once it can, another goes on with what was there.
pub(super) fn read_only(stage: &Stage) -> Result<Verdict> {
    let Some(disk) = SmallDisk::mount()? else { return Ok(Verdict::NotTested(NO_DISK.into())) };
    let (shared, _seeder, peer) = share(stage, "read-only")?;
    let into = disk.path().join("copy");
    let mut download = Download::start(stage, &shared, &into, &peer)?;
    download.until_pieces(shared.pieces() / 2, LIMIT)?;
    download.kill()?;
    disk.remount("ro")?;
    let mut download = Download::start(stage, &shared, &into, &peer)?;
    ensure!(download.ends_within(LIMIT)?, "it neither fails nor ends");
    let (code, log) = download.end()?;
    let told = failure(&log);
    ensure!(code == Some(NOT_WRITABLE), "it ended with {code:?}, and told {told:?}");
    ensure!(told.contains("not writable"), "the failure was told as {told:?}");
    disk.remount("rw")?;
    let log = Download::start(stage, &shared, &into, &peer)?.finish(LIMIT)?;
    ensure!(log.at_start() >= Some(shared.pieces() / 2), "what was there was lost");
    shared.check(&into)?;
    Ok(Verdict::Held(format!(
        "ended with {NOT_WRITABLE}, told “{told}”; then the next one found {} of {} pieces",
        log.have() - log.came(),
        shared.pieces(),
    )))
}

/// A torrent, its one seeder, and the flag that names it.
fn share(stage: &Stage, name: &str) -> Result<(Shared, Seeder, [String; 1])> {
    let shared = stage.share(name, PAYLOAD_BYTES, None)?;
    let seeder = stage.gannet.seeder(&shared.torrent, &shared.folder, MAX_UPLOAD)?;
    let peer = [format!("--peer={}", seeder.addr)];
    Ok((shared, seeder, peer))
}

/// Waits until a download tells that the disk fails, in such words; all of them.
fn fails(download: &mut Download, words: &str) -> Result<String> {
    let log = download.until("the disk's failure", LIMIT, |log| !failure(log).is_empty())?;
    let told = failure(log);
    ensure!(told.contains(words), "the disk's failure was told as {told:?}, without {words:?}");
    Ok(told)
}

/// What was last told of the disk, if anything.
fn failure(log: &Log) -> String {
    let last = log.named("storage_failed").last();
    last.and_then(|event| event["error"].as_str()).unwrap_or_default().to_owned()
}
