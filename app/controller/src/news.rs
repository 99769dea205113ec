//! What the controller's tasks tell it.

use std::path::PathBuf;

use hawser_client::connecting::Manager;
use hawser_client::doctor::Check;
use hawser_client::intercept::{Listener, Place};
use hawser_client::kubeconfig::{Environment, Found};
use hawser_client::secrets::Kept;
use hawser_fault::Fault;
use hawser_ipc::Client;
use hawser_ipc::proto::{Catalogue, InterceptState, LevelReply, PreviewReply, Snapshot, Trial};

use crate::facts::NamesNews;
use crate::view::{ContextId, FlowRow, Written};
use crate::{Picked, Tuning};

/// Something that is so now.
pub(crate) enum News {
    /// The helper answers over the link of this number, and this is so.
    Snapshot(u64, Client, Snapshot),
    /// The helper doesn't answer.
    Broke { fault: Fault, silent: bool },
    /// What the user's login shell sets.
    Environment(Environment),
    /// The user's files say this.
    Files { found: Found, managers: Vec<Manager>, faults: Vec<Fault> },
    /// Somebody began to connect.
    Trying(ContextId),
    /// What came of it.
    Tried(ContextId, Result<(), Fault>),
    /// The helper has taken these choices.
    Tuned(ContextId, Tuning),
    /// What logs in to this connection says this to the user.
    LoginSays(String, String),
    /// The user has logged in to this connection, or could not.
    LoggedIn(String),
    /// What is kept of logins, and where.
    Kept(Result<Kept, Fault>),
    /// What a connection's cluster has.
    Catalogue(Result<Catalogue, Fault>),
    /// Where programs listen.
    Listeners(Vec<Listener>),
    /// All flows, with the processes behind them.
    Flows(Result<Vec<FlowRow>, Fault>),
    /// Names that were asked for.
    Names(Result<NamesNews, Fault>),
    /// How far everything is on the way into the clusters, beside the rest.
    Hops(Snapshot),
    /// What asking for the draft of this revision would change.
    Preview(u32, Result<PreviewReply, Fault>),
    /// How far an intercept that is being asked for has come.
    Asking(Box<InterceptState>),
    /// What came of asking.
    Asked(Result<(), Fault>),
    /// What came of trying every way to it.
    Proven(Place, Result<Vec<Trial>, Fault>),
    /// What came of writing its environment.
    Written(Place, Written),
    /// The user chose this, or nothing.
    Chosen(Picked, Option<PathBuf>),
    /// A check was made.
    Check(Check),
    /// The last one was.
    Examined,
    /// What came of gathering everything.
    Exported(Result<PathBuf, Fault>),
    /// How much the helper writes to its log.
    Level(Result<LevelReply, Fault>),
    /// The same, after the user has set it.
    LevelSet(LevelReply),
    /// Something went wrong that nobody waits for.
    Complaint(Fault),
}
