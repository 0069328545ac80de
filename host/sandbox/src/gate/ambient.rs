//! Clocks and randomness: not deniable, counted in the call's own record.

use super::view::Gate;
use std::sync::atomic::Ordering;
use wasmtime::component::Resource;
use wasmtime_wasi::p2::bindings::clocks::{monotonic_clock, wall_clock};
use wasmtime_wasi::p2::bindings::random::{insecure, insecure_seed, random};
use wasmtime_wasi_io::poll::DynPollable;

/// The most bytes of randomness in one request.
pub(crate) const RANDOM_BYTES_MAX: u64 = 64 * 1024;

impl Gate<'_> {
    fn count_clock(&self) {
        self.state
            .scope
            .counters
            .clock
            .fetch_add(1, Ordering::Relaxed);
    }

    fn random(&self, bytes: u64) -> wasmtime::Result<Vec<u8>> {
        if bytes > RANDOM_BYTES_MAX {
            return Err(wasmtime::format_err!(
                "{bytes} bytes of randomness were asked for; at most {RANDOM_BYTES_MAX} are given at once"
            ));
        }
        self.state
            .scope
            .counters
            .random_bytes
            .fetch_add(bytes, Ordering::Relaxed);
        let mut buffer = vec![0; usize::try_from(bytes)?];
        getrandom::fill(&mut buffer)
            .map_err(|error| wasmtime::format_err!("no randomness: {error}"))?;
        Ok(buffer)
    }

    fn random_u64(&self) -> wasmtime::Result<u64> {
        let bytes = self.random(8)?;
        Ok(bytes
            .iter()
            .fold(0, |sum, byte| (sum << 8) | u64::from(*byte)))
    }
}

impl wall_clock::Host for Gate<'_> {
    fn now(&mut self) -> wasmtime::Result<wall_clock::Datetime> {
        self.count_clock();
        wall_clock::Host::now(&mut self.clocks())
    }

    fn resolution(&mut self) -> wasmtime::Result<wall_clock::Datetime> {
        wall_clock::Host::resolution(&mut self.clocks())
    }
}

impl monotonic_clock::Host for Gate<'_> {
    fn now(&mut self) -> wasmtime::Result<u64> {
        self.count_clock();
        monotonic_clock::Host::now(&mut self.clocks())
    }

    fn resolution(&mut self) -> wasmtime::Result<u64> {
        monotonic_clock::Host::resolution(&mut self.clocks())
    }

    fn subscribe_instant(&mut self, when: u64) -> wasmtime::Result<Resource<DynPollable>> {
        self.count_clock();
        monotonic_clock::Host::subscribe_instant(&mut self.clocks(), when)
    }

    fn subscribe_duration(&mut self, duration: u64) -> wasmtime::Result<Resource<DynPollable>> {
        self.count_clock();
        monotonic_clock::Host::subscribe_duration(&mut self.clocks(), duration)
    }
}

impl random::Host for Gate<'_> {
    fn get_random_bytes(&mut self, len: u64) -> wasmtime::Result<Vec<u8>> {
        Gate::random(self, len)
    }

    fn get_random_u64(&mut self) -> wasmtime::Result<u64> {
        self.random_u64()
    }
}

impl insecure::Host for Gate<'_> {
    fn get_insecure_random_bytes(&mut self, len: u64) -> wasmtime::Result<Vec<u8>> {
        Gate::random(self, len)
    }

    fn get_insecure_random_u64(&mut self) -> wasmtime::Result<u64> {
        self.random_u64()
    }
}

impl insecure_seed::Host for Gate<'_> {
    fn insecure_seed(&mut self) -> wasmtime::Result<(u64, u64)> {
        Ok((self.random_u64()?, self.random_u64()?))
    }
}
