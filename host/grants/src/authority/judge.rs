//! The order of verdicts, the same for every kind of effect: deny, then the declared needs, then ask,
//! then allow.

use crate::decision::{GrantId, Reason};
use crate::policy::Layer;
use crate::runtime::RuleEffect;

/// A rule or grant, ready to be matched.
#[derive(Debug, Clone)]
pub(super) struct Compiled<C> {
    pub(super) id: GrantId,
    pub(super) effect: RuleEffect,
    /// The layer of the file; `None` for a run-time grant.
    pub(super) layer: Option<Layer>,
    /// Whether it answers rules that ask: a grant for one use.
    pub(super) answers: bool,
    /// Whether its uses are bounded.
    pub(super) counted: bool,
    /// Whether what it allowed may be performed again where nobody saw how it ended.
    pub(super) retryable: bool,
    /// Its capability as text.
    pub(super) text: String,
    pub(super) capability: C,
    /// Why it was void when it was read, with words for people.
    pub(super) void: Option<(Reason, String)>,
    pub(super) expires_us: Option<i64>,
}

impl<C> Compiled<C> {
    /// Why the rule is void at `now_us`, if it is.
    pub(super) fn void(&self, now_us: i64) -> Option<Reason> {
        match &self.void {
            Some((reason, _)) => Some(*reason),
            None if self.expires_us.is_some_and(|at| at <= now_us) => Some(Reason::Expired),
            None => None,
        }
    }

    /// Whether it gives something at `now_us`.
    pub(super) fn gives(&self, now_us: i64) -> bool {
        self.effect != RuleEffect::Deny && self.void(now_us).is_none()
    }
}

/// What came of looking through the rules.
pub(super) enum Verdict<'a, C> {
    /// A rule denies.
    Denied(&'a Compiled<C>),
    /// No declared need covers it; this rule would have given it.
    Undeclared(Option<&'a Compiled<C>>),
    /// A rule asks.
    Asked(&'a Compiled<C>),
    /// A rule allows.
    Allowed(&'a Compiled<C>),
    /// A rule would have allowed, were it not void.
    Void(&'a Compiled<C>, Reason),
    /// No rule matches.
    Nothing,
}

/// Looks through `rules` once. Among those that allow, the highest `rank` wins, then one whose uses
/// are not bounded, then the first.
pub(super) fn judge<'a, C>(
    rules: &'a [Compiled<C>],
    now_us: i64,
    declared: bool,
    covers: impl Fn(&Compiled<C>) -> bool,
    rank: impl Fn(&C) -> u8,
) -> Verdict<'a, C> {
    let mut ask = None;
    let mut allow: Option<&Compiled<C>> = None;
    let mut answer: Option<&Compiled<C>> = None;
    let mut void = None;
    for rule in rules.iter().filter(|rule| covers(rule)) {
        match (rule.void(now_us), rule.effect) {
            (None, RuleEffect::Deny) => return Verdict::Denied(rule),
            (Some(_), RuleEffect::Deny) => {}
            (Some(reason), _) => void = void.or(Some((rule, reason))),
            (None, RuleEffect::Ask) => ask = ask.or(Some(rule)),
            (None, RuleEffect::Allow) => {
                let key = |r: &Compiled<C>| (rank(&r.capability), !r.counted);
                if allow.is_none_or(|best| key(rule) > key(best)) {
                    allow = Some(rule);
                }
                if rule.answers && answer.is_none_or(|best| key(rule) > key(best)) {
                    answer = Some(rule);
                }
            }
        }
    }
    if !declared {
        return Verdict::Undeclared(allow.or(ask).or(void.map(|(rule, _)| rule)));
    }
    match (ask, answer, allow, void) {
        (Some(_), Some(rule), _, _) | (None, _, Some(rule), _) => Verdict::Allowed(rule),
        (Some(rule), None, _, _) => Verdict::Asked(rule),
        (None, _, None, Some((rule, reason))) => Verdict::Void(rule, reason),
        (None, _, None, None) => Verdict::Nothing,
    }
}

/// Rank for kinds in which no rule is better than another.
pub(super) fn flat<C>(_: &C) -> u8 {
    0
}
