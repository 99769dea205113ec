//! `hawser key`.

use serde::Serialize;

/// Of `hawser key`.
#[derive(Serialize)]
pub(crate) struct Key {
    /// `sha256:` and 64 hexadecimal digits.
    pub(crate) pin: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{json, to_value};

    #[test]
    fn keys_keep_their_shape() {
        assert_eq!(to_value(Key { pin: "sha256:00".into() }).unwrap(), json!({"pin": "sha256:00"}));
    }
}
