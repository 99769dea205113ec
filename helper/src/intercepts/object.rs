//! The object of an intercept, as its user makes and sees it in the cluster.

use std::sync::Arc;

use futures_util::FutureExt as _;
use hawser_api::{Intercept as Object, InterceptSpec, Time};
use hawser_fault::{Code, Fault};
use hawser_kube::{Api, ApiError, Body};
use http::Method;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::kubernetes::{Clusters, is_kind_unknown, session_name, user_in};
use crate::limits;
use crate::store::desired::{Kubernetes, Target, Wish};
use crate::store::intercepts::Intercept;
use crate::store::keys::Keys;

/// The objects of intercepts. The real ones are [`InCluster`]; tests have pretended ones.
pub trait Objects: Send + Sync + 'static {
    /// The object, if it is there.
    fn get(&self, wish: &Wish, intercept: &Intercept) -> impl Future<Output = Result<Option<Object>, Fault>> + Send;

    /// Makes the object; `None` if there is one of this name.
    fn create(&self, wish: &Wish, intercept: &Intercept) -> impl Future<Output = Result<Option<Object>, Fault>> + Send;

    /// Deletes the object. One that isn't there is no error, nor is another one of the same name, which stays.
    fn delete(&self, wish: &Wish, intercept: &Intercept) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Lets the object end at another time.
    fn extend(
        &self,
        wish: &Wish,
        intercept: &Intercept,
        until: Option<Timestamp>,
    ) -> impl Future<Output = Result<(), Fault>> + Send;

    /// What becomes of the object after this version of it, until nobody listens. Ends now and then: then it is to be looked at
    /// anew.
    fn watch(&self, wish: &Wish, intercept: &Intercept, version: String) -> mpsc::Receiver<Result<News, Fault>>;

    /// Whether this connection has made it.
    fn is_own(&self, wish: &Wish, object: &Object) -> bool;
}

/// What has become of an object.
pub enum News {
    /// It is this now.
    Now(Box<Object>),
    /// It is gone; this is what it was last.
    Gone(Box<Object>),
}

/// Objects in the API servers of connections.
pub struct InCluster {
    /// Who the users are there.
    pub clusters: Arc<Clusters>,
    /// By which their sessions are named.
    pub keys: Keys,
}

impl Objects for InCluster {
    async fn get(&self, wish: &Wish, intercept: &Intercept) -> Result<Option<Object>, Fault> {
        let path = &path(intercept);
        let found = self.asking(wish, intercept, |api| async move {
            match api.request(Method::GET, path, None).await {
                Err(ApiError::Refused { status: 404, message, .. }) if !is_kind_unknown(&message) => Ok(None),
                other => other.map(Some),
            }
        });
        found.await
    }

    async fn create(&self, wish: &Wish, intercept: &Intercept) -> Result<Option<Object>, Fault> {
        let cluster = cluster(wish)?;
        let session = &session_name(self.keys.of(&wish.id, &wish.target)?.pin());
        let made = self.asking(wish, intercept, |api| async move {
            let user = api.user().await?.username;
            let spec = spec(intercept, user, session.clone(), cluster.manager_namespace.clone());
            let object = Object::new(&intercept.object, spec);
            let body = Some(Body::json(&object));
            match api.request(Method::POST, &collection(intercept), body).await {
                Err(ApiError::Refused { status: 409, .. }) => Ok(None),
                other => other.map(Some),
            }
        });
        made.await
    }

    async fn delete(&self, wish: &Wish, intercept: &Intercept) -> Result<(), Fault> {
        let path = &path(intercept);
        let only = |uid| json!({ "apiVersion": "v1", "kind": "DeleteOptions", "preconditions": { "uid": uid } });
        let body = &intercept.uid.as_ref().map(|uid| Body::json(&only(uid)));
        let deleted = self.asking(wish, intercept, |api| async move {
            match api.request::<Value>(Method::DELETE, path, body.clone()).await {
                Ok(_) | Err(ApiError::Refused { status: 404 | 409, .. }) => Ok(()),
                Err(error) => Err(error),
            }
        });
        deleted.await
    }

    async fn extend(&self, wish: &Wish, intercept: &Intercept, until: Option<Timestamp>) -> Result<(), Fault> {
        let path = &path(intercept);
        let patch = &Body {
            content_type: "application/merge-patch+json",
            ..Body::json(&json!({ "spec": { "until": until.map(Time) } }))
        };
        let extended = self.asking(wish, intercept, |api| async move {
            api.request::<Value>(Method::PATCH, path, Some(patch.clone())).await.map(|_| ())
        });
        extended.await
    }

    fn watch(&self, wish: &Wish, intercept: &Intercept, version: String) -> mpsc::Receiver<Result<News, Fault>> {
        let (sender, news) = mpsc::channel(limits::OBJECT_NEWS);
        let (clusters, wish, intercept) = (Arc::clone(&self.clusters), wish.clone(), intercept.clone());
        tokio::spawn(async move {
            tokio::select! {
                result = follow(&clusters, &wish, &intercept, version, &sender) => if let Err(fault) = result {
                    let _ = sender.send(Err(fault)).await;
                },
                () = sender.closed() => {}
            }
        });
        news
    }

    fn is_own(&self, wish: &Wish, object: &Object) -> bool {
        self.keys.of(&wish.id, &wish.target).is_ok_and(|identity| session_name(identity.pin()) == object.spec.session)
    }
}

impl InCluster {
    async fn asking<T, F: Future<Output = Result<T, ApiError>>>(
        &self,
        wish: &Wish,
        intercept: &Intercept,
        ask: impl Fn(Api) -> F,
    ) -> Result<T, Fault> {
        let asked = |api| ask(api).map(|answer| answer.map_err(|error| explain(error, intercept)));
        self.clusters.asking(wish, cluster(wish)?, asked).await
    }
}

#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type")]
    kind: String,
    object: Value,
}

async fn follow(
    clusters: &Clusters,
    wish: &Wish,
    intercept: &Intercept,
    version: String,
    sender: &mpsc::Sender<Result<News, Fault>>,
) -> Result<(), Fault> {
    let query = format!("?watch=true&fieldSelector=metadata.name={}&resourceVersion={version}", intercept.object);
    let path = collection(intercept) + &query;
    let api = clusters.api(wish, cluster(wish)?).await?;
    let mut events = api.watch::<Event>(&path).await.map_err(|error| explain(error, intercept))?;
    while let Some(Event { kind, object }) = events.next().await.map_err(|error| explain(error, intercept))? {
        // Anything else, and what can't be read, ends the watch: most likely the version is too old.
        let Ok(object) = serde_json::from_value(object) else { return Ok(()) };
        let news = match kind.as_str() {
            "ADDED" | "MODIFIED" => News::Now(object),
            "DELETED" => News::Gone(object),
            _ => return Ok(()),
        };
        if sender.send(Ok(news)).await.is_err() {
            return Ok(());
        }
    }
    Ok(())
}

/// What the object says.
pub fn spec(intercept: &Intercept, user: String, session: String, session_namespace: String) -> InterceptSpec {
    InterceptSpec {
        user,
        session,
        session_namespace: Some(session_namespace),
        workload: intercept.workload.clone(),
        container: intercept.container.clone(),
        mode: intercept.mode,
        ports: intercept.ports.clone(),
        filters: intercept.filters.clone(),
        until: intercept.until.map(Time),
    }
}

fn cluster(wish: &Wish) -> Result<&Kubernetes, Fault> {
    match &wish.target {
        Target::Kubernetes(cluster) => Ok(cluster),
        Target::Standalone { .. } => {
            let detail = format!("the connection {} goes to a manager without Kubernetes", wish.id.name);
            Err(Fault::new(Code::BadArgument, detail).with_fix("Intercepts need a connection to a cluster."))
        }
    }
}

fn collection(intercept: &Intercept) -> String {
    format!("/apis/hawser.dev/v1alpha1/namespaces/{}/intercepts", intercept.namespace)
}

fn path(intercept: &Intercept) -> String {
    format!("{}/{}", collection(intercept), intercept.object)
}

fn explain(error: ApiError, intercept: &Intercept) -> Fault {
    let namespace = &intercept.namespace;
    let ApiError::Refused { status, message, .. } = &error else { return error.into() };
    let refused = || Fault::new(Code::InterceptRefused, format!("the cluster refuses the intercept: {message}"));
    match status {
        404 if is_kind_unknown(message) => {
            Fault::new(Code::ManagerAbsent, format!("the cluster knows no intercepts: {message}"))
        }
        404 => refused().with_fix("See which namespaces there are with: hawser list"),
        403 if message.contains("ValidatingAdmissionPolicy") => refused(),
        403 => {
            let user = user_in(message).map_or_else(|| "YOU".to_owned(), |user| format!("{user:?}"));
            let fix = format!(
                "An administrator grants it with: kubectl create rolebinding hawser-developer --namespace {namespace} \
                 --clusterrole=hawser-developer --user={user}"
            );
            Fault::new(Code::RightsMissing, message.clone()).with_fix(fix)
        }
        409 | 422 => refused(),
        _ => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use hawser_api::Mode;

    use super::*;
    use crate::store::desired::Id;
    use crate::store::intercepts::tests::intercept;

    fn wanted() -> Intercept {
        Intercept { object: "web-1a2b3".to_owned(), ..intercept(&Id { owner: 1000, name: "shop".to_owned() }, "web") }
    }

    #[test]
    fn each_refusal_says_what_is_missing() {
        let explained = |status, message: &str| {
            let error = ApiError::Refused { status, reason: String::new(), message: message.to_owned() };
            explain(error, &wanted())
        };
        let message = r#"intercepts.hawser.dev is forbidden: User "dev" cannot create resource "intercepts""#;
        let fault = explained(403, message);
        assert_eq!(fault.code, Code::RightsMissing);
        assert!(
            fault.fix.ends_with(r#"--namespace shop --clusterrole=hawser-developer --user="dev""#),
            "{}",
            fault.fix
        );
        for (status, message, code) in [
            (404, "the server could not find the requested resource", Code::ManagerAbsent),
            (404, "namespaces \"shop\" not found", Code::InterceptRefused),
            (401, "Unauthorized", Code::LoginRequired),
            (403, "ValidatingAdmissionPolicy 'x' denied", Code::InterceptRefused),
            (422, "spec.ports: Invalid value", Code::InterceptRefused),
            (500, "etcd is gone", Code::ApiRefused),
        ] {
            assert_eq!(explained(status, message).code, code, "{message}");
        }
    }

    #[test]
    fn the_object_says_what_was_asked_for() {
        let until: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        let asked = Intercept { until: Some(until), mode: Mode::Wiretap, ..wanted() };
        let spec = spec(&asked, "ann".to_owned(), "laptop-1".to_owned(), "hawser".to_owned());
        let object = serde_json::to_value(Object::new(&asked.object, spec)).unwrap();
        assert_eq!(
            object["spec"],
            json!({
                "user": "ann", "session": "laptop-1", "sessionNamespace": "hawser", "mode": "wiretap",
                "workload": { "kind": "Deployment", "name": "web" },
                "ports": [{ "port": "http", "protocol": "TCP", "localPort": 8080 }],
                "until": "2026-03-01T12:00:00Z"
            })
        );
        assert_eq!(path(&asked), "/apis/hawser.dev/v1alpha1/namespaces/shop/intercepts/web-1a2b3");
    }
}
