//! A fault as it is printed: on standard error for people, on standard output for programs that read JSON.

use std::io::{self, Write as _};

use hawser_fault::Fault;

use super::style::{BAD_HEADING, FAINT, HEADING, paint};
use super::text::harmless;
use crate::json;

/// Prints `fault` where the caller of the command looks for it.
pub(crate) fn report(fault: &Fault, as_json: bool) -> io::Result<()> {
    if as_json {
        let text = serde_json::to_string(&json::Failed::from(fault)).map_err(io::Error::other)?;
        return super::print(&(text + "\n"));
    }
    anstream::stderr().write_all(describe(fault).as_bytes())
}

/// Title, detail, fix and code, each on its line.
pub(crate) fn describe(fault: &Fault) -> String {
    format!(
        "{}: {}\n  {}\n  {} {}\n  {}\n",
        paint(BAD_HEADING, "error"),
        paint(HEADING, fault.code.title()),
        harmless(&fault.detail),
        paint(HEADING, "fix:"),
        harmless(&fault.fix),
        paint(FAINT, &format!("code: {}", fault.code)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use hawser_fault::Code;

    #[test]
    fn a_fault_is_printed_exactly_as_it_is() {
        let fault = Fault::new(Code::HelperUnreachable, "there is no socket /run/hawser/helper.sock");
        let expected = "\
error: The helper is not running
  there is no socket /run/hawser/helper.sock
  fix: Start it with: sudo systemctl start hawser-helper
  code: helper-unreachable
";
        assert_eq!(anstream::adapter::strip_str(&describe(&fault)).to_string(), expected);
    }
}
