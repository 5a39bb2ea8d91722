//! 32 seeders, of which a quarter corrupts and another quarter disconnects.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::Verdict;
use super::download::{Download, Log};
use super::stage::{PAYLOAD, Shared, Stage};
use super::stranger::{Goods, Nature, Stranger};

const PAYLOAD_BYTES: u64 = 32_000_000;
const SEEDERS: u8 = 32;
/// One block in so many: five percent.
const ONE_IN: u32 = 20;
/// A seeder gives a block in this time, about 200 kB/s.
const BLOCK_TIME: Duration = Duration::from_millis(80);
const BLOCK_BYTES: u64 = 16 * 1024;
/// The longest that a block is waited for.
const BLOCK_TIMEOUT: Duration = Duration::from_secs(30);

pub(super) fn run(stage: &Stage) -> Result<Verdict> {
    let shared = stage.share("hostile", PAYLOAD_BYTES, None)?;
    let strangers = strangers(stage, &shared)?;
    let peers: Vec<String> =
        strangers.iter().map(|stranger| format!("--peer={}", stranger.addr)).collect();
    let into = shared.output("copy");
    let began = Instant::now();
    // What the honest half would need alone, twice, and one timeout.
    let honest = u32::from(SEEDERS / 2);
    let alone = BLOCK_TIME * (PAYLOAD_BYTES / BLOCK_BYTES) as u32 / honest;
    let log = Download::start(stage, &shared, &into, &peers)?.finish(alone * 2 + BLOCK_TIMEOUT)?;
    let time = began.elapsed();
    shared.check(&into)?;
    let (banned, corrupters) = judge(&strangers, &log)?;
    let broken: u64 = misdeeds(&strangers, |nature| matches!(nature, Nature::Disconnects { .. }));
    ensure!(broken > 0, "nobody disconnected");
    Ok(Verdict::Held(format!(
        "{banned} of {corrupters} corrupters banned and nobody else, {broken} connections broken, \
         {} in {:.1} s where the honest alone need {:.1} s, at most {} MiB in use",
        format_args!("{} MB", PAYLOAD_BYTES / 1_000_000),
        time.as_secs_f64(),
        alone.as_secs_f64(),
        log.peak_bytes >> 20,
    )))
}

/// Each on a host of its own: it is hosts that are banned.
fn strangers(stage: &Stage, shared: &Shared) -> Result<Vec<Stranger>> {
    let goods = Arc::new(Goods {
        data: fs::read(shared.folder.join(PAYLOAD))?.into(),
        info_hash: shared.info_hash.parse().context("an info hash")?,
        piece_length: u32::try_from(shared.piece_length)?,
        block_time: BLOCK_TIME,
    });
    let start = |n: u8| {
        let nature = match n % 4 {
            0 => Nature::Corrupts { one_in: ONE_IN },
            1 => Nature::Disconnects { one_in: ONE_IN },
            _ => Nature::Honest,
        };
        Stranger::start(&goods, [127, 0, 1, n], nature, stage.rng(100 + u64::from(n)))
    };
    (1..=SEEDERS).map(start).collect()
}

fn misdeeds(strangers: &[Stranger], of: impl Fn(Nature) -> bool) -> u64 {
    strangers.iter().filter(|one| of(one.nature)).map(Stranger::misdeeds).sum()
}

/// Who spoilt a block is banned, nobody else is; how many were, of how many.
fn judge(strangers: &[Stranger], log: &Log) -> Result<(usize, usize)> {
    let is_banned = |stranger: &Stranger| {
        let name = stranger.addr.to_string();
        log.named("banned").any(|event| event["name"] == name.as_str())
    };
    let (mut banned, mut corrupters) = (0, 0);
    for stranger in strangers {
        let is_guilty =
            matches!(stranger.nature, Nature::Corrupts { .. }) && stranger.misdeeds() > 0;
        ensure!(
            is_guilty || !is_banned(stranger),
            "{} is banned, and spoilt nothing",
            stranger.addr
        );
        ensure!(
            !is_guilty || is_banned(stranger),
            "{} spoilt {} blocks, and isn't banned",
            stranger.addr,
            stranger.misdeeds(),
        );
        corrupters += usize::from(is_guilty);
        banned += usize::from(is_banned(stranger));
    }
    Ok((banned, corrupters))
}
