//! The events of the platform, exactly as they stand in Kafka. Pure data: who publishes and who
//! consumes is elsewhere.

use serde::{Deserialize, Serialize};
use std::time::SystemTime;
use uuid::Uuid;

/// A user has registered.
pub(crate) const USER_CREATED: &str = "user.created";
/// An order was placed.
pub(crate) const ORDER_PLACED: &str = "order.placed";
/// A consumer has finished its work on an event.
pub(crate) const PROCESSING_COMPLETED: &str = "processing.completed";

/// Value of `user.created`; the key is the user's id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct UserCreated {
    pub(crate) event_id: String,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) occurred_at: String,
    pub(crate) correlation_id: String,
    pub(crate) user: EventUser,
}

/// The user an event is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct EventUser {
    pub(crate) id: String,
    pub(crate) email: String,
    pub(crate) name: String,
}

/// Value of `order.placed`; the key is the order's id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OrderPlaced {
    pub(crate) event_id: String,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) occurred_at: String,
    pub(crate) correlation_id: String,
    pub(crate) order: EventOrder,
}

/// The order an event is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct EventOrder {
    pub(crate) id: String,
    pub(crate) user_id: String,
    pub(crate) total_cents: u64,
}

/// Value of `processing.completed`; key and partition are those of the source event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Completion {
    pub(crate) event_id: String,
    pub(crate) consumer: String,
    pub(crate) status: Status,
    pub(crate) source_partition: i32,
    pub(crate) source_offset: i64,
}

/// How the work on an event ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    Done,
    Failed,
}

impl Status {
    /// As it stands in metrics.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }
}

impl UserCreated {
    pub(crate) fn now(correlation_id: &str, user: EventUser) -> Self {
        Self {
            event_id: Uuid::new_v4().to_string(),
            kind: USER_CREATED.to_owned(),
            occurred_at: timestamp(),
            correlation_id: correlation_id.to_owned(),
            user,
        }
    }

    /// Reads an event; the error says in a few words why it is none.
    pub(crate) fn parse(payload: &[u8]) -> Result<Self, String> {
        let event: Self = serde_json::from_slice(payload).map_err(|error| error.to_string())?;
        if event.kind != USER_CREATED {
            return Err(format!("its type is not {USER_CREATED}"));
        }
        if event.event_id.is_empty() || event.user.id.is_empty() {
            return Err("it names no event or no user".to_owned());
        }
        Ok(event)
    }
}

impl OrderPlaced {
    pub(crate) fn now(correlation_id: &str, order: EventOrder) -> Self {
        Self {
            event_id: Uuid::new_v4().to_string(),
            kind: ORDER_PLACED.to_owned(),
            occurred_at: timestamp(),
            correlation_id: correlation_id.to_owned(),
            order,
        }
    }
}

/// Now, as RFC 3339 in UTC.
fn timestamp() -> String {
    humantime::format_rfc3339_millis(SystemTime::now()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CREATED: &str = r#"{"event_id":"e-1","type":"user.created","occurred_at":"2026-01-02T03:04:05.678Z","correlation_id":"c-1","user":{"id":"u-1","email":"a@goodgo.example","name":"Ada Berg"}}"#;

    #[test]
    fn user_created_keeps_its_documented_form() {
        let event = UserCreated::parse(CREATED.as_bytes()).unwrap();

        assert_eq!(event.user.name, "Ada Berg");
        assert_eq!(serde_json::to_string(&event).unwrap(), CREATED);
    }

    #[test]
    fn a_completion_keeps_its_documented_form() {
        let completion = Completion {
            event_id: "e-1".into(),
            consumer: "notification".into(),
            status: Status::Done,
            source_partition: 0,
            source_offset: 42,
        };

        let text = serde_json::to_string(&completion).unwrap();

        assert_eq!(
            text,
            r#"{"event_id":"e-1","consumer":"notification","status":"done","source_partition":0,"source_offset":42}"#
        );
        let read: Completion = serde_json::from_str(&text).unwrap();
        assert_eq!(read, completion);
    }

    #[test]
    fn an_order_placed_keeps_its_form() {
        let text = r#"{"event_id":"e-2","type":"order.placed","occurred_at":"2026-01-02T03:04:05.678Z","correlation_id":"c-2","order":{"id":"o-1","user_id":"u-1","total_cents":1200}}"#;

        let event: OrderPlaced = serde_json::from_str(text).unwrap();

        assert_eq!(serde_json::to_string(&event).unwrap(), text);
    }

    #[test]
    fn what_is_no_event_says_why() {
        for (payload, reason) in [
            ("", "EOF"),
            ("{}", "missing field `event_id`"),
            (&CREATED.replace("user.created", "order.placed"), "type"),
            (&CREATED.replace("e-1", ""), "names no event"),
        ] {
            let error = UserCreated::parse(payload.as_bytes()).unwrap_err();
            assert!(error.contains(reason), "{payload}: {error}");
        }
    }

    #[test]
    fn a_new_event_has_the_time_and_an_id_of_its_own() {
        let user = EventUser { id: "u-1".into(), email: "a@goodgo.example".into(), name: "Ada".into() };

        let first = UserCreated::now("c", user.clone());
        let second = UserCreated::now("c", user);

        assert!(humantime::parse_rfc3339(&first.occurred_at).is_ok());
        assert_ne!(first.event_id, second.event_id);
    }
}
