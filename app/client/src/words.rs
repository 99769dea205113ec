//! What is intercepted, in the same words everywhere.

use hawser_ipc::proto::{HttpFilter, InterceptPhase, Outcome, State, Trial};

/// The name of a state, the same for people and in JSON.
pub fn state(state: State) -> &'static str {
    match state {
        State::Unspecified => "unknown",
        State::Disconnected => "disconnected",
        State::Connecting => "connecting",
        State::Connected => "connected",
        State::Reconnecting => "reconnecting",
        State::NeedsLogin => "needs-login",
        State::Failed => "failed",
        State::Disconnecting => "disconnecting",
    }
}

/// The name of a check's outcome, the same for people and in JSON.
pub fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Pass => "pass",
        Outcome::Warn => "warn",
        // A newer helper's outcome that this program doesn't know is nothing to rely on.
        Outcome::Fail | Outcome::Unspecified => "fail",
    }
}

/// The name of a phase, the same for people and in JSON.
pub fn phase(phase: InterceptPhase) -> &'static str {
    match phase {
        InterceptPhase::Unspecified => "unknown",
        InterceptPhase::Pending => "pending",
        InterceptPhase::Preparing => "preparing",
        InterceptPhase::Active => "active",
        InterceptPhase::Waiting => "waiting",
        InterceptPhase::Ending => "ending",
        InterceptPhase::Ended => "ended",
    }
}

/// A handler's `host:port`.
pub fn handler(address: &str, port: u32) -> String {
    if address.contains(':') { format!("[{address}]:{port}") } else { format!("{address}:{port}") }
}

/// Which requests are meant.
pub fn filter(filter: &HttpFilter) -> String {
    let mut parts: Vec<String> = Vec::new();
    if !filter.method.is_empty() {
        parts.push(filter.method.clone());
    }
    if let Some(path) = &filter.path {
        parts.push(match path.kind.as_str() {
            "PathPrefix" => format!("path below {}", path.value),
            "RegularExpression" => format!("path ~ {}", path.value),
            _ => format!("path {}", path.value),
        });
    }
    parts.extend(filter.headers.iter().map(|header| {
        let sign = if header.regex { "~" } else { "=" };
        format!("{} {sign} {}", header.name, header.value)
    }));
    parts.join(" and ")
}

/// A way by which clients come to an intercepted port.
pub fn way(trial: &Trial) -> String {
    let protocol = if trial.udp { "/udp" } else { "" };
    match (trial.service.as_str(), trial.pod.as_str()) {
        ("", pod) => format!("{pod} ({}{protocol})", trial.address),
        (service, _) => format!("service {service} ({}{protocol})", trial.address),
    }
}
