//! What is asked of the helper.

use std::net::IpAddr;

use hawser_client::intercept::{choose, connection, find};
use hawser_client::{companion, mounts};
use hawser_fault::{Code, Fault};
use hawser_ipc::Client;
use hawser_ipc::proto::{BrowseRequest, HttpFilter, InterceptRequest, Mount, Namespace, WatchRequest};

use super::listening;
use crate::cli::intercept::{
    FilesArgs, HandlerArgs, IngestArgs, InterceptArgs, ReplaceArgs, TrafficArgs, WiretapArgs, WorkloadArgs,
};
use crate::output::Failure;

/// What is typed, whatever the mode.
pub(crate) struct Asked {
    mode: &'static str,
    pub(super) workload: WorkloadArgs,
    traffic: Option<TrafficArgs>,
    http: Option<HttpFilter>,
    pub(super) files: FilesArgs,
    pub(super) handler: HandlerArgs,
}

impl From<InterceptArgs> for Asked {
    fn from(InterceptArgs { workload, traffic, http, files, handler }: InterceptArgs) -> Self {
        Self { mode: "intercept", workload, traffic: Some(traffic), http: http.filter(), files, handler }
    }
}

impl From<WiretapArgs> for Asked {
    fn from(WiretapArgs { workload, traffic, http, files, handler }: WiretapArgs) -> Self {
        Self { mode: "wiretap", workload, traffic: Some(traffic), http: http.filter(), files, handler }
    }
}

impl From<ReplaceArgs> for Asked {
    fn from(ReplaceArgs { workload, traffic, files, handler }: ReplaceArgs) -> Self {
        Self { mode: "replace", workload, traffic: Some(traffic), http: None, files, handler }
    }
}

impl From<IngestArgs> for Asked {
    fn from(IngestArgs { workload, files, handler }: IngestArgs) -> Self {
        Self { mode: "ingest", workload, traffic: None, http: None, files, handler }
    }
}

/// Finds out what the words mean in the cluster. A mistake ends here, before anything has begun.
pub(super) async fn of(asked: &Asked, helper: &mut Client) -> Result<InterceptRequest, Failure> {
    let WorkloadArgs { workload, namespace, container, name, connection: over, until, .. } = &asked.workload;
    let until = until.as_deref().map(super::until).transpose()?;
    let mut snapshots =
        helper.watch(WatchRequest { follow: false }).await.map_err(crate::commands::failed)?.into_inner();
    let snapshot =
        snapshots.message().await.map_err(crate::commands::failed)?.ok_or_else(crate::commands::no_answer)?;
    let over = over.connection.as_deref().unwrap_or_default();
    let connection = connection(&snapshot, crate::commands::own_uid(), over)?;
    let namespace = namespace.clone().unwrap_or_else(|| connection.namespace.clone());
    let known = browse(helper, &connection.name, &namespace).await?;
    let found = find(&known, &namespace, workload)?;
    let (ports, address) = match &asked.traffic {
        None => (Vec::new(), String::new()),
        // Without any, all that the container has.
        Some(traffic) if asked.mode == "replace" && traffic.port.is_empty() => (Vec::new(), address(traffic).await?),
        Some(traffic) => (choose(&found, &traffic.port)?, address(traffic).await?),
    };
    listening::refuse_strangers(&address, &ports).await?;
    let name = name.clone().unwrap_or_else(|| found.name.clone());
    let mount = if asked.files.wanted() { Some(mount(&asked.files, &connection.name, &name).await?) } else { None };
    Ok(InterceptRequest {
        connection: connection.name.clone(),
        name,
        namespace,
        kind: found.kind,
        workload: found.name,
        container: container.clone().unwrap_or_default(),
        mode: asked.mode.to_owned(),
        ports,
        http: asked.http.clone(),
        address,
        until: until.unwrap_or_default(),
        mount,
    })
}

/// Where files are to be, and somebody who mounts them.
async fn mount(asked: &FilesArgs, connection: &str, name: &str) -> Result<Mount, Fault> {
    mounts::check()?;
    let point = mounts::prepare(asked.folder(), connection, name)?;
    companion::ensure_present(&crate::commands::own_program()?).await?;
    let path = point
        .into_os_string()
        .into_string()
        .map_err(|path| Fault::new(Code::MountPointUnusable, format!("{} is no UTF-8", path.to_string_lossy())))?;
    Ok(Mount { path, read_only: asked.read_only() })
}

/// What the user may work on in this namespace.
async fn browse(helper: &mut Client, connection: &str, namespace: &str) -> Result<Vec<Namespace>, Failure> {
    let request =
        BrowseRequest { connection: connection.to_owned(), namespaces: vec![namespace.to_owned()], follow: false };
    let mut news = helper.browse(request).await.map_err(crate::commands::failed)?.into_inner();
    let catalogue = news.message().await.map_err(crate::commands::failed)?;
    Ok(catalogue.ok_or_else(crate::commands::no_answer)?.namespaces)
}

/// Where the handler listens. A name is looked up now.
async fn address(traffic: &TrafficArgs) -> Result<String, Fault> {
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
