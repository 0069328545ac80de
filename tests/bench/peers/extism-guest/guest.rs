//! `greet` and `read` of tests/hostile/bench, for Extism.
//!
//! Extism's own kit needs a standard library over WASI 0.1, and the compiler of our guests has one over WASI 0.2
//! only. So this one has none, and speaks to Extism's kernel itself, as the kit does.

#![no_std]

extern crate alloc;

mod kernel;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

#[panic_handler]
fn panicked(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}

/// The first directory that the host opened for us.
const PREOPENED: wasi::Fd = 3;
const MOUNT: &str = "/data/";
const CHUNK_BYTES: usize = 4096;

#[derive(serde::Deserialize)]
struct Greet {
    name: String,
}

#[derive(serde::Deserialize)]
struct At {
    path: String,
}

#[unsafe(no_mangle)]
extern "C" fn greet() -> i32 {
    kernel::answer(|input| {
        let arguments: Greet = serde_json::from_slice(input).map_err(|error| format!("{error}"))?;
        Ok(format!("Hello, {}!", arguments.name))
    })
}

#[unsafe(no_mangle)]
extern "C" fn read() -> i32 {
    kernel::answer(|input| {
        let arguments: At = serde_json::from_slice(input).map_err(|error| format!("{error}"))?;
        let path = arguments
            .path
            .strip_prefix(MOUNT)
            .ok_or("not in the mount")?;
        let bytes = read_file(path).map_err(|error| format!("{error}"))?;
        String::from_utf8(bytes).map_err(|error| format!("{error}"))
    })
}

fn read_file(path: &str) -> Result<Vec<u8>, wasi::Errno> {
    let mut bytes = Vec::new();
    // SAFETY: the buffer given to the host is `chunk`, with its own length, and lives through the call.
    unsafe {
        let file = wasi::path_open(PREOPENED, 0, path, 0, wasi::RIGHTS_FD_READ, 0, 0)?;
        loop {
            let mut chunk = [0_u8; CHUNK_BYTES];
            let buffers = [wasi::Iovec {
                buf: chunk.as_mut_ptr(),
                buf_len: chunk.len(),
            }];
            match wasi::fd_read(file, &buffers)? {
                0 => break,
                count => bytes.extend(chunk.iter().take(count)),
            }
        }
        wasi::fd_close(file)?;
    }
    Ok(bytes)
}
