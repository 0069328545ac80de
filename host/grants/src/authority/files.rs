//! Deciding file effects.

use super::Authority;
use super::judge::{Compiled, flat, judge};
use crate::capability::Capability;
use crate::decision::{Decision, Denial, Reason};
use crate::fs::{FsAccess, FsCapability, FsOp, PathPattern, is_normal};
use crate::glob::segments;
use crate::need::Needs;
use crate::protected;
use crate::runtime::RuleEffect;

/// A path in a mount, by its names in the host and in the guest.
#[derive(Clone, Copy)]
struct Place<'a> {
    host: &'a str,
    guest: &'a str,
    /// Relative to both.
    path: &'a str,
}

/// A path relative to some directory, in two pieces so that nothing is joined.
type Pieces<'a> = (&'a str, &'a str);

impl<'a> Place<'a> {
    /// The place relative to the directories of `rule`, where it lies in them.
    fn within(&self, rule: &FsCapability) -> Option<Pieces<'a>> {
        let by_host = match &rule.host {
            PathPattern::Any => None,
            PathPattern::Under(dir) => Some(below(self.host, self.path, dir)?),
        };
        let by_guest = match &rule.guest {
            PathPattern::Any => None,
            PathPattern::Under(dir) => Some(below(self.guest, self.path, dir)?),
        };
        Some(by_host.or(by_guest).unwrap_or(("", self.path)))
    }
}

/// `base/path` relative to `dir`, if it lies there.
fn below<'a>(base: &'a str, path: &'a str, dir: &str) -> Option<Pieces<'a>> {
    if let Some(rest) = strip_dir(base, dir) {
        return Some((rest, path));
    }
    let inner = strip_dir(dir, base)?;
    strip_dir_relative(path, inner).map(|rest| ("", rest))
}

/// `path` relative to `dir`; both absolute and normal.
fn strip_dir<'a>(path: &'a str, dir: &str) -> Option<&'a str> {
    if dir == "/" {
        return path.strip_prefix('/');
    }
    strip_dir_relative(path, dir)
}

fn strip_dir_relative<'a>(path: &'a str, dir: &str) -> Option<&'a str> {
    let rest = path.strip_prefix(dir)?;
    if rest.is_empty() {
        Some(rest)
    } else {
        rest.strip_prefix('/')
    }
}

fn excluded(rule: &FsCapability, (head, tail): Pieces<'_>) -> bool {
    rule.except
        .iter()
        .any(|glob| glob.covers(segments(head).chain(segments(tail))))
}

impl Authority {
    pub(super) fn decide_file(
        &self,
        op: FsOp,
        guest_mount: &str,
        path: &str,
        now_us: i64,
    ) -> Decision {
        let Some(mount) = self.mounts.iter().find(|m| m.guest == guest_mount) else {
            return self.decide_outside(op, guest_mount, now_us);
        };
        let Some(host) = mount.host.to_str().filter(|_| is_normal(path)) else {
            return Decision::Denied(Denial::because(Reason::OutsideMounts));
        };
        let required = op.required();
        let place = Place {
            host,
            guest: guest_mount,
            path,
        };
        let declared = self.declares(|need| match need {
            Capability::Fs(fs) => {
                fs.access >= required && place.within(fs).is_some_and(|at| !excluded(fs, at))
            }
            _ => false,
        });
        let protects = protected::guards(op, path);
        let verdict = judge(
            &self.fs,
            now_us,
            declared,
            |rule| match rule.effect {
                RuleEffect::Deny => denies(&rule.capability, &place, required),
                RuleEffect::Allow => !protects && gives(&rule.capability, &place, required),
                RuleEffect::Ask => {
                    !protects
                        && gives(&rule.capability, &place, required)
                        && !self.eased(rule, &place, required, now_us)
                }
            },
            flat,
        );
        self.settle(
            verdict,
            |_| None,
            |fs| Some(Capability::Fs(with_access(fs, required))),
            || self.explain_file(&place, required, protects, now_us),
        )
    }

    /// Whether a rule that asks need not: the same file allows this with less access than it names.
    fn eased(
        &self,
        ask: &Compiled<FsCapability>,
        place: &Place<'_>,
        required: FsAccess,
        now_us: i64,
    ) -> bool {
        ask.layer.is_some()
            && self.fs.iter().any(|rule| {
                rule.effect == RuleEffect::Allow
                    && rule.layer == ask.layer
                    && rule.capability.access < ask.capability.access
                    && rule.gives(now_us)
                    && gives(&rule.capability, place, required)
            })
    }

    /// Why no rule gives a path in a mount: left out, protected, or too little access.
    fn explain_file(
        &self,
        place: &Place<'_>,
        required: FsAccess,
        protects: bool,
        now_us: i64,
    ) -> Denial {
        let here: Vec<&Compiled<FsCapability>> = self
            .fs
            .iter()
            .filter(|r| r.gives(now_us) && on_mount(&r.capability, place))
            .collect();
        let left_out = here
            .iter()
            .find(|r| r.capability.access >= required && r.capability.excludes(place.path));
        let too_low = here
            .iter()
            .filter(|r| r.capability.access < required && !r.capability.excludes(place.path))
            .max_by_key(|r| r.capability.access);
        let excluded = |rule: Option<&&Compiled<FsCapability>>, why: &str| Denial {
            reason: Reason::Excluded,
            nearest: rule.map(|r| r.near(why)),
            command: None,
        };
        if protects {
            return excluded(
                here.first(),
                "this path runs on the host later; only a grant on that directory itself covers changes",
            );
        }
        match (left_out, too_low) {
            (Some(_), _) | (None, None) => excluded(
                left_out.or(here.first()),
                "its `except` leaves this path out",
            ),
            (None, Some(rule)) => Denial {
                reason: Reason::AccessTooLow,
                nearest: Some(rule.near(format!(
                    "it gives fs.{}, and this needs fs.{required}",
                    rule.capability.access
                ))),
                command: self.command(Some(Capability::Fs(with_access(
                    &rule.capability,
                    required,
                )))),
            },
        }
    }

    /// The mount with the access that is needed, as the widest grant has it that does not leave `path` out.
    pub(super) fn file_capability(
        &self,
        guest: &str,
        path: &str,
        access: FsAccess,
    ) -> Option<Capability> {
        let mount = self.mounts.iter().find(|m| m.guest == guest)?;
        let widest = self
            .fs
            .iter()
            .filter(|r| r.effect != RuleEffect::Deny && !r.capability.excludes(path))
            .filter(|r| {
                r.capability.guest.dir() == Some(guest)
                    && r.capability.host.dir() == mount.host.to_str()
            })
            .max_by_key(|r| r.capability.access)?;
        Some(Capability::Fs(with_access(&widest.capability, access)))
    }

    /// Decides a path that is in no mount. `path` is absolute in the guest.
    pub(super) fn decide_outside(&self, op: FsOp, path: &str, now_us: i64) -> Decision {
        let holds = |guest: &str| strip_dir_relative(path, guest).is_some();
        // An escape from a mount, whatever else is said of it.
        let escaped = self.mounts.iter().any(|m| holds(&m.guest));
        let rule = self
            .fs
            .iter()
            .find(|r| r.effect != RuleEffect::Deny && r.capability.guest.dir().is_some_and(holds));
        let Some(rule) = rule.filter(|_| !escaped) else {
            // A path of the guest names no path of the host, so no command could be meant.
            return Decision::Denied(Denial::because(Reason::OutsideMounts));
        };
        let declared = match (&rule.capability.guest, &rule.capability.host) {
            (PathPattern::Under(guest), PathPattern::Under(host)) => {
                self.declared_access(guest, host)
            }
            _ => None,
        };
        // No mount was made because no need covers it, or because the grant was void at that time.
        Decision::Denied(match (declared, rule.void(now_us)) {
            (Some((access, _)), Some(reason)) if access >= op.required() => Denial {
                reason,
                nearest: Some(rule.near(rule.void_words())),
                command: self.command(Some(Capability::Fs(with_access(
                    &rule.capability,
                    op.required(),
                )))),
            },
            _ => Denial {
                reason: Reason::UndeclaredNeed,
                nearest: Some(
                    rule.near("granted, but the component did not declare that it needs this"),
                ),
                command: None,
            },
        })
    }

    /// Whether a path in a mount is to be left out of listings.
    pub fn hides(&self, guest_mount: &str, path: &str, now_us: i64) -> bool {
        matches!(
            self.decide_file(FsOp::Stat, guest_mount, path, now_us),
            Decision::Denied(_)
        )
    }

    /// Whether something below a directory may be left out or denied, so that the directory must not
    /// get another name: a rename would carry it to where no rule knows it. Ask for the old and for the
    /// new name.
    pub fn hides_below(&self, guest_mount: &str, path: &str, now_us: i64) -> bool {
        let Some(mount) = self.mounts.iter().find(|m| m.guest == guest_mount) else {
            return true;
        };
        let Some(host) = mount.host.to_str().filter(|_| is_normal(path)) else {
            return true;
        };
        let place = Place {
            host,
            guest: guest_mount,
            path,
        };
        let open = |fs: &FsCapability, at: Pieces<'_>| {
            let path = segments(at.0).chain(segments(at.1));
            fs.access == FsAccess::Full
                && !excluded(fs, at)
                && !fs
                    .except
                    .iter()
                    .any(|g| g.may_match_below(path.clone(), false))
        };
        let granted = self.fs.iter().any(|r| {
            r.gives(now_us) && on_mount(&r.capability, &place) && open(&r.capability, ("", path))
        });
        let declared = match &self.needs {
            Needs::Any => true,
            Needs::Declared(_) => self.declares(|need| match need {
                Capability::Fs(fs) => place.within(fs).is_some_and(|at| open(fs, at)),
                _ => false,
            }),
        };
        let denied = self.fs.iter().any(|r| {
            r.effect == RuleEffect::Deny
                && r.void(now_us).is_none()
                && denies_below(&r.capability, &place)
        });
        !granted || !declared || denied || protected::may_protect_below(path)
    }
}

/// The same mount with another access.
fn with_access(rule: &FsCapability, access: FsAccess) -> FsCapability {
    FsCapability {
        access,
        ..rule.clone()
    }
}

fn on_mount(rule: &FsCapability, place: &Place<'_>) -> bool {
    rule.guest.dir() == Some(place.guest) && rule.host.dir() == Some(place.host)
}

/// Whether a rule that allows or asks covers an operation that needs `required`.
fn gives(rule: &FsCapability, place: &Place<'_>, required: FsAccess) -> bool {
    rule.access >= required && on_mount(rule, place) && !rule.excludes(place.path)
}

/// Whether a rule that denies covers it: from its access on, in its directories, but for its `except`.
fn denies(rule: &FsCapability, place: &Place<'_>, required: FsAccess) -> bool {
    required >= rule.access && place.within(rule).is_some_and(|at| !excluded(rule, at))
}

/// Whether a rule that denies reaches into a directory from below.
fn denies_below(rule: &FsCapability, place: &Place<'_>) -> bool {
    let reaches = |pattern: &PathPattern, base: &str| match pattern {
        PathPattern::Any => true,
        PathPattern::Under(dir) => {
            below(base, place.path, dir).is_some()
                || strip_dir(dir, base).is_some_and(|inner| {
                    place.path.is_empty() || strip_dir_relative(inner, place.path).is_some()
                })
        }
    };
    // A directory that is denied as a whole at this very access was refused already; what remains is
    // denied in part.
    reaches(&rule.host, place.host) && reaches(&rule.guest, place.guest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_are_compared_by_segments() {
        assert_eq!(below("/p", "a/b", "/p"), Some(("", "a/b")));
        assert_eq!(below("/p/q", "a", "/p"), Some(("q", "a")));
        assert_eq!(below("/p", "a/b", "/p/a"), Some(("", "b")));
        assert_eq!(below("/p", "ab", "/p/a"), None);
        assert_eq!(below("/pq", "a", "/p"), None);
        assert_eq!(below("/p", "a", "/"), Some(("p", "a")));
        assert_eq!(below("/", "etc/x", "/etc"), Some(("", "x")));
    }
}
