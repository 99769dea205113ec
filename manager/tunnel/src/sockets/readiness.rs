//! Which flows' sockets have something to do.

use std::sync::Arc;
use std::task::{Wake, Waker};

use parking_lot::Mutex;

use crate::frame::FlowId;
use crate::link::LinkWaker;

/// Flows whose sockets were woken, for the link's outgoing side to see to.
#[derive(Default)]
pub(super) struct ReadyList {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    flows: Vec<FlowId>,
    link: Option<LinkWaker>,
}

impl ReadyList {
    /// From now on this link's outgoing side is woken.
    pub fn drive(&self, link: LinkWaker) {
        self.state.lock().link = Some(link);
    }

    /// The flows since the last call.
    pub fn take(&self) -> Vec<FlowId> {
        std::mem::take(&mut self.state.lock().flows)
    }

    /// The flow wants to be seen to.
    pub fn push(&self, flow: FlowId) {
        let link = {
            let mut state = self.state.lock();
            state.flows.push(flow);
            state.link.clone()
        };
        if let Some(link) = link {
            link.wake();
        }
    }

    /// A waker for this flow's socket.
    pub fn waker(self: &Arc<Self>, flow: FlowId) -> Waker {
        Arc::new(FlowWaker { flow, list: self.clone() }).into()
    }
}

struct FlowWaker {
    flow: FlowId,
    list: Arc<ReadyList>,
}

impl Wake for FlowWaker {
    fn wake(self: Arc<Self>) {
        self.list.push(self.flow);
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.list.push(self.flow);
    }
}
