//! [`SourceIdentity`]: what the rows of a source are, as data.

use blake3::Hash;
use datafusion::common::ScalarValue;

use super::encoder::Encoder;

/// What the rows of a source are; the types of its columns come beside it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum SourceIdentity {
    /// A version of a dataset, whose rows never change, and what is seen of it.
    Version {
        /// The version's own name, which no other version has.
        uuid: String,
        /// The columns, as paths into those of the version.
        paths: Vec<Vec<String>>,
    },
    /// The rows of a version that another version of the dataset does not have.
    Apart {
        uuid: String,
        paths: Vec<Vec<String>>,
        /// The other version's own name.
        other: String,
        /// Whether only the rows that both begin with are left out.
        is_start: bool,
    },
    /// Some rows of a version.
    At {
        uuid: String,
        paths: Vec<Vec<String>>,
        /// The digest of their places.
        places: String,
    },
    /// Rows that are in memory.
    Values {
        /// Their [`super::Content`].
        digest: String,
    },
    /// Files, in the order of their rows.
    Files(Vec<FileIdentity>),
}

/// A file in one state of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FileIdentity {
    pub(crate) path: String,
    pub(crate) bytes: u64,
    /// When it says that it was written, in microseconds.
    pub(crate) modified: i64,
    pub(crate) e_tag: Option<String>,
    /// When the file system last changed anything about it, in seconds and nanoseconds.
    pub(crate) changed: Option<(i64, i64)>,
    /// The values of columns that stand in the names of its folders.
    pub(crate) folders: Vec<ScalarValue>,
}

impl SourceIdentity {
    /// Its digest.
    pub(crate) fn digest(&self) -> Hash {
        let mut out = Encoder::new("source");
        match self {
            Self::Version { uuid, paths } => {
                out.tag("version");
                out.text(uuid);
                out.list(paths, |out, path| out.list(path, |out, step| out.text(step)));
            }
            Self::Apart { uuid, paths, other, is_start } => {
                out.tag("apart");
                out.text(uuid);
                out.list(paths, |out, path| out.list(path, |out, step| out.text(step)));
                out.text(other);
                out.flag(*is_start);
            }
            Self::At { uuid, paths, places } => {
                out.tag("at");
                out.text(uuid);
                out.list(paths, |out, path| out.list(path, |out, step| out.text(step)));
                out.text(places);
            }
            Self::Values { digest } => {
                out.tag("values");
                out.text(digest);
            }
            Self::Files(files) => {
                out.tag("files");
                out.list(files, |out, file| file.encode(out));
            }
        }
        out.finish()
    }
}

impl FileIdentity {
    fn encode(&self, out: &mut Encoder) {
        let Self { path, bytes, modified, e_tag, changed, folders } = self;
        out.text(path);
        out.number(*bytes);
        out.signed(*modified);
        out.maybe(e_tag.as_deref(), Encoder::text);
        out.maybe(*changed, |out, (seconds, nanos)| {
            out.signed(seconds);
            out.signed(nanos);
        });
        out.list(folders, Encoder::scalar);
    }
}
