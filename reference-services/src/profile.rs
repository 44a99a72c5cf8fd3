//! The profile service: creates a profile for every user that registers, and shows it. Profiles
//! live as long as the process.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};

use crate::ServiceArgs;
use crate::consumer::{self, Work, WorkFault};
use crate::events::UserCreated;
use crate::http::{Access, ApiError, Gate, Id, Readiness};

const ROUTE: &str = "/api/v1/profiles/{user_id}";

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Profile {
    user_id: String,
    display_name: String,
    email: String,
    member_since: String,
}

#[derive(Clone, Default)]
struct Profiles(Arc<RwLock<HashMap<String, Profile>>>);

pub(crate) fn start(args: &ServiceArgs, gate: &Gate) -> anyhow::Result<(Router, Readiness)> {
    let profiles = Profiles::default();
    let readiness = consumer::start(args.need_kafka()?, gate, profiles.clone())?;
    Ok((router(gate, profiles), readiness))
}

fn router(gate: &Gate, profiles: Profiles) -> Router {
    let show = get(show).with_state(profiles);
    Router::new().route(ROUTE, gate.guard(ROUTE, Access::Caller, show))
}

async fn show(State(profiles): State<Profiles>, Id(id): Id) -> Result<Json<Profile>, ApiError> {
    profiles.get(&id).map(Json).ok_or_else(|| ApiError::not_found("there is no such profile"))
}

impl Work for Profiles {
    const CONSUMER: &'static str = "profile";

    async fn work(&self, event: &UserCreated) -> Result<(), WorkFault> {
        self.create(event);
        Ok(())
    }
}

impl Profiles {
    fn create(&self, event: &UserCreated) {
        let profile = Profile {
            user_id: event.user.id.clone(),
            display_name: event.user.name.clone(),
            email: event.user.email.clone(),
            member_since: event.occurred_at.clone(),
        };
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(profile.user_id.clone(), profile);
    }

    fn get(&self, user_id: &str) -> Option<Profile> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(user_id).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::EventUser;
    use crate::testing::{self, SECRET, Service};

    #[tokio::test]
    async fn a_new_user_has_a_profile_that_can_be_shown() {
        let profiles = Profiles::default();
        let service = Service::start(router(&testing::gate(), profiles.clone())).await;
        let user = EventUser { id: "u-1".into(), email: "ada@goodgo.example".into(), name: "Ada Berg".into() };

        profiles.work(&UserCreated::now("c-1", user)).await.unwrap();

        let auth = [("x-service-auth", SECRET)];
        let known = service.get_with("/api/v1/profiles/u-1", &auth).await;
        let unknown = service.get_with("/api/v1/profiles/u-2", &auth).await;
        assert_eq!(known.json()["display_name"], "Ada Berg");
        assert_eq!(unknown.status, 404);
    }
}
