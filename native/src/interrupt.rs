//! Ctrl-C and SIGTERM: once to leave in order, twice to leave at once.

use std::{io, process};

use tokio::sync::watch;

use crate::exit::Exit;

/// Knows whether the user wants the program to end.
#[derive(Debug, Clone)]
pub(crate) struct Interrupt {
    wanted: watch::Receiver<bool>,
}

impl Interrupt {
    /// Takes over Ctrl-C and SIGTERM from the system. The second one ends the process at once.
    ///
    /// # Errors
    /// If the system doesn't let it.
    pub(crate) fn listen() -> io::Result<Self> {
        let mut signals = Signals::listen()?;
        let (want, wanted) = watch::channel(false);
        tokio::spawn(async move {
            signals.next().await;
            want.send_replace(true);
            signals.next().await;
            process::exit(Exit::Interrupted.code().into());
        });
        Ok(Self { wanted })
    }

    /// Waits until the user wants the program to end.
    pub(crate) async fn wanted(&mut self) {
        if self.wanted.wait_for(|wanted| *wanted).await.is_err() {
            // Nobody will ever want it: the runtime is ending.
            std::future::pending::<()>().await;
        }
    }
}

/// Knows when the user wants files to be read again: at SIGHUP, where there is one.
#[derive(Debug)]
pub(crate) struct Hangup {
    #[cfg(unix)]
    signal: tokio::signal::unix::Signal,
}

impl Hangup {
    /// Takes over SIGHUP from the system, which would end the program.
    ///
    /// # Errors
    /// If the system doesn't let it.
    pub(crate) fn listen() -> io::Result<Self> {
        #[cfg(unix)]
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            #[cfg(unix)]
            signal: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for the next one.
    pub(crate) async fn next(&mut self) {
        #[cfg(unix)]
        if self.signal.recv().await.is_some() {
            return;
        }
        std::future::pending::<()>().await;
    }
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let interrupt = signal(SignalKind::interrupt())?;
        Ok(Self { interrupt, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
