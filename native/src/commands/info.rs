//! `gannet info`.

use std::time::{Duration, SystemTime};

use gannet::Client;
use gannet_core::{
    metainfo::{File, Metainfo},
    names::escape_for_terminal,
};
use serde_json::{Value, json};

use super::{lookup, swarm};
use crate::{
    cli::InfoArgs,
    exit::{Exit, Failure},
    format,
    output::{Align, print, print_json, table},
    source::{Origin, Source, read_torrent},
};

/// Shows all that a torrent says.
pub(super) async fn run(args: InfoArgs) -> Result<Exit, Failure> {
    let torrent = match Source::of_argument(&args.source)? {
        Source::File(path) => read_torrent(&path)?,
        source => {
            let client = swarm::start_client(swarm::quiet_config())?;
            let torrent = fetch(&client, source, &args).await;
            client.shutdown(lookup::FAREWELL).await;
            torrent?
        }
    };
    match args.lookup.output.json {
        true => print_json(&as_json(&torrent))?,
        false => print(as_text(&torrent))?,
    }
    Ok(Exit::Done)
}

async fn fetch(client: &Client, source: Source, args: &InfoArgs) -> Result<Metainfo, Failure> {
    let web_seeds = match &source {
        Source::Magnet(magnet) => magnet.web_seeds.clone(),
        _ => Vec::new(),
    };
    match swarm::load(client, source).await? {
        Origin::Torrent(torrent) => Ok(*torrent),
        origin => {
            let InfoArgs { lookup, .. } = args;
            let info = lookup::metadata(client, &origin, &lookup.swarm, lookup.timeout).await?;
            let trackers = origin.trackers();
            let (comment, created_by, creation_date) = (None, None, None);
            Ok(Metainfo { info, trackers, web_seeds, comment, created_by, creation_date })
        }
    }
}

/// For a program.
fn as_json(torrent: &Metainfo) -> Value {
    let (info, layout) = (&torrent.info, torrent.info.layout());
    json!({
        "name": info.name(),
        "original_name": info.original_name(),
        "info_hash": info.info_hash(),
        "total_length": layout.total_length(),
        "piece_length": layout.piece_length(),
        "pieces": layout.piece_count(),
        "private": info.private(),
        "files": info.files().iter().map(file_as_json).collect::<Vec<_>>(),
        "trackers": torrent.trackers,
        "web_seeds": torrent.web_seeds,
        "magnet": torrent.magnet().to_string(),
        "comment": torrent.comment,
        "created_by": torrent.created_by,
        "creation_date": torrent.creation_date,
    })
}

fn file_as_json(file: &File) -> Value {
    let hex = |hash: &[u8]| hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    json!({
        "path": file.path.join("/"),
        "original_path": file.original,
        "length": file.length,
        "pad": file.attributes.pad,
        "executable": file.attributes.executable,
        "symlink": file.attributes.symlink.as_ref().map(|target| target.join("/")),
        "sha256": file.sha256.map(|hash| hex(&hash)),
        "sha1": file.sha1.map(|hash| hex(&hash)),
    })
}

/// For a person.
fn as_text(torrent: &Metainfo) -> String {
    let (info, layout) = (&torrent.info, torrent.info.layout());
    let mut lines = Lines::default();
    lines.add("name", info.name());
    lines.add_some("was named", info.original_name());
    lines.add("info hash", &info.info_hash().to_string());
    let (total, piece) = (layout.total_length(), layout.piece_length());
    lines.add("size", &format!("{} ({total} bytes)", format::bytes(total)));
    let pieces = format::count(layout.piece_count().into(), "piece", "pieces");
    lines.add("pieces", &format!("{pieces} of {}", format::bytes(piece.into())));
    lines.add("private", if info.private() { "yes" } else { "no" });
    lines.add_some("created", torrent.creation_date.and_then(date).as_deref());
    lines.add_some("created by", torrent.created_by.as_deref());
    lines.add_some("comment", torrent.comment.as_deref());
    for (number, tier) in torrent.trackers.iter().enumerate() {
        tier.iter().for_each(|url| lines.add(&format!("tracker {}", number + 1), url));
    }
    torrent.web_seeds.iter().for_each(|url| lines.add("web seed", url));
    lines.add("magnet", &torrent.magnet().to_string());
    format!("{}\n{}", lines.text, files(info.files()))
}

/// The files with the numbers that `--files` takes.
pub(super) fn files(files: &[File]) -> String {
    let shown = files.iter().enumerate().filter(|(_, file)| !file.attributes.pad);
    table(
        [("#", Align::Right), ("size", Align::Right), ("file", Align::Left)],
        shown.map(|(number, file)| {
            [(number + 1).to_string(), format::bytes(file.length), described(file)]
        }),
    )
}

fn described(file: &File) -> String {
    let mut text = file.path.join("/");
    if let Some(original) = &file.original {
        text += &format!("  (was \"{original}\")");
    }
    if let Some(target) = &file.attributes.symlink {
        text += &format!("  -> {}", target.join("/"));
    }
    if file.attributes.executable {
        text += "  (executable)";
    }
    text
}

/// Seconds since 1970 as a date; `None` for a year that nobody means.
fn date(seconds: i64) -> Option<String> {
    const YEAR_3000_SECONDS: u64 = 32_503_680_000;
    let seconds = u64::try_from(seconds).ok().filter(|&seconds| seconds < YEAR_3000_SECONDS)?;
    let date = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    Some(humantime::format_rfc3339_seconds(date).to_string())
}

#[derive(Default)]
struct Lines {
    text: String,
}

impl Lines {
    fn add(&mut self, label: &str, value: &str) {
        self.text += &format!("{label:<12}{}\n", escape_for_terminal(value));
    }

    fn add_some(&mut self, label: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.add(label, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_shown_unless_it_is_nonsense() {
        assert_eq!(date(0).as_deref(), Some("1970-01-01T00:00:00Z"));
        assert_eq!(date(i64::MAX), None);
        assert_eq!(date(-1), None);
    }

    #[test]
    fn what_strangers_wrote_is_escaped() {
        let torrent = b"d7:comment5:\x1b[2J\n4:infod6:lengthi0e4:name1:a12:piece lengthi16384e\
            6:pieces0:ee";
        let torrent = Metainfo::parse(torrent.to_vec().into()).unwrap();
        let text = as_text(&torrent);
        assert!(text.contains(r"comment     \u{1b}[2J\u{a}"), "{text}");
        assert!(!text.contains('\x1b'));
    }
}
