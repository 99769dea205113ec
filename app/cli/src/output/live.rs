//! Text that is drawn again in its place on a terminal.

use std::io::{self, IsTerminal as _, Write as _};

use super::text::clip;

/// Draws text over its former version.
#[derive(Default)]
pub(crate) struct Live {
    lines: usize,
}

impl Live {
    /// A drawing place, if standard output is a terminal that has one.
    pub(crate) fn on_terminal() -> Option<Self> {
        (io::stdout().is_terminal() && moves_cursor()).then(Self::default)
    }

    /// Replaces what was drawn before.
    pub(crate) fn draw(&mut self, text: &str) -> io::Result<()> {
        let (columns, rows) = screen();
        let (fitting, lines) = fit(text, columns, rows);
        let mut out = io::stdout().lock();
        // Written past anstream, which takes cursor movements for decoration too when NO_COLOR is set.
        if self.lines > 0 {
            write!(out, "\u{1b}[{}A", self.lines)?;
        }
        write!(out, "\r\u{1b}[J")?;
        drop(out);
        self.lines = lines;
        super::print(&fitting)
    }
}

/// Columns of the terminal that standard output is, if it is one.
pub(crate) fn screen_columns() -> Option<usize> {
    io::stdout().is_terminal().then(|| screen().0)
}

/// Columns and rows; the classic ones where the terminal doesn't tell.
fn screen() -> (usize, usize) {
    let told = terminal_size::terminal_size_of(io::stdout());
    told.map_or((80, 24), |(width, height)| (usize::from(width.0), usize::from(height.0)))
}

/// Whether this kind of terminal knows how to move its cursor.
pub(crate) fn moves_cursor() -> bool {
    std::env::var_os("TERM").is_some_and(|term| !term.is_empty() && term != "dumb")
}

/// Cuts `text` to the screen, because a line that scrolled away or wrapped couldn't be drawn over. Also says how many
/// lines are left.
fn fit(text: &str, columns: usize, rows: usize) -> (String, usize) {
    let all = text.lines().count();
    // The cursor stands on a line of its own below.
    let room = rows.saturating_sub(1).max(1);
    let shown = if all <= room { all } else { room - 1 };
    let mut fitting: String = text.lines().take(shown).map(|line| clip(line, columns) + "\n").collect();
    if shown < all {
        fitting += &clip(&format!("… and {} more lines", all - shown), columns);
        fitting.push('\n');
    }
    (fitting, all.min(room))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_counted() {
        assert_eq!(fit("a\nb\n", 80, 24), ("a\nb\n".into(), 2));
        assert_eq!(fit("a\nb\nc\n", 80, 4), ("a\nb\nc\n".into(), 3));
        assert_eq!(fit("a\nb\nc\nd\n", 80, 4), ("a\nb\n… and 2 more lines\n".into(), 3));
        assert_eq!(fit("abcdef\n", 3, 4), ("abc\n".into(), 1));
        assert_eq!(fit("", 80, 24), (String::new(), 0));
        assert_eq!(fit("a\nb\n", 80, 0).1, 1);
    }
}
