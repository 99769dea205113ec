//! The frame around every screen.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::{Problem, Theme};
use crate::Shape;

/// What is true on every screen.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
pub struct Shell {
    /// Whether the helper answers.
    pub helper: HelperState,
    /// Why it doesn't.
    pub problem: Option<Problem>,
    /// Everything shown is as it was last known.
    pub stale: bool,
    /// The state in one line; the tray's tooltip too.
    pub heading: String,
    /// The state as a shape.
    pub shape: Shape,
    /// Which screen is shown.
    pub screen: Screen,
    /// Screens with something to look at.
    pub badges: Vec<Badge>,
    /// Whether the desktop shows the tray icon.
    pub tray_hosted: bool,
    /// Why logins are in a file instead of the keyring, if some are.
    pub keyring: Option<Problem>,
    /// Colours.
    pub theme: Theme,
    /// This is the demo.
    pub demo: bool,
    /// The application's version.
    pub version: String,
    /// What is asked before the application ends.
    pub quitting: Option<QuitWords>,
    /// What is asked before connections end.
    pub ending: Option<EndWords>,
}

/// How many things of a screen want to be looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
pub struct Badge {
    /// Where.
    pub screen: Screen,
    /// At least one.
    pub count: u32,
}

/// Whether the helper answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum HelperState {
    /// It is being called for the first time.
    Calling,
    /// It does.
    Answers,
    /// It isn't installed.
    Absent,
    /// It is installed and doesn't run.
    Stopped,
    /// It doesn't serve this user.
    Refused,
    /// It is of an earlier version.
    Older,
    /// It is of a later version.
    Newer,
    /// It runs and says nothing.
    Silent,
}

/// A screen of the window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum Screen {
    /// The first run.
    Welcome,
    /// Contexts and connections.
    #[default]
    Clusters,
    /// What is routed.
    Subnets,
    /// What is intercepted.
    Intercepts,
    /// The form for a new intercept.
    Picker,
    /// Flows.
    Traffic,
    /// Checks.
    Doctor,
    /// Settings.
    Settings,
}

/// What is asked before the application ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
pub struct QuitWords {
    /// One line.
    pub title: String,
    /// What goes on without it.
    pub detail: String,
    /// The intercepts that are meant.
    pub intercepts: Vec<String>,
}

/// What is asked before connections end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
pub struct EndWords {
    /// One line.
    pub title: String,
    /// The intercepts that end with them.
    pub intercepts: Vec<String>,
}

/// Something that was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
pub struct Toast {
    /// In words.
    pub words: String,
}
