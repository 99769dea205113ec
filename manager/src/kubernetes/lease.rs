//! Which replica leads: it alone decides on intercepts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use kube::api::PostParams;
use kube::{Api, Client, ResourceExt as _};
use tokio::sync::Notify;
use tokio::time::sleep;

use super::settings::Place;
use crate::limits;

/// The Lease of the manager's namespace.
const NAME: &str = "hawser-manager";

/// This replica's claim to lead.
pub struct Leadership {
    leases: Api<Lease>,
    place: Place,
    leads: AtomicBool,
    /// Fires when this replica begins to lead.
    pub begun: Notify,
}

impl Leadership {
    /// Begins to try.
    pub fn seek(client: &Client, place: &Place) -> Arc<Self> {
        let leadership = Arc::new(Self {
            leases: Api::namespaced(client.clone(), &place.namespace),
            place: place.clone(),
            leads: AtomicBool::new(false),
            begun: Notify::new(),
        });
        tokio::spawn(leadership.clone().keep());
        leadership
    }

    /// Whether this replica leads now.
    pub fn leads(&self) -> bool {
        self.leads.load(Ordering::Relaxed)
    }

    /// Lets another replica lead at once.
    pub async fn resign(&self) {
        if self.leads.swap(false, Ordering::Relaxed)
            && let Ok(mut lease) = self.leases.get(NAME).await
        {
            let spec = lease.spec.get_or_insert_default();
            if spec.holder_identity.as_deref() == Some(&self.place.pod) {
                spec.holder_identity = None;
                let _ = self.leases.replace(NAME, &PostParams::default(), &lease).await;
            }
        }
    }

    async fn keep(self: Arc<Self>) {
        loop {
            let leads = match self.claim().await {
                Ok(leads) => leads,
                Err(error) => {
                    tracing::debug!(%error, "nobody knows who leads");
                    false
                }
            };
            if self.leads.swap(leads, Ordering::Relaxed) != leads {
                tracing::info!(leads, "the leading replica changes");
                self.begun.notify_one();
            }
            sleep(limits::LEASE_RENEW).await;
        }
    }

    /// Takes or renews the lease unless somebody else holds it. Says whether this replica does.
    async fn claim(&self) -> Result<bool, kube::Error> {
        let now = Timestamp::now();
        let Some(mut lease) = self.leases.get_opt(NAME).await? else {
            let mut lease = Lease::default();
            lease.metadata.name = Some(NAME.to_owned());
            lease.spec = Some(self.held(now));
            return won(self.leases.create(&PostParams::default(), &lease).await);
        };
        if !may_take(lease.spec.as_ref(), &self.place.pod, now) {
            return Ok(false);
        }
        lease.spec = Some(self.held(now));
        let name = lease.name_any();
        won(self.leases.replace(&name, &PostParams::default(), &lease).await)
    }

    fn held(&self, now: Timestamp) -> LeaseSpec {
        LeaseSpec {
            holder_identity: Some(self.place.pod.clone()),
            lease_duration_seconds: i32::try_from(limits::LEASE.as_secs()).ok(),
            renew_time: Some(MicroTime(now)),
            ..LeaseSpec::default()
        }
    }
}

/// Somebody else was faster: that is no error.
fn won(written: Result<Lease, kube::Error>) -> Result<bool, kube::Error> {
    match written {
        Ok(_) => Ok(true),
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(false),
        Err(error) => Err(error),
    }
}

fn may_take(spec: Option<&LeaseSpec>, pod: &str, now: Timestamp) -> bool {
    let Some(LeaseSpec { holder_identity: Some(holder), renew_time: Some(MicroTime(renewed)), .. }) = spec else {
        return true;
    };
    holder == pod || now.duration_since(*renewed).unsigned_abs() > limits::LEASE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_is_taken_from_who_does_not_renew_it() {
        let held = |second: i64| LeaseSpec {
            holder_identity: Some("a".to_owned()),
            renew_time: Some(MicroTime(Timestamp::from_second(second).unwrap())),
            ..LeaseSpec::default()
        };
        let now = Timestamp::from_second(100).unwrap();
        assert!(may_take(None, "b", now));
        assert!(may_take(Some(&held(99)), "a", now));
        assert!(!may_take(Some(&held(99)), "b", now));
        assert!(may_take(Some(&held(80)), "b", now));
    }
}
