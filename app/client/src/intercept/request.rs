//! What is asked of the helper.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use hawser_fault::{Code, Fault};
use hawser_ipc::proto::{BrowseRequest, HttpFilter, InterceptRequest, Mount, Namespace};
use hawser_ipc::{Client, from_status};

use super::{AskedPort, choose, connection, find, refuse_strangers, until};
use crate::{companion, mounts};

/// An intercept as it is typed, whatever the mode.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Asked {
    /// intercept, wiretap, replace or ingest.
    pub mode: String,
    /// Over this connection; the user's only one to a cluster if empty.
    pub connection: String,
    /// `NAME` or `KIND/NAME`.
    pub workload: String,
    /// The workload's; the connection's if it is `None`.
    pub namespace: Option<String>,
    /// The one that is meant; the one with the port if it is `None`.
    pub container: Option<String>,
    /// What to call it; the workload's name if it is `None`.
    pub name: Option<String>,
    /// After how long or when it ends; by itself never if it is `None`.
    pub until: Option<String>,
    /// Which traffic; none for an ingest.
    pub traffic: Option<Traffic>,
    /// Which requests; all if it is `None`.
    pub http: Option<HttpFilter>,
    /// Whether the container's volumes are wanted here.
    pub files: Option<Files>,
}

/// Traffic as it is typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Without any, the workload's only one; of a replaced container all that it has.
    pub ports: Vec<AskedPort>,
    /// The host where the handler listens, by address or name.
    pub address: String,
}

/// How volumes are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files {
    /// Where; in a folder of Hawser's if it is `None`.
    pub folder: Option<PathBuf>,
    /// So that nothing there can be changed.
    pub read_only: bool,
}

/// Finds out what the words mean in the cluster. A mistake ends here, before anything has begun. `program` becomes the companion
/// where files are wanted and there is none.
///
/// # Errors
/// Whatever is wrong with a word, and what the helper says.
pub async fn request(asked: &Asked, helper: &mut Client, program: &Path) -> Result<InterceptRequest, Fault> {
    let until = asked.until.as_deref().map(|text| until(text, SystemTime::now())).transpose()?;
    let snapshot = crate::snapshot(helper).await?;
    let connection = connection(&snapshot, nix::unistd::geteuid().as_raw(), &asked.connection)?;
    let namespace = asked.namespace.clone().unwrap_or_else(|| connection.namespace.clone());
    let known = browse(helper, &connection.name, &namespace).await?;
    let found = find(&known, &namespace, &asked.workload)?;
    let (ports, address) = match &asked.traffic {
        None => (Vec::new(), String::new()),
        // Without any, all that the container has.
        Some(traffic) if asked.mode == "replace" && traffic.ports.is_empty() => (Vec::new(), address(traffic).await?),
        Some(traffic) => (choose(&found, &traffic.ports)?, address(traffic).await?),
    };
    refuse_strangers(&address, &ports).await?;
    let name = asked.name.clone().unwrap_or_else(|| found.name.clone());
    let mount = match &asked.files {
        Some(files) => Some(mount(files, &connection.name, &name, program).await?),
        None => None,
    };
    Ok(InterceptRequest {
        connection: connection.name.clone(),
        name,
        namespace,
        kind: found.kind,
        workload: found.name,
        container: asked.container.clone().unwrap_or_default(),
        mode: asked.mode.clone(),
        ports,
        http: asked.http.clone(),
        address,
        until: until.unwrap_or_default(),
        mount,
    })
}

/// Where files are to be, and somebody who mounts them.
async fn mount(files: &Files, connection: &str, name: &str, program: &Path) -> Result<Mount, Fault> {
    mounts::check()?;
    let point = mounts::prepare(files.folder.as_deref(), connection, name)?;
    companion::ensure_present(program).await?;
    let path = point
        .into_os_string()
        .into_string()
        .map_err(|path| Fault::new(Code::MountPointUnusable, format!("{} is no UTF-8", path.to_string_lossy())))?;
    Ok(Mount { path, read_only: files.read_only })
}

/// What the user may work on in this namespace.
async fn browse(helper: &mut Client, connection: &str, namespace: &str) -> Result<Vec<Namespace>, Fault> {
    let request =
        BrowseRequest { connection: connection.to_owned(), namespaces: vec![namespace.to_owned()], follow: false };
    let failed = |status| from_status(&status);
    let mut news = helper.browse(request).await.map_err(failed)?.into_inner();
    let catalogue = news.message().await.map_err(failed)?;
    Ok(catalogue.ok_or_else(crate::no_answer)?.namespaces)
}

/// Where the handler listens. A name is looked up now.
async fn address(traffic: &Traffic) -> Result<String, Fault> {
    let host = traffic.address.trim_start_matches('[').trim_end_matches(']');
    if host.parse::<IpAddr>().is_ok() {
        return Ok(host.to_owned());
    }
    let unknown = |why: String| Fault::new(Code::BadArgument, format!("the address {host:?} cannot be used: {why}"));
    let found = tokio::net::lookup_host((host, 0)).await.map_err(|error| unknown(error.to_string()))?;
    let mut found: Vec<IpAddr> = found.map(|address| address.ip().to_canonical()).collect();
    // A name for this computer mostly stands for both; most programs listen on the first.
    found.sort_by_key(IpAddr::is_ipv6);
    found.first().map(ToString::to_string).ok_or_else(|| unknown("it has none".to_owned()))
}
