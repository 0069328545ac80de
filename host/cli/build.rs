//! The contract, the SDK and the templates are inside the binary; a change in them builds it anew.

fn main() {
    for directory in [
        "../../wit",
        "../../guest-sdk",
        "templates",
        "../../Cargo.toml",
    ] {
        println!("cargo:rerun-if-changed={directory}");
    }
}
