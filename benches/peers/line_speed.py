"""Speed of repeats alone, two cores, by turns: lines kept once on one file of text, beside huniq, runiq,
awk and sort; pages of a tree, beside `cp -r`; and `wc -w`, which only reads.

WORK is a directory for the corpora and what comes of them, some six times --bytes; the corpora are
kept there for the next run. Rates are of the file's, or the tree's, bytes. Memory is the largest resident
size, and never less than what this script itself holds (some 13 MB).

What should be the same is checked: of the file, dechaff, huniq, runiq and awk leave the same lines in
the same order, sort -u the same in another one. Blank lines do not count: dechaff keeps some of them,
as they are no repeats. A copy of the tree has every page.

One run record for each row is written to WORK/records: `dechaff compare` sets any two side by side.
"""

import argparse
import collections
import hashlib
import json
import pathlib
import shutil
import subprocess
import sys

import timing
from corpora import make

# As dechaff strips them; the made-up pages hold no others.
BLANK = b" \t\r\f\v\xc2\xa0"
SCHEMA_VERSION = 3

Row = collections.namedtuple("Row", "name program command check bytes reads")


def lines_of(path):
    """How many lines a file has that are not blank, their digest in order, and that of their set."""
    count, ordered, unordered = 0, hashlib.blake2b(digest_size=16), 0
    with open(path, "rb") as lines:
        for line in lines:
            line = line.rstrip(b"\n")
            if not line.strip(BLANK):
                continue
            count += 1
            ordered.update(line + b"\n")
            own = hashlib.blake2b(line, digest_size=16).digest()
            unordered = (unordered + int.from_bytes(own, "little")) % (1 << 128)
    return count, ordered.hexdigest(), unordered


def files_of(directory):
    return sum(1 for path in directory.rglob("*") if path.is_file())


def version(program):
    """What a program says of itself; empty where it says nothing."""
    said = subprocess.run([program, "--version"], capture_output=True, text=True)
    first = said.stdout.split("\n")[0]
    return first.removeprefix(pathlib.Path(program).name).strip() if said.returncode == 0 else ""


def record(row, runs, own):
    """The run record of a row. `own` is that of a run of dechaff over the same corpus, which says
    what the corpus and the machine are."""
    base = own
    if row.program != "dechaff":
        base = {
            "program": pathlib.Path(row.program).name,
            "version": version(row.program),
            "machine": own["machine"],
            "input": own["input"],
            "counts": {"bytes_in": own["counts"]["bytes_in"]},
        }
    repeats = [
        {
            "cache": "warm",
            "wall_seconds": run.wall,
            "cpu_seconds": run.cpu,
            "peak_memory_bytes": run.peak_memory,
            "bytes": own["counts"]["bytes_in"],
        }
        for run in runs
    ]
    middle = sorted(repeats, key=lambda repeat: repeat["wall_seconds"])[(len(repeats) - 1) // 2]
    keys = ["wall_seconds", "cpu_seconds", "peak_memory_bytes"]
    told = {key: middle[key] for key in keys}
    speed = own["counts"]["bytes_in"] / 1e6 / middle["wall_seconds"]
    return {
        **base,
        "schema_version": SCHEMA_VERSION,
        **told,
        "mb_per_second": speed,
        "stages": [],
        "repeats": repeats,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", type=pathlib.Path, metavar="WORK")
    parser.add_argument("--bytes", default="500MB", help="size of the file")
    parser.add_argument("--pages", type=int, default=90_000, help="files of the tree")
    parser.add_argument("--dechaff", default="target/release/dechaff", help="the program")
    parser.add_argument("--generate", default="target/release/examples/generate")
    parser.add_argument("--rounds", type=int, default=5, help="measured runs of each row")
    arguments = parser.parse_args()
    work = arguments.work.absolute()
    (work / "records").mkdir(parents=True, exist_ok=True)
    cores = timing.cores(2)
    dechaff = pathlib.Path(arguments.dechaff).absolute()
    threads = ["--quiet", "--threads", len(cores)]

    text = make(work, arguments.generate, "text", ["--bytes", arguments.bytes])
    tree = make(work, arguments.generate, "files", ["--pages", arguments.pages])
    out, out_tree = work / "out.text", work / "out.files"
    text_bytes = text.stat().st_size
    tree_bytes = sum(path.stat().st_size for path in tree.rglob("*") if path.is_file())
    tree_files = files_of(tree)

    once = ["--no-score", "--scopes", "corpus", "--corpus-duplicates", "1"]
    once += ["--corpus-min-lines", "1", "--corpus-min-chars", "0", "--corpus-normalize", "none"]
    same_order, same_set, same_files, nothing = "order", "set", "files", None
    clean = [dechaff, "clean"]
    rows = [
        Row("wc-w", "wc", ["wc", "-w", text], nothing, text_bytes, text),
        Row("dechaff-lines", "dechaff", [*clean, text, "-o", out, *once, *threads], same_order,
            text_bytes, text),
        Row("huniq", "huniq", ["huniq"], same_order, text_bytes, text),
        Row("runiq", "runiq", ["runiq", "-f", "quick", text], same_order, text_bytes, text),
        Row("awk", "awk", ["awk", "!seen[$0]++", text], same_order, text_bytes, text),
        Row("sort-u", "sort", ["sort", "-u", "--parallel", len(cores), text], same_set,
            text_bytes, text),
        Row("cp-r", "cp", ["cp", "-r", tree, out_tree], same_files, tree_bytes, tree),
        Row("dechaff-tree-repeats", "dechaff",
            [*clean, tree, "-o", out_tree, "--no-score", *threads], same_files, tree_bytes, tree),
        Row("dechaff-tree", "dechaff", [*clean, tree, "-o", out_tree, *threads], same_files,
            tree_bytes, tree),
    ]

    def run(row):
        # Removal of the last output is not timed, nor its effect on the next run evened out: see
        # ../README.md on ext4; WORK in memory is free of it.
        shutil.rmtree(out_tree, ignore_errors=True)
        out.unlink(missing_ok=True)
        if row.program == "dechaff" or row.check == same_files or row.check is nothing:
            return timing.Run(row.command, cores)
        stdin = open(row.reads, "rb") if row.name == "huniq" else None
        with open(out, "wb") as written:
            return timing.Run(["env", "LC_ALL=C", *row.command], cores, stdin, written)

    # A run that is not measured: it warms the cache, and is looked at.
    expected, records = None, {}
    for row in rows:
        run(row)
        if row.program == "dechaff":
            stats = work / "stats.json"
            stats.unlink(missing_ok=True)
            told = [*row.command, "--stats", stats, "--overwrite"]
            subprocess.run([str(part) for part in told], check=True)
            records[row.name] = json.loads(stats.read_text())
        if row.check in (same_order, same_set):
            count, ordered, unordered = found = lines_of(out)
            expected = expected or found
            is_same = found == expected
            if row.check == same_set:
                is_same = (count, unordered) == (expected[0], expected[2])
            if not is_same:
                sys.exit(f"{row.name}: {count} lines, not the {expected[0]} of the first, or others")
            print(f"{row.name}: {count} lines, the same", file=sys.stderr)
        if row.check == same_files and files_of(out_tree) != tree_files:
            sys.exit(f"{row.name}: {files_of(out_tree)} files, not {tree_files}")

    runs = timing.by_turns({row.name: lambda row=row: run(row) for row in rows}, arguments.rounds)
    of_corpus = {text: records["dechaff-lines"], tree: records["dechaff-tree"]}
    for row in rows:
        own = records.get(row.name, of_corpus[row.reads])
        written = json.dumps(record(row, runs[row.name], own), indent=1)
        (work / "records" / f"{row.name}.json").write_text(written + "\n")

    print(f"\n{text_bytes / 1e6:.0f} MB of text, {expected[0]} lines of it distinct; {tree_files} files,")
    print(f"{tree_bytes / 1e6:.0f} MB; two cores, the middle of {arguments.rounds} rounds\n")
    print("| | s | MB/s | processor s | MB memory | times `wc -w` | times `cp -r` |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for row in rows:
        own = runs[row.name]
        seconds = timing.middle([one.wall for one in own])
        cells = [f"{seconds:.2f}", f"{row.bytes / 1e6 / seconds:.0f}"]
        cells.append(f"{timing.middle([one.cpu for one in own]):.2f}")
        cells.append(f"{max(one.peak_memory for one in own) / 1e6:.0f}")
        for beside, corpus in (("wc-w", text), ("cp-r", tree)):
            is_beside = row.reads == corpus
            ratio = timing.ratio(own, runs[beside], lambda one: one.wall) if is_beside else 0
            cells.append(f"{ratio:.2f}" if is_beside else "")
        print(f"| {row.name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
