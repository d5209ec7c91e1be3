"""What both queues on SQLite share: reading the order, measuring with threads, and answering with lines of JSON.

    python PEER.py DATABASE CLIENTS JOBS SETTING
"""
import json
import sys
import threading
import time

DATABASE, CLIENTS, JOBS, SETTING = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
WARM = 300  # Not measured.
PAYLOAD = "x" * 200
PATIENCE_S = 120  # For SQLite's lock: with 32 writers the usual five seconds can pass.


def measured(count, client):
    """Has `count` jobs taken by CLIENTS threads; each calls `client()` once for the function that takes one job."""
    waits, broken, start = [], [], threading.Barrier(CLIENTS + 1)

    def loop(share):
        mine = []
        try:
            one = client()
            start.wait()
            for _ in range(share):
                asked = time.perf_counter()
                one()
                mine.append(time.perf_counter() - asked)
        except Exception as error:  # Any: a round with a broken client does not count.
            broken.append(error)
            start.abort()
        waits.extend(mine)

    shares = [count // CLIENTS + (1 if number < count % CLIENTS else 0) for number in range(CLIENTS)]
    threads = [threading.Thread(target=loop, args=(share,)) for share in shares]
    for thread in threads:
        thread.start()
    try:
        start.wait()
    except threading.BrokenBarrierError:
        pass
    began = time.perf_counter()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - began
    if broken:
        raise broken[0]
    return seconds, sorted(waits)


def tell(work, seconds, waits):
    """One line for the one who started us."""
    def at(hundredths):
        return waits[min(len(waits) - 1, len(waits) * hundredths // 100)] * 1e6

    line = {"work": work, "jobs": JOBS, "seconds": seconds, "p50_us": at(50), "p99_us": at(99)}
    print(json.dumps(line), flush=True)


def must(condition, what):
    """Ends the program if something did not come out as it must."""
    if not condition:
        raise RuntimeError("the round does not count: " + what)
