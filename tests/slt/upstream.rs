//! Runs somebody else's `.slt` files, and compares how many of their records pass with how many did before.
//!
//! `scripts/upstream_slt.sh FOLDER [part of a file's name]`. What a file expects may be another engine's choice: names
//! without regard to case, settings, plans, tables of files. So a record is one of three:
//!
//! * it passes: the rows are the expected ones, numbers up to their last digits; or an error was expected, and comes;
//! * it is not applicable: it is refused by name, needs what an earlier record was to make, or shows a plan;
//! * it fails.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use std::{env, fs};

use sqllogictest::{
    DefaultColumnType, MakeConnection, Normalizer, QueryExpect, Record, Runner, StatementExpect,
    TestErrorKind, default_normalizer, parse_file,
};
use tokio::time::timeout;

use crate::database::Database;

/// How many records of each file pass, fail and are not applicable.
const KNOWN: &str = "slt/upstream.txt";

/// How long a record may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// What stands in errors about what is not there because an earlier record was not applicable, or is left out.
const NOT_OURS: [&str; 8] = [
    "not_supported",
    "sql.syntax",
    "does not exist",
    "unknown column",
    "unknown table",
    "Invalid function",
    "invalid parameters",
    "two columns are named",
];

/// What statements begin with that are about another engine.
const OTHERS: [&str; 7] = ["explain", "set", "reset", "show", "describe", "insert", "copy"];

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    passed: usize,
    failed: usize,
    other: usize,
}

#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Passed,
    Failed(String),
    Other,
}

/// Runs the files of a folder; with `--write` the counts become those to compare with.
pub(crate) async fn run(folder: &Path, part: Option<&str>) -> ExitCode {
    let list = Path::new(env!("CARGO_MANIFEST_DIR")).join(KNOWN);
    let known = read(&list);
    let mut found = BTreeMap::new();
    for file in files(folder) {
        let name = file.strip_prefix(folder).unwrap_or(&file).to_string_lossy().into_owned();
        if part.is_none_or(|part| name.contains(part)) {
            found.insert(name.clone(), run_file(&file, &name).await);
        }
    }
    let mut worse = 0;
    for (name, counts) in &found {
        let before = known.get(name).copied().unwrap_or_default();
        if counts.passed < before.passed {
            worse += 1;
            println!("{name}: {} passed, {} did before", counts.passed, before.passed);
        }
    }
    let sum = |count: fn(&Counts) -> usize| found.values().map(count).sum::<usize>();
    let (passed, failed) = (sum(|it| it.passed), sum(|it| it.failed));
    println!("{passed} passed, {failed} failed, {} not applicable", sum(|it| it.other));
    if env::args().any(|argument| argument == "--write") {
        let mut all = known;
        all.extend(found);
        fs::write(list, written(&all)).unwrap();
    }
    if worse == 0 && passed > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn read(list: &Path) -> BTreeMap<String, Counts> {
    let text = fs::read_to_string(list).unwrap_or_default();
    let line = |line: &str| {
        let mut words = line.split(' ');
        let name = words.next()?.to_owned();
        let mut count = || words.next()?.parse().ok();
        Some((name, Counts { passed: count()?, failed: count()?, other: count()? }))
    };
    text.lines().filter_map(line).collect()
}

fn written(all: &BTreeMap<String, Counts>) -> String {
    let line = |(name, it): (&String, &Counts)| {
        format!("{name} {} {} {}\n", it.passed, it.failed, it.other)
    };
    all.iter().map(line).collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|ending| ending == "slt") {
            found.push(path);
        }
    }
    found.sort();
    found
}

async fn run_file(file: &Path, name: &str) -> Counts {
    let mut counts = Counts::default();
    let Ok(records) = parse_file::<DefaultColumnType>(file) else { return counts };
    let mut runner = Runner::new(Database::empty);
    runner.with_validator(alike);
    for record in records {
        let (text, place) = match &record {
            Record::Statement { sql, loc, .. } | Record::Query { sql, loc, .. } => {
                (sql.clone(), loc.line())
            }
            Record::Halt { .. } => break,
            Record::Condition(_) | Record::Control(_) => {
                drop(runner.run_async(record).await);
                continue;
            }
            _ => continue,
        };
        match run_record(&mut runner, record, &text).await {
            Outcome::Passed => counts.passed += 1,
            Outcome::Other => counts.other += 1,
            Outcome::Failed(problem) => {
                counts.failed += 1;
                println!("{name}:{place}\n{problem}\n");
            }
        }
    }
    counts
}

async fn run_record(
    runner: &mut Runner<Database, impl MakeConnection<Conn = Database>>,
    record: Record<DefaultColumnType>,
    text: &str,
) -> Outcome {
    let first = text.split_whitespace().next().unwrap_or_default().to_lowercase();
    let wants_error = matches!(
        &record,
        Record::Statement { expected: StatementExpect::Error(_), .. }
            | Record::Query { expected: QueryExpect::Error(_), .. }
    );
    let ran = timeout(PATIENCE, runner.run_async(record)).await;
    let error = match ran {
        Ok(Ok(_)) => return Outcome::Passed,
        Ok(Err(error)) => error,
        Err(_) => return Outcome::Failed(format!("too slow\n[SQL] {text}")),
    };
    let kind = error.kind();
    let told = kind.to_string();
    if matches!(kind, TestErrorKind::ErrorMismatch { .. }) && wants_error {
        return Outcome::Passed;
    }
    let is_other = OTHERS.contains(&first.as_str())
        || matches!(kind, TestErrorKind::Fail { .. })
            && NOT_OURS.iter().any(|it| told.contains(it));
    if is_other { Outcome::Other } else { Outcome::Failed(told) }
}

/// Whether rows are the expected ones: words are, and numbers up to their last digits.
fn alike(_normalizer: Normalizer, actual: &[Vec<String>], expected: &[String]) -> bool {
    let actual: Vec<String> = actual.iter().map(|row| default_normalizer(&row.join(" "))).collect();
    let expected: Vec<String> = expected.iter().map(default_normalizer).collect();
    let words = |one: &str, other: &str| {
        let (one, other): (Vec<_>, Vec<_>) = (one.split(' ').collect(), other.split(' ').collect());
        one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
    };
    actual.len() == expected.len()
        && actual.iter().zip(&expected).all(|(one, other)| one == other || words(one, other))
}

fn same(one: &str, other: &str) -> bool {
    let number = |text: &str| match text {
        "Infinity" | "inf" => Some(f64::INFINITY),
        "-Infinity" | "-inf" => Some(f64::NEG_INFINITY),
        text => text.parse::<f64>().ok(),
    };
    match (number(one), number(other)) {
        _ if one == other => true,
        // Moments without a zone are in UTC here.
        _ if one.strip_suffix('Z') == Some(other) => true,
        (Some(one), Some(other)) if one.is_nan() || other.is_nan() => {
            one.is_nan() && other.is_nan()
        }
        (Some(one), Some(other)) => {
            one == other || (one - other).abs() <= 1e-9 * one.abs().max(1e-3)
        }
        _ => false,
    }
}
