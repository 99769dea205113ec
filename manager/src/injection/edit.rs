//! A JSON Patch that is written down while it is applied.

use hawser_fault::{Code, Fault};
use json_patch::jsonptr::PointerBuf;
use json_patch::{AddOperation, Patch, PatchOperation, RemoveOperation};
use serde_json::Value;

/// A patch, and the pod so far.
pub struct Edit {
    pod: Value,
    operations: Vec<PatchOperation>,
    failed: Option<String>,
}

impl Edit {
    /// Begins with this pod.
    pub fn of(pod: &Value) -> Self {
        Self { pod: pod.clone(), operations: Vec::new(), failed: None }
    }

    /// Sets a field, be it there or not. The object that it is of must be there.
    pub fn set(&mut self, path: &str, value: impl Into<Value>) {
        let value = value.into();
        self.apply(path, |path| PatchOperation::Add(AddOperation { path, value }));
    }

    /// Takes a field away if it's there.
    pub fn remove(&mut self, path: &str) {
        if self.pod.pointer(path).is_some() {
            self.apply(path, |path| PatchOperation::Remove(RemoveOperation { path }));
        }
    }

    /// Adds to the end of a list, which need not be there.
    pub fn append(&mut self, list: &str, item: Value) {
        if self.pod.pointer(list).is_some_and(Value::is_array) {
            self.set(&format!("{list}/-"), item);
        } else {
            self.set(list, vec![item]);
        }
    }

    /// What came of it.
    pub fn finish(self) -> Result<Patch, Fault> {
        match self.failed {
            Some(error) => Err(Fault::new(Code::Internal, format!("a pod cannot be changed: {error}"))),
            None => Ok(Patch(self.operations)),
        }
    }

    fn apply(&mut self, path: &str, operation: impl FnOnce(PointerBuf) -> PatchOperation) {
        let Ok(pointer) = PointerBuf::parse(path) else {
            self.failed = Some(format!("{path} is no path"));
            return;
        };
        let operation = operation(pointer);
        if let Err(error) = json_patch::patch(&mut self.pod, std::slice::from_ref(&operation)) {
            self.failed = Some(error.to_string());
        }
        self.operations.push(operation);
    }
}
