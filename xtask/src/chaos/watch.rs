//! What a running program holds, as Linux counts it.

use std::time::Duration;
use std::{fs, mem, thread};

use anyhow::{Context, Result};

use crate::process;

/// What waits in memory for its piece to be whole or written, at most: the engine's own cap.
pub(super) const MEMORY_CAP_BYTES: u64 = 24 << 20;
/// What the program is besides: its code without optimisation, its threads, the system's buffers.
pub(super) const MEMORY_ALLOWANCE_BYTES: u64 = 32 << 20;

/// Until threads that have nothing to do have ended, and peers that are gone are forgotten.
const REST_LIMIT: Duration = Duration::from_secs(30);
/// What doesn't change for so long is at rest.
const REST_PERIOD: Duration = Duration::from_millis(300);

/// The most memory that was ever resident; `None` if the program has ended.
pub(super) fn peak_bytes(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? << 10)
}

/// What a program has open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Open {
    pub(super) descriptors: usize,
    pub(super) threads: usize,
}

impl Open {
    pub(super) fn of(pid: u32) -> Result<Self> {
        let count = |what: &str| -> Result<usize> {
            let path = format!("/proc/{pid}/{what}");
            Ok(fs::read_dir(&path).context(path)?.count())
        };
        Ok(Self { descriptors: count("fd")?, threads: count("task")? })
    }

    /// What it has open when nobody comes: whoever looked whether it listens may not be gone yet.
    pub(super) fn at_rest(pid: u32) -> Result<Self> {
        let mut last = Self::of(pid)?;
        process::until("coming to rest", REST_LIMIT, || {
            thread::sleep(REST_PERIOD);
            let before = mem::replace(&mut last, Self::of(pid)?);
            Ok((before == last).then_some(last))
        })
    }

    /// Waits until a program has no more open than this.
    pub(super) fn until_again(self, name: &str, pid: u32) -> Result<()> {
        let mut last = self;
        let again = process::until("giving back what was opened", REST_LIMIT, || {
            last = Self::of(pid)?;
            let is_back = last.descriptors <= self.descriptors && last.threads <= self.threads;
            Ok(is_back.then_some(()))
        });
        again.with_context(|| format!("{name} began with {self:?} and now has {last:?}"))
    }
}
