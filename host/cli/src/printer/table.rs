//! Tables that fit a terminal and read well in a pipe.

use super::escape;
use comfy_table::{Cell, CellAlignment, ColumnConstraint, ContentArrangement, Table, Width};

/// One column.
pub(crate) struct Column {
    title: &'static str,
    right: bool,
    /// Cells longer than this are cut in the middle when the table is for people.
    chars_max: Option<usize>,
}

/// A column of text.
pub(crate) fn left(title: &'static str) -> Column {
    Column {
        title,
        right: false,
        chars_max: None,
    }
}

/// A column of numbers.
pub(crate) fn right(title: &'static str) -> Column {
    Column {
        title,
        right: true,
        chars_max: None,
    }
}

/// A column of text that gives way first: at most so many characters, cut in the middle.
pub(crate) fn narrow(title: &'static str, chars_max: usize) -> Column {
    Column {
        title,
        right: false,
        chars_max: Some(chars_max),
    }
}

/// Lays out rows; every cell is untrusted and escaped here.
pub(crate) fn layout(columns: &[Column], rows: &[Vec<String>], width: u16) -> String {
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
        table.add_row(columns.iter().zip(row).map(|(column, cell)| {
            let cell = escape::line(cell);
            let cell = match column.chars_max {
                Some(max) => escape::cut_middle(&cell, max),
                None => cell,
            };
            align(Cell::new(cell), column)
        }));
    }
    for (index, column) in columns.iter().enumerate() {
        if let Some(shown) = table.column_mut(index) {
            shown.set_padding((0, 2));
            if let Some(max) = column.chars_max {
                let max = u16::try_from(max).unwrap_or(u16::MAX).saturating_add(2);
                shown.set_constraint(ColumnConstraint::UpperBoundary(Width::Fixed(max)));
            }
        }
    }
    let mut out = String::new();
    for line in table.lines() {
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

fn align(cell: Cell, column: &Column) -> Cell {
    if column.right {
        cell.set_alignment(CellAlignment::Right)
    } else {
        cell
    }
}
