//! Versions, bumps and specifiers.

use super::{Bump, Version, VersionSpec};

const SPEC_RULE: &str = "use MAJOR.MINOR.PATCH like `1.2.0`, a PEP 440 specifier like `>=1.2,<2`, or a major number like `1`";

#[track_caller]
fn check(given: &str, expected: &str) {
    let shown = given
        .parse::<Version>()
        .map_or_else(|error| error.to_string(), |version| format!("ok: {version}"));
    assert_eq!(shown, expected);
}

/// Which of a few versions the specification accepts.
#[track_caller]
fn accepts(spec: &str, expected: &str) {
    let numbers = ["0.9.0", "1.0.0", "1.2.0", "1.2.3", "1.10.0", "2.0.0"]
        .map(|text| text.parse::<Version>().unwrap());
    let spec: VersionSpec = spec.parse().unwrap();
    let accepted: Vec<String> =
        numbers.iter().filter(|number| spec.matches(number)).map(Version::to_string).collect();
    assert_eq!(accepted.join(" "), expected);
    assert_eq!(spec.to_string().parse::<VersionSpec>().unwrap(), spec, "parse after print");
}

#[track_caller]
fn refuses(spec: &str) {
    let refused =
        spec.parse::<VersionSpec>().map(|spec| spec.to_string()).map_err(|error| error.to_string());
    assert_eq!(refused, Err(format!("invalid version `{spec}`: {SPEC_RULE}")));
}

#[test]
fn versions_have_three_plain_numbers() {
    check("1.2.3", "ok: 1.2.3");
    check("0.0.0", "ok: 0.0.0");
    check("999999.999999.999999", "ok: 999999.999999.999999");
    for wrong in [
        "",
        "1",
        "1.2",
        "1.2.3.4",
        "1.2.x",
        "01.2.3",
        "1.2.1000000",
        "+1.2.3",
        "1.2.3 ",
        "1..3",
        "-1.0.0",
        "１.0.0",
    ] {
        check(
            wrong,
            &format!(
                "invalid version `{wrong}`: use MAJOR.MINOR.PATCH like `1.2.0`, each part at most 999999"
            ),
        );
    }
}

#[test]
fn versions_order_by_number() {
    let mut versions: Vec<Version> =
        ["1.10.0", "1.9.0", "10.0.0", "2.0.0"].map(|text| text.parse().unwrap()).to_vec();
    versions.sort();
    assert_eq!(
        versions.iter().map(Version::to_string).collect::<Vec<_>>(),
        ["1.9.0", "1.10.0", "2.0.0", "10.0.0"]
    );
}

#[test]
fn bumps_reset_what_follows() {
    let bumped = |bump: &str| {
        "1.2.3".parse::<Version>().unwrap().bump(bump.parse::<Bump>().unwrap()).unwrap().to_string()
    };
    assert_eq!(["patch", "minor", "major"].map(bumped), ["1.2.4", "1.3.0", "2.0.0"]);
    let error = "1.0.999999".parse::<Version>().unwrap().bump(Bump::Patch).unwrap_err();
    assert_eq!(error.to_string(), "invalid version `1.0.1000000`: each part is at most 999999");
    let error = "huge".parse::<Bump>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "invalid version `huge`: a version update is one of `patch`, `minor`, `major`"
    );
}

#[test]
fn specifications_accept() {
    accepts("", "0.9.0 1.0.0 1.2.0 1.2.3 1.10.0 2.0.0");
    accepts("latest", "0.9.0 1.0.0 1.2.0 1.2.3 1.10.0 2.0.0");
    accepts("1.2.0", "1.2.0");
    accepts("v1.2.0", "1.2.0");
    accepts("1", "1.0.0 1.2.0 1.2.3 1.10.0");
    accepts("v2", "2.0.0");
    accepts("0", "0.9.0");
    accepts("999999", "");
    accepts("==1.2.*", "1.2.0 1.2.3");
    accepts("==1.2", "1.2.0");
    accepts("~=1.2.0", "1.2.0 1.2.3");
    accepts("~=1.2", "1.2.0 1.2.3 1.10.0");
    accepts(">=1.2,<2", "1.2.0 1.2.3 1.10.0");
    accepts(" >1.2.0 , !=2.0.0 ", "1.2.3 1.10.0");
}

#[test]
fn specifications_refuse() {
    for wrong in [
        "1.x",
        "1.2",
        "abc",
        "01",
        "1000000",
        ">=",
        ">=1.x",
        "1.2.3.4",
        "*",
        ",",
        "1.0.0,2.0.0",
        "~=1",
        "1@2",
    ] {
        refuses(wrong);
    }
}
