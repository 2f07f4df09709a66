//! Runs `files/*.slt`: SQL with its expected results, one session for each file.
//!
//! `cargo test --test slt -- [--complete] [part of a file's name]`; `--complete` writes the results that it sees
//! into the files, to be read as a diff. `--upstream FOLDER` runs files of others, see `upstream.rs`.

mod database;
mod fixtures;
mod upstream;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs};

use sqllogictest::{Runner, default_normalizer, default_validator, strict_column_validator};

use database::Database;

/// How many files there are at least; fewer means that a folder was moved.
const FEWEST: usize = 8;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let complete = arguments.iter().any(|argument| argument == "--complete");
    if arguments.iter().any(|argument| argument == "--list") {
        return ExitCode::SUCCESS;
    }
    if let Some(at) = arguments.iter().position(|argument| argument == "--upstream") {
        let mut rest = arguments[at + 1..].iter().filter(|argument| !argument.starts_with('-'));
        let Some(folder) = rest.next() else {
            eprintln!("--upstream takes a folder");
            return ExitCode::FAILURE;
        };
        return upstream::run(Path::new(folder), rest.next().map(String::as_str)).await;
    }
    let wanted = arguments.iter().find(|argument| !argument.starts_with('-'));
    let files = files();
    if files.len() < FEWEST {
        eprintln!("only {} .slt files were found, expected {FEWEST} or more", files.len());
        return ExitCode::FAILURE;
    }
    let name = |file: &PathBuf| file.file_stem().unwrap().to_string_lossy().into_owned();
    let mut failed = 0;
    for file in files.iter().filter(|file| wanted.is_none_or(|part| name(file).contains(part))) {
        let outcome = if complete { write(file).await } else { check(file).await };
        match outcome {
            Ok(()) => println!("slt {} ... ok", name(file)),
            Err(problem) => {
                failed += 1;
                println!("slt {} ... FAILED\n{problem}\n", name(file));
            }
        }
    }
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("slt/files");
    let entries = fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|found| found == "slt")).collect();
    files.sort();
    files
}

async fn check(file: &Path) -> Result<(), String> {
    let mut runner = Runner::new(Database::open);
    runner.with_column_validator(strict_column_validator);
    runner.run_file_async(file).await.map_err(|error| error.to_string())
}

async fn write(file: &Path) -> Result<(), String> {
    let mut runner = Runner::new(Database::open);
    let written = runner.update_test_file(
        file,
        " ",
        default_validator,
        default_normalizer,
        strict_column_validator,
    );
    written.await.map_err(|error| error.to_string())
}
