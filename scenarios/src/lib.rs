//! The documented targets, as a scenario file that is checked and planned from, and the user
//! journeys that make the load behind them realistic.
//!
//! How load is made, where the platform runs and what a verdict is does not belong here.

pub mod journeys;
mod scenario;

pub use scenario::{Endpoints, Scenario, ScenarioError, Selection};
