//! [`name_tables`]: tables that are not written as names get one: `dataset('cats', '>=1,<2')` is `"cats@>=1,<2"`, and
//! `'cats.parquet'` is a name that only files have.

use std::ops::ControlFlow;
use std::path::Path;

use datafusion::sql::sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, Ident, ObjectName, ObjectNamePart, Statement, TableAlias,
    TableFactor, TableFunctionArgs, Value, VisitMut, VisitorMut,
};

use crate::{Error, Result};

/// How names of tables begin that are files; no dataset is called so.
pub(crate) const FILE: &str = "file:";

/// The function that names a dataset.
const DATASET: &str = "dataset";

/// Names the tables of all queries of the statement; the files among them.
///
/// # Errors
/// [`Error::Plan`] for `dataset` with other arguments, [`Error::NotSupported`] for another function.
pub(crate) fn name_tables(statement: &mut Statement) -> Result<Vec<String>> {
    let mut names = NameTables { files: Vec::new() };
    match statement.visit(&mut names) {
        ControlFlow::Break(error) => Err(error),
        ControlFlow::Continue(()) => Ok(names.files),
    }
}

struct NameTables {
    files: Vec<String>,
}

impl VisitorMut for NameTables {
    type Break = Error;

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Error> {
        match self.name(factor) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    }
}

impl NameTables {
    fn name(&mut self, factor: &mut TableFactor) -> Result<()> {
        let TableFactor::Table { name, alias, args, .. } = factor else { return Ok(()) };
        let (table, short) = match args.take() {
            Some(arguments) => called(name, &arguments)?,
            None => match file(name) {
                Some(path) => {
                    let stem = Path::new(&path).file_stem().unwrap_or_default();
                    let named = (format!("{FILE}{path}"), stem.to_string_lossy().into_owned());
                    if !self.files.contains(&path) {
                        self.files.push(path);
                    }
                    named
                }
                None => return Ok(()),
            },
        };
        *name = ObjectName::from(vec![Ident::with_quote('"', table)]);
        alias.get_or_insert_with(|| TableAlias {
            explicit: true,
            name: Ident::with_quote('"', short),
            columns: vec![],
            at: None,
        });
        Ok(())
    }
}

/// The path of a table in single quotes.
fn file(name: &ObjectName) -> Option<String> {
    match name.0.as_slice() {
        [ObjectNamePart::Identifier(only)] if only.quote_style == Some('\'') => {
            Some(only.value.clone())
        }
        _ => None,
    }
}

/// The dataset that a call names, and what it is called without its folders and version.
fn called(function: &ObjectName, arguments: &TableFunctionArgs) -> Result<(String, String)> {
    let called = function.to_string();
    if !called.eq_ignore_ascii_case(DATASET) {
        return Err(Error::refused(
            format!("the table function `{called}`"),
            "tables are datasets, `dataset('name', 'version')` and files in quotes",
        ));
    }
    let texts: Option<Vec<&str>> = arguments.args.iter().map(text).collect();
    let named = match texts.as_deref() {
        Some([name]) => Some((*name, (*name).to_owned())),
        Some([name, version]) => Some((*name, format!("{name}@{version}"))),
        _ => None,
    };
    let Some((name, table)) = named else {
        let reason = "`dataset` takes a name and a version, both as texts, as \
                      `dataset('pets', '>=1,<2')`";
        return Err(Error::Plan { reason: reason.to_owned() });
    };
    let name = name.split('@').next().unwrap_or_default();
    Ok((table, name.rsplit('.').next().unwrap_or_default().to_owned()))
}

fn text(argument: &FunctionArg) -> Option<&str> {
    let FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Value(value))) = argument else {
        return None;
    };
    match &value.value {
        Value::SingleQuotedString(text) => Some(text),
        _ => None,
    }
}
