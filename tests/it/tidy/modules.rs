//! Inside `engine`: which module may name which, and that nodes and operators come in pairs.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::{Findings, code, files_below, text};

/// A source file of `engine` and what it names, tests left out.
pub(super) struct Source {
    pub(super) path: PathBuf,
    /// The module at the top of the crate that it belongs to.
    pub(super) module: String,
    /// Others at the top that it names, itself or by what the crate's root exports of them.
    pub(super) names: BTreeSet<String>,
}

/// A module of `engine` and the sibling modules that it never names.
const NEVER: &[(&str, &[&str])] = &[
    ("logical", &["physical", "source", "sink"]),
    ("functions", &["logical", "physical", "sink", "session", "chain"]),
    ("expr", &["logical", "physical", "source", "sink", "session", "chain"]),
    ("source", &["physical", "sink", "session", "chain"]),
    ("optimizer", &["sink", "session", "chain"]),
    ("physical", &["optimizer", "session", "chain"]),
    ("checkpoint", &["physical", "optimizer", "session", "chain"]),
    ("session", &["source", "chain", "verbs", "sink"]),
    ("chain", &["read", "verbs", "sink"]),
];

/// What only the module of storage names: everything else works below any root.
const FILES: &[&str] = &["std::fs", "tokio::fs", "PathBuf", "tempfile", "walkdir"];

/// Nodes that need no operator file of their own, each with the reason.
const WITHOUT_OPERATOR: &[(&str, &str)] = &[];

/// Modules of `engine` import only in the allowed direction.
fn modules_point_one_way(root: &Path) -> Findings {
    let mut findings = Findings::default();
    for source in sources(root) {
        let Some((_, banned)) = NEVER.iter().find(|(module, _)| *module == source.module) else {
            continue;
        };
        let wrong = banned.iter().find(|name| source.names.contains(**name));
        findings.judge(wrong.is_none(), || {
            format!("{}: must not name `{}`", source.path.display(), wrong.unwrap_or(&""))
        });
    }
    findings
}

/// Files of a disk are named by one module.
fn files_are_named_in_storage(root: &Path) -> Findings {
    let mut findings = Findings::default();
    for source in sources(root).iter().filter(|source| source.module != "storage") {
        let text = without_comments(root, &source.path);
        let wrong = FILES.iter().find(|name| text.contains(**name));
        findings.judge(wrong.is_none(), || {
            format!("{}: must not name `{}`", source.path.display(), wrong.unwrap_or(&""))
        });
    }
    findings
}

/// The source files of `engine` but its root.
pub(super) fn sources(root: &Path) -> Vec<Source> {
    let exports = exports(&without_comments(root, Path::new("engine/src/lib.rs")));
    let mut found = Vec::new();
    for path in files_below(root, "engine/src", "rs") {
        let steps: Vec<&str> = path.iter().skip(2).filter_map(|step| step.to_str()).collect();
        let module = steps[0].trim_end_matches(".rs").to_owned();
        if module == "lib" || steps.iter().any(|step| step.trim_end_matches(".rs") == "tests") {
            continue;
        }
        let text = without_comments(root, &path);
        let home = |name: &&str| exports.iter().find(|(known, _)| known == name);
        let names = top_level_modules(&text, steps.len())
            .into_iter()
            .map(|name| home(&name).map_or(name, |(_, module)| module).to_owned())
            .filter(|name| *name != module)
            .collect();
        found.push(Source { path, module, names });
    }
    found
}

/// What the crate's root exports, and of which module.
fn exports(root: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for item in root.split(';') {
        let Some((_, path)) = item.split_once("use ") else { continue };
        let Some((module, names)) = path.split_once("::") else { continue };
        let names = names.trim_matches(['{', '}']).split(',').map(str::trim);
        let names = names.filter(|name| !name.is_empty());
        found.extend(names.map(|name| (name.to_owned(), module.to_owned())));
    }
    found
}

fn without_comments(root: &Path, path: &Path) -> String {
    text(root, path).lines().map(|line| format!("{}\n", code(line))).collect()
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
        modules_point_one_way(&here()).assert_clean(60);
    }

    #[test]
    fn our_files_are_named_in_storage() {
        files_are_named_in_storage(&here()).assert_clean(60);
    }

    #[test]
    fn a_file_that_is_named_elsewhere_is_found() {
        let path = "engine/src/gc.rs";
        let storage = ("engine/src/storage/local.rs", "use std::fs;");
        let root = |line| tree(&[("engine/src/lib.rs", ""), storage, (path, line)]);
        let findings = files_are_named_in_storage(root("use std::fs;").path());
        findings.assert_only(&format!("{path}: must not name `std::fs`"));
        files_are_named_in_storage(root("// std::fs").path()).assert_clean(1);
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
    fn what_the_root_exports_belongs_to_its_module() {
        let root = tree(&[
            ("engine/src/lib.rs", "mod session;\npub use session::{Other, Session};\n"),
            ("engine/src/physical/udf.rs", "use crate::{Error, Session};"),
        ]);
        modules_point_one_way(root.path()).assert_only("udf.rs: must not name `session`");
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
