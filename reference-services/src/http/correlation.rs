//! The thread that ties together what one user action caused in many services.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use uuid::Uuid;

use super::ApiError;

/// The header that carries it, in requests and in answers.
pub(crate) const CORRELATION_ID: HeaderName = HeaderName::from_static("x-correlation-id");

/// More than any sensible id needs; longer ones are replaced.
const MAX_CHARS: usize = 128;

/// The caller's correlation id, or one made here. Always visible ASCII.
#[derive(Debug, Clone)]
pub(crate) struct Correlation(HeaderValue);

impl Correlation {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        headers
            .get(CORRELATION_ID)
            .filter(|value| (1..=MAX_CHARS).contains(&value.len()) && value.to_str().is_ok())
            .map_or_else(Self::fresh, |value| Self(value.clone()))
    }

    /// Of an event; one that cannot be a header is replaced.
    pub(crate) fn from_event(id: &str) -> Self {
        HeaderValue::from_str(id)
            .ok()
            .filter(|value| (1..=MAX_CHARS).contains(&value.len()) && value.to_str().is_ok())
            .map_or_else(Self::fresh, Self)
    }

    fn fresh() -> Self {
        let mut text = Uuid::encode_buffer();
        let text = Uuid::new_v4().hyphenated().encode_lower(&mut text);
        Self(HeaderValue::from_str(text).expect("hex digits and '-' are visible ASCII"))
    }

    pub(crate) fn header(&self) -> HeaderValue {
        self.0.clone()
    }

    pub(crate) fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Correlation {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        let known = parts.extensions.get::<Self>().cloned();
        Ok(known.unwrap_or_else(|| Self::of(&parts.headers)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(value: &[u8]) -> Correlation {
        let mut headers = HeaderMap::new();
        headers.insert(CORRELATION_ID, HeaderValue::from_bytes(value).unwrap());
        Correlation::of(&headers)
    }

    #[test]
    fn the_callers_id_is_kept() {
        assert_eq!(of(b"order-7").as_str(), "order-7");
    }

    #[test]
    fn an_id_that_is_missing_empty_too_long_or_unreadable_is_replaced() {
        assert_eq!(Correlation::of(&HeaderMap::new()).as_str().len(), 36);
        for id in [&b""[..], &[b'x'; 129], b"\xff\xfe"] {
            assert_eq!(of(id).as_str().len(), 36);
        }
    }
}
