//! [`serve`]: what a worker process does.
//!
//! One thread reads requests all the time, so that the session never waits for a worker that computes, and so that the
//! end of the session ends the worker even in the middle of a call. The functions run on the thread that called
//! [`serve`], and stay there, warm, until they are unloaded.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::os::unix::process::parent_id;
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, Sender, TryRecvError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use arrow::record_batch::RecordBatch;

use crate::drive::{self, Exchange, drive};
use crate::protocol::{Callee, PROTOCOL, Reply, Request};
use crate::transport::{Assembly, read_frame};
use crate::{Answer, BatchFunction, FunctionFailure, RunningFunction, Stop};

/// How often the worker looks whether its session still lives.
const LOOK: Duration = Duration::from_secs(1);

/// How long the process may take to end itself in good order once its session is gone.
const END: Duration = Duration::from_secs(5);

/// How often a worker tells a row when it need not tell each.
const NOW_AND_THEN: Duration = Duration::from_millis(10);

/// Makes functions of what [`BatchFunction::ship`] made of them.
pub trait Loader {
    /// The function in `blob`.
    ///
    /// # Errors
    /// What stands in the way, such as a module that is missing here.
    fn load(&mut self, blob: &[u8]) -> Result<Box<dyn BatchFunction>, FunctionFailure>;

    /// Takes what the session gave [`WorkerPool::configure`](crate::WorkerPool::configure), before any function that
    /// is to know it.
    ///
    /// # Errors
    /// What is wrong with it; it ends the worker.
    fn configure(&mut self, setup: &[u8]) -> io::Result<()> {
        let _: &[u8] = setup;
        Ok(())
    }
}

/// Answers the requests on `stream` until the session says goodbye. When the session is gone without one, the process
/// ends at once.
///
/// `stream` must not be a standard stream of the process any more: programs that a function starts would inherit it.
///
/// # Errors
/// The socket's, and requests that make no sense.
pub fn serve(stream: UnixStream, loader: &mut dyn Loader) -> io::Result<()> {
    let outgoing = Arc::new(Outgoing(Mutex::new(stream.try_clone()?)));
    // WHY: unbounded, because a reader that waits would not see the session's end; its credit bounds what it sends.
    let (arrived, incoming) = mpsc::channel();
    thread::Builder::new().name("requests".to_owned()).spawn(move || read(stream, &arrived))?;
    outgoing.send(Reply::Hello { protocol: PROTOCOL })?;
    Serving { loader, loaded: Vec::new(), incoming, outgoing, next: None }.until_bye()
}

/// The body of the reading thread.
fn read(mut stream: UnixStream, arrived: &Sender<io::Result<Request>>) {
    let session = parent_id();
    let (mut partial, mut ending) = (Assembly::new(), false);
    drop(stream.set_read_timeout(Some(LOOK)));
    loop {
        let request = match read_frame(&mut stream, &mut partial) {
            Ok(Some(frame)) => Request::from_frame(frame),
            // A forked child of the session may still hold the socket.
            Err(error) if is_timeout(&error) && parent_id() == session => continue,
            Err(error) if error.kind() == io::ErrorKind::InvalidData => Err(error),
            Ok(None) | Err(_) => leave(if ending { END } else { Duration::ZERO }),
        };
        ending = matches!(request, Ok(Request::Bye));
        if arrived.send(request).is_err() {
            return;
        }
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

/// Ends the process, whatever its other threads do, unless it ends by itself within `patience`.
#[expect(clippy::exit, reason = "nobody is left to work for")]
fn leave(patience: Duration) -> ! {
    thread::sleep(patience);
    // Exit handlers of native libraries may wait for the thread that computes.
    let forced = thread::Builder::new().spawn(|| {
        thread::sleep(END);
        process::abort()
    });
    drop(forced);
    process::exit(0)
}

/// The way back to the session, for the thread that computes and those that it starts.
struct Outgoing(Mutex<UnixStream>);

impl Outgoing {
    fn send(&self, reply: Reply) -> io::Result<()> {
        let frame = reply.into_frame()?;
        let mut stream = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        stream.write_all(&frame.header())?;
        stream.write_all(&frame.head)?;
        stream.write_all(&frame.body)
    }
}

/// The state of the thread that computes.
struct Serving<'a> {
    loader: &'a mut dyn Loader,
    loaded: Vec<Loaded>,
    incoming: Receiver<io::Result<Request>>,
    outgoing: Arc<Outgoing>,
    /// A request that ended a series of calls.
    next: Option<Request>,
}

/// A function, and its running form once it was called.
struct Loaded {
    number: u64,
    function: Result<Box<dyn BatchFunction>, FunctionFailure>,
    running: Option<Box<dyn RunningFunction>>,
}

impl Serving<'_> {
    fn until_bye(mut self) -> io::Result<()> {
        loop {
            match self.request()? {
                Request::Configure { setup } => self.loader.configure(&setup.0)?,
                Request::Load { function, blob } => {
                    let loaded = self.loader.load(&blob);
                    self.loaded.push(Loaded { number: function, function: loaded, running: None });
                }
                Request::TearDown { function } => {
                    let failure = self.tear_down(function);
                    self.outgoing.send(Reply::TornDown { failure })?;
                }
                Request::Unload { function } => self.unload(|loaded| loaded.number == function),
                Request::Call { sequence, callee, arguments } => {
                    self.call(sequence, callee, arguments)?;
                }
                Request::Bye => {
                    self.unload(|_| true);
                    return Ok(());
                }
            }
        }
    }

    fn request(&mut self) -> io::Result<Request> {
        match self.next.take() {
            Some(request) => Ok(request),
            None => receive(&self.incoming),
        }
    }

    /// Tears a function down that was called and did not fail; what came of it.
    fn tear_down(&mut self, function: u64) -> Option<FunctionFailure> {
        let loaded = self.loaded.iter_mut().find(|loaded| loaded.number == function)?;
        loaded.running.take()?.finish().err()
    }

    /// Tears down what was called and never failed. Nobody waits for a result any more, nor for a failure.
    fn unload(&mut self, which: impl Fn(&Loaded) -> bool) {
        for mut loaded in self.loaded.extract_if(.., |loaded| which(loaded)) {
            drop(loaded.running.as_mut().map(|running| running.finish()));
        }
    }

    /// Answers a call and those that follow it, until a request of another kind comes.
    fn call(&mut self, sequence: u64, callee: Callee, arguments: RecordBatch) -> io::Result<()> {
        let Some(loaded) = self.loaded.iter_mut().find(|loaded| loaded.number == callee.function)
        else {
            return Err(io::Error::other("a call of a function that is not loaded"));
        };
        let (function, running) = match loaded.started() {
            Ok(started) => started,
            Err(failure) => return self.outgoing.send(Reply::Failed { sequence, failure }),
        };
        let mut calls = Calls {
            callee,
            incoming: &self.incoming,
            outgoing: &self.outgoing,
            begun: VecDeque::from([(sequence, arguments.num_rows())]),
            oldest: Arc::new(AtomicU64::new(sequence)),
            held: None,
        };
        let stop = calls.stop();
        // It is set up: from here on its rows are to blame.
        calls.tell_oldest()?;
        match drive(function, running, &mut calls, arguments, &stop) {
            Err(Left::For(request)) => self.next = Some(request),
            Err(Left::Broken(error)) => return Err(error),
            // It failed: it may hold batches that nobody wants any more, and is started anew when it is called again.
            Ok(_) => {
                self.next = calls.held.take();
                loaded.running = None;
            }
        }
        Ok(())
    }
}

impl Loaded {
    /// The function and its running form.
    fn started(
        &mut self,
    ) -> Result<(&dyn BatchFunction, &mut dyn RunningFunction), FunctionFailure> {
        let function = self.function.as_ref().map_err(Clone::clone)?.as_ref();
        let running = match self.running.take() {
            Some(running) => running,
            None => function.start()?,
        };
        Ok((function, self.running.insert(running).as_mut()))
    }
}

/// A series of calls to one function.
struct Calls<'a> {
    callee: Callee,
    incoming: &'a Receiver<io::Result<Request>>,
    outgoing: &'a Arc<Outgoing>,
    /// Calls that are begun and not yet answered, with their rows.
    begun: VecDeque<(u64, usize)>,
    /// The first of them, for pulses.
    oldest: Arc<AtomicU64>,
    /// A request of another kind, which waits until the calls are answered.
    held: Option<Request>,
}

/// Why a series ends without a failure.
enum Left {
    /// This came instead of another call.
    For(Request),
    /// The session cannot be reached.
    Broken(io::Error),
}

impl From<io::Error> for Left {
    fn from(error: io::Error) -> Self {
        Self::Broken(error)
    }
}

impl Calls<'_> {
    /// A stop that is never set: a worker that nobody wants any more is killed.
    fn stop(&self) -> Stop {
        let (outgoing, oldest) = (Arc::clone(self.outgoing), Arc::clone(&self.oldest));
        let (is_each, rhythm) = (self.callee.pulses, Rhythm::new(NOW_AND_THEN));
        Stop::with_pulse(move |rows| {
            if is_each || rhythm.is_due() {
                let sequence = oldest.load(Ordering::Relaxed);
                // Without a session there is nobody to tell; the reading thread ends the process.
                drop(outgoing.send(Reply::Rows { sequence, rows }));
            }
        })
    }

    /// From now on the rows are those of another call, any of them until one is told.
    fn tell_oldest(&self) -> io::Result<()> {
        let Some(&(sequence, rows)) = self.begun.front() else { return Ok(()) };
        self.oldest.store(sequence, Ordering::Relaxed);
        if self.callee.pulses {
            self.outgoing.send(Reply::Rows { sequence, rows: 0..rows })?;
        }
        Ok(())
    }
}

/// Says when it is time for the next one.
struct Rhythm {
    since: Instant,
    every: Duration,
    /// Nanoseconds after `since`.
    next: AtomicU64,
}

impl Rhythm {
    fn new(every: Duration) -> Self {
        Self { since: Instant::now(), every, next: AtomicU64::new(0) }
    }

    fn is_due(&self) -> bool {
        let now = self.since.elapsed();
        let is_due = nanoseconds(now) >= self.next.load(Ordering::Relaxed);
        if is_due {
            self.next.store(nanoseconds(now + self.every), Ordering::Relaxed);
        }
        is_due
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

impl Exchange for Calls<'_> {
    type Error = Left;

    fn request(&mut self, wait: bool) -> Result<drive::Request, Left> {
        let request = match self.held.take() {
            Some(request) => request,
            None if wait => receive(self.incoming)?,
            None => match self.incoming.try_recv() {
                Ok(request) => request?,
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => {
                    return Ok(drive::Request::NotYet);
                }
            },
        };
        match request {
            Request::Call { sequence, callee, arguments } if callee == self.callee => {
                self.begun.push_back((sequence, arguments.num_rows()));
                if self.begun.len() == 1 {
                    self.tell_oldest()?;
                }
                Ok(drive::Request::Batch(arguments))
            }
            request if wait => Err(Left::For(request)),
            request => {
                self.held = Some(request);
                Ok(drive::Request::NotYet)
            }
        }
    }

    fn answer(&mut self, outcome: Result<Answer, FunctionFailure>) -> Result<bool, Left> {
        let Some(&(sequence, _)) = self.begun.front() else {
            return Err(Left::Broken(io::Error::other("an answer that nobody asked for")));
        };
        self.outgoing.send(match outcome {
            // INVARIANT: who waits for one answer a call would take the rest for those of other calls.
            Ok(answer) if answer.more => return Err(Left::Broken(io::Error::other("a part"))),
            Ok(answer) => Reply::Answered { sequence, answer },
            Err(failure) => Reply::Failed { sequence, failure },
        })?;
        self.begun.pop_front();
        self.tell_oldest()?;
        Ok(true)
    }
}

fn receive(incoming: &Receiver<io::Result<Request>>) -> io::Result<Request> {
    incoming.recv().map_err(io::Error::other)?
}
