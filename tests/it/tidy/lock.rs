//! One Arrow, one DataFusion, one pyo3: two of any would not understand each other's types.

use std::path::Path;

use super::{Findings, text};

const SINGLE: &[&str] = &["arrow-schema", "datafusion-common", "pyo3"];

/// Cargo.lock holds each of the crates whose types cross our boundaries exactly once.
fn shared_crates_are_locked_once(root: &Path) -> Findings {
    let mut findings = Findings::default();
    let lock = text(root, "Cargo.lock");
    for name in SINGLE {
        let entry = format!("name = \"{name}\"");
        let times = lock.lines().filter(|line| *line == entry).count();
        findings
            .judge(times == 1, || format!("Cargo.lock: holds `{name}` {times} times, not once"));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::{here, tree};
    use super::*;

    #[test]
    fn our_lock_file_is_single() {
        shared_crates_are_locked_once(&here()).assert_clean(SINGLE.len());
    }

    #[test]
    fn a_second_arrow_is_found() {
        let lock = "name = \"arrow-schema\"\nname = \"pyo3\"\nname = \"datafusion-common\"\n";
        let good = tree(&[("Cargo.lock", lock)]);
        shared_crates_are_locked_once(good.path()).assert_clean(SINGLE.len());
        let bad = tree(&[("Cargo.lock", &format!("{lock}name = \"arrow-schema\"\n"))]);
        shared_crates_are_locked_once(bad.path()).assert_only("`arrow-schema` 2 times");
    }
}
