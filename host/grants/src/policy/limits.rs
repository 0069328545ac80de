//! Limits of a call, with units.

/// A slot of the instance pool: no memory above it can be given, so a higher limit is refused when read.
pub const MEMORY_SLOT_BYTES_MAX: u64 = 128 * MIB;
/// The longest wall time of a call.
pub const WALL_US_MAX: u64 = 24 * 3600 * SECOND;
/// The longest guest CPU time of a call.
pub const CPU_US_MAX: u64 = 3600 * SECOND;
/// The most effects of a call.
pub const EFFECTS_MAX: u64 = 200_000;
/// The most bytes of a call's output.
pub const OUTPUT_BYTES_MAX: u64 = 64 * MIB;
/// The most bytes of one HTTP body.
pub const HTTP_BODY_BYTES_MAX: u64 = 1024 * MIB;
/// The most bytes that may be added below one mount.
pub const DISK_BYTES_MAX: u64 = 1024 * GIB;
/// The most files that may be added below one mount.
pub const DISK_FILES_MAX: u64 = 10_000_000;

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
const GIB: u64 = 1024 * MIB;
const SECOND: u64 = 1_000_000;

/// Limits as one file states them; `None` where it says nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// `memory`: linear memories and tables together, bytes.
    pub memory_bytes: Option<u64>,
    /// `wall`: from admission to return, microseconds; pauses while an operator is asked.
    pub wall_us: Option<u64>,
    /// `cpu`: the guest's own CPU time, microseconds.
    pub cpu_us: Option<u64>,
    /// `effects`: how many effects may be attempted.
    pub effects: Option<u64>,
    /// `output`: result and standard output together, bytes.
    pub output_bytes: Option<u64>,
    /// `http_body`: one request's or response's body, bytes.
    pub http_body_bytes: Option<u64>,
    /// `disk`: what a session may add below one mount, bytes; a sparse file counts as long as it is.
    pub disk_bytes: Option<u64>,
    /// `disk_files`: files, directories and links that a session may add below one mount.
    pub disk_files: Option<u64>,
}

/// The limits of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallLimits {
    /// Linear memories and tables together, bytes.
    pub memory_bytes: u64,
    /// From admission to return, microseconds.
    pub wall_us: u64,
    /// The guest's own CPU time, microseconds.
    pub cpu_us: u64,
    /// How many effects may be attempted.
    pub effects: u64,
    /// Result and standard output together, bytes.
    pub output_bytes: u64,
    /// One request's or response's body, bytes.
    pub http_body_bytes: u64,
    /// What a session may add below one mount, bytes; a sparse file counts as long as it is.
    pub disk_bytes: u64,
    /// Files, directories and links that a session may add below one mount.
    pub disk_files: u64,
}

impl Default for CallLimits {
    fn default() -> Self {
        Self {
            memory_bytes: 64 * MIB,
            wall_us: 30 * SECOND,
            cpu_us: 10 * SECOND,
            effects: 10_000,
            output_bytes: 4 * MIB,
            http_body_bytes: 16 * MIB,
            disk_bytes: GIB,
            disk_files: 10_000,
        }
    }
}

impl CallLimits {
    /// What a provider's adapter may need where the policy says nothing: a model thinks longer than a tool works.
    /// Longer than the host waits for an answer by itself (10 minutes), so that it is the host which gives up.
    pub fn of_provider() -> Self {
        Self {
            wall_us: 11 * 60 * SECOND,
            output_bytes: 16 * MIB,
            ..Self::default()
        }
    }

    /// `limits` over these.
    pub(crate) fn with(self, limits: &Limits) -> Self {
        Self {
            memory_bytes: limits.memory_bytes.unwrap_or(self.memory_bytes),
            wall_us: limits.wall_us.unwrap_or(self.wall_us),
            cpu_us: limits.cpu_us.unwrap_or(self.cpu_us),
            effects: limits.effects.unwrap_or(self.effects),
            output_bytes: limits.output_bytes.unwrap_or(self.output_bytes),
            http_body_bytes: limits.http_body_bytes.unwrap_or(self.http_body_bytes),
            disk_bytes: limits.disk_bytes.unwrap_or(self.disk_bytes),
            disk_files: limits.disk_files.unwrap_or(self.disk_files),
        }
    }
}

impl Limits {
    /// The tighter of both, limit by limit: no layer widens what another states.
    pub fn tightest(self, other: &Self) -> Self {
        Self {
            memory_bytes: least(self.memory_bytes, other.memory_bytes),
            wall_us: least(self.wall_us, other.wall_us),
            cpu_us: least(self.cpu_us, other.cpu_us),
            effects: least(self.effects, other.effects),
            output_bytes: least(self.output_bytes, other.output_bytes),
            http_body_bytes: least(self.http_body_bytes, other.http_body_bytes),
            disk_bytes: least(self.disk_bytes, other.disk_bytes),
            disk_files: least(self.disk_files, other.disk_files),
        }
    }
}

fn least(a: Option<u64>, b: Option<u64>) -> Option<u64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

/// A unit of a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    Bytes,
    Time,
}

impl Unit {
    fn table(self) -> &'static [(&'static str, u64)] {
        match self {
            Self::Bytes => &[("B", 1), ("KiB", KIB), ("MiB", MIB), ("GiB", GIB)],
            Self::Time => &[
                ("us", 1),
                ("ms", 1000),
                ("s", SECOND),
                ("m", 60 * SECOND),
                ("h", 3600 * SECOND),
            ],
        }
    }

    fn example(self) -> &'static str {
        match self {
            Self::Bytes => "\"64MiB\" (B, KiB, MiB, GiB)",
            Self::Time => "\"30s\" (us, ms, s, m, h)",
        }
    }

    /// Reads a whole number and a unit, in bytes or microseconds.
    pub(crate) fn parse(self, text: &str) -> Result<u64, String> {
        let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, unit) = text.split_at(digits);
        let value = self
            .table()
            .iter()
            .find(|(name, _)| *name == unit)
            .and_then(|(_, factor)| number.parse::<u64>().ok()?.checked_mul(*factor));
        value.ok_or_else(|| {
            format!(
                "write a whole number and a unit, such as {}",
                self.example()
            )
        })
    }

    /// Writes a value with the largest unit that divides it.
    pub(crate) fn write(self, value: u64) -> String {
        let (name, factor) = self
            .table()
            .iter()
            .rev()
            .find(|(_, factor)| value >= *factor && value.is_multiple_of(*factor))
            .copied()
            .unwrap_or(self.table().first().copied().unwrap_or(("", 1)));
        format!("{}{name}", value / factor)
    }
}

/// `bytes` with a binary unit, such as `64MiB`.
pub fn format_bytes(bytes: u64) -> String {
    Unit::Bytes.write(bytes)
}

/// `microseconds` with a unit, such as `30s`.
pub fn format_duration(microseconds: u64) -> String {
    Unit::Time.write(microseconds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn units_are_exact() {
        assert_eq!(Unit::Bytes.parse("64MiB"), Ok(64 << 20));
        assert_eq!(Unit::Time.parse("30s"), Ok(30_000_000));
        for bad in [
            "64",
            "64MB",
            "64 MiB",
            "-1B",
            "MiB",
            "1.5GiB",
            "99999999999GiB",
            "",
            "30S",
        ] {
            assert!(
                Unit::Bytes.parse(bad).is_err() && Unit::Time.parse(bad).is_err(),
                "{bad}"
            );
        }
    }

    proptest! {
        #[test]
        fn values_round_trip(value in 0u64..1 << 50) {
            prop_assert_eq!(Unit::Bytes.parse(&format_bytes(value)), Ok(value));
            prop_assert_eq!(Unit::Time.parse(&format_duration(value)), Ok(value));
        }
    }
}
