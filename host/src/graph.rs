//! `souk graph`: which component calls which, as lines of text, for Mermaid, or as a drawing.

use crate::check::CheckError;
use crate::components;
use crate::identity::{self, Identity};
use crate::manifest;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

/// How it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Form {
    /// A line for each link; components without one by themselves.
    Text,
    /// A flowchart of Mermaid, which many sites draw from Markdown.
    Mermaid,
    /// A drawing.
    Svg,
}

/// Reads and checks the application, and tells `out` who calls whom.
pub fn run(file: &Path, data: &Path, form: Form, out: &mut dyn Write) -> Result<(), CheckError> {
    let application = Arc::new(manifest::read(file, &|name| std::env::var(name).ok())?);
    Identity::check(&application, data, identity::from_environment())?;
    let examined = components::examine(&application, data)?;
    let mut names: Vec<&str> = examined.components.iter().map(|fit| fit.manifest.id.as_str()).collect();
    names.sort_unstable();
    let mut links: Vec<Link<'_>> = examined.links().map(|(from, to, interface)| Link { from, to, interface }).collect();
    links.sort_unstable();
    out.write_all(
        match form {
            Form::Text => text(&names, &links),
            Form::Mermaid => mermaid(&names, &links),
            Form::Svg => svg(&names, &links),
        }
        .as_bytes(),
    )?;
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Link<'a> {
    from: &'a str,
    to: &'a str,
    interface: &'a str,
}

fn text(names: &[&str], links: &[Link<'_>]) -> String {
    let mut text = String::new();
    for name in names {
        let own: Vec<_> = links.iter().filter(|link| link.from == *name).collect();
        for Link { from, to, interface } in &own {
            writeln!(text, "{from} → {to}  {interface}").expect(ANY);
        }
        if own.is_empty() {
            writeln!(text, "{name}").expect(ANY);
        }
    }
    text
}

fn mermaid(names: &[&str], links: &[Link<'_>]) -> String {
    let mut text = "flowchart LR\n".to_owned();
    for name in names {
        writeln!(text, "    {name}").expect(ANY);
    }
    for Link { from, to, interface } in links {
        writeln!(text, "    {from} -- \"{interface}\" --> {to}").expect(ANY);
    }
    text
}

const ANY: &str = "a text takes any text";

/// Pixels: a box, the way from one to the next, and the edge around all.
const BOX_WIDTH: usize = 140;
const BOX_HEIGHT: usize = 40;
const STEP_X: usize = 340;
const STEP_Y: usize = 76;
const EDGE: usize = 20;

/// Columns from left to right: who calls stands left of whom it calls. Links form no circle, so there is an order.
fn svg(names: &[&str], links: &[Link<'_>]) -> String {
    let places = places(names, links);
    let (columns, rows) = places.values().fold((0, 0), |(x, y), place| (x.max(place.0 + 1), y.max(place.1 + 1)));
    let width = 2 * EDGE + BOX_WIDTH + STEP_X * columns.max(1).saturating_sub(1);
    let height = 2 * EDGE + BOX_HEIGHT + STEP_Y * rows.max(1).saturating_sub(1);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
         font-family=\"sans-serif\" font-size=\"14\" text-anchor=\"middle\">\n\
         <defs><marker id=\"head\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" orient=\"auto\">\
         <path d=\"M0 0 8 4 0 8z\" fill=\"#555\"/></marker></defs>\n"
    );
    for Link { from, to, interface } in links {
        let ((x1, y1), (x2, y2)) = (corner(places[from]), corner(places[to]));
        let (x1, y1, y2) = (x1 + BOX_WIDTH, y1 + BOX_HEIGHT / 2, y2 + BOX_HEIGHT / 2);
        let middle = usize::midpoint(x1, x2);
        writeln!(
            svg,
            "<path d=\"M{x1} {y1} C{middle} {y1} {middle} {y2} {x2} {y2}\" fill=\"none\" stroke=\"#555\" marker-end=\"url(#head)\"/>\n\
             <text x=\"{middle}\" y=\"{}\" font-size=\"11\" fill=\"#555\">{interface}</text>",
            usize::midpoint(y1, y2) - 4
        )
        .expect(ANY);
    }
    for (name, place) in &places {
        let (x, y) = corner(*place);
        writeln!(
            svg,
            "<rect x=\"{x}\" y=\"{y}\" width=\"{BOX_WIDTH}\" height=\"{BOX_HEIGHT}\" rx=\"6\" fill=\"#eef3fb\" stroke=\"#36598f\"/>\n\
             <text x=\"{}\" y=\"{}\">{name}</text>",
            x + BOX_WIDTH / 2,
            y + BOX_HEIGHT / 2 + 5
        )
        .expect(ANY);
    }
    svg.push_str("</svg>\n");
    svg
}

fn corner((column, row): (usize, usize)) -> (usize, usize) {
    (EDGE + column * STEP_X, EDGE + row * STEP_Y)
}

/// Column and row of each component. The names need no escapes: the manifest has a-z, 0-9 and - in them.
fn places<'a>(names: &[&'a str], links: &[Link<'a>]) -> BTreeMap<&'a str, (usize, usize)> {
    let mut columns: BTreeMap<&str, usize> = names.iter().map(|name| (*name, 0)).collect();
    // One round for each component that a chain of links can have.
    for _ in names {
        for Link { from, to, .. } in links {
            let least = columns[from] + 1;
            columns.entry(to).and_modify(|column| *column = least.max(*column));
        }
    }
    let mut used: BTreeMap<usize, usize> = BTreeMap::new();
    let place = |(name, column): (&'a str, usize)| {
        let row = used.entry(column).or_default();
        *row += 1;
        (name, (column, *row - 1))
    };
    columns.into_iter().map(place).collect()
}
