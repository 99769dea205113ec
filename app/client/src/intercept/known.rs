//! What is known of a cluster's workloads.

use hawser_ipc::proto::{Catalogue, Namespace};

/// Brings what is known up to the news, in the order of names.
pub fn take_in(known: &mut Vec<Namespace>, news: Catalogue) {
    if news.whole {
        known.clear();
    }
    let is_news = |name: &str| news.namespaces.iter().any(|namespace| namespace.name == name);
    known.retain(|namespace| !news.removed.contains(&namespace.name) && !is_news(&namespace.name));
    known.extend(news.namespaces);
    known.sort_by(|one, other| one.name.cmp(&other.name));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn news_are_taken_in() {
        let namespace = |name: &str| Namespace { name: name.to_owned(), ..Namespace::default() };
        let mut known = Vec::new();
        let names = |known: &[Namespace]| known.iter().map(|namespace| namespace.name.clone()).collect::<String>();
        take_in(
            &mut known,
            Catalogue { whole: true, namespaces: vec![namespace("b"), namespace("a")], removed: vec![] },
        );
        assert_eq!(names(&known), "ab");
        take_in(
            &mut known,
            Catalogue { whole: false, namespaces: vec![namespace("c")], removed: vec!["a".to_owned()] },
        );
        assert_eq!(names(&known), "bc");
        take_in(&mut known, Catalogue { whole: true, ..Catalogue::default() });
        assert_eq!(names(&known), "");
    }
}
