//! Swarms drawn from seeds: sizes, speeds, faults, hostile peers, joins and leaves.

mod plan;
mod run;

use std::time::Duration;

use self::run::{Measure, run_seed};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// Runs of an ordinary test; `cargo xtask sim --runs N` asks for more.
const RUNS: u64 = if cfg!(target_arch = "wasm32") { 3 } else { 10 };

/// A number from the environment, which `cargo xtask sim` sets.
fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn random_swarms_keep_every_promise() {
    let first = number("GANNET_SIM_FIRST").unwrap_or(0);
    let runs = number("GANNET_SIM_RUNS").unwrap_or(RUNS);
    let started = stopwatch();
    let results = run_all(first, runs);
    report(&results, started());
}

#[test]
fn a_seed_gives_the_same_run_each_time() {
    for seed in [3, 14, 15] {
        assert_eq!(run_seed(seed, false).1.fingerprint, run_seed(seed, false).1.fingerprint);
    }
}

/// Swarms whose every output is compared between a native build and one for WebAssembly.
const COMPARED: u64 = 500;

/// For `cargo xtask sim --compare`, which runs it here and there.
#[test]
#[ignore = "takes long where nothing is optimised"]
fn fingerprint_of_many() {
    let swarms = (0..COMPARED).map(|seed| run_seed(seed, false).1);
    let (fingerprint, events) = swarms.fold((0u64, 0), |(fingerprint, events), run| {
        (fingerprint.rotate_left(1) ^ run.fingerprint, events + run.events)
    });
    println!("{COMPARED} swarms, {events} events: {fingerprint:016x}");
}

/// For `cargo xtask sim --seed N`.
#[test]
#[ignore = "needs GANNET_SIM_SEED"]
fn one_seed() {
    let seed = number("GANNET_SIM_SEED").expect("GANNET_SIM_SEED is a number");
    let (good_day, run) = run_seed(seed, true);
    println!("on a good day: {good_day:?}\nthis run:      {run:?}");
}

/// Two runs of one seed: on a good day, and with all that goes wrong.
type Pair = (u64, Measure, Measure);

#[cfg(not(target_arch = "wasm32"))]
fn run_all(first: u64, runs: u64) -> Vec<Pair> {
    use std::sync::atomic::{AtomicU64, Ordering};

    let next = AtomicU64::new(first);
    let work = || {
        let mut results = Vec::new();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= first + runs {
                return results;
            }
            let (good_day, run) = run_seed(seed, false);
            results.push((seed, good_day, run));
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let results =
            workers.into_iter().map(|worker| worker.join().expect("a run failed, see above"));
        results.flatten().collect()
    })
}

#[cfg(target_arch = "wasm32")]
fn run_all(first: u64, runs: u64) -> Vec<Pair> {
    let pair = |seed| {
        let (good_day, run) = run_seed(seed, false);
        (seed, good_day, run)
    };
    (first..first + runs).map(pair).collect()
}

/// Real time that passed, where there is a clock: what the simulator itself takes.
#[cfg_attr(not(target_arch = "wasm32"), expect(clippy::disallowed_methods))]
fn stopwatch() -> impl Fn() -> Option<Duration> {
    #[cfg(not(target_arch = "wasm32"))]
    let start = std::time::Instant::now();
    move || {
        #[cfg(not(target_arch = "wasm32"))]
        return Some(start.elapsed());
        #[cfg(target_arch = "wasm32")]
        None
    }
}

fn report(results: &[Pair], took: Option<Duration>) {
    let per_second = took.map(|took| results.len() as f64 / took.as_secs_f64());
    println!("{} swarms, {:.1} a second", results.len(), per_second.unwrap_or(f64::NAN));
    let ratio = |(_, good_day, run): &&Pair| run.time.as_secs_f64() / good_day.time.as_secs_f64();
    let worst = |of: &dyn Fn(&&Pair) -> f64| {
        let worst = results.iter().filter(|pair| of(pair).is_finite());
        worst
            .max_by(|a, b| of(a).total_cmp(&of(b)))
            .map(|pair| (of(&pair), pair.0))
            .unwrap_or_default()
    };
    let (slowest, seed) = worst(&ratio);
    println!("slowest against a good day: {slowest:.1} times (seed {seed})");
    let (late, seed) =
        worst(&|(_, good_day, run)| run.time.as_secs_f64() - 2.0 * good_day.time.as_secs_f64());
    println!("longest beyond twice a good day: {late:.1} s (seed {seed})");
    for (day, twice) in [
        ("a good day", worst(&|(_, good_day, _)| duplicates(good_day))),
        ("a bad day", worst(&|(_, _, run)| duplicates(run))),
    ] {
        let (share, seed) = twice;
        println!("most received twice on {day}: {:.1} % (seed {seed})", share * 100.0);
    }
    let (last, seed) = worst(&|(_, _, run)| run.last_percent.as_secs_f64());
    println!("longest from 99 % to done: {last:.1} s (seed {seed})");
}

/// What came twice, as a share of the payload, beyond the few blocks that small torrents may.
fn duplicates(measure: &Measure) -> f64 {
    const FREE: u64 = 5 * gannet_core::layout::BLOCK_BYTES as u64;
    measure.duplicates.saturating_sub(FREE) as f64 / measure.payload_bytes as f64
}
