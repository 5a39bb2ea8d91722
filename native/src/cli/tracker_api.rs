//! Flags of `gannet tracker` for its web API.

use std::{fs, io, path::PathBuf};

use clap::Args;
use gannet::tracker::{
    ApiConfig, Token,
    api::{TokenError, config},
};

use crate::parse;

/// Who may read and publish.
#[derive(Debug, Args)]
#[command(next_help_heading = "Web API")]
pub(crate) struct ApiArgs {
    /// Only who knows this token may read; @FILE for the token in a file
    #[arg(long, value_name = "TOKEN", value_parser = token)]
    read_token: Option<Token>,
    /// Who knows this token may publish .torrent files; @FILE for the token in a file
    #[arg(long, value_name = "TOKEN", value_parser = token)]
    publish_token: Option<Token>,
    /// Keep published .torrent files in this folder [default: only in memory]
    #[arg(long, value_name = "DIR")]
    torrents_dir: Option<PathBuf>,
    /// An announce URL as the world sees it, for magnet links (repeatable)
    #[arg(long = "announce-url", value_name = "URL", value_delimiter = ' ')]
    announce_urls: Vec<String>,
    /// How much to take in.
    #[command(flatten)]
    limits: ApiLimitArgs,
}

/// A flag for each limit.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
struct ApiLimitArgs {
    /// Keep the lists of at most so many seeders; others announce one by one
    #[arg(long, value_name = "N", default_value_t = config::MAX_SEEDERS)]
    max_seeders: usize,
    /// Keep at most so many torrents in the lists of one address (an IPv6 /64 is one; 0: any number)
    #[arg(long, value_name = "N", default_value_t = config::MAX_TORRENTS_PER_ADDRESS)]
    max_torrents_per_address: usize,
    /// Take at most so many torrents in the list of a seeder
    #[arg(long, value_name = "N", default_value_t = config::MAX_TORRENTS_PER_SEEDER)]
    max_torrents_per_seeder: usize,
    /// Keep at most so many torrents in the lists of all seeders
    #[arg(long, value_name = "N", default_value_t = config::MAX_REGISTERED_TORRENTS)]
    max_registered_torrents: usize,
    /// Lists an address may send per minute (an IPv6 /64 is one; 0: any number)
    #[arg(long, value_name = "N", default_value_t = config::MAX_REGISTRATIONS_PER_MINUTE)]
    max_registrations: u32,
    /// Keep at most so many published .torrent files
    #[arg(long, value_name = "N", default_value_t = config::MAX_PUBLISHED)]
    max_published: usize,
    /// Keep at most so many bytes of published .torrent files
    #[arg(long, value_name = "SIZE", default_value_t = config::MAX_PUBLISHED_BYTES, value_parser = parse::bytes)]
    max_published_bytes: u64,
}

impl From<ApiArgs> for ApiConfig {
    fn from(args: ApiArgs) -> Self {
        let limits = args.limits;
        Self {
            read_token: args.read_token,
            publish_token: args.publish_token,
            torrents_dir: args.torrents_dir,
            announce_urls: args.announce_urls,
            is_shared: false,
            max_seeders: limits.max_seeders,
            max_torrents_per_address: limits.max_torrents_per_address,
            max_torrents_per_seeder: limits.max_torrents_per_seeder,
            max_registered_torrents: limits.max_registered_torrents,
            max_registrations_per_minute: limits.max_registrations,
            max_published: limits.max_published,
            max_published_bytes: limits.max_published_bytes,
        }
    }
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub(super) enum TokenArgError {
    #[error("{path}: {source}")]
    File { path: String, source: io::Error },
    #[error(transparent)]
    Token(#[from] TokenError),
}

/// A token, or that of a file: what stands on the command line everybody on the machine can read.
pub(super) fn token(text: &str) -> Result<Token, TokenArgError> {
    let Some(path) = text.strip_prefix('@') else { return Ok(text.parse()?) };
    let file = fs::read_to_string(path);
    let file = file.map_err(|source| TokenArgError::File { path: path.to_owned(), source })?;
    Ok(file.trim().parse()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_given_or_stands_in_a_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        fs::write(&path, "secret\n").unwrap();
        assert!(token(&format!("@{}", path.display())).is_ok());
        assert!(token("secret").is_ok());
        assert!(matches!(token(""), Err(TokenArgError::Token(_))));
        assert!(matches!(token("@/no/such/file"), Err(TokenArgError::File { .. })));
        fs::write(&path, "\n").unwrap();
        assert!(matches!(token(&format!("@{}", path.display())), Err(TokenArgError::Token(_))));
    }
}
