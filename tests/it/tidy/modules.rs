//! Inside `engine`: which module may name which, and that nodes and operators come in pairs.

use std::path::Path;

use super::{Findings, code, files_below, text};

/// A module of `engine` and the sibling modules that it never names.
const NEVER: &[(&str, &[&str])] =
    &[("logical", &["physical", "source", "sink"]), ("physical", &["session", "chain"])];

/// Nodes that need no operator file of their own, each with the reason.
const WITHOUT_OPERATOR: &[(&str, &str)] = &[];

/// Modules of `engine` import only in the allowed direction.
fn modules_point_one_way(root: &Path) -> Findings {
    let mut findings = Findings::default();
    for (module, banned) in NEVER {
        let folder = files_below(root, &format!("engine/src/{module}"), "rs");
        let head = Path::new("engine/src").join(format!("{module}.rs"));
        for path in folder.into_iter().chain([head]) {
            let depth = path.components().count() - 2;
            let text: String =
                text(root, &path).lines().map(|line| format!("{}\n", code(line))).collect();
            let named = top_level_modules(&text, depth);
            let wrong = named.into_iter().find(|name| banned.contains(name));
            findings.judge(wrong.is_none(), || {
                format!("{}: must not name `{}`", path.display(), wrong.unwrap_or_default())
            });
        }
    }
    findings
}

/// Every file in `logical/` has its operator's file of the same name in `physical/`.
fn nodes_have_operators(root: &Path, without: &[(&str, &str)]) -> Findings {
    let mut findings = Findings::default();
    for node in files_below(root, "engine/src/logical", "rs") {
        let name = node.file_stem().unwrap().to_str().unwrap();
        if node.components().count() > 4 || name == "tests" {
            continue;
        }
        let excused = without.iter().any(|(excused, _)| *excused == name);
        let paired = root.join(format!("engine/src/physical/{name}.rs")).exists();
        findings.judge(paired || excused, || {
            format!("{}: there is no engine/src/physical/{name}.rs", node.display())
        });
        findings.judge(!(paired && excused), || {
            format!("{}: has its operator: drop its exception", node.display())
        });
    }
    findings
}

/// The modules at the crate's top that a file names through `crate::` or enough `super::`,
/// also inside of braces; `depth` is how many modules the file is below the crate's root.
fn top_level_modules(text: &str, depth: usize) -> Vec<&str> {
    let up = "super::".repeat(depth);
    let starts = text.match_indices("crate::").chain(text.match_indices(&up));
    let mut found = Vec::new();
    for (at, prefix) in starts {
        let longer = text[..at].ends_with("::") || text[..at].ends_with(is_word);
        let rest = &text[at + prefix.len()..];
        if longer {
            continue;
        }
        match rest.strip_prefix('{') {
            Some(group) => found.extend(heads_of_group(group)),
            None => found.extend(rest.split(|c| !is_word(c)).next()),
        }
    }
    found
}

/// The first word of each branch of a `use` group, up to the brace that closes it.
fn heads_of_group(group: &str) -> Vec<&str> {
    let (mut depth, mut start, mut branches) = (0, 0, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                branches.push(&group[start..at]);
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                branches.push(&group[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    branches.iter().filter_map(|branch| branch.trim().split(|c| !is_word(c)).next()).collect()
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::super::{here, tree};
    use super::*;

    #[test]
    fn our_modules_point_one_way() {
        modules_point_one_way(&here()).assert_clean(5);
    }

    #[test]
    fn our_nodes_have_operators() {
        nodes_have_operators(&here(), WITHOUT_OPERATOR).assert_clean(2);
    }

    #[track_caller]
    fn check(path: &str, line: &str, expected: Option<&str>) {
        let root =
            tree(&[("engine/src/logical.rs", ""), ("engine/src/physical.rs", ""), (path, line)]);
        let findings = modules_point_one_way(root.path());
        match expected {
            Some(module) => findings.assert_only(&format!("{path}: must not name `{module}`")),
            None => findings.assert_clean(2),
        }
    }

    #[test]
    fn a_wrong_import_is_found_in_every_spelling() {
        let node = "engine/src/logical/udf_map.rs";
        check(node, "use crate::physical::udf_map::UdfMapExec;", Some("physical"));
        check(node, "use super::super::sink::Sink;", Some("sink"));
        check(node, "use crate::{error::{Error, Result}, source};", Some("source"));
        check("engine/src/logical.rs", "pub use super::physical::X;", Some("physical"));
        check(
            "engine/src/physical/save.rs",
            "fn f(s: &crate::session::Session) {}",
            Some("session"),
        );
    }

    #[test]
    fn allowed_imports_pass() {
        check("engine/src/physical/save.rs", "use crate::logical::save::Save;", None);
        check("engine/src/logical/save.rs", "// not crate::physical::save", None);
        check("engine/src/logical/save.rs", "use super::super::error::{Error, Result};", None);
    }

    #[test]
    fn a_lonely_node_is_found() {
        let bad = tree(&[("engine/src/logical/save.rs", ""), ("engine/src/physical.rs", "")]);
        nodes_have_operators(bad.path(), &[]).assert_only("no engine/src/physical/save.rs");
        nodes_have_operators(bad.path(), &[("save", "a reason")]).assert_clean(2);
    }

    #[test]
    fn a_stale_exception_is_found() {
        let files = [("engine/src/logical/save.rs", ""), ("engine/src/physical/save.rs", "")];
        let findings = nodes_have_operators(tree(&files).path(), &[("save", "a reason")]);
        findings.assert_only("drop its exception");
    }
}
