//! `value_text`: lists, models and maps as text, as `DuckDB` shows them: `[1, NULL]`, `{'a': x, 'b': '2024-01-01 00:00:00'}`;
//! `to_json`, `json_object`, `json_array`: values as JSON.
//!
//! The first is not for users to call by name: SQL's casts to text of such values become it.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringArray, StringBuilder};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::ScalarUDF;

use super::items::items;
use super::simple::{refused, simple};
use super::strftime::timestamp_text;
use super::unfit;
use crate::kind::is_text;

#[cfg(test)]
mod tests;

pub(super) fn functions() -> Vec<ScalarUDF> {
    vec![
        simple("value_text", types_of_one, |of| Ok(Arc::new(texts(&of[0], Look::Sql)?))),
        simple("to_json", types_of_one, |of| Ok(Arc::new(texts(&of[0], Look::Json)?))),
        simple("json_array", types_of_any, array),
        simple("json_object", types_of_any, object),
    ]
}

fn types_of_one(kinds: &[DataType]) -> Result<(Vec<DataType>, DataType)> {
    match kinds {
        [kind] => Ok((vec![kind.clone()], DataType::Utf8)),
        kinds => refused("to_json", kinds),
    }
}

fn types_of_any(kinds: &[DataType]) -> Result<(Vec<DataType>, DataType)> {
    Ok((kinds.to_vec(), DataType::Utf8))
}

/// How values are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    Sql,
    Json,
}

impl Look {
    fn null(self) -> &'static str {
        match self {
            Self::Sql => "NULL",
            Self::Json => "null",
        }
    }

    /// What stands between two items, and between a key and its value.
    fn between(self) -> (&'static str, &'static str) {
        match self {
            Self::Sql => (", ", ": "),
            Self::Json => (",", ":"),
        }
    }

    fn key(self, key: &str) -> String {
        match self {
            Self::Sql => format!("'{}'", escaped(key)),
            Self::Json => json_text(key),
        }
    }

    /// A value that stands in others.
    fn inner(self, texts: &StringArray, row: usize, is_quoted: bool) -> String {
        if texts.is_null(row) {
            return self.null().to_owned();
        }
        let text = texts.value(row);
        match self {
            Self::Sql if is_quoted && needs_quotes(text) => format!("'{}'", escaped(text)),
            _ => text.to_owned(),
        }
    }
}

/// Each value as a text; null where it is null.
fn texts(values: &ArrayRef, look: Look) -> Result<StringArray> {
    Ok(match values.data_type() {
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            let lists = cast(values, &DataType::List(Arc::clone(item)))?;
            let lists = lists.as_list::<i32>();
            let (within, is_quoted) = (texts(lists.values(), look)?, has_quotes(item.data_type()));
            let list = |row: usize| {
                let there = items(lists, row)?;
                let parts: Vec<String> =
                    there.map(|at| look.inner(&within, at, is_quoted)).collect();
                Some(format!("[{}]", parts.join(look.between().0)))
            };
            (0..lists.len()).map(list).collect()
        }
        DataType::Struct(fields) => {
            let model = values.as_struct();
            let columns = model.columns().iter().map(|column| texts(column, look));
            let columns = columns.collect::<Result<Vec<_>>>()?;
            let object = |row: usize| {
                let part = |(column, field): (&StringArray, &arrow::datatypes::FieldRef)| {
                    let value = look.inner(column, row, has_quotes(field.data_type()));
                    format!("{}{}{value}", look.key(field.name()), look.between().1)
                };
                let parts: Vec<String> = columns.iter().zip(fields).map(part).collect();
                model.is_valid(row).then(|| format!("{{{}}}", parts.join(look.between().0)))
            };
            (0..model.len()).map(object).collect()
        }
        DataType::Map(..) => maps(values, look)?,
        _ => plain(values, look)?,
    })
}

fn maps(values: &ArrayRef, look: Look) -> Result<StringArray> {
    let maps = values.as_map();
    let (keys, within) = (plain(maps.keys(), Look::Sql)?, texts(maps.values(), look)?);
    let (quoted_keys, is_quoted) =
        (has_quotes(maps.keys().data_type()), has_quotes(maps.values().data_type()));
    let map = |row: usize| {
        let (start, end) = (maps.value_offsets()[row], maps.value_offsets()[row + 1]);
        let entry = |at: i32| {
            let at = usize::try_from(at).unwrap_or_default();
            let value = look.inner(&within, at, is_quoted);
            match look {
                Look::Sql => format!("{}={value}", look.inner(&keys, at, quoted_keys)),
                Look::Json => format!("{}:{value}", json_text(keys.value(at))),
            }
        };
        let entries: Vec<String> = (start..end).map(entry).collect();
        maps.is_valid(row).then(|| format!("{{{}}}", entries.join(look.between().0)))
    };
    Ok((0..maps.len()).map(map).collect())
}

/// Values without parts.
fn plain(values: &ArrayRef, look: Look) -> Result<StringArray> {
    let kind = values.data_type();
    let shown = match kind {
        DataType::Timestamp(_, zone) => {
            let unit = arrow::datatypes::TimeUnit::Microsecond;
            timestamp_text(&cast(values, &DataType::Timestamp(unit, zone.clone()))?)
        }
        _ => cast(values, &DataType::Utf8)?,
    };
    let shown = shown.as_string::<i32>();
    if look == Look::Sql {
        return Ok(shown.clone());
    }
    let is_bare = kind.is_numeric() || matches!(kind, DataType::Boolean | DataType::Null);
    let json = |text: &str| match text {
        "NaN" | "inf" | "-inf" if kind.is_floating() => "null".to_owned(),
        text if is_bare => text.to_owned(),
        text => json_text(text),
    };
    Ok(shown.iter().map(|text| text.map(json)).collect())
}

fn json_text(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Whether texts of the type are told from what is around them.
fn has_quotes(kind: &DataType) -> bool {
    is_text(kind) || kind.is_temporal()
}

fn needs_quotes(text: &str) -> bool {
    text.is_empty()
        || text.trim().len() < text.len()
        || text.eq_ignore_ascii_case("null")
        || text.contains(['[', ']', '{', '}', '(', ')', '\'', '"', ':', ',', '=', '\\'])
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\'', "\\'")
}

fn array(values: &[ArrayRef]) -> Result<ArrayRef> {
    let columns = values.iter().map(|it| texts(it, Look::Json)).collect::<Result<Vec<_>>>()?;
    let mut arrays = StringBuilder::new();
    for row in 0..values.first().map_or(1, Array::len) {
        let parts: Vec<String> =
            columns.iter().map(|it| Look::Json.inner(it, row, false)).collect();
        arrays.append_value(format!("[{}]", parts.join(",")));
    }
    Ok(Arc::new(arrays.finish()))
}

/// Keys and values in turn.
fn object(values: &[ArrayRef]) -> Result<ArrayRef> {
    if !values.len().is_multiple_of(2) {
        return unfit("`json_object` takes keys and values in turn: one has no value".to_owned());
    }
    let pairs = values
        .chunks(2)
        .map(|pair| Ok((plain(&pair[0], Look::Sql)?, texts(&pair[1], Look::Json)?)));
    let pairs = pairs.collect::<Result<Vec<_>>>()?;
    let mut objects = StringBuilder::new();
    for row in 0..values.first().map_or(1, Array::len) {
        let mut object = String::from("{");
        for (keys, values) in &pairs {
            if keys.is_null(row) {
                return unfit("a key of `json_object` is null".to_owned());
            }
            let comma = if object.len() > 1 { "," } else { "" };
            let (key, value) = (json_text(keys.value(row)), Look::Json.inner(values, row, false));
            object.push_str(&format!("{comma}{key}:{value}"));
        }
        objects.append_value(object + "}");
    }
    Ok(Arc::new(objects.finish()))
}
