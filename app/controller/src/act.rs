//! What a page or the tray may ask for.

use hawser_client::intercept::Place;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::view::{ContextId, LogLevel, NoticeKind, Remedy, Screen, Theme};

/// Everything that can be asked for. Texts are as they were typed; each is checked when it arrives.
#[derive(Clone, Debug, PartialEq, Deserialize, TS)]
#[serde(tag = "do", deny_unknown_fields, rename_all = "kebab-case")]
pub enum Act {
    /// The page has drawn its first view.
    Painted {
        /// Milliseconds since the page began to load.
        after_ms: u32,
    },
    /// Another screen.
    Show {
        /// Which.
        screen: Screen,
    },
    /// A long list is narrowed.
    Search {
        /// Which.
        list: List,
        /// What its rows contain; at most 256 characters.
        text: String,
    },
    /// Connects, with the choices last made for it.
    Connect {
        /// To what.
        context: ContextId,
    },
    /// Tries again what failed.
    Retry {
        /// To what.
        context: ContextId,
    },
    /// Makes choices for the next time that this is connected. Other subnets are routed at once if it is.
    Tune {
        /// Which.
        context: ContextId,
        /// The choices.
        tuning: Tuning,
    },
    /// Ends a connection; where intercepts live on it, it is asked first, by [`Shell::ending`](crate::view::Shell::ending).
    Disconnect {
        /// Its name.
        connection: String,
    },
    /// Ends all of the user's connections. The same.
    StopAll,
    /// What was answered to that.
    End {
        /// They end, and the intercepts with them.
        sure: bool,
    },
    /// Obtains the user's login to a cluster.
    LogIn {
        /// The connection that waits for it.
        connection: String,
    },
    /// Forgets what the user has logged in with.
    ForgetLogin {
        /// For which connection.
        connection: String,
    },
    /// Routes other subnets over a connection, now and the next time.
    Reroute {
        /// Its name.
        connection: String,
        /// Subnets besides the cluster's.
        also: Vec<String>,
        /// Subnets that stay out.
        never: Vec<String>,
    },
    /// Opens the picker with nothing chosen, or as this intercept was.
    Pick {
        /// The connection; `None` chooses the only one.
        connection: Option<String>,
        /// An intercept of it to ask for again.
        intercept: Option<String>,
    },
    /// The picker's form as it stands. It is answered in [`Picker`](crate::view::Picker), whatever is wrong with it.
    Draft {
        /// All of it.
        draft: Box<Draft>,
    },
    /// Intercepts as the form says.
    Intercept {
        /// Of the draft that is meant.
        revision: u32,
    },
    /// Opens the desktop's chooser; what was chosen stays with the controller.
    Choose {
        /// For what.
        what: Picked,
    },
    /// Takes back what was chosen for the picker.
    Unchoose {
        /// For what.
        what: Picked,
    },
    /// Ends an intercept.
    Leave {
        /// Over which connection.
        connection: String,
        /// Its name.
        intercept: String,
    },
    /// Ends all intercepts of a connection.
    LeaveAll {
        /// Which.
        connection: String,
    },
    /// Lets an intercept end later.
    Extend {
        /// Over which connection.
        connection: String,
        /// Its name.
        intercept: String,
        /// From now, 1 to 43,200; `None` is never.
        minutes: Option<u32>,
    },
    /// Tries every way to an intercept.
    Prove {
        /// Over which connection.
        connection: String,
        /// Its name.
        intercept: String,
    },
    /// Shows the intercepted container's files.
    OpenFiles {
        /// Over which connection.
        connection: String,
        /// The intercept's name.
        intercept: String,
    },
    /// Copies a text that the controller knows.
    Copy {
        /// Which.
        what: Copyable,
    },
    /// Other rows of the table of flows, which is looked at from now on.
    Traffic {
        /// Which.
        query: TrafficQuery,
    },
    /// Other rows of the table of names, which is looked at from now on instead of the one of flows.
    Names {
        /// Which.
        query: NamesQuery,
    },
    /// Makes every check anew.
    Examine,
    /// Does what a check advises.
    Fix {
        /// Of the last result.
        check: u32,
    },
    /// Gathers everything into one file without secrets; the user chooses where.
    Export,
    /// Has the helper write so much to its log.
    Log {
        /// How much.
        level: LogLevel,
    },
    /// Changes a setting.
    Set {
        /// To what.
        setting: Setting,
    },
    /// Does what a problem advises.
    Remedy {
        /// As the problem has it.
        remedy: Remedy,
    },
    /// The failed attempt to connect was seen.
    Dismiss {
        /// To what.
        context: ContextId,
    },
    /// Another step of the welcome.
    WelcomeStep {
        /// 1 to 3; 4 ends it.
        step: u8,
    },
    /// Closes the window.
    Close,
    /// Ends the application; where intercepts live it is asked first, by [`Shell::quitting`](crate::view::Shell::quitting).
    Quit {
        /// What to do with them, once that was asked.
        answer: Option<QuitAnswer>,
    },
}

/// What becomes of live intercepts when the application ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum QuitAnswer {
    /// They go on.
    Keep,
    /// They end first.
    Leave,
    /// The application doesn't end.
    Stay,
}

/// A list that can be narrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum List {
    /// Of clusters.
    Contexts,
    /// Of the picker.
    Workloads,
}

/// Choices for a connection, as typed. Empty texts leave it to the kubeconfig.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields, default)]
pub struct Tuning {
    /// Where single labels are services.
    pub namespace: String,
    /// Where the manager is; `hawser` if empty.
    pub manager_namespace: String,
    /// Subnets besides the cluster's, as CIDR.
    pub also: Vec<String>,
    /// Subnets that stay out, as CIDR.
    pub never: Vec<String>,
    /// Somebody else to act as.
    pub as_user: String,
}

/// The picker's form, as typed. Empty texts weren't given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct Draft {
    /// Higher with each change.
    pub revision: u32,
    /// Over which connection.
    pub connection: String,
    /// The workload's namespace.
    pub namespace: String,
    /// Deployment, StatefulSet or ReplicaSet.
    pub kind: String,
    /// The workload's name.
    pub workload: String,
    /// The container that is meant; the one with the port if empty.
    pub container: String,
    /// What to call it here; the workload's name if empty.
    pub name: String,
    /// What happens to the traffic.
    pub mode: Mode,
    /// Which traffic.
    pub ports: Vec<DraftPort>,
    /// Where the program listens; 127.0.0.1 if empty.
    pub address: String,
    /// `NAME=VALUE` or `NAME~=REGEX`; all must be true.
    pub headers: Vec<String>,
    /// The path of requests.
    pub path: String,
    /// How it is meant.
    pub path_kind: PathKind,
    /// The method of requests.
    pub method: String,
    /// Whether the container's volumes are wanted here.
    pub mount: bool,
    /// So that nothing there can be changed.
    pub read_only: bool,
    /// Whether the container's environment is wanted in a file.
    pub environment: Option<EnvironmentFormat>,
    /// After how long or when it ends: `2h`, `3d`, `2026-03-01T18:00:00Z`; by itself never if empty.
    pub until: String,
}

impl Draft {
    /// What the intercept is called.
    pub(crate) fn called(&self) -> &str {
        if self.name.is_empty() { &self.workload } else { &self.name }
    }

    /// Where it would be.
    pub(crate) fn place(&self) -> Place {
        Place { connection: self.connection.clone(), name: self.called().to_owned() }
    }
}

/// A port of the form.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct DraftPort {
    /// On this computer.
    pub local: String,
    /// Of the workload, by name or number; its only one if empty.
    pub port: String,
    /// UDP, else TCP.
    pub udp: bool,
}

/// What happens to a workload's traffic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// A program here answers.
    #[default]
    Intercept,
    /// A program here gets a copy.
    Wiretap,
    /// A program here takes the container's place.
    Replace,
    /// Nothing: only environment and files are wanted.
    Ingest,
}

/// How a path is to match.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum PathKind {
    /// Byte for byte.
    Exact,
    /// By whole segments.
    #[default]
    Prefix,
    /// By a regular expression over the whole path.
    Regex,
}

/// How a file of variables is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum EnvironmentFormat {
    /// `NAME=VALUE`, as `docker run --env-file` reads it.
    Lines,
    /// One object.
    Json,
    /// `export NAME='VALUE'`, for a shell.
    Shell,
}

/// What a file or folder is chosen for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum Picked {
    /// An empty folder to mount files on.
    MountFolder,
    /// A new file for the environment.
    EnvironmentFile,
    /// A kubeconfig to add.
    Kubeconfig,
    /// A new file for what is gathered.
    Export,
}

/// A text that can be copied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "text", deny_unknown_fields, rename_all = "kebab-case")]
pub enum Copyable {
    /// A command that asks an intercepted service.
    Curl {
        /// Over which connection.
        connection: String,
        /// The intercept's name.
        intercept: String,
    },
    /// A cluster's API server.
    Server {
        /// Which.
        context: ContextId,
    },
    /// The command that logs in at a terminal.
    Login {
        /// To what.
        context: ContextId,
    },
    /// What a problem advises. It has to be on screen.
    Fix {
        /// As the problem has it.
        fix: String,
    },
}

/// Which flows are shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct TrafficQuery {
    /// What a row contains; at most 256 characters.
    pub filter: String,
    /// By which column.
    pub sort: SortBy,
    /// The largest first.
    pub descending: bool,
    /// The first row that is wanted.
    pub first: u32,
    /// How many rows are wanted, at most 200.
    pub count: u32,
    /// Whether rows stay as they are.
    pub paused: bool,
}

/// A column of the table of flows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum SortBy {
    /// When it began.
    #[default]
    Opened,
    /// Whose it is.
    Process,
    /// Where it leads.
    Destination,
    /// Bytes sent.
    Sent,
    /// Bytes received.
    Received,
    /// How far it is.
    RoundTrip,
    /// How it is.
    State,
}

/// Which names are shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct NamesQuery {
    /// What a row contains; at most 256 characters.
    pub filter: String,
    /// By which column.
    pub sort: SortNamesBy,
    /// The largest first.
    pub descending: bool,
    /// The first row that is wanted.
    pub first: u32,
    /// How many rows are wanted, at most 200.
    pub count: u32,
    /// Whether rows stay as they are.
    pub paused: bool,
}

/// A column of the table of names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum SortNamesBy {
    /// When it was answered.
    At,
    /// The name.
    Name,
    /// Who asked.
    Asker,
    /// Who knew.
    By,
    /// What became of it.
    Outcome,
    /// How long it took.
    Took,
}

/// One setting with its new value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "setting", deny_unknown_fields, rename_all = "kebab-case")]
pub enum Setting {
    /// Colours.
    Theme {
        /// Which.
        theme: Theme,
    },
    /// Whether the application starts with the session.
    StartAtLogin {
        /// Whether it does.
        on: bool,
    },
    /// Whether a kind of notice is shown.
    Notice {
        /// Which.
        kind: NoticeKind,
        /// Whether it is.
        on: bool,
    },
    /// A kubeconfig that was added is forgotten.
    ForgetKubeconfig {
        /// In the list.
        index: u32,
    },
}

impl Mode {
    /// As the contract with the helper has it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Intercept => "intercept",
            Self::Wiretap => "wiretap",
            Self::Replace => "replace",
            Self::Ingest => "ingest",
        }
    }

    /// The mode of this name; a newer one's looks like an intercept.
    pub(crate) fn of(name: &str) -> Self {
        [Self::Wiretap, Self::Replace, Self::Ingest].into_iter().find(|mode| mode.name() == name).unwrap_or_default()
    }
}
