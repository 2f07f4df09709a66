//! Plan text that is the same on every machine: no folder, time or address in it.

use std::sync::Arc;

use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::{ExecutionPlan, displayable};

/// The optimized plan, then its operators; the top runs last.
pub(crate) fn render(logical: &LogicalPlan, physical: &Arc<dyn ExecutionPlan>) -> String {
    let logical = logical.display_indent().to_string();
    let physical = displayable(physical.as_ref()).indent(false).to_string();
    let text = format!("plan:\n{}\noperators:\n{}", indent(&logical), indent(&physical));
    without_folders(&text)
}

fn indent(text: &str) -> String {
    text.trim_end().lines().map(|line| format!("  {line}\n")).collect()
}

/// Every path keeps its last step only.
fn without_folders(text: &str) -> String {
    let is_path = |c: char| !c.is_whitespace() && !"[](){},'\"=:".contains(c);
    let mut out = String::with_capacity(text.len());
    let mut word = String::new();
    for c in text.chars().chain(['\n']) {
        if is_path(c) {
            word.push(c);
            continue;
        }
        match word.rsplit_once('/') {
            Some((folders, last)) if !folders.is_empty() || !last.is_empty() => out.push_str(last),
            _ => out.push_str(&word),
        }
        word.clear();
        out.push(c);
    }
    out.truncate(out.trim_end().len());
    out.push('\n');
    out
}
