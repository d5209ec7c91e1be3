"""litequeue: `put`, and `pop` + `done`, one connection a thread, as SQLite wants it.

`default` is synchronous=NORMAL, which it sets itself: a commit is not fsynced, only checkpoints are. `durable` sets
synchronous=FULL on each connection afterwards.
"""
import threading

from litequeue import LiteQueue

from common import CLIENTS, DATABASE, JOBS, PATIENCE_S, PAYLOAD, SETTING, WARM, measured, must, tell

WANTED = {"default": 1, "durable": 2}[SETTING]
opening = threading.Lock()


def queue():
    with opening:  # Opening changes the journal mode, which rivals must not do at once.
        opened = LiteQueue(DATABASE, timeout=PATIENCE_S)
        if SETTING == "durable":
            opened.conn.execute("PRAGMA synchronous = FULL")
    must(opened.conn.execute("PRAGMA synchronous").fetchone()[0] == WANTED, "synchronous is not as it was set")
    return opened


def enqueuer():
    mine = queue()
    return lambda: mine.put(PAYLOAD)


def worker():
    mine = queue()

    def one():
        message = mine.pop()
        must(message is not None, "a job is missing")
        mine.done(message.message_id)

    return one


measured(WARM, enqueuer)
measured(WARM, worker)
tell("enqueue", *measured(JOBS, enqueuer))
tell("work", *measured(JOBS, worker))
done = queue().conn.execute("SELECT count(*) FROM Queue WHERE status = 2").fetchone()[0]
must(done == JOBS + WARM, f"{done} jobs are done")
