//! A component of ordinary functions, made with wit-bindgen alone: every type of value, resources, and
//! deeds that a host must contain.

// Nothing of it is called natively, and its exports have names that a native linker does not take.
#![cfg(target_arch = "wasm32")]
#![cfg_attr(
    target_arch = "wasm32",
    expect(
        missing_docs,
        unsafe_code,
        reason = "wit-bindgen's glue between a component's memory and Rust"
    )
)]

use exports::acme::values::all::{self, Counter, Everything};
use exports::acme::values::deeds;
use std::cell::Cell;

wit_bindgen::generate!({ path: "values", world: "values" });

struct Values;

struct Count(Cell<i32>);

impl Guest for Values {
    fn add(a: u32, b: u32) -> u32 {
        a.wrapping_add(b)
    }
}

impl all::Guest for Values {
    type Counter = Count;

    fn echo(value: Everything) -> Everything {
        value
    }

    fn divide(dividend: i64, divisor: i64) -> Result<i64, String> {
        dividend
            .checked_div(divisor)
            .ok_or_else(|| format!("{dividend} / {divisor} has no answer"))
    }

    fn reverse(mut data: Vec<u8>) -> Vec<u8> {
        data.reverse();
        data
    }

    fn greet(name: String, loudly: Option<bool>) -> String {
        match loudly {
            Some(true) => format!("HELLO, {}!", name.to_uppercase()),
            _ => format!("Hello, {name}!"),
        }
    }

    fn nothing() {}
}

impl all::GuestCounter for Count {
    fn new(start: i32) -> Self {
        Self(Cell::new(start))
    }

    fn open(start: i32) -> Result<Counter, String> {
        match start {
            0.. => Ok(Counter::new(Self::new(start))),
            _ => Err(format!("{start} is below zero")),
        }
    }

    fn add(&self, n: i32) -> i32 {
        self.0.set(self.0.get().wrapping_add(n));
        self.0.get()
    }

    fn get(&self) -> i32 {
        self.0.get()
    }

    fn sum(one: Counter, other: all::CounterBorrow<'_>) -> i32 {
        one.get::<Self>()
            .get()
            .wrapping_add(other.get::<Self>().get())
    }
}

impl deeds::Guest for Values {
    fn read_file(path: String) -> Result<String, String> {
        std::fs::read_to_string(path).map_err(|error| error.to_string())
    }

    fn read_variable(name: String) -> Option<String> {
        std::env::var(name).ok()
    }

    fn flood(count: u32) -> Vec<u64> {
        (0..u64::from(count)).collect()
    }

    fn nested(count: u32) -> Vec<Vec<Vec<bool>>> {
        (0..count).map(|_| vec![vec![true]]).collect()
    }

    fn panic() {
        std::process::abort()
    }

    fn exit() {
        std::process::exit(7)
    }

    fn spin() {
        loop {
            std::hint::black_box(0);
        }
    }
}

export!(Values);
