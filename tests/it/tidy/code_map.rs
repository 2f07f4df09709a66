//! ARCHITECTURE.md's code map and the tree agree.

use std::path::Path;

use super::{Findings, members, text};

const PAGE: &str = "ARCHITECTURE.md";

/// Every path in the code map exists, and every crate has a place in it.
fn code_map_is_true(root: &Path) -> Findings {
    let mut findings = Findings::default();
    let page = text(root, PAGE);
    let paths: Vec<&str> = page
        .lines()
        .skip_while(|line| *line != "## Code map")
        .skip(1)
        .take_while(|line| !line.starts_with("## "))
        .filter_map(path_of_row)
        .collect();
    for path in &paths {
        findings.judge(root.join(path).exists(), || format!("{PAGE}: `{path}` does not exist"));
    }
    for member in members(root) {
        let folder = format!("{member}/");
        let mapped = paths.iter().any(|path| path.starts_with(&folder));
        findings.judge(mapped, || format!("{PAGE}: the code map leaves out `{folder}`"));
    }
    findings
}

/// The path in the first cell of a row such as ``| `engine/src/chain.rs` | what it is |``.
fn path_of_row(line: &str) -> Option<&str> {
    line.strip_prefix("| `")?.split('`').next()
}

#[cfg(test)]
mod tests {
    use super::super::{here, tree};
    use super::*;

    const ONE: (&str, &str) = ("Cargo.toml", "[workspace]\nmembers = [\"sql\"]\n");

    #[track_caller]
    fn check(map: &str, expected: Option<&str>) {
        let page =
            format!("# Title\n| `no/map.rs` | x |\n## Code map\n{map}\n## After\n| `no.rs` |");
        let root = tree(&[ONE, (PAGE, &page), ("sql/src/lib.rs", "//! Sql.\n")]);
        let findings = code_map_is_true(root.path());
        match expected {
            Some(problem) => findings.assert_only(problem),
            None => findings.assert_clean(2),
        }
    }

    #[test]
    fn our_code_map_is_true() {
        code_map_is_true(&here()).assert_clean(50);
    }

    #[test]
    fn a_ghost_path_is_found() {
        check("| `sql/src/lib.rs` | the entry |", None);
        let ghost = "| `sql/src/lib.rs` | the entry |\n| `sql/src/gone.rs` | a ghost |";
        check(ghost, Some("`sql/src/gone.rs` does not exist"));
    }

    #[test]
    fn a_crate_without_a_row_is_found() {
        check("| `ARCHITECTURE.md` | this page |", Some("leaves out `sql/`"));
    }
}
