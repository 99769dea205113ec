//! Text as a terminal sees it.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// Text from elsewhere, harmless for a terminal: what would move the cursor or change colours is spelled out.
pub(crate) fn harmless(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut clean, character| {
        match character {
            _ if character.is_control() => clean.extend(character.escape_default()),
            // Letters that turn the direction of writing could make one name look like another.
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                clean.extend(character.escape_default());
            }
            _ => clean.push(character),
        }
        clean
    })
}

/// Columns that unstyled `text` takes.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// Unstyled text that takes at most `columns`, with an ellipsis where it was cut.
pub(crate) fn shorten(text: &str, columns: usize) -> String {
    if width(text) <= columns { text.to_owned() } else { clip(text, columns.saturating_sub(1)) + "…" }
}

/// The beginning of a styled line that fits into `columns`. Styles take no room and are all kept, so that they end.
pub(crate) fn clip(line: &str, columns: usize) -> String {
    let mut clipped = String::with_capacity(line.len());
    let mut used = 0;
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        if character == '\u{1b}' {
            clipped.push(character);
            for part in characters.by_ref() {
                clipped.push(part);
                if part.is_ascii_alphabetic() {
                    break;
                }
            }
            continue;
        }
        used += character.width().unwrap_or_default();
        if used <= columns {
            clipped.push(character);
        }
    }
    clipped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::style::{BAD, paint};

    #[test]
    fn nothing_from_elsewhere_drives_the_terminal() {
        assert_eq!(harmless("web.shop"), "web.shop");
        assert_eq!(harmless("é 日本"), "é 日本");
        assert_eq!(harmless("a\u{1b}[2Jb\r\n"), "a\\u{1b}[2Jb\\r\\n");
        assert_eq!(harmless("moc\u{202e}.evil"), "moc\\u{202e}.evil");
    }

    #[test]
    fn clipping_counts_columns_and_keeps_styles() {
        assert_eq!(clip("abc", 3), "abc");
        assert_eq!(clip("abcd", 3), "abc");
        assert_eq!(clip("日本", 3), "日");
        assert_eq!(clip(&paint(BAD, "abcd"), 2), paint(BAD, "ab"));
        assert_eq!(clip("", 0), "");
    }
}
