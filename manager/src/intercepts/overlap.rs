//! Whether two filters can both want the same request: then they cannot both have their port.
//!
//! What two regular expressions have in common is not decided: they count as overlapping unless one of them is held against a
//! text, which either matches or doesn't.

use hawser_api::{HeaderMatch, HeaderMatchType, HttpFilter, PathMatch, PathMatchType};
use regex::Regex;

/// Whether some request would pass both filters. `None` is a filter that every request passes.
pub fn overlap(one: Option<&HttpFilter>, other: Option<&HttpFilter>) -> bool {
    let (Some(one), Some(other)) = (one, other) else { return true };
    methods_meet(one, other) && paths_meet(one.path.as_ref(), other.path.as_ref()) && headers_meet(one, other)
}

fn methods_meet(one: &HttpFilter, other: &HttpFilter) -> bool {
    match (one.method, other.method) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    }
}

/// A header has one value here: a request that has it twice is the business of who sends it.
fn headers_meet(one: &HttpFilter, other: &HttpFilter) -> bool {
    one.headers.iter().all(|header| {
        let same = other.headers.iter().filter(|candidate| candidate.name.eq_ignore_ascii_case(&header.name));
        same.into_iter().all(|candidate| values_meet(header, candidate))
    })
}

fn values_meet(one: &HeaderMatch, other: &HeaderMatch) -> bool {
    use HeaderMatchType::{Exact, RegularExpression};
    match (one.type_, other.type_) {
        (Exact, Exact) => one.value == other.value,
        (Exact, RegularExpression) => whole(&other.value).is_none_or(|regex| regex.is_match(&one.value)),
        (RegularExpression, Exact) => whole(&one.value).is_none_or(|regex| regex.is_match(&other.value)),
        (RegularExpression, RegularExpression) => true,
    }
}

fn paths_meet(one: Option<&PathMatch>, other: Option<&PathMatch>) -> bool {
    use PathMatchType::{Exact, PathPrefix, RegularExpression};
    let (Some(one), Some(other)) = (one, other) else { return true };
    match (one.type_, other.type_) {
        (Exact, Exact) => one.value == other.value,
        (Exact, PathPrefix) => is_below(&one.value, &other.value),
        (PathPrefix, Exact) => is_below(&other.value, &one.value),
        (PathPrefix, PathPrefix) => is_below(&one.value, &other.value) || is_below(&other.value, &one.value),
        (Exact, RegularExpression) => whole(&other.value).is_none_or(|regex| regex.is_match(&one.value)),
        (RegularExpression, Exact) => whole(&one.value).is_none_or(|regex| regex.is_match(&other.value)),
        (RegularExpression, _) | (_, RegularExpression) => true,
    }
}

/// Whether `path` is `prefix` or has it as its first segments.
fn is_below(path: &str, prefix: &str) -> bool {
    let prefix = prefix.trim_end_matches('/');
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The pattern over a whole text; `None` if it is malformed.
fn whole(pattern: &str) -> Option<Regex> {
    Regex::new(&format!("^(?:{pattern})$")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use hawser_api::HttpMethod;

    fn header(name: &str, type_: HeaderMatchType, value: &str) -> HttpFilter {
        let header = HeaderMatch { type_, name: name.to_owned(), value: value.to_owned() };
        HttpFilter { headers: vec![header], path: None, method: None }
    }

    fn path(type_: PathMatchType, value: &str) -> HttpFilter {
        HttpFilter { headers: Vec::new(), path: Some(PathMatch { type_, value: value.to_owned() }), method: None }
    }

    #[test]
    fn filters_that_no_request_passes_both_may_share_a_port() {
        use HeaderMatchType::{Exact, RegularExpression};
        use PathMatchType as Path;
        let (ann, bob) = (header("x-user", Exact, "ann"), header("X-User", Exact, "bob"));
        let some = |filter: &HttpFilter, other: &HttpFilter| overlap(Some(filter), Some(other));
        assert!(overlap(None, Some(&ann)) && overlap(None, None) && some(&ann, &ann));
        assert!(!some(&ann, &bob));
        assert!(some(&ann, &header("x-team", Exact, "bob")), "a request can have both");
        assert!(!some(&ann, &header("x-user", RegularExpression, "b.*")));
        assert!(some(&ann, &header("x-user", RegularExpression, "a.*")));
        assert!(some(&header("x-user", RegularExpression, "a"), &header("x-user", RegularExpression, "b")));
        assert!(!some(&path(Path::PathPrefix, "/shop"), &path(Path::PathPrefix, "/shopping")));
        assert!(some(&path(Path::PathPrefix, "/shop"), &path(Path::PathPrefix, "/shop/cart")));
        assert!(some(&path(Path::PathPrefix, "/"), &path(Path::Exact, "/x")));
        assert!(!some(&path(Path::Exact, "/y"), &path(Path::RegularExpression, "/x+")));
        let get = HttpFilter { method: Some(HttpMethod::Get), ..ann.clone() };
        let post = HttpFilter { method: Some(HttpMethod::Post), ..ann };
        assert!(!some(&get, &post));
    }
}
