//! The threads that read, each with a read-only connection of its own.
//!
//! A question sees one consistent state of the database (one transaction), and everything that was answered before it
//! was asked.

use super::row::Fail;
use crate::model::StoreError;
use rusqlite::{Connection, TransactionBehavior};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use tokio::sync::oneshot;

type Question = Box<dyn FnOnce(&Connection) + Send>;

/// The way to the reading threads. Dropping it waits for them.
#[derive(Debug)]
pub(super) struct Readers {
    questions: Option<Sender<Question>>,
    threads: Vec<JoinHandle<()>>,
}

impl Readers {
    /// Starts a thread on each of `connections`.
    pub(super) fn start(connections: Vec<Connection>) -> std::io::Result<Self> {
        let (questions, queue) = mpsc::channel();
        let queue = Arc::new(Mutex::new(queue));
        let mut readers = Self { questions: Some(questions), threads: Vec::new() };
        for db in connections {
            let queue = Arc::clone(&queue);
            let thread = std::thread::Builder::new().name("store-reader".to_owned());
            readers.threads.push(thread.spawn(move || serve(&db, &queue))?);
        }
        Ok(readers)
    }

    /// Answers a question.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        doing: &'static str,
        ask: impl FnOnce(&Connection) -> Result<T, Fail> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let question = move |db: &Connection| {
            // Whoever asked may have gone away meanwhile.
            let _gone = reply.send(consistently(db, ask).map_err(|fail| fail.into_error(doing)));
        };
        let questions = self.questions.as_ref().ok_or(StoreError::Closed)?;
        questions.send(Box::new(question)).map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Database {
            doing,
            trouble: None,
            source: "the question panicked".into(),
        })?
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        drop(self.questions.take());
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread that reads the database ended in a panic");
            }
        }
    }
}

fn consistently<T>(db: &Connection, ask: impl FnOnce(&Connection) -> Result<T, Fail>) -> Result<T, Fail> {
    let transaction = rusqlite::Transaction::new_unchecked(db, TransactionBehavior::Deferred)?;
    let answer = ask(&transaction)?;
    transaction.commit()?;
    Ok(answer)
}

fn serve(db: &Connection, queue: &Mutex<Receiver<Question>>) {
    loop {
        let question = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(question) = question else { return };
        // A panic is our own bug: the asker learns of it by the dropped answer, the transaction is rolled back.
        if catch_unwind(AssertUnwindSafe(|| question(db))).is_err() {
            tracing::error!("a question to the database panicked");
        }
    }
}
