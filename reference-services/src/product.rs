//! The product service: the catalogue. This is where throughput is proven, so a request costs a
//! look-up and one serialisation into one buffer, and nothing is locked.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use serde::{Deserialize, Serialize};

use crate::http::{Access, ApiError, Gate, Id, Params};
use crate::seed;

const PAGE_DEFAULT: usize = 20;
const PAGE_MAX: usize = 100;
/// Room for one product as JSON; longer ones only cost a reallocation.
const JSON_BYTES: usize = 192;

/// A product as the API shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Product {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) price_cents: u32,
    pub(crate) currency: String,
    pub(crate) stock: u32,
}

/// The catalogue in the order of ids, and where each id is in it. Never changes.
struct Catalogue {
    products: Vec<Product>,
    places: HashMap<String, usize>,
}

#[derive(Deserialize)]
struct PageQuery {
    page: Option<usize>,
    per_page: Option<usize>,
}

#[derive(Serialize)]
struct Page<'a> {
    items: &'a [Product],
    page: usize,
    per_page: usize,
    total: usize,
}

pub(crate) fn router(gate: &Gate) -> Router {
    let catalogue = Arc::new(Catalogue::seeded());
    let list = get(list).with_state(Arc::clone(&catalogue));
    let one = get(one).with_state(catalogue);
    Router::new()
        .route("/api/v1/products", gate.guard("/api/v1/products", Access::Caller, list))
        .route("/api/v1/products/{id}", gate.guard("/api/v1/products/{id}", Access::Caller, one))
}

async fn one(State(catalogue): State<Arc<Catalogue>>, Id(id): Id) -> Result<Response, ApiError> {
    let product = catalogue.get(&id).ok_or_else(|| ApiError::not_found("there is no such product"))?;
    Ok(json(product, JSON_BYTES))
}

async fn list(State(catalogue): State<Arc<Catalogue>>, Params(query): Params<PageQuery>) -> Result<Response, ApiError> {
    let page = query.page.unwrap_or(1);
    let per_page = query.per_page.unwrap_or(PAGE_DEFAULT);
    if page == 0 || !(1..=PAGE_MAX).contains(&per_page) {
        return Err(ApiError::bad_request("page starts at 1, per_page is between 1 and 100"));
    }
    let page = catalogue.page(page, per_page);
    Ok(json(&page, JSON_BYTES * (page.items.len() + 1)))
}

impl Catalogue {
    fn seeded() -> Self {
        let products: Vec<Product> = (1..=seed::PRODUCTS)
            .map(|number| Product {
                id: seed::product_id(number),
                name: seed::product_name(number),
                price_cents: seed::product_price_cents(number),
                currency: "EUR".to_owned(),
                stock: 10 + number % 90,
            })
            .collect();
        let places = products.iter().enumerate().map(|(place, product)| (product.id.clone(), place)).collect();
        Self { products, places }
    }

    fn get(&self, id: &str) -> Option<&Product> {
        self.places.get(id).map(|&place| &self.products[place])
    }

    /// A page behind the last one is empty.
    fn page(&self, page: usize, per_page: usize) -> Page<'_> {
        let total = self.products.len();
        let first = (page - 1).saturating_mul(per_page).min(total);
        let last = (first + per_page).min(total);
        Page { items: &self.products[first..last], page, per_page, total }
    }
}

/// `axum::Json` with the buffer sized right at once.
fn json(body: &impl Serialize, expected_bytes: usize) -> Response {
    const JSON: HeaderValue = HeaderValue::from_static("application/json");
    let mut bytes = Vec::with_capacity(expected_bytes);
    serde_json::to_writer(&mut bytes, body).expect("plain data into memory");
    ([(header::CONTENT_TYPE, JSON)], bytes).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{self, SECRET, Service};

    const AUTH: (&str, &str) = ("x-service-auth", SECRET);

    async fn product() -> Service {
        Service::start(router(&testing::gate())).await
    }

    #[tokio::test]
    async fn a_product_is_shown_as_json() {
        let answer = product().await.get_with("/api/v1/products/p-00042", &[AUTH]).await;

        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(
            answer.body,
            r#"{"id":"p-00042","name":"Red Chair","price_cents":5599,"currency":"EUR","stock":52}"#
        );
    }

    #[tokio::test]
    async fn nothing_is_shown_without_credentials() {
        let answer = product().await.get("/api/v1/products/p-00042").await;

        assert_eq!(answer.status, 401);
    }

    #[tokio::test]
    async fn an_unknown_product_is_not_found_and_a_strange_id_is_a_bad_request() {
        let product = product().await;

        let unknown = product.get_with("/api/v1/products/p-99999", &[AUTH]).await;
        let strange = product.get_with("/api/v1/products/%2e%2e%2f", &[AUTH]).await;

        assert_eq!((unknown.status, strange.status), (404, 400));
    }

    #[tokio::test]
    async fn the_last_page_holds_what_is_left() {
        let answer = product().await.get_with("/api/v1/products?page=34&per_page=30", &[AUTH]).await;

        let items = answer.json()["items"].as_array().unwrap().len();
        assert_eq!(items, 10);
        assert_eq!(answer.json()["total"], 1000);
    }

    #[tokio::test]
    async fn a_page_that_cannot_be_is_a_bad_request() {
        let product = product().await;
        for query in ["page=0", "per_page=0", "per_page=101", "page=x"] {
            let path = format!("/api/v1/products?{query}");

            let answer = product.get_with(&path, &[AUTH]).await;

            assert_eq!(answer.status, 400, "{query}");
            assert_eq!(answer.json()["error"], "bad_request");
        }
    }
}
