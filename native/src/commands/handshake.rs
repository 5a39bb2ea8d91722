//! `gannet handshake`.

use std::{net::SocketAddr, time::Duration};

use gannet::{AddTorrent, Client, Events, News};
use gannet_core::event::PeerIntroduction;
use serde_json::json;
use tokio::time::{Instant, timeout_at};

use super::{lookup, swarm};
use crate::{
    cli::HandshakeArgs,
    exit::{Exit, Failure, OrFail},
    interrupt::Interrupt,
    output::{print, print_json},
    source::{Origin, Source},
};

/// How long to wait, after the handshake, for a peer to tell what it has.
const PIECES_LIMIT: Duration = Duration::from_secs(3);

/// Connects to one peer and tells what it says of itself.
pub(super) async fn run(args: HandshakeArgs) -> Result<Exit, Failure> {
    let mut interrupt = Interrupt::listen().or_fail(Exit::Failed, "signals")?;
    let client = swarm::start_client(swarm::quiet_config())?;
    let result = tokio::select! {
        result = meet(&client, &args) => result,
        () = interrupt.wanted() => Ok(Exit::Interrupted),
    };
    client.shutdown(lookup::FAREWELL).await;
    result
}

async fn meet(client: &Client, args: &HandshakeArgs) -> Result<Exit, Failure> {
    let origin = swarm::load(client, Source::of_argument(&args.source)?).await?;
    let addr = args.addr.resolve().await?;
    // Nobody else is asked for anything: no trackers, no other peers.
    let options = lookup::options();
    let add =
        AddTorrent { content: origin.content(), trackers: vec![], peers: vec![addr], options };
    let added = client.add(add, lookup::NOWHERE).await;
    let (_torrent, mut events) = added.or_fail(Exit::Failed, origin.name())?;
    let peer = introduction(&mut events, addr, args.timeout).await?;
    let pieces = pieces(&mut events, addr).await;
    match args.output.json {
        true => print_json(&as_json(&peer, pieces, &origin))?,
        false => print(as_text(&peer, pieces, &origin))?,
    }
    Ok(Exit::Done)
}

async fn introduction(
    events: &mut Events,
    addr: SocketAddr,
    limit: Duration,
) -> Result<PeerIntroduction, Failure> {
    let fail = |why: String| Failure::say(Exit::NoPeers, format!("{addr}: {why}"));
    let deadline = Instant::now() + limit;
    loop {
        match timeout_at(deadline, events.next()).await {
            Ok(Some(News::PeerJoined(peer))) => return Ok(peer),
            Ok(Some(News::PeerLeft { why, .. })) => return Err(fail(why.to_string())),
            Ok(Some(News::DialFailed { reason, .. })) => return Err(fail(reason.to_string())),
            Ok(Some(_)) => {}
            Ok(None) | Err(_) => return Err(fail("no handshake in time".to_owned())),
        }
    }
}

/// How many pieces the peer has, if it says so soon.
async fn pieces(events: &mut Events, addr: SocketAddr) -> Option<u32> {
    let deadline = Instant::now() + PIECES_LIMIT;
    loop {
        match timeout_at(deadline, events.next()).await {
            Ok(Some(News::PeerHas { addr: of, pieces })) if of == addr => return Some(pieces),
            Ok(Some(News::PeerLeft { .. }) | None) | Err(_) => return None,
            Ok(Some(_)) => {}
        }
    }
}

fn total(origin: &Origin) -> Option<u32> {
    origin.info().map(|info| info.layout().piece_count())
}

fn as_json(peer: &PeerIntroduction, pieces: Option<u32>, origin: &Origin) -> serde_json::Value {
    json!({
        "addr": peer.addr,
        "info_hash": origin.info_hash(),
        "peer_id": peer.peer_id.to_string(),
        "client": peer.client,
        "extensions": {
            "fast": peer.fast,
            "extended": peer.extended,
            "metadata": peer.metadata,
        },
        "pieces": pieces,
        "pieces_total": total(origin),
    })
}

fn as_text(peer: &PeerIntroduction, pieces: Option<u32>, origin: &Origin) -> String {
    let named = [
        (peer.fast, "fast (BEP 6)"),
        (peer.extended, "extension protocol (BEP 10)"),
        (peer.metadata, "metadata (BEP 9)"),
    ];
    let known: Vec<_> = named.iter().filter(|(has, _)| *has).map(|(_, name)| *name).collect();
    let pieces = match (pieces, total(origin)) {
        (None, _) => "it didn't say".to_owned(),
        (Some(pieces), Some(total)) => format!("{pieces} of {total}"),
        (Some(pieces), None) => pieces.to_string(),
    };
    let client = peer.client.as_deref().unwrap_or("it didn't say");
    [
        ("peer", peer.addr.to_string().as_str()),
        ("peer id", &peer.peer_id.to_string()),
        ("client", &gannet_core::names::escape_for_terminal(client)),
        ("extensions", &if known.is_empty() { "none".to_owned() } else { known.join(", ") }),
        ("pieces", &pieces),
    ]
    .map(|(label, value)| format!("{label:<12}{value}\n"))
    .concat()
}
