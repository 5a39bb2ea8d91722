//! The web API, asked as any client asks.

mod around;
mod lists;
mod published;
mod seeders;
mod web;
