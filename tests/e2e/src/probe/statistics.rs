//! Percentiles of measured durations.

use std::time::Duration;

use serde_json::{Value, json};

/// Count, median, 99th percentile and maximum in microseconds.
pub fn summary(mut samples: Vec<Duration>) -> Value {
    samples.sort_unstable();
    json!({
        "count": samples.len(),
        "p50_us": at(&samples, 0.50),
        "p99_us": at(&samples, 0.99),
        "max_us": at(&samples, 1.0),
    })
}

fn at(sorted: &[Duration], share: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return 0.0 };
    let index = (last as f64 * share).round() as usize;
    sorted[index].as_secs_f64() * 1e6
}
