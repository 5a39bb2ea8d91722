//! Each target bears all that was found for it so far.

use std::{fs, path::PathBuf};

use gannet_fuzz::TARGETS;

fn folder(target: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target)
}

fn inputs(target: &str) -> Vec<PathBuf> {
    let folder = folder(target);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    entries.map(|entry| entry.expect("a folder that can be read").path()).collect()
}

#[test]
fn every_target_bears_its_corpus() {
    for (name, target) in TARGETS {
        let inputs = inputs(name);
        assert!(inputs.len() >= 3, "{name}: {} inputs", inputs.len());
        for input in inputs {
            println!("{}", input.display());
            target(&fs::read(&input).expect("a file that can be read"));
        }
    }
}

#[test]
fn every_target_bears_nothing_and_noise() {
    for (_, target) in TARGETS {
        target(b"");
        for length in [1, 2, 20, 68, 1000] {
            for seed in 0..20u32 {
                let noise =
                    (0..length).map(|n: u32| ((n ^ seed).wrapping_mul(2_654_435_761) >> 24) as u8);
                target(&noise.collect::<Vec<_>>());
            }
        }
    }
}

#[test]
fn every_folder_of_the_corpus_is_a_targets() {
    let corpus = folder("");
    for entry in fs::read_dir(corpus).expect("the corpus is there") {
        let name = entry.expect("a folder that can be read").file_name();
        assert!(TARGETS.iter().any(|(target, _)| name == *target), "{name:?}");
    }
}
