//! What README has people type.

use std::process::Command;

use crate::{process::Place, support::*};

const README: &str = include_str!("../../../README.md");
/// How curl says that it was told to wait no longer.
const TIMED_OUT: i32 = 28;

/// The lines of the block that asks a server things.
fn lines() -> impl Iterator<Item = &'static str> {
    let blocks = README.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    let block = blocks.into_iter().find(|block| block.contains("gannet serve ~/Films --token"));
    block.expect("README shows how scripts ask").lines()
}

#[test]
fn the_lines_for_scripts_run_as_they_are_written() {
    let (source, server) = (Server::start(), Server::at(Place::new(), ""));
    let mut ran = 0;
    let auth = lines().find_map(|line| line.strip_prefix("A=")).expect("the header has a name");
    for line in lines().filter(|line| line.starts_with("curl ")) {
        let asked = line.replacen("curl ", "curl --fail --silent --show-error --max-time 5 ", 1);
        let mut sh = Command::new("sh");
        sh.args(["-c", &format!("A={auth}\n{asked}")]).env("TOKEN", TOKEN).env("S", server.url(""));
        sh.env("SOURCE", source.url("/torrents/film.mkv.torrent"));
        sh.env("HASH", source.info_hash("film.mkv"));
        let output = sh.output().unwrap();
        let endless = line.contains("-N").then_some(TIMED_OUT);
        assert_eq!(output.status.code(), Some(endless.unwrap_or(0)), "{line}: {output:?}");
        let is_silent = ["pause", "resume", "DELETE"].iter().any(|word| line.contains(word));
        assert_eq!(output.stdout.is_empty(), is_silent, "{line}");
        ran += 1;
    }
    assert!(ran >= 10, "{ran} lines");
    assert_eq!(server.place.names("got"), Vec::<String>::new(), "the last one deletes");
}
