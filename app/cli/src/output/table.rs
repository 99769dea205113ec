//! Rows with aligned columns.

use anstyle::Style;

use super::style::{HEADING, PLAIN, paint};
use super::text::{harmless, shorten, width};

const GAP: &str = "  ";

/// Columns that an elastic text keeps even on a screen that is too narrow.
const LEAST: usize = 8;

/// A column's heading, and how its texts stand.
#[derive(Clone, Copy)]
pub(crate) enum Column {
    Left(&'static str),
    Right(&'static str),
    /// To the left, and shortened where the table would be wider than the screen.
    Elastic(&'static str),
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

/// Draws headings and rows; each row has one cell for each column. `screen` is how many columns fit, if that is known.
pub(crate) fn table(columns: &[Column], rows: Vec<Vec<Cell>>, screen: Option<usize>) -> String {
    let mut lines: Vec<Vec<Cell>> =
        vec![columns.iter().map(|column| Cell::styled(HEADING, column.heading())).collect()];
    lines.extend(rows);
    let widest = |index: usize| lines.iter().map(|cells| width(&cells[index].text)).max().unwrap_or_default();
    let mut widths = (0..columns.len()).map(widest).collect::<Vec<_>>();
    if let Some(screen) = screen {
        shrink(&mut widths, columns, screen);
    }

    let mut drawn = String::new();
    for cells in &lines {
        // Spaces behind the last text would only make lines wrap.
        let last = cells.iter().rposition(|cell| !cell.text.is_empty()).unwrap_or_default();
        for (index, cell) in cells.iter().take(last + 1).enumerate() {
            let text = shorten(&cell.text, widths[index]);
            let padding = " ".repeat(widths[index] - width(&text));
            let text = if cell.style == PLAIN { text } else { paint(cell.style, &text) };
            drawn += if index == 0 { "" } else { GAP };
            match columns[index] {
                Column::Right(_) => drawn += &(padding + &text),
                _ if index == last => drawn += &text,
                _ => drawn += &(text + &padding),
            }
        }
        drawn.push('\n');
    }
    drawn
}

impl Column {
    fn heading(self) -> &'static str {
        match self {
            Self::Left(heading) | Self::Right(heading) | Self::Elastic(heading) => heading,
        }
    }
}

/// Takes from the widest elastic column until the table fits or none has more to give.
fn shrink(widths: &mut [usize], columns: &[Column], screen: usize) {
    let total = widths.iter().sum::<usize>() + GAP.len() * columns.len().saturating_sub(1);
    for _ in screen..total {
        let elastic = widths.iter_mut().zip(columns).filter(|(_, column)| matches!(column, Column::Elastic(_)));
        match elastic.map(|(width, _)| width).max() {
            Some(width) if *width > LEAST => *width -= 1,
            _ => return,
        }
    }
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
            table(&columns, vec![row("web", "1", ""), row("日本-long", "1234567", "refused"), row("", "", "x")], None);
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
        let drawn = table(
            &[Column::Left("A"), Column::Left("B")],
            vec![vec![Cell::styled(GOOD, "\u{1b}[2J"), Cell::new("b")]],
            None,
        );
        assert_eq!(strip_str(&drawn).to_string(), "A          B\n\\u{1b}[2J  b\n");
        assert!(drawn.contains(&paint(GOOD, "\\u{1b}[2J")));
    }

    #[test]
    fn a_table_without_rows_is_its_headings() {
        assert_eq!(strip_str(&table(&[Column::Left("A"), Column::Right("B")], vec![], None)).to_string(), "A  B\n");
    }

    #[test]
    fn a_narrow_screen_shortens_what_is_elastic() {
        let columns = [Column::Elastic("NAME"), Column::Left("ADDRESS"), Column::Elastic("WHY")];
        let row = [Cell::new("web.shop.svc.demo.local"), Cell::new("10.96.0.11:80"), Cell::new("closed by target")];
        let drawn = |screen| {
            let row = row.iter().map(|cell| Cell::new(&cell.text)).collect();
            strip_str(&table(&columns, vec![row], Some(screen))).to_string()
        };
        assert_eq!(drawn(56).lines().nth(1), Some("web.shop.svc.demo.local  10.96.0.11:80  closed by target"));
        assert_eq!(drawn(50).lines().nth(1), Some("web.shop.svc.dem…  10.96.0.11:80  closed by target"));
        assert_eq!(drawn(10).lines().nth(1), Some("web.sho…  10.96.0.11:80  closed …"));
    }
}
