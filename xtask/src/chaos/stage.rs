//! What is shared, and where it is downloaded to.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tempfile::TempDir;

use crate::gannet::Gannet;
use crate::{payload, process};

/// The name of the file that is shared.
pub(super) const PAYLOAD: &str = "payload.bin";

/// The programs, and a folder that is gone at the end.
pub(super) struct Stage {
    pub(super) gannet: Gannet,
    folder: TempDir,
    seed: u64,
}

/// A file, its .torrent, and where copies of it go.
pub(super) struct Shared {
    pub(super) folder: PathBuf,
    pub(super) torrent: PathBuf,
    pub(super) info_hash: String,
    pub(super) length: u64,
    pub(super) piece_length: u64,
    sha256: [u8; 32],
}

impl Stage {
    pub(super) fn prepare(seed: u64) -> Result<Self> {
        let gannet = Gannet::build(false)?;
        let folder = tempfile::Builder::new().prefix("gannet-chaos-").tempdir()?;
        Ok(Self { gannet, folder, seed })
    }

    /// Randomness of a scenario's own.
    pub(super) fn rng(&self, scenario: u64) -> fastrand::Rng {
        fastrand::Rng::with_seed(self.seed.wrapping_mul(1000).wrapping_add(scenario))
    }

    /// A new file to share, in a folder of its own.
    pub(super) fn share(&self, name: &str, length: u64, tracker: Option<&str>) -> Result<Shared> {
        let folder = self.folder.path().join(name);
        fs::create_dir(&folder)?;
        let (file, torrent) = (folder.join(PAYLOAD), folder.join("payload.torrent"));
        payload::write(&file, length)?;
        let info_hash = self.gannet.create(&file, &torrent, tracker)?;
        let mut info = self.gannet.command();
        let info = process::answer(info.args(["info", "--json"]).arg(&torrent));
        let info: Value = serde_json::from_str(&info.context("gannet info failed")?)?;
        let piece_length = info["piece_length"].as_u64().context("`piece_length`")?;
        let sha256 = payload::sha256(&file)?;
        Ok(Shared { folder, torrent, info_hash, length, piece_length, sha256 })
    }
}

impl Shared {
    /// A folder to download into, yet to be made.
    pub(super) fn output(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub(super) fn pieces(&self) -> usize {
        self.length.div_ceil(self.piece_length) as usize
    }

    /// The copy in `folder` is right, and nothing lies beside it.
    pub(super) fn check(&self, folder: &Path) -> Result<()> {
        ensure!(payload::sha256(&folder.join(PAYLOAD))? == self.sha256, "the file is not right");
        for entry in fs::read_dir(folder)? {
            let name = entry?.file_name();
            ensure!(name == PAYLOAD, "{} was left behind", name.display());
        }
        Ok(())
    }
}
