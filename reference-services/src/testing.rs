//! What the tests of several services share: a gate with a known secret, and a service on a
//! loopback port.

use std::net::SocketAddr;

use axum::Router;
use serde_json::Value;
use tokio::net::TcpListener;

use crate::http::Gate;
use crate::{ServiceArgs, ServiceName};

pub(crate) const SECRET: &str = "a secret among services";

pub(crate) fn gate() -> Gate {
    Gate::new(SECRET.into(), None)
}

pub(crate) fn args(name: ServiceName) -> ServiceArgs {
    ServiceArgs {
        name,
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        dns: None,
        kafka: None,
        service_secret_env: "PROOFLOAD_SERVICE_SECRET".into(),
        iam: None,
        user: None,
        product: None,
        email: None,
        delay: None,
        stay: false,
    }
}

/// An address nobody listens on: a port that was free a moment ago.
pub(crate) fn unused_address() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).unwrap()
}

/// A router that is served until the test ends.
pub(crate) struct Service {
    base: String,
    http: reqwest::Client,
}

/// An answer, read to its end.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
    headers: reqwest::header::HeaderMap,
}

impl Service {
    pub(crate) async fn start(router: Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(crate::http::serve(listener, router, std::future::pending()));
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { base, http }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.get_with(path, &[]).await
    }

    pub(crate) async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = self.http.get(self.url(path));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Answer::to(request).await
    }

    /// A JSON body, whatever it says.
    pub(crate) async fn post(&self, path: &str, body: &str) -> Answer {
        self.post_with(path, body, &[]).await
    }

    pub(crate) async fn post_with(&self, path: &str, body: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request =
            self.http.post(self.url(path)).header("content-type", "application/json").body(body.to_owned());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Answer::to(request).await
    }
}

impl Answer {
    async fn to(request: reqwest::RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        Self {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: response.text().await.unwrap(),
        }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }
}
