//! What is kept of all objects of one kind, by name.

use std::collections::BTreeMap;
use std::fmt::Debug;

use futures_util::StreamExt;
use k8s_openapi::NamespaceResourceScope;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{Config, Event, watcher};
use kube::{Api, Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;

/// What is kept of each object, under `namespace/name`.
pub struct Mirror<V> {
    kept: BTreeMap<String, V>,
    /// A list that is being read again; it takes the old one's place when it is whole.
    fresh: Option<BTreeMap<String, V>>,
    complete: bool,
}

impl<V> Default for Mirror<V> {
    fn default() -> Self {
        Self { kept: BTreeMap::new(), fresh: None, complete: false }
    }
}

impl<V: PartialEq> Mirror<V> {
    /// Takes in what a watch says. `keep` says what is kept of an object, if anything. True if that changed anything.
    pub fn take<K: Resource>(&mut self, event: Event<K>, keep: impl Fn(&K) -> Option<V>) -> bool {
        match event {
            Event::Init => {
                self.fresh = Some(BTreeMap::new());
                false
            }
            Event::InitApply(object) => {
                if let (Some(value), Some(fresh)) = (keep(&object), &mut self.fresh) {
                    fresh.insert(key(&object), value);
                }
                false
            }
            Event::InitDone => {
                let fresh = self.fresh.take().unwrap_or_default();
                let changed = !self.complete || fresh != self.kept;
                self.kept = fresh;
                self.complete = true;
                changed
            }
            Event::Apply(object) => match keep(&object) {
                Some(value) if self.kept.get(&key(&object)) == Some(&value) => false,
                Some(value) => {
                    self.kept.insert(key(&object), value);
                    true
                }
                None => self.kept.remove(&key(&object)).is_some(),
            },
            Event::Delete(object) => self.kept.remove(&key(&object)).is_some(),
        }
    }

    /// What is kept, in the order of names.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.kept.values()
    }

    /// The same with names.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &V)> {
        self.kept.iter()
    }

    /// Whether something is kept under this name.
    pub fn contains(&self, name: &str) -> bool {
        self.kept.contains_key(name)
    }

    /// Whether every object was seen once.
    pub fn is_complete(&self) -> bool {
        self.complete
    }
}

/// A mirror for each scope that is watched by itself.
pub struct Mirrors<V>(Vec<Mirror<V>>);

impl<V: PartialEq> Mirrors<V> {
    /// For so many scopes.
    pub fn of(scopes: usize) -> Self {
        Self((0..scopes).map(|_| Mirror::default()).collect())
    }

    /// As [`Mirror::take`], of one scope.
    pub fn take<K: Resource>(&mut self, scope: usize, event: Event<K>, keep: impl Fn(&K) -> Option<V>) -> bool {
        self.0[scope].take(event, keep)
    }

    /// What is kept of all of them.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.0.iter().flat_map(Mirror::values)
    }

    /// Whether every object was seen once.
    pub fn is_complete(&self) -> bool {
        self.0.iter().all(Mirror::is_complete)
    }
}

/// The scopes of a kind of objects: these namespaces, or the whole cluster if there are none. Each may be watched with rights in
/// that scope alone.
pub fn scopes<K>(client: &Client, namespaces: &[String]) -> Vec<Api<K>>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
{
    match namespaces {
        [] => vec![Api::all(client.clone())],
        _ => namespaces.iter().map(|namespace| Api::namespaced(client.clone(), namespace)).collect(),
    }
}

/// Follows a kind of objects for as long as the process lives, over every interruption.
pub async fn follow<K>(api: Api<K>, config: Config, mut told: impl FnMut(Event<K>))
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    let mut events = std::pin::pin!(watcher(api, config).default_backoff());
    while let Some(event) = events.next().await {
        match event {
            Ok(event) => told(event),
            Err(error) => tracing::warn!(%error, "a watch is interrupted"),
        }
    }
}

fn key<K: Resource>(object: &K) -> String {
    match object.namespace() {
        Some(namespace) => format!("{namespace}/{}", object.name_any()),
        None => object.name_any(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::core::v1::Namespace;

    fn object(name: &str, label: &str) -> Namespace {
        let mut object = Namespace::default();
        object.metadata.name = Some(name.to_owned());
        object.metadata.labels = Some([("kept".to_owned(), label.to_owned())].into());
        object
    }

    #[test]
    fn only_what_is_kept_counts_as_a_change() {
        let keep = |object: &Namespace| object.labels().get("kept").filter(|label| !label.is_empty()).cloned();
        let mut mirror = Mirror::default();
        let mut take =
            |event| (mirror.take(event, keep), mirror.iter().map(|(name, _)| name.clone()).collect::<String>());
        assert_eq!(take(Event::Init), (false, String::new()));
        assert_eq!(take(Event::InitApply(object("a", "1"))), (false, String::new()));
        assert_eq!(take(Event::InitApply(object("b", "1"))), (false, String::new()));
        assert_eq!(take(Event::InitDone), (true, "ab".into()));
        assert_eq!(take(Event::Apply(object("a", "1"))), (false, "ab".into()));
        assert_eq!(take(Event::Apply(object("a", "2"))), (true, "ab".into()));
        assert_eq!(take(Event::Apply(object("a", ""))), (true, "b".into()));
        assert_eq!(take(Event::Delete(object("c", "1"))), (false, "b".into()));
        // A list that is read again takes effect as a whole.
        assert_eq!(take(Event::Init), (false, "b".into()));
        assert_eq!(take(Event::InitApply(object("c", "1"))), (false, "b".into()));
        assert_eq!(take(Event::InitDone), (true, "c".into()));
    }
}
