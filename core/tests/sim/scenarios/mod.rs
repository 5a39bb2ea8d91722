//! One file for each part of what is promised.

mod downloads;
mod faults;
mod metadata;
mod trouble;
