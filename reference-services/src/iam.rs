//! The iam service: signs users in and tells other services what a user may do.
//!
//! Its users are the seeded ones; any other well-formed user id has the permissions of a new
//! customer, because users register with the user service.

use std::sync::Arc;

use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};

use crate::auth::{Authority, Claims, same_bytes};
use crate::http::{Access, ApiError, Gate, Id, JsonBody, now_s};
use crate::seed;

/// How long a token opens doors.
const TOKEN_LIFE_S: u64 = 3600;
/// Every hundredth seeded user runs the shop.
const ADMIN_EVERY: u32 = 100;

const CUSTOMER: [&str; 3] = ["profile:read", "catalogue:read", "order:write"];
const ADMIN: [&str; 6] =
    ["profile:read", "catalogue:read", "order:write", "catalogue:write", "order:read-all", "user:read-all"];

/// What another service asks iam about a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Permissions {
    pub(crate) user_id: String,
    pub(crate) roles: Vec<String>,
    pub(crate) permissions: Vec<String>,
}

#[derive(Deserialize)]
struct Credentials {
    email: String,
    password: String,
}

#[derive(Serialize)]
struct Session {
    token: String,
    token_type: &'static str,
    expires_in_s: u64,
    user_id: String,
}

pub(crate) fn router(gate: &Gate) -> Router {
    let sign_in = post(sign_in).with_state(gate.authority());
    Router::new().route("/api/v1/auth/sign-in", gate.guard("/api/v1/auth/sign-in", Access::Open, sign_in)).route(
        "/internal/permissions/{user_id}",
        gate.guard("/internal/permissions/{user_id}", Access::Service, get(permissions)),
    )
}

async fn sign_in(
    State(authority): State<Arc<Authority>>,
    JsonBody(credentials): JsonBody<Credentials>,
) -> Result<Json<Session>, ApiError> {
    // One answer for both mistakes: who has an account is nobody's business.
    let number = seed::user_number_by_email(&credentials.email)
        .filter(|_| same_bytes(seed::PASSWORD.as_bytes(), credentials.password.as_bytes()))
        .ok_or_else(|| ApiError::unauthorized("the e-mail address or the password is wrong"))?;
    let user_id = seed::user_id(number);
    let token = authority.issue(&Claims {
        sub: user_id.clone(),
        roles: vec![role(&user_id).to_owned()],
        exp: now_s() + TOKEN_LIFE_S,
    });
    Ok(Json(Session { token, token_type: "Bearer", expires_in_s: TOKEN_LIFE_S, user_id }))
}

async fn permissions(Id(user_id): Id) -> Result<Json<Permissions>, ApiError> {
    if !user_id.starts_with("u-") {
        return Err(ApiError::not_found("there is no such user"));
    }
    let role = role(&user_id);
    let granted: &[&str] = if role == "admin" { &ADMIN } else { &CUSTOMER };
    Ok(Json(Permissions {
        user_id,
        roles: vec![role.to_owned()],
        permissions: granted.iter().map(|&name| name.to_owned()).collect(),
    }))
}

fn role(user_id: &str) -> &'static str {
    match seed::user_number(user_id) {
        Some(number) if number % ADMIN_EVERY == 0 => "admin",
        _ => "customer",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{self, SECRET, Service};

    async fn iam() -> Service {
        Service::start(router(&testing::gate())).await
    }

    #[tokio::test]
    async fn a_seeded_user_gets_a_token_that_says_who_it_is() {
        let iam = iam().await;

        let answer = iam
            .post("/api/v1/auth/sign-in", r#"{"email":"user00042@goodgo.example","password":"correct horse"}"#)
            .await;

        assert_eq!(answer.status, 200);
        let token = answer.json()["token"].as_str().unwrap().to_owned();
        let claims = Authority::new(SECRET.into()).verify(&token, now_s()).unwrap();
        assert_eq!(claims.sub, "u-00042");
    }

    #[tokio::test]
    async fn a_wrong_password_and_an_unknown_address_get_the_same_answer() {
        let iam = iam().await;

        let wrong_password =
            iam.post("/api/v1/auth/sign-in", r#"{"email":"user00042@goodgo.example","password":"wrong"}"#).await;
        let unknown =
            iam.post("/api/v1/auth/sign-in", r#"{"email":"nobody@goodgo.example","password":"correct horse"}"#).await;

        assert_eq!((wrong_password.status, unknown.status), (401, 401));
        assert_eq!(wrong_password.body, unknown.body);
    }

    #[tokio::test]
    async fn a_body_that_is_no_json_is_a_bad_request() {
        let answer = iam().await.post("/api/v1/auth/sign-in", "email=x").await;

        assert_eq!(answer.status, 400);
        assert_eq!(answer.json()["error"], "bad_request");
    }

    #[tokio::test]
    async fn permissions_are_told_to_services_only() {
        let iam = iam().await;
        let path = "/internal/permissions/u-00100";

        let stranger = iam.get(path).await;
        let service = iam.get_with(path, &[("x-service-auth", SECRET)]).await;

        assert_eq!(stranger.status, 401);
        assert_eq!(service.status, 200);
        assert_eq!(service.json()["user_id"], "u-00100");
        assert_eq!(service.json()["roles"][0], "admin");
    }
}
