//! What the machine gives: kernel, /proc, room on disk.

use super::Check;
use crate::home::Home;
use crate::render::words;
use rustix::fs::{Mode, OFlags, ResolveFlags};
use std::path::Path;

/// Less room than this for the ledger is a fault, bytes.
const FREE_BYTES_FAIL: u64 = 64 * 1024 * 1024;
/// Less room than this is worth a word, bytes.
const FREE_BYTES_WARN: u64 = 1024 * 1024 * 1024;

/// The checks of this file.
pub(super) fn checks(home: &Home) -> Vec<Check> {
    vec![system(), openat2(), proc_fd(), free_space(home)]
}

fn system() -> Check {
    let uname = rustix::system::uname();
    let found = format!(
        "{} {} on {}",
        uname.sysname().to_string_lossy(),
        uname.release().to_string_lossy(),
        uname.machine().to_string_lossy()
    );
    if cfg!(target_os = "linux") {
        Check::ok("system", found)
    } else {
        Check::warn(
            "system",
            found,
            "mounts with `except` are refused outside Linux",
        )
    }
}

fn openat2() -> Check {
    let opened = rustix::fs::openat2(
        rustix::fs::CWD,
        "/",
        OFlags::PATH | OFlags::CLOEXEC,
        Mode::empty(),
        ResolveFlags::NO_MAGICLINKS,
    );
    match opened {
        Ok(_) => Check::ok(
            "openat2",
            "the kernel resolves paths below a mount by itself",
        ),
        Err(error) => Check::fail(
            "openat2",
            format!("the kernel refused it: {error}"),
            "use Linux 5.6 or later, and a container profile that allows openat2",
        ),
    }
}

fn proc_fd() -> Check {
    let remedy = "mount /proc: names of open files are read from /proc/self/fd";
    match std::fs::File::open("/") {
        Ok(root) => {
            use std::os::fd::AsRawFd;
            match std::fs::read_link(format!("/proc/self/fd/{}", root.as_raw_fd())) {
                Ok(name) if name == Path::new("/") => {
                    Check::ok("/proc", "names of open files can be read")
                }
                Ok(name) => {
                    Check::fail("/proc", format!("it says {} for /", name.display()), remedy)
                }
                Err(error) => Check::fail("/proc", error.to_string(), remedy),
            }
        }
        Err(error) => Check::fail("/proc", format!("/ cannot be opened: {error}"), remedy),
    }
}

fn free_space(home: &Home) -> Check {
    let there = home.state.ancestors().find(|directory| directory.is_dir());
    let Some(directory) = there else {
        return Check::fail(
            "free space",
            "no directory to look at",
            "tollgate auth login",
        );
    };
    match rustix::fs::statvfs(directory) {
        Ok(space) => {
            let free = space.f_bavail.saturating_mul(space.f_frsize);
            let found = format!("{} at {}", words::bytes(free), directory.display());
            match free {
                0..FREE_BYTES_FAIL => Check::fail(
                    "free space",
                    found,
                    "make room: the ledger must be writable",
                ),
                FREE_BYTES_FAIL..FREE_BYTES_WARN => {
                    Check::warn("free space", found, "make room soon")
                }
                _ => Check::ok("free space", found),
            }
        }
        Err(error) => Check::fail("free space", error.to_string(), "check the disk"),
    }
}
