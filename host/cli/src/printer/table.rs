//! Tables that fit a terminal and read well in a pipe.

use super::escape;
use comfy_table::{Cell, CellAlignment, ContentArrangement, Table};

/// Characters between two columns.
const GAP_CHARS: u16 = 2;
/// A narrow column gives way down to this, characters.
const NARROW_CHARS_MIN: usize = 12;

/// One column.
pub(crate) struct Column {
    title: &'static str,
    right: bool,
    /// Cells longer than this are cut.
    chars_max: Option<usize>,
    /// They are cut at the end, not in the middle.
    keeps_beginning: bool,
}

/// A column of text.
pub(crate) fn left(title: &'static str) -> Column {
    Column {
        title,
        right: false,
        chars_max: None,
        keeps_beginning: false,
    }
}

/// A column of numbers.
pub(crate) fn right(title: &'static str) -> Column {
    Column {
        title,
        right: true,
        chars_max: None,
        keeps_beginning: false,
    }
}

/// A column of text that gives way first: at most so many characters, cut in the middle.
pub(crate) fn narrow(title: &'static str, chars_max: usize) -> Column {
    Column {
        title,
        right: false,
        chars_max: Some(chars_max),
        keeps_beginning: false,
    }
}

/// A column of prose that gives way: at most so many characters, cut at the end.
pub(crate) fn prose(title: &'static str, chars_max: usize) -> Column {
    Column {
        keeps_beginning: true,
        ..narrow(title, chars_max)
    }
}

/// Lays out rows; every cell is untrusted and escaped here.
pub(crate) fn layout(columns: &[Column], rows: &[Vec<String>], width: u16) -> String {
    let rows: Vec<Vec<String>> = rows
        .iter()
        .map(|row| row.iter().map(|cell| escape::line(cell)).collect())
        .collect();
    let widths = fit(columns, &rows, usize::from(width));
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(width);
    table.set_header(
        columns
            .iter()
            .map(|column| align(Cell::new(column.title), column)),
    );
    for row in rows {
        table.add_row(
            columns
                .iter()
                .zip(&widths)
                .zip(row)
                .map(|((column, chars_max), cell)| {
                    let cell = match (column.chars_max, column.keeps_beginning) {
                        (None, _) => cell,
                        (Some(_), true) => escape::cut(&cell, *chars_max),
                        (Some(_), false) => escape::cut_middle(&cell, *chars_max),
                    };
                    align(Cell::new(cell), column)
                }),
        );
    }
    for index in 0..columns.len() {
        if let Some(shown) = table.column_mut(index) {
            shown.set_padding((0, GAP_CHARS));
        }
    }
    let mut out = String::new();
    for line in table.lines() {
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// The characters that each column gets: what it needs, but narrow columns give way, the widest first,
/// until the table fits.
fn fit(columns: &[Column], rows: &[Vec<String>], width: usize) -> Vec<usize> {
    let mut widths: Vec<usize> = columns
        .iter()
        .enumerate()
        .map(|(index, column)| {
            let cells = rows.iter().filter_map(|row| row.get(index));
            let widest = cells.map(|cell| cell.chars().count()).max().unwrap_or(0);
            let widest = widest.max(column.title.chars().count());
            column.chars_max.map_or(widest, |max| widest.min(max))
        })
        .collect();
    let gaps = columns.len() * usize::from(GAP_CHARS);
    while widths.iter().sum::<usize>() + gaps > width {
        let widest = widths
            .iter_mut()
            .zip(columns)
            .filter(|(chars, column)| column.chars_max.is_some() && **chars > NARROW_CHARS_MIN)
            .max_by_key(|(chars, _)| **chars);
        match widest {
            Some((chars, _)) => *chars -= 1,
            None => break,
        }
    }
    widths
}

fn align(cell: Cell, column: &Column) -> Cell {
    if column.right {
        cell.set_alignment(CellAlignment::Right)
    } else {
        cell
    }
}
