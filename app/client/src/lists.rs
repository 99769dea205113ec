//! Lists inside sentences.

/// Words in a row; of many only the first, and how many there are besides.
pub fn some_of(words: &[String], most: usize) -> String {
    match words.len().checked_sub(most) {
        Some(more @ 1..) => format!("{} and {more} more", words[..most].join(", ")),
        _ => words.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_words_some_are_shown() {
        let words: Vec<String> = ["a", "b", "c"].map(str::to_owned).into();
        assert_eq!(some_of(&words, 3), "a, b, c");
        assert_eq!(some_of(&words, 2), "a, b and 1 more");
        assert_eq!(some_of(&[], 2), "");
    }
}
