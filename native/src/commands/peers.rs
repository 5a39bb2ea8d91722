//! `gannet peers`.

use std::{net::SocketAddr, time::Duration};

use gannet::{AddTorrent, ClientConfig, Events, News, TorrentOptions};
use gannet_core::Content;
use serde::Serialize;
use serde_json::json;
use tokio::{task::JoinSet, time::timeout};

use super::{lookup, swarm};
use crate::{
    cli::PeersArgs,
    exit::{Exit, Failure, OrFail},
    interrupt::Interrupt,
    output::{Align, note, print, print_json, table},
    source::{Origin, Source},
};

/// How many peers each tracker is asked for.
const NUM_WANT: usize = 200;

/// What a tracker said.
#[derive(Debug, Default, Serialize)]
struct Answer {
    url: String,
    seeders: Option<u32>,
    leechers: Option<u32>,
    peers: Vec<SocketAddr>,
    warning: Option<String>,
    error: Option<String>,
}

/// Asks the trackers of a torrent and lists what they answer.
pub(super) async fn run(args: PeersArgs) -> Result<Exit, Failure> {
    let mut interrupt = Interrupt::listen().or_fail(Exit::Failed, "signals")?;
    tokio::select! {
        result = ask(&args) => result,
        () = interrupt.wanted() => Ok(Exit::Interrupted),
    }
}

async fn ask(args: &PeersArgs) -> Result<Exit, Failure> {
    let client = swarm::start_client(swarm::quiet_config())?;
    let origin = swarm::load(&client, Source::of_argument(&args.source)?).await?;
    let urls = trackers(&origin, &args.trackers);
    if urls.is_empty() {
        let said = swarm::about(&origin.name(), "it names no tracker; --tracker adds one");
        return Err(Failure::say(Exit::NoPeers, said));
    }
    let mut asked = JoinSet::new();
    for (number, url) in urls.into_iter().enumerate() {
        let (content, limit) = (origin.content(), args.timeout);
        asked.spawn(async move { (number, ask_one(url, content, limit).await) });
    }
    let mut answers = asked.join_all().await;
    answers.sort_by_key(|(number, _)| *number);
    let answers = answers.into_iter().map(|(_, answer)| answer).collect::<Result<Vec<_>, _>>()?;
    match args.output.json {
        true => print_json(&json!({ "trackers": answers }))?,
        false => tell(&answers)?,
    }
    let has_answer = answers.iter().any(|answer| answer.error.is_none());
    Ok(if has_answer { Exit::Done } else { Exit::Network })
}

/// Each URL once, in the order of the tiers.
fn trackers(origin: &Origin, more: &[String]) -> Vec<String> {
    let mut urls: Vec<String> = Vec::new();
    for url in more.iter().cloned().chain(origin.trackers().concat()) {
        if !urls.contains(&url) {
            urls.push(url);
        }
    }
    urls
}

/// Announces to one tracker, from a client of its own: a client asks the first that answers and
/// leaves the others in peace (BEP 12), but here it is all that are wanted.
async fn ask_one(url: String, content: Content, limit: Duration) -> Result<Answer, Failure> {
    // Peers are listed, not met.
    let config = ClientConfig { max_connections: 0, ..swarm::quiet_config() };
    let client = swarm::start_client(config)?;
    let options = TorrentOptions { max_peers: NUM_WANT, ..lookup::options() };
    let trackers = vec![vec![url.clone()]];
    let add = AddTorrent { content, trackers, peers: Vec::new(), options };
    let added = client.add(add, lookup::NOWHERE).await;
    let (_torrent, mut events) = added.or_fail(Exit::Failed, &url)?;
    let mut answer = Answer { url, ..Answer::default() };
    if timeout(limit, first_word(&mut events, &mut answer)).await.is_err() {
        answer.error = Some("no answer in time".to_owned());
    }
    client.shutdown(lookup::FAREWELL).await;
    // The peers of an answer come behind it.
    while let Some(news) = events.next().await {
        if let News::TrackerPeers { peers, .. } = news {
            answer.peers = peers;
        }
    }
    Ok(answer)
}

/// Waits until the tracker has answered or failed.
async fn first_word(events: &mut Events, answer: &mut Answer) {
    while let Some(news) = events.next().await {
        match news {
            News::TrackerAnswered { seeders, leechers, warning, .. } => {
                (answer.seeders, answer.leechers, answer.warning) = (seeders, leechers, warning);
                return;
            }
            News::TrackerFailed { error, .. } => {
                answer.error = Some(error.to_string());
                return;
            }
            _ => {}
        }
    }
}

fn tell(answers: &[Answer]) -> Result<(), Failure> {
    let count = |count: Option<u32>| count.map_or("?".to_owned(), |count| count.to_string());
    let columns = [
        ("tracker", Align::Left),
        ("seeders", Align::Right),
        ("leechers", Align::Right),
        ("peers", Align::Right),
        ("", Align::Left),
    ];
    print(table(
        columns,
        answers.iter().map(|answer| {
            let said = answer.error.as_ref().or(answer.warning.as_ref());
            [
                answer.url.clone(),
                count(answer.seeders),
                count(answer.leechers),
                answer.peers.len().to_string(),
                said.cloned().unwrap_or_default(),
            ]
        }),
    ))?;
    let mut peers: Vec<_> = answers.iter().flat_map(|answer| &answer.peers).collect();
    peers.sort();
    peers.dedup();
    if peers.is_empty() {
        note("no peers");
    }
    print(peers.iter().map(|peer| format!("{peer}\n")).collect::<String>())
}
