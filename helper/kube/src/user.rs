//! Whom a server takes somebody for.

use std::collections::BTreeMap;

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::{Api, Body};
use crate::error::ApiError;

/// Whom the server takes us for (authentication.k8s.io/v1 UserInfo).
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct User {
    /// The name.
    pub username: String,
    /// The authenticator's identifier of the user, where it gives one.
    #[serde(default)]
    pub uid: Option<String>,
    /// All groups.
    #[serde(default)]
    pub groups: Vec<String>,
    /// All extra attributes.
    #[serde(default)]
    pub extra: BTreeMap<String, Vec<String>>,
}

impl Api {
    /// Asks whom the server takes us for (authentication.k8s.io/v1 SelfSubjectReview).
    ///
    /// # Errors
    /// As [`Api::request`].
    pub async fn user(&self) -> Result<User, ApiError> {
        let review = json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview" });
        let path = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
        let answer: Value = self.request(Method::POST, path, Some(Body::json(&review))).await?;
        serde_json::from_value(answer["status"]["userInfo"].clone())
            .map_err(|error| ApiError::Broken { request: format!("POST {path}"), reason: error.to_string() })
    }
}
