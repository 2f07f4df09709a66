//! [`number_repeated`]: columns of one name, which PostgreSQL takes and DataFusion (54) does not.

use std::collections::HashMap;

use datafusion::sql::sqlparser::ast::{Ident, SelectItem};

/// Gives columns that are written twice a name each: `NULL, NULL` has `NULL` and `NULL:1`.
pub(super) fn number_repeated(columns: &mut [SelectItem]) {
    let mut seen: HashMap<String, usize> = HashMap::new();
    for column in columns {
        let SelectItem::UnnamedExpr(expr) = column else { continue };
        let text = expr.to_string();
        let times = seen.entry(text.clone()).or_default();
        if *times > 0 {
            let alias = Ident::with_quote('"', format!("{text}:{times}"));
            *column = SelectItem::ExprWithAlias { expr: expr.clone(), alias };
        }
        *times += 1;
    }
}
