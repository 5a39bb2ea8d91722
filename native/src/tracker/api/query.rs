//! Queries of lists: `search`, `sort`, `order`, `limit`, `offset`.

use gannet_core::percent::query_pairs;

use super::config::{DEFAULT_PAGE_ROWS, MAX_PAGE_ROWS, MAX_SEARCH_BYTES};

/// Why a query can't be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum QueryError {
    #[error("`{field}` must be a whole number")]
    Number { field: &'static str },
    #[error("`limit` must be from 1 to {MAX_PAGE_ROWS}")]
    Limit,
    #[error("`search` must be at most {MAX_SEARCH_BYTES} bytes of UTF-8")]
    Search,
    #[error("`sort` must be one of {known}")]
    Sort { known: &'static str },
    #[error("`order` must be asc or desc")]
    Order,
    #[error("`port` must be from 1 to 65535")]
    Port,
}

/// Which rows of a list are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) limit: usize,
    pub(super) offset: usize,
}

impl Page {
    /// The rows of this page.
    pub(super) fn of<T>(self, rows: &[T]) -> impl Iterator<Item = &T> {
        rows.iter().skip(self.offset).take(self.limit)
    }
}

/// What rows are sorted by.
pub(super) trait Column: Copy + Default {
    /// All of them, as they are written.
    const NAMES: &'static str;

    fn of_name(name: &[u8]) -> Option<Self>;

    /// Whether the largest comes first unless the query says otherwise.
    fn is_descending(self) -> bool;
}

/// Which rows there are, and in which order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct View<C> {
    /// Words, in lower case, that must all be found; empty for all rows.
    pub(super) search: String,
    pub(super) column: C,
    pub(super) is_descending: bool,
}

/// Reads a query; fields that it doesn't know are passed over, as are those that are empty.
pub(super) fn read<C: Column>(query: &str) -> Result<(View<C>, Page), QueryError> {
    let mut page = Page { limit: DEFAULT_PAGE_ROWS, offset: 0 };
    let (mut search, mut column, mut order) = (String::new(), C::default(), None);
    for (name, value) in query_pairs(query).filter(|(_, value)| !value.is_empty()) {
        match name.as_slice() {
            b"search" => search = search_text(value)?,
            b"sort" => {
                column = C::of_name(&value).ok_or(QueryError::Sort { known: C::NAMES })?;
            }
            b"order" => order = Some(is_descending(&value)?),
            b"limit" => page.limit = number(&value, "limit")?,
            b"offset" => page.offset = number(&value, "offset")?,
            _ => {}
        }
    }
    if !(1..=MAX_PAGE_ROWS).contains(&page.limit) {
        return Err(QueryError::Limit);
    }
    let is_descending = order.unwrap_or_else(|| column.is_descending());
    Ok((View { search, column, is_descending }, page))
}

/// The page that a query asks for, of rows that are in one order only.
pub(super) fn read_page(query: &str) -> Result<Page, QueryError> {
    read::<OneOrder>(query).map(|(_, page)| page)
}

#[derive(Clone, Copy, Default)]
struct OneOrder;

impl Column for OneOrder {
    const NAMES: &'static str = "nothing";

    fn of_name(_: &[u8]) -> Option<Self> {
        None
    }

    fn is_descending(self) -> bool {
        false
    }
}

/// The `port` of a query.
pub(super) fn read_port(query: &str) -> Result<u16, QueryError> {
    let (_, value) =
        query_pairs(query).find(|(name, _)| name == b"port").ok_or(QueryError::Port)?;
    let port = std::str::from_utf8(&value).ok().and_then(|text| text.parse().ok());
    port.filter(|&port| port != 0).ok_or(QueryError::Port)
}

/// `+` stands for a space, as forms send it.
fn search_text(value: Vec<u8>) -> Result<String, QueryError> {
    if value.len() > MAX_SEARCH_BYTES {
        return Err(QueryError::Search);
    }
    let text = String::from_utf8(value).map_err(|_| QueryError::Search)?;
    Ok(text.replace('+', " ").to_lowercase())
}

fn is_descending(value: &[u8]) -> Result<bool, QueryError> {
    match value {
        b"asc" => Ok(false),
        b"desc" => Ok(true),
        _ => Err(QueryError::Order),
    }
}

fn number(value: &[u8], field: &'static str) -> Result<usize, QueryError> {
    let text = std::str::from_utf8(value).map_err(|_| QueryError::Number { field })?;
    text.parse().map_err(|_| QueryError::Number { field })
}
