//! The priority of calls that wait, which may be raised while they wait.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use weir_engine::tick::Urgency;

/// The priority of one caller's calls. Clones share it, so that raising one raises all.
#[derive(Clone, Debug)]
pub struct CallPriority(Rc<Cell<Urgency>>);

impl CallPriority {
    /// A caller of an urgency.
    pub fn new(urgency: Urgency) -> Self {
        Self(Rc::new(Cell::new(urgency)))
    }

    /// How urgent it is now.
    pub fn urgency(&self) -> Urgency {
        self.0.get()
    }

    /// Makes it as urgent as this, never less; whether that is more than before.
    pub fn raise(&self, urgency: Urgency) -> bool {
        let rises = urgency < self.0.get();
        if rises {
            self.0.set(urgency);
        }
        rises
    }
}

impl From<Urgency> for CallPriority {
    fn from(urgency: Urgency) -> Self {
        Self::new(urgency)
    }
}

/// All callers that wait for one shared call. Its priority is that of the most urgent of them.
#[derive(Clone, Debug)]
pub(crate) struct Waiters(Rc<RefCell<Vec<CallPriority>>>);

impl Waiters {
    pub fn of(first: &CallPriority) -> Self {
        Self(Rc::new(RefCell::new(vec![first.clone()])))
    }

    pub fn join(&self, priority: &CallPriority) {
        self.0.borrow_mut().push(priority.clone());
    }

    pub fn urgency(&self) -> Urgency {
        self.0.borrow().iter().map(CallPriority::urgency).min().unwrap_or(Urgency::Routine)
    }
}
