//! Extism takes a core module, so the linker of wasm32-wasip2 leaves it as one. Memory functions are libc's.

fn main() {
    println!("cargo::rustc-link-arg-cdylib=--skip-wit-component");
    println!("cargo::rustc-link-arg-cdylib=-lc");
}
