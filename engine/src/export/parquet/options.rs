//! What options mean to the writer.

use std::str::FromStr;

use arrow::datatypes::SchemaRef;
use datafusion::parquet::basic::{BrotliLevel, Compression, GzipLevel, ZstdLevel};
use datafusion::parquet::errors::ParquetError;
use datafusion::parquet::file::properties::{
    EnabledStatistics, WriterProperties, WriterPropertiesBuilder, WriterVersion,
};
use datafusion::parquet::schema::types::{ColumnPath, SchemaDescriptor};

use crate::{Error, Result};

const CREATOR: &str = concat!("lakebed ", env!("CARGO_PKG_VERSION"));

/// The compression that other writers choose too.
const DEFAULT: &str = "snappy";

pub(super) fn properties(
    options: &[(String, String)],
    schema: &SchemaRef,
    kind: &SchemaDescriptor,
) -> Result<WriterPropertiesBuilder> {
    let of = |name: &str, column: Option<&str>| {
        let found = options.iter().find(|(key, _)| parts(key) == (name, column));
        found.map(|(_, value)| value.as_str())
    };
    let compression_of = |column: Option<&str>| {
        let name = of("compression", column).or_else(|| of("compression", None));
        let level = of("level", column).or_else(|| of("level", None));
        compression(name.unwrap_or(DEFAULT), level)
    };
    let mut built = WriterProperties::builder()
        .set_created_by(CREATOR.to_owned())
        .set_max_row_group_row_count(None)
        .set_compression(compression_of(None)?);
    for (key, value) in options {
        let (name, column) = parts(key);
        built = match (name, column) {
            ("level" | "compression", None) => built,
            ("level" | "compression", Some(column)) => {
                let chosen = compression_of(Some(column))?;
                let paths = paths(column, schema, kind)?.into_iter();
                paths.fold(built, |built, path| built.set_column_compression(path, chosen))
            }
            ("dictionary", None) => built.set_dictionary_enabled(parsed("use_dictionary", value)?),
            ("statistics", None) => {
                built.set_statistics_enabled(statistics(parsed("write_statistics", value)?))
            }
            ("page_bytes", None) => {
                built.set_data_page_size_limit(parsed("data_page_size", value)?)
            }
            ("page_version", None) => built.set_writer_version(match value.as_str() {
                "2.0" => WriterVersion::PARQUET_2_0,
                _ => WriterVersion::PARQUET_1_0,
            }),
            ("batch_rows", None) => built.set_write_batch_size(parsed("write_batch_size", value)?),
            ("dictionary_bytes", None) => {
                built.set_dictionary_page_size_limit(parsed("dictionary_pagesize_limit", value)?)
            }
            (name, Some(column)) => {
                let paths = paths(column, schema, kind)?;
                paths
                    .into_iter()
                    .try_fold(built, |built, path| for_column(built, (name, path), value))?
            }
            (name, None) => return Err(wrong("option", name, "no option of Parquet files")),
        };
    }
    Ok(built)
}

/// Whether they say which columns have a dictionary.
pub(super) fn choose_dictionaries(options: &[(String, String)]) -> bool {
    options.iter().any(|(key, _)| parts(key).0 == "dictionary")
}

/// An option of one column.
fn for_column(
    built: WriterPropertiesBuilder,
    (name, path): (&str, ColumnPath),
    value: &str,
) -> Result<WriterPropertiesBuilder> {
    Ok(match name {
        "dictionary" => built.set_column_dictionary_enabled(path, parsed("use_dictionary", value)?),
        "statistics" => {
            let wanted = statistics(parsed("write_statistics", value)?);
            built.set_column_statistics_enabled(path, wanted)
        }
        name => return Err(wrong("option", name, "no option of single columns")),
    })
}

fn parts(key: &str) -> (&str, Option<&str>) {
    key.split_once(':').map_or((key, None), |(name, column)| (name, Some(column)))
}

/// What a column of ours is stored in.
fn paths(column: &str, schema: &SchemaRef, kind: &SchemaDescriptor) -> Result<Vec<ColumnPath>> {
    if schema.fields().find(column).is_none() {
        let known = schema.fields().iter().map(|field| field.name().clone()).collect();
        return Err(Error::UnknownColumn { name: column.to_owned(), near: vec![], known });
    }
    let of_it = kind.columns().iter().map(|stored| stored.path());
    let of_it = of_it.filter(|path| path.parts().first().is_some_and(|first| first == column));
    Ok(of_it.cloned().collect())
}

fn statistics(wanted: bool) -> EnabledStatistics {
    if wanted { EnabledStatistics::Page } else { EnabledStatistics::None }
}

fn compression(name: &str, level: Option<&str>) -> Result<Compression> {
    let unfit = |error: ParquetError| {
        wrong("compression_level", level.unwrap_or_default(), &error.to_string())
    };
    let number = |level: &str| parsed::<u32>("compression_level", level);
    Ok(match (name.to_ascii_lowercase().as_str(), level) {
        ("none" | "uncompressed" | "snappy" | "lz4" | "lz4_raw", Some(level)) => {
            let accepted = "only gzip, brotli and zstd have levels";
            return Err(wrong("compression_level", level, accepted));
        }
        ("none" | "uncompressed", _) => Compression::UNCOMPRESSED,
        ("snappy", _) => Compression::SNAPPY,
        ("lz4" | "lz4_raw", _) => Compression::LZ4_RAW,
        ("gzip", None) => Compression::GZIP(GzipLevel::default()),
        ("gzip", Some(level)) => {
            Compression::GZIP(GzipLevel::try_new(number(level)?).map_err(unfit)?)
        }
        ("brotli", None) => Compression::BROTLI(BrotliLevel::default()),
        ("brotli", Some(level)) => {
            Compression::BROTLI(BrotliLevel::try_new(number(level)?).map_err(unfit)?)
        }
        ("zstd", None) => Compression::ZSTD(ZstdLevel::default()),
        ("zstd", Some(level)) => {
            let level = parsed("compression_level", level)?;
            Compression::ZSTD(ZstdLevel::try_new(level).map_err(unfit)?)
        }
        _ => {
            let accepted = "use snappy, gzip, brotli, zstd, lz4 or none";
            return Err(wrong("compression", name, accepted));
        }
    })
}

fn parsed<T: FromStr>(option: &'static str, value: &str) -> Result<T> {
    value.parse().map_err(|_ignored| wrong(option, value, "a value of another kind is needed"))
}

fn wrong(argument: &'static str, given: &str, accepted: &str) -> Error {
    Error::InvalidArgument { argument, given: given.to_owned(), accepted: accepted.to_owned() }
}
