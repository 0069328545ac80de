//! Lets no build pass in which an import of the contract has no row in the classification table: writes an
//! assertion for each function of each interface that a world of the contract imports, which the compiler
//! evaluates.

use std::collections::BTreeSet;
use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;
use wit_parser::{Resolve, WorldItem};

#[expect(
    clippy::indexing_slicing,
    reason = "the ids come from the same resolve"
)]
fn main() -> Result<(), Box<dyn Error>> {
    let wit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit");
    println!("cargo::rerun-if-changed={}", wit.display());
    let mut resolve = Resolve::default();
    let (contract, _) = resolve.push_dir(&wit)?;
    let mut imports = BTreeSet::new();
    for world in resolve.packages[contract].worlds.values() {
        for (key, item) in &resolve.worlds[*world].imports {
            let name = resolve.name_world_key(key);
            match item {
                WorldItem::Interface { id, .. } => {
                    let functions = resolve.interfaces[*id].functions.keys();
                    imports.insert((name.clone(), None));
                    imports
                        .extend(functions.map(|function| (name.clone(), Some(function.clone()))));
                }
                WorldItem::Function(_) => {
                    return Err(format!("{name}: a world imports interfaces alone").into());
                }
                WorldItem::Type { .. } => {}
            }
        }
    }
    let mut assertions = String::new();
    for (interface, function) in imports {
        let (condition, what) = match function {
            None => (format!("links({interface:?})"), interface),
            Some(function) => (
                format!("has_row({interface:?}, {function:?})"),
                format!("{interface}: {function}"),
            ),
        };
        let told = format!("{what} has no row in the classification table");
        writeln!(assertions, "const _: () = assert!({condition}, {told:?});")?;
    }
    let out = std::env::var("OUT_DIR")?;
    std::fs::write(Path::new(&out).join("imports.rs"), assertions)?;
    Ok(())
}
