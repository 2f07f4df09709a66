//! How a source file opens and how long it may be.

use std::path::Path;

use super::{Findings, files_below, members, text};

/// The wall for a Rust file, not counting a closing `#[cfg(test)]` part.
const RUST_LINES: usize = 500;

/// The wall for a Python module.
const PYTHON_LINES: usize = 600;

/// Files that are over their wall, with the length they had: entries may only shrink or go.
const OVERLONG: &[(&str, usize)] = &[];

/// Every Rust file says in its first line what it is.
pub(super) fn rust_files_open_with_docs(root: &Path) -> Findings {
    let mut findings = Findings::default();
    for path in rust_files(root) {
        let opens = text(root, &path).starts_with("//!");
        findings.judge(opens, || format!("{path}: does not open with `//!`"));
    }
    findings
}

/// Every Python module opens with a docstring.
fn python_files_open_with_docs(root: &Path) -> Findings {
    let mut findings = Findings::default();
    for path in python_files(root) {
        let text = text(root, &path);
        let first = text.lines().find(|line| !line.trim().is_empty() && !line.starts_with('#'));
        let opens = first.is_some_and(|line| line.trim_start_matches('r').starts_with("\"\"\""));
        findings.judge(opens, || format!("{path}: does not open with a docstring"));
    }
    findings
}

/// No file is over its wall, except as `overlong` says; an exception that shrank is tightened.
fn files_stay_short(root: &Path, overlong: &[(&str, usize)]) -> Findings {
    let mut findings = Findings::default();
    for path in rust_files(root).into_iter().chain(python_files(root)) {
        let lines = length(&path, &text(root, &path));
        let wall = wall(&path);
        let Some((_, recorded)) = overlong.iter().find(|(file, _)| *file == path) else {
            findings.judge(lines <= wall, || format!("{path}: {lines} lines, over {wall}"));
            continue;
        };
        findings.judge(lines <= *recorded, || format!("{path}: grew from {recorded} to {lines}"));
        findings.judge(lines > wall, || format!("{path}: under the wall: drop its exception"));
        findings.judge(lines >= *recorded, || format!("{path}: shrank: record {lines} lines"));
    }
    for (file, _) in overlong {
        findings.judge(root.join(file).exists(), || format!("{file}: is gone: drop its exception"));
    }
    findings
}

/// Lines that count against the wall.
fn length(path: &str, text: &str) -> usize {
    let tests = text.rfind("\n#[cfg(test)]\nmod ").filter(|_| path.ends_with(".rs"));
    let body = tests.filter(|at| is_closing(&text[at + 1..])).map(|at| &text[..=at]);
    body.unwrap_or(text).lines().count()
}

/// Whether nothing but tests stands from there on.
fn is_closing(tests: &str) -> bool {
    tests.lines().nth(1).is_some_and(|module| module.ends_with('{')) || tests.lines().count() == 2
}

fn wall(path: &str) -> usize {
    if path.ends_with(".rs") { RUST_LINES } else { PYTHON_LINES }
}

fn rust_files(root: &Path) -> Vec<String> {
    members(root).iter().flat_map(|member| names(root, member, "rs")).collect()
}

fn python_files(root: &Path) -> Vec<String> {
    ["python", "benches", "examples"].iter().flat_map(|folder| names(root, folder, "py")).collect()
}

fn names(root: &Path, folder: &str, extension: &str) -> Vec<String> {
    let found = files_below(root, folder, extension);
    found.iter().map(|path| path.to_str().unwrap().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::{here, tree};
    use super::*;

    const ONE: &str = "[workspace]\nmembers = [\"sql\"]\n";

    #[test]
    fn our_rust_files_open_with_docs() {
        rust_files_open_with_docs(&here()).assert_clean(60);
    }

    #[test]
    fn our_python_files_open_with_docs() {
        python_files_open_with_docs(&here()).assert_clean(20);
    }

    #[test]
    fn our_files_stay_short() {
        files_stay_short(&here(), OVERLONG).assert_clean(80);
    }

    #[test]
    fn a_missing_head_is_found() {
        let bad = tree(&[("Cargo.toml", ONE), ("sql/src/ast.rs", "use std::fmt;\n//! Late.\n")]);
        rust_files_open_with_docs(bad.path()).assert_only("sql/src/ast.rs: does not open");
    }

    #[test]
    fn a_missing_docstring_is_found() {
        let good = "#!/usr/bin/env python3\n\n\"\"\"Doc.\"\"\"\n";
        let bad = "from __future__ import annotations\n";
        let root = tree(&[("python/lakebed/a.py", good), ("python/lakebed/b.py", bad)]);
        python_files_open_with_docs(root.path()).assert_only("lakebed/b.py: does not open");
    }

    #[track_caller]
    fn check_length(path: &str, lines: usize, overlong: &[(&str, usize)], expected: Option<&str>) {
        let root = tree(&[("Cargo.toml", ONE), (path, &"x\n".repeat(lines))]);
        let findings = files_stay_short(root.path(), overlong);
        match expected {
            Some(problem) => findings.assert_only(problem),
            None => findings.assert_clean(1),
        }
    }

    #[test]
    fn each_kind_of_file_has_its_wall() {
        check_length("sql/src/ast.rs", 500, &[], None);
        check_length("sql/src/ast.rs", 501, &[], Some("501 lines, over 500"));
        check_length("python/lakebed/read.py", 601, &[], Some("601 lines, over 600"));
    }

    #[test]
    fn exceptions_only_shrink() {
        let file = "sql/src/ast.rs";
        check_length(file, 600, &[(file, 600)], None);
        check_length(file, 601, &[(file, 600)], Some("grew from 600 to 601"));
        check_length(file, 599, &[(file, 600)], Some("shrank: record 599 lines"));
        check_length(file, 1, &[("sql/src/gone.rs", 600)], Some("is gone: drop its exception"));
    }

    #[test]
    fn closing_tests_do_not_count() {
        for tests in ["mod tests;\n", "mod tests {\n    fn t() {}\n}\n"] {
            assert_eq!(length("a.rs", &format!("//! A.\nfn f() {{}}\n#[cfg(test)]\n{tests}")), 2);
        }
        assert_eq!(length("a.rs", "//! A.\n#[cfg(test)]\nmod tests;\nfn f() {}\n"), 4);
        assert_eq!(length("a.rs", "//! A.\n#[cfg(test)]\nfn f() {}\nfn g() {}\n"), 4);
    }
}
