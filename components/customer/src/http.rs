//! The routes: requests in, domain types; domain types out, responses. No statement and no rule stands here.

use axum::Router;
use axum::routing::get;
use souk_kit::context::Context;
use souk_kit::router::complete;

mod subject;

mod profile;

mod address;

mod customers;

mod refusal;

/// All routes of the service. The same handlers serve a customer's own routes and an admin's: whose they are about, and who may
/// ask, is [`subject`]'s.
pub fn router(context: Context) -> Router {
    let profile = || get(profile::read).patch(profile::patch).delete(profile::delete);
    let addresses = || get(address::list).post(address::add);
    let address = || get(address::read).put(address::put).delete(address::delete);
    let routes = Router::new()
        .route("/api/v1/customers/me", profile().put(profile::put))
        .route("/api/v1/customers/me/addresses", addresses())
        .route("/api/v1/customers/me/addresses/{address}", address())
        .route("/api/v1/customers", get(customers::list))
        .route("/api/v1/customers/{customer}", profile())
        .route("/api/v1/customers/{customer}/addresses", addresses())
        .route("/api/v1/customers/{customer}/addresses/{address}", address())
        .route("/api/v1/customers/{customer}/changes", get(customers::changes));
    complete(routes.with_state(context))
}
