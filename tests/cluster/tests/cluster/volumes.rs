//! The files of a container on the laptop: what can be done with them, what keeps them apart from the laptop's own, and that
//! nothing of them stays.

use std::time::Duration;

use hawser_cluster::{Laptop, Said, apply, kubectl, on_laptop, on_node, within};

/// Where files are by default, of the intercept `files` over the connection of the rig.
const ROOT: &str = "/run/user/hawser/mounts/rig/files";

/// A workload with a volume of each kind, whose emptyDir has links that lead out.
struct Workload;

impl Workload {
    fn new() -> Self {
        apply(
            "apiVersion: v1
kind: ConfigMap
metadata: {name: files, namespace: default}
data: {greeting: hello}
---
apiVersion: v1
kind: Secret
metadata: {name: files, namespace: default}
stringData: {password: s3cret}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: files, namespace: default}
spec:
  selector: {matchLabels: {app: files}}
  template:
    metadata: {labels: {app: files}, annotations: {hawser.dev/inject: enabled, hawser.dev/volumes: 'hidden=ignore,fixed=read-only'}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        # Another one before it: files are those of the container that is asked for.
        - name: first
          image: rig.local/busybox:1
          imagePullPolicy: Never
          command: [/bin/sleep, '100000']
          volumeMounts: [{name: hidden, mountPath: /of-the-first}]
        - name: server
          image: rig.local/busybox:1
          imagePullPolicy: Never
          command:
            - /bin/sh
            - -c
            - |
              echo from the pod >/data/hello
              echo fixed >/fixed/file
              mkdir -p /data/a/b /data/many
              ln -s /etc/shadow /data/absolute
              ln -s ../../../../../../../../../../etc/shadow /data/a/b/relative
              ln -s /config/greeting /data/to-config
              ln -s ../../hello /data/a/b/up
              exec httpd -f -p 8080 -h /data
          ports: [{containerPort: 8080, name: http}]
          readinessProbe: {httpGet: {path: /hello, port: http}, periodSeconds: 1}
          volumeMounts:
            - {name: config, mountPath: /config}
            - {name: secret, mountPath: /secret, readOnly: true}
            - {name: locked, mountPath: /locked}
            - {name: data, mountPath: /data}
            - {name: fixed, mountPath: /fixed}
            - {name: hidden, mountPath: /hidden}
            - {name: config, mountPath: /one/greeting, subPath: greeting}
      volumes:
        - {name: config, configMap: {name: files}}
        - {name: secret, secret: {secretName: files}}
        - {name: locked, secret: {secretName: files, defaultMode: 256}}
        - {name: data, emptyDir: {}}
        - {name: fixed, emptyDir: {}}
        - {name: hidden, emptyDir: {}}
---
apiVersion: v1
kind: Service
metadata: {name: files, namespace: default}
spec: {selector: {app: files}, ports: [{port: 80, targetPort: http}]}",
        );
        kubectl("rollout status -n default deployment/files --timeout=60s");
        Self
    }

    /// Runs a command in its container.
    fn run(command: &str) -> String {
        kubectl(&format!("exec -n default deployment/files -c server -- sh -c '{command}'"))
    }
}

impl Drop for Workload {
    fn drop(&mut self) {
        on_node(
            "kubectl delete --ignore-not-found --wait -n default deployment/files service/files configmap/files secret/files",
        );
    }
}

fn with_files(laptop: &Laptop, more: &str) -> Said {
    let said = laptop.hawser(&format!("ingest files --container server --mount {more}"));
    assert_eq!(said.code, 0, "{said:?}");
    said
}

/// What a file of the container has, here.
fn read(path: &str) -> Option<String> {
    let said = on_laptop(&format!("timeout 5 cat {ROOT}{path}"));
    (said.code == 0).then_some(said.out)
}

fn is_mounted() -> bool {
    !on_laptop("grep -F 'fuse.sshfs hawser:/' /proc/self/mountinfo").out.is_empty()
}

/// Nothing is mounted, nothing runs, and nothing waits for what is not there any more.
fn nothing_is_left(seconds: u64) {
    within(seconds, "nothing is mounted", || !is_mounted());
    within(seconds, "sshfs has ended", || on_laptop("pgrep -x sshfs").out.is_empty());
    within(seconds, "nothing waits for a disk", || {
        on_laptop("ps -eo stat=,comm= | grep ^D | grep -v kworker").out.is_empty()
    });
}

#[test]
fn every_volume_is_there_under_one_root() {
    let _workload = Workload::new();
    let laptop = Laptop::developer();
    let said = with_files(&laptop, "--env-file /run/volumes.env");
    assert!(said.out.contains(ROOT), "{said:?}");
    assert!(said.out.contains("/locked/password"), "what can't be read is named: {said:?}");
    assert_eq!(on_laptop("grep HAWSER_ROOT= /run/volumes.env").out, format!("HAWSER_ROOT={ROOT}"));
    let status = laptop.status();
    let files = &status["intercepts"][0]["files"];
    assert_eq!((&files["path"], &files["mounted"]), (&ROOT.into(), &true.into()), "{status}");

    assert_eq!(read("/config/greeting").as_deref(), Some("hello"));
    assert_eq!(read("/one/greeting").as_deref(), Some("hello"), "a volume can be one file");
    assert_eq!(read("/secret/password").as_deref(), Some("s3cret"));
    assert_eq!(read("/data/hello").as_deref(), Some("from the pod"));
    assert_eq!(read("/locked/password"), None);
    let token = Workload::run("cat /var/run/secrets/kubernetes.io/serviceaccount/token");
    assert_eq!(read("/var/run/secrets/kubernetes.io/serviceaccount/token"), Some(token));
    let listed = on_laptop(&format!("ls -A {ROOT}")).out;
    let mut names: Vec<&str> = listed.lines().collect();
    names.sort_unstable();
    assert_eq!(
        names,
        ["config", "data", "fixed", "locked", "one", "secret", "var"],
        "nothing else, and no ignored one"
    );

    let root = ROOT;
    let said = on_laptop(&format!(
        "cd {root}/data && echo from the laptop >made && mkdir dir && mv made dir/moved && rm hello"
    ));
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(
        Workload::run("cat /data/dir/moved; ls /data/hello 2>&1 || true"),
        "from the laptop\nls: /data/hello: No such file or directory"
    );
    for refused in ["secret/password", "config/greeting", "config/new", "fixed/file", "one/greeting", "new", "var/new"]
    {
        let said = on_laptop(&format!("echo x >>{root}/{refused}"));
        assert_ne!(said.code, 0, "{refused} can be written");
    }
    assert_eq!(laptop.hawser("leave files").code, 0);
    nothing_is_left(3);
    assert_ne!(on_laptop(&format!("ls {root}")).code, 0, "the folder was ours");
}

#[test]
fn links_never_lead_to_the_laptop_s_own_files() {
    let _workload = Workload::new();
    let laptop = Laptop::developer();
    with_files(&laptop, "");
    // Whoever reads through them would find these.
    on_laptop("mkdir -p /run/etc; echo laptop >/run/etc/shadow; echo laptop >/run/user/etc");
    assert_eq!(read("/data/to-config").as_deref(), Some("hello"), "what it names in the container");
    assert_eq!(read("/data/a/b/up").as_deref(), Some("from the pod"));
    for link in ["/data/absolute", "/data/a/b/relative"] {
        assert_eq!(read(link), None, "{link}");
        let real = on_laptop(&format!("realpath -m {ROOT}{link}")).out;
        assert_eq!(real, format!("{ROOT}/etc/shadow"), "{link}");
        let said = on_laptop(&format!("echo attacked >{ROOT}{link}"));
        assert_ne!(said.code, 0, "{link} can be written through");
    }
    // One that is put in the place of a folder while somebody looks.
    Workload::run("mv /data/a /data/old; ln -s /etc /data/a");
    within(10, "the laptop sees the new link", || on_laptop(&format!("readlink {ROOT}/data/a")).out == "../etc");
    assert_eq!(read("/data/a/passwd"), None);
}

#[test]
fn read_only_is_what_it_says() {
    let _workload = Workload::new();
    let laptop = Laptop::developer();
    let said = laptop.hawser("ingest files --container server --mount /run/mine --mount-read-only");
    assert!(said.code == 0 && said.out.contains("/run/mine, read-only"), "{said:?}");
    assert_eq!(on_laptop("cat /run/mine/data/hello").out, "from the pod");
    let said = on_laptop("echo x >/run/mine/data/new");
    assert!(said.err.contains("Read-only file system"), "{said:?}");
    let again = laptop.fault("ingest files --container server --name other --mount /run/mine");
    assert!(again.err.contains("code: mount-point-unusable"), "{again:?}");
    assert_eq!(laptop.hawser("disconnect").code, 0);
    nothing_is_left(3);
    assert_eq!(on_laptop("ls -A /run/mine").out, "", "the user's own folder stays");
}

#[test]
fn a_dead_pod_is_an_error_at_once_and_the_next_one_is_mounted() {
    let _workload = Workload::new();
    let laptop = Laptop::developer();
    with_files(&laptop, "");
    Workload::run("dd if=/dev/zero of=/data/big bs=1M count=64");
    // One that is always reading, and says when it could not.
    on_laptop(&format!(
        "exec 3<{ROOT}/data/big; (while dd if=/proc/self/fd/3 of=/dev/null bs=64k iflag=direct status=none 2>/dev/null; do :; done; date +%s%N >/run/failed) >/dev/null 2>&1 &"
    ));
    let killed: u128 = on_node("date +%s%N; pkill -KILL -x hawser-agent").out.parse().unwrap();
    within(5, "the reader is told", || on_laptop("test -s /run/failed").code == 0);
    let failed: u128 = on_laptop("cat /run/failed").out.parse().unwrap();
    assert!(Duration::from_nanos((failed - killed) as u64) < Duration::from_secs(2), "{} ns", failed - killed);
    within(20, "the agent's next life is mounted", || read("/data/hello").is_some());

    kubectl("delete pod -n default -l app=files --wait=false");
    within(30, "the next pod's files are mounted", || {
        is_mounted() && read("/data/hello").is_some() && read("/data/big").is_none()
    });
    drop(laptop);
    nothing_is_left(5);
}

#[test]
fn nothing_stays_when_companion_or_helper_are_killed() {
    let _workload = Workload::new();
    let mut laptop = Laptop::developer();
    with_files(&laptop, "");
    on_laptop("pkill -KILL -f '[h]awser companion'");
    nothing_is_left(3);
    // Whatever needs a companion brings it back, and its mounts with it.
    with_files(&laptop, "");
    assert_eq!(read("/data/hello").as_deref(), Some("from the pod"));

    // Nobody is left who could unmount it: the next companion does.
    on_laptop("pkill -KILL -f '[h]awser companion'; pkill -KILL -x sshfs");
    with_files(&laptop, "");
    assert_eq!(read("/data/hello").as_deref(), Some("from the pod"));
    assert_eq!(on_laptop("grep -cF 'fuse.sshfs hawser:/' /proc/self/mountinfo").out, "1");

    laptop.kill_helper();
    nothing_is_left(3);
    laptop.start_helper();
    within(30, "it comes back with the helper", || read("/data/hello").is_some());

    on_laptop("pkill -KILL -x sshfs");
    within(10, "it comes back without sshfs", || read("/data/hello").is_some());
    assert_eq!(laptop.hawser("leave files").code, 0);
    nothing_is_left(3);
}

#[test]
fn each_mistake_is_named_at_once() {
    let _workload = Workload::new();
    let laptop = Laptop::developer();
    on_laptop("mkdir -p /run/full /run/tools && touch /run/full/mine");
    for (arguments, code) in [
        ("ingest files --container server --mount /run/full", "mount-point-unusable"),
        ("ingest files --container server --mount /run/full/mine", "mount-point-unusable"),
        ("ingest files --container server --mount /proc/none", "mount-point-unusable"),
    ] {
        let said = laptop.fault(arguments);
        assert!(said.err.contains(&format!("code: {code}")), "{arguments}: {said:?}");
    }
    let said = laptop.hawser_with("PATH=/run/tools", "ingest files --container server --mount");
    assert!(said.err.contains("code: sshfs-missing") && said.err.contains("apt install sshfs"), "{said:?}");
    assert_eq!(laptop.status()["intercepts"], serde_json::json!([]), "nothing has begun");
}
