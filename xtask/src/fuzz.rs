//! `cargo xtask fuzz`: each target of `fuzz/` for some seconds, from its seeds.
//!
//! Needs `cargo-fuzz` and a nightly compiler, and says so where they are not there. What it finds it keeps in
//! `fuzz/artifacts`, and the task fails; inputs that reach something new stay in `fuzz/corpus`.

use crate::command::Step;
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};

/// Seconds for each target unless it is said otherwise.
const SECONDS: u32 = 20;
/// Targets of crate tollgate-sandbox: they need the feature of that name, and some minutes to build the engine.
const OF_SANDBOX: [&str; 3] = ["arguments", "sections", "wit_json"];

/// Runs them: `[SECONDS] [TARGET…]`.
pub(crate) fn fuzz(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let (seconds, wanted) = match arguments.split_first() {
        Some((first, rest)) => match first.parse::<u32>() {
            Ok(seconds) => (seconds, rest),
            Err(_) => (SECONDS, arguments),
        },
        None => (SECONDS, arguments),
    };
    let all = targets(workspace)?;
    if let Some(unknown) = wanted.iter().find(|name| !all.contains(name)) {
        bail!(
            "there is no target `{unknown}`; there are {}",
            all.join(", ")
        );
    }
    let cargo = || Step::new("cargo").dir(&workspace.root);
    if cargo()
        .args(["+nightly", "fuzz", "--version"])
        .ask()
        .is_err()
    {
        bail!(
            "fuzzing needs a nightly compiler and cargo-fuzz: `rustup toolchain install nightly && \
             cargo install --locked cargo-fuzz`"
        );
    }
    for target in all
        .iter()
        .filter(|name| wanted.is_empty() || wanted.contains(name))
    {
        let corpus = format!("fuzz/corpus/{target}");
        std::fs::create_dir_all(workspace.root.join(&corpus))?;
        let features: &[&str] = match OF_SANDBOX.contains(&target.as_str()) {
            true => &["--features", "sandbox"],
            false => &[],
        };
        cargo()
            // No sanitizer: nothing here is unsafe, and without one it is several times as fast.
            .args(["+nightly", "fuzz", "run", "--sanitizer", "none"])
            .args(features)
            .args([target])
            .args([corpus, format!("fuzz/seeds/{target}")])
            .args(["--".to_owned(), format!("-max_total_time={seconds}")])
            .args(["-max_len=4096", "-timeout=10", "-print_final_stats=1"])
            .hint("what was found is in fuzz/artifacts; `cargo +nightly fuzz run TARGET FILE` shows it again")
            .run(target)?;
    }
    Ok(())
}

/// The targets, by their seeds.
fn targets(workspace: &Workspace) -> Result<Vec<String>> {
    let seeds = workspace.root.join("fuzz/seeds");
    let entries = std::fs::read_dir(&seeds)
        .with_context(|| format!("cannot read {}", seeds.display()))?
        .collect::<Result<Vec<_>, _>>()?;
    let mut names: Vec<String> = entries
        .into_iter()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort();
    Ok(names)
}
