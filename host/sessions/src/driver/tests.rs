//! The driver with a store in memory and plugins that follow a script.

mod again;
mod crash;
mod effects;
mod faults;
mod lifecycle;
mod money;
mod providers;
mod rebind;
mod runs;
mod world;
