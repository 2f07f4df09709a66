//! [`DeltaOptions`]: how the changes of a source are told, and what follows from them.

/// How the changes of a source are told, and what follows from them when a chain over it is saved again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeltaOptions {
    /// Paths of what a row of the source is known by; none: a file is known by its source and path.
    pub on: Vec<String>,
    /// Where the result has these values, unless it has them where the source does.
    pub result_on: Vec<String>,
    /// Paths of the values by which a row is told to have changed; `None`: all others.
    pub compare: Option<Vec<String>>,
    /// What is computed again although it did not change.
    pub retry: Retry,
    /// Steps that would need all rows see those that changed only.
    pub is_unsafe: bool,
    /// What becomes of rows whose source is gone; `None`: they stay, but in groups, which are computed from what is there.
    pub deleted: Option<Deleted>,
    /// What happens when functions or steps changed.
    pub code: CodeChange,
}

/// Rows that are computed again although their source did not change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Retry {
    /// None.
    #[default]
    Nothing,
    /// Rows of the source of which the result has nothing.
    Missing,
    /// Rows whose value at this path of the result is neither null nor empty.
    Failed(String),
}

/// What becomes of rows of the result whose source is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deleted {
    /// They stay.
    Keep,
    /// They go, too.
    Drop,
}

/// What happens when functions or steps are others than those that the previous version was made with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CodeChange {
    /// Rows that did not change stay as they are, and the user is told.
    #[default]
    Warn,
    /// The same without a word.
    Ignore,
    /// All is computed anew.
    Rebuild,
}
