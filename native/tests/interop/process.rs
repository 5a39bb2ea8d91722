//! Programs under test: each ends in time or is ended, and says what it printed when a test fails.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

const GLANCE: Duration = Duration::from_millis(50);

/// Waits until `ready` answers something; panics with `what` when `limit` has passed.
pub(crate) fn until<T>(
    what: &str,
    limit: Duration,
    mut ready: impl FnMut() -> Result<T, String>,
) -> T {
    let end = Instant::now() + limit;
    loop {
        match ready() {
            Ok(value) => return value,
            Err(_) if Instant::now() < end => thread::sleep(GLANCE),
            Err(why) => panic!("{what}: not within {} s: {why}", limit.as_secs()),
        }
    }
}

/// A running program; killed when this is dropped. What it prints goes to a file.
pub(crate) struct Process {
    child: Child,
    line: String,
    log: PathBuf,
}

impl Process {
    /// Starts `command`; its output goes to a new file in `folder`.
    pub(crate) fn start(command: &mut Command, folder: &Path) -> Self {
        let program = Path::new(command.get_program()).file_name().unwrap_or_default();
        let log = fresh_log(folder, &program.to_string_lossy());
        let file = File::create(&log).expect("log file");
        let line = format!("{command:?}");
        command.stdin(Stdio::null()).stderr(file.try_clone().expect("a second handle"));
        let child = command.stdout(file).spawn().unwrap_or_else(|error| {
            panic!("{line}: {error}; `cargo xtask tools` installs what the tests need")
        });
        Self { child, line, log }
    }

    /// All it has printed so far.
    pub(crate) fn output(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Waits for its end, which must be a success, and returns what it printed.
    pub(crate) fn finish(mut self, limit: Duration) -> String {
        let end = Instant::now() + limit;
        let status = loop {
            match self.child.try_wait().expect("a child can be waited for") {
                Some(status) => break status,
                None if Instant::now() < end => thread::sleep(GLANCE),
                None => panic!("took more than {} s: {}", limit.as_secs(), self.line),
            }
        };
        assert!(status.success(), "{status}: {}", self.line);
        self.output()
    }

    /// Waits until it has printed a line that starts with `prefix`; returns the rest of that line.
    pub(crate) fn line_after(&mut self, prefix: &str, limit: Duration) -> String {
        until(&format!("{prefix:?} from {}", self.line), limit, || {
            self.assert_alive();
            let output = self.output();
            let complete = output.rsplit_once('\n').map_or("", |(complete, _)| complete);
            let rest = complete.lines().find_map(|line| line.strip_prefix(prefix));
            rest.map(|rest| rest.trim().to_owned()).ok_or(output)
        })
    }

    /// Panics, with what it printed, if it has ended.
    pub(crate) fn assert_alive(&mut self) {
        if let Ok(Some(status)) = self.child.try_wait() {
            panic!("ended early, {status}: {}", self.line);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("--- {}\n{}", self.line, self.output());
        }
    }
}

/// Runs a short command that must succeed; returns what it printed.
pub(crate) fn run(command: &mut Command, folder: &Path) -> String {
    Process::start(command, folder).finish(Duration::from_secs(30))
}

fn fresh_log(folder: &Path, program: &str) -> PathBuf {
    let mut names = (0..).map(|number| folder.join(format!("{program}-{number}.log")));
    names.find(|path| !path.exists()).expect("numbers don't run out")
}
