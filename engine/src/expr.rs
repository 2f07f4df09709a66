//! [`Expr`]: expressions as users write them, before they meet a schema.

mod resolve;

use std::fmt;

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use arrow::util::display::array_value_to_string;

pub(crate) use resolve::{Resolver, split_path};

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
        left: Box<Expr>,
        /// The right operand.
        right: Box<Expr>,
    },
    /// Boolean negation; null stays null.
    Not(Box<Expr>),
    /// `-x`.
    Negate(Box<Expr>),
    /// Whether the value is null.
    IsNull(Box<Expr>),
    /// Whether the value is one of `list`.
    InList {
        /// The value.
        value: Box<Expr>,
        /// What it is looked up in.
        list: Vec<Expr>,
    },
    /// The value beside the first condition that is true.
    Case {
        /// Conditions and their values.
        branches: Vec<(Expr, Expr)>,
        /// The value when none is true; null when there is none.
        otherwise: Option<Box<Expr>>,
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
        value: Box<Expr>,
        /// The type wanted.
        to: DataType,
    },
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
    And,
    Or,
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
            Self::And => "&",
            Self::Or => "|",
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

const ALL: [BinaryOp; 16] = [
    BinaryOp::Eq,
    BinaryOp::NotEq,
    BinaryOp::Lt,
    BinaryOp::LtEq,
    BinaryOp::Gt,
    BinaryOp::GtEq,
    BinaryOp::And,
    BinaryOp::Or,
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
