//! `DELETE` and `UPDATE`: a new version without some rows of the one before, and with others in their place.
//!
//! Which rows these are is asked first; their new values are computed of exactly these, whatever the condition was.

use std::slice;

use catalog::{Bump, Wanted};
use datafusion::sql::sqlparser::ast::{
    Assignment, AssignmentTarget, Delete, Expr, FromTable, ObjectName, TableFactor, TableWithJoins,
    Update,
};
use engine::{RowChange, SaveMode};

use super::target::{
    ATTEMPTS, Target, aliased, check_plain, gave_up, is_overtaken, own_name, quoted,
};
use super::{Answer, Write, answer};
use crate::statement::parsed_query;
use crate::{Error, Result};

/// A table and the name that the statement calls it by.
pub(super) struct Named<'a> {
    pub(super) table: &'a ObjectName,
    pub(super) alias: String,
}

impl<'a> Named<'a> {
    pub(super) fn of(factor: &'a TableFactor, what: &str) -> Result<Self> {
        let TableFactor::Table { name, alias, args: None, .. } = factor else {
            return Err(Error::refused(format!("{what} of what is no dataset"), "name one"));
        };
        let last = name.0.last().and_then(|part| part.as_ident());
        let alias = match (alias, last) {
            (Some(alias), _) => alias.name.value.clone(),
            (None, last) => last.map(|part| part.value.clone()).unwrap_or_default(),
        };
        Ok(Self { table: name, alias })
    }

    fn only(tables: &'a [TableWithJoins], what: &str) -> Result<Self> {
        match tables {
            [only] if only.joins.is_empty() => Self::of(&only.relation, what),
            _ => Err(Error::refused(
                format!("{what} of several tables"),
                "MERGE INTO changes one by what others hold",
            )),
        }
    }
}

/// The columns that are set, and to what.
pub(super) fn assigned(assignments: &[Assignment], target: &Target) -> Result<Vec<(String, Expr)>> {
    let mut found: Vec<(String, Expr)> = Vec::with_capacity(assignments.len());
    for Assignment { target: set, value } in assignments {
        let AssignmentTarget::ColumnName(path) = set else {
            return Err(Error::refused(
                "SET of several columns at once",
                "set one after the other",
            ));
        };
        let parts: Vec<&str> =
            path.0.iter().filter_map(|part| part.as_ident()).map(|it| it.value.as_str()).collect();
        let [name] = parts.as_slice() else {
            let path = parts.join(".");
            return Err(Error::refused(
                format!("SET of the field `{path}`"),
                "set the whole column, as `SET a = named_struct('b', 1, 'c', a.c)`",
            ));
        };
        target.check_column(name)?;
        if found.iter().any(|(other, _)| other == name) {
            return Err(Error::Plan { reason: format!("column `{name}` is set twice") });
        }
        found.push(((*name).to_owned(), value.clone()));
    }
    Ok(found)
}

impl Write<'_> {
    pub(super) async fn delete(&mut self, delete: &Delete) -> Result<Answer> {
        let (FromTable::WithFromKeyword(tables) | FromTable::WithoutKeyword(tables)) = &delete.from;
        let named = Named::only(tables, "DELETE")?;
        let condition = condition(delete.selection.as_ref());
        let plain = format!("DELETE FROM {}{condition}", tables[0]);
        check_plain(&delete.to_string(), &plain, "DELETE")?;
        let name = own_name(named.table)?;
        for _ in 0..ATTEMPTS {
            let target = Target::open(self.session(), name.clone()).await?;
            let rows = Box::pin(self.rows_where(&target, &named.alias, &condition)).await?;
            let removed = rows.len() as u64;
            let change = RowChange { dropped: removed, written: Some(0) };
            let mode =
                SaveMode::Update { base: target.version, removed: rows.into_iter().collect() };
            let request = self.request(&name, Wanted::Bump(Bump::Patch), mode);
            let nothing = target.chain.limit(0)?;
            match nothing.save_change(request, change, &self.writing.progress).await {
                Err(error) if is_overtaken(&error) => self.again()?,
                saved => return Ok(answer(saved?)),
            }
        }
        Err(gave_up(&name))
    }

    pub(super) async fn update(&mut self, update: &Update) -> Result<Answer> {
        let named = Named::only(slice::from_ref(&update.table), "UPDATE")?;
        if update.from.is_some() {
            return Err(Error::refused(
                "UPDATE … FROM",
                "MERGE INTO … USING … WHEN MATCHED THEN UPDATE says which row counts",
            ));
        }
        let condition = condition(update.selection.as_ref());
        let set: Vec<String> = update.assignments.iter().map(ToString::to_string).collect();
        let plain = format!("UPDATE {} SET {}{condition}", update.table, set.join(", "));
        check_plain(&update.to_string(), &plain, "UPDATE")?;
        let name = own_name(named.table)?;
        for _ in 0..ATTEMPTS {
            let target = Target::open(self.session(), name.clone()).await?;
            let assigned = assigned(&update.assignments, &target)?;
            let rows = Box::pin(self.rows_where(&target, &named.alias, &condition)).await?;
            let alias = quoted(&named.alias);
            let columns = target.columns();
            let value = |column: &String| match assigned.iter().find(|(name, _)| name == column) {
                Some((name, value)) => format!("{value} AS {}", quoted(name)),
                None => format!("{alias}.{0} AS {0}", quoted(column)),
            };
            let values: Vec<String> = columns.fields().iter().map(|it| value(it.name())).collect();
            let text = format!("SELECT {} FROM {}", values.join(", "), aliased(&named.alias));
            self.aim_at(&target.chain.rows_at(rows.clone())?);
            let chain = self.planner.chain(parsed_query(&text)?).await?.fitted(&columns)?;
            let change = RowChange { dropped: 0, written: Some(rows.len() as u64) };
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

    /// Where the rows are that a condition chooses.
    async fn rows_where(
        &mut self,
        target: &Target,
        alias: &str,
        condition: &str,
    ) -> Result<Vec<u64>> {
        self.aim_at(&target.chain);
        let text =
            format!("SELECT {}.sys.id AS id FROM {}{condition}", quoted(alias), aliased(alias));
        let chain = self.planner.chain(parsed_query(&text)?).await?;
        let found = chain.numbers(&self.writing.progress).await?;
        Ok(found.into_iter().flatten().flatten().collect())
    }
}

fn condition(selection: Option<&Expr>) -> String {
    selection.map_or_else(String::new, |selection| format!(" WHERE {selection}"))
}
