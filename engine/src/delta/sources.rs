//! What a source of a chain was, and what its rows are known by and compared by.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::DataType;
use catalog::{DatasetVersion, VersionFilter, VersionStatus};
use datafusion::common::TableReference;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::logical_expr::{Expr as PlanExpr, LogicalPlan, TableScan};
use lance::Dataset;

use super::build::refused;
use super::leaf::{Leaf, Value};
use crate::chain::DeltaOptions;
use crate::functions::has_digest;
use crate::kind::kind_name;
use crate::source::{Dependency, Source, as_table, source_of};
use crate::{Chain, Error, Result, Session};

/// The values that a row of a source is known by.
pub(super) fn keys_of(source: &Chain, options: &DeltaOptions) -> Result<Vec<Value>> {
    let resolver = source.resolver();
    let paths = match options.on.as_slice() {
        [] => file_key(source)?,
        paths => paths.to_vec(),
    };
    let mut keys = Vec::with_capacity(paths.len());
    for path in &paths {
        let (value, field) = resolver.path(path)?;
        if matches!(field.data_type(), DataType::Struct(_)) || !has_digest(field.data_type()) {
            return Err(Error::InvalidArgument {
                argument: "delta_on",
                given: path.clone(),
                accepted: "name plain fields, such as `file.path`".to_owned(),
            });
        }
        let leaf = Leaf::of(&value).ok_or_else(|| Error::internal(format!("`{path}` is computed")));
        keys.push(Value::Leaf(leaf?));
    }
    Ok(keys)
}

/// Whether rows are of files, which functions may open.
pub(super) fn has_files(source: &Chain) -> bool {
    file_key(source).is_ok()
}

/// What files are known by.
fn file_key(source: &Chain) -> Result<Vec<String>> {
    let columns = source.own_columns();
    let is_file = |kind: &DataType| match kind {
        DataType::Struct(fields) => {
            ["source", "path", "etag"].iter().all(|name| fields.find(name).is_some())
        }
        _ => false,
    };
    let file = columns.iter().map(|(_, field)| field).find(|field| is_file(field.data_type()));
    let Some(file) = file else {
        return Err(Error::InvalidArgument {
            argument: "delta_on",
            given: String::new(),
            accepted: "there is no column of files; name what a row is known by, for example an id"
                .to_owned(),
        });
    };
    Ok(["source", "path"].map(|name| format!("{}.{name}", file.name())).to_vec())
}

/// The values by which a row of a source is told to have changed.
pub(super) fn compared(source: &Chain, options: &DeltaOptions) -> Result<Vec<PlanExpr>> {
    let columns = match &options.compare {
        Some(paths) => {
            paths.iter().map(|path| source.resolver().path(path)).collect::<Result<_>>()?
        }
        None => source.own_columns(),
    };
    for (value, field) in &columns {
        if !has_digest(field.data_type()) {
            return Err(Error::InvalidArgument {
                argument: "delta_compare",
                given: value.schema_name().to_string(),
                accepted: format!(
                    "values of type {} cannot be compared; name the columns that tell a change",
                    kind_name(field.data_type())
                ),
            });
        }
    }
    Ok(columns.into_iter().map(|(value, _)| value).collect())
}

/// All values of a row.
pub(super) fn all_of(source: &Chain) -> Result<Vec<Value>> {
    let mut values = Vec::new();
    for (value, field) in source.own_columns() {
        if !has_digest(field.data_type()) {
            let what =
                format!("a changed source with values of type {}", kind_name(field.data_type()));
            return refused(what, "read it with `delta=True` and `delta_on=` too");
        }
        values.extend(Value::of(&value));
    }
    Ok(values)
}

/// The scans of a plan and what they read.
pub(super) fn scans(plan: &LogicalPlan) -> Result<Vec<(TableScan, Arc<dyn Source>)>> {
    let mut found: Vec<(TableScan, Arc<dyn Source>)> = Vec::new();
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node
            && let Some(source) = source_of(scan)
            && found.iter().all(|(known, _)| known.table_name != scan.table_name)
        {
            found.push((scan.clone(), source));
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(found)
}

/// Whether the source has versions that differ just when its rows do. Rows that a session keeps are others in each run.
pub(super) fn has_versions(source: &dyn Source) -> bool {
    let is_of_session = source.version().is_some_and(|version| version.name.is_of_session());
    !source.dependencies().is_empty() && !is_of_session
}

/// Of the sources that changed since a version, what they were then; or why that cannot be told.
pub(super) async fn before(
    session: &Arc<Session>,
    base: &DatasetVersion,
    scans: &[(TableScan, Arc<dyn Source>)],
) -> Result<std::result::Result<HashMap<TableReference, TableScan>, String>> {
    let title = format!("{}@{}", base.dataset.short(), base.version);
    let mut changed = HashMap::new();
    let is_read = scans.iter().flat_map(|(_, source)| source.dependencies());
    let is_read: Vec<_> = is_read.map(|Dependency::Version(now)| now.name).collect();
    let is_own = |then: &catalog::Dependency| then.name == base.dataset;
    if base.dependencies.iter().any(is_own) && !is_read.contains(&base.dataset) {
        return Ok(Err(format!("rows of `{title}` were changed by a statement")));
    }
    for (scan, source) in scans {
        if !has_versions(source.as_ref()) {
            continue;
        }
        let (mut versions, mut differs) = (Vec::new(), false);
        for Dependency::Version(now) in source.dependencies() {
            let mut then = base.dependencies.iter().filter(|then| then.name == now.name);
            let (Some(then), None) = (then.next(), then.next()) else {
                return Ok(Err(format!("`{title}` was not made of one version of `{}`", now.name)));
            };
            differs |= then.version != now.version;
            let filter =
                VersionFilter { version: Some(then.version), ..VersionFilter::of(&then.name) };
            match session.catalog().versions(filter).await?.pop() {
                Some(record) if record.status == VersionStatus::Complete => versions.push(record),
                _ if then.version == now.version => {}
                _ => {
                    let gone = format!("{}@{}", then.name.short(), then.version);
                    return Ok(Err(format!("`{gone}`, of which `{title}` was made, is gone")));
                }
            }
        }
        if !differs {
            continue;
        }
        let mut opened: Vec<(DatasetVersion, Arc<Dataset>)> = Vec::with_capacity(versions.len());
        for record in versions {
            let dataset = Arc::new(session.open_version(&record).await?);
            opened.push((record, dataset));
        }
        let Some(then) = source.over(&opened) else {
            return Ok(Err(format!("the columns of what `{title}` was made of changed")));
        };
        let then = TableScan { source: as_table(then), ..scan.clone() };
        changed.insert(scan.table_name.clone(), then);
    }
    Ok(Ok(changed))
}
