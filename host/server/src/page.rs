//! Pages of the list of tools.
//!
//! A cursor names the last tool of a page, so that it stays right while tools come and go.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tollgate_sessions::catalog::NAME_BYTES_MAX;

/// What a cursor begins with; another version of it is refused.
const PREFIX: &str = "1:";

/// A cursor that this server did not give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the cursor is not one that this server gave")]
pub struct NoSuchPage;

/// The page after `cursor`, and the cursor of the next one. `names` are sorted.
///
/// # Errors
///
/// [`NoSuchPage`] if the cursor is not one of [`page`]'s.
pub fn page<'a, T>(
    items: &'a [T],
    name: impl Fn(&T) -> &str,
    cursor: Option<&str>,
    items_max: usize,
) -> Result<(&'a [T], Option<String>), NoSuchPage> {
    let start = match cursor {
        None => 0,
        Some(cursor) => {
            let after = decode(cursor)?;
            items.partition_point(|item| name(item) <= after.as_str())
        }
    };
    let rest = items.get(start..).unwrap_or_default();
    let page = rest.get(..items_max.min(rest.len())).unwrap_or_default();
    let next = match page.last() {
        Some(last) if page.len() < rest.len() => Some(encode(name(last))),
        _ => None,
    };
    Ok((page, next))
}

fn encode(name: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("{PREFIX}{name}"))
}

fn decode(cursor: &str) -> Result<String, NoSuchPage> {
    if cursor.len() > NAME_BYTES_MAX * 2 {
        return Err(NoSuchPage);
    }
    let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| NoSuchPage)?;
    let text = String::from_utf8(bytes).map_err(|_| NoSuchPage)?;
    text.strip_prefix(PREFIX)
        .map(str::to_owned)
        .ok_or(NoSuchPage)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(names: &[&str], items_max: usize) -> Vec<String> {
        let (mut seen, mut cursor) = (Vec::new(), None);
        loop {
            let (items, next) = page(names, |name| name, cursor.as_deref(), items_max).unwrap();
            assert!(items.len() <= items_max);
            seen.extend(items.iter().map(|name| (*name).to_owned()));
            match next {
                Some(next) => cursor = Some(next),
                None => return seen,
            }
        }
    }

    #[test]
    fn pages_together_are_the_list() {
        let names = ["a", "b", "c", "d", "e"];
        for items_max in 1..7 {
            assert_eq!(all(&names, items_max), names);
        }
        assert_eq!(all(&[], 3), Vec::<String>::new());
    }

    #[test]
    fn a_cursor_outlives_the_tool_that_it_names() {
        let (_, next) = page(&["a", "b", "c"], |name| name, None, 2).unwrap();
        let (rest, _) = page(&["a", "bb", "c"], |name| name, next.as_deref(), 9).unwrap();
        assert_eq!(rest, ["bb", "c"]);
    }

    #[test]
    fn other_cursors_are_refused() {
        for bad in ["", "x", "YTph", "!!", &"A".repeat(1000)] {
            assert_eq!(page(&["a"], |name| name, Some(bad), 9), Err(NoSuchPage));
        }
    }
}
