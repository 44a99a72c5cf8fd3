//! The order service: takes orders of users it has asked the user service about, for products and
//! prices it has asked the product service about. Orders live as long as the process.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use tracing::warn;
use uuid::Uuid;

use crate::ServiceArgs;
use crate::client::{CallFault, Caller};
use crate::events::{EventOrder, ORDER_PLACED, OrderPlaced};
use crate::http::{self, Access, ApiError, Correlation, Gate, Id, JsonBody, Readiness};
use crate::product::Product;
use crate::publisher::Publisher;
use crate::user::UserView;

/// Each line is a call to the product service, so a single order cannot ask for thousands.
const MAX_LINES: usize = 20;
const MAX_QUANTITY: u32 = 1_000;

#[derive(Deserialize)]
struct NewOrder {
    user_id: String,
    lines: Vec<NewLine>,
}

#[derive(Deserialize)]
struct NewLine {
    product_id: String,
    quantity: u32,
}

#[derive(Debug, Clone, Serialize)]
struct Order {
    id: String,
    user_id: String,
    lines: Vec<Line>,
    total_cents: u64,
    currency: &'static str,
}

#[derive(Debug, Clone, Serialize)]
struct Line {
    product_id: String,
    quantity: u32,
    price_cents: u32,
}

struct App {
    orders: RwLock<HashMap<String, Order>>,
    user: String,
    product: String,
    caller: Caller,
    publisher: Arc<Publisher>,
}

pub(crate) fn start(args: &ServiceArgs, gate: &Gate) -> anyhow::Result<(Router, Readiness)> {
    let kafka = args.need_kafka()?;
    let publisher = Arc::new(Publisher::for_requests(kafka, "order", gate.telemetry())?);
    let readiness = Readiness::when([publisher.can_publish(ORDER_PLACED)?]);
    let app = App {
        orders: RwLock::default(),
        user: args.need_user()?,
        product: args.need_product()?,
        caller: Caller::internal(args.dns, &gate.authority())?,
        publisher,
    };
    Ok((router(gate, app), readiness))
}

fn router(gate: &Gate, app: App) -> Router {
    let app = Arc::new(app);
    let place = post(place).with_state(Arc::clone(&app));
    let show = get(show).with_state(app);
    Router::new()
        .route("/api/v1/orders", gate.guard("/api/v1/orders", Access::Caller, place))
        .route("/api/v1/orders/{id}", gate.guard("/api/v1/orders/{id}", Access::Caller, show))
}

async fn show(State(app): State<Arc<App>>, Id(id): Id) -> Result<Json<Order>, ApiError> {
    let orders = app.orders.read().unwrap_or_else(PoisonError::into_inner);
    orders.get(&id).cloned().map(Json).ok_or_else(|| ApiError::not_found("there is no such order"))
}

async fn place(
    State(app): State<Arc<App>>,
    correlation: Correlation,
    JsonBody(wanted): JsonBody<NewOrder>,
) -> Result<impl IntoResponse, ApiError> {
    wanted.check()?;
    app.know_user(&wanted.user_id, &correlation).await?;
    let lines = app.price(&wanted.lines, &correlation).await?;
    let order = Order::of(wanted.user_id, lines);
    let event = OrderPlaced::now(correlation.as_str(), EventOrder::from(&order));
    app.publisher.publish(ORDER_PLACED, None, &order.id, &event).await.map_err(|error| {
        warn!("an order failed: {error}");
        let detail = format!("{ORDER_PLACED} could not be published: {error}");
        ApiError::unavailable("event_not_published", detail)
    })?;
    app.orders.write().unwrap_or_else(PoisonError::into_inner).insert(order.id.clone(), order.clone());
    Ok(http::created(order))
}

impl NewOrder {
    fn check(&self) -> Result<(), ApiError> {
        if !Id::is_valid(&self.user_id) {
            return Err(ApiError::bad_request("`user_id` is no id"));
        }
        if !(1..=MAX_LINES).contains(&self.lines.len()) {
            return Err(ApiError::bad_request("an order has between 1 and 20 lines"));
        }
        let sensible = |line: &NewLine| Id::is_valid(&line.product_id) && (1..=MAX_QUANTITY).contains(&line.quantity);
        if !self.lines.iter().all(sensible) {
            return Err(ApiError::bad_request("a line needs a `product_id` and a `quantity` between 1 and 1000"));
        }
        Ok(())
    }
}

impl App {
    async fn know_user(&self, id: &str, correlation: &Correlation) -> Result<(), ApiError> {
        let url = format!("{}/api/v1/users/{id}", self.user);
        let known = self.caller.get::<UserView>(url, correlation).await;
        known.map(drop).map_err(|fault| refusal(&fault, "user", id))
    }

    async fn price(&self, wanted: &[NewLine], correlation: &Correlation) -> Result<Vec<Line>, ApiError> {
        let mut lines = Vec::with_capacity(wanted.len());
        for line in wanted {
            let id = &line.product_id;
            let url = format!("{}/api/v1/products/{id}", self.product);
            let product: Product =
                self.caller.get(url, correlation).await.map_err(|fault| refusal(&fault, "product", id))?;
            lines.push(Line { product_id: product.id, quantity: line.quantity, price_cents: product.price_cents });
        }
        Ok(lines)
    }
}

impl Order {
    fn of(user_id: String, lines: Vec<Line>) -> Self {
        let total_cents = lines.iter().map(|line| u64::from(line.price_cents) * u64::from(line.quantity)).sum();
        Self { id: format!("o-{}", Uuid::new_v4().simple()), user_id, lines, total_cents, currency: "EUR" }
    }
}

impl From<&Order> for EventOrder {
    fn from(order: &Order) -> Self {
        Self { id: order.id.clone(), user_id: order.user_id.clone(), total_cents: order.total_cents }
    }
}

/// Naming something that does not exist is the client's mistake; all else is ours.
fn refusal(fault: &CallFault, what: &str, id: &str) -> ApiError {
    match fault {
        CallFault::NotFound { .. } => ApiError::bad_request(format!("there is no {what} {id}")),
        _ => ApiError::bad_gateway(fault.to_string()),
    }
}

#[cfg(test)]
mod tests;
