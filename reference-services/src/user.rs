//! The user service: shows users together with what iam lets them do, and registers new ones.
//! Registered users live as long as the process.

mod store;

use std::sync::Arc;

use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use tracing::warn;
use uuid::Uuid;

use crate::ServiceArgs;
use crate::client::{CallFault, Caller};
use crate::email::is_address;
use crate::events::{EventUser, USER_CREATED, UserCreated};
use crate::http::{self, Access, ApiError, Correlation, Gate, Id, JsonBody, Readiness};
use crate::iam::Permissions;
use crate::publisher::Publisher;

use store::{Taken, Users};

const MAX_NAME_CHARS: usize = 200;

/// A user as this service keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct User {
    pub(crate) id: String,
    pub(crate) email: String,
    pub(crate) name: String,
}

/// A user as the API shows it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct UserView {
    #[serde(flatten)]
    pub(crate) user: User,
    pub(crate) roles: Vec<String>,
    pub(crate) permissions: Vec<String>,
}

#[derive(Deserialize)]
struct Registration {
    email: String,
    name: String,
}

struct App {
    users: Users,
    iam: String,
    caller: Caller,
    publisher: Arc<Publisher>,
}

pub(crate) fn start(args: &ServiceArgs, gate: &Gate) -> anyhow::Result<(Router, Readiness)> {
    let kafka = args.need_kafka()?;
    let publisher = Arc::new(Publisher::for_requests(kafka, "user", gate.telemetry())?);
    let readiness = Readiness::when([publisher.can_publish(USER_CREATED)?]);
    let app = App {
        users: Users::default(),
        iam: args.need_iam()?,
        caller: Caller::internal(args.dns, &gate.authority())?,
        publisher,
    };
    Ok((router(gate, app), readiness))
}

fn router(gate: &Gate, app: App) -> Router {
    let app = Arc::new(app);
    let register = post(register).with_state(Arc::clone(&app));
    let show = get(show).with_state(app);
    Router::new()
        .route("/api/v1/users", gate.guard("/api/v1/users", Access::Caller, register))
        .route("/api/v1/users/{id}", gate.guard("/api/v1/users/{id}", Access::Caller, show))
}

async fn show(State(app): State<Arc<App>>, correlation: Correlation, Id(id): Id) -> Result<Json<UserView>, ApiError> {
    let user = app.users.get(&id).ok_or_else(|| ApiError::not_found("there is no such user"))?;
    let url = format!("{}/internal/permissions/{id}", app.iam);
    let granted: Permissions = app.caller.get(url, &correlation).await.map_err(upstream)?;
    Ok(Json(UserView { user, roles: granted.roles, permissions: granted.permissions }))
}

/// Registered means: stored, and the broker has the event. Where the second fails, the first is
/// taken back, so that the client may simply try again.
async fn register(
    State(app): State<Arc<App>>,
    correlation: Correlation,
    JsonBody(registration): JsonBody<Registration>,
) -> Result<impl IntoResponse, ApiError> {
    let user = registration.into_user()?;
    app.users.add(user.clone()).map_err(|Taken| ApiError::conflict("this e-mail address is registered already"))?;
    let event = UserCreated::now(correlation.as_str(), EventUser::from(&user));
    let published = app.publisher.publish(USER_CREATED, None, &user.id, &event).await;
    if let Err(error) = published {
        warn!("a registration failed: {error}");
        app.users.remove(&user);
        return Err(ApiError::unavailable(
            "event_not_published",
            format!("{USER_CREATED} could not be published: {error}"),
        ));
    }
    Ok(http::created(user))
}

impl Registration {
    fn into_user(self) -> Result<User, ApiError> {
        if !is_address(&self.email) {
            return Err(ApiError::bad_request("`email` is not an e-mail address"));
        }
        let name = self.name.trim();
        if name.is_empty() || name.chars().count() > MAX_NAME_CHARS {
            return Err(ApiError::bad_request("`name` must have between 1 and 200 characters"));
        }
        Ok(User { id: format!("u-{}", Uuid::new_v4().simple()), email: self.email, name: name.to_owned() })
    }
}

impl From<&User> for EventUser {
    fn from(user: &User) -> Self {
        Self { id: user.id.clone(), email: user.email.clone(), name: user.name.clone() }
    }
}

/// The client asked the right thing; we could not find out.
#[expect(clippy::needless_pass_by_value, reason = "it is used with `map_err`")]
fn upstream(fault: CallFault) -> ApiError {
    ApiError::bad_gateway(fault.to_string())
}

#[cfg(test)]
mod tests;
