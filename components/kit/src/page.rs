//! Lists in pages: `?page=2&size=20`, a body with `items`, `page`, `size` and `total`, and a `Link` field (RFC 8288) to
//! the other pages.
//!
//! Pages are counted and not keyed, because people jump to page 3 and sort by price. What that costs is bounded: the
//! database walks over all rows before the page, so no page reaches beyond [`DEPTH_MAX`] rows, and `total` stops
//! counting there too. A program that wants everything walks by key over the service's WIT interface instead.

use axum::response::Response;
use http::header::LINK;
use http::{HeaderValue, StatusCode, Uri};
use serde::Serialize;

use crate::json;
use crate::query::Query;

/// What a page holds when the client does not say: a screenful of a shop.
pub const SIZE_DEFAULT: u32 = 20;

/// The most a page can hold: what a client can show at once, and what one answer may weigh.
pub const SIZE_MAX: u32 = 100;

/// How deep pages and totals go, in rows. Nobody turns so many pages, and walking over them costs about a millisecond.
pub const DEPTH_MAX: u32 = 10_000;

/// Which part of a list is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// From 1.
    pub number: u32,
    /// 1 to [`SIZE_MAX`].
    pub size: u32,
}

impl Page {
    /// Takes `page` and `size` out of a query. What is wrong is reported to the query.
    pub fn of(query: &mut Query) -> Self {
        let size = query.optional("size", |text| between(text, SIZE_MAX));
        let size = size.unwrap_or(SIZE_DEFAULT);
        let number = query.optional("page", |text| between(text, DEPTH_MAX / size));
        Self { number: number.unwrap_or(1), size }
    }

    /// How many rows come before the page.
    pub fn offset(self) -> u32 {
        (self.number - 1) * self.size
    }

    /// The answer for the list at `uri`.
    pub fn response(self, uri: &Uri, total: u32, items: &[impl Serialize]) -> Response {
        let body = Listed { items, page: self.number, size: self.size, total };
        let mut response = json::response(StatusCode::OK, &body);
        let links = HeaderValue::try_from(self.links(uri, total))
            .expect("a request's own URI and numbers can stand in a field");
        response.headers_mut().insert(LINK, links);
        response
    }

    fn links(self, uri: &Uri, total: u32) -> String {
        let last = total.div_ceil(self.size).clamp(1, DEPTH_MAX / self.size);
        let mut links = vec![("first", 1)];
        if self.number > 1 {
            links.push(("prev", (self.number - 1).min(last)));
        }
        if self.number < last {
            links.push(("next", self.number + 1));
        }
        links.push(("last", last));
        let links =
            links.into_iter().map(|(relation, number)| format!("<{}>; rel=\"{relation}\"", self.link(uri, number)));
        links.collect::<Vec<_>>().join(", ")
    }

    /// The list's own path and query with another page. What stands in a URI is already encoded.
    fn link(self, uri: &Uri, number: u32) -> String {
        let others = uri.query().unwrap_or_default().split('&').filter(|pair| {
            let name = pair.split('=').next().unwrap_or_default();
            !["", "page", "size"].contains(&name)
        });
        let others: String = others.flat_map(|pair| [pair, "&"]).collect();
        format!("{}?{others}page={number}&size={}", uri.path(), self.size)
    }
}

#[derive(Serialize)]
struct Listed<'a, T> {
    items: &'a [T],
    page: u32,
    size: u32,
    total: u32,
}

fn between(text: &str, max: u32) -> Result<u32, String> {
    match text.parse() {
        Ok(number) if (1..=max).contains(&number) => Ok(number),
        _ => Err(format!("must be a number from 1 to {max}")),
    }
}

#[cfg(test)]
mod tests {
    use super::Page;
    use crate::query::Query;
    use http::Uri;

    fn page(query: &'static str) -> Result<Page, http::StatusCode> {
        let uri = Uri::from_static(query);
        let mut query = Query::of(&uri).map_err(|problem| problem.status())?;
        let page = Page::of(&mut query);
        query.finish().map_err(|problem| problem.status())?;
        Ok(page)
    }

    #[test]
    fn a_page_has_bounds() {
        assert_eq!(page("/"), Ok(Page { number: 1, size: 20 }));
        assert_eq!(page("/?size=100&page=100"), Ok(Page { number: 100, size: 100 }));
        for refused in [
            "/?page=0",
            "/?page=-1",
            "/?page=x",
            "/?page=",
            "/?page=501",
            "/?page=99999999999999",
            "/?size=0",
            "/?size=101",
            "/?size=1000000",
            "/?page=1&page=2",
            "/?pages=1",
            "/?page=%ff",
        ] {
            assert_eq!(page(refused), Err(http::StatusCode::BAD_REQUEST), "{refused}");
        }
    }

    #[test]
    fn links_keep_the_rest_of_the_query() {
        let uri = Uri::from_static("/things?q=a%20b&page=2&size=10&sort=-name");
        let page = Page { number: 2, size: 10 };
        assert_eq!(
            page.links(&uri, 25),
            "</things?q=a%20b&sort=-name&page=1&size=10>; rel=\"first\", \
             </things?q=a%20b&sort=-name&page=1&size=10>; rel=\"prev\", \
             </things?q=a%20b&sort=-name&page=3&size=10>; rel=\"next\", \
             </things?q=a%20b&sort=-name&page=3&size=10>; rel=\"last\""
        );
        let beyond = Page { number: 9, size: 10 };
        assert!(beyond.links(&uri, 25).contains("page=3&size=10>; rel=\"prev\""));
        assert!(!beyond.links(&uri, 25).contains("next"));
    }
}
