//! Stand-in for the external e-mail API: it takes a message, checks it and says that it will be
//! sent. It is not a part of the platform, so it knows no service secret.

use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::post;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::http::{Access, ApiError, Gate, JsonBody};

/// Longest address that can be delivered to (RFC 5321, section 4.5.3.1.3).
const MAX_ADDRESS_CHARS: usize = 254;

/// A message to be sent.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Message {
    pub(crate) to: String,
    pub(crate) subject: String,
    pub(crate) body: String,
}

/// The API's word that it will send the message.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Accepted {
    pub(crate) id: String,
}

pub(crate) fn router(gate: &Gate) -> Router {
    Router::new().route("/v1/messages", gate.guard("/v1/messages", Access::Open, post(accept)))
}

async fn accept(JsonBody(message): JsonBody<Message>) -> Result<impl IntoResponse, ApiError> {
    if !is_address(&message.to) {
        return Err(ApiError::bad_request("`to` is not an e-mail address"));
    }
    if message.subject.is_empty() || message.body.is_empty() {
        return Err(ApiError::bad_request("`subject` and `body` must not be empty"));
    }
    let id = format!("m-{}", Uuid::new_v4().simple());
    Ok((StatusCode::ACCEPTED, Json(Accepted { id })))
}

/// As much as can be said without sending something to it.
pub(crate) fn is_address(text: &str) -> bool {
    let deliverable = text.split_once('@').is_some_and(|(local, domain)| !local.is_empty() && domain.contains('.'));
    deliverable
        && text.len() <= MAX_ADDRESS_CHARS
        && text.matches('@').count() == 1
        && text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{self, Service};

    #[tokio::test]
    async fn a_message_is_accepted_and_gets_an_id() {
        let email = Service::start(router(&testing::gate())).await;

        let answer =
            email.post("/v1/messages", r#"{"to":"a@goodgo.example","subject":"Welcome","body":"Hello"}"#).await;

        assert_eq!(answer.status, 202);
        assert!(answer.json()["id"].as_str().unwrap().starts_with("m-"));
    }

    #[tokio::test]
    async fn a_message_that_cannot_be_sent_is_refused() {
        let email = Service::start(router(&testing::gate())).await;
        for body in [
            r#"{"to":"nobody","subject":"Welcome","body":"Hello"}"#,
            r#"{"to":"a@goodgo.example","subject":"","body":"Hello"}"#,
            r#"{"to":"a@goodgo.example"}"#,
            "",
        ] {
            let answer = email.post("/v1/messages", body).await;

            assert_eq!(answer.status, 400, "{body}");
            assert_eq!(answer.json()["error"], "bad_request");
        }
    }
}
