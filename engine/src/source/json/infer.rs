//! [`Found`]: which kinds of values a sample has, and the column that all of them fit.
//!
//! The rules are those for values of Python: whole numbers among others widen, objects become models, and kinds that
//! have nothing in common are kept as JSON that knows its types. What a sample has no null of may have one later.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields};

use super::lexer::{Lexer, Parse};
use super::shape::Typed;
use crate::model::TYPE_KEY;

/// The key of the Python annotation of a column, as text.
pub(super) const ANNOTATION_KEY: &str = "lakebed.annotation";

/// An object with more keys than this is no model if most objects lack most of them: its keys are values.
const MANY_KEYS: usize = 64;

/// The share of them that an object has at least.
const SHARE_OF_KEYS: usize = 10;

/// What was found.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "one for each kind, of which any may be there")]
pub(super) struct Found {
    null: bool,
    bool: bool,
    int: bool,
    /// A whole number beyond 64 bits.
    big: bool,
    float: bool,
    text: bool,
    items: Option<Box<Found>>,
    object: Option<Object>,
}

#[derive(Debug, Default)]
struct Object {
    fields: Vec<(String, Found)>,
    places: HashMap<String, usize>,
    objects: usize,
    keys: usize,
}

impl Found {
    /// Looks at one more value.
    pub(super) fn add(&mut self, lexer: &mut Lexer<'_>) -> Parse<()> {
        match lexer.peek() {
            b'"' => {
                lexer.string()?;
                self.text = true;
            }
            b'{' => self.object.get_or_insert_default().add(lexer)?,
            b'[' => {
                let items = self.items.get_or_insert_default();
                let mut is_more = lexer.open(b']')?;
                while is_more {
                    items.add(lexer)?;
                    is_more = lexer.more(b']')?;
                }
            }
            b'-' | b'0'..=b'9' | b'N' | b'I' => {
                let number = lexer.number()?;
                match number.text.parse::<i64>() {
                    Ok(_) => self.int = true,
                    Err(_) if number.is_whole => self.big = true,
                    Err(_) => self.float = true,
                }
            }
            _ => match lexer.skip()? {
                "null" => self.null = true,
                _ => self.bool = true,
            },
        }
        Ok(())
    }

    /// The column of this name that all of it fits; a model in it is called `model`.
    pub(super) fn column(&self, name: &str, model: &str) -> Typed {
        let mut keys = BTreeMap::new();
        let field = self.field(&mut Place { path: String::new(), model, keys: &mut keys }, name);
        let field = Arc::new(field.with_nullable(self.null || self.is_open()));
        Typed { field, keys, defaults: BTreeMap::new(), is_given: false }
    }

    fn is_open(&self) -> bool {
        self.kinds().is_empty()
    }

    /// The kinds as Python's types.
    fn kinds(&self) -> Vec<&'static str> {
        let kinds = [
            (self.bool, "bool"),
            (self.int || self.big, "int"),
            (self.float, "float"),
            (self.text, "str"),
            (self.items.is_some(), "list"),
            (self.object.is_some(), "dict"),
        ];
        kinds.into_iter().filter_map(|(is_there, kind)| is_there.then_some(kind)).collect()
    }

    fn field(&self, place: &mut Place<'_>, name: &str) -> Field {
        let plain = |kind| Field::new(name, kind, true);
        match (self.kinds().as_slice(), &self.items, &self.object) {
            ([], ..) | (["str"], ..) => plain(DataType::Utf8),
            (["bool"], ..) => plain(DataType::Boolean),
            (["int"], ..) if !self.big => plain(DataType::Int64),
            (["float"] | ["int", "float"], ..) if !self.big => plain(DataType::Float64),
            (["list"], Some(items), _) => {
                let item = items.field(place, Field::LIST_FIELD_DEFAULT_NAME);
                plain(DataType::List(Arc::new(item)))
            }
            (["dict"], _, Some(object)) if object.is_model() => object.field(place, name),
            ([one], ..) => json(name, (*one).to_owned()),
            (kinds, ..) => json(name, format!("Union[{}]", kinds.join(", "))),
        }
    }
}

/// Where a field is.
struct Place<'a> {
    path: String,
    model: &'a str,
    keys: &'a mut BTreeMap<String, Vec<String>>,
}

impl Object {
    fn add(&mut self, lexer: &mut Lexer<'_>) -> Parse<()> {
        self.objects += 1;
        let mut is_more = lexer.open(b'}')?;
        let mut next = 0;
        while is_more {
            let key = lexer.key()?;
            let is_next = self.fields.get(next).is_some_and(|(known, _)| *known == key);
            let known = if is_next { Some(next) } else { self.places.get(key.as_ref()).copied() };
            let place = known.unwrap_or_else(|| {
                self.places.insert(key.clone().into_owned(), self.fields.len());
                self.fields.push((key.into_owned(), Found::default()));
                self.fields.len() - 1
            });
            self.keys += 1;
            self.fields[place].1.add(lexer)?;
            next = place + 1;
            is_more = lexer.more(b'}')?;
        }
        Ok(())
    }

    /// Whether its keys are names and no values.
    fn is_model(&self) -> bool {
        let names = self.fields.iter().all(|(key, _)| {
            key.chars().next().is_some_and(|first| !first.is_ascii_digit())
                && key.chars().any(|found| found.is_alphanumeric())
        });
        let is_sparse = self.fields.len() > MANY_KEYS
            && self.keys * SHARE_OF_KEYS < self.fields.len() * self.objects;
        !self.fields.is_empty() && names && !is_sparse
    }

    fn field(&self, place: &mut Place<'_>, name: &str) -> Field {
        let mut fields: Vec<Field> = Vec::with_capacity(self.fields.len());
        let mut taken: Vec<String> = Vec::with_capacity(self.fields.len());
        // Keys that are names already keep them.
        let own: Vec<&str> = self.fields.iter().map(|(key, _)| key.as_str()).collect();
        for (key, found) in &self.fields {
            let wanted = field_name(key);
            let is_free = |name: &String| {
                !taken.contains(name) && (name == key || !own.contains(&name.as_str()))
            };
            let numbered = (1..).map(|number| format!("{wanted}_{number}"));
            let field = std::iter::once(wanted.clone()).chain(numbered).find(is_free);
            let field = field.unwrap_or(wanted);
            let path = match place.path.as_str() {
                "" => field.clone(),
                above => format!("{above}.{field}"),
            };
            if field != *key {
                place.keys.insert(path.clone(), vec![key.clone()]);
            }
            let model = format!("{}{}", place.model, camel(&field));
            let mut below = Place { path, model: &model, keys: place.keys };
            fields.push(found.field(&mut below, &field));
            taken.push(field);
        }
        let metadata = [(TYPE_KEY.to_owned(), format!("model:{}@v1", place.model))];
        Field::new(name, DataType::Struct(Fields::from(fields)), true)
            .with_metadata(metadata.into())
    }
}

fn json(name: &str, annotation: String) -> Field {
    let metadata =
        [(TYPE_KEY.to_owned(), "json".to_owned()), (ANNOTATION_KEY.to_owned(), annotation)];
    Field::new(name, DataType::Utf8, true).with_metadata(metadata.into())
}

/// Words that Python takes for its own.
const WORDS: &str = "False None True and as assert async await break class continue def del elif else except finally \
                     for from global if import in is lambda nonlocal not or pass raise return try while with yield";

/// A key as the name of an attribute: `first name` is `first_name`, `_id` is `field_id`, `class` is `class_`.
fn field_name(key: &str) -> String {
    let plain = |found: char| if found.is_alphanumeric() || found == '_' { found } else { '_' };
    let name: String = key.chars().map(plain).collect();
    match name.as_str() {
        // Names that models have themselves.
        "model_config" | "model_fields" | "model_computed_fields" => format!("{name}_"),
        word if WORDS.split(' ').any(|taken| taken == word) => format!("{name}_"),
        _ if name.starts_with('_') => format!("field{name}"),
        _ => name,
    }
}

/// `image_id` as `ImageId`.
fn camel(name: &str) -> String {
    let capital = |word: &str| {
        let mut letters = word.chars();
        let first = letters.next().map(|first| first.to_uppercase().to_string());
        first.unwrap_or_default() + letters.as_str()
    };
    name.split('_').map(capital).collect()
}
