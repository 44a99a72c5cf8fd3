//! The notification service: sends the welcome e-mail to every user that registers.

use axum::Router;

use crate::ServiceArgs;
use crate::client::{CallFault, Caller};
use crate::consumer::{self, Work, WorkFault};
use crate::email::{Accepted, Message};
use crate::events::UserCreated;
use crate::http::{Correlation, Gate, Readiness};

struct Welcome {
    messages_url: String,
    caller: Caller,
}

pub(crate) fn start(args: &ServiceArgs, gate: &Gate) -> anyhow::Result<(Router, Readiness)> {
    let welcome =
        Welcome { messages_url: format!("{}/v1/messages", args.need_email()?), caller: Caller::external(args.dns)? };
    let readiness = consumer::start(args.need_kafka()?, gate, welcome)?;
    Ok((Router::new(), readiness))
}

impl Work for Welcome {
    const CONSUMER: &'static str = "notification";

    async fn work(&self, event: &UserCreated) -> Result<(), WorkFault> {
        let message = welcome_message(event);
        let correlation = Correlation::from_event(&event.correlation_id);
        let url = self.messages_url.clone();
        self.caller
            .post::<Accepted>(url, &message, &correlation)
            .await
            .map(drop)
            .map_err(|fault: CallFault| WorkFault { may_pass: fault.may_pass(), reason: fault.to_string() })
    }
}

fn welcome_message(event: &UserCreated) -> Message {
    Message {
        to: event.user.email.clone(),
        subject: "Welcome to GoodGo".to_owned(),
        body: format!("Hello {}, your account is ready.", event.user.name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::EventUser;
    use crate::testing::{self, Service};

    fn registered(email: &str) -> UserCreated {
        let user = EventUser { id: "u-1".into(), email: email.into(), name: "Ada Berg".into() };
        UserCreated::now("c-1", user)
    }

    async fn welcome(email_api: &Service) -> Welcome {
        Welcome { messages_url: email_api.url("/v1/messages"), caller: Caller::external(None).unwrap() }
    }

    #[tokio::test]
    async fn a_new_user_is_welcomed_through_the_email_api() {
        let email_api = Service::start(crate::email::router(&testing::gate())).await;

        let sent = welcome(&email_api).await.work(&registered("ada@goodgo.example")).await;

        assert!(sent.is_ok());
    }

    #[tokio::test]
    async fn an_address_the_api_refuses_is_not_tried_again() {
        let email_api = Service::start(crate::email::router(&testing::gate())).await;

        let fault = welcome(&email_api).await.work(&registered("nowhere")).await.unwrap_err();

        assert!(!fault.may_pass, "{}", fault.reason);
    }
}
