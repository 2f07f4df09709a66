//! Rules about the source tree that no compiler checks.
//!
//! A rule is a function from the root of a tree to [`Findings`]; one test runs it over this
//! repository, others over small broken trees, so that a rule which sees nothing cannot pass.

mod code_map;
mod crates;
mod files;
mod floors;
mod lock;
mod modules;

use std::fs;
use std::path::{Path, PathBuf};

/// What a rule looked at, and what it did not like.
#[derive(Debug, Default)]
struct Findings {
    /// How many files, lines or names the rule judged.
    seen: usize,
    /// One sentence for each breach, path first.
    problems: Vec<String>,
}

impl Findings {
    /// Counts one judged thing, and records a problem unless `fine`.
    fn judge(&mut self, fine: bool, problem: impl FnOnce() -> String) {
        self.seen += 1;
        if !fine {
            self.problems.push(problem());
        }
    }

    /// Passes when nothing is wrong and at least `minimum` things were judged.
    #[track_caller]
    fn assert_clean(&self, minimum: usize) {
        assert!(self.problems.is_empty(), "\n{}", self.problems.join("\n"));
        assert!(
            self.seen >= minimum,
            "only {} things were checked, expected {minimum} or more: was a folder moved?",
            self.seen
        );
    }

    /// Passes when exactly one problem was found and it contains `part`.
    #[track_caller]
    fn assert_only(&self, part: &str) {
        match self.problems.as_slice() {
            [only] => assert!(only.contains(part), "`{only}` does not contain `{part}`"),
            other => panic!("expected one problem with `{part}`, found {other:?}"),
        }
    }
}

/// The root of this repository.
fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The text of a file of the tree; empty when there is none, which the minimum counts catch.
fn text(root: &Path, path: impl AsRef<Path>) -> String {
    fs::read_to_string(root.join(path)).unwrap_or_default()
}

/// All files with `extension` below `root/folder`, as paths relative to `root`, sorted.
fn files_below(root: &Path, folder: &str, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![root.join(folder)];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(next).into_iter().flatten() {
            let path = entry.unwrap().path();
            let hidden = path.file_name().unwrap().to_string_lossy().starts_with('.');
            if path.is_dir() && !hidden && !path.ends_with("target") {
                open.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(path.strip_prefix(root).unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

/// The folders that the root manifest of the tree lists as workspace members.
fn members(root: &Path) -> Vec<String> {
    let manifest = text(root, "Cargo.toml");
    let list = manifest.split("members = [").nth(1).and_then(|rest| rest.split(']').next());
    let quoted = list.unwrap_or_default().split('"');
    quoted.skip(1).step_by(2).map(str::to_owned).collect()
}

/// A line of Rust without its comment; a `//` inside of a URL is not a comment.
fn code(line: &str) -> &str {
    let comment = line.match_indices("//").find(|(at, _)| !line[..*at].ends_with(':'));
    comment.map_or(line, |(at, _)| &line[..at])
}

/// A scratch tree that holds `files`, given as path and text.
fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    root
}

#[test]
fn an_empty_tree_fails_the_minimum() {
    let findings = files::rust_files_open_with_docs(tree(&[]).path());
    assert!(std::panic::catch_unwind(|| findings.assert_clean(1)).is_err());
}

#[test]
fn comments_are_not_code() {
    assert_eq!(code("use x; // not lance::y"), "use x; ");
    assert_eq!(code(r#"let url = "s3://bucket"; // note"#), r#"let url = "s3://bucket"; "#);
}
