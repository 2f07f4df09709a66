//! [`spell_cast`]: conversions that mean here what they mean in `DuckDB`: a fraction becomes the nearest whole number, and a
//! `TIMESTAMP` has microseconds; [`name_casts`]: a converted column keeps its name.
//!
//! DataFusion (54) cuts fractions off, and counts nanoseconds, which end in the year 2262.

use datafusion::sql::sqlparser::ast::{
    DataType, ExactNumberInfo, Expr, Ident, OrderByKind, Query, SelectItem, SetExpr, TimezoneInfo,
    UnaryOperator, Value,
};

use crate::Result;
use crate::statement::parsed_expression;

/// What a number goes through on its way to a whole one.
const NEAREST: &str = "nearest_whole";

/// Says a conversion so that it is `DuckDB`'s; leaves all else.
pub(crate) fn spell_cast(expr: &mut Expr) -> Result<()> {
    match expr {
        Expr::TypedString(typed) => {
            typed.data_type = known(&typed.data_type);
            Ok(())
        }
        Expr::Cast { data_type: DataType::JSON | DataType::JSONB, expr: value, .. } => {
            *expr = parsed_expression(&format!("json_extract({value}, '$')"))?;
            Ok(())
        }
        Expr::Cast { data_type, expr: value, .. } => {
            *data_type = known(data_type);
            if is_whole(data_type) && may_have_fraction(value) {
                let number = decimal(value).unwrap_or_else(|| value.to_string());
                **value = parsed_expression(&format!("{NEAREST}({number})"))?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// The type by a name that DataFusion knows.
fn known(kind: &DataType) -> DataType {
    match kind {
        DataType::Timestamp(None, zone) => DataType::Timestamp(Some(6), *zone),
        DataType::Datetime(None) => DataType::Timestamp(Some(6), TimezoneInfo::None),
        DataType::Blob(None) => DataType::Bytea,
        DataType::UTinyInt => DataType::TinyIntUnsigned(None),
        DataType::USmallInt => DataType::SmallIntUnsigned(None),
        DataType::UBigInt => DataType::BigIntUnsigned(None),
        DataType::HugeInt => DataType::Decimal(ExactNumberInfo::PrecisionAndScale(38, 0)),
        kind => kind.clone(),
    }
}

fn is_whole(kind: &DataType) -> bool {
    matches!(
        kind,
        DataType::TinyInt(_)
            | DataType::SmallInt(_)
            | DataType::Int2(_)
            | DataType::Int(_)
            | DataType::Integer(_)
            | DataType::Int4(_)
            | DataType::BigInt(_)
            | DataType::Int8(_)
            | DataType::TinyIntUnsigned(_)
            | DataType::SmallIntUnsigned(_)
            | DataType::Int2Unsigned(_)
            | DataType::IntUnsigned(_)
            | DataType::IntegerUnsigned(_)
            | DataType::Int4Unsigned(_)
            | DataType::BigIntUnsigned(_)
            | DataType::Int8Unsigned(_)
    )
}

/// Whether the text leaves it open. The type of a parameter follows from what it is converted to.
fn may_have_fraction(value: &Expr) -> bool {
    match value {
        Expr::Nested(value) => may_have_fraction(value),
        Expr::Value(value) => match &value.value {
            Value::Number(number, _) => number.contains(['.', 'e', 'E']),
            _ => false,
        },
        Expr::Function(call) => call.name.to_string() != NEAREST,
        _ => true,
    }
}

/// A number that is written with a point, as the decimal that it is for `DuckDB`.
fn decimal(value: &Expr) -> Option<String> {
    match value {
        Expr::Nested(value) => decimal(value),
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => Some(format!("-{}", decimal(expr)?)),
        Expr::Value(value) => {
            let Value::Number(number, _) = &value.value else { return None };
            let (whole, fraction) = number.split_once('.')?;
            let digits = whole.len() + fraction.len();
            let is_plain =
                [whole, fraction].iter().all(|it| it.bytes().all(|it| it.is_ascii_digit()));
            let fits = is_plain && (1..=38).contains(&digits);
            fits.then(|| format!("CAST('{number}' AS DECIMAL({digits}, {}))", fraction.len()))
        }
        _ => None,
    }
}

/// A conversion of a column is called as the column, another as it is written; a key to sort by that is written alike is
/// that column.
pub(crate) fn name_casts(query: &mut Query) {
    let mut named = Vec::new();
    name_in_body(&mut query.body, &mut named);
    sort_by_names(query, &named);
}

fn name_in_body(body: &mut SetExpr, named: &mut Vec<(String, Ident)>) {
    let select = match body {
        SetExpr::Select(select) => select,
        SetExpr::SetOperation { left, right, .. } => {
            name_in_body(left, &mut Vec::new());
            return name_in_body(right, &mut Vec::new());
        }
        _ => return,
    };
    // A name that another column has is not given a second time.
    let mut taken: Option<Vec<String>> = select.projection.iter().map(known_name).collect();
    for item in &mut select.projection {
        let SelectItem::UnnamedExpr(expr) = &*item else { continue };
        let value = match expr {
            Expr::Cast { expr, .. } => column(expr),
            Expr::TypedString(_) => None,
            _ => continue,
        };
        let text = expr.to_string();
        let alias = match (value, &mut taken) {
            (Some(name), Some(taken)) if !taken.contains(&name.value) => {
                taken.push(name.value.clone());
                name
            }
            _ => Ident::with_quote('"', &text),
        };
        named.push((text, alias.clone()));
        *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias };
    }
}

/// What a column of the result is called, or nothing; `None` where that is many names.
fn known_name(item: &SelectItem) -> Option<String> {
    match item {
        SelectItem::UnnamedExpr(Expr::Cast { .. }) => Some(String::new()),
        SelectItem::UnnamedExpr(expr) => {
            Some(column(expr).map_or_else(String::new, |name| name.value))
        }
        SelectItem::ExprWithAlias { alias, .. } => Some(alias.value.clone()),
        _ => None,
    }
}

/// The name of the column, or of the field, that is converted.
fn column(value: &Expr) -> Option<Ident> {
    match value {
        Expr::Nested(value) | Expr::Cast { expr: value, .. } => column(value),
        Expr::Identifier(name) => Some(name.clone()),
        Expr::CompoundIdentifier(path) => path.last().cloned(),
        _ => None,
    }
}

/// Puts the names of columns of the result in the place of what is written as they are.
pub(crate) fn sort_by_names(query: &mut Query, named: &[(String, Ident)]) {
    let Some(OrderByKind::Expressions(keys)) = query.order_by.as_mut().map(|it| &mut it.kind)
    else {
        return;
    };
    for key in keys {
        let written = key.expr.to_string();
        if let Some((_, name)) = named.iter().find(|(text, _)| *text == written) {
            key.expr = Expr::Identifier(name.clone());
        }
    }
}
