//! Which crate may depend on which, and what each crate never names.

use std::path::Path;

use super::{Findings, code, files_below, members, text};

/// One row of the dependency table in ARCHITECTURE.md.
struct Crate {
    name: &'static str,
    /// Workspace crates that may stand in its manifest.
    may_use: &'static [&'static str],
    /// External crates it never names; each also covers its family (`lance` covers `lance-io`).
    never: &'static [&'static str],
    /// Path segments it never writes, wherever they are re-exported from.
    never_segment: &'static [&'static str],
}

const LEAVES_AND_FRONT_ENDS: &[&str] = &["catalog", "udf-runtime", "engine", "sql", "server"];

const CRATES: &[Crate] = &[
    Crate {
        name: "catalog",
        may_use: &[],
        never: &["datafusion", "lance", "pyo3", "sqlparser"],
        never_segment: &[],
    },
    Crate {
        name: "udf-runtime",
        may_use: &[],
        never: &["datafusion", "lance", "pyo3", "sqlparser", "sqlx"],
        never_segment: &[],
    },
    Crate {
        name: "engine",
        may_use: &["catalog", "udf-runtime"],
        never: &["pyo3", "sqlparser", "sqlx"],
        never_segment: &["sqlparser"],
    },
    Crate {
        name: "sql",
        may_use: &["engine", "catalog"],
        never: &["lance", "pyo3", "sqlx", "datafusion-physical-plan"],
        never_segment: &["physical_plan"],
    },
    Crate {
        name: "server",
        may_use: &["engine", "catalog", "sql"],
        never: &["lance", "pyo3", "sqlx"],
        never_segment: &[],
    },
    Crate {
        name: "python",
        may_use: LEAVES_AND_FRONT_ENDS,
        never: &["datafusion", "lance", "sqlparser", "sqlx"],
        never_segment: &[],
    },
    Crate { name: "tests", may_use: LEAVES_AND_FRONT_ENDS, never: &["pyo3"], never_segment: &[] },
    Crate {
        name: "examples/embedding/rust",
        may_use: &["catalog", "engine"],
        never: &["lance", "pyo3"],
        never_segment: &[],
    },
    Crate { name: "benches", may_use: LEAVES_AND_FRONT_ENDS, never: &["pyo3"], never_segment: &[] },
];

/// Every member of the workspace has a row in the table, and every row is a member.
fn table_is_complete(root: &Path) -> Findings {
    let mut findings = Findings::default();
    let members = members(root);
    for member in &members {
        let known = CRATES.iter().any(|row| row.name == member);
        findings.judge(known, || format!("Cargo.toml: member `{member}` is not in tidy's table"));
    }
    for row in CRATES {
        let member = members.iter().any(|member| member == row.name);
        findings.judge(member, || format!("tidy's table names `{}`, not a member", row.name));
    }
    findings
}

/// A manifest names only the workspace crates below it, and no forbidden crate.
fn manifests_point_downwards(root: &Path) -> Findings {
    let mut findings = Findings::default();
    for row in rows(root) {
        let path = format!("{}/Cargo.toml", row.name);
        for dependency in dependencies(&text(root, &path)) {
            let ours = CRATES.iter().any(|other| other.name == dependency);
            let fine = if ours {
                row.may_use.contains(&dependency.as_str()) || dependency == row.name
            } else {
                !row.forbids(&dependency)
            };
            findings.judge(fine, || format!("{path}: must not depend on `{dependency}`"));
        }
    }
    findings
}

/// No source of a crate names a forbidden crate or segment, however it got into reach.
fn sources_name_nothing_forbidden(root: &Path) -> Findings {
    let mut findings = Findings::default();
    for row in rows(root) {
        let sources = files_below(root, row.name, "rs");
        if sources.is_empty() {
            findings.problems.push(format!("{}: holds no sources: was it moved?", row.name));
        }
        for path in sources {
            let text = text(root, &path);
            let named = text.lines().flat_map(|line| path_heads(code(line)));
            let wrong = named.into_iter().find(|(name, is_root)| {
                (*is_root && row.forbids(name)) || row.never_segment.contains(name)
            });
            findings.judge(wrong.is_none(), || {
                format!("{}: must not name `{}`", path.display(), wrong.unwrap_or_default().0)
            });
        }
    }
    findings
}

impl Crate {
    /// Whether `name` is a forbidden crate or of its family, spelled with `-` or `_`.
    fn forbids(&self, name: &str) -> bool {
        let name = name.replace('_', "-");
        self.never.iter().any(|banned| {
            name.strip_prefix(banned).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        })
    }
}

/// The rows for the members of this tree.
fn rows(root: &Path) -> Vec<&'static Crate> {
    let members = members(root);
    CRATES.iter().filter(|row| members.iter().any(|member| member == row.name)).collect()
}

/// The crates named in any dependency section of a manifest, under their own names.
fn dependencies(manifest: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut inside = false;
    for line in manifest.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[') {
            let section = section.trim_end_matches(']');
            inside = section.ends_with("dependencies");
            found.extend(section.split_once("dependencies.").map(|(_, name)| name.to_owned()));
        } else if inside && line.starts_with(|first: char| first.is_alphanumeric()) {
            found.extend(line.split([' ', '.', '=']).next().map(str::to_owned));
        }
        let renamed = line.split_once("package = \"").and_then(|(_, rest)| rest.split('"').next());
        found.extend(renamed.map(str::to_owned));
    }
    found
}

/// Identifiers that head or continue a path on this line; true marks those at its root.
fn path_heads(line: &str) -> Vec<(&str, bool)> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let imports = ["use ", "pub use ", "extern crate "];
    let import = imports.iter().find_map(|word| line.trim_start().strip_prefix(word));
    let mut found = Vec::new();
    if let Some(rest) = import {
        let rest = rest.trim_start_matches("::");
        found.extend(rest.split(|c| !is_word(c)).next().map(|head| (head, true)));
    }
    for (at, _) in line.match_indices("::") {
        let before = line[..at].trim_end_matches(is_word);
        let continues = before.strip_suffix("::").is_some_and(|head| head.ends_with(is_word));
        found.push((&line[before.len()..at], !continues));
        let after = &line[at + 2..];
        let end = after.find(|c| !is_word(c)).unwrap_or(after.len());
        found.push((&after[..end], false));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::{here, tree};
    use super::*;

    const TWO: &str = "[workspace]\nmembers = [\"catalog\", \"engine\"]\n";

    #[test]
    fn this_workspace_is_listed() {
        table_is_complete(&here()).assert_clean(14);
    }

    #[test]
    fn our_manifests_point_downwards() {
        manifests_point_downwards(&here()).assert_clean(40);
    }

    #[test]
    fn our_sources_name_nothing_forbidden() {
        sources_name_nothing_forbidden(&here()).assert_clean(60);
    }

    #[test]
    fn an_unlisted_member_is_found() {
        let bad = tree(&[("Cargo.toml", "[workspace]\nmembers = [\"misc\"]\n")]);
        let problems = table_is_complete(bad.path()).problems;
        assert!(problems[0].contains("member `misc` is not in tidy's table"), "{problems:?}");
    }

    #[track_caller]
    fn check_manifest(name: &str, manifest: &str, expected: &str) {
        let path = format!("{name}/Cargo.toml");
        let bad = tree(&[("Cargo.toml", TWO), (&path, manifest)]);
        manifests_point_downwards(bad.path()).assert_only(expected);
    }

    #[test]
    fn a_wrong_dependency_is_found() {
        let upwards = "[dependencies]\nengine.workspace = true\n";
        check_manifest("catalog", upwards, "catalog/Cargo.toml: must not depend on `engine`");
        let family = "[dev-dependencies]\nlance-io = \"14\"\n";
        check_manifest("catalog", family, "must not depend on `lance-io`");
        let table = "[target.'cfg(unix)'.dependencies.pyo3]\nversion = \"0.28\"\n";
        check_manifest("engine", table, "must not depend on `pyo3`");
        let renamed = "[dependencies]\nstore = { package = \"sqlx\", version = \"0.9\" }\n";
        check_manifest("engine", renamed, "must not depend on `sqlx`");
    }

    #[track_caller]
    fn check_source(name: &str, line: &str, expected: Option<&str>) {
        let path = format!("{name}/src/lib.rs");
        let root = format!("[workspace]\nmembers = [\"{name}\"]\n");
        let sample = tree(&[("Cargo.toml", &root), (&path, line)]);
        let findings = sources_name_nothing_forbidden(sample.path());
        match expected {
            Some(banned) => findings.assert_only(&format!("must not name `{banned}`")),
            None => findings.assert_clean(1),
        }
    }

    #[test]
    fn a_forbidden_name_is_found_in_any_position() {
        check_source("catalog", "use lance::Dataset;", Some("lance"));
        check_source("catalog", "pub use lance_io as io;", Some("lance_io"));
        check_source("python", "fn f(x: &datafusion::prelude::Expr) {}", Some("datafusion"));
        check_source("engine", "use datafusion::sql::sqlparser::ast;", Some("sqlparser"));
        check_source("sql", "use datafusion::physical_plan::Plan;", Some("physical_plan"));
    }

    #[test]
    fn look_alikes_are_left_alone() {
        check_source("python", "use engine::source::lance::DatasetScan;", None);
        check_source("python", "// as lance::Dataset does", None);
        check_source("python", "use lancet::x;", None);
        check_source("engine", "let x = lance::Dataset::open(uri);", None);
    }

    #[test]
    fn a_crate_without_sources_is_found() {
        sources_name_nothing_forbidden(
            tree(&[("Cargo.toml", "members = [\"sql\"]"), ("sql/Cargo.toml", "")]).path(),
        )
        .assert_only("sql: holds no sources");
    }
}
