//! What was tried to be connected: a first connect that fails leaves nothing with the helper.

use std::collections::BTreeMap;

use hawser_fault::Fault;

use crate::limits;
use crate::view::ContextId;

#[derive(Default)]
pub(crate) struct Attempts {
    by_context: BTreeMap<ContextId, Attempt>,
    begun: u64,
}

pub(crate) struct Attempt {
    number: u64,
    /// Why it failed; it goes on while there is nothing.
    pub(crate) fault: Option<Fault>,
    /// Its failure was on screen.
    pub(crate) seen: bool,
}

impl Attempts {
    pub(crate) fn begin(&mut self, context: ContextId) {
        self.begun += 1;
        self.by_context.insert(context, Attempt { number: self.begun, fault: None, seen: false });
        if self.by_context.len() > limits::ATTEMPTS
            && let Some(oldest) = self.by_context.iter().min_by_key(|(_, attempt)| attempt.number).map(|(id, _)| *id)
        {
            self.by_context.remove(&oldest);
        }
    }

    pub(crate) fn end(&mut self, context: ContextId, outcome: Result<(), Fault>) {
        match outcome {
            Ok(()) => self.dismiss(context),
            Err(fault) => {
                self.begin(context);
                if let Some(attempt) = self.by_context.get_mut(&context) {
                    attempt.fault = Some(fault);
                }
            }
        }
    }

    pub(crate) fn dismiss(&mut self, context: ContextId) {
        self.by_context.remove(&context);
    }

    /// What failed is on screen now.
    pub(crate) fn see(&mut self) {
        self.by_context.values_mut().filter(|attempt| attempt.fault.is_some()).for_each(|attempt| attempt.seen = true);
    }

    pub(crate) fn of(&self, context: ContextId) -> Option<&Attempt> {
        self.by_context.get(&context)
    }

    /// Those that failed.
    pub(crate) fn failed(&self) -> impl Iterator<Item = (ContextId, &Attempt, &Fault)> {
        self.by_context.iter().filter_map(|(context, attempt)| Some((*context, attempt, attempt.fault.as_ref()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hawser_fault::Code;

    #[test]
    fn a_failure_is_remembered_until_it_is_dismissed() {
        let mut attempts = Attempts::default();
        attempts.begin(ContextId(1));
        assert_eq!(attempts.failed().count(), 0);
        attempts.end(ContextId(1), Err(Fault::new(Code::ApiUnreachable, "no route")));
        attempts.see();
        let (context, attempt, fault) = attempts.failed().next().unwrap();
        assert_eq!((context, attempt.seen, fault.code), (ContextId(1), true, Code::ApiUnreachable));
        attempts.begin(ContextId(1));
        assert_eq!(attempts.failed().count(), 0, "it is tried again");
        for number in 0..100 {
            attempts.end(ContextId(number), Err(Fault::new(Code::ApiUnreachable, "no route")));
        }
        assert_eq!(attempts.failed().count(), limits::ATTEMPTS);
        assert!(attempts.of(ContextId(1)).is_none() && attempts.of(ContextId(99)).is_some());
    }
}
