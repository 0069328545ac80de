//! Tables: rows on a wide page and on paper, stacked cells on a narrow screen.

use super::{markup::Markup, words};
use std::collections::BTreeSet;

/// Names in one cell; more are counted.
const NAMES_MAX: usize = 6;

/// Rows of a table that has one row for each thing that was met; more are counted.
const ROWS_MAX: usize = 500;

/// What a column holds.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shape {
    /// Words of the page's own, which are never broken.
    Fixed,
    /// Short words of records, which are not broken while there is room.
    Words,
    /// A number.
    Number,
    /// Long text, which is broken anywhere.
    Long,
}

/// A column.
#[derive(Debug)]
pub(super) struct Column {
    name: &'static str,
    shape: Shape,
}

/// A column of the page's own words.
pub(super) const fn fixed(name: &'static str) -> Column {
    Column {
        name,
        shape: Shape::Fixed,
    }
}

/// A column of short words.
pub(super) const fn words(name: &'static str) -> Column {
    Column {
        name,
        shape: Shape::Words,
    }
}

/// A column of numbers.
pub(super) const fn number(name: &'static str) -> Column {
    Column {
        name,
        shape: Shape::Number,
    }
}

/// A column of long text.
pub(super) const fn long(name: &'static str) -> Column {
    Column {
        name,
        shape: Shape::Long,
    }
}

/// Writes a table of `rows`; the first cell of a row names it.
pub(super) fn write<R>(
    page: &mut Markup,
    caption: &'static str,
    columns: &'static [Column],
    rows: impl IntoIterator<Item = R>,
    mut fill: impl FnMut(&mut Row<'_>, R),
) {
    page.raw("<div class=\"box\"><table role=\"table\"><caption>")
        .raw(caption)
        .raw("</caption>\n<thead role=\"rowgroup\"><tr role=\"row\">");
    for column in columns {
        page.raw("<th scope=\"col\" role=\"columnheader\" class=\"")
            .raw(column.shape.class())
            .raw("\">")
            .raw(column.name)
            .raw("</th>");
    }
    page.raw("</tr></thead>\n<tbody role=\"rowgroup\">\n");
    for row in rows {
        page.raw("<tr role=\"row\">");
        let mut cells = Row {
            page,
            columns: columns.iter(),
            width: columns.len() as u64,
            is_first: true,
        };
        fill(&mut cells, row);
        page.raw("</tr>\n");
    }
    page.raw("</tbody></table></div>\n");
}

/// Writes a table of the first [`ROWS_MAX`] of `rows`, and says how many are left out.
pub(super) fn capped<R>(
    page: &mut Markup,
    caption: &'static str,
    columns: &'static [Column],
    mut rows: Vec<R>,
    rest: &Rest<'_>,
    fill: impl FnMut(&mut Row<'_>, R),
) {
    let left = rows.len().saturating_sub(ROWS_MAX);
    rows.truncate(ROWS_MAX);
    write(page, caption, columns, rows, fill);
    left_out(page, left, rest);
}

/// Says that a table leaves out `left` of its rows, and which command has them.
pub(super) fn left_out(page: &mut Markup, left: usize, rest: &Rest<'_>) {
    if left == 0 {
        return;
    }
    let many = words::count(left as u64, rest.noun);
    page.raw("<p class=\"note\">")
        .text(&format!(
            "{many} left out here. The receipts are listed by "
        ))
        .code(rest.command)
        .raw(".</p>\n");
}

/// At most `rows_max` of the rows, in the order of `time`, and how many are left out. Where some must be, notable
/// rows are kept before others and late ones before early ones.
pub(super) fn chosen<R>(
    rows: &[R],
    rows_max: usize,
    is_notable: impl Fn(&R) -> bool,
    time: impl Fn(&R) -> i64,
) -> (Vec<&R>, usize) {
    let mut chosen: Vec<&R> = rows.iter().collect();
    let left = chosen.len().saturating_sub(rows_max);
    if left > 0 {
        chosen.sort_by_cached_key(|row| std::cmp::Reverse((is_notable(row), time(row))));
        chosen.truncate(rows_max);
    }
    chosen.sort_by_key(|row| time(row));
    (chosen, left)
}

/// What is said of rows that are left out.
#[derive(Debug)]
pub(super) struct Rest<'a> {
    /// What one row is.
    pub noun: &'a str,
    /// The command that has them.
    pub command: &'a str,
}

/// A row that is being written.
pub(super) struct Row<'p> {
    page: &'p mut Markup,
    columns: std::slice::Iter<'static, Column>,
    /// How many columns there are.
    width: u64,
    is_first: bool,
}

impl Row<'_> {
    /// The next cell.
    pub(super) fn cell(&mut self, fill: impl FnOnce(&mut Markup)) -> &mut Self {
        let Some(column) = self.columns.next() else {
            return self;
        };
        let (open, close) = if std::mem::take(&mut self.is_first) {
            ("<th scope=\"row\" role=\"rowheader\" class=\"", "</th>")
        } else {
            ("<td role=\"cell\" class=\"", "</td>")
        };
        self.page
            .raw(open)
            .raw(column.shape.class())
            .raw("\" data-label=\"")
            .raw(column.name)
            .raw("\"><div>");
        fill(self.page);
        self.page.raw("</div>").raw(close);
        self
    }

    /// A row beneath this one, as wide as the table; nothing may follow it.
    pub(super) fn beneath(&mut self, fill: impl FnOnce(&mut Markup)) {
        self.columns = [].iter();
        self.page
            .raw("</tr>\n<tr role=\"row\" class=\"rest\"><td role=\"cell\" colspan=\"");
        self.page.number(self.width).raw("\">");
        fill(self.page);
        self.page.raw("</td>");
    }

    /// A cell of the page's own words.
    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        self.cell(|page| {
            page.text(text);
        })
    }

    /// A cell of a record's text.
    pub(super) fn code(&mut self, text: &str) -> &mut Self {
        self.cell(|page| {
            page.code(text);
        })
    }

    /// A cell of a record's text, or of a dash where it has none.
    pub(super) fn maybe(&mut self, text: Option<&str>) -> &mut Self {
        match text {
            Some(text) => self.code(text),
            None => self.text("–"),
        }
    }

    /// A cell of a number.
    pub(super) fn number(&mut self, number: u64) -> &mut Self {
        self.cell(|page| {
            page.number(number);
        })
    }

    /// A cell of names, one beneath the other.
    pub(super) fn names(&mut self, names: &BTreeSet<&str>) -> &mut Self {
        self.cell(|page| {
            for (at, name) in names.iter().take(NAMES_MAX).enumerate() {
                if at > 0 {
                    page.raw("<br>");
                }
                page.code(name);
            }
            let more = names.len().saturating_sub(NAMES_MAX);
            if more > 0 {
                page.raw("<br>").text(&format!("and {more} more"));
            }
        })
    }
}

impl Shape {
    const fn class(self) -> &'static str {
        match self {
            Self::Fixed => "f",
            Self::Words => "w",
            Self::Number => "n",
            Self::Long => "l",
        }
    }
}
