//! How long one provider call may take: until its first piece, between two pieces, and in all.

use std::time::Duration;

/// Bounds of one call in time. The plugin's own limits (`wall`, `cpu`) hold as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallTimeouts {
    /// Until the first piece of the answer; without streaming until the answer.
    pub first_token: Duration,
    /// Between two pieces, and from the last one to the end.
    pub idle: Duration,
    /// From beginning to end.
    pub total: Duration,
}

impl Default for CallTimeouts {
    fn default() -> Self {
        Self {
            first_token: Duration::from_secs(60),
            idle: Duration::from_secs(60),
            total: Duration::from_secs(10 * 60),
        }
    }
}

/// Which bound a call reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LimitReached {
    /// [`CallTimeouts::first_token`].
    #[error("no first token within {} s", .0.as_secs_f32())]
    FirstToken(Duration),
    /// [`CallTimeouts::idle`].
    #[error("nothing for {} s in the middle of the answer", .0.as_secs_f32())]
    Idle(Duration),
    /// [`CallTimeouts::total`].
    #[error("no whole answer within {} s", .0.as_secs_f32())]
    Total(Duration),
}

impl CallTimeouts {
    /// How long after its beginning a call reaches a bound, and which; `last` is when, after the beginning,
    /// its last piece came.
    pub fn next(&self, last: Option<Duration>) -> (Duration, LimitReached) {
        let (pace, reached) = match last {
            None => (self.first_token, LimitReached::FirstToken(self.first_token)),
            Some(last) => (
                last.saturating_add(self.idle),
                LimitReached::Idle(self.idle),
            ),
        };
        if self.total <= pace {
            (self.total, LimitReached::Total(self.total))
        } else {
            (pace, reached)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_bound_is_the_one_that_is_named() {
        let timeouts = CallTimeouts::default();
        let secs = Duration::from_secs;
        assert_eq!(
            timeouts.next(None),
            (secs(60), LimitReached::FirstToken(secs(60)))
        );
        assert_eq!(
            timeouts.next(Some(secs(100))),
            (secs(160), LimitReached::Idle(secs(60)))
        );
        assert_eq!(
            timeouts.next(Some(secs(590))),
            (secs(600), LimitReached::Total(secs(600)))
        );
    }
}
