//! Every record of an export, glanced at and hashed, on all cores: that is nearly all of the work of verifying.

use super::format::Export;
use super::verify::ExportError;
use crate::glance::{Courses, Glance, glance};
use crate::log::{Hash, leaf_hash};
use crate::{DecodeError, FoldFault};

/// Fewer records than this are read on one core.
const SHARE_MIN: usize = 1_024;

/// The records, seen.
pub(super) struct Seen<'a> {
    /// Whether the digest at the file's end is that of the file.
    pub(super) intact: bool,
    /// Index and hash of each leaf.
    pub(super) leaves: Vec<(u64, Hash)>,
    shares: Vec<Vec<Glance<'a>>>,
}

/// What one core has seen; the first record that is no entry ends it.
struct Share<'a> {
    glances: Vec<Glance<'a>>,
    leaves: Vec<(u64, Hash)>,
    bad: Option<(u64, DecodeError)>,
}

impl<'a> Seen<'a> {
    /// Looks at all of them.
    ///
    /// # Errors
    ///
    /// [`ExportError::Invalid`] names the first that is no entry.
    pub(super) fn of(export: &Export<'a>) -> Result<Self, ExportError> {
        let records = export.records.as_slice();
        let (shares, intact) = if records.len() < SHARE_MIN {
            (vec![look(records)], export.intact())
        } else {
            let cores = std::thread::available_parallelism().map_or(1, usize::from);
            let share = records.len().div_ceil(cores).max(SHARE_MIN);
            std::thread::scope(|scope| {
                let looks = records.chunks(share);
                let looks: Vec<_> = looks.map(|share| scope.spawn(|| look(share))).collect();
                let intact = export.intact();
                let shares = looks.into_iter().map(|look| joined(look.join()));
                (shares.collect(), intact)
            })
        };
        let mut seen = Self {
            intact,
            leaves: Vec::with_capacity(records.len()),
            shares: Vec::new(),
        };
        for share in shares {
            if let Some((index, error)) = share.bad {
                let why = format!("the record of leaf {index}: {error}");
                return Err(ExportError::Invalid(why));
            }
            seen.leaves.extend(share.leaves);
            seen.shares.push(share.glances);
        }
        Ok(seen)
    }

    /// How many receipts there are, and what does not fit, in the order of the records. A receipt is of one session,
    /// so sessions are divided among the cores.
    pub(super) fn courses(&self) -> (usize, Vec<FoldFault>) {
        let shares = self.shares.len();
        let divided = |mine: usize| {
            let mut courses = Courses::with_capacity(self.leaves.len() / shares);
            for (place, entry) in self.glances().enumerate() {
                if shares == 1 || of_share(&entry.session, shares) == mine {
                    courses.take(place, entry);
                }
            }
            courses.found()
        };
        let (mut receipts, mut faults) = (0, Vec::new());
        std::thread::scope(|scope| {
            let others: Vec<_> = (1..shares)
                .map(|mine| scope.spawn(move || divided(mine)))
                .collect();
            let others = others.into_iter().map(|other| joined(other.join()));
            for (count, found) in std::iter::once(divided(0)).chain(others) {
                receipts += count;
                faults.extend(found);
            }
        });
        faults.sort_by_key(|(place, _)| *place);
        (
            receipts,
            faults.into_iter().map(|(_, fault)| fault).collect(),
        )
    }

    /// The records in their order.
    pub(super) fn glances(&self) -> impl Iterator<Item = &Glance<'a>> {
        self.shares.iter().flatten()
    }
}

/// Which share a session belongs to: any will do, as long as it is always the same.
fn of_share(session: &str, shares: usize) -> usize {
    let sum = session.bytes().fold(0_usize, |sum, byte| {
        sum.wrapping_mul(31).wrapping_add(byte.into())
    });
    sum % shares
}

fn look<'a>(records: &[(u64, &'a [u8])]) -> Share<'a> {
    let mut share = Share {
        glances: Vec::with_capacity(records.len()),
        leaves: Vec::with_capacity(records.len()),
        bad: None,
    };
    for (index, stored) in records {
        match glance(stored) {
            Ok(glance) => share.glances.push(glance),
            Err(error) => {
                share.bad = Some((*index, error));
                break;
            }
        }
        share.leaves.push((*index, leaf_hash(stored)));
    }
    share
}

/// What a thread has found; its panic is a defect of this program, and goes on here.
pub(super) fn joined<T>(result: std::thread::Result<T>) -> T {
    result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
