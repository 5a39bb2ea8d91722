//! What happened, line by line for people, and in one number for comparing runs.

use gannet_core::{
    Output,
    event::News,
    storage::{Command, Order},
};

use super::{HostId, World};

/// What is written down of a run.
#[derive(Debug, Default)]
pub struct Trace {
    /// Prints a line for all that matters.
    pub prints: bool,
    /// Nobody will compare this run with another: nothing is written down.
    pub is_off: bool,
    /// Changes with each output of each host, and its time.
    pub fingerprint: u64,
}

impl Trace {
    fn mix(&mut self, value: u64) {
        self.fingerprint =
            (self.fingerprint.rotate_left(5) ^ value).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn mix_bytes(&mut self, bytes: &[u8]) {
        self.mix(bytes.len() as u64);
        let (words, rest) = bytes.as_chunks();
        words.iter().for_each(|&word| self.mix(u64::from_le_bytes(word)));
        rest.iter().for_each(|&byte| self.mix(byte.into()));
    }

    /// All of an output, to the last byte.
    fn mix_output(&mut self, output: &Output) {
        match output {
            Output::Send { peer, bytes } => {
                self.mix(peer.as_u64());
                self.mix_bytes(bytes);
            }
            Output::Storage(Command {
                order: Order::Store { piece, buffers, .. } | Order::Spill { piece, buffers, .. },
                ..
            }) => {
                self.mix(piece.as_u32().into());
                buffers.iter().for_each(|bytes| self.mix_bytes(bytes));
            }
            output => self.mix_bytes(format!("{output:?}").as_bytes()),
        }
    }
}

impl World {
    /// A line of the trace that is not a host's.
    pub fn say(&self, line: impl std::fmt::Display) {
        if self.trace.prints {
            println!("{:>11.6}  {line}", self.now.as_micros() as f64 / 1e6);
        }
    }

    /// Notes what a host does.
    pub(super) fn note(&mut self, host: HostId, output: &Output) {
        if self.trace.is_off {
            return;
        }
        self.trace.mix(self.now.as_micros());
        self.trace.mix(host as u64);
        self.trace.mix_output(output);
        if !self.trace.prints {
            return;
        }
        match output {
            Output::Connect { addr, .. } => self.say(format_args!("host {host:<3} dials {addr}")),
            Output::Close { peer, reason } => {
                self.say(format_args!("host {host:<3} closes {}: {reason}", peer.as_u64()));
            }
            Output::Event(event) => self.say(format_args!("host {host:<3} {}", line(&event.news))),
            _ => {}
        }
    }
}

/// News on one line; metadata and peer lists would fill pages.
fn line(news: &News) -> String {
    match news {
        News::Metadata(info) => format!("Metadata of {}", info.info_hash()),
        News::TrackerPeers { peers, .. } => format!("TrackerPeers: {}", peers.len()),
        news => format!("{news:?}"),
    }
}
