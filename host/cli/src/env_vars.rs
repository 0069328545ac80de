//! Every environment variable that Tollgate reads, in one list that `doctor` prints.
//!
//! Variables that a policy names as the source of a credential (`source = "env:…"`) or grants to a
//! plugin (`env NAME`) are read too; the policy is their list.

use std::ffi::OsString;
use std::path::PathBuf;

/// One documented variable.
pub(crate) struct EnvVar {
    /// Its name.
    pub(crate) name: &'static str,
    /// What it does.
    pub(crate) help: &'static str,
}

/// Replaces the three directories of the user.
pub(crate) const TOLLGATE_HOME: EnvVar = EnvVar {
    name: "TOLLGATE_HOME",
    help: "one directory in place of the user's configuration, state and cache directories",
};
/// Replaces the directory of the bundled plugins.
pub(crate) const TOLLGATE_PLUGINS: EnvVar = EnvVar {
    name: "TOLLGATE_PLUGINS",
    help: "directory of the bundled plugins [default: those inside the program]",
};
/// The user's configuration.
pub(crate) const XDG_CONFIG_HOME: EnvVar = EnvVar {
    name: "XDG_CONFIG_HOME",
    help: "configuration is in tollgate/ below it [default: ~/.config]",
};
/// The user's state.
pub(crate) const XDG_STATE_HOME: EnvVar = EnvVar {
    name: "XDG_STATE_HOME",
    help: "store and keys are in tollgate/ below it [default: ~/.local/state]",
};
/// The user's cache.
pub(crate) const XDG_CACHE_HOME: EnvVar = EnvVar {
    name: "XDG_CACHE_HOME",
    help: "compiled components are in tollgate/ below it [default: ~/.cache]",
};
/// The user's home.
pub(crate) const HOME: EnvVar = EnvVar {
    name: "HOME",
    help: "where the three defaults above begin",
};
/// No colour.
pub(crate) const NO_COLOR: EnvVar = EnvVar {
    name: "NO_COLOR",
    help: "if set and not empty, nothing is coloured (no-color.org)",
};
/// Which compiler `plugin build` uses for Rust.
pub(crate) const TOLLGATE_GUEST_TOOLCHAIN: EnvVar = EnvVar {
    name: tollgate_guests::toolchain::OVERRIDE,
    help: "rustup or debian: the compiler of `plugin build` for Rust [default: what is there]",
};
/// A point at which the process stops, for tests of recovery.
pub(crate) const TOLLGATE_TEST_STOP_AT: EnvVar = EnvVar {
    name: tollgate_contract::STOP_AT_VARIABLE,
    help: "for tests: stop the process at a named point, `NAME` or `NAME:N` for the Nth passing",
};
/// Marks in the system calls, for the test that matches them with receipts.
pub(crate) const TOLLGATE_TEST_MARKS: EnvVar = EnvVar {
    name: tollgate_contract::MARKS_VARIABLE,
    help: "for tests: mark each effect by a system call; only in builds with debug assertions",
};

/// All of them.
pub(crate) const ALL: &[&EnvVar] = &[
    &TOLLGATE_HOME,
    &TOLLGATE_PLUGINS,
    &XDG_CONFIG_HOME,
    &XDG_STATE_HOME,
    &XDG_CACHE_HOME,
    &HOME,
    &NO_COLOR,
    &TOLLGATE_GUEST_TOOLCHAIN,
    &TOLLGATE_TEST_STOP_AT,
    &TOLLGATE_TEST_MARKS,
];

impl EnvVar {
    /// The value, if it is set and not empty.
    pub(crate) fn get(&self) -> Option<OsString> {
        std::env::var_os(self.name).filter(|value| !value.is_empty())
    }

    /// The value as an absolute path; a relative one does not count (XDG Base Directory 0.8).
    pub(crate) fn path(&self) -> Option<PathBuf> {
        self.get()
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    }
}
