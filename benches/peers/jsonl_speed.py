"""Speed on JSON lines, two cores: `dechaff clean` on plain, gzip and zstd input beside `wc -w` and
beside `dolma dedupe` and `dolma mix`, on the same made-up pages, by turns.

WORK is a directory for the corpus and what comes of it, about ten times --bytes; the corpus is kept
there for the next run. dolma reads gzip only. Rates are of the unpacked JSON lines, whoever reads.

The job that both can do, lines said before go, is checked: as many rows and as many lines that are
not blank must come out of each as there are distinct lines.
"""

import argparse
import gzip
import json
import pathlib
import shutil
import subprocess
import sys

import zstandard

import timing

PARTS = 8
# dolma's filter may take a new line for a known one; by the rate that it is told, a few.
FALSE_POSITIVE_RATE = 1e-6
MAX_DIFFERENCE = 1e-4

OPENERS = {
    ".gz": lambda path: gzip.open(path, "rt", encoding="utf-8", newline="\n"),
    ".zst": lambda path: zstandard.open(path, "rt", encoding="utf-8", newline="\n"),
    ".jsonl": lambda path: open(path, encoding="utf-8", newline="\n"),
}


def rows_of(directory):
    for path in sorted(directory.rglob("*.*")):
        if path.suffix in OPENERS:
            with OPENERS[path.suffix](path) as rows:
                yield from map(json.loads, rows)


def lines_of(row):
    return [line for line in row["text"].split("\n") if line.strip()]


def make_corpus(work, generate, size):
    """The corpus in equal parts: plain, and each part packed."""
    plain, gz, zst = (work / name / "documents" for name in ("plain", "gz", "zst"))
    marker = work / "made"
    if marker.exists() and marker.read_text() == size:
        return plain, gz, zst
    for directory in (plain, gz, zst):
        shutil.rmtree(directory.parent, ignore_errors=True)
        directory.mkdir(parents=True)
    whole = work / "whole.jsonl"
    command = [generate, "--bytes", size, "--format", "jsonl", whole]
    subprocess.run(command, check=True)
    part_bytes = whole.stat().st_size // PARTS + 1
    with open(whole, "rb") as rows:
        for part in range(PARTS):
            name = f"part-{part}.jsonl"
            with open(plain / name, "wb") as out:
                while out.tell() < part_bytes and (row := rows.readline()):
                    out.write(row)
            with open(plain / name, "rb") as source:
                with gzip.open(gz / f"{name}.gz", "wb", compresslevel=6) as out:
                    shutil.copyfileobj(source, out)
                source.seek(0)
                with open(zst / f"{name}.zst", "wb") as out:
                    zstandard.ZstdCompressor(level=3).copy_stream(source, out)
    whole.unlink()
    marker.write_text(size)
    return plain, gz, zst


def write_json(path, value):
    path.write_text(json.dumps(value, indent=1))
    return path


class Dolma:
    """The two commands that together do a job: find the lines, take them out."""

    def __init__(self, program, work, documents, lines, cores):
        self.program, self.work, self.cores = program, work, cores
        self.attributes = documents.parent / "attributes"
        self.mixed = work / "mixed"
        self.bloom = work / "bloom.bin"
        dedupe = {
            "documents": [f"{documents}/*.gz"],
            "dedupe": {
                "name": "lines",
                "paragraphs": {"attribute_name": "lines"},
                "skip_empty": True,
            },
            "bloom_filter": {
                "file": str(self.bloom),
                "read_only": False,
                "estimated_doc_count": lines,
                "desired_false_positive_rate": FALSE_POSITIVE_RATE,
            },
            "processes": len(cores),
        }
        packed_bytes = sum(path.stat().st_size for path in documents.iterdir())
        mix = {
            "streams": [
                {
                    "name": "mixed",
                    "documents": [f"{documents}/*.gz"],
                    "attributes": ["lines"],
                    "output": {
                        "path": str(self.mixed),
                        "max_size_in_bytes": packed_bytes // PARTS + 1,
                        "discard_fields": ["attributes"],
                    },
                    "span_replacement": [
                        {"span": "$.attributes.lines", "min_score": 0.5, "replacement": ""}
                    ],
                }
            ],
            "processes": len(cores),
        }
        self.configs = {
            "dedupe": write_json(work / "dedupe.json", dedupe),
            "mix": write_json(work / "mix.json", mix),
        }

    def start(self):
        return timing.Run([self.program, "dedupe", "--help"], self.cores)

    def run(self, command):
        if command == "dedupe":
            shutil.rmtree(self.attributes, ignore_errors=True)
            self.bloom.unlink(missing_ok=True)
        else:
            shutil.rmtree(self.mixed, ignore_errors=True)
        return timing.Run([self.program, "-c", self.configs[command], command], self.cores)


def distinct_lines(directory):
    """Rows, lines that are not blank, and how many of those differ."""
    rows, lines, seen = 0, 0, set()
    for row in rows_of(directory):
        rows += 1
        found = lines_of(row)
        lines += len(found)
        seen.update(map(hash, found))
    return rows, lines, len(seen)


def check(name, directory, rows, distinct):
    found_rows, found_lines = 0, 0
    for row in rows_of(directory):
        found_rows += 1
        found_lines += len(lines_of(row))
    difference = abs(found_lines - distinct) / distinct
    print(f"{name}: {found_rows} rows, {found_lines} lines", file=sys.stderr)
    if found_rows != rows or difference > MAX_DIFFERENCE:
        sys.exit(f"{name}: {found_rows} rows and {found_lines} lines, not {rows} and {distinct}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", type=pathlib.Path, metavar="WORK")
    parser.add_argument("--bytes", default="500MB", help="size of the pages' text")
    parser.add_argument("--dechaff", default="target/release/dechaff", help="the program")
    parser.add_argument("--generate", default="target/release/examples/generate")
    parser.add_argument("--dolma", default="dolma", help="dolma's program; '' leaves it out")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    arguments.work = arguments.work.absolute()
    arguments.work.mkdir(parents=True, exist_ok=True)

    plain, gz, zst = make_corpus(arguments.work, arguments.generate, arguments.bytes)
    parts = sorted(plain.iterdir())
    json_bytes = sum(part.stat().st_size for part in parts)
    rows, lines, distinct = distinct_lines(plain)
    cores = timing.cores(2)

    def dechaff(documents, name, *options):
        out = arguments.work / "cleaned" / name
        shutil.rmtree(out, ignore_errors=True)
        out.parent.mkdir(exist_ok=True)
        command = [arguments.dechaff, "clean", documents, "-o", out, "--quiet"]
        return timing.Run(command + ["--threads", str(len(cores)), *options], cores)

    same_lines = ["--no-score", "--scopes", "corpus", "--corpus-duplicates", "1"]
    same_lines += ["--corpus-min-lines", "1", "--corpus-min-chars", "0"]
    same_lines += ["--corpus-normalize", "none"]
    inputs = {"plain": plain, "gzip": gz, "zstd": zst}
    shell = ["sh", "-c"]
    jobs = {
        "`wc -w`, plain": lambda: timing.Run(["wc", "-w", *parts], cores),
        "`gzip -dc \\| wc -w`": lambda: timing.Run(
            shell + [f"gzip -dc {gz}/* | wc -w"], cores
        ),
    }
    for name, documents in inputs.items():
        for what, options in {
            "sites and scores": [],
            "one pass, scores": ["--scopes", "page"],
            "lines said before": same_lines,
        }.items():
            jobs[f"dechaff, {what}, {name}"] = (
                lambda documents=documents, name=name, what=what, options=options: dechaff(
                    documents, f"{name}-{what.split()[0]}", *options
                )
            )
    if arguments.dolma:
        dolma = Dolma(arguments.dolma, arguments.work, gz, lines, cores)
        jobs["dolma, start"] = dolma.start
        jobs["dolma dedupe, gzip"] = lambda: dolma.run("dedupe")
        jobs["dolma mix, gzip"] = lambda: dolma.run("mix")
    runs = timing.by_turns(jobs, arguments.rounds)
    for name in inputs:
        check(f"dechaff, {name}", arguments.work / "cleaned" / f"{name}-lines", rows, distinct)
    if arguments.dolma:
        check("dolma", dolma.mixed, rows, distinct)
        # Both together, each without what the program takes to start.
        start = runs.pop("dolma, start")
        both = []
        for started, dedupe, mix in zip(start, runs["dolma dedupe, gzip"], runs["dolma mix, gzip"]):
            both.append(dedupe)
            both[-1].wall += mix.wall - 2 * started.wall
            both[-1].cpu += mix.cpu - 2 * started.cpu
        del runs["dolma dedupe, gzip"], runs["dolma mix, gzip"]
        runs["dolma dedupe and mix, gzip"] = both

    print(f"\n{rows} rows, {json_bytes / 1e6:.0f} MB of JSON lines, {lines} lines, {distinct} of them")
    print(f"distinct; two cores, the middle of {arguments.rounds} rounds\n")
    print("| | s | MB/s | processor s | times `wc -w` | times dolma |")
    print("|---|---:|---:|---:|---:|---:|")
    for name, of_job in runs.items():
        seconds = timing.middle([run.wall for run in of_job])
        cells = [f"{seconds:.2f}", f"{json_bytes / 1e6 / seconds:.0f}"]
        cells.append(f"{timing.middle([run.cpu for run in of_job]):.2f}")
        for base in ("`wc -w`, plain", "dolma dedupe and mix, gzip"):
            base = runs.get(base)
            times = base and timing.ratio(of_job, base, lambda run: run.wall)
            cells.append(f"{times:.2f}" if times else "")
        print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
