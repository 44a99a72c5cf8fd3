//! One arrival and what became of it.
//!
//! Times are nanoseconds on the run's one monotonic clock. Latency runs from the *due* time, so a
//! late generator can only make it longer, never shorter.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Why an arrival did not end well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FaultKind {
    /// No answer within the probe's timeout.
    Timeout,
    /// No connection could be made.
    Connect,
    /// The connection broke while the request was on it.
    Broken,
    /// An HTTP status outside 2xx.
    Status(u16),
    /// An answer came, but not one that the protocol allows or the probe expects.
    Protocol,
    /// The name could not be resolved.
    Name,
    /// The broker, or the client library on its behalf, refused or gave up on the message.
    Rejected,
    /// The consuming service reported that its work on the event failed.
    Failed,
    /// The run ended, or was ended, before the answer came.
    Cancelled,
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timeout => f.write_str("timeout"),
            Self::Connect => f.write_str("connect"),
            Self::Broken => f.write_str("broken"),
            Self::Status(code) => write!(f, "status_{code}"),
            Self::Protocol => f.write_str("protocol"),
            Self::Name => f.write_str("name"),
            Self::Rejected => f.write_str("rejected"),
            Self::Failed => f.write_str("failed"),
            Self::Cancelled => f.write_str("cancelled"),
        }
    }
}

impl FromStr for FaultKind {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        Ok(match s {
            "timeout" => Self::Timeout,
            "connect" => Self::Connect,
            "broken" => Self::Broken,
            "protocol" => Self::Protocol,
            "name" => Self::Name,
            "rejected" => Self::Rejected,
            "failed" => Self::Failed,
            "cancelled" => Self::Cancelled,
            other => match other.strip_prefix("status_").map(str::parse) {
                Some(Ok(code)) => Self::Status(code),
                _ => return Err(format!("`{other}` is not a kind of fault")),
            },
        })
    }
}

impl Serialize for FaultKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for FaultKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// How an arrival ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Answered as it should be.
    Ok,
    /// Answered wrongly, or not at all.
    Fault(FaultKind),
}

/// One arrival that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// When the schedule wanted it sent.
    pub due_ns: u64,
    /// When it was sent.
    pub sent_ns: u64,
    /// When its last byte (or acknowledgement, or completion) was here.
    pub done_ns: u64,
    /// How it ended.
    pub outcome: Outcome,
}

impl Sample {
    /// `done - due`: what a user who came on time had to wait.
    #[must_use]
    pub fn latency_ns(&self) -> u64 {
        self.done_ns.saturating_sub(self.due_ns)
    }

    /// `done - sent`: what the target took, without the generator's lateness.
    #[must_use]
    pub fn service_ns(&self) -> u64 {
        self.done_ns.saturating_sub(self.sent_ns)
    }

    /// `sent - due`: how late the generator was.
    #[must_use]
    pub fn lag_ns(&self) -> u64 {
        self.sent_ns.saturating_sub(self.due_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_fault_reads_back_as_it_was_written() {
        use FaultKind::{Broken, Cancelled, Connect, Failed, Name, Protocol, Rejected, Status, Timeout};
        for kind in [Timeout, Connect, Broken, Status(503), Protocol, Name, Rejected, Failed, Cancelled] {
            assert_eq!(kind.to_string().parse::<FaultKind>(), Ok(kind));
        }
        assert!("status_x".parse::<FaultKind>().is_err());
    }
}
