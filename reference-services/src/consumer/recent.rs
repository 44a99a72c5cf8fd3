//! A bounded memory of ids: the newest are remembered, the oldest forgotten. Pure.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

pub(super) struct Recent {
    capacity: usize,
    ids: HashSet<Arc<str>>,
    oldest_first: VecDeque<Arc<str>>,
}

impl Recent {
    pub(super) fn of(capacity: usize) -> Self {
        Self { capacity, ids: HashSet::new(), oldest_first: VecDeque::new() }
    }

    pub(super) fn knows(&self, id: &str) -> bool {
        self.ids.contains(id)
    }

    pub(super) fn remember(&mut self, id: &str) {
        let id: Arc<str> = Arc::from(id);
        if !self.ids.insert(Arc::clone(&id)) {
            return;
        }
        self.oldest_first.push_back(id);
        if self.oldest_first.len() > self.capacity
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            self.ids.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_remembered_is_known() {
        let mut recent = Recent::of(2);

        recent.remember("a");

        assert!(recent.knows("a"));
        assert!(!recent.knows("b"));
    }

    #[test]
    fn the_oldest_is_forgotten_first_and_memory_stays_bounded() {
        let mut recent = Recent::of(2);

        for id in ["a", "b", "b", "c"] {
            recent.remember(id);
        }

        assert!(!recent.knows("a"));
        assert!(recent.knows("b") && recent.knows("c"));
        assert_eq!((recent.ids.len(), recent.oldest_first.len()), (2, 2));
    }
}
