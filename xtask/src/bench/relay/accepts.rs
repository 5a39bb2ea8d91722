//! How many WebSockets a relay opens in a second.

use std::collections::VecDeque;
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::Result;
use rustix::net::sockopt::set_socket_linger;

use super::Stage;
use super::page::{upgrade, upgraded};

/// Connections that are under way at a time.
const UNDER_WAY: usize = 64;

/// What came of it.
pub(super) struct Accepts {
    pub(super) per_second: f64,
    /// For each second of the relay's processor time.
    pub(super) per_busy_second: f64,
}

/// Connections accepted, upgraded and closed again, for so long.
pub(super) fn measure(stage: &Stage, time: Duration) -> Result<Accepts> {
    let addr = stage.relay.addr;
    let request = upgrade(addr, "/v1/peer");
    let mut under_way = VecDeque::with_capacity(UNDER_WAY);
    for _ in 0..UNDER_WAY {
        under_way.push_back(begin(addr, &request)?);
    }
    let (before, start, mut count) = (stage.relay.processor_seconds()?, Instant::now(), 0);
    while start.elapsed() < time {
        if let Some(mut oldest) = under_way.pop_front() {
            upgraded(&mut oldest)?;
            count += 1;
        }
        under_way.push_back(begin(addr, &request)?);
    }
    let seconds = start.elapsed().as_secs_f64();
    let busy_seconds = stage.relay.processor_seconds()? - before;
    let count = f64::from(count);
    Ok(Accepts { per_second: count / seconds, per_busy_second: count / busy_seconds })
}

fn begin(addr: SocketAddr, request: &str) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(addr)?;
    // It is closed by a reset, so that its port is free at once: there are only so many.
    set_socket_linger(&stream, Some(Duration::ZERO))?;
    stream.write_all(request.as_bytes())?;
    Ok(stream)
}
