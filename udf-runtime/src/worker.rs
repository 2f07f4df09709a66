//! [`Worker`]: the session's end of one worker process.

use std::io;
use std::os::unix::net::UnixStream as IdleStream;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::record_batch::RecordBatch;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::sleep;

use crate::process::{Process, WorkerCommand, describe};
use crate::protocol::{Callee, PROTOCOL, Quiet, Reply, Request};
use crate::transport::{Assembly, Frame};
use crate::{Error, FunctionFailure, Result};

/// How many functions a worker keeps warm.
const WARM: usize = 8;

/// How long a worker that closed its connection may take to end.
const END: Duration = Duration::from_secs(1);

/// How often its end is looked for meanwhile.
const LOOK: Duration = Duration::from_millis(2);

/// A function as workers get it.
#[derive(Debug)]
pub(crate) struct Shipped {
    /// Its number: the same for the same bytes.
    pub(crate) number: u64,
    pub(crate) blob: Vec<u8>,
}

/// What all workers are to know; the first has the number 0 and is nothing.
#[derive(Debug, Default)]
pub(crate) struct Setup {
    pub(crate) number: u64,
    pub(crate) blob: Quiet,
}

/// A worker that is talked to; dropping it kills the process.
#[derive(Debug)]
pub(crate) struct Worker {
    process: Arc<Process>,
    stream: UnixStream,
    partial: Assembly,
    /// The functions that it holds, the one used last at the end.
    loaded: Vec<u64>,
    calls: u64,
    /// The number of the set-up that it has.
    setup: u64,
}

/// A worker that waits for work, independent of any runtime; dropping it kills the process.
#[derive(Debug)]
pub(crate) struct IdleWorker {
    pub(crate) process: Arc<Process>,
    stream: IdleStream,
    loaded: Vec<u64>,
    calls: u64,
    setup: u64,
    /// When it was done.
    pub(crate) since: Instant,
}

impl Worker {
    /// Starts a process and waits until it is up.
    pub(crate) async fn start(command: &WorkerCommand) -> Result<Self> {
        let failed =
            |source| Error::WorkerStart { program: command.program.display().to_string(), source };
        let spawned = Process::spawn(command);
        let (process, stream) = spawned.map_err(|error| failed(could_not_run(&error)))?;
        let stream = UnixStream::from_std(stream).map_err(failed)?;
        let partial = Assembly::new();
        let mut worker = Self { process, stream, partial, loaded: Vec::new(), calls: 0, setup: 0 };
        match worker.reply().await {
            Ok(Reply::Hello { protocol: PROTOCOL }) => Ok(worker),
            Ok(Reply::Hello { protocol }) => Err(failed(io::Error::other(format!(
                "speaks version {protocol} of the protocol, this session speaks version {PROTOCOL}"
            )))),
            Ok(_) => Err(failed(io::Error::other("did not say hello"))),
            Err(error) => Err(failed(io::Error::other(worker.cause_of_death(&error).await))),
        }
    }

    /// Gives it what all workers are to know, unless it has it.
    pub(crate) async fn configure(&mut self, setup: &Setup) -> io::Result<()> {
        if self.setup != setup.number {
            let message = Request::Configure { setup: setup.blob.clone() };
            self.send(message.into_frame()?).await?;
            self.setup = setup.number;
        }
        Ok(())
    }

    /// The number of the call, whose reply comes after those of the calls before it.
    pub(crate) async fn call(
        &mut self,
        function: &Shipped,
        pulses: bool,
        arguments: RecordBatch,
    ) -> io::Result<u64> {
        self.load(function).await?;
        self.calls += 1;
        let (sequence, callee) = (self.calls, Callee { function: function.number, pulses });
        self.send(Request::Call { sequence, callee, arguments }.into_frame()?).await?;
        Ok(sequence)
    }

    /// Tears down a function that was called; it is set up again when it is called again. What it raised.
    pub(crate) async fn tear_down(&mut self, function: u64) -> io::Result<Option<FunctionFailure>> {
        self.send(Request::TearDown { function }.into_frame()?).await?;
        loop {
            if let Reply::TornDown { failure } = self.reply().await? {
                return Ok(failure);
            }
        }
    }

    /// Waits for what the worker says next. Nothing is lost when the future is dropped.
    pub(crate) async fn reply(&mut self) -> io::Result<Reply> {
        loop {
            let bytes = self.stream.read(self.partial.room()).await?;
            if bytes == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if let Some(frame) = self.partial.arrived(bytes)? {
                return Reply::from_frame(frame);
            }
        }
    }

    /// What became of the process, once talking to it failed: it "exited with code 3".
    pub(crate) async fn cause_of_death(&self, error: &io::Error) -> String {
        if error.kind() == io::ErrorKind::InvalidData {
            return format!("sent something that is no message: {error}");
        }
        let deadline = Instant::now() + END;
        loop {
            match self.ended() {
                Some(status) => return describe(status),
                None if Instant::now() < deadline => sleep(LOOK).await,
                None => return "closed its connection".to_owned(),
            }
        }
    }

    /// How the process ended, if it has.
    pub(crate) fn ended(&self) -> Option<ExitStatus> {
        self.process.ended()
    }

    /// The memory that the process uses.
    pub(crate) fn resident_bytes(&self) -> Option<u64> {
        self.process.resident_bytes()
    }

    /// Without work; `None` when the connection cannot be used again.
    pub(crate) fn into_idle(self) -> Option<IdleWorker> {
        let Self { process, stream, partial, loaded, calls, setup } = self;
        let stream = stream.into_std().ok().filter(|_| partial.is_empty())?;
        process.set_busy(false);
        Some(IdleWorker { process, stream, loaded, calls, setup, since: Instant::now() })
    }

    async fn load(&mut self, function: &Shipped) -> io::Result<()> {
        let known = self.loaded.iter().position(|number| *number == function.number);
        match known {
            Some(at) => drop(self.loaded.remove(at)),
            None => {
                if self.loaded.len() >= WARM {
                    let function = self.loaded.remove(0);
                    self.send(Request::Unload { function }.into_frame()?).await?;
                }
                let blob = function.blob.clone();
                self.send(Request::Load { function: function.number, blob }.into_frame()?).await?;
            }
        }
        self.loaded.push(function.number);
        Ok(())
    }

    async fn send(&mut self, frame: Frame) -> io::Result<()> {
        self.stream.write_all(&frame.header()).await?;
        self.stream.write_all(&frame.head).await?;
        self.stream.write_all(&frame.body).await
    }
}

impl IdleWorker {
    /// For work in the current runtime; `None` when the process has ended meanwhile.
    pub(crate) fn into_busy(self) -> Option<Worker> {
        let Self { process, stream, loaded, calls, setup, .. } = self;
        if process.ended().is_some() {
            return None;
        }
        process.set_busy(true);
        let stream = UnixStream::from_std(stream).ok()?;
        Some(Worker { process, stream, partial: Assembly::new(), loaded, calls, setup })
    }

    /// Whether it holds this function.
    pub(crate) fn is_warm(&self, function: u64) -> bool {
        self.loaded.contains(&function)
    }
}

fn could_not_run(error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("could not be run: {error}"))
}
