//! A part's life is its standard input: whoever started this service holds the other end open,
//! and its end means that the run is over, however it ended. Nothing but that belongs here.

use std::future::Future;
use std::io::ErrorKind;

use tokio::sync::oneshot;

/// A future that is ready when standard input ends; with `stay` it never is.
///
/// A thread of its own blocks on the read: tokio's standard input would keep a blocking task that
/// holds up the shutdown of the runtime.
pub(crate) fn end_of_run(stay: bool) -> std::io::Result<impl Future<Output = ()>> {
    let (over, ended) = oneshot::channel::<()>();
    if !stay {
        std::thread::Builder::new().name("stdin".into()).spawn(move || {
            wait_for_end_of(std::io::stdin().lock());
            let _ = over.send(());
        })?;
        return Ok(wait(ended, None));
    }
    Ok(wait(ended, Some(over)))
}

/// `_held` keeps the sender alive where nothing else does: a dropped sender ends the wait.
async fn wait(ended: oneshot::Receiver<()>, _held: Option<oneshot::Sender<()>>) {
    let _ = ended.await;
}

/// What is read is thrown away; an error means that nobody can hold the other end any more.
fn wait_for_end_of(mut input: impl std::io::Read) {
    let mut scrap = [0_u8; 512];
    loop {
        match input.read(&mut scrap) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn input_that_says_something_is_read_to_its_end() {
        wait_for_end_of(&b"any words"[..]);
    }

    #[tokio::test]
    async fn a_service_that_stays_never_ends_by_itself() {
        let over = end_of_run(true).unwrap();

        let waited = tokio::time::timeout(std::time::Duration::from_millis(20), over).await;

        assert!(waited.is_err());
    }
}
