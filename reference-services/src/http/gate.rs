//! The gate in front of every route that is measured: it lets callers in, ties the request to its
//! correlation id, waits if the service was told to be slow, and counts.
//!
//! It runs for every request, so it allocates nothing beyond what axum does and logs nothing.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::MethodRouter;

use super::{ApiError, CORRELATION_ID, Correlation};
use crate::auth::Authority;
use crate::telemetry::Telemetry;

/// The header that carries the service secret.
pub(crate) const SERVICE_AUTH: HeaderName = HeaderName::from_static("x-service-auth");

/// Who may pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Anybody.
    Open,
    /// A service, or a user with a token.
    Caller,
    /// A service.
    Service,
}

/// Makes the gate of each route; one per service instance.
pub(crate) struct Gate {
    authority: Arc<Authority>,
    telemetry: Arc<Telemetry>,
    delay: Option<Duration>,
}

impl Gate {
    pub(crate) fn new(secret: String, delay: Option<Duration>) -> Self {
        Self { authority: Arc::new(Authority::new(secret)), telemetry: Arc::new(Telemetry::new()), delay }
    }

    pub(crate) fn authority(&self) -> Arc<Authority> {
        Arc::clone(&self.authority)
    }

    pub(crate) fn telemetry(&self) -> Arc<Telemetry> {
        Arc::clone(&self.telemetry)
    }

    pub(crate) fn delay(&self) -> Option<Duration> {
        self.delay
    }

    /// Puts the gate in front of the handlers of one route.
    pub(crate) fn guard(&self, route: &'static str, access: Access, handlers: MethodRouter) -> MethodRouter {
        let guard = Arc::new(Guard {
            route,
            access,
            delay: self.delay,
            authority: self.authority(),
            telemetry: self.telemetry(),
        });
        handlers.route_layer(from_fn_with_state(guard, pass))
    }
}

struct Guard {
    route: &'static str,
    access: Access,
    delay: Option<Duration>,
    authority: Arc<Authority>,
    telemetry: Arc<Telemetry>,
}

async fn pass(State(guard): State<Arc<Guard>>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = request.method().clone();
    let correlation = Correlation::of(request.headers());
    let mut response = match guard.admit(request.headers()) {
        Err(refusal) => refusal.into_response(),
        Ok(()) => {
            if let Some(delay) = guard.delay {
                tokio::time::sleep(delay).await;
            }
            request.extensions_mut().insert(correlation.clone());
            next.run(request).await
        }
    };
    response.headers_mut().insert(CORRELATION_ID, correlation.header());
    guard.telemetry.answered(&method, guard.route, response.status(), started.elapsed());
    response
}

impl Guard {
    fn admit(&self, headers: &HeaderMap) -> Result<(), ApiError> {
        if self.access == Access::Open {
            return Ok(());
        }
        if let Some(presented) = headers.get(SERVICE_AUTH) {
            return match self.authority.is_service(presented.as_bytes()) {
                true => Ok(()),
                false => Err(ApiError::unauthorized("x-service-auth is wrong")),
            };
        }
        if self.access == Access::Service {
            return Err(ApiError::unauthorized("x-service-auth is missing"));
        }
        let token = bearer_token(headers)
            .ok_or_else(|| ApiError::unauthorized("neither x-service-auth nor a bearer token was sent"))?;
        self.authority.verify(token, now_s()).map(drop).map_err(|fault| ApiError::unauthorized(fault.to_string()))
    }
}

fn bearer_token(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Unix time; a clock before 1970 counts as 1970, where no token has expired.
pub(crate) fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Claims;
    use crate::testing::{SECRET, Service};
    use axum::Router;
    use axum::routing::get;

    async fn service(access: Access, delay: Option<Duration>) -> Service {
        let gate = Gate::new(SECRET.into(), delay);
        let handler = get(|correlation: Correlation| async move { correlation.as_str().to_owned() });
        Service::start(Router::new().route("/api/x", gate.guard("/api/x", access, handler))).await
    }

    fn token(expires_s: u64) -> String {
        let claims = Claims { sub: "u-00001".into(), roles: vec![], exp: expires_s };
        format!("Bearer {}", Authority::new(SECRET.into()).issue(&claims))
    }

    #[tokio::test]
    async fn a_caller_shows_the_secret_or_a_token() {
        let service = service(Access::Caller, None).await;
        let valid = token(now_s() + 60);
        let expired = token(now_s() - 1);

        for (header, value, status) in [
            ("x-service-auth", SECRET, 200),
            ("authorization", &valid, 200),
            ("x-service-auth", "wrong", 401),
            ("authorization", &expired, 401),
            ("authorization", "Basic dTpw", 401),
            ("x-nothing", "x", 401),
        ] {
            let answer = service.get_with("/api/x", &[(header, value)]).await;
            assert_eq!(answer.status, status, "{header}: {value}");
        }
    }

    #[tokio::test]
    async fn a_users_token_does_not_open_what_is_for_services() {
        let service = service(Access::Service, None).await;
        let valid = token(now_s() + 60);

        let user = service.get_with("/api/x", &[("authorization", &valid)]).await;
        let other_service = service.get_with("/api/x", &[("x-service-auth", SECRET)]).await;

        assert_eq!(user.status, 401);
        assert_eq!(user.json()["error"], "unauthorized");
        assert_eq!(other_service.status, 200);
    }

    #[tokio::test]
    async fn the_correlation_id_reaches_the_handler_and_comes_back() {
        let service = service(Access::Open, None).await;

        let kept = service.get_with("/api/x", &[("x-correlation-id", "abc")]).await;
        let made = service.get("/api/x").await;

        assert_eq!(kept.body, "abc");
        assert_eq!(kept.header("x-correlation-id"), "abc");
        assert_eq!(made.body, made.header("x-correlation-id"));
    }

    #[tokio::test]
    async fn a_refusal_carries_the_correlation_id_too() {
        let service = service(Access::Caller, None).await;

        let refused = service.get_with("/api/x", &[("x-correlation-id", "abc")]).await;

        assert_eq!(refused.status, 401);
        assert_eq!(refused.header("x-correlation-id"), "abc");
    }

    #[tokio::test]
    async fn a_delay_comes_before_the_answer() {
        let service = service(Access::Open, Some(Duration::from_millis(60))).await;
        let asked = Instant::now();

        service.get("/api/x").await;

        assert!(asked.elapsed() >= Duration::from_millis(60));
    }
}
