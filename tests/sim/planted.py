#!/usr/bin/env python3
"""Does the simulator find bugs? Each row below plants one into a copy of the pool's sources; the normal run must then fail.

Prints TAP, one line a bug. A row whose old text is not in the source any more fails: plant it anew.
"""

import concurrent.futures
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
CORE = ROOT / "fcgiext/core"
SOURCES = ["buffer.c", "error_page.c", "pool.c", "pool_steps.c", "pool_recycle.c", "pool_spare.c", "pool_renewal.c",
           "pool_info.c", "pool_walk.c", "slab.c", "timers.c", "worker.c"]
AUTOTUNE_SOURCES = [*SOURCES, "autotune.c", "http_status.c"]

# what, file, old, new
BUGS = [
    ("the queue is last in, first out", "pool_steps.c", "void pool_enqueue(struct pool *pool, struct pool_request *request)\n{\n",
     "static void queue_push_front(struct pool *pool, struct pool_request *request);\n"
     "void pool_enqueue(struct pool *pool, struct pool_request *request)\n{\n"
     "    queue_push_front(pool, request);\n    return;\n"),
    ("a request that was given up is not forgotten", "pool_steps.c", "    drop_request(pool, request);\n}\n\nvoid pool_forget_request",
     "}\n\nvoid pool_forget_request"),
    ("an answered request is rejected as well", "pool.c", "    pool_forget_request(pool, request);\n",
     "    pool_reject_arrival(pool, request->tag, ERROR_CAUSE_PROTOCOL);\n    pool_forget_request(pool, request);\n"),
    ("what may not be sent twice is sent twice", "pool.c", "request->unanswered && request->replayable && ", "request->unanswered && "),
    ("a request that was answered in part is sent again", "pool.c", "    request->unanswered = outcome == POOL_OUTCOME_UNANSWERED;",
     "    request->unanswered = true;"),
    ("one worker too many", "pool_steps.c", "    if (serving >= max || all >= max_all)\n        return 0;",
     "    if (serving > max || all > max_all)\n        return 0;\n    if (serving == max || all == max_all)\n        return 1;"),
    ("the deadline of a silent worker is not set", "pool_steps.c",
     "    pool_set_timer(pool, &worker->timer, timeout_ms);\n", "    (void)timeout_ms;\n"),
    ("a worker that is to end gets a request", "pool_steps.c", "    if (state == WORKER_IDLE)\n        idle_push(pool, worker);\n",
     "    if (state == WORKER_IDLE || state == WORKER_STOPPING)\n        idle_push(pool, worker);\n"),
    ("a drained pool admits", "pool.c", "    if (pool->draining) {\n        pool_reject_arrival", "    if (pool->draining && pool->waiting) {\n        pool_reject_arrival"),
    ("a recycle forgets a worker", "pool_recycle.c", "        pool->old_workers--;\n", "        pool->old_workers -= pool->old_workers > 1;\n"),
    ("a recycle of a full pool that takes over from another one stands still", "pool_recycle.c",
     "        count_surplus(pool);\n", ""),
    ("a replacement counts twice", "pool_recycle.c", "            pool->credit++;\n", "            pool->credit += 2;\n"),
    ("a late event of a former worker is taken for its successor's", "slab.c", "return slot->generation == generation ? slot : NULL;",
     "return slot->generation % 2 ? slot : NULL;"),
    ("a kill that does not help is waited for, for ever", "pool_steps.c",
     "    pool_emit(pool, POOL_ACTION_KILL, worker);\n    pool_set_timer(pool, &worker->timer, POOL_KILL_WAIT_MS);\n",
     "    pool_emit(pool, POOL_ACTION_KILL, worker);\n    if (worker->served % 4 != 3)\n"
     "        pool_set_timer(pool, &worker->timer, POOL_KILL_WAIT_MS);\n"),
    ("a worker that was dismissed is used again", "pool.c", "    if (worker->dismissed)\n        return WORKER_EXIT_DISMISSED;\n", ""),
    ("a start that was dismissed serves", "pool.c", "    if (worker->dismissed)\n        pool_stop_worker(pool, worker, WORKER_EXIT_DISMISSED);\n    else if (pool->draining",
     "    if (pool->draining"),
    ("a killed worker keeps its request", "pool_recycle.c", "        pool_cut_off(pool, worker, ERROR_CAUSE_RECYCLED);\n", ""),
    ("a dismissed worker loses its request", "pool_recycle.c", "    if (!worker->request && !starting)\n        pool_stop_worker(pool, worker, WORKER_EXIT_DISMISSED);\n",
     "    if (!starting) {\n        pool_cut_off(pool, worker, ERROR_CAUSE_RECYCLED);\n        pool_stop_worker(pool, worker, WORKER_EXIT_DISMISSED);\n    }\n"),
    ("an unexpected exit is not told", "pool_steps.c", "worker->unexpected ? ", "worker->unexpected && worker->served ? "),
    ("rapid-fail leaves the queue waiting", "pool.c", "    while (pool_has_room(pool) && pool->queue_head)\n        pool_reject(pool,",
     "    while (pool_has_room(pool) && pool->queue_head && pool->state == POOL_STATE_CLOSED)\n        pool_reject(pool,"),
    ("a request waits whatever QueueTimeout says", "pool_steps.c", "left_ms < POOL_PROBE_MS ? left_ms : POOL_PROBE_MS", "POOL_PROBE_MS"),
    ("a request whose time in the queue is over is only looked at", "pool.c", " && pool_queue_time_left(pool, request) == 0", " && false"),
    ("QueueTimeout comes too early", "pool_steps.c", "    return waited_ms < timeout_ms ? ", "    return waited_ms + 500 < timeout_ms ? "),
    ("only the last spare is replaced", "pool_spare.c", "pool->doubtful < pool_min_serving(pool)", "pool->doubtful < (pool_min_serving(pool) > 0)"),
    ("spares end when they have been idle for long", "pool_steps.c", "        if (pool_serving(pool) > pool_min_serving(pool)) {\n", "        {\n"),
    ("spares are started again and again", "pool_spare.c", "    pool_start_while(pool, pool_lacks_spares);\n",
     "    while (pool_lacks_spares(pool) && pool_has_room(pool) && pool_start_worker(pool))\n        pool->more = true;\n"),
    ("what is too old stays", "pool_renewal.c", "    wear_out(pool, pool->oldest);", "    leave_list(pool, pool->oldest);"),
    ("what is too old loses its request", "pool_renewal.c", "    worker->worn = true;\n",
     "    if (worker->request) {\n        pool_cut_off(pool, worker, ERROR_CAUSE_RECYCLED);\n        pool_stop_worker(pool, worker, false);\n        return;\n    }\n"
     "    worker->worn = true;\n"),
    ("what is too old is used first", "pool_steps.c", "    worker->generation = pool->generation - 1;\n    pool->old_workers++;\n    if (idle)\n        idle_push(pool, worker);\n",
     "    if (idle)\n        idle_push(pool, worker);\n    worker->generation = pool->generation - 1;\n    pool->old_workers++;\n"),
    ("a renewal that has failed is the last", "pool_renewal.c", "    if (pool->worn && pool->recycle == POOL_RECYCLE_FAILED)", "    if (false)"),
    ("a process is measured once", "pool_renewal.c", "    worker->measuring = false;\n", ""),
    ("a process is measured after each request", "pool_renewal.c", " || recently)", ")"),
    ("what is too large stays", "pool_renewal.c", "limit && bytes >= limit", "limit && bytes >= 1000 * limit"),
]

# The same for autotune and its simulator.
AUTOTUNE_BUGS = [
    ("what brings nothing is not taken back but tried again", "autotune.c", "    return move(tune, sample, tune->before, reason);\n",
     "    tune->hold_ms = 0;\n    return move(tune, sample, tune->before, reason);\n"),
    ("it grows on busy processors", "autotune.c", "    BUSY_CPU = 920,", "    BUSY_CPU = 2000,"),
    ("it never tries fewer workers", "autotune.c", "    FULL_CPU = 970,", "    FULL_CPU = 2000,"),
    ("memory is not looked at", "autotune.c", "    return least(sample->total_bytes / 10, MAX_RESERVE);\n", "    return 0;\n"),
    ("it grows one by one", "autotune.c", "    uint64_t wanted = 2 * (uint64_t)tune->limit;", "    uint64_t wanted = (uint64_t)tune->limit + 1;"),
]


class Simulator:
    """Its objects are built once; a bug costs the object of its file, and the program."""

    FLAGS = ["-std=c11", "-O1", "-w", f"-I{ROOT}"]

    def __init__(self, folder, names, tests, arguments):
        self.folder = folder
        self.arguments = arguments
        folder.mkdir()
        sources = [CORE / name for name in names] + sorted((ROOT / tests).glob("*.c"))
        self.objects = {source.name: folder / f"{source.name}.o" for source in sources}
        for source in sources:
            subprocess.run(["gcc", *self.FLAGS, "-c", "-o", str(self.objects[source.name]), str(source)], check=True)

    def try_bug(self, number, name, old, new):
        """None, or why the bug was not caught."""
        text = (CORE / name).read_text()
        if text.count(old) != 1:
            return f"its place is not in {name} (or there are several)"
        source, program = self.folder / f"{number}.c", self.folder / str(number)
        source.write_text(text.replace(old, new))
        others = [str(made) for of, made in self.objects.items() if of != name]
        made = subprocess.run(["gcc", *self.FLAGS, "-o", str(program), str(source), *others, "-lm"], capture_output=True, text=True)
        if made.returncode:
            return "it does not compile: " + made.stderr[:300]
        try:
            run = subprocess.run([str(program), *self.arguments], capture_output=True, text=True, timeout=120)
        except subprocess.TimeoutExpired:
            return "the run did not end"
        return None if run.returncode else "nothing was noticed"


def main():
    failures = 0
    with tempfile.TemporaryDirectory() as name, concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        folder = pathlib.Path(name)
        pools = Simulator(folder / "sim", SOURCES, "tests/sim", [])
        tuned = Simulator(folder / "autotune", AUTOTUNE_SOURCES, "tests/sim/autotune", ["--processors", "4", "--seeds", "1"])
        bugs = [(pools, *bug) for bug in BUGS] + [(tuned, *bug) for bug in AUTOTUNE_BUGS]
        tries = [pool.submit(simulator.try_bug, number, *bug) for number, (simulator, _, *bug) in enumerate(bugs, 1)]
        for number, ((_, what, *_), result) in enumerate(zip(bugs, tries), 1):
            why = result.result()
            print(f"{'not ok' if why else 'ok'} {number} - caught: {what}" + (f"\n# {why}" if why else ""), flush=True)
            failures += why is not None
    print(f"1..{len(bugs)}")
    return 1 if failures else 0


sys.exit(main())
