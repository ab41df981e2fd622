//! Which component answers a path.
//!
//! From the left, segment by segment: a literal wins over a parameter, a parameter over everything below, whatever the order
//! in the manifest; what leads nowhere is tried no further. Paths are compared as they were sent: a percent-encoded character
//! is another character, and a slash at the end makes another path.

use super::auth::PUBLIC_KEYS;
use crate::health;
use crate::manifest::{Application, RoutePattern, Segment};
use crate::problem::Problem;
use std::collections::HashMap;

/// Routes of an application, by index of the component.
pub struct Routes(Node);

/// Two routes for the same paths, or one for a path of the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteConflict {
    /// The line of the route that comes second.
    pub line: usize,
    /// What it conflicts with.
    pub what: String,
}

/// All routes that begin with the same segments.
#[derive(Default)]
struct Node {
    literals: HashMap<String, Node>,
    parameter: Option<Box<Node>>,
    here: Option<usize>,
    below: Option<usize>,
}

impl Routes {
    /// Every conflict is told.
    pub fn new(application: &Application) -> Result<Self, Vec<RouteConflict>> {
        let (mut root, mut conflicts) = (Node::default(), Vec::new());
        for route in &application.routes {
            let component = application.components.iter().position(|component| component.id == route.component);
            let component = component.expect("reading the manifest checks that every route's component exists");
            let pattern = &route.pattern;
            let mut conflict = |what| conflicts.push(RouteConflict { line: route.line, what });
            let text = pattern.to_string();
            let signs = application.tokens.as_ref().is_some_and(|tokens| tokens.issuer.is_some());
            if health::PATHS.contains(&&*text) || (signs && text == PUBLIC_KEYS) {
                conflict(format!("route {pattern} is the host's own"));
            } else if root.slot(pattern).replace(component).is_some() {
                conflict(format!("route {pattern} takes the same paths as another"));
            }
        }
        if conflicts.is_empty() { Ok(Self(root)) } else { Err(conflicts) }
    }

    /// The index of the component that answers this path.
    pub fn find(&self, path: &str) -> Result<usize, Problem> {
        self.0.find(path.strip_prefix('/').filter(|rest| !rest.is_empty())).ok_or(Problem::NoRoute)
    }
}

impl Node {
    /// Where the component of this pattern belongs.
    fn slot(&mut self, pattern: &RoutePattern) -> &mut Option<usize> {
        let node = pattern.segments.iter().fold(self, |node, segment| match segment {
            Segment::Literal(text) => node.literals.entry(text.clone()).or_default(),
            Segment::Parameter => node.parameter.get_or_insert_default(),
        });
        if pattern.below { &mut node.below } else { &mut node.here }
    }

    /// `rest` is what follows the slash; `None` if nothing does. As deep as the longest route, not as the path.
    fn find(&self, rest: Option<&str>) -> Option<usize> {
        let Some(rest) = rest else { return self.here.or(self.below) };
        let (segment, rest) = rest.split_once('/').map_or((rest, None), |(segment, rest)| (segment, Some(rest)));
        let by_literal = self.literals.get(segment).and_then(|node| node.find(rest));
        let by_parameter = || self.parameter.as_ref().filter(|_| !segment.is_empty()).and_then(|node| node.find(rest));
        by_literal.or_else(by_parameter).or(self.below)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The route that answers a path, as it stands in the manifest.
    fn answering<'a>(routes: &[&'a str], path: &str) -> Option<&'a str> {
        let mut root = Node::default();
        for (index, route) in routes.iter().enumerate() {
            *root.slot(&RoutePattern::parse(route).unwrap()) = Some(index);
        }
        Routes(root).find(path).ok().map(|index| routes[index])
    }

    #[test]
    fn a_literal_wins_over_a_parameter_and_that_over_everything_below() {
        let routes = ["/a/...", "/a/:id", "/a/new", "/a/:id/parts", "/"];
        for (path, route) in [
            ("/", Some("/")),
            ("/a", Some("/a/...")),
            ("/a/", Some("/a/...")),
            ("/a/new", Some("/a/new")),
            ("/a/7", Some("/a/:id")),
            ("/a/7/parts", Some("/a/:id/parts")),
            ("/a/new/parts", Some("/a/:id/parts")),
            ("/a/7/8", Some("/a/...")),
            ("/a/7/", Some("/a/...")),
            ("/b", None),
            ("/ab", None),
            ("//a", None),
            ("", Some("/")),
        ] {
            assert_eq!(answering(&routes, path), route, "{path}");
        }
    }

    #[test]
    fn everything_below_the_root_is_everything() {
        for path in ["/", "/a", "/a/b/", "//"] {
            assert_eq!(answering(&["/..."], path), Some("/..."), "{path}");
        }
    }
}
