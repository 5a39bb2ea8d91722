//! The relay under measurement, and what a child that serves says first.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::bench::cost;
use crate::gannet::Gannet;
use crate::process::{self, Running};

const START_LIMIT: Duration = Duration::from_secs(20);

/// A relay that may dial this machine, and limits nobody.
const ARGUMENTS: [&str; 16] = [
    "relay",
    "--listen",
    "127.0.0.1:0",
    "--allow-cidr",
    "127.0.0.0/8",
    "--max-sockets",
    "1000000",
    "--max-sockets-per-address",
    "0",
    "--max-dials",
    "0",
    "--max-dials-per-target",
    "0",
    "--max-named",
    "1000",
    "--drain=0s",
];

/// A relay that runs until it is dropped.
pub(super) struct Relay {
    pub(super) addr: SocketAddr,
    running: Running,
}

impl Relay {
    pub(super) fn start(gannet: &Gannet) -> Result<Self> {
        let mut command = gannet.command();
        let mut running = Running::start(command.args(ARGUMENTS).stdout(Stdio::piped()))?;
        let line = first_line(&mut running)?;
        let addr = line.strip_prefix("ws://").and_then(|addr| addr.parse().ok());
        Ok(Self { addr: addr.context("the relay's address")?, running })
    }

    pub(super) fn resident_bytes(&self) -> Result<u64> {
        cost::resident_bytes(self.running.pid())
    }

    pub(super) fn processor_seconds(&self) -> Result<f64> {
        cost::processor_seconds(self.running.pid())
    }
}

/// The first line that a child prints: where it listens.
pub(super) fn first_line(running: &mut Running) -> Result<String> {
    let stdout = running.stdout().context("its output is a pipe")?;
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || {
        let mut line = String::new();
        let _ = BufReader::new(stdout).read_line(&mut line);
        let _ = sender.send(line);
    });
    let line = process::until("a server's start", START_LIMIT, || Ok(lines.try_recv().ok()))?;
    Ok(line.trim().to_owned())
}
