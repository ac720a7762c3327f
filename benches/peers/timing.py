"""Runs commands by turns and times them: a shared machine is never the same twice."""

import os
import statistics
import subprocess
import sys
import time


class Run:
    """What a command took: seconds by the clock, and of the processor (its children's too), and the
    most memory that a process of it held, in bytes."""

    def __init__(self, command, cores, stdin=None, stdout=subprocess.DEVNULL):
        def pin():
            os.sched_setaffinity(0, cores)

        before = time.perf_counter()
        process = subprocess.Popen(
            [str(part) for part in command],
            stdin=stdin,
            stdout=stdout,
            stderr=subprocess.PIPE,
            preexec_fn=pin,
        )
        said = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        self.wall = time.perf_counter() - before
        self.cpu = usage.ru_utime + usage.ru_stime
        self.peak_memory = usage.ru_maxrss * 1024
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            sys.exit(f"{command} ended with {process.returncode}: {said.decode(errors='replace')}")


def by_turns(jobs, rounds):
    """The runs of each job; `jobs` maps a name to a function that runs once."""
    runs = {name: [] for name in jobs}
    for _ in range(rounds):
        for name, job in jobs.items():
            runs[name].append(job())
    return runs


def middle(values):
    return statistics.median(values)


def ratio(runs, base, of):
    """The middle of the ratios of runs that stood beside each other."""
    return middle([of(a) / of(b) for a, b in zip(base, runs)])


def cores(count):
    """The first cores that this process may use."""
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < count:
        sys.exit(f"{count} cores are needed, {len(allowed)} may be used")
    return set(allowed[:count])
