"""Minutes of everything at once: clients that abort, workers that crash, recycles and reloads at random under 32 clients.

Each request gets exactly one complete answer or clear error, and handles, threads and memory are flat at the end. Options (of
tests/run.sh): --minutes N (2), --seed N (drawn, and printed).
"""

import os
import pathlib
import random
import sys
import threading
import time

sys.path.insert(1, str(pathlib.Path(__file__).resolve().parent.parent / "system"))

import support  # noqa: E402
import witness  # noqa: E402
from clients import Client, World  # noqa: E402
from trouble import LOOK_INSTANCES, Operator  # noqa: E402
from watch import Watch  # noqa: E402

CLIENTS = 32
MINUTES = float(os.environ.get("FCGIEXT_SOAK_MINUTES") or 2)
SEED = int(os.environ.get("FCGIEXT_SOAK_SEED") or random.SystemRandom().randrange(1000000))
REPLAY = f"sh tests/run.sh --group soak --seed {SEED} --minutes {MINUTES:g}"
DEATHS = ("500 worker_exited", "500 worker_crashed", "cut")

# What may differ between two moments of rest, though nothing leaks:
SLACK_HANDLES = 8  # isapihost keeps an event for each request slot, and has as many as requests were ever in flight at a time
SLACK_THREADS = 2  # Wine's pool: one that waits for processes and one that works may or may not have ended
SLACK_FILES = 10  # about four descriptors for each thread, and its pipe to Wine's server
SLACK_MEMORY = 1 << 20  # buffers of isapihost's 64 threads that have not grown to their last size; gaps in heaps
MEMORY_OF_THREAD = 1 << 20  # its stacks, as far as touched
SLACK_MEMORY_PER_REQUEST = 64  # what counts in long runs: nothing that is lost with each request is smaller by much
# Heaps get gaps of a megabyte or two, now in one part of the load, now in another; what is lost with each request, or each reload,
# is lost in every part.


def say(text):
    for line in text.splitlines():
        print(f"# {line}", flush=True)


class Soak(support.SystemTest):
    @classmethod
    def start(cls, servers):
        say(f"soak: {REPLAY}")
        cls.php = servers.php(children=8)
        cls.operator = Operator(SEED, servers.folder / "soak", cls.php.port)
        cls.host = servers.host(cls.operator.ini(calm=True), "--stdin-commands", "--keep-alive", "300",
                                maps=".fcgi,.raw,.look,.php")
        cls.operator.host = cls.host
        cls.world = World(cls.host.ports[0], SEED)
        cls.watch = Watch(servers, cls.host)
        cls.clients = [Client(cls.world, number) for number in range(CLIENTS)]
        cls.samples = []
        cls.seconds = 0.0
        cls.most_looks = 0  # processes of the pool look in one part of the load: at rest they end
        seconds = MINUTES * 60
        for part in (seconds / 4, seconds * 3 / 8, seconds * 3 / 8):  # the first one is for whatever is allocated once
            if not cls.world.failures:
                cls.load(part)
                cls.samples.append(cls.rest())
        say(cls.summary())

    @classmethod
    def load(cls, seconds):
        stop = threading.Event()
        started = time.monotonic()
        until = started + seconds
        cls.world.seen["look pids"].clear()
        operator = witness.Background(cls.operator.work, stop)
        clients = [witness.Background(client.run, until) for client in cls.clients]
        try:
            for client in clients:
                while not client.done():
                    client.thread.join(2)
                    cls.watch.look()
                client.result()
        finally:
            stop.set()
        operator.result()
        cls.seconds += time.monotonic() - started
        cls.most_looks = max(cls.most_looks, len(cls.world.seen["look pids"]))

    @classmethod
    def rest(cls):
        cls.operator.calm()
        sample = cls.watch.at_rest(cls.world.total())
        say(f"soak: at rest after {sample.requests} requests: {sample}")
        return sample

    @classmethod
    def summary(cls):
        world = cls.world
        kinds = {}
        for (name, outcome), count in sorted(world.outcomes.items()):
            kinds.setdefault(name, []).append(f"{outcome}: {count}")
        crashes = sum(count for (_, outcome), count in world.outcomes.items() if outcome in DEATHS)
        reloads = {name: count for name, count in cls.operator.done.items() if name != "recycle"}
        lines = [f"soak: {name}: {', '.join(outcomes)}" for name, outcomes in kinds.items()]
        lines += [
            f"soak: {world.total()} requests, {world.total() / cls.seconds:.0f} a second, {world.reused} on a kept connection, "
            f"the slowest {world.slowest:.1f} s; {crashes} crashes",
            f"soak: {cls.operator.done['recycle']} files touched, {sum(reloads.values())} reloads {reloads}; at most "
            f"{cls.watch.most_workers} workers, {cls.watch.most_threads} threads; seen: {cls.most_looks} processes of look, "
            f"{len(world.seen['generations'])} environments"]
        if len(cls.samples) > 1:
            lines += [f"soak: before: {cls.samples[0]}", f"soak: after:  {cls.samples[-1]}"]
        return "\n".join(lines)

    def test_each_request_got_its_one_answer(self):
        if self.world.failures:
            self.fail("\n".join([REPLAY, *self.world.failures[:10], self.host.what_it_said()]))
        self.assertEqual({client.number for client in self.clients if client.count == 0}, set(), REPLAY)

    def test_handles_threads_and_memory_are_flat(self):
        self.assertEqual(len(self.samples), 3, "the load ended with an error")
        warm, middle, end = self.samples
        text = f"{REPLAY}\nwarm:   {warm}\nmiddle: {middle}\nend:    {end}"
        self.assertLessEqual(end.handles["all"], warm.handles["all"] + SLACK_HANDLES, text)
        self.assertLessEqual(end.threads, warm.threads + SLACK_THREADS, text)
        self.assertLessEqual(end.files, warm.files + SLACK_FILES, text)
        grown = [after.memory - before.memory - MEMORY_OF_THREAD * (after.threads - before.threads)
                 - SLACK_MEMORY_PER_REQUEST * (after.requests - before.requests) for before, after in ((warm, middle), (middle, end))]
        self.assertLessEqual(min(grown), SLACK_MEMORY, text)

    def look_pid(self):
        return witness.facts(support.http_request(self.host, "/app/x.look"))["pid"]

    def test_recycles_happened(self):
        """The processes of the pool look live for ever, but for the recycles."""
        before = self.look_pid()
        self.operator.touch("look")
        witness.wait_until(lambda: self.look_pid() != before, f"a touched file recycles the pool; {REPLAY}")
        # one more than there may be could be a recycle's first replacement, which another recycle has made its last, too
        self.assertGreater(self.most_looks, LOOK_INSTANCES + 1, REPLAY)

    def test_reloads_happened(self):
        def generation():
            return support.http_request(self.host, "/app/process.fcgi").variables()["SOAK_GENERATION"]

        wanted = self.operator.new_generation()
        self.operator.calm()
        witness.wait_until(lambda: generation() == wanted, f"a new fcgiext.ini is in force; {REPLAY}")
        self.assertGreater(len(self.world.seen["generations"]), 1, REPLAY)
