//! The seeds of the fuzz targets, held to the same as whatever a fuzzer makes of them.

use std::path::Path;
use tollgate_fuzz_checks as checks;

/// What holds of any bytes, or panics.
type Check = fn(&[u8]);

const TARGETS: [(&str, Check); 9] = [
    ("arguments", checks::arguments),
    ("capability", checks::capability),
    ("ndjson", checks::ndjson),
    ("path", checks::path),
    ("policy", checks::policy),
    ("sections", checks::sections),
    ("sse", checks::sse),
    ("url", checks::url),
    ("wit_json", checks::wit_json),
];

#[test]
fn every_seed_holds() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds");
    assert_eq!(names(&seeds), TARGETS.map(|(name, _)| name));
    for (target, check) in TARGETS {
        let directory = seeds.join(target);
        let names = names(&directory);
        assert!(!names.is_empty(), "{target} has no seeds");
        for name in names {
            let seed = std::fs::read(directory.join(&name)).unwrap();
            if std::panic::catch_unwind(|| check(&seed)).is_err() {
                panic!("fuzz/seeds/{target}/{name} does not hold");
            }
        }
    }
}

/// Writes the seeds that are whole components: `cargo test -p tollgate-fuzz-checks -- --ignored`.
#[test]
#[ignore = "it writes seeds"]
fn components_are_written_from_their_text() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for name in names(&root.join("components")) {
        let binary = wat::parse_file(root.join("components").join(&name)).unwrap();
        let seed = name.trim_end_matches(".wat");
        let seeds = root.join("../../fuzz/seeds/sections");
        std::fs::write(seeds.join(format!("whole-{seed}")), binary).unwrap();
    }
}

/// The names in a directory, sorted.
fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).into_iter().flatten();
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    names.sort();
    names
}
