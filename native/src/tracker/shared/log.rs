//! The log in the store: a Redis stream, of which each entry is what one instance tells the others.

use std::{fmt, str::FromStr, time::Duration};

use redis::{
    AsyncConnectionConfig, Client, Pipeline, RedisResult, Value,
    aio::MultiplexedConnection,
    streams::{StreamId, StreamRangeReply, StreamReadReply},
};

use super::StoreUrl;

/// How long connecting may take.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long the store may take for an answer. One that is silent for longer is as good as away.
pub const RESPONSE_TIMEOUT: Duration = Duration::from_secs(3);
/// The most entries that are read at a time, so that what is on its way is bounded.
pub const MAX_ENTRIES_PER_READ: usize = 16;
/// The most entries of the log, for a store that has no limit of its own: the oldest make room,
/// and only an instance that starts misses them. A hundred instances write this many in an hour.
pub const MAX_LOG_ENTRIES: usize = 1_000_000;

/// The only field of an entry.
const FIELD: &str = "p";
/// Where reading begins.
const BEFORE_ALL: EntryId = EntryId { millis: 0, number: 0 };

/// The place of an entry in the log: the store's clock, then a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct EntryId {
    /// Milliseconds since the Unix epoch.
    pub(super) millis: u64,
    number: u64,
}

impl Default for EntryId {
    fn default() -> Self {
        BEFORE_ALL
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.millis, self.number)
    }
}

impl FromStr for EntryId {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let (millis, number) = text.split_once('-').ok_or(NotAnId)?;
        let read = |number: &str| number.parse().map_err(|_| NotAnId);
        Ok(Self { millis: read(millis)?, number: read(number)? })
    }
}

/// The store says something that can't be the id of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotAnId;

/// A part of the log.
#[derive(Debug, Default)]
pub(super) struct Page {
    /// What the store's clock says: milliseconds since the Unix epoch.
    pub(super) now_millis: u64,
    /// Entries in order; without bytes what can't be one of ours.
    pub(super) entries: Vec<(EntryId, Option<Vec<u8>>)>,
    /// Whether there may be more.
    pub(super) is_full: bool,
}

/// A connection to the log.
#[derive(Debug)]
pub(super) struct Log {
    connection: MultiplexedConnection,
    key: String,
}

impl Log {
    /// Connects, logs in, and makes sure that the log can be read.
    ///
    /// # Errors
    /// If any of that fails.
    pub(super) async fn open(client: &Client, url: &StoreUrl) -> RedisResult<Self> {
        let connection = connect(client).await?;
        let mut log = Self { connection, key: url.key("log") };
        redis::cmd("XLEN").arg(&log.key).exec_async(&mut log.connection).await?;
        Ok(log)
    }

    /// Adds an entry to the end; where it is.
    ///
    /// # Errors
    /// If the store doesn't confirm it: it may have it, or not.
    pub(super) async fn append(&mut self, entry: &[u8]) -> RedisResult<EntryId> {
        let mut add = redis::cmd("XADD");
        add.arg(&self.key).arg("*").arg(FIELD).arg(entry);
        let id: String = add.query_async(&mut self.connection).await?;
        Ok(id.parse().unwrap_or_default())
    }

    /// The entries after `cursor`, up to [`MAX_ENTRIES_PER_READ`].
    ///
    /// # Errors
    /// If the store doesn't answer as it should.
    pub(super) async fn read(&mut self, cursor: EntryId) -> RedisResult<Page> {
        let mut pipeline = Pipeline::new();
        pipeline.cmd("TIME");
        let read = pipeline.cmd("XREAD").arg("COUNT").arg(MAX_ENTRIES_PER_READ);
        read.arg("STREAMS").arg(&self.key).arg(cursor.to_string());
        let ((seconds, micros), reply): ((u64, u64), Option<StreamReadReply>) =
            pipeline.query_async(&mut self.connection).await?;
        let ids = reply.into_iter().flat_map(|reply| reply.keys).flat_map(|key| key.ids);
        let entries: Vec<_> =
            ids.filter_map(|id| Some((id.id.parse().ok()?, payload(id)))).collect();
        Ok(Page {
            now_millis: seconds.saturating_mul(1000).saturating_add(micros / 1000),
            is_full: entries.len() >= MAX_ENTRIES_PER_READ,
            entries,
        })
    }

    /// Whether an entry is still there.
    ///
    /// # Errors
    /// If the store doesn't answer as it should.
    pub(super) async fn has(&mut self, id: EntryId) -> RedisResult<bool> {
        let mut range = redis::cmd("XRANGE");
        range.arg(&self.key).arg(id.to_string()).arg(id.to_string());
        let reply: StreamRangeReply = range.query_async(&mut self.connection).await?;
        Ok(!reply.ids.is_empty())
    }

    /// The last entry, or the beginning if there is none.
    ///
    /// # Errors
    /// If the store doesn't answer as it should.
    pub(super) async fn end(&mut self) -> RedisResult<EntryId> {
        let mut range = redis::cmd("XREVRANGE");
        range.arg(&self.key).arg("+").arg("-").arg("COUNT").arg(1);
        let reply: StreamRangeReply = range.query_async(&mut self.connection).await?;
        Ok(reply.ids.first().and_then(|last| last.id.parse().ok()).unwrap_or_default())
    }

    /// Forgets, roughly, the entries from before a moment of the store's clock, and what is beyond
    /// [`MAX_LOG_ENTRIES`].
    ///
    /// # Errors
    /// If the store doesn't answer as it should.
    pub(super) async fn trim(&mut self, before_millis: u64) -> RedisResult<()> {
        let mut pipeline = Pipeline::new();
        // Roughly (`~`): whole nodes of the stream at a time, which costs the store next to nothing.
        pipeline.cmd("XTRIM").arg(&self.key).arg("MINID").arg("~").arg(before_millis).ignore();
        pipeline.cmd("XTRIM").arg(&self.key).arg("MAXLEN").arg("~").arg(MAX_LOG_ENTRIES).ignore();
        pipeline.exec_async(&mut self.connection).await
    }
}

/// Connects, and logs in.
///
/// # Errors
/// If that fails, or takes too long.
pub(super) async fn connect(client: &Client) -> RedisResult<MultiplexedConnection> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT_TIMEOUT))
        .set_response_timeout(Some(RESPONSE_TIMEOUT));
    client.get_multiplexed_async_connection_with_config(&config).await
}

/// The bytes of an entry that has exactly our field.
fn payload(mut id: StreamId) -> Option<Vec<u8>> {
    match (id.map.remove(FIELD), id.map.is_empty()) {
        (Some(Value::BulkString(bytes)), true) => Some(bytes),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_ordered_as_the_store_orders_them() {
        let id = |text: &str| text.parse::<EntryId>().unwrap();
        assert!(id("9-9") < id("10-0") && id("10-2") < id("10-10"));
        assert_eq!(id("1700000000000-3").to_string(), "1700000000000-3");
        for text in ["", "5", "-", "1-", "-1", "a-b", "1-2-3"] {
            assert_eq!(text.parse::<EntryId>(), Err(NotAnId), "{text}");
        }
    }
}
