//! `gannet piece`.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use gannet::{Client, Events, News, Place, TorrentOptions, storage::MEMORY_CHUNK_BYTES};
use gannet_core::{layout::FileSlice, storage::StorageError};
use tokio::time::timeout;

use super::{lookup, swarm};
use crate::{
    cli::PieceArgs,
    exit::{self, Exit, Failure, OrFail},
    format,
    interrupt::Interrupt,
    output::{Existing, note, print, write_file},
    source::Source,
};

/// Fetches a single piece.
pub(super) async fn run(args: PieceArgs) -> Result<Exit, Failure> {
    let mut interrupt = Interrupt::listen().or_fail(Exit::Failed, "signals")?;
    let client = swarm::start_client(swarm::quiet_config())?;
    let fetched = tokio::select! {
        fetched = timeout(args.timeout, fetch(&client, &args)) => Some(fetched),
        () = interrupt.wanted() => None,
    };
    client.shutdown(lookup::FAREWELL).await;
    match fetched {
        None => Ok(Exit::Interrupted),
        Some(Err(_)) => {
            Err(Failure::say(Exit::NoPeers, format!("piece {}: not there in time", args.piece)))
        }
        Some(Ok(bytes)) => write(&args, &bytes?).map(|()| Exit::Done),
    }
}

async fn fetch(client: &Client, args: &PieceArgs) -> Result<Bytes, Failure> {
    let origin = swarm::load(client, Source::of_argument(&args.source)?).await?;
    let name = origin.name();
    let info = lookup::metadata(client, &origin, &args.swarm, args.timeout).await?;
    let layout = info.layout();
    let Some(piece) = layout.piece(args.piece) else {
        let said = format!("no piece {}, there are {}", args.piece, layout.piece_count());
        return Err(Failure::say(Exit::Usage, swarm::about(&name, &said)));
    };
    // Memory is taken in chunks of each file that the piece touches.
    let room = |slice: FileSlice| slice.length + 2 * MEMORY_CHUNK_BYTES;
    let limit_bytes = layout.piece_files(piece).map(room).sum();
    let options = TorrentOptions { pieces: Some(vec![args.piece]), ..TorrentOptions::default() };
    let mut add = swarm::torrent_to_add(&origin, &args.swarm, options).await?;
    // Known by now, even if the user named a magnet link.
    add.content = gannet_core::Content::Info(info);
    let added = client.add(add, Place::Memory { limit_bytes }).await;
    let (torrent, mut events) = added.or_fail(Exit::Failed, &name)?;
    finished(&mut events).await?;
    torrent.read(args.piece).await.or_fail(Exit::Storage, &name)
}

/// Waits for the piece. Memory that fails won't recover.
async fn finished(events: &mut Events) -> Result<(), StorageError> {
    while let Some(news) = events.next().await {
        match news {
            News::Finished => return Ok(()),
            News::StorageFailed(error) => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

fn write(args: &PieceArgs, bytes: &[u8]) -> Result<(), Failure> {
    let default = || PathBuf::from(format!("piece-{}.bin", args.piece));
    let output = args.output.clone().unwrap_or_else(default);
    if output == Path::new("-") {
        return print(bytes);
    }
    let written = write_file(&output, bytes, Existing::overwrite(args.overwrite));
    exit::written(written, output.display())?;
    note(format!("{}: {}, verified", output.display(), format::bytes(bytes.len() as u64)));
    Ok(())
}
