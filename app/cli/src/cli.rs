//! What can be typed.

pub(crate) mod agent;
pub(crate) mod cluster;
pub(crate) mod intercept;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use hawser_client::kubeconfig::Arguments;

use crate::demo::DemoArgs;

/// Ties this computer to a cluster: its addresses are routed, its names resolve.
#[derive(Parser, Debug)]
#[command(name = "hawser", version, about)]
#[command(after_help = "The helper's socket is taken from $HAWSER_SOCKET, else it is /run/hawser/helper.sock.")]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    Connect(ConnectArgs),
    Disconnect(DisconnectArgs),
    List(ListArgs),
    Intercept(intercept::InterceptArgs),
    Wiretap(intercept::WiretapArgs),
    Replace(intercept::ReplaceArgs),
    Ingest(intercept::IngestArgs),
    Leave(intercept::LeaveArgs),
    Extend(intercept::ExtendArgs),
    Login(LoginArgs),
    Agent(agent::AgentArgs),
    Cluster(cluster::ClusterArgs),
    Status(StatusArgs),
    Flows(FlowsArgs),
    Queries(QueriesArgs),
    Doctor(DoctorArgs),
    Logs(LogsArgs),
    Key(KeyArgs),
    Demo(DemoArgs),
    Completions(CompletionsArgs),
    Man(ManArgs),
    /// Answer the helper's questions as this user, until nothing needs it
    #[command(hide = true)]
    Companion,
    /// Run the helper in this process
    #[command(hide = true)]
    Helper(hawser_helper::cli::Args),
    /// Run the manager in this process
    #[command(hide = true)]
    Manager(hawser_manager::cli::Args),
}

/// Connect to a cluster and wait until it is reachable
///
/// If the connection is there already, --also-proxy and --never-proxy take the place of what was given before, and nothing of it ends.
#[derive(Args, Debug)]
pub(crate) struct ConnectArgs {
    #[command(flatten)]
    pub(crate) kubeconfig: KubeconfigArgs,
    /// Namespace of the traffic manager
    #[arg(long, value_name = "NAMESPACE", env = "HAWSER_MANAGER_NAMESPACE", default_value = "hawser")]
    pub(crate) manager_namespace: String,
    /// Route this subnet to the cluster too; may be repeated
    #[arg(long, value_name = "SUBNET")]
    pub(crate) also_proxy: Vec<String>,
    /// Leave this subnet on this computer; the longer prefix wins; may be repeated
    #[arg(long, value_name = "SUBNET")]
    pub(crate) never_proxy: Vec<String>,
    /// File that names a manager outside Kubernetes and the pin of its key
    #[arg(long, value_name = "FILE", conflicts_with_all = [
        "kubeconfig", "context", "namespace", "as_user", "as_group", "as_uid",
    ])]
    pub(crate) standalone: Option<PathBuf>,
    /// What to call the connection; the context's or the file's name by default
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Run this command once connected, and disconnect when it ends
    #[arg(last = true, value_name = "COMMAND")]
    pub(crate) command: Vec<std::ffi::OsString>,
}

/// Which cluster, and as whom: as with kubectl.
#[derive(Args, Debug, Default)]
pub(crate) struct KubeconfigArgs {
    /// Kubeconfig to read instead of those of $KUBECONFIG
    #[arg(long, value_name = "FILE")]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig
    #[arg(long, value_name = "CONTEXT")]
    pub(crate) context: Option<String>,
    /// Namespace whose services go by a single label
    #[arg(long, short, value_name = "NAMESPACE")]
    pub(crate) namespace: Option<String>,
    /// User to act as
    #[arg(long = "as", value_name = "USER")]
    pub(crate) as_user: Option<String>,
    /// Group to act as; may be repeated
    #[arg(long, value_name = "GROUP")]
    pub(crate) as_group: Vec<String>,
    /// Unique id to act as
    #[arg(long, value_name = "UID")]
    pub(crate) as_uid: Option<String>,
}

/// Show the namespaces, workloads, services and ports that you may work on
#[derive(Args, Debug)]
pub(crate) struct ListArgs {
    /// Only this namespace; may be repeated
    #[arg(long, short, value_name = "NAMESPACE")]
    pub(crate) namespace: Vec<String>,
    /// Of this connection; may be left out if there is only one
    #[arg(value_name = "NAME")]
    pub(crate) name: Option<String>,
    #[command(flatten)]
    pub(crate) view: ViewArgs,
}

/// Log in to a cluster whose credential plugin wants a terminal
#[derive(Args, Debug)]
pub(crate) struct LoginArgs {
    #[command(flatten)]
    pub(crate) kubeconfig: KubeconfigArgs,
    /// The connection that waits for it; the context's name by default
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
}

/// End a connection
#[derive(Args, Debug)]
pub(crate) struct DisconnectArgs {
    /// Which one; may be left out if there is only one
    #[arg(value_name = "NAME")]
    pub(crate) name: Option<String>,
}

/// Show the connections and how they are
#[derive(Args, Debug)]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    pub(crate) view: ViewArgs,
}

/// Show the TCP connections and other exchanges that go through Hawser
#[derive(Args, Debug)]
pub(crate) struct FlowsArgs {
    #[command(flatten)]
    pub(crate) view: ViewArgs,
}

/// Show the names that programs on this computer asked for last, and who answered how fast
#[derive(Args, Debug)]
pub(crate) struct QueriesArgs {
    #[command(flatten)]
    pub(crate) view: ViewArgs,
}

#[derive(Args, Debug)]
pub(crate) struct ViewArgs {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Go on showing changes until interrupted: in place on a terminal, else one line for each
    #[arg(long)]
    pub(crate) watch: bool,
}

/// Check everything that a connection needs, and say what to do where something is missing
#[derive(Args, Debug)]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    pub(crate) kubeconfig: KubeconfigArgs,
    #[command(flatten)]
    pub(crate) manager: cluster::ManagerArgs,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Collect what somebody needs who looks for a fault
#[derive(Args, Debug)]
pub(crate) struct LogsArgs {
    #[command(subcommand)]
    pub(crate) command: LogsCommand,
}

#[derive(Subcommand, Debug)]
pub(crate) enum LogsCommand {
    Gather(GatherArgs),
    Level(LevelArgs),
}

/// Print how much the helper writes to its log, or have it write more for a while
#[derive(Args, Debug)]
pub(crate) struct LevelArgs {
    /// From now on: normal or debug, which ends by itself
    #[arg(value_name = "LEVEL")]
    pub(crate) level: Option<String>,
}

/// Write logs, checks and status into one file without tokens, passwords and keys
#[derive(Args, Debug)]
pub(crate) struct GatherArgs {
    /// The file, which must not be there yet; hawser-logs-TIME.zip by default
    #[arg(long, short, value_name = "FILE.zip")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) kubeconfig: KubeconfigArgs,
    #[command(flatten)]
    pub(crate) manager: cluster::ManagerArgs,
}

/// Print the pin of your key on this computer, for a manager's list of authorised keys
#[derive(Args, Debug)]
pub(crate) struct KeyArgs {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Print a script that completes these commands in a shell
#[derive(Args, Debug)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub(crate) shell: Shell,
}

/// Print the manual page, or write all of them
#[derive(Args, Debug)]
pub(crate) struct ManArgs {
    /// Write one page for each command into this directory
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
}

impl From<KubeconfigArgs> for Arguments {
    fn from(args: KubeconfigArgs) -> Self {
        let KubeconfigArgs { kubeconfig, context, namespace, as_user, as_group, as_uid } = args;
        Self { kubeconfig, context, namespace, as_user, as_groups: as_group, as_uid }
    }
}

impl Command {
    /// Whether the caller reads JSON, which then holds for errors as well.
    pub(crate) fn json(&self) -> bool {
        match self {
            Self::Status(StatusArgs { view })
            | Self::Flows(FlowsArgs { view })
            | Self::Queries(QueriesArgs { view })
            | Self::List(ListArgs { view, .. }) => view.json,
            Self::Intercept(args) => args.workload.json,
            Self::Wiretap(args) => args.workload.json,
            Self::Replace(args) => args.workload.json,
            Self::Ingest(args) => args.workload.json,
            Self::Leave(args) => args.json,
            Self::Extend(args) => args.json,
            Self::Doctor(DoctorArgs { json, .. }) | Self::Key(KeyArgs { json }) => *json,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn what_can_be_typed() {
        for line in [
            "connect",
            "connect --context dev -n shop --as ann --as-group one --as-group two -- curl -v web",
            "connect --also-proxy 10.0.0.0/8 --never-proxy 10.1.0.0/16 --manager-namespace tools",
            "connect --standalone demo.toml",
            "list",
            "list dev -n shop -n team --json --watch",
            "login --context dev",
            "intercept web",
            "intercept deployment/web -n shop --port 8080:http --port 5353:dns/udp --address ::1 --until 2h --name mine",
            "intercept web -p 8080 --http-header x-user=ann --http-header x-trace~=a.* --http-path-prefix /api --http-method get",
            "intercept web --container app --env-file a --env-json b --env-shell c --connection dev -- npm start",
            "wiretap statefulset/db --port 5432 --json",
            "replace web -- cargo run",
            "replace web --port 8080:80",
            "ingest web --env-file .env",
            "leave web",
            "leave --all --connection dev",
            "extend web --until never",
            "agent inject --from-file web.yaml",
            "agent inject -f - -p 9000 -p 53/udp --authority ca.crt --image r/h:1 --no-native-sidecar --manager-namespace tools",
            "agent inject -f web.yaml --context dev -n shop",
            "cluster install",
            "cluster install --context dev --image r/h:1 --replicas 1 --timeout 60 --yes --as ann",
            "cluster upgrade --manager-namespace tools --image r/h@sha256:01",
            "cluster uninstall --kubeconfig k --yes",
            "cluster manifests --image r/h:1",
            "companion",
            "connect --standalone demo.toml --name shop",
            "disconnect",
            "disconnect shop",
            "status --json --watch",
            "flows",
            "flows --watch",
            "doctor --json",
            "doctor --context dev --manager-namespace tools --as ann",
            "logs gather",
            "logs gather --output out.zip --context dev",
            "logs level",
            "logs level debug",
            "key",
            "completions bash",
            "man --dir pages",
            "demo --keep",
            "demo --unconnected -- hawser-app --demo",
            "demo --in-cluster true --in-cluster false --delay 20 --loss 1 --rate 100 -- curl -v web",
            "helper --socket /tmp/x cleanup",
            "manager --standalone manager.toml",
        ] {
            let words = std::iter::once("hawser").chain(line.split(' '));
            assert!(Cli::try_parse_from(words).is_ok(), "{line}");
        }
    }

    #[test]
    fn what_cannot_be_typed() {
        for line in [
            "connect demo.toml",
            "connect --standalone a --context b",
            "disconnect a b",
            "status --follow",
            "logs",
            "completions dos",
            "demo --unconnected",
            "sail",
            "intercept",
            "intercept web --port http",
            "intercept web --port 8080/sctp",
            "intercept web --http-header nothing",
            "intercept web --http-path /a --http-path-prefix /b",
            "intercept web npm start",
            "replace web --http-method get",
            "ingest web --port 80",
            "leave",
            "leave web --all",
            "extend web",
            "agent inject",
            "agent inject -f a --image r/h:1",
            "agent inject -f a --authority b --context c",
            "agent inject -f a --port http",
            "cluster",
            "cluster install --replicas 0",
            "cluster install --timeout 0",
            "cluster uninstall --image r/h:1",
            "cluster manifests --yes",
        ] {
            let words = std::iter::once("hawser").chain(line.split(' '));
            assert_eq!(Cli::try_parse_from(words).unwrap_err().exit_code(), 2, "{line}");
        }
    }

    #[test]
    fn json_is_known_before_the_command_runs() {
        let json = |line: &str| Cli::try_parse_from(line.split(' ')).unwrap().command.json();
        assert!(json("hawser status --json") && json("hawser flows --json") && json("hawser key --json"));
        assert!(json("hawser intercept web --json") && json("hawser leave --all --json"));
        assert!(!json("hawser status") && !json("hawser disconnect"));
    }
}
