//! `gannet serve`.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use gannet::{
    Client, ClientConfig,
    serve::{Offer, ServeConfig, Server, StartError},
    tracker::TrustedProxies,
};
use gannet_core::{names::escape_for_terminal, percent};

use super::{
    share::{self, Shared, Terms},
    swarm,
};
use crate::{
    cli::ServeArgs,
    exit::{Exit, Failure, OrFail},
    interrupt::Interrupt,
    output::print,
};

/// Where the page is, unless the user says otherwise (or it is taken).
const DEFAULT_PORT: u16 = 8080;
/// Where peers connect to, unless the user says otherwise (or it is taken).
const DEFAULT_PEER_PORT: u16 = 6881;
/// How long leaving in order may take.
const SHUTDOWN_LIMIT: Duration = Duration::from_millis(1_700);

/// Serves until it is interrupted.
pub(super) async fn run(args: ServeArgs) -> Result<Exit, Failure> {
    let mut interrupt = Interrupt::listen().or_fail(Exit::Failed, "signals")?;
    let owned = args.clone();
    let work = tokio::task::spawn_blocking(move || prepare(&owned));
    // Prepared first: nothing is served before everything is known to be readable.
    let shared = tokio::select! {
        shared = work => shared.or_fail(Exit::Failed, "sharing")??,
        () = interrupt.wanted() => return Ok(Exit::Interrupted),
    };
    let (server, client) = start(&args).await?;
    for Shared { torrent, file, place, is_checked } in shared {
        let name = torrent.info.name().to_owned();
        let shared = server.share(torrent, file, place, is_checked).await;
        shared.or_fail(Exit::Failed, escape_for_terminal(&name))?;
    }
    tell(&server, &client, &args).await?;
    interrupt.wanted().await;
    server.stop(SHUTDOWN_LIMIT).await;
    Ok(Exit::Done)
}

/// Every path, and of a folder every entry, as a torrent.
fn prepare(args: &ServeArgs) -> Result<Vec<Shared>, Failure> {
    let terms = Terms {
        data: args.output_dir.clone(),
        trackers: Vec::new(),
        piece_length: args.piece_length,
        quiet: args.quiet,
    };
    let mut shared: Vec<Shared> = Vec::new();
    let all = args.paths.iter().map(|path| match path.is_dir() {
        true => share::prepare_entries(path, &terms),
        false => share::prepare(path, &terms).map(|one| vec![one]),
    });
    for found in all {
        for one in found? {
            // The same file under two names is one torrent.
            let hash = one.torrent.info.info_hash();
            if !shared.iter().any(|known| known.torrent.info.info_hash() == hash) {
                shared.push(one);
            }
        }
    }
    Ok(shared)
}

/// Starts the client and the server around it.
async fn start(args: &ServeArgs) -> Result<(Server, Client), Failure> {
    let default = SocketAddr::from((Ipv4Addr::LOCALHOST, DEFAULT_PORT));
    let listen = args.listen.unwrap_or(default);
    let client = start_client(args, listen)?;
    let started = Server::start(config(args, listen), client.clone()).await;
    let started = match started {
        Err(StartError::Listen { .. }) if args.listen.is_none() => {
            let any = SocketAddr::new(listen.ip(), 0);
            Server::start(config(args, any), client.clone()).await
        }
        started => started,
    };
    let server = started.map_err(|error| match error {
        StartError::Listen { .. } => Failure::new(Exit::Network, error),
        error => Failure::new(Exit::Failed, error),
    })?;
    Ok((server, client))
}

fn start_client(args: &ServeArgs, listen: SocketAddr) -> Result<Client, Failure> {
    let config = ClientConfig {
        max_upload: args.max_upload,
        max_download: args.max_download,
        ..ClientConfig::default()
    };
    let at = |addr| ClientConfig { listen: Some(addr), ..config.clone() };
    if let Some(addr) = args.peer_listen {
        return swarm::start_client(at(addr));
    }
    let any = |port| SocketAddr::new(listen.ip(), port);
    Client::start(at(any(DEFAULT_PEER_PORT))).or_else(|_| swarm::start_client(at(any(0))))
}

fn config(args: &ServeArgs, listen: SocketAddr) -> ServeConfig {
    ServeConfig {
        public_addr: args.public_addr,
        hosts: args.hosts.clone(),
        origins: args.origins.clone(),
        token: args.token.clone(),
        dir: args.output_dir.clone(),
        page: args.www.clone(),
        ports: Some(args.ports.clone()),
        udp: args.udp,
        allowed: args.allowed.clone(),
        proxies: TrustedProxies::new(args.trusted_proxies.clone()),
        tls: args.cert.clone().zip::<PathBuf>(args.tls_key.clone()),
        ..ServeConfig::new(listen)
    }
}

async fn tell(server: &Server, client: &Client, args: &ServeArgs) -> Result<(), Failure> {
    let offers = server.offers().await;
    if args.quiet {
        return print(offers.iter().map(|offer| format!("{}\n", offer.link)).collect::<String>());
    }
    let who = match server.addr().ip().is_loopback() {
        true => "this machine only; --listen 0.0.0.0:8080 opens it to others",
        false => "open to whoever reaches this address",
    };
    let mut text = format!("serving at {}  ({who})\n", server.url());
    if let Some(addr) = client.listen_addr() {
        text += &format!("peers at   {addr}\n");
    }
    if let Some(addr) = server.udp_addr() {
        text += &format!("tracker at udp://{addr} too\n");
    }
    // One that was given isn't shown to whoever looks at the terminal.
    if args.token.is_none() {
        text += &format!("token      {}\n", server.token().as_str());
        if server.has_page() {
            let token = percent::encode(server.token().as_str().as_bytes());
            text += &format!("manage at  {}/#token={token}\n", server.url());
        }
    }
    if !server.has_page() {
        text += "this binary has no page; `cargo xtask www` builds it, --www DIR names one\n";
    }
    text.extend(offers.iter().map(describe));
    print(text)
}

fn describe(offer: &Offer) -> String {
    format!(
        "\n{}\n  open   {}\n  or     gannet get {}\n  or     {}\n",
        escape_for_terminal(&offer.name),
        offer.link,
        offer.torrent,
        offer.magnet,
    )
}
