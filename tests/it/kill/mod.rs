//! kill -9, and several processes on one store.
//!
//! A session of the real binary works through a script against a provider on loopback: it makes
//! numbered files and directories and reads some. Its process is killed, at every passing of every
//! named point ([`points`], and of single calls [`call`]) and at random moments ([`moments`]), and the session goes on by what the
//! command line says ([`resolve`]: of an effect whose end nobody saw). [`together`] lets processes work side by side.
//!
//! What must hold is in [`evidence`]. The witnesses are outside of the processes: the directory, what
//! the provider was asked, and the ledger as this crate reads it. A step of the script has a target of
//! its own, and the model never asks for it twice, so a target with two calls is a call that ran again.

mod again;
mod call;
mod cancel;
mod evidence;
mod model;
mod moments;
mod points;
mod resolve;
mod script;
mod seat;
mod together;
pub(crate) mod victim;
