//! What came of it: a table, and which of the promised figures are met.

use super::Load;
use super::client::Tally;
use super::server::Kind;
use crate::bench::{
    median,
    verdict::{self, Bound, Verdict},
};

/// At one core, of bittorrent-tracker's and of opentracker's announces a second.
const LEAST_OF_BITTORRENT_TRACKER: f64 = 4.0;
const LEAST_OF_OPENTRACKER: f64 = 0.9;
/// At half load.
const MOST_P99_MS: f64 = 2.0;
const MOST_BYTES_PER_PEER: f64 = 40.0;
/// The cost of an announce among all peers, to that among a thousand.
const MOST_GROWTH: f64 = 1.3;

/// One turn of a tracker.
pub(super) struct Sample {
    per_second: f64,
    /// Announces for each second that the tracker's core was busy with it. The same as above when it
    /// was busy all the time; and what other programs take away counts here for neither side.
    per_busy_second: f64,
    full_ms: [f64; 2],
    half_ms: [f64; 2],
    named: f64,
    refused: usize,
    lost: usize,
}

impl Sample {
    pub(super) fn new(mut full: Tally, busy_seconds: f64, mut half: Tally) -> Self {
        Self {
            per_second: full.per_second(),
            per_busy_second: full.answers as f64 / busy_seconds,
            full_ms: percentiles(&mut full),
            half_ms: percentiles(&mut half),
            named: full.named_per_answer(),
            refused: full.refused + half.refused,
            lost: full.lost + half.lost,
        }
    }
}

/// p50 and p99.
fn percentiles(tally: &mut Tally) -> [f64; 2] {
    [0.5, 0.99].map(|share| tally.latency_ms(share))
}

/// All turns of all trackers.
#[derive(Default)]
pub(super) struct Report {
    samples: Vec<(Load, Kind, Sample)>,
    among_few: Vec<Sample>,
    bytes_per_peer: Vec<(Kind, f64)>,
}

impl Report {
    pub(super) fn add(&mut self, load: Load, kind: Kind, sample: Sample) {
        self.samples.push((load, kind, sample));
    }

    /// A turn of Gannet over UDP that has only a thousand peers.
    pub(super) fn among_few(&mut self, sample: Sample) {
        self.among_few.push(sample);
    }

    pub(super) fn memory(&mut self, kind: Kind, bytes_per_peer: f64) {
        self.bytes_per_peer.push((kind, bytes_per_peer));
    }

    fn of(&self, load: Load, kind: Kind) -> impl Iterator<Item = &Sample> {
        let turns = self.samples.iter().filter(move |turn| (turn.0, turn.1) == (load, kind));
        turns.map(|(_, _, sample)| sample)
    }

    pub(super) fn print(&self) {
        println!(
            "\nmedians; a busy second is one of the tracker's processor time; ms; ½: at half load"
        );
        println!(
            "{:<24} {:<20} {:>11} {:>11} {:>7} {:>7} {:>7} {:>7} {:>6} {:>7} {:>5}",
            "",
            "",
            "announces/s",
            "/busy s",
            "p50",
            "p99",
            "½ p50",
            "½ p99",
            "peers",
            "refused",
            "lost"
        );
        for load in Load::ALL {
            for &(kind, _) in self.bytes_per_peer.iter().filter(|(kind, _)| load.suits(*kind)) {
                print_line(load.name(), kind.name(), &self.of(load, kind).collect::<Vec<_>>());
            }
        }
        print_line(
            "UDP, 1,000 peers",
            Kind::Gannet.name(),
            &self.among_few.iter().collect::<Vec<_>>(),
        );
        println!();
        for (kind, bytes) in &self.bytes_per_peer {
            println!("{:<24} {:<20} {bytes:>11.1}", "memory, bytes a peer", kind.name());
        }
    }

    /// Prints which promises are kept; whether all are.
    pub(super) fn judge(&self) -> bool {
        verdict::judge(&self.verdicts())
    }

    fn verdicts(&self) -> Vec<Verdict> {
        let mut verdicts = vec![
            self.against(Load::KeepAlive, Kind::BittorrentTracker, LEAST_OF_BITTORRENT_TRACKER),
            self.against(Load::Close, Kind::Opentracker, LEAST_OF_OPENTRACKER),
            self.against(Load::Udp, Kind::Opentracker, LEAST_OF_OPENTRACKER),
        ];
        verdicts.extend(Load::ALL.map(|load| Verdict {
            what: format!("{}: p99 at half load, ms", load.name()),
            is: median(self.of(load, Kind::Gannet).map(|sample| sample.half_ms[1])),
            bound: Bound::AtMost(MOST_P99_MS),
        }));
        let own = |(kind, _): &&(Kind, f64)| *kind == Kind::Gannet;
        verdicts.push(Verdict {
            what: "memory, bytes a peer".to_owned(),
            is: self.bytes_per_peer.iter().find(own).map_or(f64::NAN, |(_, bytes)| *bytes),
            bound: Bound::AtMost(MOST_BYTES_PER_PEER),
        });
        verdicts.push(Verdict {
            what: "UDP: cost of an announce, × that among 1,000 peers".to_owned(),
            is: ratio(self.among_few.iter(), self.of(Load::Udp, Kind::Gannet)),
            bound: Bound::AtMost(MOST_GROWTH),
        });
        verdicts
    }

    fn against(&self, load: Load, other: Kind, least: f64) -> Verdict {
        Verdict {
            what: format!("{}: announces a busy second, × {}", load.name(), other.name()),
            is: ratio(self.of(load, Kind::Gannet), self.of(load, other)),
            bound: Bound::AtLeast(least),
        }
    }
}

/// How many times as many announces the first answers in a busy second: in each round, the median of
/// those.
fn ratio<'a>(
    first: impl Iterator<Item = &'a Sample>,
    second: impl Iterator<Item = &'a Sample>,
) -> f64 {
    median(first.zip(second).map(|(first, second)| first.per_busy_second / second.per_busy_second))
}

fn print_line(load: &str, name: &str, samples: &[&Sample]) {
    let middle = |of: fn(&Sample) -> f64| median(samples.iter().map(|sample| of(sample)));
    let sum = |of: fn(&Sample) -> usize| samples.iter().map(|sample| of(sample)).sum::<usize>();
    println!(
        "{load:<24} {name:<20} {:>11.0} {:>11.0} {:>7.2} {:>7.2} {:>7.2} {:>7.2} {:>6.1} {:>7} {:>5}",
        middle(|sample| sample.per_second),
        middle(|sample| sample.per_busy_second),
        middle(|sample| sample.full_ms[0]),
        middle(|sample| sample.full_ms[1]),
        middle(|sample| sample.half_ms[0]),
        middle(|sample| sample.half_ms[1]),
        middle(|sample| sample.named),
        sum(|sample| sample.refused),
        sum(|sample| sample.lost),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(per_busy_second: f64) -> Sample {
        let full_ms = [0.0; 2];
        Sample {
            per_second: per_busy_second,
            per_busy_second,
            full_ms,
            half_ms: full_ms,
            named: 50.0,
            refused: 0,
            lost: 0,
        }
    }

    #[test]
    fn a_ratio_compares_what_ran_in_the_same_round() {
        let (first, second) = ([100.0, 10.0, 30.0], [50.0, 5.0, 10.0]);
        let (first, second) = (first.map(sample), second.map(sample));
        assert_eq!(ratio(first.iter(), second.iter()), 2.0);
    }

    #[test]
    fn a_figure_that_was_not_measured_is_not_met() {
        let report = Report::default();
        assert!(report.verdicts().iter().all(|verdict| !verdict.is_met()));
    }
}
