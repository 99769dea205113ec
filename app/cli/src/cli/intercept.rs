//! What can be typed to have traffic of a workload here.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;
use hawser_client::intercept::{AskedPort, Files, Format, HeaderFilter, PathFilter};
use hawser_ipc::proto::HttpFilter;

/// Have a program on this computer answer for a workload in the cluster
#[derive(Args, Debug)]
pub(crate) struct InterceptArgs {
    #[command(flatten)]
    pub(crate) workload: WorkloadArgs,
    #[command(flatten)]
    pub(crate) traffic: TrafficArgs,
    #[command(flatten)]
    pub(crate) http: HttpArgs,
    #[command(flatten)]
    pub(crate) files: FilesArgs,
    #[command(flatten)]
    pub(crate) handler: HandlerArgs,
}

/// Send a copy of a workload's traffic to this computer; the workload goes on answering
#[derive(Args, Debug)]
pub(crate) struct WiretapArgs {
    #[command(flatten)]
    pub(crate) workload: WorkloadArgs,
    #[command(flatten)]
    pub(crate) traffic: TrafficArgs,
    #[command(flatten)]
    pub(crate) http: HttpArgs,
    #[command(flatten)]
    pub(crate) files: FilesArgs,
    #[command(flatten)]
    pub(crate) handler: HandlerArgs,
}

/// Have a program on this computer take the place of a container, which doesn't run meanwhile
#[derive(Args, Debug)]
pub(crate) struct ReplaceArgs {
    #[command(flatten)]
    pub(crate) workload: WorkloadArgs,
    #[command(flatten)]
    pub(crate) traffic: TrafficArgs,
    #[command(flatten)]
    pub(crate) files: FilesArgs,
    #[command(flatten)]
    pub(crate) handler: HandlerArgs,
}

/// Have a container's environment and files on this computer, and leave its traffic alone
#[derive(Args, Debug)]
pub(crate) struct IngestArgs {
    #[command(flatten)]
    pub(crate) workload: WorkloadArgs,
    #[command(flatten)]
    pub(crate) files: FilesArgs,
    #[command(flatten)]
    pub(crate) handler: HandlerArgs,
}

#[derive(Args, Debug)]
pub(crate) struct WorkloadArgs {
    /// A deployment, statefulset or replicaset: NAME or KIND/NAME
    #[arg(value_name = "WORKLOAD")]
    pub(crate) workload: String,
    /// Its namespace; the connection's by default
    #[arg(long, short, value_name = "NAMESPACE")]
    pub(crate) namespace: Option<String>,
    /// The container that is meant; the one with the port by default
    #[arg(long, short, value_name = "CONTAINER")]
    pub(crate) container: Option<String>,
    /// What to call it here; the workload's name by default
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
    /// End it after this time, or at it: 2h, 3d, 2026-03-01T18:00:00Z
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,
    /// Say what it would change in the cluster, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug, Default)]
pub(crate) struct ConnectionArgs {
    /// Over this connection; may be left out if there is only one
    #[arg(long, value_name = "NAME")]
    pub(crate) connection: Option<String>,
}

#[derive(Args, Debug, Default)]
pub(crate) struct TrafficArgs {
    /// Port on this computer and port of the workload, by name or number; may be repeated
    #[arg(long, short, value_name = "LOCAL[:PORT][/udp]")]
    pub(crate) port: Vec<AskedPort>,
    /// Where the program listens
    #[arg(long, value_name = "HOST", default_value = "127.0.0.1")]
    pub(crate) address: String,
}

/// Which HTTP requests are meant: those of which all that is given is true.
#[derive(Args, Debug, Default)]
#[command(next_help_heading = "Only some HTTP requests")]
pub(crate) struct HttpArgs {
    /// Header that is this, or matches a regular expression; may be repeated
    #[arg(long, value_name = "NAME=VALUE|NAME~=REGEX")]
    http_header: Vec<HeaderFilter>,
    /// The path
    #[arg(long, value_name = "PATH", conflicts_with_all = ["http_path_prefix", "http_path_regex"])]
    http_path: Option<String>,
    /// Whole segments that the path begins with
    #[arg(long, value_name = "PATH", conflicts_with = "http_path_regex")]
    http_path_prefix: Option<String>,
    /// Regular expression over the whole path
    #[arg(long, value_name = "REGEX")]
    http_path_regex: Option<String>,
    /// The method
    #[arg(long, value_name = "METHOD")]
    http_method: Option<String>,
}

/// What the container's environment is for, without what is this computer's own.
#[derive(Args, Debug, Default)]
#[command(next_help_heading = "The container's environment")]
pub(crate) struct HandlerArgs {
    /// Write it as NAME=VALUE lines for docker run --env-file
    #[arg(long, value_name = "FILE")]
    env_file: Option<PathBuf>,
    /// Write it as JSON
    #[arg(long, value_name = "FILE")]
    env_json: Option<PathBuf>,
    /// Write it as a script for a shell
    #[arg(long, value_name = "FILE")]
    env_shell: Option<PathBuf>,
    /// Run this command with it; when either ends, so does the other
    ///
    /// The command and the files above get the container's variables but for HOME, HOSTNAME, PATH, SHELL, USER, LOGNAME, TMPDIR,
    /// XDG_*, LD_*, BASH_ENV, HAWSER_*, and an ENV that is no plain word.
    #[arg(last = true, value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,
}

/// Whether the container's volumes are wanted here.
#[derive(Args, Debug, Default)]
#[command(next_help_heading = "The container's files")]
pub(crate) struct FilesArgs {
    /// Mount its volumes on this folder, which has to be empty; on one of Hawser's by default
    #[arg(long, value_name = "DIR", num_args = 0..=1)]
    mount: Option<Option<PathBuf>>,
    /// Mount them so that nothing there can be changed
    #[arg(long)]
    mount_read_only: bool,
}

/// End an intercept, a wiretap, a replacement or an ingest
#[derive(Args, Debug)]
pub(crate) struct LeaveArgs {
    /// Which one
    #[arg(value_name = "NAME", required_unless_present = "all")]
    pub(crate) name: Option<String>,
    /// All of the connection
    #[arg(long, conflicts_with = "name")]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Let an intercept end at another time
#[derive(Args, Debug)]
pub(crate) struct ExtendArgs {
    /// Which one
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// After this time, or at it: 2h, 3d, 2026-03-01T18:00:00Z; or never
    #[arg(long, value_name = "TIME")]
    pub(crate) until: String,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

impl HttpArgs {
    /// `None` means every request, and whatever is no HTTP.
    pub(crate) fn filter(self) -> Option<HttpFilter> {
        let exact = self.http_path.map(PathFilter::Exact);
        let path = exact
            .or(self.http_path_prefix.map(PathFilter::Prefix))
            .or(self.http_path_regex.map(PathFilter::Regex))
            .map(Into::into);
        let method = self.http_method.unwrap_or_default().to_ascii_uppercase();
        let headers: Vec<_> = self.http_header.into_iter().map(|HeaderFilter(header)| header).collect();
        let says_nothing = headers.is_empty() && path.is_none() && method.is_empty();
        (!says_nothing).then_some(HttpFilter { headers, path, method })
    }
}

impl FilesArgs {
    /// How they are wanted, if they are.
    pub(crate) fn wanted(self) -> Option<Files> {
        (self.mount.is_some() || self.mount_read_only)
            .then(|| Files { folder: self.mount.flatten(), read_only: self.mount_read_only })
    }
}

impl HandlerArgs {
    /// The files that are to be written.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&PathBuf, Format)> {
        [(&self.env_file, Format::Lines), (&self.env_json, Format::Json), (&self.env_shell, Format::Shell)]
            .into_iter()
            .filter_map(|(path, format)| Some((path.as_ref()?, format)))
    }
}
