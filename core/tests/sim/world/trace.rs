//! What happened, line by line for people, and in one number for comparing runs.

use gannet_core::{Output, event::News};

use super::{HostId, World};

/// What is written down of a run.
#[derive(Debug, Default)]
pub struct Trace {
    /// Prints a line for all that matters.
    pub prints: bool,
    /// Changes with each output of each host, and its time.
    pub fingerprint: u64,
}

impl Trace {
    fn mix(&mut self, value: u64) {
        self.fingerprint =
            (self.fingerprint.rotate_left(5) ^ value).wrapping_mul(0x9e37_79b9_7f4a_7c15);
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
        self.trace.mix(self.now.as_micros());
        self.trace.mix((host as u64) << 32 | weight(output));
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

/// Tells outputs apart, cheaply.
fn weight(output: &Output) -> u64 {
    match output {
        Output::Send { peer, bytes } => peer.as_u64() << 20 | bytes.len() as u64,
        Output::Connect { peer, .. } => 1 << 40 | peer.as_u64(),
        Output::Close { peer, .. } => 2 << 40 | peer.as_u64(),
        Output::Storage(_) => 3 << 40,
        Output::Event(_) => 4 << 40,
        _ => 5 << 40,
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
