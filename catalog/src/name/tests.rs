//! What names are, and what is refused.

use super::{DatasetRef, NamePart, QualifiedName};
use crate::error::Error;

fn shown(outcome: Result<String, Error>) -> String {
    outcome.map_or_else(|error| error.to_string(), |text| format!("ok: {text}"))
}

#[track_caller]
fn part(given: &str, expected: &str) {
    assert_eq!(shown(given.parse::<NamePart>().map(|name| name.to_string())), expected);
}

#[track_caller]
fn reference(given: &str, expected: &str) {
    let local = NamePart::local();
    let team: NamePart = "team".parse().unwrap();
    let outcome = given.parse::<DatasetRef>();
    let outcome = outcome
        .map(|found| format!("{found} -> {} {}", found.resolve(&local, &team), found.version));
    assert_eq!(shown(outcome), expected);
}

#[track_caller]
fn qualified(given: &str, expected: &str) {
    assert_eq!(
        shown(given.parse::<QualifiedName>().map(|name| format!("{name} {}", name.short()))),
        expected
    );
}

#[test]
fn parts_are_free_but_for_reserved_characters() {
    part("cats", "ok: cats");
    part("my cats-2_x", "ok: my cats-2_x");
    part("кошки 🐈", "ok: кошки 🐈");
    part(&"x".repeat(128), &format!("ok: {}", "x".repeat(128)));
    part("", "invalid dataset name ``: it is empty");
    part(
        &"é".repeat(65),
        &format!("invalid dataset name `{}`: it is longer than 128 bytes", "é".repeat(65)),
    );
    part(" cats", "invalid dataset name ` cats`: white space at its start or end is not allowed");
    part(
        "cats\u{a0}",
        "invalid dataset name `cats\u{a0}`: white space at its start or end is not allowed",
    );
    part("a\nb", "invalid dataset name `a\\nb`: control characters are not allowed");
    for c in r#".@/\:*?"<>|"#.chars() {
        let rule = r#"the characters . @ / \ : * ? " < > | are reserved"#;
        part(&format!("a{c}b"), &format!("invalid dataset name `a{c}b`: {rule}"));
    }
}

#[test]
fn references_have_up_to_three_parts_and_a_version() {
    reference("cats", "ok: cats -> local.team.cats latest");
    reference("vision.cats", "ok: vision.cats -> local.vision.cats latest");
    reference("lab.vision.cats", "ok: lab.vision.cats -> lab.vision.cats latest");
    reference("cats@1.2.3", "ok: cats@1.2.3 -> local.team.cats 1.2.3");
    reference("vision.cats@v1.2.3", "ok: vision.cats@1.2.3 -> local.vision.cats 1.2.3");
    reference("cats@==1.2.*", "ok: cats@==1.2.* -> local.team.cats ==1.2.*");
    reference("a.b.cats@2", "ok: a.b.cats@>=2.0.0, <3.0.0 -> a.b.cats >=2.0.0, <3.0.0");
    reference("cats@latest", "ok: cats -> local.team.cats latest");
}

#[test]
fn references_say_what_is_wrong() {
    reference("", "invalid dataset name ``: it is empty");
    reference("a..b", "invalid dataset name `a..b`: no part may be empty");
    reference(".cats", "invalid dataset name `.cats`: no part may be empty");
    reference("@1.0.0", "invalid dataset name ``: it is empty");
    reference(
        "a.b.c.d@1.0.0",
        "invalid dataset name `a.b.c.d`: it has more than three parts: use `namespace.project.name`",
    );
    reference(
        "a/b",
        r#"invalid dataset name `a/b`: the characters . @ / \ : * ? " < > | are reserved"#,
    );
    reference(
        "cats@1.x",
        "invalid version `1.x`: use MAJOR.MINOR.PATCH like `1.2.0`, a PEP 440 specifier like `>=1.2,<2`, \
         or a major number like `1`",
    );
}

#[test]
fn full_names_default_to_local() {
    qualified("cats", "ok: local.local.cats cats");
    qualified("vision.cats", "ok: local.vision.cats local.vision.cats");
    qualified("lab.vision.cats", "ok: lab.vision.cats lab.vision.cats");
    qualified(
        "cats@1.0.0",
        "invalid dataset name `cats@1.0.0`: a version has no place here: use `namespace.project.name`",
    );
}

#[test]
fn the_namespace_system_is_ours() {
    let ours = QualifiedName::of_session("one", "1f".parse().unwrap()).unwrap();
    assert_eq!(ours.to_string(), "system.session_one.1f");
    assert!(ours.is_of_session() && ours.check_own().is_err());
    for (name, expected) in [
        ("session_one.cats", "ok"),
        ("lab.session_one.cats", "ok"),
        (
            "system.lab.cats",
            "invalid dataset name `system.lab.cats`: the namespace `system` is reserved; choose another one",
        ),
    ] {
        let name: QualifiedName = name.parse().unwrap();
        assert!(!name.is_of_session());
        let said = name.check_own().map_or_else(|error| error.to_string(), |()| "ok".to_owned());
        assert_eq!(said, expected);
    }
}

#[test]
fn names_are_text_in_json() {
    let name: QualifiedName = "lab.vision.cats".parse().unwrap();
    let json = serde_json::to_string(&name).unwrap();
    assert_eq!(json, r#""lab.vision.cats""#);
    assert_eq!(serde_json::from_str::<QualifiedName>(&json).unwrap(), name);
    assert!(serde_json::from_str::<NamePart>(r#""a/b""#).is_err());
}
