//! [`Expr`]: expressions as users write them, before they meet a schema.

mod build;
mod check;
mod inside;
mod of_rows;
mod resolve;
mod shared;
mod windows;

use std::fmt::{self, Write};
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, FieldRef};
use arrow::util::display::array_value_to_string;

use crate::{Error, Result};

pub(crate) use build::{MANY_CONDITIONS, balanced};
pub(crate) use check::are_comparable;
pub use of_rows::{Frame, OfRows, SortKey, Window};
pub(crate) use resolve::Resolver;
pub(crate) use shared::shared_field;
pub(crate) use windows::{is_row_number, numbered, row_number, windows_computed};

/// An expression over columns that are named by path, such as `file.path`.
///
/// It knows no types; [`crate::Chain`]'s verbs resolve it against their schema.
#[derive(Clone, Debug)]
pub enum Expr {
    /// A column, or a field of a struct column: `file`, `file.path` or `file__path`.
    Column(String),
    /// A value: an array of one row.
    Literal(ArrayRef),
    /// `left op right`.
    Binary {
        /// The operator.
        op: BinaryOp,
        /// The left operand.
        left: Arc<Expr>,
        /// The right operand.
        right: Arc<Expr>,
    },
    /// All of the conditions; made by [`Expr::all`].
    All(Vec<Arc<Expr>>),
    /// Any of the conditions; made by [`Expr::any`].
    Any(Vec<Arc<Expr>>),
    /// A value whose type means more than its storage tells: which model it is, or that it is JSON.
    Typed {
        /// The value.
        value: Arc<Expr>,
        /// Its type, with the meaning in the metadata.
        field: FieldRef,
    },
    /// Boolean negation; null stays null.
    Not(Arc<Expr>),
    /// `-x`.
    Negate(Arc<Expr>),
    /// Whether the value is null.
    IsNull(Arc<Expr>),
    /// Whether the value is one of `list`.
    InList {
        /// The value.
        value: Arc<Expr>,
        /// What it is looked up in.
        list: Vec<Expr>,
    },
    /// The value beside the first condition that is true.
    Case {
        /// Conditions and their values.
        branches: Vec<(Expr, Expr)>,
        /// The value when none is true; null when there is none.
        otherwise: Option<Arc<Expr>>,
    },
    /// A function by its registered name.
    Call {
        /// The name, such as `path_name`.
        function: String,
        /// The arguments in order.
        arguments: Vec<Expr>,
    },
    /// A conversion; a value that does not convert is an error.
    Cast {
        /// The value.
        value: Arc<Expr>,
        /// The type wanted.
        to: DataType,
    },
    /// A field of a model, of each model of a list, or the value of a key of a dict.
    Inside {
        /// The model, list or dict.
        value: Arc<Expr>,
        /// The field or key.
        name: String,
    },
    /// A function of many rows.
    OfRows(Arc<OfRows>),
}

/// An expression and the name of the column that it becomes.
#[derive(Clone, Debug)]
pub struct NamedExpr {
    /// The new column's name.
    pub name: String,
    /// Its value.
    pub expr: Expr,
}

impl Expr {
    /// How many [levels](Self::levels) expressions may be nested: what works on them recurses, on threads whose stacks
    /// are small.
    pub const MAX_DEPTH: usize = 400;

    /// The levels of a call: planning takes cubic time for calls within calls.
    const CALL_LEVELS: usize = 3;

    /// How many parts an expression may have, so that one which holds another twice, again and again, is noticed.
    pub const MAX_PARTS: usize = 1_000_000;

    /// `&` between the conditions. Chained, they stay one list, so that its length adds no depth.
    #[must_use]
    pub fn all(conditions: Vec<Self>) -> Self {
        let terms = conditions.into_iter().flat_map(|condition| match condition {
            Self::All(terms) => terms,
            one => vec![Arc::new(one)],
        });
        Self::listed(terms.collect(), Self::All)
    }

    /// `|` between the conditions, chained like [`Expr::all`].
    #[must_use]
    pub fn any(conditions: Vec<Self>) -> Self {
        let terms = conditions.into_iter().flat_map(|condition| match condition {
            Self::Any(terms) => terms,
            one => vec![Arc::new(one)],
        });
        Self::listed(terms.collect(), Self::Any)
    }

    /// A list of one condition is that condition.
    fn listed(mut terms: Vec<Arc<Self>>, list: fn(Vec<Arc<Self>>) -> Self) -> Self {
        match terms.pop() {
            Some(only) if terms.is_empty() => Arc::unwrap_or_clone(only),
            last => {
                terms.extend(last);
                list(terms)
            }
        }
    }

    /// The expressions that it is made of.
    fn parts(&self) -> Vec<&Self> {
        match self {
            Self::Column(_) | Self::Literal(_) => vec![],
            Self::Binary { left, right, .. } => vec![left, right],
            Self::All(terms) | Self::Any(terms) => terms.iter().map(Arc::as_ref).collect(),
            Self::Not(inner) | Self::Negate(inner) | Self::IsNull(inner) => vec![inner],
            Self::Typed { value, .. } | Self::Cast { value, .. } | Self::Inside { value, .. } => {
                vec![value]
            }
            Self::OfRows(call) => call.parts(),
            Self::InList { value, list } => [value.as_ref()].into_iter().chain(list).collect(),
            Self::Case { branches, otherwise } => {
                let branches = branches.iter().flat_map(|(condition, value)| [condition, value]);
                branches.chain(otherwise.as_deref()).collect()
            }
            Self::Call { arguments, .. } => arguments.iter().collect(),
        }
    }

    /// How much deeper the expression is than the deepest of its parts.
    #[must_use]
    pub fn levels(&self) -> usize {
        match self {
            Self::Typed { .. } => 0,
            Self::Call { .. }
            | Self::OfRows(_)
            | Self::Binary {
                op: BinaryOp::Divide | BinaryOp::FloorDivide | BinaryOp::Modulo,
                ..
            } => Self::CALL_LEVELS,
            _ => 1,
        }
    }

    fn is_deeper_than(&self, levels: usize) -> bool {
        let below = levels.saturating_sub(self.levels());
        self.parts().into_iter().any(|part| below == 0 || part.is_deeper_than(below))
    }

    /// An expression may be `depth` deep and have this many parts, where a part that stands in two places counts twice.
    ///
    /// # Errors
    /// [`Error::InvalidExpression`] beyond [`Self::MAX_DEPTH`] and [`Self::MAX_PARTS`].
    pub fn check_size(&self, depth: usize, parts: usize) -> Result<()> {
        let (deepest, most) = (Self::MAX_DEPTH, Self::MAX_PARTS);
        let problem = match () {
            () if depth > deepest => format!("it is nested {depth} deep, at most {deepest} are"),
            () if parts > most => format!("it has {parts} parts, at most {most} are"),
            () => return Ok(()),
        };
        Err(self.invalid(format!(
            "{problem} possible; hint: `in_()` compares with many values, `mutate()` computes in \
             steps"
        )))
    }

    /// The error about this expression, of which it shows the beginning.
    pub(crate) fn invalid(&self, reason: impl Into<String>) -> Error {
        let mut shown = Beginning { text: String::new(), room: MAX_SHOWN };
        if write!(shown, "{self}").is_err() {
            shown.text.push('…');
        }
        Error::InvalidExpression { expression: shown.text, reason: reason.into() }
    }
}

/// How many characters of an expression a message shows.
const MAX_SHOWN: usize = 160;

/// Takes text until it is full. What writes to it then stops.
struct Beginning {
    text: String,
    room: usize,
}

impl Write for Beginning {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        for c in more.chars() {
            self.room = self.room.checked_sub(1).ok_or(fmt::Error)?;
            self.text.push(c);
        }
        Ok(())
    }
}

/// Binary operators, with Python's meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the operator that it is named after")]
pub enum BinaryOp {
    Eq,
    NotEq,
    Lt,
    LtEq,
    Gt,
    GtEq,
    Add,
    Subtract,
    Multiply,
    Divide,
    FloorDivide,
    Modulo,
    Like,
    ILike,
}

impl BinaryOp {
    /// The operator with this Python spelling, for example `//`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        ALL.iter().find(|op| op.as_str() == text).copied()
    }

    /// The Python spelling.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Eq => "==",
            Self::NotEq => "!=",
            Self::Lt => "<",
            Self::LtEq => "<=",
            Self::Gt => ">",
            Self::GtEq => ">=",
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::FloorDivide => "//",
            Self::Modulo => "%",
            Self::Like => "like",
            Self::ILike => "ilike",
        }
    }
}

const ALL: [BinaryOp; 14] = [
    BinaryOp::Eq,
    BinaryOp::NotEq,
    BinaryOp::Lt,
    BinaryOp::LtEq,
    BinaryOp::Gt,
    BinaryOp::GtEq,
    BinaryOp::Add,
    BinaryOp::Subtract,
    BinaryOp::Multiply,
    BinaryOp::Divide,
    BinaryOp::FloorDivide,
    BinaryOp::Modulo,
    BinaryOp::Like,
    BinaryOp::ILike,
];

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Column(path) => f.write_str(path),
            Self::Literal(value) => {
                let text = array_value_to_string(value, 0).unwrap_or_default();
                let quote = if matches!(value.data_type(), DataType::Utf8) { "'" } else { "" };
                if text.chars().count() > 40 {
                    let start: String = text.chars().take(40).collect();
                    return write!(f, "{quote}{start}…{quote}");
                }
                write!(f, "{quote}{text}{quote}")
            }
            Self::Binary { op, left, right } => write!(f, "({left} {} {right})", op.as_str()),
            Self::All(terms) => write_list(f, terms.iter().map(Arc::as_ref), " & "),
            Self::Any(terms) => write_list(f, terms.iter().map(Arc::as_ref), " | "),
            Self::Typed { value, .. } => value.fmt(f),
            Self::Not(inner) => write!(f, "~{inner}"),
            Self::Negate(inner) => write!(f, "-{inner}"),
            Self::IsNull(inner) => write!(f, "{inner} is null"),
            Self::InList { value, list } => {
                write!(f, "{value} in ")?;
                write_list(f, list.iter().take(5), ", ")
            }
            Self::Case { branches, otherwise } => {
                write!(f, "case")?;
                for (condition, value) in branches {
                    write!(f, " when {condition} then {value}")?;
                }
                match otherwise {
                    Some(value) => write!(f, " else {value} end"),
                    None => write!(f, " end"),
                }
            }
            Self::Call { function, arguments } => {
                f.write_str(function)?;
                write_list(f, arguments, ", ")
            }
            Self::Cast { value, to } => write!(f, "cast({value} as {to})"),
            Self::Inside { value, name } => write!(f, "{value}['{name}']"),
            Self::OfRows(call) => call.fmt(f),
        }
    }
}

/// The expressions in parentheses.
fn write_list<'e>(
    f: &mut fmt::Formatter<'_>,
    exprs: impl IntoIterator<Item = &'e Expr>,
    separator: &str,
) -> fmt::Result {
    f.write_char('(')?;
    for (at, expr) in exprs.into_iter().enumerate() {
        let before = if at == 0 { "" } else { separator };
        write!(f, "{before}{expr}")?;
    }
    f.write_char(')')
}
