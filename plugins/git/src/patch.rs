//! Changes as a patch, in the form of `git diff`.

use crate::bounds::LINES_BYTES_MAX;
use crate::changes::{Change, Side};
use crate::id::{ID_BYTES, Id};
use crate::odb::Objects;
use crate::text::Text;
use imara_diff::{Algorithm, Diff, Hunk, InternedInput};
use std::rc::Rc;
use tollgate_sdk::ToolError;

/// How far a file is looked at for a NUL, which makes it binary, in bytes.
const BINARY_PROBE_BYTES: usize = 8000;

/// Longest line behind `@@` that says where it is, in bytes.
const PLACE_BYTES_MAX: usize = 80;

/// Most lines around a change.
pub(crate) const CONTEXT_LINES_MAX: usize = 20;

/// Adds one changed file to an answer; false once there is no room.
pub(crate) fn add(
    text: &mut Text,
    objects: &Objects,
    change: &Change,
    context: usize,
) -> Result<bool, ToolError> {
    let path = String::from_utf8_lossy(&change.path);
    text.add(&head(change, &path));
    if change.old.map(|(_, id)| id) == change.new.map(|(_, id)| id) {
        return Ok(text.add(""));
    }
    let (old, new) = (content(objects, change.old)?, content(objects, change.new)?);
    if is_binary(&old) || is_binary(&new) {
        let (before, after) = names(change, &path);
        return Ok(text.add(&format!("Binary files {before} and {after} differ\n")));
    }
    if old.len().max(new.len()) > LINES_BYTES_MAX {
        return Ok(text.add(&format!(
            "[the lines of a file over {LINES_BYTES_MAX} bytes are not compared]\n"
        )));
    }
    if old.is_empty() && new.is_empty() {
        return Ok(text.add(""));
    }
    let (before, after) = names(change, &path);
    // A name with a space is followed by a tab, so that its end can be seen.
    let tab = |name: &str| match name.contains(' ') {
        true => "\t",
        false => "",
    };
    text.add(&format!(
        "--- {before}{}\n+++ {after}{}\n",
        tab(&before),
        tab(&after)
    ));
    hunks(text, &old, &new, context)
}

/// Whether the beginning holds a NUL, by which Git tells binary files.
pub(crate) fn is_binary(data: &[u8]) -> bool {
    data.iter().take(BINARY_PROBE_BYTES).any(|b| *b == 0)
}

fn names(change: &Change, path: &str) -> (String, String) {
    let name = |side: &Side, letter: char| match side {
        Some(_) => format!("{letter}/{path}"),
        None => "/dev/null".into(),
    };
    (name(&change.old, 'a'), name(&change.new, 'b'))
}

fn head(change: &Change, path: &str) -> String {
    let mut text = format!("diff --git a/{path} b/{path}\n");
    match (change.old, change.new) {
        (None, Some((mode, _))) => text.push_str(&format!("new file mode {mode:06o}\n")),
        (Some((mode, _)), None) => text.push_str(&format!("deleted file mode {mode:06o}\n")),
        (Some((old, _)), Some((new, _))) if old != new => {
            text.push_str(&format!("old mode {old:06o}\nnew mode {new:06o}\n"));
        }
        _ => {}
    }
    let id = |side: Side| side.map(|(_, id)| id);
    if id(change.old) != id(change.new) {
        let short = |side: Side| {
            id(side)
                .or_else(zero)
                .map(|id| id.short())
                .unwrap_or_default()
        };
        text.push_str(&format!(
            "index {}..{}",
            short(change.old),
            short(change.new)
        ));
        if let (Some((old, _)), Some((new, _))) = (change.old, change.new)
            && old == new
        {
            text.push_str(&format!(" {old:06o}"));
        }
        text.push('\n');
    }
    text
}

fn zero() -> Option<Id> {
    Id::from_bytes(&[0; ID_BYTES])
}

fn content(objects: &Objects, side: Side) -> Result<Rc<Vec<u8>>, ToolError> {
    match side {
        // A submodule's commit is in another repository.
        Some((mode, id)) if mode & 0o170_000 == 0o160_000 => {
            Ok(Rc::new(format!("Subproject commit {id}\n").into_bytes()))
        }
        Some((_, id)) => objects.blob(&id),
        None => Ok(Rc::default()),
    }
}

/// The differing lines, as Git finds them.
pub(crate) fn compare<'a>(old: &'a [u8], new: &'a [u8]) -> Vec<Hunk> {
    let input: InternedInput<&'a [u8]> = InternedInput::new(old, new);
    let mut diff = Diff::compute(Algorithm::Myers, &input);
    diff.postprocess_lines(&input);
    diff.hunks().collect()
}

/// The lines of a file, each with its end.
pub(crate) fn lines(data: &[u8]) -> Vec<&[u8]> {
    data.split_inclusive(|b| *b == b'\n').collect()
}

fn hunks(text: &mut Text, old: &[u8], new: &[u8], context: usize) -> Result<bool, ToolError> {
    let changes = compare(old, new);
    let (old, new) = (lines(old), lines(new));
    let mut rest = changes.as_slice();
    while let Some((first, _)) = rest.split_first() {
        // Changes whose surroundings touch are shown together.
        let mut count = 1_usize;
        let mut end = index(first.before.end);
        while let Some(next) = rest.get(count)
            && index(next.before.start).saturating_sub(end) <= context.saturating_mul(2)
        {
            end = index(next.before.end);
            count = count.saturating_add(1);
        }
        let (group, after) = rest.split_at(count);
        rest = after;
        if !text.add(&hunk(group, &old, &new, context)) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn hunk(group: &[Hunk], old: &[&[u8]], new: &[&[u8]], context: usize) -> String {
    let (Some(first), Some(last)) = (group.first(), group.last()) else {
        return String::new();
    };
    let lead = context.min(index(first.before.start));
    let old_start = index(first.before.start).saturating_sub(lead);
    let new_start = index(first.after.start).saturating_sub(lead);
    let tail = context.min(old.len().saturating_sub(index(last.before.end)));
    let old_end = index(last.before.end).saturating_add(tail);
    let new_end = index(last.after.end).saturating_add(tail);
    let mut text = format!(
        "@@ -{} +{} @@{}\n",
        extent(old_start, old_end),
        extent(new_start, new_end),
        place(old, old_start)
    );
    let mut at = old_start;
    for change in group {
        show(&mut text, ' ', old, at..index(change.before.start));
        show(
            &mut text,
            '-',
            old,
            index(change.before.start)..index(change.before.end),
        );
        show(
            &mut text,
            '+',
            new,
            index(change.after.start)..index(change.after.end),
        );
        at = index(change.before.end);
    }
    show(&mut text, ' ', old, at..old_end);
    text
}

/// Where lines begin and how many there are: no number for one, and the line before for none.
fn extent(start: usize, end: usize) -> String {
    match end.saturating_sub(start) {
        0 => format!("{start},0"),
        1 => format!("{}", start.saturating_add(1)),
        count => format!("{},{count}", start.saturating_add(1)),
    }
}

fn show(text: &mut String, mark: char, lines: &[&[u8]], range: std::ops::Range<usize>) {
    for line in lines.get(range).unwrap_or_default() {
        text.push(mark);
        text.push_str(&String::from_utf8_lossy(line));
        if !line.ends_with(b"\n") {
            text.push_str("\n\\ No newline at end of file\n");
        }
    }
}

/// The last line before the hunk that begins with a letter, `_` or `$`: a function's head, mostly.
fn place(old: &[&[u8]], start: usize) -> String {
    let before = old.get(..start).unwrap_or_default();
    let found = before.iter().rev().find(|line| {
        line.first()
            .is_some_and(|b| b.is_ascii_alphabetic() || matches!(b, b'_' | b'$'))
    });
    let Some(line) = found else {
        return String::new();
    };
    let line = line.trim_ascii_end();
    let line = line.get(..PLACE_BYTES_MAX).unwrap_or(line);
    format!(" {}", String::from_utf8_lossy(line.trim_ascii_end()))
}

fn index(line: u32) -> usize {
    usize::try_from(line).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn diff(old: &str, new: &str) -> String {
        let mut text = Text::default();
        hunks(&mut text, old.as_bytes(), new.as_bytes(), 3).unwrap();
        let output = text.into_output();
        match output.content.into_iter().next() {
            Some(tollgate_sdk::OutputBlock::Text(text)) => text,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_hunk_is_written_as_git_writes_it() {
        let old = "fn a() {\n1\n2\n3\n4\n5\n";
        assert_eq!(
            diff(old, &old.replace("5\n", "five")),
            "@@ -3,4 +3,4 @@ fn a() {\n 2\n 3\n 4\n-5\n+five\n\\ No newline at end of file\n"
        );
        assert_eq!(diff("", "a\n"), "@@ -0,0 +1 @@\n+a\n");
        assert_eq!(diff("a\nb\n", ""), "@@ -1,2 +0,0 @@\n-a\n-b\n");
    }

    #[test]
    fn changes_near_each_other_share_a_hunk() {
        let old: String = (0..20).map(|n| format!("{n}\n")).collect();
        let near = old.replace("\n3\n", "\nx\n").replace("\n10\n", "\ny\n");
        assert_eq!(diff(&old, &near).matches("@@ -").count(), 1);
        let far = old.replace("\n3\n", "\nx\n").replace("\n11\n", "\ny\n");
        assert_eq!(diff(&old, &far).matches("@@ -").count(), 2);
    }
}
