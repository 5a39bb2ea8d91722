//! Programs that are started here always end: by themselves, at their limit, or with this one.

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{self, Command, ExitStatus};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process_group};

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// How often a wait looks again.
const GLANCE: Duration = Duration::from_millis(10);
/// How long a program may take to leave after it was asked to.
const FAREWELL: Duration = Duration::from_secs(3);

/// From now on Ctrl-C and a request to terminate end the waits below, and so the task, in order.
pub(crate) fn watch_interrupts() -> Result<()> {
    ctrlc::set_handler(|| INTERRUPTED.store(true, Ordering::Relaxed)).context("signals")
}

pub(crate) fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}

/// Polls until `ready` answers something.
///
/// Fails on the first error of `ready`, when `limit` has passed, or on Ctrl-C.
pub(crate) fn until<T>(
    what: &str,
    limit: Duration,
    mut ready: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    let end = Instant::now() + limit;
    loop {
        if let Some(value) = ready()? {
            return Ok(value);
        }
        if interrupted() {
            bail!("interrupted");
        }
        if Instant::now() > end {
            bail!("{what} took more than {} s", limit.as_secs());
        }
        thread::sleep(GLANCE);
    }
}

/// A running program and all that it starts; both are gone when this is dropped.
pub(crate) struct Running {
    child: process::Child,
    name: String,
}

impl Running {
    /// Starts `command` in a process group of its own, so that it can be ended with its children.
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        let name = command.get_program().to_string_lossy().into_owned();
        let child =
            command.process_group(0).spawn().with_context(|| format!("can't start {name}"))?;
        Ok(Self { child, name })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The pipe to read, if the command was told to make one.
    pub(crate) fn stdout(&mut self) -> Option<process::ChildStdout> {
        self.child.stdout.take()
    }

    /// Waits until it ends by itself.
    pub(crate) fn wait(&mut self, limit: Duration) -> Result<ExitStatus> {
        let Self { child, name } = self;
        until(name, limit, || Ok(child.try_wait()?))
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Fails if it has ended already: a server has no business to.
    pub(crate) fn check_alive(&mut self) -> Result<()> {
        match self.ended()? {
            Some(status) => bail!("{} ended early: {status}", self.name),
            None => Ok(()),
        }
    }

    /// Ends it at once, without a chance to tidy up.
    pub(crate) fn kill(&mut self) -> Result<()> {
        self.signal(Signal::KILL);
        self.child.wait().with_context(|| format!("{} doesn't end", self.name))?;
        Ok(())
    }

    fn signal(&self, signal: Signal) {
        // A group that is gone already is what we want.
        let _ = kill_process_group(Pid::from_child(&self.child), signal);
    }

    fn has_ended_within(&mut self, limit: Duration) -> bool {
        let end = Instant::now() + limit;
        while Instant::now() < end {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return true;
            }
            thread::sleep(GLANCE);
        }
        false
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(Some(_))) {
            return;
        }
        self.signal(Signal::INT);
        if !self.has_ended_within(FAREWELL) {
            self.signal(Signal::KILL);
            let _ = self.child.wait();
        }
    }
}

/// Runs a command to its end, showing what it prints; whether it succeeded.
pub(crate) fn succeeds(command: &mut Command, limit: Duration) -> Result<bool> {
    Ok(Running::start(command)?.wait(limit)?.success())
}

/// Runs a command to its end and fails unless it succeeds.
pub(crate) fn run(command: &mut Command, limit: Duration) -> Result<()> {
    if !succeeds(command, limit)? {
        bail!("failed: {}", line(command));
    }
    Ok(())
}

/// Runs a command to its end and returns what it printed; fails unless it succeeds.
pub(crate) fn output(command: &mut Command, limit: Duration) -> Result<String> {
    let mut running = Running::start(command.stdout(process::Stdio::piped()))?;
    let mut printed = String::new();
    if let Some(mut stdout) = running.stdout() {
        stdout.read_to_string(&mut printed)?;
    }
    if !running.wait(limit)?.success() {
        bail!("failed: {}\n{printed}", line(command));
    }
    Ok(printed)
}

/// The cargo that runs this task, in the workspace.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(crate::root()).stdin(process::Stdio::null());
    command
}

/// What a short command printed, if it succeeded.
pub(crate) fn answer(command: &mut Command) -> Option<String> {
    let output = command.stdin(process::Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The command as a person would type it.
pub(crate) fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
