//! Extism takes a core module, so the linker of wasm32-wasip2 leaves it as one.

fn main() {
    println!("cargo::rustc-link-arg-cdylib=--skip-wit-component");
}
