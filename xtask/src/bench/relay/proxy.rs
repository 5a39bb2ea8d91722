//! The yardstick between raw TCP and the relay: a program that copies bytes from one socket to another,
//! and knows nothing of what they are.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::thread;

use anyhow::{Context, Result};

use super::child;
use crate::Outcome;
use crate::process::Running;

/// What it reads at a time: as much as the relay.
const BUFFER_BYTES: usize = 256 * 1024;

/// The proxy while it runs.
pub(super) struct Proxy {
    pub(super) addr: SocketAddr,
    _running: Running,
}

impl Proxy {
    pub(super) fn start(remote: SocketAddr) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["bench", "relay-proxy", &remote.to_string()]);
        let mut running = Running::start(command.stdin(Stdio::null()).stdout(Stdio::piped()))?;
        let addr = child::first_line(&mut running)?.parse().context("the proxy's address")?;
        Ok(Self { addr, _running: running })
    }
}

/// What `xtask bench relay-proxy` does: prints its address, and serves until it is ended.
pub(in crate::bench) fn serve(remote: SocketAddr) -> Result<Outcome> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    println!("{}", listener.local_addr()?);
    for stream in listener.incoming() {
        let (near, far) = (stream?, TcpStream::connect(remote)?);
        near.set_nodelay(true)?;
        far.set_nodelay(true)?;
        let (other_near, other_far) = (near.try_clone()?, far.try_clone()?);
        thread::spawn(move || copy(near, far));
        thread::spawn(move || copy(other_far, other_near));
        if crate::process::interrupted() {
            break;
        }
    }
    Ok(Outcome::Done)
}

/// Copies until either end is gone, and then ends the other.
fn copy(mut from: TcpStream, mut to: TcpStream) {
    let mut buffer = vec![0; BUFFER_BYTES];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        if to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    // Whoever is gone already is gone.
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
