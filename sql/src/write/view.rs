//! `CREATE VIEW` and `DROP VIEW`: a view is a text in the catalog, which is planned anew wherever it is read.

use catalog::{CatalogExt, QualifiedName, View};
use datafusion::sql::sqlparser::ast::{CreateView, ObjectName};
use engine::default_folder;

use super::target::{check_plain, own_name, quoted};
use super::{Answer, Write};
use crate::inputs::Inputs;
use crate::planner::Planner;
use crate::statement::Statement;
use crate::system::Rows;
use crate::{Error, Result};

impl Write<'_> {
    pub(super) async fn create_view(&mut self, create: &CreateView) -> Result<Answer> {
        let name = own_name(&create.name)?;
        let replaces = if create.or_replace { "OR REPLACE " } else { "" };
        let checks = if create.if_not_exists { "IF NOT EXISTS " } else { "" };
        let columns: Vec<String> = create.columns.iter().map(|it| it.name.to_string()).collect();
        let list =
            if columns.is_empty() { String::new() } else { format!(" ({})", columns.join(", ")) };
        let plain =
            format!("CREATE {replaces}VIEW {checks}{}{list} AS {}", create.name, create.query);
        check_plain(&create.to_string(), &plain, "CREATE VIEW")?;
        self.check_needs_nothing()?;
        let query = self.statement.view_query()?;
        let text = match list.as_str() {
            "" => query,
            list => format!("SELECT * FROM ({query}) AS {}{list}", quoted(name.name.as_str())),
        };
        let chain = self.viewed(&name, &text).await?;
        let catalog = self.session().catalog();
        let view = View::new(name, text, default_folder()?);
        if create.or_replace {
            catalog.replace_view(view).await?;
        } else {
            let there = catalog.make_view(view.clone()).await?;
            if there != view && !create.if_not_exists {
                let title = there.name.short();
                let reason = format!("the view `{title}` exists; hint: CREATE OR REPLACE VIEW");
                return Err(Error::Plan { reason });
            }
        }
        Ok(Answer::of(chain))
    }

    /// What is given beside the text is gone when the view is read.
    fn check_needs_nothing(&self) -> Result<()> {
        let asked = &self.statement.asked;
        if !asked.places.is_empty() || !asked.names.is_empty() {
            return Err(Error::refused("a view with parameters", "write the values into the text"));
        }
        if !self.inputs.tables.is_empty() {
            return Err(Error::refused("a view of chains", "save them, and read the datasets"));
        }
        if !self.statement.files().is_empty() {
            return Err(Error::refused("a view of files", "CREATE TABLE … AS saves their rows"));
        }
        Ok(())
    }

    /// The rows of a view before it is there.
    async fn viewed(&self, name: &QualifiedName, text: &str) -> Result<engine::Chain> {
        let title = name.short();
        if self.session().catalog().newest(name).await?.is_some() {
            let reason = format!("`{title}` is a dataset; hint: DROP TABLE removes it");
            return Err(Error::Plan { reason });
        }
        let statement = Statement::parse(text)?;
        let inputs = Inputs { functions: self.inputs.functions.clone(), ..Inputs::default() };
        let mut planner = Planner::new(self.session(), &statement, &inputs)?;
        let chain = planner.read(&statement).await?;
        if planner.relations.views().contains(name) {
            return Err(Error::Plan { reason: format!("the view `{title}` would read itself") });
        }
        Ok(chain)
    }

    /// Removes views; their names are checked first.
    pub(super) async fn drop_views(&self, if_exists: bool, names: &[ObjectName]) -> Result<Answer> {
        let catalog = self.session().catalog();
        let names: Vec<_> = names.iter().map(own_name).collect::<Result<_>>()?;
        for name in &names {
            if if_exists || catalog.view(name).await?.is_some() {
                continue;
            }
            let title = name.short();
            let reason = match catalog.newest(name).await? {
                Some(_) => format!("`{title}` is a dataset; hint: DROP TABLE removes it"),
                None => format!("the view `{title}` does not exist"),
            };
            return Err(Error::Plan { reason });
        }
        let mut dropped = Vec::with_capacity(names.len());
        for name in &names {
            if catalog.drop_view(name).await? {
                dropped.push(Some(name.short().to_string()));
            }
        }
        let rows = Rows::new(dropped.len()).texts("removed", dropped.into_iter());
        Ok(Answer::of(rows.into_chain(self.session())?))
    }
}
