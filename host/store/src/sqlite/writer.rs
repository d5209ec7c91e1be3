//! The one thread that writes, with group commit.
//!
//! Requests queue up while an fsync is under way; the next transaction takes all of them (up to [`BATCH`]) and ends in
//! one fsync. One that fails is undone alone ([`Undo`]). Nobody is answered before COMMIT has returned; if it fails,
//! everybody in the batch is told so and nothing was written.

use super::rhythm::Rhythm;
use super::row::{Fail, trouble};
use crate::crash::{Side, point};
use crate::model::{StoreError, Trouble};
use rusqlite::Connection;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::Instant;
use tokio::sync::oneshot;

/// Requests that share a transaction, at most.
const BATCH: usize = 256;

/// How what a failed request has written is undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Undo {
    /// It writes by one statement, and a statement that fails undoes itself.
    Itself,
    /// By a savepoint of its own. That costs: each page it changes is copied first.
    Savepoint,
}

/// Runs a request and keeps its outcome for [`Request::answer`].
trait Request: Send {
    /// Whether it succeeded; if not, what it wrote is undone.
    fn run(&mut self, db: &Connection) -> bool;
    /// What it does, if it has changed anything.
    fn changed(&self) -> Option<&'static str>;
    /// How it is undone.
    fn undo(&self) -> Undo;
    /// What it failed of, if that is the disk's fault.
    fn trouble(&self) -> Option<Trouble>;
    /// Tells the caller; `lost` says that the whole transaction was, with what it had done.
    fn answer(self: Box<Self>, lost: Option<&Lost>);
}

/// Why a whole transaction was lost.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{reason}")]
struct Lost {
    reason: String,
    trouble: Option<Trouble>,
}

impl From<rusqlite::Error> for Lost {
    fn from(source: rusqlite::Error) -> Self {
        Self { trouble: trouble(&source), reason: source.to_string() }
    }
}

struct Ask<T, F> {
    doing: &'static str,
    undo: Undo,
    work: Option<F>,
    changed: bool,
    outcome: Option<Result<T, StoreError>>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> Request for Ask<T, F>
where
    T: Send,
    F: FnOnce(&Connection) -> Result<T, Fail> + Send,
{
    fn run(&mut self, db: &Connection) -> bool {
        let Some(work) = self.work.take() else { return false };
        let changes = db.total_changes();
        // A panic is our own bug; it must not take the thread, and with it every other request, along. The savepoint
        // undoes whatever was half done.
        let outcome = catch_unwind(AssertUnwindSafe(|| work(db)))
            .unwrap_or_else(|_| Err(Fail::Store(broken(self.doing, None, "the request panicked"))))
            .map_err(|fail| fail.into_error(self.doing));
        let succeeded = outcome.is_ok();
        self.outcome = Some(outcome);
        self.changed = succeeded && db.total_changes() != changes;
        succeeded
    }

    fn changed(&self) -> Option<&'static str> {
        self.changed.then_some(self.doing)
    }

    fn undo(&self) -> Undo {
        self.undo
    }

    fn trouble(&self) -> Option<Trouble> {
        self.outcome.as_ref()?.as_ref().err()?.trouble()
    }

    fn answer(self: Box<Self>, lost: Option<&Lost>) {
        let outcome = match (self.outcome, lost) {
            (Some(Err(error)), _) => Err(error),
            (Some(Ok(value)), None) => Ok(value),
            (_, Some(lost)) => Err(broken(self.doing, lost.trouble, lost.clone())),
            (None, None) => Err(broken(self.doing, None, "it was never run")),
        };
        // Whoever asked may have gone away meanwhile; what was written stays.
        let _gone = self.reply.send(outcome);
    }
}

fn broken(
    doing: &'static str,
    trouble: Option<Trouble>,
    reason: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> StoreError {
    StoreError::Database { doing, trouble, source: reason.into() }
}

/// The way to the writing thread. Dropping it lets the thread finish what is queued, and waits for that.
#[derive(Debug)]
pub(super) struct Writer {
    requests: Option<Sender<Box<dyn Request>>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread on `db`.
    pub(super) fn start(db: Connection) -> std::io::Result<Self> {
        let (requests, queue) = mpsc::channel();
        let thread = std::thread::Builder::new().name("store-writer".to_owned()).spawn(move || serve(&db, &queue))?;
        Ok(Self { requests: Some(requests), thread: Some(thread) })
    }

    /// Runs `work` in a transaction and answers once that is durable.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&Connection) -> Result<T, Fail> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.ask(doing, Undo::Savepoint, work).await
    }

    /// The same for `work` that writes by one statement, and reads at most after it.
    pub(super) async fn write_once<T: Send + 'static>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&Connection) -> Result<T, Fail> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.ask(doing, Undo::Itself, work).await
    }

    async fn ask<T: Send + 'static>(
        &self,
        doing: &'static str,
        undo: Undo,
        work: impl FnOnce(&Connection) -> Result<T, Fail> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let ask = Ask { doing, undo, work: Some(work), changed: false, outcome: None, reply };
        let requests = self.requests.as_ref().ok_or(StoreError::Closed)?;
        requests.send(Box::new(ask)).map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.requests.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that writes the database ended in a panic");
        }
    }
}

type Queue = Receiver<Box<dyn Request>>;

fn serve(db: &Connection, queue: &Queue) {
    let mut rhythm = Rhythm::default();
    let mut waiting = Vec::new();
    loop {
        if waiting.is_empty() {
            let Ok(first) = queue.recv() else { return };
            waiting.push(first);
        }
        let mut batch = Batch { db, queue, rhythm: &mut rhythm, taken: std::mem::take(&mut waiting), run: 0 };
        let lost = batch.transact().err();
        let batch = batch.taken;
        // Before anybody is answered: whoever is here now has waited meanwhile, and will again.
        waiting.extend(queue.try_iter().take(BATCH));
        rhythm.crowd(batch.len() + waiting.len());
        match &lost {
            None => {}
            // A full disk fails them all, again and again: whoever asked hears of it, and says so once.
            Some(Lost { reason, trouble: Some(_) }) => {
                tracing::debug!(requests = batch.len(), reason, "the disk took no write transaction");
            }
            Some(Lost { reason, trouble: None }) => {
                tracing::error!(
                    requests = batch.len(),
                    reason,
                    "a write transaction failed; nothing of it was written"
                );
            }
        }
        for request in batch {
            request.answer(lost.as_ref());
        }
    }
}

/// Requests that share a transaction.
struct Batch<'a> {
    db: &'a Connection,
    queue: &'a Queue,
    rhythm: &'a mut Rhythm,
    taken: Vec<Box<dyn Request>>,
    /// How many of them were run.
    run: usize,
}

impl Batch<'_> {
    /// One transaction for all of them. The error is why nothing of it was written.
    fn transact(&mut self) -> Result<(), Lost> {
        let outcome = self.run_all();
        // COMMIT can fail and leave the transaction open; it must be gone before the next one.
        if outcome.is_err() && !self.db.is_autocommit() {
            self.db
                .execute_batch("ROLLBACK")
                .map_err(|source| Lost { reason: format!("rolling back failed too: {source}"), ..source.into() })?;
        }
        outcome
    }

    fn sql(&self, sql: &str) -> Result<(), Lost> {
        let ran = self.db.prepare_cached(sql).and_then(|mut statement| statement.execute([]));
        ran.map(drop).map_err(Lost::from)
    }

    fn run_all(&mut self) -> Result<(), Lost> {
        // IMMEDIATE: the write lock is taken at once, not in the middle of a request.
        self.sql("BEGIN IMMEDIATE")?;
        let until = Instant::now() + self.rhythm.patience();
        loop {
            while self.run < self.taken.len() {
                self.run_next()?;
                self.run += 1;
            }
            let room = BATCH.saturating_sub(self.taken.len());
            self.taken.extend(self.queue.try_iter().take(room));
            if self.run < self.taken.len() {
                continue;
            }
            if room == 0 || self.taken.len() >= self.rhythm.expected() {
                break;
            }
            match self.queue.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(request) => self.taken.push(request),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
            }
        }
        points(&self.taken, Side::Before);
        let begun = Instant::now();
        self.sql("COMMIT")?;
        self.rhythm.committed(begun.elapsed());
        points(&self.taken, Side::After);
        Ok(())
    }

    fn run_next(&mut self) -> Result<(), Lost> {
        let Some(undo) = self.taken.get(self.run).map(|request| request.undo()) else { return Ok(()) };
        // The first needs no savepoint: there is nothing yet that would be undone with it.
        let is_first = self.run == 0;
        let has_savepoint = undo == Undo::Savepoint && !is_first;
        if has_savepoint {
            self.sql("SAVEPOINT request")?;
        }
        let before = self.db.total_changes();
        let (succeeded, trouble) = match self.taken.get_mut(self.run) {
            Some(request) => (request.run(self.db), request.trouble()),
            None => return Ok(()),
        };
        // After some failures (disk full, I/O error) SQLite rolls the whole transaction back by itself. Going on would
        // commit each following statement alone.
        if self.db.is_autocommit() {
            return Err(Lost { reason: "the whole transaction was rolled back by the database".to_owned(), trouble });
        }
        match (succeeded, has_savepoint) {
            (true, false) => Ok(()),
            (true, true) => self.sql("RELEASE request"),
            (false, true) => {
                self.sql("ROLLBACK TO request")?;
                self.sql("RELEASE request")
            }
            (false, false) if is_first => {
                self.sql("ROLLBACK")?;
                self.sql("BEGIN IMMEDIATE")
            }
            (false, false) if self.db.total_changes() == before => Ok(()),
            // Our own bug. Nothing of it may stay, and nothing else can be told apart from it.
            (false, false) => {
                let reason = "a request that failed had written more than it said".to_owned();
                Err(Lost { reason, trouble })
            }
        }
    }
}

fn points(batch: &[Box<dyn Request>], side: Side) {
    batch.iter().filter_map(|request| request.changed()).for_each(|doing| point(doing, side));
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]
    use super::*;
    use std::future::Future;

    fn writer() -> Writer {
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch(
            "PRAGMA foreign_keys = ON;
             CREATE TABLE parent (id INTEGER PRIMARY KEY);
             CREATE TABLE child (parent INTEGER REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED);",
        )
        .unwrap();
        Writer::start(db).unwrap()
    }

    fn insert(sql: &'static str) -> impl FnOnce(&Connection) -> Result<usize, Fail> + Send {
        move |db| Ok(db.execute(sql, [])?)
    }

    /// Runs both requests in one transaction: they queue up while the thread is kept busy.
    async fn together<A, B>(
        writer: &Writer,
        first: impl Future<Output = A>,
        second: impl Future<Output = B>,
    ) -> (A, B) {
        let (go, wait) = mpsc::channel::<()>();
        let busy = writer.write("wait", move |_| {
            let _closed = wait.recv();
            Ok(())
        });
        let release = async move { drop(go) };
        // Polled in this order: the thread is made busy, both requests are queued, then it is let go. If it was slow to
        // wake, all three share a transaction, and its end.
        let (_busy, first, second, ()) = tokio::join!(busy, first, second, release);
        (first, second)
    }

    async fn count(writer: &Writer, sql: &'static str) -> i64 {
        writer.write("count", move |db| Ok(db.query_row(sql, [], |row| row.get(0))?)).await.unwrap()
    }

    #[tokio::test]
    async fn a_request_that_fails_is_undone_alone() {
        let writer = writer();
        let half = writer.write("fail half-way", |db| {
            db.execute("INSERT INTO parent VALUES (1)", [])?;
            Ok(db.execute("INSERT INTO no_such_table VALUES (1)", [])?)
        });
        let whole = writer.write("insert", insert("INSERT INTO parent VALUES (2)"));
        let (half, whole) = together(&writer, half, whole).await;
        assert!(matches!(half, Err(StoreError::Database { doing: "fail half-way", .. })), "{half:?}");
        whole.unwrap();
        assert_eq!(count(&writer, "SELECT sum(id) FROM parent").await, 2);
    }

    #[tokio::test]
    async fn the_first_of_a_transaction_is_undone_alone_too() {
        // It has no savepoint.
        let writer = writer();
        for round in 0..20 {
            let half = writer.write("fail half-way", |db| {
                db.execute("INSERT INTO parent VALUES (-1)", [])?;
                Ok(db.execute("INSERT INTO no_such_table VALUES (1)", [])?)
            });
            let whole = writer.write("insert", move |db| Ok(db.execute("INSERT INTO parent VALUES (?1)", [round])?));
            // Nobody keeps the thread busy: the first begins at once, and the second may join it.
            let (half, whole) = tokio::join!(half, whole);
            half.unwrap_err();
            whole.unwrap();
        }
        assert_eq!(count(&writer, "SELECT count(*) FROM parent WHERE id >= 0").await, 20);
        assert_eq!(count(&writer, "SELECT count(*) FROM parent WHERE id < 0").await, 0);
    }

    #[tokio::test]
    async fn a_request_that_undoes_itself_has_no_savepoint_and_fails_alone() {
        let writer = writer();
        writer.write_once("insert", insert("INSERT INTO parent VALUES (1)")).await.unwrap();
        let twice = writer.write_once("insert", insert("INSERT INTO parent VALUES (2), (1)"));
        let whole = writer.write_once("insert", insert("INSERT INTO parent VALUES (3)"));
        let (twice, whole) = together(&writer, twice, whole).await;
        twice.unwrap_err();
        whole.unwrap();
        assert_eq!(count(&writer, "SELECT sum(id) FROM parent").await, 4, "nothing of the one that failed");
    }

    #[tokio::test]
    async fn a_request_that_wrote_more_than_it_said_takes_the_transaction_along_rather_than_stay_half_done() {
        let writer = writer();
        let innocent = writer.write("insert", insert("INSERT INTO parent VALUES (1)"));
        let liar = writer.write_once("lie", |db| {
            db.execute("INSERT INTO parent VALUES (2)", [])?;
            Ok(db.execute("INSERT INTO no_such_table VALUES (1)", [])?)
        });
        let (innocent, liar) = together(&writer, innocent, liar).await;
        assert!(innocent.is_err() && liar.is_err(), "{innocent:?} {liar:?}");
        assert_eq!(count(&writer, "SELECT count(*) FROM parent").await, 0);
    }

    #[tokio::test]
    async fn when_the_commit_fails_nobody_is_told_otherwise() {
        // WEB-2: an answer means durable.
        let writer = writer();
        let innocent = writer.write("insert", insert("INSERT INTO parent VALUES (1)"));
        // Noticed by COMMIT only.
        let culprit = writer.write("orphan", insert("INSERT INTO child VALUES (99)"));
        let (innocent, culprit) = together(&writer, innocent, culprit).await;
        assert!(innocent.is_err() && culprit.is_err(), "{innocent:?} {culprit:?}");
        assert_eq!(count(&writer, "SELECT count(*) FROM parent").await, 0);
        // The thread is not stuck in the broken transaction.
        writer.write("insert", insert("INSERT INTO parent VALUES (3)")).await.unwrap();
        assert_eq!(count(&writer, "SELECT count(*) FROM parent").await, 1);
    }

    #[tokio::test]
    async fn a_transaction_that_the_database_rolled_back_is_an_error_for_all_of_it() {
        let writer = writer();
        let before = writer.write("insert", insert("INSERT INTO parent VALUES (1)"));
        let fatal = writer.write("insert", insert("INSERT OR ROLLBACK INTO parent VALUES (1)"));
        let (before, fatal) = together(&writer, before, fatal).await;
        assert!(before.is_err() && fatal.is_err(), "{before:?} {fatal:?}");
        assert_eq!(count(&writer, "SELECT count(*) FROM parent").await, 0);
    }

    #[tokio::test]
    async fn a_full_database_says_so_and_takes_writes_again_once_there_is_room() {
        let writer = writer();
        let pragma = async |sql: &'static str| {
            writer.write("set", move |db| Ok(db.query_row(sql, [], |row| row.get::<_, i64>(0))?)).await.unwrap()
        };
        writer.write("insert", insert("CREATE TABLE t (body BLOB)")).await.unwrap();
        pragma("PRAGMA max_page_count = 20").await;
        let large = || writer.write("insert", insert("INSERT INTO t VALUES (zeroblob(1000000))"));
        let innocent = writer.write("insert", insert("INSERT INTO parent VALUES (1)"));
        let (full, _innocent) = together(&writer, large(), innocent).await;
        assert_eq!(full.unwrap_err().trouble(), Some(Trouble::Full));
        let (again, error) = (large().await, large().await.unwrap_err());
        assert_eq!(again.unwrap_err().trouble(), Some(Trouble::Full));
        assert!(error.to_string().contains("make room"), "{error}");
        pragma("PRAGMA max_page_count = 1000000").await;
        large().await.unwrap();
        assert_eq!(count(&writer, "SELECT count(*) FROM t").await, 1);
    }

    #[tokio::test]
    async fn a_database_that_may_not_be_written_says_so() {
        let writer = writer();
        let refused = writer.write("insert", |db| {
            db.execute_batch("PRAGMA query_only = ON")?;
            let refused = db.execute("INSERT INTO parent VALUES (1)", []);
            db.execute_batch("PRAGMA query_only = OFF")?;
            Ok(refused?)
        });
        assert_eq!(refused.await.unwrap_err().trouble(), Some(Trouble::ReadOnly));
        writer.write("insert", insert("INSERT INTO parent VALUES (1)")).await.unwrap();
        let other = writer.write("insert", insert("INSERT INTO no_such_table VALUES (1)")).await.unwrap_err();
        assert_eq!(other.trouble(), None, "not every failure is the disk's");
    }

    #[tokio::test]
    async fn a_request_that_panics_is_an_error_and_the_thread_goes_on() {
        let writer = writer();
        let bad = writer
            .write("panic", |db| {
                db.execute("INSERT INTO parent VALUES (1)", [])?;
                assert!(db.is_autocommit(), "a bug");
                Ok(())
            })
            .await;
        assert!(bad.is_err());
        assert_eq!(count(&writer, "SELECT count(*) FROM parent").await, 0);
    }

    #[tokio::test]
    async fn closing_writes_what_was_queued() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let db = Connection::open(file.path()).unwrap();
        db.execute_batch("CREATE TABLE t (id INTEGER)").unwrap();
        let writer = Writer::start(db).unwrap();
        let mut asked = Vec::new();
        for _ in 0..50 {
            let mut request = Box::pin(writer.write("insert", insert("INSERT INTO t VALUES (1)")));
            // Polled once: queued. Nobody waits for the answer.
            let waker = std::task::Waker::noop();
            let _pending = request.as_mut().poll(&mut std::task::Context::from_waker(waker));
            asked.push(request);
        }
        drop(asked);
        drop(writer);
        let db = Connection::open(file.path()).unwrap();
        let rows: i64 = db.query_row("SELECT count(*) FROM t", [], |row| row.get(0)).unwrap();
        assert_eq!(rows, 50);
    }
}
