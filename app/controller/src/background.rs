//! What is seen to besides: the environment of the user's shell, and a companion for connections that need one.

use std::ffi::OsStr;
use std::sync::Arc;

use hawser_client::companion::{self, Handover};
use tokio::sync::mpsc;

use crate::desk::Desk;
use crate::news::News;
use crate::{Surroundings, limits};

/// A desktop starts programs without what the user's shell sets.
pub(crate) async fn login_shell(surroundings: Arc<Surroundings>, news: mpsc::Sender<News>) {
    let environment = &surroundings.environment;
    if environment.variables.contains_key(OsStr::new("SHLVL")) {
        return;
    }
    if let Some(more) = environment.of_login_shell(limits::LOGIN_SHELL).await {
        let _ = news.send(News::Environment(more)).await;
    }
}

/// A companion that ended for whatever reason comes back, and is told what it was told before.
pub(crate) async fn accompany(desk: Desk, connections: Vec<String>) {
    if companion::is_there().await {
        return;
    }
    for connection in connections {
        let handover = Handover { connection, environment: desk.surroundings.environment.clone(), login: None };
        // Without one the connection's own state says what is missing.
        let _ = companion::ensure(&desk.surroundings.program, &handover).await;
    }
}
