//! What users do. Each journey signs in once at its start and sends its token with every request;
//! each transaction reads the answer to its end, so that its time is the user's.

use std::sync::Arc;
use std::time::{Duration, Instant};

use goose::GooseError;
use goose::goose::{
    GooseMethod, GooseRequest, GooseRequestBuilder, GooseUser, Scenario, Transaction, TransactionError,
    TransactionResult,
};
use goose::transaction;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Think time between two transactions.
const THINK: (Duration, Duration) = (Duration::from_millis(200), Duration::from_millis(1000));
/// Seeded on every platform: `u-00001` to `u-10000`, `p-00001` to `p-01000`.
const USERS: u32 = 10_000;
const PRODUCTS: u32 = 1_000;
const PAGES: u32 = 50;
const PASSWORD: &str = "correct horse";
/// Less than any user waits, more than any answer within its promise takes.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// Tokens are good for an hour; a user that has been here for half of it signs in again.
const SESSION_LIFE: Duration = Duration::from_secs(30 * 60);

/// What a user knows after signing in.
#[derive(Clone)]
struct Session {
    user_id: String,
    token: String,
    since: Instant,
}

#[derive(Deserialize)]
struct SignedIn {
    token: String,
    user_id: String,
}

#[derive(Deserialize)]
struct Created {
    id: String,
}

/// The five journeys.
pub(super) fn journeys() -> Result<Vec<Scenario>, GooseError> {
    let sign_in = transaction!(sign_in).set_name("sign in");
    let list = transaction!(list_products).set_name("list products").set_weight(2)?;
    let look = transaction!(view_product).set_name("view a product").set_weight(3)?;
    let account = transaction!(view_user).set_name("view own account");
    let register = transaction!(register).set_name("register");
    let pick = transaction!(view_product).set_name("pick a product").set_weight(2)?;
    let order = transaction!(place_order).set_name("place an order");
    Ok(vec![
        journey("Sign in", 1, vec![sign_in])?,
        journey("Browse products", 5, vec![list, look])?,
        journey("View a user", 2, vec![account])?,
        journey("Register a user", 1, vec![register])?,
        journey("Place an order", 2, vec![pick, order])?,
    ])
}

fn journey(name: &str, weight: usize, transactions: Vec<Transaction>) -> Result<Scenario, GooseError> {
    let scenario =
        Scenario::new(name).set_weight(weight)?.set_wait_time(THINK.0, THINK.1)?.register_transaction(arrive());
    Ok(transactions.into_iter().fold(scenario, Scenario::register_transaction))
}

/// What every user does first: prepare the connection and sign in.
fn arrive() -> Transaction {
    Transaction::new(Arc::new(|user| Box::pin(start(user)))).set_on_start().set_name("arrive and sign in")
}

async fn start(user: &mut GooseUser) -> TransactionResult {
    let client = reqwest::Client::builder().no_proxy().timeout(REQUEST_TIMEOUT);
    user.set_client_builder(client).await?;
    sign_in(user).await
}

async fn sign_in(user: &mut GooseUser) -> TransactionResult {
    let number = fastrand::u32(1..=USERS);
    let body = json!({
        "email": format!("user{number:05}@goodgo.example"),
        "password": PASSWORD,
    });
    let path = "/api/v1/auth/sign-in";
    let builder = user.get_request_builder(&GooseMethod::Post, path)?.json(&body);
    let request = GooseRequest::builder().path(path).method(GooseMethod::Post);
    let signed_in: SignedIn = send(user, builder, request).await?;
    user.set_session_data(Session { user_id: signed_in.user_id, token: signed_in.token, since: Instant::now() });
    Ok(())
}

async fn list_products(user: &mut GooseUser) -> TransactionResult {
    let path = format!("/api/v1/products?page={}&per_page=20", fastrand::u32(1..=PAGES));
    get::<Value>(user, &path, "/api/v1/products").await.map(drop)
}

async fn view_product(user: &mut GooseUser) -> TransactionResult {
    let path = format!("/api/v1/products/{}", any_product());
    get::<Value>(user, &path, "/api/v1/products/{id}").await.map(drop)
}

async fn view_user(user: &mut GooseUser) -> TransactionResult {
    let path = format!("/api/v1/users/{}", session(user).await?.user_id);
    get::<Value>(user, &path, "/api/v1/users/{id}").await.map(drop)
}

async fn register(user: &mut GooseUser) -> TransactionResult {
    let body = json!({
        "email": format!("{:016x}@journeys.goodgo.example", fastrand::u64(..)),
        "name": "Jo Journey",
    });
    post::<Created>(user, "/api/v1/users", &body).await.map(drop)
}

/// The order is looked at afterwards, as people do.
async fn place_order(user: &mut GooseUser) -> TransactionResult {
    let body = json!({
        "user_id": session(user).await?.user_id,
        "lines": [
            {"product_id": any_product(), "quantity": fastrand::u32(1..=3)},
            {"product_id": any_product(), "quantity": 1},
        ],
    });
    let order: Created = post(user, "/api/v1/orders", &body).await?;
    let path = format!("/api/v1/orders/{}", order.id);
    get::<Value>(user, &path, "/api/v1/orders/{id}").await.map(drop)
}

fn any_product() -> String {
    format!("p-{:05}", fastrand::u32(1..=PRODUCTS))
}

/// The user's session. One that could not sign in at the start (the platform was not up yet, say)
/// tries again, and so does one whose token is about to expire.
async fn session(user: &mut GooseUser) -> Result<Session, Box<TransactionError>> {
    if current_session(user).is_none() {
        sign_in(user).await?;
    }
    let not_signed_in = || Box::new(TransactionError::Custom("the user is not signed in".to_owned()));
    current_session(user).cloned().ok_or_else(not_signed_in)
}

fn current_session(user: &GooseUser) -> Option<&Session> {
    user.get_session_data::<Session>().filter(|session| session.since.elapsed() < SESSION_LIFE)
}

/// Requests with ids in their path are counted under one `name`.
async fn get<T: DeserializeOwned>(user: &mut GooseUser, path: &str, name: &str) -> Result<T, Box<TransactionError>> {
    let token = session(user).await?.token;
    let builder = user.get_request_builder(&GooseMethod::Get, path)?.bearer_auth(token);
    send(user, builder, GooseRequest::builder().path(path).name(name)).await
}

/// What is posted is created.
async fn post<T: DeserializeOwned>(user: &mut GooseUser, path: &str, body: &Value) -> Result<T, Box<TransactionError>> {
    let token = session(user).await?.token;
    let builder = user.get_request_builder(&GooseMethod::Post, path)?.bearer_auth(token).json(body);
    let request = GooseRequest::builder().path(path).method(GooseMethod::Post).expect_status_code(201);
    send(user, builder, request).await
}

async fn send<T: DeserializeOwned>(
    user: &mut GooseUser,
    builder: reqwest::RequestBuilder,
    request: GooseRequestBuilder<'_>,
) -> Result<T, Box<TransactionError>> {
    let request = request.set_request_builder(builder).error_on_fail().build();
    let answer = user.request(request).await?;
    Ok(answer.response?.json().await?)
}
