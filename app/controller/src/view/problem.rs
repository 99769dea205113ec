//! What is wrong, and what can be done about it.

use hawser_fault::Fault;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::{ContextId, Screen};

/// A fault, with what may be pressed to end it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
pub struct Problem {
    /// Of the table of faults.
    pub code: String,
    /// What kind of fault it is.
    pub title: String,
    /// What was tried, on what, and why it failed.
    pub detail: String,
    /// What the reader can do.
    pub fix: String,
    /// What the application can do.
    pub remedy: Option<Remedy>,
}

impl From<&Fault> for Problem {
    fn from(fault: &Fault) -> Self {
        Self {
            code: fault.code.as_str().to_owned(),
            title: fault.code.title().to_owned(),
            detail: fault.detail.clone(),
            fix: fault.fix.clone(),
            remedy: None,
        }
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        Self::from(&fault)
    }
}

impl Problem {
    /// With something to press.
    #[must_use]
    pub fn with_remedy(mut self, remedy: impl Into<Option<Remedy>>) -> Self {
        self.remedy = remedy.into();
        self
    }
}

/// What a button beside a problem does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "remedy", deny_unknown_fields, rename_all = "kebab-case")]
pub enum Remedy {
    /// Starts the helper, as root after a password.
    StartHelper,
    /// Starts the helper anew, as root after a password.
    RestartHelper,
    /// Adds the user to the group that may use the helper, as root after a password.
    JoinGroup,
    /// Obtains a login.
    LogIn {
        /// The connection that waits for it.
        connection: String,
    },
    /// Has the user unlock their keyring.
    UnlockKeyring,
    /// Connects again.
    Retry {
        /// To what.
        context: ContextId,
    },
    /// Shows where it can be mended.
    Show {
        /// The screen.
        screen: Screen,
    },
}

/// Where in a form a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum Field {
    /// The connection.
    Connection,
    /// The namespace.
    Namespace,
    /// The workload.
    Workload,
    /// The container.
    Container,
    /// The intercept's name.
    Name,
    /// The port on this computer, in a row.
    LocalPort,
    /// The port of the workload, in a row.
    Port,
    /// Where the program listens.
    Address,
    /// A header, in a row.
    Header,
    /// The path.
    Path,
    /// The method.
    Method,
    /// The files.
    Mount,
    /// The environment's file.
    Environment,
    /// The end.
    Until,
}

/// Whether something can be done now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(tag = "can", rename_all = "kebab-case")]
pub enum Possible {
    /// It can.
    Yes,
    /// It can't.
    No {
        /// In words.
        why: String,
    },
}
