//! `MERGE INTO`: rows of a dataset and rows of a source meet, and each pair is updated, deleted, inserted or left.
//!
//! One query joins both and says of each pair which clause is the first that fits, and what the row becomes. It runs
//! twice: for the rows that go, and for those that come.

use std::collections::HashSet;
use std::fmt::{self, Write as _};

use catalog::{Bump, Wanted};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::sql::sqlparser::ast::{
    Expr, Merge, MergeAction, MergeClause, MergeClauseKind, MergeInsertExpr, MergeInsertKind,
    MergeUpdateExpr, ObjectName, TableFactor,
};
use engine::{Chain, RowChange, SaveMode};

use super::alter::{Named, assigned};
use super::target::{ATTEMPTS, Target, aliased, gave_up, is_overtaken, own_name, quoted};
use super::{Answer, Write, answer};
use crate::statement::parsed_query;
use crate::{Error, Result};

/// The column that is there where the source has a row.
const THERE: &str = "\"merge there\"";

/// What becomes of a pair.
const INSERTED: u64 = 1;
const UPDATED: u64 = 2;
const DELETED: u64 = 3;

/// A clause: when it applies, what it does, and the values of columns.
struct Step {
    when: String,
    does: u64,
    values: Vec<(String, Expr)>,
}

impl Write<'_> {
    pub(super) async fn merge(&mut self, merge: &Merge) -> Result<Answer> {
        let named = Named::of(&merge.table, "MERGE")?;
        let name = own_name(named.table)?;
        if merge.output.is_some() {
            return Err(Error::refused("MERGE with OUTPUT", "read the new version"));
        }
        for _ in 0..ATTEMPTS {
            let target = Target::open(self.session(), name.clone()).await?;
            self.aim_at(&target.chain);
            let query = Query::of(merge, &named.alias, &target)?;
            let (rows, change) = Box::pin(self.merged(&query, &target)).await?;
            let columns = target.columns();
            let chain = self.planner.chain(parsed_query(&query.rows())?).await?;
            let chain = chain.fitted(&columns)?;
            let mode =
                SaveMode::Update { base: target.version, removed: rows.into_iter().collect() };
            let request = self.request(&name, Wanted::Bump(Bump::Patch), mode);
            match chain.save_change(request, change, &self.writing.progress).await {
                Err(error) if is_overtaken(&error) => self.again()?,
                saved => return Ok(answer(saved?)),
            }
        }
        Err(gave_up(&name))
    }

    /// The rows that go, and how many come.
    async fn merged(&mut self, query: &Query, target: &Target) -> Result<(Vec<u64>, RowChange)> {
        let chain = self.planner.chain(parsed_query(&query.places())?).await?;
        if let Some(function) = volatile(&chain) {
            return Err(Error::refused(
                format!("`{function}` in MERGE"),
                "compute it as a column of a dataset first: both runs of the query must agree",
            ));
        }
        let found = chain.numbers(&self.writing.progress).await?;
        let [ids, actions] = found.as_slice() else {
            return Err(Error::Plan { reason: "MERGE found no rows".to_owned() });
        };
        let (mut rows, mut seen, mut change) = (Vec::new(), HashSet::new(), RowChange::default());
        let mut written = 0;
        for (id, action) in ids.iter().zip(actions) {
            written += u64::from(*action != Some(DELETED));
            change.dropped += u64::from(*action == Some(DELETED));
            let Some(id) = id.filter(|_| *action != Some(INSERTED)) else { continue };
            if !seen.insert(id) {
                let reason = format!(
                    "several rows of the source match one of `{}`: one must decide",
                    target.name.short()
                );
                return Err(Error::Plan { reason });
            }
            rows.push(id);
        }
        change.written = Some(written);
        Ok((rows, change))
    }
}

/// A function in the plan that gives something else each time.
fn volatile(chain: &Chain) -> Option<String> {
    let mut found = None;
    // Nothing in the visit fails.
    drop(chain.plan().apply_with_subqueries(|plan| {
        for expr in plan.expressions() {
            drop(expr.apply(|part| {
                if part.is_volatile_node() {
                    found.get_or_insert_with(|| part.schema_name().to_string());
                }
                Ok(TreeNodeRecursion::Continue)
            }));
        }
        Ok(TreeNodeRecursion::Continue)
    }));
    found
}

/// The join, and what its pairs become.
struct Query {
    from: String,
    place: String,
    steps: Vec<Step>,
    /// The columns of the dataset, each as it is read.
    columns: Vec<(String, String)>,
}

impl Query {
    fn of(merge: &Merge, alias: &str, target: &Target) -> Result<Self> {
        let place = format!("{}.sys.id", quoted(alias));
        let (source, source_alias) = source(&merge.source)?;
        let there = format!("{source_alias}.{THERE}");
        let steps: Vec<Step> = merge
            .clauses
            .iter()
            .map(|clause| step(clause, (&place, &there), target))
            .collect::<Result<_>>()?;
        let needs = |kinds: &[MergeClauseKind]| {
            merge.clauses.iter().any(|clause| kinds.contains(&clause.clause_kind))
        };
        let inserts = needs(&[MergeClauseKind::NotMatched, MergeClauseKind::NotMatchedByTarget]);
        let join = match (inserts, needs(&[MergeClauseKind::NotMatchedBySource])) {
            (true, true) => "FULL JOIN",
            (true, false) => "RIGHT JOIN",
            (false, true) => "LEFT JOIN",
            (false, false) => "JOIN",
        };
        let from = format!("{} {join} {source} ON {}", aliased(alias), merge.on);
        let column = |name: &String| (name.clone(), format!("{}.{}", quoted(alias), quoted(name)));
        let columns = target.columns().fields().iter().map(|it| column(it.name())).collect();
        Ok(Self { from, place, steps, columns })
    }

    fn case(&self, value: impl Fn(&Step) -> String) -> String {
        let mut text = "CASE".to_owned();
        for step in &self.steps {
            // Writing to a text does not fail.
            let _: fmt::Result = write!(text, " WHEN {} THEN {}", step.when, value(step));
        }
        text.push_str(" END");
        text
    }

    /// Of each pair that something becomes of, the row of the dataset and what.
    fn places(&self) -> String {
        let action = self.case(|step| step.does.to_string());
        format!(
            "SELECT {} AS id, {action} AS action FROM {} WHERE {action} IS NOT NULL",
            self.place, self.from
        )
    }

    /// The rows that come.
    fn rows(&self) -> String {
        let action = self.case(|step| step.does.to_string());
        let columns = self.columns.iter().map(|(name, old)| {
            let value = self.case(|step| {
                let set = step.values.iter().find(|(set, _)| set == name);
                match (set, step.does) {
                    (Some((_, value)), _) => value.to_string(),
                    (None, UPDATED) => old.clone(),
                    (None, _) => "NULL".to_owned(),
                }
            });
            format!("{value} AS {}", quoted(name))
        });
        let columns: Vec<String> = columns.collect();
        format!(
            "SELECT {} FROM {} WHERE {action} IN ({INSERTED}, {UPDATED})",
            columns.join(", "),
            self.from
        )
    }
}

/// The source with a column that tells where it has a row, and what its columns are called by.
fn source(factor: &TableFactor) -> Result<(String, String)> {
    let (inner, alias) = match factor {
        TableFactor::Table { alias: None, .. } => {
            (factor.to_string(), Named::of(factor, "MERGE")?.alias)
        }
        TableFactor::Table { alias: Some(alias), .. }
        | TableFactor::Derived { alias: Some(alias), .. } => {
            (factor.to_string(), alias.name.value.clone())
        }
        _ => return Err(Error::refused("a source without a name in MERGE", "name it with AS")),
    };
    let alias = quoted(&alias);
    Ok((format!("(SELECT *, TRUE AS {THERE} FROM {inner}) AS {alias}"), alias))
}

fn step(clause: &MergeClause, (place, there): (&str, &str), target: &Target) -> Result<Step> {
    let found = match clause.clause_kind {
        MergeClauseKind::Matched => format!("{place} IS NOT NULL AND {there} IS NOT NULL"),
        MergeClauseKind::NotMatched | MergeClauseKind::NotMatchedByTarget => {
            format!("{place} IS NULL")
        }
        MergeClauseKind::NotMatchedBySource => format!("{there} IS NULL"),
    };
    let when = match &clause.predicate {
        Some(predicate) => format!("{found} AND ({predicate})"),
        None => found,
    };
    match &clause.action {
        MergeAction::Delete { .. } => Ok(Step { when, does: DELETED, values: vec![] }),
        MergeAction::Update(MergeUpdateExpr {
            assignments,
            update_predicate: None,
            delete_predicate: None,
            ..
        }) => Ok(Step { when, does: UPDATED, values: assigned(assignments, target)? }),
        MergeAction::Insert(insert) => {
            Ok(Step { when, does: INSERTED, values: inserted(insert, target)? })
        }
        MergeAction::Update(_) => {
            Err(Error::refused("WHERE behind UPDATE in MERGE", "use WHEN … AND"))
        }
    }
}

/// The values that an inserted row has.
fn inserted(insert: &MergeInsertExpr, target: &Target) -> Result<Vec<(String, Expr)>> {
    let MergeInsertKind::Values(values) = &insert.kind else {
        return Err(Error::refused("INSERT ROW in MERGE", "name the columns and their VALUES"));
    };
    let [row] = values.rows.as_slice() else {
        return Err(Error::refused("INSERT of several rows in MERGE", "a pair makes one row"));
    };
    let row: Vec<Expr> = row.content.clone();
    let columns: Vec<String> = match insert.columns.as_slice() {
        [] => target.columns().fields().iter().map(|it| it.name().clone()).collect(),
        named => {
            let name = |name: &ObjectName| {
                let last = name.0.last().and_then(|part| part.as_ident());
                last.map(|part| part.value.clone()).unwrap_or_default()
            };
            named.iter().map(name).collect()
        }
    };
    if insert.insert_predicate.is_some() {
        return Err(Error::refused("WHERE behind INSERT in MERGE", "use WHEN … AND"));
    }
    if columns.len() != row.len() {
        let reason = format!("{} values are given for {} columns", row.len(), columns.len());
        return Err(Error::Plan { reason });
    }
    for column in &columns {
        target.check_column(column)?;
    }
    Ok(columns.into_iter().zip(row).collect())
}
