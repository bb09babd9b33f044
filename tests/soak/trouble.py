"""The operator of the soak: touches the files that pools monitor, and replaces fcgiext.ini, at random moments."""

import collections
import os
import random

import support
import witness

IDLE_SECONDS = 10  # the least that fcgiext allows: so at rest no worker is left
LOOK_INSTANCES = 2  # never changed: more processes than that were seen only if the pool was recycled


class Operator:
    def __init__(self, seed, folder, php_port):
        self.chance = random.Random(f"{seed} operator")
        self.php_port = php_port
        self.done = collections.Counter()
        self.generation = 0
        self.folder = folder
        self.files = {pool: folder / f"{pool}.monitored" for pool in ("echo", "raw", "look")}
        folder.mkdir(parents=True, exist_ok=True)
        for pool in self.files:
            self.touch(pool)
        self.host = None  # set when there is one

    # ---- fcgiext.ini

    def ini(self, calm=False, broken=""):
        """calm: with fixed settings. broken: a line that breaks one section."""
        def number(low, high, usual):
            return usual if calm else self.chance.randint(low, high)

        def limits():
            return {"MaxInstances": number(2, 8, 4), "QueueLength": number(100, 1000, 1000),  # never full: 64 threads
                    "ActivityTimeout": number(60, 120, 90), "RequestTimeout": 300, "IdleTimeout": IDLE_SECONDS,
                    "QueueTimeout": number(120, 180, 0), "SlowRequestSeconds": number(0, 2, 0), "RapidFailsPerMinute": 10000}

        def renewal():
            """Processes that are kept ready, and ones that are replaced for their age or size; at rest there is none."""
            return {"MinInstances": number(0, 2, 0), "MaxLifetime": number(0, 8, 0),
                    "MaxPrivateBytes": number(0, 3, 0) * 4000000}

        def responder(pool):
            return {"ExePath": support.RESPONDER, **limits(), **renewal(), "InstanceMaxRequests": number(20, 500, 200),
                    "EnvironmentVars": f"SOAK_GENERATION:{self.generation}", "MonitorChangesTo": self.files[pool]}

        pools = {
            "echo": responder("echo"),
            "raw": {**responder("raw"), "ResponseBufferLimit": 0},
            "look": {"ExePath": witness.WITNESS, **limits(), "MaxInstances": LOOK_INSTANCES, "InstanceMaxRequests": 10000000,
                     "MonitorChangesTo": self.files["look"]},
            "php": {"Address": f"127.0.0.1:{self.php_port}", **limits()},
        }
        if broken:
            name, _, value = broken.partition("=")
            pools[self.chance.choice(list(pools))][name] = value
        return support.ini({"fcgi": "echo", "raw": "raw", "look": "look", "php": "php"}, **pools)

    def new_generation(self):
        self.generation += 1
        return str(self.generation)

    # ---- what it does

    def touch(self, pool):
        """Changes the monitored file: in place, or by another one in its place, as editors do."""
        file = self.files[pool]
        text = f"{self.chance.random()}\n"
        if file.exists() and self.chance.random() < 0.5:
            file.write_text(text)
        else:
            new = file.with_suffix(".new")
            new.write_text(text)
            os.replace(new, file)

    def recycle(self):
        self.touch(self.chance.choice(list(self.files)))

    def reload(self):
        self.host.write_ini(self.ini())

    def reload_environment(self):
        self.new_generation()
        self.host.write_ini(self.ini())

    def reload_broken(self):
        """The last good one stays in force."""
        text = self.chance.choice([
            lambda: self.ini(broken="MaxInstances=many"), lambda: self.ini(broken="QueueLenght=5"), lambda: "; nothing\n"])()
        self.host.write_ini(text)

    def calm(self):
        self.host.write_ini(self.ini(calm=True))

    def work(self, stop):
        """Until the event `stop`: quiet times, and busy ones with several events a second."""
        events = [self.recycle] * 10 + [self.reload] * 7 + [self.reload_environment] * 2 + [self.reload_broken] * 2
        while not stop.is_set():
            longest, count = self.chance.choice([(3.0, 3), (1.0, 6), (0.4, 12)])
            for _ in range(count):
                event = self.chance.choice(events)
                if stop.wait(self.chance.random() * longest):
                    return
                event()
                self.done[event.__name__] += 1
