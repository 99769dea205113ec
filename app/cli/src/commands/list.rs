//! `hawser list`.

use std::process::ExitCode;

use hawser_ipc::proto::{BrowseRequest, Catalogue, Namespace};

use crate::cli::ListArgs;
use crate::output::live::{Live, screen_columns};
use crate::output::{Failure, print, print_json, print_json_line};
use crate::{json, view};

pub(crate) async fn run(args: ListArgs) -> Result<ExitCode, Failure> {
    let (json, follow) = (args.view.json, args.view.watch);
    let request = BrowseRequest { connection: args.name.unwrap_or_default(), namespaces: args.namespace, follow };
    let mut news = super::helper().await?.browse(request).await.map_err(super::failed)?.into_inner();
    let mut live = if follow && !json { Live::on_terminal() } else { None };
    let mut known = Vec::new();
    let mut answered = false;
    while let Some(catalogue) = news.message().await.map_err(super::failed)? {
        answered = true;
        take_in(&mut known, catalogue);
        match (json, &mut live) {
            (true, _) if follow => print_json_line(&json::List::from(known.clone()))?,
            (true, _) => print_json(&json::List::from(known.clone()))?,
            (false, Some(live)) => live.draw(&view::list::describe(&known, screen_columns(), super::now()))?,
            (false, None) => print(&view::list::describe(&known, screen_columns(), super::now()))?,
        }
    }
    if answered { Ok(ExitCode::SUCCESS) } else { Err(super::no_answer()) }
}

/// Brings what is known up to the news, in the order of names.
fn take_in(known: &mut Vec<Namespace>, news: Catalogue) {
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
