//! The archive: programs, man pages, completions.

use super::{Build, copy, words, write};
use crate::command::Step;
use crate::workspace::Workspace;
use anyhow::Result;
use std::env::consts::{ARCH, OS};

const SHELLS: [(&str, &str); 3] = [
    ("bash", "tollgate.bash"),
    ("zsh", "_tollgate"),
    ("fish", "tollgate.fish"),
];

pub(super) fn pack(workspace: &Workspace, build: &Build) -> Result<()> {
    let name = format!("tollgate-{}-{OS}-{ARCH}", build.version);
    let root = build.scratch.join(&name);
    for (program, built) in build.programs() {
        copy(built, &root.join("bin").join(program))?;
    }
    words(workspace, &root)?;
    let man = root.join("share/man/man1");
    std::fs::create_dir_all(&man)?;
    Step::new(&build.program)
        .args(["man", "--dir"])
        .args([&man])
        .ask()?;
    for (shell, file) in SHELLS {
        let script = Step::new(&build.program)
            .args(["completions", shell])
            .ask()?;
        write(
            &root.join("share/completions").join(file),
            script.as_bytes(),
        )?;
    }
    // Whoever packs it, and when, is nobody's business.
    Step::new("tar")
        .dir(&build.scratch)
        .args(["--sort=name", "--owner=0", "--group=0", "--numeric-owner"])
        .args(["--mtime=@0", "-czf"])
        .args([build.place.join(format!("{name}.tar.gz"))])
        .args([&name])
        .hint("GNU tar and gzip pack it")
        .run("archive")
}
