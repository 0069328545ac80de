//! Extism's kernel: input, output and error of a call, in blocks of its memory.

use alloc::string::String;
use alloc::vec::Vec;

#[link(wasm_import_module = "extism:host/env")]
unsafe extern "C" {
    fn input_length() -> u64;
    fn input_load_u8(offset: u64) -> u8;
    fn input_load_u64(offset: u64) -> u64;
    fn alloc(length: u64) -> u64;
    fn store_u8(offset: u64, value: u8);
    fn store_u64(offset: u64, value: u64);
    fn output_set(offset: u64, length: u64);
    fn error_set(offset: u64);
}

/// Runs a tool with the call's input; 0 if it answered.
pub(crate) fn answer(tool: impl Fn(&[u8]) -> Result<String, String>) -> i32 {
    match tool(&input()) {
        Ok(text) => {
            let offset = block(text.as_bytes());
            // SAFETY: the block was just made, and is that long.
            unsafe { output_set(offset, text.len() as u64) };
            0
        }
        Err(message) => {
            let offset = block(message.as_bytes());
            // SAFETY: the block was just made.
            unsafe { error_set(offset) };
            1
        }
    }
}

fn input() -> Vec<u8> {
    // SAFETY: only offsets below the input's length are loaded; eight bytes only where eight are left.
    unsafe {
        let length = input_length();
        let mut bytes = Vec::with_capacity(length as usize);
        let mut at = 0;
        while at + 8 <= length {
            bytes.extend(input_load_u64(at).to_le_bytes());
            at += 8;
        }
        while at < length {
            bytes.push(input_load_u8(at));
            at += 1;
        }
        bytes
    }
}

fn block(bytes: &[u8]) -> u64 {
    // SAFETY: the block is as long as `bytes`, and nothing is stored past that.
    unsafe {
        let offset = alloc(bytes.len() as u64);
        let mut at = offset;
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            store_u64(at, u64::from_le_bytes(*word));
            at += 8;
        }
        for byte in rest {
            store_u8(at, *byte);
            at += 1;
        }
        offset
    }
}
