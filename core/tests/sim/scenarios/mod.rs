//! One file for each part of what is promised.

mod disks;
mod downloads;
mod faults;
mod metadata;
mod network;
mod strangers;
mod trouble;
