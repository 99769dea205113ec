//! Filters: whether agents can use them, and how they are told.

use hawser_api::{HeaderMatchType, HttpFilter, PathMatchType};
use hawser_fault::{Code, Fault};
use hawser_tunnel::limits::FILTER_PROGRAM;
use hawser_tunnel::proto::text_match::Match;
use hawser_tunnel::proto::{HeaderMatch, HttpFilter as Told, TextMatch};
use regex::bytes::RegexBuilder;

/// Refuses a filter with a regular expression that no agent could use.
///
/// # Errors
/// `bad-argument`.
pub fn check(filter: &HttpFilter) -> Result<(), Fault> {
    let headers = filter.headers.iter().filter(|header| header.type_ == HeaderMatchType::RegularExpression);
    let path = filter.path.iter().filter(|path| path.type_ == PathMatchType::RegularExpression);
    for pattern in headers.map(|header| &header.value).chain(path.map(|path| &path.value)) {
        let built = RegexBuilder::new(&format!("^(?:{pattern})$")).size_limit(FILTER_PROGRAM).build();
        built.map_err(|error| {
            let detail = format!("{pattern:?} is no regular expression that an agent could use: {error}");
            Fault::new(Code::BadArgument, detail).with_fix("See: https://docs.rs/regex/latest/regex/#syntax")
        })?;
    }
    Ok(())
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use hawser_api::PathMatch;

    #[test]
    fn a_pattern_that_no_agent_could_use_is_refused() {
        let checked = |value: &str| {
            let path = PathMatch { type_: PathMatchType::RegularExpression, value: value.to_owned() };
            check(&HttpFilter { headers: Vec::new(), path: Some(path), method: None })
        };
        assert_eq!(checked("/(a|b)/[0-9]+"), Ok(()));
        assert_eq!(checked("(").unwrap_err().code, Code::BadArgument);
        assert_eq!(checked("/(a{1000}){1000}").unwrap_err().code, Code::BadArgument);
    }
}
