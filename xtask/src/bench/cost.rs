//! What a running program costs, as Linux counts it.

use std::fs;

use anyhow::{Context, Result};

/// In which Linux counts processor time for other programs, whatever it does inside.
const TICKS_PER_SECOND: f64 = 100.0;

/// Memory that is resident now.
pub(super) fn resident_bytes(pid: u32) -> Result<u64> {
    let text = proc(pid, "status")?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line
        .and_then(|line| line.split_whitespace().next())
        .and_then(|kib| kib.parse::<u64>().ok());
    Ok(kib.context("the process has no memory")? << 10)
}

/// Processor time so far, of all threads, in the program and for it in the kernel.
pub(super) fn processor_seconds(pid: u32) -> Result<f64> {
    let text = proc(pid, "stat")?;
    // The name, in brackets, may have spaces; then field 3 is the first.
    let fields = text.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks = fields.skip(11).take(2).map(str::parse::<u64>);
    Ok(ticks.sum::<Result<u64, _>>()? as f64 / TICKS_PER_SECOND)
}

fn proc(pid: u32, file: &str) -> Result<String> {
    let path = format!("/proc/{pid}/{file}");
    fs::read_to_string(&path).context(path)
}
