//! Plan text that is the same on every machine: no folder, time or address in it.

use std::sync::Arc;
use std::time::Duration;

use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::{ExecutionPlan, displayable};

use crate::progress::{StageProgress, Times};

/// The optimized plan, then its operators; the top runs last.
pub(crate) fn render(logical: &LogicalPlan, physical: &Arc<dyn ExecutionPlan>) -> String {
    let logical = logical.display_indent().to_string();
    let physical = displayable(physical.as_ref()).indent(false).to_string();
    let text = format!("plan:\n{}\noperators:\n{}", indent(&logical), indent(&physical));
    without_folders(&text)
}

/// Plan text with a table of where the time of each function went, in seconds.
pub(crate) fn with_times(plan: &str, took: Duration, stages: &[Arc<StageProgress>]) -> String {
    let mut text = format!("{plan}times (s), {:.3} in all:\n", took.as_secs_f64());
    let head = ["rows", "kept", "read", "convert", "call", "wait", "write"];
    text.push_str(&format!("  {:24}", "stage"));
    text.extend(head.iter().map(|name| format!("{name:>10}")));
    text.push('\n');
    for stage in stages {
        let Times { reading, converting, calling, waiting, writing } = stage.times();
        text.push_str(&format!("  {:24}{:>10}{:>10}", stage.name(), stage.rows(), stage.kept()));
        let times = [reading, converting, calling, waiting, writing];
        text.extend(times.iter().map(|time| format!("{:>10.3}", time.as_secs_f64())));
        text.push('\n');
    }
    text
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
