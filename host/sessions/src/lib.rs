//! Whose work it is: the session's state machine, its event log, the run loop and recovery.
//!
//! (The crate grows module by module; `ports` is what a store implements.)

pub mod ports;
