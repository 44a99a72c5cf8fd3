//! Ctrl-C, SIGTERM and SIGHUP, as something that can be waited for.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Tells whether the user wants to stop.
#[derive(Debug, Clone)]
pub(crate) struct Interrupt(watch::Receiver<bool>);

impl Interrupt {
    /// Listens from now on.
    pub(crate) fn listen() -> std::io::Result<Self> {
        let (sender, receiver) = watch::channel(false);
        let mut signals =
            [signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?, signal(SignalKind::hangup())?];
        tokio::spawn(async move {
            let [int, term, hup] = &mut signals;
            tokio::select! { _ = int.recv() => {}, _ = term.recv() => {}, _ = hup.recv() => {} }
            sender.send_replace(true);
            // Kept, so that further signals do not end the process before it has cleaned up.
            std::future::pending::<()>().await;
        });
        Ok(Self(receiver))
    }

    pub(crate) fn came(&self) -> bool {
        *self.0.borrow()
    }

    /// Returns when it comes.
    pub(crate) async fn coming(&mut self) {
        if self.0.wait_for(|came| *came).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
