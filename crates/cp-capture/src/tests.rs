//! The log as a whole, on a real directory with a clock in the test's hand.

mod damage;
mod disk_full;
mod fixture;
mod life;
mod model;
mod rewrite;
mod rig;
