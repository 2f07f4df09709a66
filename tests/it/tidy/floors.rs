//! Inside `engine`, modules stand on floors: circles among them are written down here, and only get smaller.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::Findings;
use super::modules::sources;

/// Modules at the top of `engine` each of which names all others of its circle, through others or itself.
const CIRCLES: &[&[&str]] = &[];

/// Which modules each one names.
type Graph = BTreeMap<String, BTreeSet<String>>;

/// There is no circle but those of `known`, and these are as small as written down.
fn circles_only_shrink(root: &Path, known: &[&[&str]]) -> Findings {
    let graph = graph(root);
    let circles = circles(&graph);
    let mut findings = Findings { seen: graph.len(), ..Findings::default() };
    for circle in &circles {
        let is_known = known.iter().any(|known| circle.iter().all(|name| known.contains(name)));
        findings.judge(is_known, || {
            format!("engine: `{}` name each other: {}", circle.join("`, `"), edges(&graph, circle))
        });
    }
    for known in known {
        let is_there = circles.iter().any(|circle| circle.iter().eq(known.iter()));
        let left = circles.iter().filter(|circle| circle.iter().all(|name| known.contains(name)));
        findings.judge(is_there, || {
            let left: Vec<_> = left.collect();
            format!("engine: the circle {known:?} got smaller: record {left:?}")
        });
    }
    findings
}

fn graph(root: &Path) -> Graph {
    let mut graph = Graph::new();
    for source in sources(root) {
        graph.entry(source.module).or_default().extend(source.names);
    }
    graph
}

/// Modules that reach each other, two or more, in the order of their names.
fn circles(graph: &Graph) -> Vec<Vec<&str>> {
    let reached: BTreeMap<&str, BTreeSet<&str>> =
        graph.keys().map(|module| (module.as_str(), reached_from(graph, module))).collect();
    let reaches = |one: &str, other: &str| reached[one].contains(other);
    let mut found: Vec<Vec<&str>> = Vec::new();
    for module in graph.keys() {
        let circle =
            reached.keys().filter(|other| reaches(module, other) && reaches(other, module));
        let circle: Vec<&str> = circle.copied().collect();
        if circle.len() > 1 && !found.contains(&circle) {
            found.push(circle);
        }
    }
    found
}

fn reached_from<'g>(graph: &'g Graph, start: &'g str) -> BTreeSet<&'g str> {
    let (mut found, mut open) = (BTreeSet::new(), vec![start]);
    while let Some(module) = open.pop() {
        let named = graph.get(module).into_iter().flatten();
        open.extend(named.map(String::as_str).filter(|name| found.insert(*name)));
    }
    found
}

/// Who names whom within a circle.
fn edges(graph: &Graph, circle: &[&str]) -> String {
    let inside = |module: &&str| {
        let names = graph[*module].iter().filter(|name| circle.contains(&name.as_str()));
        format!("{module} → {}", names.cloned().collect::<Vec<_>>().join(", "))
    };
    circle.iter().map(inside).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::super::{here, tree};
    use super::*;

    #[test]
    fn our_circles_only_shrink() {
        circles_only_shrink(&here(), CIRCLES).assert_clean(20);
    }

    const ROUND: &[(&str, &str)] = &[
        ("engine/src/lib.rs", "pub use upper::{Top, Upper};"),
        ("engine/src/upper.rs", "use crate::middle::Middle;"),
        ("engine/src/middle/part.rs", "use super::super::lower::Lower;"),
        ("engine/src/lower.rs", "use crate::{Other, Upper};"),
        ("engine/src/lower/tests.rs", "use crate::front::Front;"),
        ("engine/src/front.rs", "use crate::lower::Lower; // not crate::front"),
    ];

    #[track_caller]
    fn check(known: &[&[&str]], expected: Option<&str>) {
        let findings = circles_only_shrink(tree(ROUND).path(), known);
        match expected {
            Some(problem) => findings.assert_only(problem),
            None => findings.assert_clean(4),
        }
    }

    #[test]
    fn a_new_circle_is_found() {
        check(&[], Some("`lower`, `middle`, `upper` name each other: lower → upper; middle →"));
        check(&[&["lower", "middle", "upper"]], None);
    }

    #[test]
    fn a_circle_that_got_smaller_is_recorded() {
        let larger: &[&str] = &["front", "lower", "middle", "upper"];
        check(&[larger], Some("got smaller: record [[\"lower\", \"middle\", \"upper\"]]"));
    }
}
