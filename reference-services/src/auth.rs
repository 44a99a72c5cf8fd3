//! Who may call: services by a shared secret, users by a signed token. Pure: no HTTP, no clock.
//!
//! A token is a JSON Web Token with HS256. Every service verifies it by itself with the shared
//! secret, so that no request waits for iam. The secret is never logged and has no `Debug`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use thiserror::Error;

/// The only header this platform signs and accepts: the algorithm is not the caller's choice.
const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

/// What a token says about its bearer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Claims {
    /// The user's id.
    pub(crate) sub: String,
    pub(crate) roles: Vec<String>,
    /// Unix time, seconds, from which on the token is worthless.
    pub(crate) exp: u64,
}

/// Why a token is not accepted.
#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum TokenFault {
    #[error("the token is not one of ours")]
    Malformed,
    #[error("the token's signature is wrong")]
    Signature,
    #[error("the token has expired")]
    Expired,
}

/// Knows the secret and answers for it.
pub(crate) struct Authority {
    secret: String,
    /// The key schedule is computed once; a request clones it.
    mac: Hmac<Sha256>,
    encoded_header: String,
}

impl Authority {
    pub(crate) fn new(secret: String) -> Self {
        let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
        Self { secret, mac, encoded_header: BASE64.encode(HEADER) }
    }

    pub(crate) fn secret(&self) -> &str {
        &self.secret
    }

    /// Whether this is the secret. Takes the same time wherever the first wrong byte is.
    pub(crate) fn is_service(&self, presented: &[u8]) -> bool {
        same_bytes(self.secret.as_bytes(), presented)
    }

    pub(crate) fn issue(&self, claims: &Claims) -> String {
        let body = serde_json::to_vec(claims).expect("claims are plain data");
        let mut token = format!("{}.{}", self.encoded_header, BASE64.encode(body));
        let signature = self.sign(token.as_bytes()).finalize().into_bytes();
        token.push('.');
        BASE64.encode_string(signature, &mut token);
        token
    }

    pub(crate) fn verify(&self, token: &str, now_s: u64) -> Result<Claims, TokenFault> {
        let (signed, signature) = token.rsplit_once('.').ok_or(TokenFault::Malformed)?;
        let (header, body) = signed.split_once('.').ok_or(TokenFault::Malformed)?;
        if header != self.encoded_header {
            return Err(TokenFault::Malformed);
        }
        let signature = BASE64.decode(signature).map_err(|_| TokenFault::Malformed)?;
        self.sign(signed.as_bytes()).verify_slice(&signature).map_err(|_| TokenFault::Signature)?;
        let body = BASE64.decode(body).map_err(|_| TokenFault::Malformed)?;
        let claims: Claims = serde_json::from_slice(&body).map_err(|_| TokenFault::Malformed)?;
        if claims.exp <= now_s {
            return Err(TokenFault::Expired);
        }
        Ok(claims)
    }

    fn sign(&self, message: &[u8]) -> Hmac<Sha256> {
        let mut mac = self.mac.clone();
        mac.update(message);
        mac
    }
}

/// Comparison without an early way out. Only the length can be told from the time it takes.
pub(crate) fn same_bytes(ours: &[u8], theirs: &[u8]) -> bool {
    let difference = ours.iter().zip(theirs).fold(0_u8, |seen, (a, b)| std::hint::black_box(seen | (a ^ b)));
    difference == 0 && ours.len() == theirs.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims() -> Claims {
        Claims { sub: "u-00042".into(), roles: vec!["customer".into()], exp: 1_000 }
    }

    #[test]
    fn a_token_comes_back_as_the_claims_it_was_made_of() {
        let authority = Authority::new("secret".into());

        let token = authority.issue(&claims());

        assert_eq!(authority.verify(&token, 999), Ok(claims()));
    }

    #[test]
    fn a_token_is_worthless_from_its_expiry_on() {
        let authority = Authority::new("secret".into());

        let token = authority.issue(&claims());

        assert_eq!(authority.verify(&token, 1_000), Err(TokenFault::Expired));
    }

    #[test]
    fn a_token_signed_with_another_secret_is_refused() {
        let token = Authority::new("other".into()).issue(&claims());

        let verified = Authority::new("secret".into()).verify(&token, 0);

        assert_eq!(verified, Err(TokenFault::Signature));
    }

    #[test]
    fn a_token_whose_claims_were_changed_is_refused() {
        let authority = Authority::new("secret".into());
        let token = authority.issue(&claims());
        let mut parts: Vec<&str> = token.split('.').collect();
        let forged = BASE64.encode(r#"{"sub":"u-00001","roles":["admin"],"exp":9999999999}"#);
        parts[1] = &forged;

        let verified = authority.verify(&parts.join("."), 0);

        assert_eq!(verified, Err(TokenFault::Signature));
    }

    #[test]
    fn a_token_that_names_no_algorithm_is_refused() {
        let authority = Authority::new("secret".into());
        let header = BASE64.encode(r#"{"alg":"none"}"#);
        let body = BASE64.encode(r#"{"sub":"u-00001","roles":[],"exp":9999999999}"#);

        let verified = authority.verify(&format!("{header}.{body}."), 0);

        assert_eq!(verified, Err(TokenFault::Malformed));
    }

    #[test]
    fn only_the_whole_secret_makes_a_service() {
        let authority = Authority::new("secret".into());

        assert!(authority.is_service(b"secret"));
        for wrong in ["", "s", "secre", "secret ", "Secret"] {
            assert!(!authority.is_service(wrong.as_bytes()), "{wrong:?}");
        }
    }
}
