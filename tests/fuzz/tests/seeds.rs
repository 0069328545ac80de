//! The seeds of the fuzz targets, held to the same as whatever a fuzzer makes of them.

use std::path::Path;
use tollgate_fuzz_checks as checks;

const TARGETS: [(&str, fn(&[u8])); 9] = [
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

fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

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
