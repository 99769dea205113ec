//! Rows with aligned columns.

use anstyle::Style;

use super::style::{HEADING, PLAIN, paint};
use super::text::{harmless, width};

const GAP: &str = "  ";

/// A column's heading and where its texts stand.
#[derive(Clone, Copy)]
pub(crate) enum Column {
    Left(&'static str),
    Right(&'static str),
}

/// One text in a table.
pub(crate) struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    pub(crate) fn new(text: impl AsRef<str>) -> Self {
        Self::styled(PLAIN, text)
    }

    pub(crate) fn styled(style: Style, text: impl AsRef<str>) -> Self {
        Self { text: harmless(text.as_ref()), style }
    }
}

/// Draws headings and rows; each row has one cell for each column.
pub(crate) fn table(columns: &[Column], rows: Vec<Vec<Cell>>) -> String {
    let headings = columns.iter().map(|(Column::Left(text) | Column::Right(text))| Cell::styled(HEADING, text));
    let mut lines = vec![headings.collect::<Vec<_>>()];
    lines.extend(rows);
    let widest = |index: usize| lines.iter().map(|cells| width(&cells[index].text)).max().unwrap_or_default();
    let widths: Vec<usize> = (0..columns.len()).map(widest).collect();

    let mut drawn = String::new();
    for cells in &lines {
        // Spaces behind the last text would only make lines wrap.
        let last = cells.iter().rposition(|cell| !cell.text.is_empty()).unwrap_or_default();
        for (index, cell) in cells.iter().take(last + 1).enumerate() {
            let padding = " ".repeat(widths[index] - width(&cell.text));
            let text = if cell.style == PLAIN { cell.text.clone() } else { paint(cell.style, &cell.text) };
            drawn += if index == 0 { "" } else { GAP };
            match columns[index] {
                Column::Right(_) => drawn += &(padding + &text),
                Column::Left(_) if index == last => drawn += &text,
                Column::Left(_) => drawn += &(text + &padding),
            }
        }
        drawn.push('\n');
    }
    drawn
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::style::GOOD;
    use anstream::adapter::strip_str;

    #[test]
    fn columns_are_as_wide_as_their_widest_text() {
        let columns = [Column::Left("NAME"), Column::Right("BYTES"), Column::Left("WHY")];
        let row = |name: &str, bytes: &str, why: &str| vec![Cell::new(name), Cell::styled(GOOD, bytes), Cell::new(why)];
        let drawn =
            table(&columns, vec![row("web", "1", ""), row("日本-long", "1234567", "refused"), row("", "", "x")]);
        let expected = "\
NAME         BYTES  WHY
web              1
日本-long  1234567  refused
                    x
";
        assert_eq!(strip_str(&drawn).to_string(), expected);
    }

    #[test]
    fn styles_do_not_move_columns_and_cells_are_harmless() {
        let drawn =
            table(&[Column::Left("A"), Column::Left("B")], vec![vec![Cell::styled(GOOD, "\u{1b}[2J"), Cell::new("b")]]);
        assert_eq!(strip_str(&drawn).to_string(), "A          B\n\\u{1b}[2J  b\n");
        assert!(drawn.contains(&paint(GOOD, "\\u{1b}[2J")));
    }

    #[test]
    fn a_table_without_rows_is_its_headings() {
        assert_eq!(strip_str(&table(&[Column::Left("A"), Column::Right("B")], vec![])).to_string(), "A  B\n");
    }
}
