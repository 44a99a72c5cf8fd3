//! Waits until a due time, far more exactly than the runtime's timer of one millisecond.
//!
//! On Linux a timerfd on the monotonic clock, its slack set to the least; elsewhere the runtime's
//! timer, whose lateness is recorded as lag like any other.

use std::time::Duration;

use crate::clock::RunClock;

/// Waits for due times on the thread that it was made on.
#[derive(Debug)]
pub struct Pacer {
    clock: RunClock,
    timer: imp::Timer,
}

impl Pacer {
    /// A pacer for the current thread and runtime.
    ///
    /// # Errors
    /// If the system has no timer left.
    pub fn new(clock: RunClock) -> std::io::Result<Self> {
        Ok(Self { clock, timer: imp::Timer::new()? })
    }

    /// Returns at `due_ns`, or at once where that has passed.
    ///
    /// # Errors
    /// If the system's timer fails.
    pub async fn until(&self, due_ns: u64) -> std::io::Result<()> {
        match due_ns.checked_sub(self.clock.now_ns()) {
            None | Some(0) => Ok(()),
            Some(wait_ns) => self.timer.sleep(Duration::from_nanos(wait_ns)).await,
        }
    }
}

#[cfg(target_os = "linux")]
mod imp {
    use std::io;
    use std::num::NonZeroU64;
    use std::os::fd::OwnedFd;
    use std::time::Duration;

    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
    };
    use tokio::io::unix::AsyncFd;

    #[derive(Debug)]
    pub(super) struct Timer(AsyncFd<OwnedFd>);

    impl Timer {
        pub(super) fn new() -> io::Result<Self> {
            // The default slack of 50 us would be added to every send. Not being allowed to change
            // it costs exactness, which the lag shows; it is no reason to stop.
            let _ = rustix::thread::set_current_timer_slack(NonZeroU64::new(1));
            let fd = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
            // SAFETY: the descriptor is owned by the AsyncFd and closed by nobody else; nothing here
            // hands it out to be exchanged for another.
            #[expect(unsafe_code, reason = "tokio's AsyncFd asks for it, and the reason is above")]
            let registered = unsafe { AsyncFd::register(fd) };
            Ok(Self(registered.map_err(io::Error::from)?))
        }

        pub(super) async fn sleep(&self, wait: Duration) -> io::Result<()> {
            let value = Timespec { tv_sec: wait.as_secs() as i64, tv_nsec: i64::from(wait.subsec_nanos()) };
            let interval = Timespec { tv_sec: 0, tv_nsec: 0 };
            timerfd_settime(
                self.0.get_ref(),
                TimerfdTimerFlags::empty(),
                &Itimerspec { it_interval: interval, it_value: value },
            )?;
            loop {
                let mut guard = self.0.readable().await?;
                let mut expirations = [0_u8; 8];
                match guard.try_io(|fd| Ok(rustix::io::read(fd.get_ref(), &mut expirations)?)) {
                    Ok(read) => return read.map(|_| ()),
                    Err(_would_block) => {}
                }
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod imp {
    use std::io;
    use std::time::Duration;

    #[derive(Debug)]
    pub(super) struct Timer;

    impl Timer {
        pub(super) fn new() -> io::Result<Self> {
            Ok(Self)
        }

        pub(super) async fn sleep(&self, wait: Duration) -> io::Result<()> {
            tokio::time::sleep(wait).await;
            Ok(())
        }
    }
}
