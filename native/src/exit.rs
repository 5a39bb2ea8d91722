//! How the program ends: the number that the shell sees, and the one line that says why.

use std::{fmt, io, process::ExitCode};

use gannet_core::{names::escape_for_terminal, storage::StorageError};

/// What `gannet --help` says of the exit codes.
pub(crate) const HELP: &str = "\
Exit codes:
    0  done
    1  failed in another way than those below
    2  the command line can't be understood
    3  a torrent, magnet link or bencode file can't be read or isn't valid
    4  checksum mismatch: data isn't what the torrent, --sha256 or --sha1 says
    5  the disk is full
    6  another storage error: not writable, or a foreign file in the way
    7  no peers, or --timeout reached
    8  a tracker, a URL or the network failed
  130  unfinished after Ctrl-C or SIGTERM

Every flag has an environment variable: --max-peers is GANNET_MAX_PEERS.
A flag on the command line wins over its variable.";

/// The exit codes, as [`HELP`] documents them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    Done = 0,
    Failed = 1,
    Usage = 2,
    BadTorrent = 3,
    Checksum = 4,
    DiskFull = 5,
    Storage = 6,
    NoPeers = 7,
    Network = 8,
    Interrupted = 130,
}

impl Exit {
    /// The number the shell sees.
    pub(crate) fn code(self) -> u8 {
        self as u8
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}

/// A command failed: what to tell the user, and the code to end with.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The code to end with.
    pub(crate) exit: Exit,
    error: anyhow::Error,
}

impl Failure {
    /// A failure for a reason that has no cause behind it.
    pub(crate) fn new(exit: Exit, error: impl Into<anyhow::Error>) -> Self {
        Self { exit, error: error.into() }
    }

    /// A failure told in a sentence.
    pub(crate) fn say(exit: Exit, sentence: impl fmt::Display) -> Self {
        Self { exit, error: anyhow::Error::msg(sentence.to_string()) }
    }
}

/// One line: the failure, then its causes. Parts of it may come from strangers, so it is escaped.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = String::new();
        for cause in self.error.chain().map(ToString::to_string) {
            // Some errors tell their cause in their own sentence already.
            if !line.ends_with(&cause) {
                line += if line.is_empty() { "" } else { ": " };
                line += &cause;
            }
        }
        f.write_str(&escape_for_terminal(&line))
    }
}

impl From<StorageError> for Failure {
    fn from(error: StorageError) -> Self {
        let exit = match error {
            StorageError::Full { .. } => Exit::DiskFull,
            _ => Exit::Storage,
        };
        Self::new(exit, error)
    }
}

/// Turns errors into [`Failure`]s.
pub(crate) trait OrFail<T> {
    /// Fails with a code, naming the file, URL or address that it is about.
    fn or_fail(self, exit: Exit, about: impl fmt::Display) -> Result<T, Failure>;
}

impl<T, E: Into<anyhow::Error>> OrFail<T> for Result<T, E> {
    fn or_fail(self, exit: Exit, about: impl fmt::Display) -> Result<T, Failure> {
        self.map_err(|error| Failure { exit, error: error.into().context(about.to_string()) })
    }
}

/// Fails with the code for what happened to a file (or pipe) that was to be written.
///
/// # Errors
/// That of `result`.
pub(crate) fn written<T>(result: io::Result<T>, about: impl fmt::Display) -> Result<T, Failure> {
    result.map_err(|error| {
        let exit = match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Exit::DiskFull,
            _ => Exit::Storage,
        };
        Failure { exit, error: anyhow::Error::from(error).context(about.to_string()) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_that_its_error_tells_is_not_told_twice() {
        #[derive(Debug, thiserror::Error)]
        #[error("not a torrent: {0}")]
        struct Wrapping(#[source] std::fmt::Error);

        let cause = std::fmt::Error;
        let once = format!("a.torrent: not a torrent: {cause}");
        let failure = Err::<(), _>(Wrapping(cause)).or_fail(Exit::BadTorrent, "a.torrent");
        assert_eq!(failure.unwrap_err().to_string(), once);
    }

    #[test]
    fn a_failure_names_what_it_is_about_then_the_cause() {
        let result: Result<(), _> = Err(std::io::Error::other("it broke"));
        let failure = result.or_fail(Exit::BadTorrent, "a.torrent").unwrap_err();
        assert_eq!(failure.to_string(), "a.torrent: it broke");
        assert_eq!(failure.exit.code(), 3);
    }

    #[test]
    fn a_full_disk_is_told_apart_from_other_errors_of_writing() {
        let exit = |kind: io::ErrorKind| written::<()>(Err(kind.into()), "f").unwrap_err().exit;
        assert_eq!(exit(io::ErrorKind::StorageFull), Exit::DiskFull);
        assert_eq!(exit(io::ErrorKind::PermissionDenied), Exit::Storage);
    }

    #[test]
    fn a_failure_is_one_line_that_no_terminal_obeys() {
        let shown = Failure::say(Exit::Failed, "a\x1b[2Jb\nc").to_string();
        assert!(!shown.contains(['\x1b', '\n']), "{shown:?}");
    }

    #[test]
    fn every_code_is_documented() {
        for exit in [
            Exit::Done,
            Exit::Failed,
            Exit::Usage,
            Exit::BadTorrent,
            Exit::Checksum,
            Exit::DiskFull,
            Exit::Storage,
            Exit::NoPeers,
            Exit::Network,
            Exit::Interrupted,
        ] {
            let code = format!("{:>5}  ", exit.code());
            assert!(HELP.lines().any(|line| line.starts_with(&code)), "{exit:?}");
        }
    }

    #[test]
    fn a_full_disk_has_a_code_of_its_own() {
        let full = StorageError::Full { file: "f".into() };
        let closed = StorageError::Closed;
        assert_eq!(Failure::from(full).exit, Exit::DiskFull);
        assert_eq!(Failure::from(closed).exit, Exit::Storage);
    }
}
