//! Every error code and message in one list.

use std::error::Error as _;

use super::{Error, Source};
use crate::job::JobId;

fn source() -> Source {
    "database is locked".into()
}

/// One of each, with the shapes of text that a variant has.
fn examples() -> Vec<Error> {
    let name = || "cat".parse().unwrap();
    let far = || "lab.vision.cat".parse().unwrap();
    let version = |text: &str| text.parse().unwrap();
    let many =
        ["1.0.0", "1.0.1", "1.0.2", "1.0.3", "1.0.4", "1.1.0", "2.0.0"].map(version).to_vec();
    vec![
        Error::InvalidName { given: "a/b".to_owned(), rule: "it is wrong" },
        Error::InvalidVersion { given: "1.x".to_owned(), rule: "use another" },
        Error::DatasetNotFound { name: far(), near: vec![] },
        Error::DatasetNotFound { name: name(), near: vec!["cats".to_owned()] },
        Error::DatasetNotFound {
            name: name(),
            near: ["cats", "bat", "a.b.cat"].map(str::to_owned).to_vec(),
        },
        Error::VersionNotFound { name: name(), wanted: ">=3".parse().unwrap(), available: many },
        Error::VersionNotFound {
            name: name(),
            wanted: "3.0.0".parse().unwrap(),
            available: vec![version("1.0.0")],
        },
        Error::VersionNotFound {
            name: name(),
            wanted: "3.0.0".parse().unwrap(),
            available: vec![],
        },
        Error::VersionTaken { name: name(), version: version("1.0.0"), latest: version("1.2.0") },
        Error::NameTaken { name: far() },
        Error::WrongStatus {
            name: name(),
            version: version("1.0.0"),
            status: crate::VersionStatus::Pending,
            needed: crate::VersionStatus::Complete,
        },
        Error::JobNotFound { id: JobId::from("123".to_owned()) },
        Error::Store {
            what: "cannot claim a version: the disk is full: `x.db`".to_owned(),
            retryable: true,
            source: source(),
        },
        Error::NewerStore { found: 9, known: 1, path: "x.db".to_owned() },
        Error::Corrupt { what: "a name cannot be read".to_owned(), source: source() },
        Error::Internal { what: "one is two".to_owned() },
    ]
}

#[test]
fn messages() {
    let shown: Vec<String> =
        examples().iter().map(|error| format!("{}: {error}", error.code())).collect();
    let expected = [
        "catalog.invalid_name: invalid dataset name `a/b`: it is wrong",
        "catalog.invalid_version: invalid version `1.x`: use another",
        "catalog.dataset_not_found: dataset `lab.vision.cat` does not exist",
        "catalog.dataset_not_found: dataset `cat` does not exist; did you mean `cats`?",
        "catalog.dataset_not_found: dataset `cat` does not exist; did you mean `cats`, `bat` or `a.b.cat`?",
        "catalog.version_not_found: dataset `cat` has no version `>=3`; \
         it has `2.0.0`, `1.1.0`, `1.0.4`, `1.0.3`, `1.0.2` and 2 older",
        "catalog.version_not_found: dataset `cat` has no version `3.0.0`; it has `1.0.0`",
        "catalog.version_not_found: dataset `cat` has no version `3.0.0`; it has no readable version",
        "catalog.version_taken: version `1.0.0` of dataset `cat` is taken; a new version must be higher than `1.2.0`",
        "catalog.name_taken: dataset name `lab.vision.cat` is taken; choose another name",
        "catalog.wrong_status: version `1.0.0` of dataset `cat` is `pending`, not `complete`",
        "catalog.job_not_found: job `123` does not exist",
        "catalog.store: cannot claim a version: the disk is full: `x.db`",
        "catalog.newer_store: the catalog has format `9`, this release knows up to `1`; hint: upgrade; `x.db`",
        "catalog.corrupt: the catalog is damaged: a name cannot be read",
        "catalog.internal: internal error in the catalog: one is two",
    ];
    assert_eq!(shown, expected);
}

#[test]
fn sources_are_kept() {
    let kept = examples().iter().filter(|error| error.source().is_some()).count();
    assert_eq!(kept, 2);
    assert_eq!(examples().iter().filter(|error| error.is_retryable()).count(), 1);
}
