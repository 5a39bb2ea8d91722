//! What turns a module that rustc wrote into one that JavaScript can load, and what runs tests in
//! it: the tools of wasm-bindgen, built from the very release that the crates are locked to.
//!
//! A program apart from `xtask`, so that only tasks that need it wait for it to be built.

use std::{env, process::ExitCode};

use wasm_bindgen_cli::{wasm_bindgen, wasm_bindgen_test_runner};

fn main() -> ExitCode {
    let mut arguments = env::args_os().skip(1).peekable();
    let is_test = arguments.next_if(|first| first == "test").is_some();
    // The tools take their own name for the first argument.
    let arguments = ["bindgen".into()].into_iter().chain(arguments);
    let result = match is_test {
        true => wasm_bindgen_test_runner::run_cli_with_args(arguments),
        false => wasm_bindgen::run_cli_with_args(arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
