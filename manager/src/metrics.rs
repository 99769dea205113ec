//! What the manager counts, in Prometheus' text format
//! (<https://prometheus.io/docs/instrumenting/exposition_formats/>).

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};

/// One number.
pub struct Metric {
    name: &'static str,
    kind: &'static str,
    help: &'static str,
    value: AtomicU64,
}

macro_rules! metrics {
    ($($constant:ident $name:literal $kind:literal $help:literal;)*) => {
        $(#[doc = $help] pub static $constant: Metric = Metric {
            name: $name, kind: $kind, help: $help, value: AtomicU64::new(0),
        };)*
        const ALL: &[&Metric] = &[$(&$constant,)*];
    };
}

metrics! {
    LINKS "hawser_links" "gauge" "Laptops that are linked now.";
    LINKS_BEGUN "hawser_links_total" "counter" "Links that laptops made.";
    FLOWS "hawser_flows_total" "counter" "Flows that laptops opened.";
    FLOWS_REFUSED "hawser_flows_refused_total" "counter" "Flows that could not be opened, for whatever reason.";
    QUERIES "hawser_dns_queries_total" "counter" "DNS queries of laptops.";
}

impl Metric {
    /// Counts one more.
    pub fn up(&self) {
        self.value.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts one less.
    pub fn down(&self) {
        self.value.fetch_sub(1, Ordering::Relaxed);
    }
}

/// All of them.
pub fn text() -> String {
    let mut text = String::new();
    for Metric { name, kind, help, value } in ALL {
        let value = value.load(Ordering::Relaxed);
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_is_written() {
        let text = text();
        assert_eq!(text.lines().count(), 3 * ALL.len());
        assert!(text.contains("# TYPE hawser_links gauge\nhawser_links "));
    }
}
