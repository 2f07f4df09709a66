//! [`Column`]: values of JSON, as they are read, in the form that Arrow has for them.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, ListArray, NullBufferBuilder, StringArray,
    StructArray, TimestampMicrosecondArray, new_null_array,
};
use arrow::buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, FieldRef, Fields};
use datafusion::common::internal_err;
use datafusion::error::Result as PlanResult;
use serde_json::Value;

use super::infer::ANNOTATION_KEY;
use super::lexer::{Fault, FaultKind, Lexer, Parse};
use super::scalar::{float, moment, truth, whole};
use super::shape::Typed;
use crate::model::TYPE_KEY;
use crate::{Error, Result};

/// The path of all of a column.
pub(super) const WHOLE: &[&[String]] = &[&[]];

/// Values of one column, or of a part of one.
#[derive(Debug)]
pub(super) struct Column {
    field: FieldRef,
    valid: NullBufferBuilder,
    rows: usize,
    values: Values,
    /// Whether text that says a number is one, as for Pydantic.
    is_lax: bool,
}

#[derive(Debug)]
enum Values {
    /// Nobody asks for them.
    Skipped,
    Bool(Vec<bool>),
    Int(Vec<i64>),
    Float(Vec<f64>),
    Text(Texts),
    /// Any value as compact text, or only those that begin so.
    Json(Texts, Option<u8>),
    /// Microseconds since 1970.
    Moment(Vec<i64>),
    List {
        ends: Vec<i32>,
        item: Box<Column>,
    },
    Model {
        members: Vec<Member>,
        fields: Fields,
    },
}

#[derive(Debug, Default)]
struct Texts {
    ends: Vec<i32>,
    bytes: String,
}

/// A field of a model.
#[derive(Debug)]
struct Member {
    keys: Vec<String>,
    /// The first key as it mostly is written, with its colon.
    token: Option<String>,
    /// What it is without any of the keys, as JSON.
    default: Option<String>,
    column: Column,
}

impl Column {
    /// An empty one, of which only what is at or below these paths is kept.
    pub(super) fn of(typed: &Typed, wanted: &[&[String]]) -> Result<Self> {
        Self::at(typed, &typed.field, "", wanted)
    }

    fn at(typed: &Typed, field: &FieldRef, path: &str, wanted: &[&[String]]) -> Result<Self> {
        let is_json = field.metadata().get(TYPE_KEY).is_some_and(|kind| kind == "json");
        let is_whole = wanted.iter().any(|path| path.is_empty());
        let values = match field.data_type() {
            _ if wanted.is_empty() => Values::Skipped,
            DataType::Utf8 if is_json => Values::Json(Texts::default(), only(field)),
            DataType::Utf8 => Values::Text(Texts::default()),
            DataType::Boolean => Values::Bool(Vec::new()),
            DataType::Int64 => Values::Int(Vec::new()),
            DataType::Float64 => Values::Float(Vec::new()),
            DataType::Timestamp(..) => Values::Moment(Vec::new()),
            DataType::List(item) => Values::List {
                ends: Vec::new(),
                item: Box::new(Self::at(typed, item, path, WHOLE)?),
            },
            DataType::Struct(fields) => {
                let member = |field: &FieldRef| {
                    let path = typed.below(path, field.name());
                    let below = wanted.iter().filter_map(|path| path.split_first());
                    let below = below.filter(|(name, _)| *name == field.name());
                    let below: Vec<&[String]> = below.map(|(_, rest)| rest).collect();
                    let below = if is_whole { WHOLE } else { below.as_slice() };
                    let column = Self::at(typed, field, &path, below)?;
                    let keys = typed.keys_of(&path, field.name());
                    let token = keys.first().map(|key| format!("{}:", Value::from(key.as_str())));
                    Ok(Member { keys, token, default: typed.defaults.get(&path).cloned(), column })
                };
                let members = fields.iter().map(member).collect::<Result<_>>()?;
                Values::Model { members, fields: fields.clone() }
            }
            other => return Err(Error::internal(format!("JSON as {other}"))),
        };
        let valid = NullBufferBuilder::new(0);
        let is_lax = typed.is_given;
        Ok(Self { field: Arc::clone(field), valid, rows: 0, values, is_lax })
    }

    pub(super) fn len(&self) -> usize {
        self.rows
    }

    /// Reads the next value.
    pub(super) fn push(&mut self, lexer: &mut Lexer<'_>) -> Parse<()> {
        let start = lexer.at();
        if lexer.peek() == b'n' {
            lexer.word("null")?;
            if self.field.is_nullable() {
                self.push_null();
                return Ok(());
            }
            return self.misfit("null", start);
        }
        self.push_value(lexer, start)?;
        self.valid.append_non_null();
        self.rows += 1;
        Ok(())
    }

    fn push_value(&mut self, lexer: &mut Lexer<'_>, start: usize) -> Parse<()> {
        let next = lexer.peek();
        let is_number = matches!(next, b'-' | b'0'..=b'9' | b'N' | b'I');
        match &mut self.values {
            Values::Skipped => drop(lexer.skip()?),
            Values::Int(values) if is_number => {
                let number = lexer.number()?;
                match whole(number) {
                    Some(value) => values.push(value),
                    None => return self.misfit(number.text, start),
                }
            }
            Values::Float(values) if is_number => values.push(float(lexer.number()?)),
            Values::Text(texts) if next == b'"' => texts.push(&lexer.string()?, start)?,
            Values::Json(texts, only) if only.is_none_or(|only| only == next) => {
                lexer.compact(&mut texts.bytes)?;
                texts.end(start)?;
            }
            Values::Bool(values) if matches!(next, b't' | b'f') => {
                let value = next == b't';
                lexer.word(if value { "true" } else { "false" })?;
                values.push(value);
            }
            Values::List { ends, item } if next == b'[' => {
                let mut is_more = lexer.open(b']')?;
                let first = item.len();
                while is_more {
                    let number = item.len() - first;
                    item.push(lexer).map_err(|fault| fault.below(&format!("[{number}]")))?;
                    is_more = lexer.more(b']')?;
                }
                ends.push(end_of(item.len(), start)?);
            }
            Values::Model { members, .. } if next == b'{' => {
                push_members(members, lexer, self.rows, self.is_lax)?;
            }
            _ => return self.push_lax(lexer, start),
        }
        Ok(())
    }

    /// A value that is written as another kind.
    fn push_lax(&mut self, lexer: &mut Lexer<'_>, start: usize) -> Parse<()> {
        let raw = lexer.skip()?;
        let text = if raw.starts_with('"') {
            *lexer = lexer.rewound(start);
            lexer.string()?
        } else {
            Cow::Borrowed(raw)
        };
        let text = text.trim();
        let is_taken = match &mut self.values {
            _ if !self.is_lax => false,
            Values::Int(values) => keep(values, text.parse().ok()),
            Values::Float(values) => keep(values, text.parse().ok()),
            Values::Bool(values) => keep(values, truth(text)),
            Values::Moment(values) => keep(values, moment(text)),
            _ => false,
        };
        if is_taken { Ok(()) } else { self.misfit(raw, start) }
    }

    fn misfit(&self, raw: &str, at: usize) -> Parse<()> {
        const SHOWN: usize = 60;
        let mut shown: String = raw.chars().take(SHOWN).collect();
        if shown.len() < raw.len() {
            shown.push('…');
        }
        let what = match (&self.values, raw) {
            (Values::Int(_), raw) if raw.parse::<f64>().is_ok() => {
                format!("`{shown}` is no whole number of 64 bits")
            }
            (values, _) => format!("`{shown}` is {}", values.not_this()),
        };
        Err(Fault::new(FaultKind::Misfit(what), at))
    }

    /// What a row without the key has.
    fn push_missing(&mut self, default: Option<&str>, at: usize) -> Parse<()> {
        if let Some(default) = default {
            return self.push(&mut Lexer::new(default));
        }
        if !self.field.is_nullable() {
            let what = "the key is missing, and there is no default for it";
            return Err(Fault::new(FaultKind::Misfit(what.to_owned()), at));
        }
        self.push_null();
        Ok(())
    }

    fn push_null(&mut self) {
        match &mut self.values {
            Values::Skipped => {}
            Values::Bool(values) => values.push(false),
            Values::Int(values) | Values::Moment(values) => values.push(0),
            Values::Float(values) => values.push(0.0),
            Values::Text(texts) | Values::Json(texts, _) => {
                texts.ends.push(texts.ends.last().copied().unwrap_or_default());
            }
            Values::List { ends, .. } => ends.push(ends.last().copied().unwrap_or_default()),
            Values::Model { members, .. } => {
                for member in members {
                    member.column.push_null();
                }
            }
        }
        self.valid.append_null();
        self.rows += 1;
    }

    /// Forgets all but the first rows.
    fn truncate(&mut self, rows: usize) {
        match &mut self.values {
            Values::Skipped => {}
            Values::Bool(values) => values.truncate(rows),
            Values::Int(values) | Values::Moment(values) => values.truncate(rows),
            Values::Float(values) => values.truncate(rows),
            Values::Text(texts) | Values::Json(texts, _) => {
                texts.ends.truncate(rows);
                texts.bytes.truncate(place(texts.ends.last()));
            }
            Values::List { ends, item } => {
                ends.truncate(rows);
                item.truncate(place(ends.last()));
            }
            Values::Model { members, .. } => {
                members.iter_mut().for_each(|member| member.column.truncate(rows));
            }
        }
        self.valid.truncate(rows);
        self.rows = rows;
    }

    /// What was read so far below a path; then that is empty.
    pub(super) fn take(&mut self, path: &[String]) -> PlanResult<ArrayRef> {
        let Some((name, rest)) = path.split_first() else { return self.finish() };
        let member = match &mut self.values {
            Values::Model { members, fields } => {
                let place = fields.iter().position(|field| field.name() == name);
                place.and_then(|place| members.get_mut(place))
            }
            _ => None,
        };
        match member {
            Some(member) => member.column.take(rest),
            None => internal_err!("no field `{name}` in `{}`", self.field.name()),
        }
    }

    /// Forgets what nobody took.
    pub(super) fn clear(&mut self) {
        self.truncate(0);
    }

    /// What was read so far; then it is empty.
    fn finish(&mut self) -> PlanResult<ArrayRef> {
        let nulls = self.valid.finish();
        let rows = std::mem::take(&mut self.rows);
        Ok(match &mut self.values {
            Values::Skipped => new_null_array(self.field.data_type(), rows),
            Values::Bool(values) => Arc::new(BooleanArray::new(renewed(values).into(), nulls)),
            Values::Int(values) => Arc::new(Int64Array::try_new(renewed(values).into(), nulls)?),
            Values::Float(values) => {
                Arc::new(Float64Array::try_new(renewed(values).into(), nulls)?)
            }
            Values::Moment(values) => {
                let values = TimestampMicrosecondArray::try_new(renewed(values).into(), nulls)?;
                Arc::new(values.with_data_type(self.field.data_type().clone()))
            }
            Values::Text(texts) | Values::Json(texts, _) => {
                let next = Texts {
                    ends: Vec::with_capacity(texts.ends.len()),
                    bytes: String::with_capacity(texts.bytes.len()),
                };
                let Texts { ends, bytes } = std::mem::replace(texts, next);
                Arc::new(StringArray::try_new(
                    offsets(ends),
                    Buffer::from_vec(bytes.into_bytes()),
                    nulls,
                )?)
            }
            Values::List { ends, item } => {
                let ends = offsets(renewed(ends));
                Arc::new(ListArray::try_new(Arc::clone(&item.field), ends, item.finish()?, nulls)?)
            }
            Values::Model { members, fields } => {
                let members = members.iter_mut().map(|member| member.column.finish());
                let members = members.collect::<PlanResult<Vec<_>>>()?;
                Arc::new(StructArray::try_new_with_length(fields.clone(), members, nulls, rows)?)
            }
        })
    }
}

impl Values {
    fn not_this(&self) -> &'static str {
        match self {
            Self::Skipped => "no value",
            Self::Bool(_) => "neither true nor false",
            Self::Int(_) => "no whole number",
            Self::Float(_) => "no number",
            Self::Text(_) => "no text",
            Self::Json(_, Some(b'{')) => "no object",
            Self::Json(..) => "no list",
            Self::Moment(_) => "no time as `2024-01-31T12:00:00Z`",
            Self::List { .. } => "no list",
            Self::Model { .. } => "no object",
        }
    }
}

impl Texts {
    fn push(&mut self, text: &str, at: usize) -> Parse<()> {
        self.bytes.push_str(text);
        self.end(at)
    }

    /// What was written since the last one is the next.
    fn end(&mut self, at: usize) -> Parse<()> {
        self.ends.push(end_of(self.bytes.len(), at)?);
        Ok(())
    }
}

/// How the values of a field of JSON begin, if they are of one kind.
fn only(field: &FieldRef) -> Option<u8> {
    match field.metadata().get(ANNOTATION_KEY)?.as_str() {
        "dict" | "dict[str, Any]" => Some(b'{'),
        "list" | "list[Any]" => Some(b'['),
        _ => None,
    }
}

/// An object. A key that comes again replaces what it was, as in Python.
fn push_members(
    members: &mut [Member],
    lexer: &mut Lexer<'_>,
    rows: usize,
    are_others_left_out: bool,
) -> Parse<()> {
    let start = lexer.at();
    let mut is_more = lexer.open(b'}')?;
    let mut next = 0;
    while is_more {
        let at = lexer.at();
        if let Some(Member { keys, token: Some(token), column, .. }) = members.get_mut(next)
            && lexer.takes(token)
        {
            lexer.space();
            push_member(column, lexer, rows, &keys[0])?;
            next += 1;
        } else {
            let key = lexer.key()?;
            match find(members, &key, next) {
                Some(place) => {
                    push_member(&mut members[place].column, lexer, rows, &key)?;
                    next = place + 1;
                }
                None if are_others_left_out => drop(lexer.skip()?),
                None => return Err(Fault::new(FaultKind::Unknown(key.into_owned()), at)),
            }
        }
        is_more = lexer.more(b'}')?;
    }
    for member in members.iter_mut().filter(|member| member.column.len() == rows) {
        let missing = member.column.push_missing(member.default.as_deref(), start);
        let key = member.keys.first().map(String::as_str).unwrap_or_default();
        missing.map_err(|fault| fault.below(key))?;
    }
    Ok(())
}

/// A value that comes again replaces what it was.
fn push_member(column: &mut Column, lexer: &mut Lexer<'_>, rows: usize, key: &str) -> Parse<()> {
    if column.len() > rows {
        column.truncate(rows);
    }
    column.push(lexer).map_err(|fault| fault.below(key))
}

/// The member of a key, which most likely is the next one.
fn find(members: &[Member], key: &str, next: usize) -> Option<usize> {
    let is_it = |member: &Member| member.keys.iter().any(|known| known == key);
    let (before, after) = members.split_at_checked(next).unwrap_or((members, &[]));
    let later = after.iter().position(is_it).map(|place| next + place);
    later.or_else(|| before.iter().position(is_it))
}

fn keep<T>(values: &mut Vec<T>, value: Option<T>) -> bool {
    let is_some = value.is_some();
    values.extend(value);
    is_some
}

/// What is in it; the next values most likely take as much room.
fn renewed<T>(values: &mut Vec<T>) -> Vec<T> {
    let next = Vec::with_capacity(values.len());
    std::mem::replace(values, next)
}

fn place(end: Option<&i32>) -> usize {
    end.and_then(|end| usize::try_from(*end).ok()).unwrap_or_default()
}

fn end_of(length: usize, at: usize) -> Parse<i32> {
    let Ok(end) = i32::try_from(length) else {
        let what = "rows that lie together have more than 2 GiB, or items, of this".to_owned();
        return Err(Fault::new(FaultKind::Misfit(what), at));
    };
    Ok(end)
}

fn offsets(ends: Vec<i32>) -> OffsetBuffer<i32> {
    let mut offsets = Vec::with_capacity(ends.len() + 1);
    offsets.push(0);
    offsets.extend(ends);
    OffsetBuffer::new(ScalarBuffer::from(offsets))
}
