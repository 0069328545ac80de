//! The store as its users see it, in one process and in several.
//!
//! `cfg(test)` on the modules tells lints that helpers here are tests too.

#[cfg(test)]
mod check;
#[cfg(test)]
mod disk;
#[cfg(test)]
mod earlier;
#[cfg(test)]
mod format;
#[cfg(test)]
mod grants;
#[cfg(test)]
mod kill;
#[cfg(test)]
mod kv;
#[cfg(test)]
mod ledger;
#[cfg(test)]
mod processes;
#[cfg(test)]
mod quotas;
#[cfg(test)]
mod registries;
#[cfg(test)]
mod sessions;
#[cfg(test)]
mod support;
#[cfg(test)]
mod tree;
