"""Instructions a byte by stage, from callgrind, beside a baseline.

A stage is what is executed inside some functions, less what other stages take inside them; what
is inside none is "other" (the start, the arguments, the model, the table at the end).
Counts do not depend on what else runs on the machine. They do depend on the processor's instructions
(the program and the C library choose by them; valgrind shows no more than AVX2) and on the compiler:
on a machine without AVX2 nothing is compared, with another rustc the margin is doubled.
"""

import argparse
import collections
import json
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent
BASELINE = HERE / "baseline.json"
CORPUS = ["--bytes", "2MB", "--seed", "1"]
# A job: how its corpus is written, and its name.
JOBS = {
    "files": ("files", "pages"),
    "html": ("html", "pages"),
    "rows": ("jsonl", "pages.jsonl"),
}
# Past it a stage has become dearer: in percent, and in instructions a byte for those that cost
# next to nothing.
MARGIN_PERCENT = 4.0
LEAST_MARGIN = 0.3

# The functions that a stage begins with, by their symbols, in the order of the run record.
STAGES = {
    "walk": ["<dechaff::source::inputs::Inputs as dechaff::source::Source>::next_job"],
    "read": [
        "dechaff::source::inputs::read_file",
        "dechaff::source::stream::Stream::next_chunk",
    ],
    "decode": ["dechaff::pipeline::unpack::page", "dechaff::source::rows::take_apart"],
    "split": ["dechaff::page::split_lines", "dechaff::shape::measure_all"],
    "fingerprint": ["dechaff::evidence::Evidence::normalize"],
    "count": [
        "dechaff::collect::PageCounter::add_page_watched",
        "dechaff::pipeline::collect::Counter::settle",
    ],
    "merge": ["dechaff::pipeline::collect::Spill::freeze"],
    "repeats": ["dechaff::cleaner::Cleaner::gather"],
    "score": [
        "<dechaff::score::learned::LearnedScorer as dechaff::score::Scorer>::score",
        "<dechaff::score::learned::LearnedScorer as dechaff::score::Scorer>::cut",
    ],
    "decide": ["dechaff::decide::decide_page"],
    "write": ["dechaff::pipeline::job::JobRun::write_rest", "dechaff::pipeline::outcome::put"],
}


class Profile:
    """What callgrind wrote: own cost of functions, and the cost of calls by caller and callee."""

    def __init__(self, path):
        self.own = collections.Counter()
        self.calls = collections.Counter()
        names = {}

        def name(text):
            number, given = re.match(r"\((\d+)\)(?: (.*))?$", text).groups()
            if given is not None:
                # Copies of a recursive function are told apart by a number.
                names[number] = re.sub(r"'\d+$", "", given)
            return names[number]

        function = callee = None
        is_call = False
        with open(path, errors="replace") as lines:
            for line in lines:
                if line.startswith("fn="):
                    function = name(line[3:].rstrip())
                elif line.startswith("cfn="):
                    callee = name(line[4:].rstrip())
                elif line.startswith("calls="):
                    is_call = True
                elif line[0].isdigit() or line[0] in "+-*":
                    cost = int(line.split()[-1])
                    if is_call:
                        self.calls[function, callee] += cost
                    else:
                        self.own[function] += cost
                    is_call = False
        self.total = sum(self.own.values())

    def stages(self):
        """Instructions of each stage, and of none."""
        stage_of = {root: stage for stage, roots in STAGES.items() for root in roots}
        functions = set(self.own) | {callee for _, callee in self.calls}
        missing = [root for root in stage_of if root not in functions]
        into = collections.defaultdict(collections.Counter)
        for (caller, callee), cost in self.calls.items():
            if caller != callee:
                into[callee][caller] += cost
        # What of the calls into a root comes from inside another stage: callers are followed up to the
        # roots above them, by their share of the calls. Not through thread pools and the like,
        # which call whatever they are given.
        shares = {}

        def above(function, seen=()):
            """The stage that a function is called in, in shares of its cost."""
            if function in stage_of:
                return {stage_of[function]: 1.0}
            if "dechaff::" not in function:
                return {"other": 1.0}
            if function in shares:
                return shares[function]
            callers = into[function]
            total = sum(callers.values())
            found = collections.Counter()
            if not total:
                found["other"] = 1.0
            for caller, cost in callers.items():
                if caller in seen:
                    continue
                for stage, share in above(caller, (*seen, function)).items():
                    found[stage] += share * cost / total
            if not seen:
                shares[function] = found
            return found

        cost = collections.Counter({stage: 0.0 for stage in STAGES})
        for root, stage in stage_of.items():
            for caller, inside in into[root].items():
                cost[stage] += inside
                for outer, share in above(caller).items():
                    if outer != "other":
                        cost[outer] -= inside * share
        cost["other"] = self.total - sum(cost.values())
        return dict(cost), missing


def count(binaries, work):
    """Instructions a byte: by job, by stage; and the functions that no job called."""
    counted, missing = {}, None
    for job, (form, name) in JOBS.items():
        (work / job).mkdir()
        corpus = work / job / name
        generate = [binaries / "examples/generate", *CORPUS, "--format", form, corpus]
        made = subprocess.run(generate, check=True, capture_output=True, text=True)
        text_bytes = int(re.search(r"(\d+) bytes of text", made.stderr).group(1))
        out = work / f"{job}.callgrind"
        command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}"]
        command += [binaries / "dechaff", "clean", corpus, "-o", work / job / "out"]
        command += ["--quiet", "--threads", "1"]
        ended = subprocess.run(command, capture_output=True, text=True)
        if ended.returncode != 0:
            sys.exit(f"{job} ended with {ended.returncode}:\n{ended.stderr}")
        profile = Profile(out)
        stages, without = profile.stages()
        missing = set(without) if missing is None else missing & set(without)
        stages["all"] = profile.total
        counted[job] = {stage: cost / text_bytes for stage, cost in stages.items()}
    return counted, missing


def rustc():
    said = subprocess.run(["rustc", "--version"], check=True, capture_output=True, text=True)
    return said.stdout.split()[1]


def processor():
    flags = pathlib.Path("/proc/cpuinfo").read_text() if sys.platform == "linux" else ""
    return "x86-64 with AVX2" if " avx2 " in flags else "another"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("binaries", type=pathlib.Path)
    parser.add_argument("--update", action="store_true", help="write baseline.json")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        counted, missing = count(arguments.binaries.absolute(), pathlib.Path(work))
    if missing:
        sys.exit("no function of these names was called; see STAGES: " + ", ".join(sorted(missing)))
    machine = {"rustc": rustc(), "processor": processor()}
    if arguments.update:
        rounded = {
            job: {stage: round(cost, 3) for stage, cost in stages.items()}
            for job, stages in counted.items()
        }
        baseline = {**machine, "instructions_per_byte": rounded}
        BASELINE.write_text(json.dumps(baseline, indent=1) + "\n")
    baseline = json.loads(BASELINE.read_text())
    margin = MARGIN_PERCENT
    if machine["rustc"] != baseline["rustc"]:
        margin *= 2
        print(f"rustc {machine['rustc']}, not {baseline['rustc']}: the margin is {margin} %")
    is_compared = machine["processor"] == baseline["processor"]
    print("| job | stage | baseline | now | change |")
    print("|---|---|---:|---:|---:|")
    dearer = []
    for job, stages in counted.items():
        for stage, now in stages.items():
            before = baseline["instructions_per_byte"][job][stage]
            change = f"{(now / before - 1) * 100:+.1f} %" if before > 0 else "-"
            print(f"| {job} | {stage} | {before:.2f} | {now:.2f} | {change} |")
            if now - before > max(before * margin / 100, LEAST_MARGIN):
                dearer.append(f"{job}: {stage}: {before:.2f} to {now:.2f} instructions a byte")
    if not is_compared:
        print(f"not compared: the baseline is of {baseline['processor']}")
    elif dearer:
        sys.exit("dearer than the baseline allows (--update if that is meant):\n" + "\n".join(dearer))


if __name__ == "__main__":
    main()
