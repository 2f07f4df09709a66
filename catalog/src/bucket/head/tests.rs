//! Names follow from the renames.

use super::*;

fn name(text: &str) -> QualifiedName {
    text.parse().unwrap()
}

fn step(from: &str, to: Option<&str>) -> Step {
    Step { from: name(from), to: to.map(name), id: String::new() }
}

fn head(steps: &[(&str, Option<&str>)]) -> Head {
    steps.iter().fold(Head::new(), |head, (from, to)| head.with(step(from, *to)))
}

#[track_caller]
fn check(steps: &[(&str, Option<&str>)], called: &str, expected: (&str, u32)) {
    let (head, id) = (head(steps), Id { name: name(expected.0), generation: expected.1 });
    assert_eq!(head.id_of(&name(called)), id);
    assert_eq!(head.name_of(&id), Some(name(called)));
    assert_eq!(head.once_called(&name(called))[0], id);
}

#[test]
fn every_name_has_one_dataset_and_every_dataset_one_name() {
    check(&[], "a", ("a", 0));
    check(&[("a", Some("b"))], "b", ("a", 0));
    check(&[("a", Some("b"))], "a", ("a", 1));
    check(&[("a", Some("b")), ("b", Some("c"))], "c", ("a", 0));
    check(&[("a", Some("b")), ("b", Some("c"))], "b", ("b", 1));
    check(&[("a", Some("b")), ("b", Some("a"))], "a", ("a", 0));
    check(&[("a", Some("b")), ("b", Some("a"))], "b", ("b", 1));
    check(&[("a", Some("b")), ("b", Some("a")), ("a", Some("c"))], "a", ("a", 2));
    check(&[("a", None)], "a", ("a", 1));
    check(&[("a", Some("b")), ("a", Some("c"))], "c", ("a", 1));
}

#[test]
fn a_dataset_that_never_was_has_no_name() {
    let head = head(&[("a", Some("b")), ("c", None)]);
    for (of, generation) in [("b", 0), ("c", 0)] {
        assert_eq!(head.name_of(&Id { name: name(of), generation }), None);
    }
}

#[test]
fn a_name_leads_to_all_that_ever_had_it() {
    let head = head(&[("a", Some("b")), ("c", Some("a")), ("a", Some("d"))]);
    let ids = head.once_called(&name("a"));
    let shown: Vec<String> =
        ids.iter().map(|id| format!("{}{}", id.name.short(), id.generation)).collect();
    assert_eq!(shown, ["a2", "c0", "a1", "a0"]);
}

#[test]
fn lineage_follows_only_later_renames() {
    let head = head(&[("a", Some("b")), ("b", Some("c")), ("a", Some("d"))]);
    for (since, expected) in [(0, "c"), (1, "d"), (3, "a")] {
        assert_eq!(head.follow(&name("a"), since), name(expected));
    }
}
