//! What a page asks for, and how it is answered.

use hawser_controller::{Act, Problem};
use hawser_fault::{Code, Fault};

use crate::wire::ToWindow;

/// The longest that an act may be, as JSON.
pub(crate) const LONGEST: usize = 64 * 1024;

/// Reads an act.
///
/// # Errors
/// `bad-argument` for what is none, or is too long.
pub(crate) fn parse(text: &str) -> Result<Act, Problem> {
    if text.len() > LONGEST {
        return Err(bad(&format!("what the page asked for is longer than {} KiB", LONGEST / 1024)));
    }
    serde_json::from_str(text).map_err(|error| bad(&format!("the page asked for something unknown: {error}")))
}

/// The answer to an act.
pub(crate) fn answer(id: u64, result: Result<(), Problem>) -> ToWindow {
    let problem = result.err().map(|problem| serde_json::to_string(&problem).unwrap_or_default());
    ToWindow::Answer { id, problem }
}

fn bad(detail: &str) -> Problem {
    Problem::from(&Fault::new(Code::BadArgument, detail))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        let problem = parse(text).unwrap_err();
        assert_eq!(problem.code, "bad-argument", "{text}");
        problem.detail
    }

    #[test]
    fn an_act_is_understood() {
        let act = parse(r#"{"do":"disconnect","connection":"shop"}"#);
        assert_eq!(act, Ok(Act::Disconnect { connection: "shop".to_owned() }));
    }

    #[test]
    fn what_is_no_act_is_refused() {
        for text in ["", "null", "[]", "{}", r#"{"do":"format-disk"}"#] {
            refused(text);
        }
        // More than is meant, of the wrong kind, and less.
        refused(r#"{"do":"disconnect","connection":"shop","path":"/etc"}"#);
        refused(r#"{"do":"disconnect","connection":7}"#);
        refused(r#"{"do":"disconnect"}"#);
    }

    #[test]
    fn a_long_act_is_refused_before_it_is_read() {
        let act = |length| format!(r#"{{"do":"disconnect","connection":"{}"}}"#, "x".repeat(length));
        assert!(parse(&act(LONGEST - 100)).is_ok());
        assert!(refused(&act(LONGEST)).contains("64 KiB"));
    }

    #[test]
    fn a_problem_is_answered_as_the_page_reads_it() {
        let ToWindow::Answer { id: 7, problem: Some(problem) } = answer(7, Err(bad("no"))) else { panic!() };
        assert!(problem.contains(r#""code":"bad-argument""#) && problem.contains(r#""detail":"no""#), "{problem}");
        assert!(matches!(answer(7, Ok(())), ToWindow::Answer { id: 7, problem: None }));
    }
}
