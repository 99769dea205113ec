//! What is typed, whatever the mode.

use hawser_client::intercept::{self, Traffic};
use hawser_ipc::proto::HttpFilter;

use crate::cli::intercept::{
    FilesArgs, HandlerArgs, IngestArgs, InterceptArgs, ReplaceArgs, TrafficArgs, WiretapArgs, WorkloadArgs,
};

/// What is wanted of the helper, and of this program.
pub(crate) struct Asked {
    pub(super) plain: intercept::Asked,
    pub(super) handler: HandlerArgs,
    pub(super) dry_run: bool,
    pub(super) json: bool,
}

impl From<InterceptArgs> for Asked {
    fn from(InterceptArgs { workload, traffic, http, files, handler }: InterceptArgs) -> Self {
        Self::new("intercept", workload, Some(traffic), http.filter(), files, handler)
    }
}

impl From<WiretapArgs> for Asked {
    fn from(WiretapArgs { workload, traffic, http, files, handler }: WiretapArgs) -> Self {
        Self::new("wiretap", workload, Some(traffic), http.filter(), files, handler)
    }
}

impl From<ReplaceArgs> for Asked {
    fn from(ReplaceArgs { workload, traffic, files, handler }: ReplaceArgs) -> Self {
        Self::new("replace", workload, Some(traffic), None, files, handler)
    }
}

impl From<IngestArgs> for Asked {
    fn from(IngestArgs { workload, files, handler }: IngestArgs) -> Self {
        Self::new("ingest", workload, None, None, files, handler)
    }
}

impl Asked {
    fn new(
        mode: &str,
        workload: WorkloadArgs,
        traffic: Option<TrafficArgs>,
        http: Option<HttpFilter>,
        files: FilesArgs,
        handler: HandlerArgs,
    ) -> Self {
        let WorkloadArgs { workload, namespace, container, name, connection, until, dry_run, json } = workload;
        let plain = intercept::Asked {
            mode: mode.to_owned(),
            connection: connection.connection.unwrap_or_default(),
            workload,
            namespace,
            container,
            name,
            until,
            traffic: traffic.map(|TrafficArgs { port, address }| Traffic { ports: port, address }),
            http,
            files: files.wanted(),
        };
        Self { plain, handler, dry_run, json }
    }
}
