//! Filters as agents are told them.

use hawser_api::{HeaderMatchType, HttpFilter, PathMatchType};
use hawser_tunnel::proto::text_match::Match;
use hawser_tunnel::proto::{HeaderMatch, HttpFilter as Told, TextMatch};

/// The same filter on the wire.
pub fn told(filter: &HttpFilter) -> Told {
    let text = |text: Match| Some(TextMatch { r#match: Some(text) });
    Told {
        headers: filter
            .headers
            .iter()
            .map(|header| HeaderMatch {
                name: header.name.clone(),
                value: match header.type_ {
                    HeaderMatchType::Exact => text(Match::Exact(header.value.clone())),
                    HeaderMatchType::RegularExpression => text(Match::Regex(header.value.clone())),
                },
            })
            .collect(),
        path: filter.path.as_ref().and_then(|path| match path.type_ {
            PathMatchType::Exact => text(Match::Exact(path.value.clone())),
            PathMatchType::PathPrefix => text(Match::Prefix(path.value.clone())),
            PathMatchType::RegularExpression => text(Match::Regex(path.value.clone())),
        }),
        method: filter.method.map_or_else(String::new, |method| format!("{method:?}").to_ascii_uppercase()),
    }
}
