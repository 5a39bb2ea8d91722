//! `gannet create`.

use std::{
    path::Path,
    time::{Duration, SystemTime},
};

use gannet_core::metainfo::{Draft, Metainfo};
use indicatif::ProgressBar;

use crate::{
    build::{self, BuildError, Recipe, Tally, Tree},
    cli::CreateArgs,
    exit::{self, Exit, Failure},
    format,
    output::{self, Existing, note, print, write_file},
    source::parse_torrent,
};

/// How often the bar moves.
const BAR_PERIOD: Duration = Duration::from_millis(100);

/// Writes a .torrent.
pub(super) fn run(args: &CreateArgs) -> Result<Exit, Failure> {
    let tree = find(&args.path, args.quiet)?;
    let output = args.output.clone().unwrap_or_else(|| format!("{}.torrent", tree.name).into());
    let existing = Existing::overwrite(args.overwrite);
    if existing == Existing::Keep && output.is_file() {
        let said = format!("{}: exists already; --overwrite replaces it", output.display());
        return Err(Failure::say(Exit::Storage, said));
    }
    let draft = build(&tree, recipe(args), args.quiet)?;
    let encoded = draft.encode();
    // Read back before it is written: what we make must be what we take.
    let torrent = parse_torrent(encoded.clone().into(), &output.display().to_string())?;
    exit::written(write_file(&output, &encoded, existing), output.display())?;
    if !args.quiet {
        warn_of_renamed(&torrent);
        print(summary(&torrent, &output))?;
    }
    Ok(Exit::Done)
}

fn recipe(args: &CreateArgs) -> Recipe {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    Recipe {
        piece_length: args.piece_length,
        file_hashes: args.file_hashes,
        private: args.private,
        trackers: tiers(&args.trackers),
        web_seeds: args.web_seeds.clone(),
        comment: args.comment.clone(),
        creation_date: now.ok().and_then(|now| i64::try_from(now.as_secs()).ok()),
    }
}

/// Each argument is a tier; URLs with commas between share one.
fn tiers(arguments: &[String]) -> Vec<Vec<String>> {
    let tier = |argument: &String| {
        let urls = argument.split(',').map(str::trim).filter(|url| !url.is_empty());
        urls.map(str::to_owned).collect::<Vec<_>>()
    };
    arguments.iter().map(tier).filter(|tier| !tier.is_empty()).collect()
}

/// Looks at what is to be shared, and tells what of it isn't.
pub(super) fn find(path: &Path, quiet: bool) -> Result<Tree, Failure> {
    let tree = Tree::find(path).map_err(|error| Failure::new(Exit::Failed, error))?;
    if !quiet {
        for skipped in &tree.skipped {
            note(format!("{}: left out, neither a file nor a folder", skipped.display()));
        }
    }
    Ok(tree)
}

/// Hashes on all cores, with a bar if standard error is a terminal.
pub(super) fn build(tree: &Tree, recipe: Recipe, quiet: bool) -> Result<Draft, Failure> {
    let tally = Tally::default();
    let total = build::work_bytes(tree, &recipe);
    let bar = if quiet { output::hidden() } else { output::counting(total, "hashing") };
    let draft = with_bar(&bar, &tally, || build::build(tree, recipe, &tally));
    draft.map_err(|error| match error {
        BuildError::Layout(_) => Failure::new(Exit::Failed, error),
        error => Failure::new(Exit::Storage, error),
    })
}

/// Does some work while a bar shows how far its tally is.
pub(super) fn with_bar<T: Send>(
    bar: &ProgressBar,
    tally: &Tally,
    work: impl FnOnce() -> T + Send,
) -> T {
    let result = std::thread::scope(|scope| {
        let worker = scope.spawn(work);
        while !worker.is_finished() {
            output::count_to(bar, tally.bytes());
            std::thread::park_timeout(BAR_PERIOD);
        }
        worker.join()
    });
    bar.finish_and_clear();
    result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn warn_of_renamed(torrent: &Metainfo) {
    for file in torrent.info.files() {
        if let Some(original) = &file.original {
            let saved = file.path.join("/");
            note(format!("{original}: whoever downloads it will call it {saved}"));
        }
    }
}

fn summary(torrent: &Metainfo, output: &Path) -> String {
    let layout = torrent.info.layout();
    format!(
        "{}\n{}\n{} in {}, {} of {}\n",
        output.display(),
        torrent.magnet(),
        format::bytes(layout.total_length()),
        format::count(torrent.info.files().len() as u64, "file", "files"),
        format::count(layout.piece_count().into(), "piece", "pieces"),
        format::bytes(layout.piece_length().into()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_tracker_is_a_tier_unless_commas_join_them() {
        let tiers = tiers(&["http://a".into(), "http://b, http://c".into(), ",".into()]);
        assert_eq!(tiers, [vec!["http://a"], vec!["http://b", "http://c"]]);
    }
}
