//! The figures, and what they must not fall behind.

use std::time::Duration;

use super::flock::{Flock, Sharing};
use crate::world::{Host, World};

/// One megabit per second: an ordinary line's upload.
const RATE: u64 = 128 * 1024;
/// What the seeder of a thousand may send, in copies.
const MOST_COPIES: f64 = 1.3;
/// When the last of a thousand is done, against the fluid lower bound: it is 1.13 times of it.
const MOST_RATIO: f64 = 1.25;
const LIMIT: Duration = Duration::from_secs(3_600);

fn print(name: &str, leechers: usize, sharing: &Sharing) {
    println!(
        "{leechers:>6} {name:<8} bound {:>6.1} s  mean {:>6.1} s  last {:>6.1} s  {:.2} × the bound  \
         seeder {:.2} copies  twice {:.2} %  {:.1} M events",
        sharing.bound.as_secs_f64(),
        sharing.mean().as_secs_f64(),
        sharing.last().as_secs_f64(),
        sharing.ratio(),
        sharing.seeder_copies,
        sharing.duplicates * 100.0,
        sharing.events as f64 / 1e6,
    );
    let busy: String = sharing.busy.iter().map(|share| format!(" {:.0}", share * 100.0)).collect();
    println!("{:>15} lines busy, by tenths of the time:{busy} %", "");
}

fn sizes() -> Vec<usize> {
    let sizes = std::env::var("GANNET_SIM_LEECHERS").unwrap_or_default();
    sizes.split(',').filter_map(|size| size.parse().ok()).collect()
}

/// For `cargo xtask sim --leechers 1000`.
#[test]
#[ignore = "takes long: cargo xtask sim --leechers 1000"]
fn figures() {
    let only = std::env::var("GANNET_SIM_RATES").unwrap_or_default();
    for leechers in sizes() {
        let both =
            [("equal", Flock::equal(leechers, RATE)), ("mixed", Flock::mixed(leechers, RATE))];
        for (name, flock) in both.into_iter().filter(|(name, _)| name.contains(&only)) {
            let pieces = std::env::var("GANNET_SIM_PIECES").ok().and_then(|p| p.parse().ok());
            let flock = Flock { pieces: pieces.unwrap_or(flock.pieces), ..flock };
            print(name, leechers, &flock.run(LIMIT));
        }
    }
}

/// Two dozen leechers of a small torrent: enough to see who is better off.
fn small() -> Flock {
    Flock { pieces: 256, ..Flock::equal(24, RATE) }
}

#[test]
#[ignore = "takes long unless optimised: cargo xtask sim --leechers 1000"]
fn a_thousand_leechers_are_done_soon_after_the_bound_from_little_more_than_one_copy() {
    let sharing = Flock::equal(1_000, RATE).run(LIMIT);
    print("equal", 1_000, &sharing);
    assert!(sharing.seeder_copies <= MOST_COPIES, "{} copies", sharing.seeder_copies);
    assert!(sharing.ratio() <= MOST_RATIO, "{:.2} times the bound", sharing.ratio());
}

#[test]
fn few_leechers_of_little_too_are_done_soon_after_the_bound() {
    // In so small a swarm who begins with which piece moves the end by some hundredths of the bound.
    let sizes = [20, 24, 28];
    for (name, flock) in [("equal", Flock::equal as fn(_, _) -> _), ("mixed", Flock::mixed)] {
        let runs = sizes.map(|leechers| {
            let sharing = Flock { pieces: small().pieces, ..flock(leechers, RATE) }.run(LIMIT);
            print(name, leechers, &sharing);
            sharing
        });
        let copies = runs.iter().map(|sharing| sharing.seeder_copies).fold(0.0, f64::max);
        assert!(copies <= MOST_COPIES, "{name}: {copies} copies");
        let ratio = runs.iter().map(Sharing::ratio).sum::<f64>() / sizes.len() as f64;
        assert!(ratio <= MOST_RATIO, "{name}: {ratio:.2} times the bound");
    }
}

#[test]
fn free_riders_are_done_last() {
    // Enough peers that there are fewer slots than who would like one.
    let givers = 36;
    let flock = Flock { pieces: 384, free_riders_from: givers, ..Flock::equal(48, RATE) };
    let sharing = Flock { seeder_rate: 2 * RATE, ..flock }.run(LIMIT);
    let mean = |done: &[Duration]| done.iter().sum::<Duration>() / done.len() as u32;
    let (givers, riders) = sharing.done.split_at(givers);
    println!("givers {:?}, free riders {:?}", mean(givers), mean(riders));
    assert!(mean(riders) > mean(givers));
    assert!(riders.iter().max() > givers.iter().max(), "the last of all gave nothing");
}

#[test]
fn rarest_first_beats_in_order() {
    let rarest = small().run(LIMIT);
    let in_order = Flock { sequential: true, ..small() }.run(LIMIT);
    let factor = in_order.last().as_secs_f64() / rarest.last().as_secs_f64();
    println!("in order takes {factor:.2} times as long as rarest first");
    assert!(factor > 1.1, "{factor:.2}");
}

#[test]
fn a_flash_crowd_is_served_about_as_soon_as_those_who_come_one_by_one() {
    let crowd = small().run(LIMIT);
    let one_by_one = Flock { apart: Duration::from_secs(2), ..small() }.run(LIMIT);
    print("crowd", 24, &crowd);
    print("stream", 24, &one_by_one);
    assert!(crowd.last() <= one_by_one.last());
    assert!(crowd.seeder_copies < 2.0, "{:.2} copies", crowd.seeder_copies);
}

#[test]
fn a_swarm_finishes_without_its_seeder_once_one_copy_is_out() {
    let flock = small();
    let mut world = flock.world();
    let is_out = |world: &World| {
        let mut pieces = world.hosts[0].pieces();
        pieces.all(|piece| world.hosts[1..].iter().any(|host| host.has(piece)))
    };
    while !is_out(&world) {
        assert!(world.now.as_micros() < LIMIT.as_micros() as u64, "one copy never gets out");
        world.run_for(Duration::from_secs(1));
    }
    let copies = world.hosts[0].stats(world.now).uploaded_bytes as f64;
    println!("one copy is out when {:.2} are sent", copies / flock.total_bytes() as f64);
    world.kill(0);
    let done = |world: &World| world.hosts[1..].iter().all(Host::has_all);
    assert!(world.run_until(LIMIT, done));
}
