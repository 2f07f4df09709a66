//! Functions that do to their worker what users' functions do, and the processes that run them.

use std::collections::VecDeque;
use std::fs::{self, OpenOptions};
use std::hint::black_box;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;

use arrow::array::{Int64Array, UInt32Array};
use arrow::record_batch::RecordBatch;
use futures::{StreamExt, stream};
use serde::{Deserialize, Serialize};

use super::{PATIENCE, batch};
use crate::conformance::AddOne;
use crate::{
    Answer, BatchFunction, FunctionFailure, Loader, PoolOptions, RunningFunction, Shape, Stop,
    WorkerCommand, WorkerPool, end_workers, serve,
};

/// Adds one to each value, except where it does something else.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Fake {
    /// The value at which it is done; at each, when there is none.
    pub(super) at: Option<i64>,
    pub(super) what: What,
    /// Does not say which row it computes.
    pub(super) is_silent: bool,
    /// Has any number of results for a row.
    pub(super) any: bool,
    pub(super) depth: usize,
    /// A file that its tear-down writes.
    pub(super) epitaph: Option<PathBuf>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) enum What {
    #[default]
    Nothing,
    Exit(i32),
    /// Sends this signal to itself.
    Signal(String),
    Hang,
    /// Writes its process id to this file, and hangs.
    HangAs(PathBuf),
    /// Dies in the middle of a message.
    HalfFrame,
    /// Writes to the socket, as a program that inherits it would.
    Garbage,
    /// Writes to standard output.
    Print,
    /// Uses more and more memory.
    Leak(usize),
    /// Uses memory, and hangs.
    Hoard(usize),
    Raise,
    /// The process id instead of the sum.
    Pid,
    /// How often functions were started in the process.
    Starts,
    /// Computes for a time that differs from value to value.
    Work,
}

static SOCKET: OnceLock<UnixStream> = OnceLock::new();
static LEAKED: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());
static STARTS: AtomicI64 = AtomicI64::new(0);

impl BatchFunction for Fake {
    fn name(&self) -> &str {
        "fake"
    }

    fn shape(&self) -> Shape {
        if self.any { Shape::Any } else { Shape::OnePerRow }
    }

    fn depth(&self) -> usize {
        self.depth
    }

    fn ship(&self) -> Result<Vec<u8>, FunctionFailure> {
        serde_json::to_vec(self)
            .map_err(|error| FunctionFailure::new("ValueError", error.to_string()))
    }

    fn start(&self) -> Result<Box<dyn RunningFunction>, FunctionFailure> {
        STARTS.fetch_add(1, Ordering::SeqCst);
        Ok(Box::new(Running { fake: self.clone(), begun: VecDeque::new() }))
    }
}

struct Running {
    fake: Fake,
    begun: VecDeque<RecordBatch>,
}

impl RunningFunction for Running {
    fn begin(&mut self, arguments: RecordBatch) {
        self.begun.push_back(arguments);
        assert!(self.begun.len() <= self.fake.depth.max(1), "too many batches are begun");
    }

    fn complete(&mut self, stop: &Stop) -> Result<Answer, FunctionFailure> {
        let arguments = self.begun.pop_front().expect("a batch that was begun");
        let values = arguments.column(0).as_any().downcast_ref::<Int64Array>().expect("integers");
        let mut results = Vec::new();
        for (row, value) in values.values().iter().enumerate() {
            if !self.fake.is_silent {
                stop.row(row);
            }
            let acts = self.fake.at.is_none_or(|at| at == *value);
            let result = if acts { self.fake.what.act(*value) } else { Ok(value + 1) };
            results.push(result.map_err(|failure| FunctionFailure { row: Some(row), ..failure })?);
        }
        let origins = self.fake.any.then(|| (0..).take(results.len()).collect::<UInt32Array>());
        Ok(Answer { origins, ..Answer::one_per_row(batch(&results)) })
    }

    fn finish(&mut self) -> Result<(), FunctionFailure> {
        if let Some(path) = &self.fake.epitaph {
            note(path, "torn down");
        }
        Ok(())
    }
}

impl What {
    fn act(&self, value: i64) -> Result<i64, FunctionFailure> {
        match self {
            Self::Nothing => {}
            Self::Exit(code) => exit(*code),
            Self::Signal(name) => {
                let pid = process::id().to_string();
                loop {
                    // The first one may be handled, as Rust does to look for stack overflows.
                    drop(Command::new("kill").args([&format!("-{name}"), &pid]).status());
                }
            }
            Self::Hang => hang(),
            Self::HangAs(path) => {
                write_pid(path);
                hang()
            }
            Self::HalfFrame => {
                write(socket(), &[0xB3, 1, 0, 0]);
                exit(4)
            }
            Self::Garbage => {
                write(socket(), b"hello, parent! here is some text");
                hang()
            }
            Self::Print => {
                write(io::stdout(), format!("printed {value}\n").repeat(10_000).as_bytes());
            }
            Self::Leak(bytes) => leak(*bytes),
            Self::Hoard(bytes) => {
                leak(*bytes);
                hang()
            }
            Self::Raise => {
                return Err(FunctionFailure {
                    traceback: Some("line 1".to_owned()),
                    copied: Some(vec![1, 2, 255]),
                    ..FunctionFailure::new("ValueError", "told to fail")
                });
            }
            Self::Pid => return Ok(i64::from(process::id())),
            Self::Starts => return Ok(STARTS.load(Ordering::SeqCst)),
            Self::Work => {
                black_box((0..value % 7 * 300_000).fold(0_i64, |sum, next| black_box(sum ^ next)));
            }
        }
        Ok(value + 1)
    }
}

/// Writes the file in one step, so that whoever sees it can read it.
fn write_pid(path: &Path) {
    let partial = path.with_extension("partial");
    let mut file = OpenOptions::new().create(true).append(true).open(&partial).expect("a file");
    write!(file, "{}", process::id()).expect("a process id");
    fs::rename(partial, path).expect("a file in place");
}

fn write(mut sink: impl Write, bytes: &[u8]) {
    sink.write_all(bytes).expect("somebody who reads");
}

fn note(path: &Path, text: &str) {
    fs::write(path, text).expect("a file");
}

fn leak(bytes: usize) {
    LEAKED.lock().expect("a list").push(vec![1; bytes]);
}

fn hang() -> ! {
    loop {
        thread::park();
    }
}

#[expect(clippy::exit, reason = "the process is to die")]
fn exit(code: i32) -> ! {
    process::exit(code)
}

fn socket() -> &'static UnixStream {
    SOCKET.get().expect("the socket of a worker")
}

struct Fakes;

impl Loader for Fakes {
    fn load(&mut self, blob: &[u8]) -> Result<Box<dyn BatchFunction>, FunctionFailure> {
        if let Ok(fake) = serde_json::from_slice::<Fake>(blob) {
            return Ok(Box::new(fake));
        }
        AddOne::load(blob).map(|function| Box::new(function) as Box<dyn BatchFunction>)
    }

    /// A path, and what to write there.
    fn configure(&mut self, setup: &[u8]) -> io::Result<()> {
        let (path, text): (PathBuf, String) = serde_json::from_slice(setup)?;
        fs::write(path, format!("{} {text}", process::id()))
    }
}

const ROLE: &str = "UDF_RUNTIME_TEST_ROLE";

/// This binary as a worker that plays `role`, without what its test harness prints.
pub(super) fn worker_command(role: &str) -> WorkerCommand {
    let binary = std::env::current_exe().expect("this binary");
    let script = "exec \"$0\" \"$@\" >/dev/null";
    WorkerCommand {
        program: PathBuf::from("/bin/sh"),
        arguments: ["-c".into(), script.into(), binary.into_os_string()]
            .into_iter()
            .chain(["--exact", "pool::tests::fake::worker"].map(Into::into))
            .collect(),
        environment: vec![(ROLE.into(), role.into())],
    }
}

/// Not a test but the body of the workers.
#[test]
fn worker() {
    let Some(role) = std::env::var_os(ROLE) else { return };
    let socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned().expect("a socket"));
    match role.to_str() {
        Some("serve") => {
            let copy = socket.try_clone().expect("a copy of the socket");
            SOCKET.set(copy).expect("one worker in a process");
            serve(socket, &mut Fakes).expect("requests");
        }
        Some("other version") => {
            let mut hello = [0; 25];
            (hello[0], hello[1]) = (0xB1, 99);
            (&socket).write_all(&hello).expect("a greeting");
            hang();
        }
        _ => exit(3),
    }
}

const SESSION: &str = "UDF_RUNTIME_TEST_SESSION";

/// A process with a session of its own; dropping it kills the process.
pub(super) struct Session(process::Child);

impl Drop for Session {
    fn drop(&mut self) {
        // It may be gone already.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

pub(super) fn session(what: &str, folder: &Path) -> Session {
    let session = Command::new(std::env::current_exe().expect("this binary"))
        .args(["--exact", "pool::tests::fake::session_process"])
        .env(SESSION, what)
        .env("UDF_RUNTIME_TEST_FOLDER", folder)
        .stdout(process::Stdio::null())
        .spawn();
    Session(session.expect("a session"))
}

/// Not a test but the body of the sessions.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn session_process() {
    let Some(what) = std::env::var_os(SESSION) else { return };
    let folder = PathBuf::from(std::env::var_os("UDF_RUNTIME_TEST_FOLDER").expect("a folder"));
    let pool = WorkerPool::new(worker_command("serve"));
    let executor = pool.executor(PoolOptions::default());
    let run = async |fake: Fake| {
        let input = stream::iter([Ok(batch(&[1]))]).boxed();
        drop(executor.run(Arc::new(fake), input).collect::<Vec<_>>().await);
    };
    let busy = Fake { what: What::HangAs(folder.join("pid")), ..Fake::default() };
    match what.to_str() {
        Some("is killed") => run(busy).await,
        _ => {
            let epitaph = Some(folder.join("epitaph"));
            run(Fake { epitaph, ..Fake::default() }).await;
            end_workers(PATIENCE);
            run(busy).await;
            note(&folder.join("ended"), "");
            hang();
        }
    }
}
