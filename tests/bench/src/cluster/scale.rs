//! Two hundred namespaces and ten thousand pods: what they cost the manager and the laptop.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use clap::Args;
use hawser_cluster::{kubectl, on_laptop, on_node, within};
use hawser_kube::{Api, ApiError, Body};
use http::Method;
use serde_json::{Value, json};

use super::rig::Rig;
use super::{manager, start};
use crate::figure::{Figure, Goal, number};

const NAMESPACES: usize = 200;
const PODS: usize = 10_000;
/// Pods that get another address in a second while it is measured what that costs.
const CHURN: u64 = 100;
/// Clients that fill the cluster.
const WORKERS: usize = 16;

pub fn many(rig: &Rig) -> Result<Vec<Figure>> {
    rig.laptop.hawser("disconnect");
    kubectl("scale -n hawser deploy/hawser-manager --replicas=1");
    manager::one_is_left()?;
    let command = |what: &str| format!("{} fill ~/.kube/admin {what}", rig.program());
    let filled = on_laptop(&command("all"));
    ensure!(filled.code == 0, "{filled:?}");
    std::thread::sleep(Duration::from_secs(5));
    let started = start::times(rig)?;
    let (before, began) = (manager::processor_seconds()?, Instant::now());
    let churned = on_laptop(&command("churn"));
    ensure!(churned.code == 0, "{churned:?}");
    let share = (manager::processor_seconds()? - before) / began.elapsed().as_secs_f64() * 100.0;
    let resident = manager::resident()?;
    kubectl("create namespace late");
    kubectl("create service clusterip late --tcp=80 -n late");
    let late = within(20, "a name of a new namespace", || on_laptop("getent hosts late.late").code == 0);
    on_node("kubectl delete node ghost; kubectl delete namespace late --wait=false");
    on_node("kubectl delete namespaces -l hawser.dev/bench=fill --wait=false");
    kubectl("scale -n hawser deploy/hawser-manager --replicas=2");
    kubectl("rollout status -n hawser deploy/hawser-manager --timeout=60s");
    let behind = format!("{NAMESPACES} namespaces, {PODS} pods");
    Ok(vec![
        Figure::absolute("scale", "to the first request, s", started, Goal::AtMost(2.0, 0.7), behind),
        Figure::absolute(
            "scale",
            format!("manager at {CHURN} pods a second, % of a core"),
            vec![share],
            Goal::AtMost(10.0, 3.0),
            String::new(),
        ),
        Figure::absolute("scale", "manager, MB", vec![resident], Goal::AtMost(60.0, 40.0), String::new()),
        Figure::absolute(
            "scale",
            "a new namespace's name, s",
            vec![late.as_secs_f64()],
            Goal::AtMost(10.0, 2.0),
            format!("{} s", number(late.as_secs_f64())),
        ),
    ])
}

/// Fills the cluster with objects, or changes some of them.
#[derive(Args)]
pub struct Fill {
    kubeconfig: PathBuf,
    #[arg(value_parser = ["all", "churn"])]
    what: String,
}

impl Fill {
    /// Returns when it is done.
    ///
    /// # Errors
    /// Whatever keeps an object from being made.
    pub fn run(self) -> Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            if self.what == "all" {
                self.everywhere(0..NAMESPACES, async |api, number| namespace(&api, number).await).await?;
                node(&super::bare::api(self.kubeconfig.clone()).await?).await?;
                self.everywhere(0..PODS, async |api, number| pod(&api, number).await).await
            } else {
                self.churn().await
            }
        })
    }

    /// Does this for each number, several at once.
    async fn everywhere(
        &self,
        numbers: std::ops::Range<usize>,
        work: impl AsyncFn(Api, usize) -> Result<(), ApiError>,
    ) -> Result<()> {
        let count = numbers.len();
        let worker = async |first: usize| -> Result<()> {
            let api = super::bare::api(self.kubeconfig.clone()).await?;
            for number in (first..count).step_by(WORKERS) {
                work(api.clone(), number).await.map_err(|error| anyhow!("{number}: {error}"))?;
            }
            Ok(())
        };
        futures_util::future::try_join_all((0..WORKERS).map(worker)).await.map(drop)
    }

    async fn churn(&self) -> Result<()> {
        let api = super::bare::api(self.kubeconfig.clone()).await?;
        let mut beat = tokio::time::interval(Duration::from_micros(1_000_000 / CHURN));
        for number in 0..10 * CHURN as usize {
            beat.tick().await;
            address(&api, number, 128).await.with_context(|| format!("pod {number}"))?;
        }
        Ok(())
    }
}

async fn namespace(api: &Api, number: usize) -> Result<(), ApiError> {
    let name = format!("fill-{number}");
    let labels = json!({ "hawser.dev/bench": "fill" });
    create(api, "/api/v1/namespaces", &json!({ "metadata": { "name": name, "labels": labels } })).await?;
    let service = json!({
        "metadata": { "name": "web" },
        "spec": { "selector": { "app": "web" }, "ports": [{ "port": 80 }] },
    });
    create(api, &format!("/api/v1/namespaces/{name}/services"), &service).await?;
    let template = json!({
        "metadata": { "labels": { "app": "web" } },
        "spec": { "containers": [{ "name": "web", "image": "rig.local/busybox:1" }] },
    });
    let deployment = json!({
        "metadata": { "name": "web" },
        "spec": { "replicas": 0, "selector": { "matchLabels": { "app": "web" } }, "template": template },
    });
    create(api, &format!("/apis/apps/v1/namespaces/{name}/deployments"), &deployment).await
}

/// A node without subnets of its own, so that pods' addresses say which they are.
async fn node(api: &Api) -> Result<(), ApiError> {
    create(api, "/api/v1/nodes", &json!({ "metadata": { "name": "ghost" }, "spec": { "unschedulable": true } })).await
}

async fn pod(api: &Api, number: usize) -> Result<(), ApiError> {
    let pod = json!({
        "metadata": { "name": format!("pod-{number}"), "labels": { "app": "fill" } },
        "spec": {
            "nodeName": "ghost",
            "automountServiceAccountToken": false,
            "containers": [{ "name": "none", "image": "rig.local/busybox:1" }],
        },
    });
    let path = format!("/api/v1/namespaces/fill-{}/pods", number % NAMESPACES);
    loop {
        match create(api, &path, &pod).await {
            // The namespace's service account is not there yet.
            Err(ApiError::Refused { status: 403, .. }) => tokio::time::sleep(Duration::from_millis(200)).await,
            Err(error) => return Err(error),
            Ok(()) => return address(api, number, 64).await,
        }
    }
}

/// Gives a pod an address among those of `block`.
async fn address(api: &Api, number: usize, block: usize) -> Result<(), ApiError> {
    let ip = format!("100.{}.{}.{}", block + number / 65_536, number / 256 % 256, number % 256);
    let status = json!({ "status": { "phase": "Running", "podIP": ip, "podIPs": [{ "ip": ip }] } });
    let path = format!("/api/v1/namespaces/fill-{}/pods/pod-{number}/status", number % NAMESPACES);
    let body = Body { content_type: "application/merge-patch+json", ..Body::json(&status) };
    api.answer(Method::PATCH, &path, Some(body)).await.map(drop)
}

async fn create(api: &Api, path: &str, object: &Value) -> Result<(), ApiError> {
    match api.answer(Method::POST, path, Some(Body::json(object))).await {
        Err(ApiError::Refused { status: 409, .. }) | Ok(_) => Ok(()),
        Err(error) => Err(error),
    }
}
