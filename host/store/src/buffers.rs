//! Buffers of entries that were written, for those to come: as many small pieces of memory would otherwise be given
//! back by one thread as others ask for.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Most buffers that are kept.
const KEPT_MAX: usize = 1_024;
/// Most bytes of a buffer that is kept.
const BYTES_MAX: usize = 4_096;

/// The buffers that nobody uses.
#[derive(Default)]
pub(crate) struct Buffers(Mutex<Vec<Vec<u8>>>);

impl Buffers {
    /// An empty buffer.
    pub(crate) fn take(&self) -> Vec<u8> {
        self.lock().pop().unwrap_or_default()
    }

    /// Keeps what is of use later.
    pub(crate) fn give(&self, mut used: Vec<Vec<u8>>) {
        used.retain(|buffer| buffer.capacity() <= BYTES_MAX);
        used.iter_mut().for_each(Vec::clear);
        let mut kept = self.lock();
        let room = KEPT_MAX.saturating_sub(kept.len()).min(used.len());
        kept.extend(used.drain(..room));
        // What is left is given back while nobody waits.
        drop(kept);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_empty_small_and_bounded() {
        let buffers = Buffers::default();
        let large = std::iter::once(vec![1; BYTES_MAX + 1]);
        buffers.give(large.chain((0..2 * KEPT_MAX).map(|_| vec![1; 3])).collect());
        assert_eq!(buffers.lock().len(), KEPT_MAX);
        assert!(buffers.take().is_empty());
        assert_eq!(buffers.lock().len(), KEPT_MAX - 1);
    }
}
