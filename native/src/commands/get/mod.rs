//! `gannet get`.

mod check;
mod download;
mod select;

use std::{path::PathBuf, time::Duration};

use gannet::{Client, ClientConfig, News, Place, TorrentOptions};
use gannet_core::{metainfo::Info, names::escape_for_terminal};
use tokio::{
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval, sleep_until},
};

use self::{
    check::Promise,
    download::{Download, Goal, Task},
};
use super::{
    info, lookup,
    swarm::{self, Swarm, about, torrent_to_add},
};
use crate::{
    cli::GetArgs,
    exit::{Exit, Failure, OrFail},
    interrupt::Interrupt,
    output::{Report, print},
    source::{Origin, Source},
};

/// What is said when the user's patience is over.
const LATE: &str = "--timeout reached";
/// The patience of a user who doesn't say.
const FOREVER: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// Downloads torrents.
pub(super) async fn run(args: GetArgs) -> Result<Exit, Failure> {
    let mut interrupt = Interrupt::listen().or_fail(Exit::Failed, "signals")?;
    // Seen before anything is started, so that a typing error costs nothing.
    let sources = args.sources.iter().map(|source| Source::of_argument(source));
    let sources = sources.collect::<Result<Vec<_>, _>>()?;
    let config = ClientConfig {
        max_download: args.max_download,
        max_upload: args.max_upload,
        ..ClientConfig::default()
    };
    let client = swarm::start_listening(args.listen, config)?;
    let result = download(&client, sources, &args, &mut interrupt).await;
    // Whatever has ended it: nothing is left that still waits for its farewell.
    client.shutdown(lookup::FAREWELL).await;
    result
}

async fn download(
    client: &Client,
    sources: Vec<Source>,
    args: &GetArgs,
    interrupt: &mut Interrupt,
) -> Result<Exit, Failure> {
    let deadline = Instant::now() + args.timeout.unwrap_or(FOREVER).min(FOREVER);
    let prepared = tokio::select! {
        prepared = prepare(client, sources, args) => prepared?,
        () = interrupt.wanted() => return Ok(Exit::Interrupted),
        () = sleep_until(deadline) => return Err(Failure::say(Exit::NoPeers, LATE)),
    };
    if args.list {
        list(&prepared)?;
        return Ok(Exit::Done);
    }
    let mut get = Get::start(client.clone(), args, prepared).await?;
    let exit = get.run(interrupt, deadline).await;
    get.swarm.finish(exit).await
}

/// A torrent of which is known what is wanted of it.
struct Prepared {
    origin: Origin,
    wanted: Option<Vec<bool>>,
}

/// Loads all sources and sees what is wanted of them.
async fn prepare(
    client: &Client,
    sources: Vec<Source>,
    args: &GetArgs,
) -> Result<Vec<Prepared>, Failure> {
    let has_checksum = args.sha256.is_some() || args.sha1.is_some();
    if sources.len() > 1 && (args.name.is_some() || has_checksum) {
        let said = "--name, --sha256 and --sha1 are for a single source";
        return Err(Failure::say(Exit::Usage, said));
    }
    let mut prepared = Vec::with_capacity(sources.len());
    for source in sources {
        let mut origin = swarm::load(client, source).await?;
        if let Origin::Magnet(magnet) = &origin {
            let is_choosy = magnet.select_only.is_some()
                || !args.selection.files.is_empty()
                || !args.selection.select.is_empty();
            // What is chosen among can only be seen in the metadata.
            if args.list || is_choosy || args.name.is_some() {
                origin = resolve(client, origin, args).await?;
            }
        }
        let wanted = match origin.info() {
            None => None,
            Some(info) => wanted(info, &origin, args)?,
        };
        prepared.push(Prepared { origin, wanted });
    }
    Ok(prepared)
}

/// Fetches a magnet link's metadata.
async fn resolve(client: &Client, origin: Origin, args: &GetArgs) -> Result<Origin, Failure> {
    let info = lookup::metadata(client, &origin, &args.swarm, FOREVER).await?;
    Ok(origin.with_info(info))
}

fn wanted(info: &Info, origin: &Origin, args: &GetArgs) -> Result<Option<Vec<bool>>, Failure> {
    let name = info.name();
    if args.name.is_some() && !info.is_single_file() {
        let said = about(name, "--name is for the file of a single-file torrent");
        return Err(Failure::say(Exit::Usage, said));
    }
    let wanted = select::wanted(info, &args.selection, origin.select_only());
    let wanted = wanted.or_fail(Exit::Usage, name)?;
    promises(info, wanted.as_deref(), args)?;
    Ok(wanted)
}

/// What the finished files must be: by the torrent and by the command line.
fn promises(info: &Info, wanted: Option<&[bool]>, args: &GetArgs) -> Result<Vec<Promise>, Failure> {
    let place = |path: &[String]| match &args.name {
        Some(name) => args.output_dir.join(name),
        None => args.output_dir.join(path.iter().collect::<PathBuf>()),
    };
    let mut promises = check::of_torrent(info, wanted, place);
    if args.sha256.is_some() || args.sha1.is_some() {
        let [single] = promises.as_mut_slice() else {
            let said = "--sha256 and --sha1 check a single file; --files chooses one";
            return Err(Failure::say(Exit::Usage, about(info.name(), said)));
        };
        single.sha256.extend(args.sha256);
        single.sha1.extend(args.sha1);
    }
    Ok(promises)
}

fn list(prepared: &[Prepared]) -> Result<(), Failure> {
    for info in prepared.iter().filter_map(|prepared| prepared.origin.info()) {
        let name = escape_for_terminal(info.name());
        print(format!("{name}  {}\n{}", info.info_hash(), info::files(info.files())))?;
    }
    Ok(())
}

/// A run under way.
struct Get<'a> {
    args: &'a GetArgs,
    swarm: Swarm,
    downloads: Vec<Download>,
    checks: JoinSet<(usize, Result<(), Failure>)>,
}

impl<'a> Get<'a> {
    async fn start(
        client: Client,
        args: &'a GetArgs,
        prepared: Vec<Prepared>,
    ) -> Result<Self, Failure> {
        let mut swarm = Swarm::new(client, Report::new(&args.report));
        let mut downloads = Vec::with_capacity(prepared.len());
        for Prepared { origin, wanted } in prepared {
            let add = torrent_to_add(&origin, &args.swarm, options(args, &wanted)).await?;
            let place = Place::Folder {
                dir: args.output_dir.clone(),
                rename: args.name.clone(),
                overwrite: args.overwrite,
            };
            swarm.add(&origin, add, place).await?;
            downloads.push(Download::new(
                origin.name(),
                origin.info().cloned(),
                wanted,
                goal(args),
            ));
        }
        Ok(Self { args, swarm, downloads, checks: JoinSet::new() })
    }

    /// Until everything is done or has failed, or the user has had enough.
    async fn run(&mut self, interrupt: &mut Interrupt, deadline: Instant) -> Exit {
        let mut ticks = interval(self.swarm.report.period());
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !self.downloads.iter().all(Download::is_over) {
            tokio::select! {
                () = interrupt.wanted() => return self.interrupted(),
                () = sleep_until(deadline) => return self.late(),
                (number, news) = self.swarm.next() => self.take(number, &news),
                Some(Ok((number, result))) = self.checks.join_next() => {
                    let task = self.downloads[number].checked(result);
                    self.perform(number, task);
                }
                _ = ticks.tick() => self.tick().await,
            }
        }
        self.exit()
    }

    fn take(&mut self, number: usize, news: &News) {
        let task = self.downloads[number].take(news);
        self.perform(number, task);
    }

    fn perform(&mut self, number: usize, task: Option<Task>) {
        match task {
            None => {}
            Some(Task::Say(failure)) => self.swarm.report.complain(&failure),
            Some(Task::Check) => {
                let download = &self.downloads[number];
                let promises = match &download.info {
                    Some(info) => promises(info, download.wanted.as_deref(), self.args),
                    None => Ok(Vec::new()),
                };
                self.checks
                    .spawn_blocking(move || (number, promises.and_then(|p| check::check(&p))));
            }
        }
    }

    async fn tick(&mut self) {
        self.swarm.refresh().await;
        let now = Instant::now();
        for number in 0..self.downloads.len() {
            let task = self.downloads[number].tick(now, &self.swarm.stats()[number]);
            self.perform(number, task);
        }
    }

    /// Ctrl-C ends a seeder that has everything like any other end.
    fn interrupted(&self) -> Exit {
        match self.downloads.iter().all(Download::is_done) {
            true => Exit::Done,
            false => Exit::Interrupted,
        }
    }

    fn late(&self) -> Exit {
        if self.downloads.iter().all(Download::is_done) {
            return Exit::Done;
        }
        self.swarm.report.complain(LATE);
        Exit::NoPeers
    }

    /// The first failure decides.
    fn exit(&self) -> Exit {
        let exits = self.downloads.iter().filter_map(|download| download.exit());
        exits.into_iter().find(|exit| *exit != Exit::Done).unwrap_or(Exit::Done)
    }
}

fn options(args: &GetArgs, wanted: &Option<Vec<bool>>) -> TorrentOptions {
    TorrentOptions {
        wanted: wanted.clone(),
        sequential: args.sequential,
        max_peers: args.max_peers,
        max_retries: args.max_retries,
        block_timeout: args.block_timeout,
        ..TorrentOptions::default()
    }
}

fn goal(args: &GetArgs) -> Goal {
    Goal {
        seeds: args.seeds(),
        ratio: args.seed_ratio,
        time: args.seed_time,
        disk_wait: args.disk_wait,
    }
}
