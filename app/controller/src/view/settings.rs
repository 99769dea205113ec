//! Settings: the user's own, and what clusters serve.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::{Problem, Screen};

/// All settings.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
pub struct SettingsView {
    /// The user's, which can be changed here.
    pub own: Settings,
    /// The user's for one connection, which can be changed where that is shown.
    pub chosen: Vec<Served>,
    /// The clusters', which can't.
    pub served: Vec<Served>,
    /// What is kept of logins; `None` until that is known.
    pub keyring: Option<Keyring>,
    /// Whether the desktop shows the tray icon.
    pub tray_hosted: bool,
    /// The file they are in.
    pub file: String,
    /// Why it could not be read or written.
    pub problem: Option<Problem>,
}

/// What is kept of the user's logins, and where.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, TS)]
pub struct Keyring {
    /// The connections whose logins are kept.
    pub connections: Vec<String>,
    /// Why the system's keyring takes nothing now.
    pub problem: Option<Problem>,
    /// The file that stands in for it then.
    pub file: String,
}

/// What the user has chosen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(default)]
pub struct Settings {
    /// Colours.
    pub theme: Theme,
    /// The application starts with the session.
    pub start_at_login: bool,
    /// Kinds of notices that were switched off or on; on by default.
    pub notices: BTreeMap<NoticeKind, bool>,
    /// That closing the window leaves the tray was said.
    pub told_of_tray: bool,
    /// The first run is over.
    pub welcomed: bool,
    /// Kubeconfigs that were added.
    pub kubeconfigs: Vec<PathBuf>,
    /// Where the window was left.
    pub last_screen: Screen,
}

/// What a connection has of the user, or of its cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
pub struct Served {
    /// By which connection.
    pub connection: String,
    /// Of what.
    pub name: String,
    /// What it is.
    pub values: Vec<String>,
}

/// Colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum Theme {
    /// As the desktop has them.
    #[default]
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

/// What can be notified of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum NoticeKind {
    /// A connection was lost.
    Lost,
    /// It is back.
    Back,
    /// A part of a connection does not work.
    Trouble,
    /// What the user has logged in with is about to end.
    LoginSoon,
    /// A login is needed.
    LoginNeeded,
    /// An intercept was ended or taken by somebody else.
    Taken,
    /// An intercept's time is over.
    Expired,
    /// What clients ask of a replica doesn't come here.
    Replica,
    /// Nobody listens on a local port any more.
    LocalPort,
}
