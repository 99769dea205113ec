//! Every code, with its title and its advice.

use std::fmt;

macro_rules! codes {
    ($($variant:ident $name:literal $title:literal $fix:literal;)*) => {
        /// A stable name for one kind of error.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code { $(#[doc = $title] $variant,)* }

        /// Every code there is.
        pub const CODES: &[Code] = &[$(Code::$variant,)*];

        impl Code {
            /// The stable, kebab-case name.
            pub fn as_str(self) -> &'static str { match self { $(Code::$variant => $name,)* } }
            /// A short heading.
            pub fn title(self) -> &'static str { match self { $(Code::$variant => $title,)* } }
            /// What to do about it when nothing more is known.
            pub fn fix(self) -> &'static str { match self { $(Code::$variant => $fix,)* } }
            /// The code of this name, if there is one.
            pub fn parse(name: &str) -> Option<Code> { match name { $($name => Some(Code::$variant),)* _ => None } }
        }
    };
}

codes! {
    FileUnreadable "file-unreadable" "A file could not be read" "Check that the path is right and that you may read it.";
    FileUnwritable "file-unwritable" "A file could not be written" "Check that the directory exists, has space left, and that you may write there.";
    ConfigMalformed "config-malformed" "A configuration file is malformed" "Correct the line that is named.";
    KeyMalformed "key-malformed" "A key is malformed" "A key is written as sha256: and 64 hexadecimal digits; `hawser key` prints yours.";
    SubnetInvalid "subnet-invalid" "A subnet cannot be served" "Write subnets as address/prefix with no host bits set, for example 10.96.0.0/16.";
    ListenFailed "listen-failed" "The listen address cannot be used" "Choose another address or stop the program that uses it.";
    HelperUnreachable "helper-unreachable" "The helper is not running" "Start it with: sudo systemctl start hawser-helper";
    HelperNotAllowed "helper-not-allowed" "You may not use the helper" "Ask an administrator to add you to the group hawser: sudo usermod -aG hawser $USER";
    HelperVersion "helper-version" "The helper has another version than this program" "Update both from the same package, then restart the helper.";
    AlreadyConnected "already-connected" "Another connection has this name" "Disconnect it first with: hawser disconnect";
    NotConnected "not-connected" "There is no such connection" "See what is there with: hawser status";
    NotOwner "not-owner" "The connection belongs to somebody else" "Its owner or root can end it.";
    SubnetConflict "subnet-conflict" "A subnet of the cluster is already routed elsewhere" "Disconnect what holds the route that is named.";
    ManagerUnreachable "manager-unreachable" "The manager cannot be reached" "Check that it is running and that its address and port are right.";
    ManagerRefused "manager-refused" "The manager does not know this key" "Add the key that is named to authorised_keys in the manager's file.";
    PinMismatch "pin-mismatch" "The manager shows another key than the pinned one" "If the manager's key was replaced, take its new pin from its operator; if not, somebody is between.";
    TlsFailed "tls-failed" "No encrypted link could be made" "Check that the address is the manager's and nothing in between rewrites traffic.";
    VersionMismatch "version-mismatch" "Helper and manager speak different protocol versions" "Update the older one of the two.";
    LinkLost "link-lost" "The link to the manager was lost" "Hawser dials again by itself; check the network if it lasts.";
    LinkSilent "link-silent" "The manager stopped answering" "Hawser dials again by itself; check the network if it lasts.";
    ManagerStopping "manager-stopping" "The manager is shutting down" "Hawser dials again by itself.";
    ProtocolViolation "protocol-violation" "The other side broke the protocol" "Update both sides; if it stays, report it with the log.";
    TunUnavailable "tun-unavailable" "No virtual network device could be made" "Load the module with: sudo modprobe tun, and check that /dev/net/tun may be opened.";
    NetworkChange "network-change" "An address or route could not be set" "The helper needs CAP_NET_ADMIN; check its unit file.";
    DnsUnavailable "dns-unavailable" "Names of the cluster do not resolve" "See which program owns the resolver with: hawser doctor";
    DnsBypassed "dns-bypassed" "This host's resolver does not ask Hawser" "See which program owns the resolver with: hawser doctor";
    SuffixTaken "suffix-taken" "No name leads to this connection" "Disconnect, and connect under another name: hawser connect --name NAME";
    StateUnwritable "state-unwritable" "The helper cannot write its state" "Check the space and the rights of its state directory.";
    StateNewer "state-newer" "The helper's state was written by a newer version" "Install the newer version again, or forget its connections and keys: sudo rm -r /var/lib/hawser";
    LimitReached "limit-reached" "A limit was reached" "Close what is not needed; the limits are listed in the README.";
    ApiUnreachable "api-unreachable" "The API server cannot be reached" "Check the network, and the server in your kubeconfig: kubectl cluster-info";
    ApiUntrusted "api-untrusted" "The API server's certificate is not trusted" "Check certificate-authority and tls-server-name in your kubeconfig, and this computer's clock.";
    ApiRefused "api-refused" "The API server refused a request" "Read its sentence above; hawser doctor checks each thing that is needed.";
    RightsMissing "rights-missing" "Kubernetes does not allow this" "Ask the cluster's administrator for the right that is named.";
    ProxyRefused "proxy-refused" "The proxy lets nothing through to the API server" "Check proxy-url in your kubeconfig, or HTTPS_PROXY and NO_PROXY.";
    ManagerAbsent "manager-absent" "There is no traffic manager in the cluster" "Install it with: hawser cluster install";
    ClusterTooOld "cluster-too-old" "The cluster's Kubernetes is too old" "Upgrade the cluster to Kubernetes 1.30 or newer.";
    InstalledOtherwise "installed-otherwise" "The cluster's Hawser was installed in another way" "Go on in the way that is named.";
    RolloutFailed "rollout-failed" "The manager does not become available" "See why with: kubectl describe pods -n hawser";
    RemovalStuck "removal-stuck" "Something of Hawser stays in the cluster" "See what holds it with kubectl describe, then do it again: hawser cluster uninstall";
    SessionRefused "session-refused" "The manager does not take the session" "Read its sentence above.";
    LoginRequired "login-required" "You have to log in" "Log in with: hawser login";
    KubeconfigMalformed "kubeconfig-malformed" "A kubeconfig is malformed" "Correct what is named; kubectl config view shows what kubectl makes of it.";
    KubeconfigMissing "kubeconfig-missing" "There is no kubeconfig" "Get one from your cluster's own tool or administrator, then name it with --kubeconfig or KUBECONFIG.";
    KubeconfigEmpty "kubeconfig-empty" "The kubeconfig names no cluster" "Add a cluster to it with your cluster's own tool, or name another file with --kubeconfig.";
    ContextUnknown "context-unknown" "There is no such context" "Choose a context with --context, or for good with: kubectl config use-context NAME";
    ClusterUnknown "cluster-unknown" "The context's cluster is not in the kubeconfig" "Add the cluster that is named, or choose another context with --context.";
    UserUnknown "user-unknown" "The context's user is not in the kubeconfig" "Add the user that is named, or choose another context with --context.";
    PluginMissing "plugin-missing" "The kubeconfig's credential plugin is not installed" "Install the program that is named, or put its directory into PATH.";
    PluginFailed "plugin-failed" "The kubeconfig's credential plugin failed" "Read its last words above; if it wants you to log in: hawser login";
    PluginTimedOut "plugin-timed-out" "The kubeconfig's credential plugin did not end" "It may be waiting for you: hawser login. Otherwise check the network that it needs.";
    AuthProviderUnsupported "auth-provider-unsupported" "The kubeconfig logs in by an auth-provider" "Kubernetes removed auth-providers; have the kubeconfig made anew with an exec plugin.";
    CredentialMalformed "credential-malformed" "A credential cannot be used" "Have it issued anew; the detail says what is wrong with it.";
    CredentialExpired "credential-expired" "The credential has expired" "Log in again with: hawser login, or have the certificate issued anew; and check this computer's clock.";
    KeyringLocked "keyring-locked" "Your keyring is locked" "Unlock it; until then logins are kept in a file that only you can read.";
    KeyringAbsent "keyring-absent" "There is no keyring" "Install one, such as gnome-keyring; until then logins are kept in a file that only you can read.";
    WorkloadUnknown "workload-unknown" "There is no such workload" "See what you may work on with: hawser list";
    WorkloadAmbiguous "workload-ambiguous" "Several workloads have this name" "Write it as kind/name, for example deployment/web.";
    PortUnknown "port-unknown" "The workload has no such port" "See its ports with: hawser list";
    PortAmbiguous "port-ambiguous" "The workload has several ports" "Name one with: --port LOCAL:PORT";
    ContainerUnknown "container-unknown" "The pod has no such container" "Name another one with --container.";
    PodAbsent "pod-absent" "No pod of the workload can be intercepted now" "See how its pods are with: kubectl get pods";
    InterceptUnknown "intercept-unknown" "There is no such intercept" "See what you hold with: hawser status";
    InterceptExists "intercept-exists" "You hold another intercept of this name" "Leave it with hawser leave, or choose another name with --name.";
    InterceptRefused "intercept-refused" "The cluster refuses the intercept" "Read its sentence above.";
    InterceptWaiting "intercept-waiting" "The intercept waits" "Nothing: it goes on by itself. Until then the workload has its traffic.";
    PortHeld "port-held" "Somebody else intercepts this port" "Ask who is named, or take a part of the requests with --http-header.";
    InterceptEnded "intercept-ended" "The intercept was ended in the cluster" "Ask whoever watches over the namespace, then ask for it again.";
    InterceptExpired "intercept-expired" "The intercept's time is over" "Ask for it again, for a longer time with --until.";
    LocalPortTaken "local-port-taken" "The local port is taken" "End what has it, which the detail names, or choose another local port.";
    LocalPortSilent "local-port-silent" "Nobody listens on the local port" "Start your program, or name its port with: --port LOCAL:PORT";
    SshfsMissing "sshfs-missing" "Files cannot be mounted without sshfs" "Install it with: sudo apt install sshfs";
    FuseUnavailable "fuse-unavailable" "This computer mounts no file systems of users" "Load the module with: sudo modprobe fuse, and check that /dev/fuse is there.";
    MountPointUnusable "mount-point-unusable" "The folder cannot be a mount point" "Name an empty folder of yours with: --mount DIR";
    MountFailed "mount-failed" "The container's files are not mounted" "Read the sentence above; Hawser tries again by itself.";
    VolumesAbsent "volumes-absent" "The container has no files to mount" "Name another container with --container, or leave --mount out.";
    ReplicaUnreached "replica-unreached" "Not all that clients ask for reaches this laptop" "Do what is named for the way that fails.";
    InjectionDisabled "injection-disabled" "The workload takes no agent" "Ask its owner to remove the annotation hawser.dev/inject: disabled.";
    InjectionImpossible "injection-impossible" "The workload's pods cannot have an agent" "Intercept another workload; the detail says what rules an agent out in this one.";
    PodRefused "pod-refused" "The cluster refuses the workload's pods with an agent" "Ask the namespace's administrator to allow what is named; nothing was changed.";
    WebhookUnreachable "webhook-unreachable" "The API server does not reach the manager's webhook" "Let the control plane reach port 8443 of the manager's pods; hawser doctor checks it.";
    EvictionBlocked "eviction-blocked" "A pod may not be evicted" "Wait, or ask the owner of the PodDisruptionBudget to allow a disruption.";
    PodsNotReady "pods-not-ready" "The workload's pods do not become ready with an agent" "See why with: kubectl describe pods";
    DemoUnsupported "demo-unsupported" "The demo cannot run on this machine" "It needs user namespaces and /dev/net/tun; run it as root where they are restricted.";
    BadArgument "bad-argument" "An argument cannot be used" "See: hawser help";
    Internal "internal" "Something failed that should not" "Report it with the output of: hawser doctor";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
