//! Which requests a laptop wants.

use hawser_tunnel::limits::FILTER_PROGRAM;
use hawser_tunnel::proto::text_match::Match;
use hawser_tunnel::proto::{HttpFilter, TextMatch};
use hyper::header::HeaderName;
use hyper::http::request::Parts;
use hyper::{HeaderMap, Method};
use regex::bytes::{Regex, RegexBuilder};

/// A filter, ready to be held against requests.
#[derive(Debug)]
pub struct Filter {
    headers: Vec<(HeaderName, Text)>,
    path: Option<Text>,
    method: Option<Method>,
}

#[derive(Debug)]
enum Text {
    Exact(Vec<u8>),
    /// By whole segments; without a slash at its end.
    Prefix(Vec<u8>),
    Regex(Regex),
}

impl Filter {
    /// Fails with a sentence if the filter cannot be understood; then it wants nothing.
    pub fn new(told: &HttpFilter) -> Result<Self, String> {
        let headers = told.headers.iter().map(|header| {
            let name = header.name.parse().map_err(|_| format!("{:?} is no header", header.name))?;
            Ok((name, Text::new(header.value.as_ref())?))
        });
        let method = match told.method.as_str() {
            "" => None,
            method => Some(method.parse().map_err(|_| format!("{method:?} is no method"))?),
        };
        let path = told.path.as_ref().map(|path| Text::new(Some(path))).transpose()?;
        Ok(Self { headers: headers.collect::<Result<_, String>>()?, path, method })
    }

    /// Whether all that the filter says is true of the request.
    pub fn wants(&self, request: &Parts) -> bool {
        self.method.as_ref().is_none_or(|method| method == request.method)
            && self.path.as_ref().is_none_or(|path| path.matches(request.uri.path().as_bytes()))
            && self.headers.iter().all(|(name, value)| has(&request.headers, name, value))
    }
}

/// One of the header's lines is enough.
fn has(headers: &HeaderMap, name: &HeaderName, value: &Text) -> bool {
    headers.get_all(name).iter().any(|line| value.matches(line.as_bytes()))
}

impl Text {
    fn new(told: Option<&TextMatch>) -> Result<Self, String> {
        match told.and_then(|told| told.r#match.as_ref()) {
            Some(Match::Exact(text)) => Ok(Self::Exact(text.clone().into())),
            Some(Match::Prefix(text)) => Ok(Self::Prefix(text.trim_end_matches('/').to_owned().into())),
            Some(Match::Regex(pattern)) => {
                let mut regex = RegexBuilder::new(&format!("^(?:{pattern})$"));
                regex.size_limit(FILTER_PROGRAM).dfa_size_limit(FILTER_PROGRAM);
                regex.build().map(Self::Regex).map_err(|error| error.to_string())
            }
            None => Err("the filter says what to look at but not what for".to_owned()),
        }
    }

    fn matches(&self, text: &[u8]) -> bool {
        match self {
            Self::Exact(wanted) => text == wanted,
            Self::Prefix(wanted) => {
                text.strip_prefix(wanted.as_slice()).is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
            }
            Self::Regex(wanted) => wanted.is_match(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hawser_tunnel::proto::HeaderMatch;
    use hyper::Request;

    fn text(text: Match) -> Option<TextMatch> {
        Some(TextMatch { r#match: Some(text) })
    }

    fn request(method: &str, path: &str, header: &str) -> Parts {
        Request::builder().method(method).uri(path).header("x-user", header).body(()).unwrap().into_parts().0
    }

    #[test]
    fn all_that_is_said_must_be_true() {
        let told = HttpFilter {
            headers: vec![HeaderMatch { name: "X-User".to_owned(), value: text(Match::Regex("an+".to_owned())) }],
            path: text(Match::Prefix("/shop/".to_owned())),
            method: "GET".to_owned(),
        };
        let filter = Filter::new(&told).unwrap();
        assert!(filter.wants(&request("GET", "/shop/cart?x=1", "ann")));
        assert!(filter.wants(&request("GET", "/shop", "an")));
        assert!(!filter.wants(&request("GET", "/shopping", "ann")));
        assert!(!filter.wants(&request("POST", "/shop", "ann")));
        assert!(!filter.wants(&request("GET", "/shop", "joann")), "a pattern is over the whole value");
    }

    #[test]
    fn what_cannot_be_understood_says_so() {
        let told = HttpFilter { path: text(Match::Regex("(".to_owned())), ..HttpFilter::default() };
        assert!(Filter::new(&told).is_err());
        assert!(Filter::new(&HttpFilter { path: Some(TextMatch::default()), ..HttpFilter::default() }).is_err());
    }
}
