//! What the metadata of a field says of the type that users know, and what a part of a model is.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Fields};

/// The key of what the storage stands for: `model:File@v1`, `json`, `uuid`, `enum:Color`, `tuple`, `set`.
pub const TYPE_KEY: &str = "lakebed.type";

/// The key of the Python annotation as text: what JSON stands for; of an enum, its values as a `Literal`.
pub const ANNOTATION_KEY: &str = "lakebed.annotation";

/// The key of the fields of a model that are not shown, separated by commas.
pub const HIDDEN_KEY: &str = "lakebed.hidden";

/// The field with only the kept paths below it, in the model's order. A part of a model is a model of its own.
pub(crate) fn part_of(field: &FieldRef, kept: &[Vec<String>]) -> FieldRef {
    let DataType::Struct(children) = field.data_type() else {
        return Arc::clone(field);
    };
    if kept.iter().any(Vec::is_empty) {
        return Arc::clone(field);
    }
    let mut parts: Vec<FieldRef> = Vec::new();
    for child in children {
        let below: Vec<Vec<String>> = kept
            .iter()
            .filter(|path| path[0] == *child.name())
            .map(|path| path[1..].to_vec())
            .collect();
        if !below.is_empty() {
            parts.push(part_of(child, &below));
        }
    }
    let parts = Fields::from(parts);
    if parts == *children {
        return Arc::clone(field);
    }
    Arc::new(partial(field, parts))
}

/// What is inside of a field of JSON, the values of a dict or the items of a list, as a field.
pub(crate) fn inside_of_json(field: &Field) -> FieldRef {
    let mut metadata = field.metadata().clone();
    let whole = metadata.remove(ANNOTATION_KEY).unwrap_or_default();
    metadata.insert(ANNOTATION_KEY.to_owned(), type_inside(&whole).unwrap_or("Any").to_owned());
    Arc::new(field.clone().with_nullable(true).with_metadata(metadata))
}

/// The type of the values of a dict or list: `int` of `dict[str, int]`.
fn type_inside(annotation: &str) -> Option<&str> {
    let of = |name: &str| annotation.strip_prefix(name)?.strip_prefix('[')?.strip_suffix(']');
    if let Some(present) = of("Optional") {
        return type_inside(present);
    }
    of("list").or_else(|| {
        let (key, value) = of("dict")?.split_once(", ")?;
        (!key.contains('[')).then_some(value)
    })
}

/// `field` with other children, named after its model and what is left of it.
fn partial(field: &Field, parts: Fields) -> Field {
    let mut metadata = field.metadata().clone();
    if let Some(model) = metadata.get(TYPE_KEY).and_then(|kind| kind.strip_prefix("model:")) {
        let base = model.split('@').next().unwrap_or(model);
        let names: Vec<&str> = parts.iter().map(|part| part.name().as_str()).collect();
        let print = fnv1a(&names.join(",")) & 0xff_ffff_ffff;
        metadata.insert(TYPE_KEY.to_owned(), format!("model:{base}Partial_{print:010x}@v1"));
    }
    Field::new(field.name(), DataType::Struct(parts), field.is_nullable()).with_metadata(metadata)
}

/// 64-bit FNV-1a (Fowler, Noll, Vo): stable between releases, which `std`'s hasher is not.
fn fnv1a(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
