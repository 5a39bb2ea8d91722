//! `gannet seed`.

use gannet::{Client, ClientConfig, TorrentOptions};
use serde_json::json;
use tokio::time::{MissedTickBehavior, interval};

use super::{
    lists::{Lists, take_only_tracker},
    publish::publish,
    share::{self, Shared, Terms},
    swarm::{self, Swarm, torrent_to_add},
};
use crate::{
    cli::{SeedArgs, SwarmArgs},
    exit::{Exit, Failure, OrFail},
    interrupt::Interrupt,
    output::{Report, print},
    source::Origin,
};

/// Shares files until it is interrupted.
pub(super) async fn run(args: SeedArgs) -> Result<Exit, Failure> {
    let mut interrupt = Interrupt::listen().or_fail(Exit::Failed, "signals")?;
    let config = ClientConfig { max_upload: args.max_upload, ..ClientConfig::default() };
    // Prepared first: nothing is announced before everything is known to be readable.
    let mut prepared = Vec::with_capacity(args.paths.len());
    for path in &args.paths {
        let (owned, terms) = (path.clone(), terms(&args));
        let work = tokio::task::spawn_blocking(move || share::prepare(&owned, &terms));
        let shared = tokio::select! {
            shared = work => shared.or_fail(Exit::Failed, path.display())?,
            () = interrupt.wanted() => return Ok(Exit::Interrupted),
        };
        prepared.push(shared?);
    }
    let client = swarm::start_listening(args.listen, config)?;
    let mut swarm = Swarm::new(client.clone(), Report::new(&args.report));
    let mut lists = Lists::default();
    for shared in prepared {
        add(&mut swarm, &mut lists, shared, &args).await?;
    }
    lists.start(&client);
    listening(&client, &swarm, &args)?;
    let mut ticks = interval(swarm.report.period());
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = interrupt.wanted() => {
                return tokio::join!(swarm.finish(Exit::Done), lists.withdraw()).0;
            }
            _ = swarm.next() => {}
            _ = ticks.tick() => {
                swarm.refresh().await;
                if !args.report.quiet && !args.report.json {
                    lists.tell(args.report.verbose);
                }
            }
        }
    }
}

fn terms(args: &SeedArgs) -> Terms {
    Terms {
        data: args.output_dir.clone(),
        trackers: args.trackers.clone(),
        piece_length: args.piece_length,
        quiet: args.report.quiet || args.report.json,
    }
}

async fn add(
    swarm: &mut Swarm,
    lists: &mut Lists,
    shared: Shared,
    args: &SeedArgs,
) -> Result<(), Failure> {
    let Shared { mut torrent, file, place, is_checked } = shared;
    let own: Vec<_> = args.trackers.iter().map(|url| vec![url.clone()]).collect();
    torrent.trackers.retain(|tier| !own.contains(tier));
    torrent.trackers = own.into_iter().chain(torrent.trackers).collect();
    if args.publish {
        let token = args.publish_token.as_ref();
        let url = publish(&swarm.client, &torrent, file, token).await?;
        swarm.report.json(usize::MAX, "published", json!({ "url": url }));
        if !args.report.quiet && !args.report.json {
            print(format!("published {url}\n"))?;
        }
    }
    let (info, magnet) = (torrent.info.clone(), torrent.magnet().to_string());
    let listed = take_only_tracker(&swarm.client, &mut torrent);
    let options = TorrentOptions {
        max_peers: args.max_peers,
        complete: is_checked,
        ..TorrentOptions::default()
    };
    let origin = Origin::Torrent(Box::new(torrent));
    let add = torrent_to_add(&origin, &SwarmArgs::default(), options).await?;
    let number = swarm.add(&origin, add, place).await?;
    if let Some(url) = listed {
        lists.add(url, *info.info_hash(), swarm.torrent(number));
    }
    swarm.report.json(number, "seeding", json!({ "name": info.name(), "magnet": magnet }));
    if !args.report.quiet && !args.report.json {
        let name = gannet_core::names::escape_for_terminal(info.name());
        print(format!("{}  {name}  {magnet}\n", info.info_hash()))?;
    }
    Ok(())
}

fn listening(client: &Client, swarm: &Swarm, args: &SeedArgs) -> Result<(), Failure> {
    let addr = client.listen_addr();
    swarm.report.json(usize::MAX, "listening", json!({ "addr": addr }));
    match addr {
        Some(addr) if !args.report.quiet && !args.report.json => {
            print(format!("listening at {addr}\n"))
        }
        _ => Ok(()),
    }
}
