//! [`Process`]: one worker process as the system sees it. It never outlives its owner, and leaves no zombie.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use crate::protocol::Request;
use crate::{OwnedByProcess, stop};

/// How often the end of a process is looked for.
const LOOK: Duration = Duration::from_millis(2);

/// All workers of this process.
static PROCESSES: Mutex<Vec<Weak<Process>>> = Mutex::new(Vec::new());

/// How a worker process is started. Its standard input is the socket that [`crate::serve`] wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerCommand {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Variables in addition to those of this process.
    pub environment: Vec<(OsString, OsString)>,
}

/// A running worker process; dropping it kills it.
#[derive(Debug)]
pub(crate) struct Process {
    child: OwnedByProcess<Mutex<Child>>,
    /// Whether it computes something, and so would not hear a farewell.
    busy: AtomicBool,
    stream: UnixStream,
}

impl Process {
    /// Starts a worker, and our end of its socket.
    pub(crate) fn spawn(command: &WorkerCommand) -> io::Result<(Arc<Self>, UnixStream)> {
        let (ours, theirs) = UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let child = Command::new(&command.program)
            .args(&command.arguments)
            .envs(command.environment.iter().map(|(name, value)| (name, value)))
            .stdin(OwnedFd::from(theirs))
            // Ctrl-C is for the session, which then ends its workers.
            .process_group(0)
            .spawn()?;
        let process = Arc::new(Self {
            child: OwnedByProcess::new(Mutex::new(child), |child| kill(child)),
            busy: AtomicBool::new(true),
            stream: ours.try_clone()?,
        });
        register(&process);
        Ok((process, ours))
    }

    /// Whether this process started it.
    pub(crate) fn is_ours(&self) -> bool {
        self.child.is_ours()
    }

    pub(crate) fn set_busy(&self, busy: bool) {
        self.busy.store(busy, Ordering::Relaxed);
    }

    /// How it ended, once it has.
    pub(crate) fn ended(&self) -> Option<ExitStatus> {
        self.child().try_wait().ok().flatten()
    }

    /// Ends it now.
    pub(crate) fn kill(&self) {
        kill(&self.child);
    }

    /// The memory that it uses.
    pub(crate) fn resident_bytes(&self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child().id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
        Some(kibibytes * 1024)
    }

    fn child(&self) -> MutexGuard<'_, Child> {
        lock(&self.child)
    }

    /// Asks an idle worker to tear its functions down and to end. One that is gone need not hear it.
    fn say_bye(&self) {
        if let Ok(frame) = Request::Bye.into_frame() {
            drop((&self.stream).write_all(&frame.header()));
        }
    }
}

fn lock(child: &Mutex<Child>) -> MutexGuard<'_, Child> {
    child.lock().unwrap_or_else(PoisonError::into_inner)
}

fn kill(child: &Mutex<Child>) {
    let mut child = lock(child);
    // It may have ended by itself: then there is nobody to kill.
    drop(child.kill());
    drop(child.wait());
}

/// Ends idle workers in good order, and by force those that have not ended after `patience`.
pub(crate) fn retire(processes: &[Arc<Process>], patience: Duration) {
    for process in processes {
        process.say_bye();
    }
    let deadline = Instant::now() + patience;
    for process in processes {
        while process.ended().is_none() && Instant::now() < deadline {
            thread::sleep(LOOK);
        }
        process.kill();
    }
}

/// Ends all workers of this process: idle ones in good order, busy ones at once.
pub(crate) fn end_all(patience: Duration) {
    let all = std::mem::take(&mut *PROCESSES.lock().unwrap_or_else(PoisonError::into_inner));
    let all = all.iter().filter_map(Weak::upgrade).filter(|process| process.is_ours());
    let (busy, idle): (Vec<_>, Vec<_>) =
        all.partition(|process| process.busy.load(Ordering::Relaxed));
    for process in &busy {
        process.kill();
    }
    retire(&idle, patience);
}

/// How a process ended, as the end of a sentence about it.
pub(crate) fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exited with code {code}"),
        (None, Some(signal)) => format!("was killed by signal {signal}{}", signal_name(signal)),
        (None, None) => "ended".to_owned(),
    }
}

fn register(process: &Arc<Process>) {
    let mut all = PROCESSES.lock().unwrap_or_else(PoisonError::into_inner);
    all.retain(|process| process.strong_count() > 0);
    all.push(Arc::downgrade(process));
    drop(all);
    if stop::is_ending() {
        process.kill();
    }
}

fn signal_name(signal: i32) -> &'static str {
    match signal {
        4 => " (SIGILL)",
        6 => " (SIGABRT)",
        7 => " (SIGBUS)",
        8 => " (SIGFPE)",
        9 => " (SIGKILL)\nhint: the system kills processes when its memory runs out",
        11 => " (SIGSEGV)",
        15 => " (SIGTERM)",
        _ => "",
    }
}
