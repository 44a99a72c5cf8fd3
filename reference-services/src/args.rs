//! What a service is told on its command line. Every service accepts every option and uses what
//! it needs; asking for something that is missing is an error that names the option.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};

/// The environment variable that holds the service secret unless another one is named.
const SECRET_ENV: &str = "PROOFLOAD_SERVICE_SECRET";

/// Which service to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ServiceName {
    /// Signs users in and knows their permissions.
    Iam,
    /// Users; asks iam for permissions and publishes `user.created`.
    User,
    /// The catalogue.
    Product,
    /// Orders; asks user and product and publishes `order.placed`.
    Order,
    /// Consumes `user.created` and sends the welcome e-mail.
    Notification,
    /// Consumes `user.created` and creates the profile.
    Profile,
    /// Stand-in for the external e-mail API.
    Email,
}

impl std::fmt::Display for ServiceName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Iam => "iam",
            Self::User => "user",
            Self::Product => "product",
            Self::Order => "order",
            Self::Notification => "notification",
            Self::Profile => "profile",
            Self::Email => "email",
        })
    }
}

/// The command line of one service.
#[derive(Debug, Clone, Args)]
pub struct ServiceArgs {
    /// The service to run
    #[arg(value_enum)]
    pub name: ServiceName,
    /// Address to serve HTTP on
    #[arg(long, value_name = "IP:PORT")]
    pub listen: SocketAddr,
    /// Name server to find other services with; the system's unless given
    #[arg(long, value_name = "IP:PORT")]
    pub dns: Option<SocketAddr>,
    /// Kafka bootstrap servers
    #[arg(long, value_name = "HOST:PORT")]
    pub kafka: Option<String>,
    /// Environment variable that holds the secret services know each other by
    #[arg(long, value_name = "NAME", default_value = SECRET_ENV)]
    pub service_secret_env: String,
    /// Base URL of the iam service
    #[arg(long, value_name = "URL")]
    pub iam: Option<String>,
    /// Base URL of the user service
    #[arg(long, value_name = "URL")]
    pub user: Option<String>,
    /// Base URL of the product service
    #[arg(long, value_name = "URL")]
    pub product: Option<String>,
    /// Base URL of the e-mail API
    #[arg(long, value_name = "URL")]
    pub email: Option<String>,
    /// Wait this long before each answer and before each event is worked on, such as 150ms
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub delay: Option<Duration>,
    /// Keep running when standard input ends
    #[arg(long)]
    pub stay: bool,
}

impl ServiceArgs {
    /// The secret that `x-service-auth` carries and tokens are signed with.
    pub(crate) fn secret(&self) -> anyhow::Result<String> {
        let name = &self.service_secret_env;
        let secret = std::env::var(name).with_context(|| format!("the service secret is missing: set {name}"))?;
        if secret.is_empty() {
            bail!("the service secret in {name} is empty");
        }
        Ok(secret)
    }

    pub(crate) fn need_kafka(&self) -> anyhow::Result<&str> {
        self.need(self.kafka.as_deref(), "--kafka HOST:PORT")
    }

    pub(crate) fn need_iam(&self) -> anyhow::Result<String> {
        self.need_url(self.iam.as_deref(), "--iam URL")
    }

    pub(crate) fn need_user(&self) -> anyhow::Result<String> {
        self.need_url(self.user.as_deref(), "--user URL")
    }

    pub(crate) fn need_product(&self) -> anyhow::Result<String> {
        self.need_url(self.product.as_deref(), "--product URL")
    }

    pub(crate) fn need_email(&self) -> anyhow::Result<String> {
        self.need_url(self.email.as_deref(), "--email URL")
    }

    fn need<'a>(&self, value: Option<&'a str>, option: &str) -> anyhow::Result<&'a str> {
        value.filter(|value| !value.is_empty()).with_context(|| format!("the {} service needs {option}", self.name))
    }

    /// A base URL that paths can be appended to: checked, without a slash at its end.
    fn need_url(&self, value: Option<&str>, option: &str) -> anyhow::Result<String> {
        let base = self.need(value, option)?;
        reqwest::Url::parse(base)
            .ok()
            .filter(|url| url.scheme() == "http" && url.has_host())
            .with_context(|| format!("{option}: {base:?} is not an http:// URL"))?;
        Ok(base.trim_end_matches('/').to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn a_missing_option_is_named_together_with_the_service_that_needs_it() {
        let args = testing::args(ServiceName::User);

        let error = args.need_iam().unwrap_err().to_string();

        assert_eq!(error, "the user service needs --iam URL");
    }

    #[test]
    fn a_base_url_loses_its_last_slash() {
        let mut args = testing::args(ServiceName::User);
        args.iam = Some("http://iam-service:3001/".into());

        assert_eq!(args.need_iam().unwrap(), "http://iam-service:3001");
    }

    #[test]
    fn something_that_is_no_http_url_is_refused() {
        let mut args = testing::args(ServiceName::User);
        for wrong in ["iam-service:3001", "https://iam-service", "http://"] {
            args.iam = Some(wrong.into());

            assert!(args.need_iam().is_err(), "{wrong} was accepted");
        }
    }
}
