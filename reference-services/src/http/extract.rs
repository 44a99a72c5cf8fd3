//! What handlers take from a request. Whatever is wrong with it is a 400 that says what.

use axum::Json;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::ApiError;

/// Longer than any id of the platform, short enough to be harmless in a log or a metric.
const MAX_ID_CHARS: usize = 64;

/// The `{id}` of a route. Letters, digits and `-` only, so that it can stand in another URL.
pub(crate) struct Id(pub(crate) String);

impl Id {
    /// Whether `id` may name anything at all.
    pub(crate) fn is_valid(id: &str) -> bool {
        let harmless = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        !id.is_empty() && id.len() <= MAX_ID_CHARS && id.bytes().all(harmless)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Path(id) = Path::<String>::from_request_parts(parts, state)
            .await
            .map_err(|rejection| ApiError::bad_request(rejection.body_text()))?;
        if !Self::is_valid(&id) {
            return Err(ApiError::bad_request("an id has letters, digits and '-', 64 at most"));
        }
        Ok(Self(id))
    }
}

/// A JSON body.
pub(crate) struct JsonBody<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        Json::<T>::from_request(request, state)
            .await
            .map(|Json(body)| Self(body))
            .map_err(|rejection| ApiError::bad_request(rejection.body_text()))
    }
}

/// The query string.
pub(crate) struct Params<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        Query::<T>::from_request_parts(parts, state)
            .await
            .map(|Query(params)| Self(params))
            .map_err(|rejection| ApiError::bad_request(rejection.body_text()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_cannot_smuggle_a_path_into_another_url() {
        for id in ["", "../admin", "u-1?x=1", "u 1", "ü", &"u".repeat(65)] {
            assert!(!Id::is_valid(id), "{id}");
        }
        assert!(Id::is_valid("u-00042"));
    }
}
