//! [`Expr`]: expressions as users write them, before they meet a schema.

mod build;
mod check;
mod kind;
mod resolve;

use std::fmt;
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, FieldRef};
use arrow::util::display::array_value_to_string;

use crate::{Error, Result};

pub(crate) use kind::kind_name;
pub(crate) use resolve::Resolver;

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
}

impl Expr {
    /// How deep expressions may be nested: what works on them recurses, on threads whose stacks are small.
    pub const MAX_DEPTH: usize = 400;

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
            Self::Typed { value, .. } | Self::Cast { value, .. } => vec![value],
            Self::InList { value, list } => [value.as_ref()].into_iter().chain(list).collect(),
            Self::Case { branches, otherwise } => {
                let branches = branches.iter().flat_map(|(condition, value)| [condition, value]);
                branches.chain(otherwise.as_deref()).collect()
            }
            Self::Call { arguments, .. } => arguments.iter().collect(),
        }
    }

    fn is_deeper_than(&self, levels: usize) -> bool {
        let below = levels - usize::from(!matches!(self, Self::Typed { .. }));
        self.parts().into_iter().any(|part| below == 0 || part.is_deeper_than(below))
    }

    /// An expression may be `depth` deep.
    ///
    /// # Errors
    /// [`Error::InvalidExpression`] beyond [`Self::MAX_DEPTH`].
    pub fn check_depth(&self, depth: usize) -> Result<()> {
        let most = Self::MAX_DEPTH;
        if depth <= most {
            return Ok(());
        }
        Err(self.invalid(format!(
            "it is nested {depth} deep, at most {most} are possible; hint: `in_()` compares with \
             many values, `mutate()` computes in steps"
        )))
    }

    /// The error about this expression, of which it shows the beginning.
    pub(crate) fn invalid(&self, reason: impl Into<String>) -> Error {
        let text = self.to_string();
        let mut expression: String = text.chars().take(MAX_SHOWN).collect();
        if expression.len() < text.len() {
            expression.push('…');
        }
        Error::InvalidExpression { expression, reason: reason.into() }
    }
}

/// How much of an expression a message shows.
const MAX_SHOWN: usize = 160;

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
            Self::All(terms) => chained(f, terms, "&"),
            Self::Any(terms) => chained(f, terms, "|"),
            Self::Typed { value, .. } => value.fmt(f),
            Self::Not(inner) => write!(f, "~{inner}"),
            Self::Negate(inner) => write!(f, "-{inner}"),
            Self::IsNull(inner) => write!(f, "{inner} is null"),
            Self::InList { value, list } => {
                let list: Vec<String> = list.iter().take(5).map(ToString::to_string).collect();
                write!(f, "{value} in ({})", list.join(", "))
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
                let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
                write!(f, "{function}({})", arguments.join(", "))
            }
            Self::Cast { value, to } => write!(f, "cast({value} as {to})"),
        }
    }
}

fn chained(f: &mut fmt::Formatter<'_>, terms: &[Arc<Expr>], op: &str) -> fmt::Result {
    let terms: Vec<String> = terms.iter().map(ToString::to_string).collect();
    write!(f, "({})", terms.join(&format!(" {op} ")))
}
