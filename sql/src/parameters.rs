//! [`Parameters`]: the values of `$1` and `$name`, which are typed and never become text.

use std::ops::ControlFlow;

use datafusion::arrow::array::ArrayRef;
use datafusion::common::ScalarValue;
use datafusion::sql::sqlparser::ast::{Statement, Value, ValueWithSpan, VisitMut, VisitorMut};

use crate::{Error, Result};

/// Values, each an array of one row.
#[derive(Clone, Debug, Default)]
pub struct Parameters {
    /// Of `$1`, `$2`, and so on.
    pub places: Vec<ArrayRef>,
    /// Of `$name`.
    pub names: Vec<(String, ArrayRef)>,
}

/// The parameters of a text. Named ones have numbers after those of places.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    /// Which numbers there are.
    pub(crate) places: Vec<usize>,
    pub(crate) names: Vec<String>,
}

/// Gives all parameters of the statement numbers.
///
/// # Errors
/// [`Error::Plan`] for parameters that are written otherwise.
pub(crate) fn number(statement: &mut Statement) -> Result<Asked> {
    let mut asked = Asked::default();
    visit(statement, |name| asked.add(name))?;
    let last = asked.last_place();
    visit(statement, |name| {
        if let Some(at) = asked.names.iter().position(|known| name[1..] == **known) {
            *name = format!("${}", last + at + 1);
        }
        Ok(())
    })?;
    asked.places.sort_unstable();
    Ok(asked)
}

fn visit(statement: &mut Statement, each: impl FnMut(&mut String) -> Result<()>) -> Result<()> {
    match statement.visit(&mut Placeholders(each)) {
        ControlFlow::Break(error) => Err(error),
        ControlFlow::Continue(()) => Ok(()),
    }
}

struct Placeholders<F>(F);

impl<F: FnMut(&mut String) -> Result<()>> VisitorMut for Placeholders<F> {
    type Break = Error;

    fn pre_visit_value(&mut self, value: &mut ValueWithSpan) -> ControlFlow<Error> {
        let Value::Placeholder(name) = &mut value.value else { return ControlFlow::Continue(()) };
        match (self.0)(name) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    }
}

impl Asked {
    fn add(&mut self, name: &str) -> Result<()> {
        let wrong = || Error::Plan {
            reason: format!("`{name}` is no parameter: write `$1`, `$2`, … or `$name`"),
        };
        let name = name.strip_prefix('$').ok_or_else(wrong)?;
        match name.parse::<usize>() {
            Ok(0) => return Err(wrong()),
            Ok(place) if !self.places.contains(&place) => self.places.push(place),
            Err(_) if name.is_empty() => return Err(wrong()),
            Err(_) if !self.names.iter().any(|known| known == name) => {
                self.names.push(name.to_owned());
            }
            _ => {}
        }
        Ok(())
    }

    fn last_place(&self) -> usize {
        self.places.iter().copied().max().unwrap_or_default()
    }

    /// The values by number.
    ///
    /// # Errors
    /// [`Error::Parameter`] for one that is missing, or that the text does not have.
    pub(crate) fn values(&self, given: &Parameters) -> Result<Vec<ScalarValue>> {
        let fail = |reason: String| Err(Error::Parameter { reason });
        let last = self.last_place();
        if given.places.len() > last {
            let count = given.places.len();
            return fail(match last {
                0 => format!("{count} values are given and the text has no `$1`"),
                _ => format!("{count} values are given and the text has no `${}`", last + 1),
            });
        }
        if let Some(place) = self.places.iter().find(|place| **place > given.places.len()) {
            return fail(format!("`${place}` has no value"));
        }
        if let Some((name, _)) = given.names.iter().find(|(name, _)| !self.names.contains(name)) {
            return fail(format!("`{name}` is given and the text has no `${name}`"));
        }
        let mut values = given.places.clone();
        for name in &self.names {
            let Some((_, value)) = given.names.iter().find(|(known, _)| known == name) else {
                return fail(format!("`${name}` has no value"));
            };
            values.push(ArrayRef::clone(value));
        }
        let value = |array: &ArrayRef| match array.is_null(0) {
            // Its type follows from where it stands, as that of `NULL` in the text.
            true => Ok(ScalarValue::Null),
            false => ScalarValue::try_from_array(array, 0),
        };
        let values = values.iter().map(value).collect::<Result<_, _>>();
        values.map_err(|error| Error::about("", &error))
    }
}
