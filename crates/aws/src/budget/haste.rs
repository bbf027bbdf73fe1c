//! How urgent those are who wait, which may rise while they wait.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use weir_engine::tick::Urgency;

/// How urgent one asker is. Clones are the same asker.
#[derive(Clone, Debug)]
pub struct Haste(Rc<Cell<Urgency>>);

impl Haste {
    /// An asker of an urgency.
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

impl From<Urgency> for Haste {
    fn from(urgency: Urgency) -> Self {
        Self::new(urgency)
    }
}

/// All who wait for one call. It is as urgent as the most urgent of them.
#[derive(Clone, Debug)]
pub(crate) struct Askers(Rc<RefCell<Vec<Haste>>>);

impl Askers {
    pub fn of(first: &Haste) -> Self {
        Self(Rc::new(RefCell::new(vec![first.clone()])))
    }

    pub fn join(&self, haste: &Haste) {
        self.0.borrow_mut().push(haste.clone());
    }

    pub fn urgency(&self) -> Urgency {
        self.0.borrow().iter().map(Haste::urgency).min().unwrap_or(Urgency::Routine)
    }
}
