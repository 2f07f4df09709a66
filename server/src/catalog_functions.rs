//! Functions of PostgreSQL that tools build names and texts of `pg_catalog` with.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, ListBuilder, StringArray, StringBuilder};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int32Type};
use datafusion::common::{exec_err, plan_err};
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature,
    Volatility, create_udf,
};

use crate::postgres::first_settings;

/// Encodings by their numbers, as far as servers keep texts in them.
const ENCODINGS: [(i32, &str); 24] = [
    (0, "SQL_ASCII"),
    (1, "EUC_JP"),
    (2, "EUC_CN"),
    (3, "EUC_KR"),
    (4, "EUC_TW"),
    (5, "EUC_JIS_2004"),
    (6, "UTF8"),
    (7, "MULE_INTERNAL"),
    (8, "LATIN1"),
    (9, "LATIN2"),
    (10, "LATIN3"),
    (11, "LATIN4"),
    (12, "LATIN5"),
    (13, "LATIN6"),
    (14, "LATIN7"),
    (15, "LATIN8"),
    (16, "LATIN9"),
    (17, "LATIN10"),
    (18, "WIN1256"),
    (19, "WIN1258"),
    (20, "WIN866"),
    (21, "WIN874"),
    (22, "KOI8R"),
    (23, "WIN1251"),
];

/// All of them.
pub(crate) fn functions(only_reads: bool) -> Vec<ScalarUDF> {
    let setting = move |columns: &[ArrayRef], row: usize| {
        let asked = columns[0].as_string::<i32>();
        let asked = asked.is_valid(row).then(|| asked.value(row).to_lowercase());
        let mut known = first_settings(only_reads);
        Ok(asked.and_then(|asked| known.find(|(name, _)| *name == asked)))
            .map(|found| found.map(|(_, value)| value.to_owned()))
    };
    let (text, number) = (DataType::Utf8, DataType::Int32);
    let of_setting = TypeSignature::OneOf(vec![
        TypeSignature::Exact(vec![text.clone()]),
        TypeSignature::Exact(vec![text.clone(), DataType::Boolean]),
    ]);
    let texts: [(&'static str, TypeSignature, Arc<TextOf>); 4] = [
        ("current_setting", of_setting, Arc::new(setting)),
        ("pg_encoding_to_char", TypeSignature::Exact(vec![number]), Arc::new(encoding)),
        ("quote_literal", TypeSignature::Exact(vec![text]), Arc::new(quoted_literal)),
        ("format", TypeSignature::VariadicAny, Arc::new(formatted)),
    ];
    let function = |(name, signature, text)| {
        let signature = Signature::new(signature, Volatility::Stable);
        ScalarUDF::from(TextFunction { name, signature, text })
    };
    texts.into_iter().map(function).chain([parse_ident()]).collect()
}

/// `parse_ident('a."b c"')`: the parts of a name.
fn parse_ident() -> ScalarUDF {
    let (takes, gives) = (vec![DataType::Utf8], DataType::new_list(DataType::Utf8, true));
    let parsed = |arguments: &[ColumnarValue]| {
        let names = ColumnarValue::values_to_arrays(arguments)?;
        let mut lists = ListBuilder::new(StringBuilder::new());
        for name in names[0].as_string::<i32>() {
            match name.map(|name| (name, parts(name))) {
                Some((_, Some(parts))) => lists.append_value(parts.into_iter().map(Some)),
                Some((name, None)) => return exec_err!("`{name}` is no name"),
                None => lists.append_null(),
            }
        }
        Ok(ColumnarValue::Array(Arc::new(lists.finish())))
    };
    create_udf("parse_ident", takes, gives, Volatility::Stable, Arc::new(parsed))
}

fn parts(name: &str) -> Option<Vec<String>> {
    let (mut parts, mut rest) = (Vec::new(), name.trim());
    loop {
        let (part, after) = match rest.strip_prefix('"') {
            Some(quoted) => {
                // Two quotes are one of the name.
                let doubled = quoted.replace("\"\"", "\u{0}\u{0}");
                let end = doubled.find('"')?;
                (quoted.get(..end)?.replace("\"\"", "\""), quoted.get(end + 1..)?)
            }
            None => {
                let end = rest.find('.').unwrap_or(rest.len());
                let (part, after) = rest.split_at(end);
                (part.trim().to_lowercase(), after)
            }
        };
        if part.is_empty() {
            return None;
        }
        parts.push(part);
        match after.trim_start() {
            "" => return Some(parts),
            after => rest = after.strip_prefix('.')?.trim_start(),
        }
    }
}

/// The text for one row of arguments.
type TextOf = dyn Fn(&[ArrayRef], usize) -> Result<Option<String>> + Send + Sync;

struct TextFunction {
    name: &'static str,
    signature: Signature,
    text: Arc<TextOf>,
}

impl std::fmt::Debug for TextFunction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// There is one of each name.
impl PartialEq for TextFunction {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for TextFunction {}

impl std::hash::Hash for TextFunction {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for TextFunction {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = arguments.number_rows;
        let columns = arguments.args.iter().map(|it| it.to_array(rows));
        let columns = columns.collect::<Result<Vec<_>>>()?;
        let texts = (0..rows).map(|row| (self.text)(&columns, row));
        Ok(ColumnarValue::Array(Arc::new(texts.collect::<Result<StringArray>>()?)))
    }
}

fn encoding(columns: &[ArrayRef], row: usize) -> Result<Option<String>> {
    let numbers = columns[0].as_primitive::<Int32Type>();
    let known = ENCODINGS.iter().find(|(number, _)| *number == numbers.value(row));
    Ok(numbers.is_valid(row).then(|| known.map_or("", |(_, name)| name).to_owned()))
}

fn quoted_literal(columns: &[ArrayRef], row: usize) -> Result<Option<String>> {
    Ok(text_of(&columns[0], row)?.map(|text| literal(&text)))
}

/// `format('%I.%I is %s', …)`
fn formatted(columns: &[ArrayRef], row: usize) -> Result<Option<String>> {
    let Some((pattern, values)) = columns.split_first() else {
        return plan_err!("`format` takes a text and values");
    };
    let Some(pattern) = text_of(pattern, row)? else { return Ok(None) };
    let (mut text, mut values) = (String::new(), values.iter());
    let mut signs = pattern.chars();
    while let Some(sign) = signs.next() {
        if sign != '%' {
            text.push(sign);
            continue;
        }
        let kind = signs.next();
        if kind == Some('%') {
            text.push('%');
            continue;
        }
        let Some(value) = values.next() else {
            return exec_err!("`format` has fewer values than `{pattern}` has places");
        };
        let value = text_of(value, row)?;
        match (kind, value) {
            (Some('s'), value) => text.push_str(&value.unwrap_or_default()),
            (Some('I'), Some(value)) => text.push_str(&identifier(&value)),
            (Some('I'), None) => return exec_err!("`format` has null for a name"),
            (Some('L'), Some(value)) => text.push_str(&literal(&value)),
            (Some('L'), None) => text.push_str("NULL"),
            (kind, _) => {
                let kind = kind.map(String::from).unwrap_or_default();
                return exec_err!("`format` has no `%{kind}` here, but `%s`, `%I`, `%L` and `%%`");
            }
        }
    }
    Ok(Some(text))
}

fn text_of(column: &ArrayRef, row: usize) -> Result<Option<String>> {
    let text = cast(&column.slice(row, 1), &DataType::Utf8)?;
    let text = text.as_string::<i32>();
    Ok(text.is_valid(0).then(|| text.value(0).to_owned()))
}

/// A name, in quotes unless it goes without.
fn identifier(name: &str) -> String {
    let is_plain = |sign: char| sign.is_ascii_lowercase() || sign.is_ascii_digit() || sign == '_';
    if !name.is_empty()
        && name.chars().all(is_plain)
        && !name.starts_with(|it: char| it.is_ascii_digit())
    {
        return name.to_owned();
    }
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn literal(text: &str) -> String {
    let escape = if text.contains('\\') { " E" } else { "" };
    format!("{escape}'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::{ArrayRef, Int32Array, StringArray};

    use super::{encoding, formatted, parts};

    fn check(pattern: &str, values: &[Option<&str>], expected: Option<&str>) {
        let text = |value: Option<&str>| Arc::new(StringArray::from(vec![value])) as ArrayRef;
        let mut columns = vec![text(Some(pattern))];
        columns.extend(values.iter().map(|value| text(*value)));
        assert_eq!(formatted(&columns, 0).ok().flatten().as_deref(), expected, "{pattern}");
    }

    #[test]
    fn values_are_put_into_a_text_as_it_says() {
        check("%I.%I", &[Some("home.people"), Some("owners")], Some("\"home.people\".owners"));
        check("%s is 100%% %L", &[Some("it"), Some("Ada's")], Some("it is 100% 'Ada''s'"));
        check("%s%L", &[None, None], Some("NULL"));
        check("%L", &[Some("a\\b")], Some(" E'a\\\\b'"));
        check("%s", &[], None);
        check("%I", &[None], None);
        check("%d", &[Some("1")], None);
    }

    #[test]
    fn names_have_parts() {
        let found = |name| parts(name).map(|parts| parts.join("|"));
        assert_eq!(found("Public.pets").as_deref(), Some("public|pets"));
        assert_eq!(found("\"home.people\".\"a\"\"b\"").as_deref(), Some("home.people|a\"b"));
        assert_eq!(found("a."), None);
        assert_eq!(found("\"a"), None);
    }

    #[test]
    fn encodings_have_names() {
        let numbers: ArrayRef = Arc::new(Int32Array::from(vec![6, 8, 99]));
        let names: Vec<_> =
            (0..3).map(|row| encoding(std::slice::from_ref(&numbers), row).unwrap()).collect();
        assert_eq!(names, ["UTF8", "LATIN1", ""].map(|name| Some(name.to_owned())));
    }
}
