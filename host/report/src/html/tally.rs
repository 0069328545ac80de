//! Receipts counted by what became of them.

use tollgate_receipts::{OutcomeResult, Receipt, Standing, Verdict};

/// What became of an effect, in one word of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// Refused.
    Refused,
    /// Waits for an operator.
    Waits,
    /// Allowed, and no outcome yet.
    Unended,
    /// Allowed, and nobody knows whether it happened.
    Indeterminate,
    /// Allowed, and failed or was given up.
    Failed,
    /// Allowed and performed.
    Performed,
}

/// How many effects met which fate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// All of them.
    pub attempted: u64,
    /// Those that the gate allowed.
    pub allowed: u64,
    /// Those that it refused.
    pub refused: u64,
    /// Those that wait for an operator.
    pub waits: u64,
    /// Allowed, and performed.
    pub performed: u64,
    /// Allowed, and failed or given up.
    pub failed: u64,
    /// Allowed, and nobody knows whether they happened.
    pub indeterminate: u64,
    /// Allowed, and no outcome yet.
    pub unended: u64,
}

impl Fate {
    /// The fate of a receipt.
    pub(super) fn of(receipt: &Receipt) -> Self {
        match receipt.standing {
            Standing::Denied => Self::Refused,
            Standing::Asked => Self::Waits,
            Standing::Open => Self::Unended,
            Standing::Indeterminate => Self::Indeterminate,
            Standing::Settled | Standing::Closed => match receipt.outcome().map(|o| o.result) {
                Some(OutcomeResult::Failed | OutcomeResult::Cancelled) => Self::Failed,
                _ => Self::Performed,
            },
        }
    }

    /// Whether a reviewer should see it before others.
    pub(super) fn is_notable(self) -> bool {
        !matches!(self, Self::Performed)
    }

    /// The word for it, as markup.
    pub(super) fn tag(self) -> &'static str {
        match self {
            Self::Refused => "<b class=\"tag mark\">refused</b>",
            Self::Waits => "<b class=\"tag dash\">waits</b>",
            Self::Unended => "<b class=\"tag dash\">no outcome yet</b>",
            Self::Indeterminate => "<b class=\"tag dash\">indeterminate</b>",
            Self::Failed => "<b class=\"tag\">not done</b>",
            Self::Performed => "<b class=\"tag\">done</b>",
        }
    }

    /// Whether the gate let it through.
    pub(super) fn is_allowed(self) -> bool {
        !matches!(self, Self::Refused | Self::Waits)
    }
}

impl Tally {
    /// Counts a receipt.
    pub(super) fn add(&mut self, receipt: &Receipt) {
        let fate = Fate::of(receipt);
        let more = |sum: &mut u64| *sum = sum.saturating_add(receipt.count);
        more(&mut self.attempted);
        if fate.is_allowed() {
            more(&mut self.allowed);
        }
        more(match fate {
            Fate::Refused => &mut self.refused,
            Fate::Waits => &mut self.waits,
            Fate::Unended => &mut self.unended,
            Fate::Indeterminate => &mut self.indeterminate,
            Fate::Failed => &mut self.failed,
            Fate::Performed => &mut self.performed,
        });
    }

    /// Counts receipts.
    pub(super) fn of<'a>(receipts: impl IntoIterator<Item = &'a Receipt>) -> Self {
        let mut tally = Self::default();
        for receipt in receipts {
            tally.add(receipt);
        }
        tally
    }
}

/// The verdict of the gate, as markup.
pub(super) fn verdict(receipt: &Receipt) -> &'static str {
    match receipt.decision.verdict {
        Verdict::Allowed => "<b class=\"tag\">allowed</b>",
        Verdict::Denied => "<b class=\"tag mark\">refused</b>",
        Verdict::Asked => "<b class=\"tag dash\">asked</b>",
    }
}
