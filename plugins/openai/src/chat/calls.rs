//! Which pieces of a stream belong to the same tool call.

/// The tool calls that a stream has begun.
#[derive(Debug, Default)]
pub(super) struct Calls(Vec<Call>);

#[derive(Debug)]
struct Call {
    /// The server's number of it, which some servers give to several calls, and some to none.
    index: Option<usize>,
    id: Option<String>,
}

impl Calls {
    /// The place of the call to which a piece belongs, and the id that counts. A new index begins a call;
    /// so does a new id, where no index came or where a name comes with it. Another id alone is one that the
    /// server made anew for the piece, and does not count.
    pub(super) fn place<'a>(
        &mut self,
        index: Option<usize>,
        id: Option<&'a str>,
        named: bool,
    ) -> (usize, Option<&'a str>) {
        let found = match (index, id) {
            (Some(_), _) => self.0.iter().rposition(|call| call.index == index),
            (None, Some(id)) => self.0.iter().rposition(|call| call.is(id)),
            (None, None) => self.0.len().checked_sub(1),
        };
        if let Some((at, call)) = found.and_then(|at| Some((at, self.0.get_mut(at)?))) {
            match id {
                Some(id) if call.id.is_none() => call.id = Some(id.into()),
                Some(id) if !call.is(id) && named => return self.begin(index, Some(id)),
                Some(id) if !call.is(id) => return (at, None),
                _ => {}
            }
            return (at, id);
        }
        self.begin(index, id)
    }

    fn begin<'a>(&mut self, index: Option<usize>, id: Option<&'a str>) -> (usize, Option<&'a str>) {
        self.0.push(Call {
            index,
            id: id.map(Into::into),
        });
        (self.0.len().saturating_sub(1), id)
    }
}

impl Call {
    fn is(&self, id: &str) -> bool {
        self.id.as_deref() == Some(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_find_their_call() {
        for (pieces, wanted) in [
            // As the format says.
            (
                vec![
                    (Some(0), "a", true),
                    (Some(1), "b", true),
                    (Some(0), "", false),
                ],
                [(0, "a"), (1, "b"), (0, "")],
            ),
            // Every call has the same index.
            (
                vec![
                    (Some(0), "a", true),
                    (Some(0), "b", true),
                    (Some(0), "", false),
                ],
                [(0, "a"), (1, "b"), (1, "")],
            ),
            // Every piece has an id of its own.
            (
                vec![
                    (Some(0), "a", true),
                    (Some(0), "b", false),
                    (Some(0), "a", false),
                ],
                [(0, "a"), (0, ""), (0, "a")],
            ),
            // No index.
            (
                vec![(None, "a", true), (None, "", false), (None, "b", true)],
                [(0, "a"), (0, ""), (1, "b")],
            ),
            // Neither index nor id: one call.
            (
                vec![(None, "", true), (None, "", false), (None, "", false)],
                [(0, ""), (0, ""), (0, "")],
            ),
            // The id comes after the name.
            (
                vec![
                    (Some(4), "", true),
                    (Some(4), "a", false),
                    (Some(9), "", true),
                ],
                [(0, ""), (0, "a"), (1, "")],
            ),
        ] {
            let mut calls = Calls::default();
            let got: Vec<_> = pieces
                .iter()
                .map(|(index, id, named)| {
                    let id = Some(*id).filter(|id| !id.is_empty());
                    let (at, id) = calls.place(*index, id, *named);
                    (at, id.unwrap_or_default())
                })
                .collect();
            assert_eq!(got, wanted, "{pieces:?}");
        }
    }
}
