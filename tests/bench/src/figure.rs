//! One measured number beside what it must and may be.

use std::fmt;

use serde::Serialize;

/// Which side of a number is good.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Goal {
    /// As much as possible: what it must reach, what it may reach.
    AtLeast(f64, f64),
    /// As little as possible: what it must stay below, what it may stay below.
    AtMost(f64, f64),
}

/// How a number stands to its goal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Verdict {
    /// As good as it may be.
    Aim,
    /// As good as it must be.
    Pass,
    /// Not as good as it must be.
    Below,
    /// It could not be measured.
    Failed,
}

/// One measured number.
#[derive(Clone, Debug, Serialize)]
pub struct Figure {
    /// The row's name.
    pub row: &'static str,
    /// What was measured, in which unit.
    pub what: String,
    /// The number; the blocks' median where there are blocks.
    pub value: f64,
    /// Each block's number.
    pub blocks: Vec<f64>,
    /// What it is measured against.
    pub goal: Goal,
    /// Whether it fails the run: it compares with direct in the same run, or counts errors.
    pub gating: bool,
    /// The absolute numbers behind it, in words.
    pub behind: String,
    /// How it stands.
    pub verdict: Verdict,
}

impl Figure {
    /// A ratio to direct.
    pub fn ratio(row: &'static str, what: impl Into<String>, blocks: Vec<f64>, goal: Goal, behind: String) -> Figure {
        Figure { gating: true, ..Figure::absolute(row, what, blocks, goal, behind) }
    }

    /// A count of errors, which has to be nought.
    pub fn errors(row: &'static str, what: impl Into<String>, count: f64, behind: String) -> Figure {
        Figure { gating: true, ..Figure::absolute(row, what, vec![count], Goal::AtMost(0.0, 0.0), behind) }
    }

    /// A number that stands for itself.
    pub fn absolute(
        row: &'static str,
        what: impl Into<String>,
        blocks: Vec<f64>,
        goal: Goal,
        behind: String,
    ) -> Figure {
        let value = median(&blocks);
        Figure { row, what: what.into(), value, blocks, goal, gating: false, behind, verdict: goal.verdict(value) }
    }

    /// A row that could not be measured.
    pub fn failed(row: &'static str, what: &str) -> Figure {
        Figure {
            row,
            what: what.to_owned(),
            value: f64::NAN,
            blocks: Vec::new(),
            goal: Goal::AtLeast(0.0, 0.0),
            gating: false,
            behind: "not measured".to_owned(),
            verdict: Verdict::Failed,
        }
    }

    /// Whether the run may succeed with it: absolute numbers depend on the machine and only tell.
    pub fn lets_pass(&self) -> bool {
        match self.verdict {
            Verdict::Aim | Verdict::Pass => true,
            Verdict::Below => !self.gating,
            Verdict::Failed => false,
        }
    }
}

impl Goal {
    fn verdict(self, value: f64) -> Verdict {
        let reached = |bound| match self {
            Goal::AtLeast(..) => value >= bound,
            Goal::AtMost(..) => value <= bound,
        };
        match self {
            Goal::AtLeast(_, aim) | Goal::AtMost(_, aim) if reached(aim) => Verdict::Aim,
            Goal::AtLeast(must, _) | Goal::AtMost(must, _) if reached(must) => Verdict::Pass,
            _ => Verdict::Below,
        }
    }

    /// What must hold, what may: as printed.
    pub fn bounds(self) -> [String; 2] {
        match self {
            Goal::AtLeast(must, aim) => [format!(">= {}", number(must)), format!(">= {}", number(aim))],
            Goal::AtMost(must, aim) => [format!("<= {}", number(must)), format!("<= {}", number(aim))],
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Verdict::Aim => "PASS, aim",
            Verdict::Pass => "PASS",
            Verdict::Below => "BELOW",
            Verdict::Failed => "FAILED",
        })
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} ({}) {}", self.what, number(self.value), self.behind, self.verdict)
    }
}

/// The middle of some numbers; not a number if there are none.
pub fn median(numbers: &[f64]) -> f64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    match (sorted.len(), sorted.len() / 2) {
        (0, _) => f64::NAN,
        (length, middle) if length % 2 == 1 => sorted[middle],
        (_, middle) => (sorted[middle - 1] + sorted[middle]) / 2.0,
    }
}

/// A number with three significant digits.
pub fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_know_both_directions() {
        let least = Goal::AtLeast(0.35, 0.45);
        let most = Goal::AtMost(80.0, 40.0);
        let table = [(least, 0.5, Verdict::Aim), (least, 0.4, Verdict::Pass), (least, 0.3, Verdict::Below)];
        let other = [(most, 30.0, Verdict::Aim), (most, 70.0, Verdict::Pass), (most, 90.0, Verdict::Below)];
        for (goal, value, verdict) in table.into_iter().chain(other) {
            assert_eq!(goal.verdict(value), verdict, "{goal:?} {value}");
        }
        assert_eq!(least.verdict(f64::NAN), Verdict::Below);
    }

    #[test]
    fn the_median_of_even_and_odd_rows() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn only_ratios_fail_a_run() {
        let goal = Goal::AtLeast(1.0, 2.0);
        assert!(!Figure::ratio("x", "y", vec![0.5], goal, String::new()).lets_pass());
        assert!(Figure::absolute("x", "y", vec![0.5], goal, String::new()).lets_pass());
        assert!(!Figure::failed("x", "y").lets_pass());
    }
}
