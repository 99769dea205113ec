//! The checklist: each entry proves one thing from the laptop, with the ordinary calls of any program there.

mod bulk;
mod names;
mod ping;
mod probe;
mod streams;
mod udp;

use std::time::Instant;

use hawser_sandbox::world::Plan;

use super::report;

/// What was found, or what was found instead.
type Found = Result<String, String>;

struct Check {
    title: &'static str,
    prove: fn() -> Found,
    /// Whether plain routes can't show it.
    hawser_only: bool,
}

const fn check(title: &'static str, prove: fn() -> Found) -> Check {
    Check { title, prove, hawser_only: false }
}

const CHECKS: &[Check] = &[
    check("name", names::full),
    check("short name", names::short),
    check("unknown name", names::unknown),
    Check { hawser_only: true, ..check("name from elsewhere", names::intranet) },
    check("web by name", streams::web_by_name),
    check("web by address", streams::web_by_address),
    check("kept alive", streams::kept_alive),
    check("closed by the server", streams::closed_by_server),
    check("two addresses", streams::two_addresses),
    check("IPv6 alone", streams::six),
    check("refused port", streams::refused),
    check("unused address", streams::unreachable),
    check("silent address", streams::silent),
    check("half-close", streams::half_close),
    check("reset", streams::reset),
    check("UDP", udp::echo),
    check("UDP, refused port", udp::refused),
    check("ping", ping::answered),
    check("ping, silent address", ping::unanswered),
    check("latency", streams::latency),
    check("throughput down", bulk::down),
    check("throughput up", bulk::up),
];

/// Goes through the list. The exit code is 0 if all is as it should be.
pub(super) fn run(plan: Plan) -> u8 {
    let began = Instant::now();
    let chosen: Vec<_> = CHECKS.iter().filter(|check| !(check.hawser_only && plan.direct)).collect();
    let passed = chosen.iter().filter(|check| pass(check)).count();
    report::note(&format!("\n{passed} of {} proven in {:.1} s", chosen.len(), began.elapsed().as_secs_f64()));
    u8::from(passed < chosen.len())
}

fn pass(check: &Check) -> bool {
    report::trying(check.title);
    let began = Instant::now();
    let found = (check.prove)();
    let took = began.elapsed();
    let (Ok(text) | Err(text)) = &found;
    report::line(found.is_ok(), check.title, took, text);
    found.is_ok()
}
