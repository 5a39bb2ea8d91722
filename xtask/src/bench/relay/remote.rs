//! The other side: a peer in a process of its own, that does with each connection what its handshake asks.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::thread;

use anyhow::{Context, Result};

use super::child;
use crate::Outcome;
use crate::process::Running;

/// The 68 bytes that open a connection (BEP 3); the last of them says what the peer is to do.
pub(super) const HANDSHAKE_BYTES: usize = 68;
pub(super) const INFO_HASH: [u8; 20] = [0x67; 20];
/// What a peer writes at a time: a block, as clients do.
const BLOCK_BYTES: usize = 16 * 1024;
/// What it reads at a time.
const READ_BYTES: usize = 256 * 1024;

/// What a peer does after the handshakes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Nothing, reading neither.
    Silent,
    /// It sends for as long as it can.
    Seeder,
    /// It reads for as long as something comes.
    Leecher,
}

impl Role {
    const ALL: [Self; 3] = [Self::Silent, Self::Seeder, Self::Leecher];

    fn letter(self) -> u8 {
        match self {
            Self::Silent => b'i',
            Self::Seeder => b's',
            Self::Leecher => b'l',
        }
    }

    /// A handshake that asks for this.
    pub(super) fn handshake(self) -> [u8; HANDSHAKE_BYTES] {
        let mut bytes =
            *b"\x13BitTorrent protocol\0\0\0\0\0\0\0\0____________________-XB0001-____________";
        bytes[28..48].copy_from_slice(&INFO_HASH);
        bytes[HANDSHAKE_BYTES - 1] = self.letter();
        bytes
    }

    fn of(handshake: &[u8; HANDSHAKE_BYTES]) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.letter() == handshake[HANDSHAKE_BYTES - 1])
    }
}

/// The peer while it runs.
pub(super) struct Remote {
    pub(super) addr: SocketAddr,
    _running: Running,
}

impl Remote {
    pub(super) fn start() -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["bench", "relay-peer"]).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut running = Running::start(&mut command)?;
        let addr = child::first_line(&mut running)?.parse().context("the peer's address")?;
        Ok(Self { addr, _running: running })
    }
}

/// What `xtask bench relay-peer` does: prints its address, and serves until it is ended.
pub(in crate::bench) fn serve() -> Result<Outcome> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    println!("{}", listener.local_addr()?);
    let mut silent = Vec::new();
    for stream in listener.incoming() {
        let mut stream = stream?;
        // Whoever connects is ours, and sends its handshake at once.
        match greet(&mut stream) {
            Ok(Some(Role::Seeder)) => drop(thread::spawn(move || seed(stream))),
            Ok(Some(Role::Leecher)) => drop(thread::spawn(move || leech(stream))),
            Ok(Some(Role::Silent)) => silent.push(stream),
            Ok(None) | Err(_) => {}
        }
        if crate::process::interrupted() {
            break;
        }
    }
    Ok(Outcome::Done)
}

/// Reads a handshake, and answers with the same.
fn greet(stream: &mut TcpStream) -> std::io::Result<Option<Role>> {
    let mut handshake = [0; HANDSHAKE_BYTES];
    stream.read_exact(&mut handshake)?;
    stream.write_all(&handshake)?;
    Ok(Role::of(&handshake))
}

fn seed(mut stream: TcpStream) {
    let block = [0x5a; BLOCK_BYTES];
    while stream.write_all(&block).is_ok() {}
}

fn leech(mut stream: TcpStream) {
    let mut buffer = vec![0; READ_BYTES];
    while matches!(stream.read(&mut buffer), Ok(1..)) {}
}
