"""huey's SqliteHuey: enqueueing a task, and what its consumer's worker does, `dequeue` + `execute`, in threads.

`default` leaves `fsync` alone, which leaves SQLite its own default; `durable` sets `fsync=True`. Taking a job deletes
it: there is no second write that acknowledges it, and a job that was taken when the machine stopped is lost.
"""
import logging

from huey import SqliteHuey

from common import CLIENTS, DATABASE, JOBS, PATIENCE_S, PAYLOAD, SETTING, WARM, measured, must, tell

logging.disable(logging.CRITICAL)
SYNCHRONOUS = {0: "OFF", 1: "NORMAL", 2: "FULL", 3: "EXTRA"}
fsync = {"default": None, "durable": True}[SETTING]
huey = SqliteHuey("bench", filename=DATABASE, fsync=fsync, timeout=PATIENCE_S)


@huey.task()
def noop(_text):
    """Does nothing."""


def enqueuer():
    return lambda: noop(PAYLOAD)


def worker():
    def one():
        task = huey.dequeue()
        must(task is not None, "a job is missing")
        huey.execute(task)

    return one


level = huey.storage.sql("pragma synchronous", results=True)[0][0]
must(SETTING == "default" or level == 2, "synchronous is " + SYNCHRONOUS[level])
measured(WARM, enqueuer)
measured(WARM, worker)
tell("enqueue", *measured(JOBS, enqueuer))
tell("work", *measured(JOBS, worker))
must(huey.pending_count() == 0, "jobs are left")
