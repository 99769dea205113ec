//! In which namespaces a user may intercept, as the API server says.

use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

use futures_util::{StreamExt, stream};
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec};
use kube::api::PostParams;
use kube::{Api, Client};
use parking_lot::Mutex;

use crate::limits;

/// A Kubernetes user, as its session names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct User {
    pub name: String,
    pub uid: Option<String>,
    pub groups: Vec<String>,
    pub extra: BTreeMap<String, Vec<String>>,
}

/// What the API server said lately.
pub struct Rights {
    reviews: Api<SubjectAccessReview>,
    said: Mutex<HashMap<(User, String), (bool, Instant)>>,
}

impl Rights {
    pub fn new(client: &Client) -> Self {
        Self { reviews: Api::all(client.clone()), said: Mutex::default() }
    }

    /// Those of the namespaces in which the user may create intercepts. What cannot be found out counts as no.
    pub async fn permitted(&self, user: &User, namespaces: Vec<String>) -> Vec<String> {
        let asked = stream::iter(namespaces).map(|namespace| async move {
            let permitted = self.may_intercept(user, &namespace).await;
            permitted.then_some(namespace)
        });
        let mut permitted: Vec<String> =
            asked.buffer_unordered(limits::REVIEWS).filter_map(async |name| name).collect().await;
        permitted.sort_unstable();
        permitted
    }

    async fn may_intercept(&self, user: &User, namespace: &str) -> bool {
        let key = (user.clone(), namespace.to_owned());
        let known =
            self.said.lock().get(&key).filter(|(_, at)| at.elapsed() < limits::REVIEW_HOLDS).map(|(said, _)| *said);
        if let Some(said) = known {
            return said;
        }
        let review = self.reviews.create(&PostParams::default(), &review(user, namespace)).await;
        let Ok(review) = review.inspect_err(|error| tracing::warn!(%error, "a user's rights cannot be found out"))
        else {
            return false;
        };
        let allowed = review.status.is_some_and(|status| status.allowed);
        let mut said = self.said.lock();
        if said.len() >= limits::REVIEWS_KEPT {
            said.retain(|_, (_, at)| at.elapsed() < limits::REVIEW_HOLDS);
        }
        if said.len() < limits::REVIEWS_KEPT {
            said.insert(key, (allowed, Instant::now()));
        }
        allowed
    }
}

fn review(user: &User, namespace: &str) -> SubjectAccessReview {
    let attributes = ResourceAttributes {
        group: Some("hawser.dev".to_owned()),
        resource: Some("intercepts".to_owned()),
        verb: Some("create".to_owned()),
        namespace: Some(namespace.to_owned()),
        ..ResourceAttributes::default()
    };
    SubjectAccessReview {
        spec: SubjectAccessReviewSpec {
            user: Some(user.name.clone()),
            uid: user.uid.clone(),
            groups: Some(user.groups.clone()),
            extra: Some(user.extra.clone()),
            resource_attributes: Some(attributes),
            ..SubjectAccessReviewSpec::default()
        },
        ..SubjectAccessReview::default()
    }
}
