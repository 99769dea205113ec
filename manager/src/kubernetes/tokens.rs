//! Which pod a token is of.

use hawser_tunnel::agent::AUDIENCE;
use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec, UserInfo};
use k8s_openapi::api::core::v1;
use kube::api::PostParams;
use kube::{Api, Client};

use super::wants::owners;
use crate::exchange::Pod;
use crate::injection::present;

/// The pod whose service account this token is of; else a sentence for the log and for the agent.
pub async fn review(client: &Client, token: String) -> Result<Pod, String> {
    let spec = TokenReviewSpec { token: Some(token), audiences: Some(vec![AUDIENCE.to_owned()]) };
    let review = TokenReview { spec, ..TokenReview::default() };
    let reviews: Api<TokenReview> = Api::all(client.clone());
    let reviewed = reviews.create(&PostParams::default(), &review).await.map_err(|error| error.to_string())?;
    let status = reviewed.status.unwrap_or_default();
    // An API server that knows no audiences answers without any.
    let for_us = status.audiences.is_some_and(|audiences| audiences.iter().any(|audience| audience == AUDIENCE));
    match status.user {
        Some(user) if status.authenticated == Some(true) && for_us => {
            look_up(client, pod(&user).ok_or("the token is of no pod")?).await
        }
        _ => Err(status.error.unwrap_or_else(|| "the token is not valid here".to_owned())),
    }
}

/// What the token does not say of its pod.
async fn look_up(client: &Client, pod: Pod) -> Result<Pod, String> {
    let pods: Api<v1::Pod> = Api::namespaced(client.clone(), &pod.namespace);
    let seen = pods.get(&pod.name).await.map_err(|error| error.to_string())?;
    if seen.metadata.uid.as_ref() != Some(&pod.uid) {
        return Err(format!("the pod {} is another one by now", pod.name));
    }
    let agent = present(&seen).ok_or_else(|| format!("the pod {} has no agent", pod.name))?;
    let address = seen.status.and_then(|status| status.pod_ip).unwrap_or_default();
    Ok(Pod { address, workloads: owners(&seen.metadata), is_replaced: !agent.replaced.is_empty(), ..pod })
}

/// The claims of a bound token
/// (<https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#additional-metadata-in-pod-bound-tokens>).
fn pod(user: &UserInfo) -> Option<Pod> {
    let extra = user.extra.as_ref()?;
    let first = |key: &str| extra.get(key)?.first().cloned();
    let namespace = user.username.as_ref()?.strip_prefix("system:serviceaccount:")?.split(':').next()?.to_owned();
    Some(Pod {
        namespace,
        name: first("authentication.kubernetes.io/pod-name")?,
        uid: first("authentication.kubernetes.io/pod-uid")?,
        address: String::new(),
        workloads: Vec::new(),
        is_replaced: false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(name: &str, extra: &[(&str, &str)]) -> UserInfo {
        let extra = extra.iter().map(|(key, value)| ((*key).to_owned(), vec![(*value).to_owned()])).collect();
        UserInfo { username: Some(name.to_owned()), extra: Some(extra), ..UserInfo::default() }
    }

    #[test]
    fn only_a_token_that_is_bound_to_a_pod_names_one() {
        let bound = [("authentication.kubernetes.io/pod-name", "web-1"), ("authentication.kubernetes.io/pod-uid", "u")];
        let known = pod(&user("system:serviceaccount:shop:default", &bound)).unwrap();
        assert_eq!((known.namespace.as_str(), known.name.as_str(), known.uid.as_str()), ("shop", "web-1", "u"));
        assert_eq!(pod(&user("system:serviceaccount:shop:default", &[])), None);
        assert_eq!(pod(&user("dev", &bound)), None);
    }
}
