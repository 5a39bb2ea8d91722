//! Clients that announce, and the loops that drive them: one announce of each is under way at a time.

use std::io;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::process;

/// A datagram that wasn't answered by then is lost, and so is a connection.
const ANSWER_LIMIT: Duration = Duration::from_secs(1);
/// How often an announce is repeated while torrents are filled.
const TRIES: usize = 20;

/// One client with its own socket.
pub(super) trait Client {
    /// Announces itself for a torrent.
    fn announce(&mut self, torrent: usize) -> io::Result<()>;

    /// The answer to the last announce, if it is there yet.
    fn answer(&mut self) -> io::Result<Option<Answer>>;

    /// Gives up the last announce.
    fn forget(&mut self);
}

/// What a tracker answered, checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Swarm {
        /// How many seeders and leechers it counts.
        size: usize,
        /// How many of them it named.
        named: usize,
    },
    /// A failure, or nothing that is an answer.
    Refused,
}

/// What came of some time of load.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) seconds: f64,
    pub(super) answers: usize,
    pub(super) refused: usize,
    pub(super) lost: usize,
    /// Peers named, in all answers together.
    named: usize,
    latencies: Vec<Duration>,
}

impl Tally {
    fn add(&mut self, answer: Answer, latency: Duration) {
        match answer {
            Answer::Swarm { named, .. } => {
                self.answers += 1;
                self.named += named;
                self.latencies.push(latency);
            }
            Answer::Refused => self.refused += 1,
        }
    }

    pub(super) fn per_second(&self) -> f64 {
        self.answers as f64 / self.seconds
    }

    pub(super) fn named_per_answer(&self) -> f64 {
        self.named as f64 / self.answers as f64
    }

    /// The latency in milliseconds that this share of the answers stays within.
    pub(super) fn latency_ms(&mut self, share: f64) -> f64 {
        self.latencies.sort_unstable();
        let index = (self.latencies.len() as f64 * share) as usize;
        self.latencies.get(index).map_or(f64::NAN, |latency| latency.as_secs_f64() * 1e3)
    }
}

/// When announces are due.
pub(super) enum Pace {
    /// Each client announces again once it is answered.
    Full,
    /// So many a second, whether or not the earlier ones are answered: if an announce has to wait for
    /// a free client, that counts as latency.
    PerSecond(f64),
}

impl Pace {
    /// When the next announce was due, if it is.
    fn due(&self, sent: usize, start: Instant, now: Instant) -> Option<Instant> {
        match self {
            Self::Full => Some(now),
            Self::PerSecond(rate) => {
                let due = start + Duration::from_secs_f64(sent as f64 / rate);
                (due <= now).then_some(due)
            }
        }
    }
}

/// Announces for random ones of the first `torrents`, for so long.
pub(super) fn load<C: Client>(
    clients: &mut [C],
    torrents: usize,
    pace: &Pace,
    time: Duration,
) -> Result<Tally> {
    let (start, mut tally, mut sent) = (Instant::now(), Tally::default(), 0);
    let end = start + time;
    let mut under_way: Vec<Option<Instant>> = vec![None; clients.len()];
    while Instant::now() < end {
        if process::interrupted() {
            bail!("interrupted");
        }
        for (client, under_way) in clients.iter_mut().zip(&mut under_way) {
            if let Some(since) = *under_way {
                if !has_ended(client, since, &mut tally) {
                    continue;
                }
                *under_way = None;
            }
            if let Some(due) = pace.due(sent, start, Instant::now()) {
                sent += 1;
                match client.announce(fastrand::usize(..torrents)) {
                    Ok(()) => *under_way = Some(due),
                    Err(_) => tally.lost += 1,
                }
            }
        }
    }
    tally.seconds = start.elapsed().as_secs_f64();
    clients.iter_mut().for_each(Client::forget);
    Ok(tally)
}

/// Whether an announce is answered or lost.
fn has_ended<C: Client>(client: &mut C, since: Instant, tally: &mut Tally) -> bool {
    match client.answer() {
        Ok(Some(answer)) => tally.add(answer, since.elapsed()),
        Ok(None) if since.elapsed() < ANSWER_LIMIT => return false,
        Ok(None) | Err(_) => {
            tally.lost += 1;
            client.forget();
        }
    }
    true
}

/// Each client announces itself once, for the torrent that goes with it; what they were answered.
/// Repeats what is lost, and fails if an answer is a refusal: refusals are no measurement.
pub(super) fn once<'a, C: Client + 'a>(
    pairs: impl Iterator<Item = (&'a mut C, usize)>,
) -> Result<Vec<Answer>> {
    let mut waiting: Vec<_> = pairs.collect();
    let mut answers = Vec::with_capacity(waiting.len());
    for _ in 0..TRIES {
        for (client, torrent) in &mut waiting {
            client.announce(*torrent)?;
        }
        let end = Instant::now() + ANSWER_LIMIT;
        while !waiting.is_empty() && Instant::now() < end {
            let mut failed = None;
            waiting.retain_mut(|(client, _)| match client.answer() {
                Ok(None) => true,
                Ok(Some(answer)) => {
                    answers.push(answer);
                    false
                }
                Err(error) => {
                    failed = Some(error);
                    true
                }
            });
            if let Some(error) = failed {
                return Err(error.into());
            }
        }
        if answers.contains(&Answer::Refused) {
            bail!("an announce was refused");
        }
        if waiting.is_empty() {
            return Ok(answers);
        }
        if process::interrupted() {
            bail!("interrupted");
        }
    }
    bail!("an announce wasn't answered");
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers at once.
    struct Prompt(Answer);

    impl Client for Prompt {
        fn announce(&mut self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn answer(&mut self) -> io::Result<Option<Answer>> {
            Ok(Some(self.0))
        }
        fn forget(&mut self) {}
    }

    const GOOD: Answer = Answer::Swarm { size: 100, named: 50 };

    #[test]
    fn a_pace_is_kept_and_what_comes_late_counts_from_when_it_was_due() {
        let start = Instant::now();
        let (pace, second) = (Pace::PerSecond(10.0), Duration::from_secs(1));
        assert_eq!(pace.due(11, start, start + second), None);
        assert_eq!(pace.due(10, start, start + second), Some(start + second));
        assert_eq!(pace.due(0, start, start + second), Some(start));
    }

    #[test]
    fn refusals_are_no_answers() {
        let mut clients = [Prompt(GOOD), Prompt(Answer::Refused)];
        let time = Duration::from_millis(5);
        let tally = load(&mut clients, 3, &Pace::Full, time).unwrap();
        assert!(tally.answers > 0 && tally.refused > 0 && tally.lost == 0);
        assert_eq!(tally.named_per_answer(), 50.0);
        assert!(once(clients.iter_mut().zip(0..)).is_err());
        assert_eq!(once(clients[..1].iter_mut().zip(0..)).unwrap(), [GOOD]);
    }

    #[test]
    fn a_percentile_is_the_latency_that_so_many_stay_within() {
        let mut tally = Tally::default();
        (1..=100).rev().for_each(|ms| tally.add(GOOD, Duration::from_millis(ms)));
        assert_eq!((tally.latency_ms(0.5), tally.latency_ms(0.99)), (51.0, 100.0));
        assert!(Tally::default().latency_ms(0.5).is_nan());
    }
}
