//! A pod's files on the laptop.

use std::time::Instant;

use anyhow::Result;
use hawser_cluster::{apply, kubectl, on_laptop, on_node};

use super::rig::{Rig, said};
use crate::figure::{Figure, Goal, number};

/// MB that are written and read.
const LARGE: u32 = 100;
/// Files of the tree, and of each of its folders.
const TREE: u32 = 5_000;
const FOLDER: u32 = 100;
/// Where the files are on the laptop.
const ROOT: &str = "/run/bench-files";

pub fn files(rig: &Rig) -> Result<Vec<Figure>> {
    let _files = Files::new(rig);
    let (mut written, mut read, mut status) = (Vec::new(), Vec::new(), Vec::new());
    said(&on_laptop(&format!(
        "cd $(mktemp -d) && pwd >/run/bench-tree && git init -q . && \
         for d in $(seq {}); do mkdir $d; for f in $(seq {FOLDER}); do echo $d $f >$d/$f; done; done && \
         git add . && git -c user.name=a -c user.email=a@b commit -qm all && tar c . | \
         kubectl --kubeconfig ~/.kube/admin exec -i -n default deployment/files -- tar x -C /data && cd / && rm -r $(cat /run/bench-tree)",
        TREE / FOLDER
    )))?;
    for _ in 0..rig.blocks.max(3) {
        written.push(
            f64::from(LARGE)
                / seconds(&format!("dd if=/dev/zero of={ROOT}/data/large bs=1M count={LARGE} conv=fsync"))?,
        );
        read.push(f64::from(LARGE) / seconds(&format!("dd if={ROOT}/data/large of=/dev/null bs=1M"))?);
        status.push(seconds(&format!(
            "git -c safe.directory='*' -C {ROOT}/data status --porcelain --untracked-files=no"
        ))?);
    }
    let behind = format!("{} files", number(f64::from(TREE)));
    Ok(vec![
        Figure::absolute(
            "files",
            format!("writes {LARGE} MB, MB/s"),
            written,
            Goal::AtLeast(20.0, 40.0),
            String::new(),
        ),
        Figure::absolute("files", format!("  reads {LARGE} MB, MB/s"), read, Goal::AtLeast(20.0, 40.0), String::new()),
        Figure::absolute("files", "  git status, s", status, Goal::AtMost(15.0, 5.0), behind),
    ])
}

/// Seconds that a command on the laptop takes, which finds nothing in the laptop's memory.
fn seconds(command: &str) -> Result<f64> {
    on_laptop("echo 3 >/proc/sys/vm/drop_caches");
    let began = Instant::now();
    said(&on_laptop(command))?;
    Ok(began.elapsed().as_secs_f64())
}

/// A workload with a volume that is mounted on the laptop; gone at the end.
struct Files<'a>(&'a Rig);

impl<'a> Files<'a> {
    fn new(rig: &'a Rig) -> Self {
        apply(
            "apiVersion: apps/v1
kind: Deployment
metadata: {name: files, namespace: default}
spec:
  selector: {matchLabels: {app: files}}
  template:
    metadata: {labels: {app: files}, annotations: {hawser.dev/inject: enabled}}
    spec:
      terminationGracePeriodSeconds: 0
      securityContext: {runAsUser: 1000, fsGroup: 1000}
      volumes: [{name: data, emptyDir: {}}]
      containers:
        - name: server
          image: rig.local/tools:1
          imagePullPolicy: Never
          command: [/bin/sh, -c, 'exec sleep 100000']
          volumeMounts: [{name: data, mountPath: /data}]",
        );
        kubectl("rollout status -n default deployment/files --timeout=60s");
        rig.laptop.ok(&format!("ingest files --mount {ROOT}"));
        Self(rig)
    }
}

impl Drop for Files<'_> {
    fn drop(&mut self) {
        self.0.laptop.hawser("leave files");
        on_node("kubectl delete deployment files -n default --ignore-not-found --wait=false");
    }
}
