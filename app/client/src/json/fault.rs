//! What went wrong.

use hawser_fault::Fault;
use serde::Serialize;

/// Of any command: `{"error":{…}}`.
#[derive(Serialize)]
pub struct Failed {
    error: Cause,
}

/// Why something is not as it should be.
#[derive(Serialize)]
pub struct Cause {
    /// Stable and kebab-case.
    code: &'static str,
    title: &'static str,
    detail: String,
    fix: String,
}

impl From<&Fault> for Failed {
    fn from(fault: &Fault) -> Self {
        Self { error: fault.clone().into() }
    }
}

impl From<Fault> for Cause {
    fn from(fault: Fault) -> Self {
        Self { code: fault.code.as_str(), title: fault.code.title(), detail: fault.detail, fix: fault.fix }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hawser_fault::Code;
    use serde_json::{json, to_value};

    #[test]
    fn faults_keep_their_shape() {
        assert_eq!(
            to_value(Failed::from(&Fault::new(Code::NotOwner, "d").with_fix("f"))).unwrap(),
            json!({"error": {
                "code": "not-owner", "title": "The connection belongs to somebody else", "detail": "d", "fix": "f"
            }})
        );
    }
}
