//! What the tests of several files here need.

use super::manifests::{Options, parse};
use super::object::Object;

/// An installation that isn't the default one.
pub fn options() -> Options {
    Options { namespace: "tools".to_owned(), image: "registry.test:5000/hawser:1".to_owned(), replicas: None }
}

/// An object as YAML.
pub fn object(text: &str) -> Object {
    Object::parse(parse(text).unwrap().remove(0)).unwrap()
}
