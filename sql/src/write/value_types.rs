//! [`parameter_types`]: what the values of a statement have to be, before there are any.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::sql::parser::Statement as Parsed;
use datafusion::sql::sqlparser::ast::{
    Expr, FromTable, Insert, ObjectName, SetExpr, Statement as SqlStatement, TableFactor,
    TableObject, TableWithJoins, Update, Value,
};
use engine::Session;

use super::target::{Target, own_name};
use crate::Result;
use crate::inputs::Inputs;
use crate::planner::Planner;
use crate::statement::{Statement, parsed_query};

/// The types of `$1`, `$2`, … in a statement that writes: those that are told, and where its dataset or its query tells
/// them those of others.
///
/// What is wrong with the statement is told when it runs.
pub async fn parameter_types(
    session: &Arc<Session>,
    statement: &Statement,
    told: &[Option<DataType>],
) -> Vec<Option<DataType>> {
    let mut found = told.to_vec();
    found.resize(statement.parameter_places(), None);
    let mut types = Types { session, statement, told, found };
    if !types.found.is_empty()
        && let Parsed::Statement(inner) = &statement.parsed
    {
        // A statement that cannot be planned tells nothing of its parameters.
        drop(Box::pin(types.of(inner)).await);
    }
    types.found
}

struct Types<'a> {
    session: &'a Arc<Session>,
    statement: &'a Statement,
    told: &'a [Option<DataType>],
    found: Vec<Option<DataType>>,
}

impl Types<'_> {
    async fn of(&mut self, statement: &SqlStatement) -> Result<()> {
        match statement {
            SqlStatement::CreateTable(create) => match &create.query {
                Some(query) => self.of_query(SqlStatement::Query(query.clone())).await,
                None => Ok(()),
            },
            SqlStatement::Insert(insert) => self.of_insert(insert).await,
            SqlStatement::Update(update) => Box::pin(self.of_update(update)).await,
            SqlStatement::Delete(delete) => {
                let (FromTable::WithFromKeyword(tables) | FromTable::WithoutKeyword(tables)) =
                    &delete.from;
                match tables.first() {
                    Some(table) => self.of_rows(&[], table, delete.selection.as_ref()).await,
                    None => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    async fn of_insert(&mut self, insert: &Insert) -> Result<()> {
        let (TableObject::TableName(name), Some(query)) = (&insert.table, &insert.source) else {
            return Ok(());
        };
        let SetExpr::Values(values) = query.body.as_ref() else {
            return self.of_query(SqlStatement::Query(query.clone())).await;
        };
        let columns = self.columns(name).await?;
        let named: Vec<String> = match insert.columns.as_slice() {
            [] => columns.fields().iter().map(|field| field.name().clone()).collect(),
            named => named.iter().filter_map(last).collect(),
        };
        for row in &values.rows {
            for (value, column) in row.iter().zip(&named) {
                self.of_value(value, &columns, column);
            }
        }
        Ok(())
    }

    async fn of_update(&mut self, update: &Update) -> Result<()> {
        let TableFactor::Table { name, .. } = &update.table.relation else { return Ok(()) };
        let columns = self.columns(name).await?;
        let mut computed = Vec::new();
        for assignment in &update.assignments {
            let column = assignment.target.to_string().replace('"', "");
            if !self.of_value(&assignment.value, &columns, &column) {
                computed.push(&assignment.value);
            }
        }
        self.of_rows(&computed, &update.table, update.selection.as_ref()).await
    }

    /// Those of expressions over the rows of a table that a condition chooses.
    async fn of_rows(
        &mut self,
        computed: &[&Expr],
        table: &TableWithJoins,
        condition: Option<&Expr>,
    ) -> Result<()> {
        let condition = condition.map_or_else(String::new, |it| format!(" WHERE {it}"));
        let value = |(at, value): (usize, &&Expr)| format!(", {value} AS value_{at}");
        let values: String = computed.iter().enumerate().map(value).collect();
        let text = format!("SELECT 1 AS one{values} FROM {table}{condition}");
        Box::pin(self.of_query(parsed_query(&text)?)).await
    }

    async fn of_query(&mut self, query: SqlStatement) -> Result<()> {
        let inputs = Inputs::default();
        let planner = Planner::unbound(self.session, self.statement, &inputs);
        let mut planner = planner.telling(self.told);
        let chain = Box::pin(planner.chain(query)).await?;
        for (name, kind) in chain.plan().get_parameter_types().unwrap_or_default() {
            if let Some(kind) = kind {
                self.tell(&name, &kind);
            }
        }
        Ok(())
    }

    /// That of a parameter that is the value of a column; whether the value is one.
    fn of_value(&mut self, value: &Expr, columns: &SchemaRef, column: &str) -> bool {
        let Expr::Value(value) = value else { return false };
        let Value::Placeholder(name) = &value.value else { return false };
        if let Ok(field) = columns.field_with_name(column) {
            self.tell(name, field.data_type());
        }
        true
    }

    fn tell(&mut self, name: &str, kind: &DataType) {
        let place = name.strip_prefix('$').and_then(|name| name.parse::<usize>().ok());
        let place = place.and_then(|place| self.found.get_mut(place.checked_sub(1)?));
        if let Some(known) = place {
            known.get_or_insert_with(|| kind.clone());
        }
    }

    async fn columns(&self, name: &ObjectName) -> Result<SchemaRef> {
        Ok(Box::pin(Target::open(self.session, own_name(name)?)).await?.columns())
    }
}

fn last(name: &ObjectName) -> Option<String> {
    Some(name.0.last()?.as_ident()?.value.clone())
}
