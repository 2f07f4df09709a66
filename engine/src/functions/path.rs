//! `path_parent`, `path_name`, `path_file_stem`, `path_file_ext`: parts of a slash-separated path.
//!
//! `a/c.tar.gz` has the parent `a`, the name `c.tar.gz`, the stem `c.tar` and the extension `gz`. Null stays null;
//! what is not there is the empty string. A name that only starts with a dot has no extension.

use std::sync::Arc;

use arrow::array::{Array, AsArray, StringArray, StringBuilder};
use arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

#[cfg(test)]
mod tests;

pub(super) fn functions() -> Vec<ScalarUDF> {
    let parts = [Part::Parent, Part::Name, Part::Stem, Part::Extension];
    parts.into_iter().map(|part| ScalarUDF::from(PathPart::new(part))).collect()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Part {
    Parent,
    Name,
    Stem,
    Extension,
}

impl Part {
    fn of(self, path: &str) -> &str {
        if self == Self::Extension {
            return extension(path);
        }
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        match (self, name.rsplit_once('.')) {
            (Self::Parent, _) => parent,
            (Self::Stem, Some((stem, _))) if !stem.is_empty() => stem,
            _ => name,
        }
    }
}

/// WHY: not what is left of a name without its stem: an extension is short, and found first from the end.
fn extension(path: &str) -> &str {
    let bytes = path.as_bytes();
    match bytes.iter().rposition(|byte| matches!(byte, b'.' | b'/')) {
        Some(at) if bytes[at] == b'.' && at > 0 && bytes[at - 1] != b'/' => &path[at + 1..],
        _ => "",
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct PathPart {
    part: Part,
    signature: Signature,
}

impl PathPart {
    fn new(part: Part) -> Self {
        Self { part, signature: Signature::exact(vec![DataType::Utf8], Volatility::Immutable) }
    }

    fn map(&self, paths: &StringArray) -> StringArray {
        if paths.null_count() == 0 {
            let paths = (0..paths.len()).map(|at| paths.value(at));
            return StringArray::from_iter_values(paths.map(|path| self.part.of(path)));
        }
        let mut parts = StringBuilder::with_capacity(paths.len(), paths.len() * 8);
        for path in paths {
            parts.append_option(path.map(|path| self.part.of(path)));
        }
        parts.finish()
    }
}

impl ScalarUDFImpl for PathPart {
    fn name(&self) -> &str {
        match self.part {
            Part::Parent => "path_parent",
            Part::Name => "path_name",
            Part::Stem => "path_file_stem",
            Part::Extension => "path_file_ext",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match &call.args[0] {
            ColumnarValue::Scalar(path) => {
                let part = path.try_as_str().flatten().map(|path| self.part.of(path).to_owned());
                Ok(ColumnarValue::Scalar(ScalarValue::Utf8(part)))
            }
            ColumnarValue::Array(paths) => {
                Ok(ColumnarValue::Array(Arc::new(self.map(paths.as_string::<i32>()))))
            }
        }
    }
}
