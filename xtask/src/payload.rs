//! Bytes to share, the same on every machine, and the proof that they came through.

use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::Path;

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

const STEP_BYTES: usize = 1 << 20;

/// Writes `length` bytes that don't compress.
pub(crate) fn write(path: &Path, length: u64) -> Result<()> {
    let mut random = fastrand::Rng::with_seed(0x6761_6e6e_6574);
    let mut file = BufWriter::new(File::create(path).with_context(|| path.display().to_string())?);
    let mut buffer = vec![0; STEP_BYTES];
    let mut left = length;
    while left > 0 {
        let step = left.min(STEP_BYTES as u64) as usize;
        random.fill(&mut buffer[..step]);
        file.write_all(&buffer[..step])?;
        left -= step as u64;
    }
    Ok(file.flush()?)
}

/// SHA-256 of a file.
pub(crate) fn sha256(path: &Path) -> Result<[u8; 32]> {
    let mut file = File::open(path).with_context(|| path.display().to_string())?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; STEP_BYTES];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hash.finalize().into()),
            step => hash.update(&buffer[..step]),
        }
    }
}
