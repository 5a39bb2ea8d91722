//! How large swarms share: against the fluid lower bound, and against each other.

mod figures;
mod flock;
