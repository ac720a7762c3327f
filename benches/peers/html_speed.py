"""Speed of extraction from HTML on one core: dechaff beside others, on the same pages by turns.

DIR is that of accuracy.py. Every tool reads the same JSON lines and writes JSON lines with the text
in place of the HTML. Time is the processor's; of Python, without what it takes to start and to
import; of dechaff all of it.
"""

import argparse
import json
import os
import pathlib
import sys
import tempfile
import time

import accuracy
import peers
import timing


def work(name, rows, out):
    """What a Python tool is timed by: reads, extracts and writes every row."""
    extract = peers.make(name)
    extract("<html><body><p>What is loaded with the first page.</p></body></html>", {})
    wall, cpu = time.perf_counter(), time.process_time()
    with open(rows, encoding="utf-8") as pages, open(out, "w", encoding="utf-8") as texts:
        for page in map(json.loads, pages):
            try:
                text = extract(page["text"], page) or ""
            except Exception:
                text = ""
            page["text"] = text
            texts.write(json.dumps(page, ensure_ascii=False) + "\n")
    took = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    pathlib.Path(str(out) + ".took").write_text(json.dumps(took))


def texts_of(path):
    with open(path, encoding="utf-8") as rows:
        return [json.loads(row)["text"] for row in rows]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=pathlib.Path, metavar="DIR")
    parser.add_argument("--dechaff", default="target/release/dechaff", help="the program")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--times", type=int, default=1, help="the pages so many times over")
    parser.add_argument("--peers", default="resiliparse+trafilatura+rs-trafilatura")
    arguments = parser.parse_args()

    pages = []
    for path in sorted(arguments.directory.glob("*.jsonl.gz")):
        pages += accuracy.read_source(path)
    if not pages:
        sys.exit(f"no labelled pages with HTML in {arguments.directory}")
    html_bytes = 0
    with tempfile.TemporaryDirectory() as directory:
        rows, out = pathlib.Path(directory, "rows.jsonl"), pathlib.Path(directory, "out.jsonl")
        with open(rows, "w", encoding="utf-8", errors="replace") as file:
            for number, page in enumerate(pages * arguments.times):
                html_bytes += len(page["html"].encode("utf-8", "replace"))
                row = {"number": number, "lang": page.get("lang"), "text": page["html"]}
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
        core = timing.cores(1)
        filled = {}

        def dechaff(*options):
            command = [arguments.dechaff, "clean", rows, "-o", out, "--overwrite", "--quiet"]
            command += ["--text-format", "html", "--threads", "1", "--scopes", "page"]
            return timing.Run(command + list(options), core)

        def peer(name):
            command = [sys.executable, os.path.abspath(__file__), "--work", name, rows, out]
            run = timing.Run(command, core)
            vars(run).update(json.loads(pathlib.Path(str(out) + ".took").read_text()))
            return run

        def checked(name, run):
            def job():
                done = run()
                texts = texts_of(out)
                if len(texts) != len(pages) * arguments.times:
                    sys.exit(f"{name}: {len(texts)} rows came out")
                filled[name] = sum(bool(text.strip()) for text in texts) / len(texts)
                return done

            return job

        jobs = {
            "dechaff fast": lambda: dechaff("--model", "fast"),
            "dechaff accurate": lambda: dechaff("--model", "accurate"),
            "dechaff, lines only": lambda: dechaff("--no-score"),
        }
        for name in arguments.peers.split("+"):
            jobs[name] = lambda name=name: peer(name)
        jobs = {name: checked(name, run) for name, run in jobs.items()}
        runs = timing.by_turns(jobs, arguments.rounds)

    count = len(pages) * arguments.times
    print(f"{count} pages, {html_bytes / 1e6:.1f} MB of HTML, one core, {arguments.rounds} rounds\n")
    print("| | pages/s | MB/s of HTML | times resiliparse | times trafilatura | with text |")
    print("|---|---:|---:|---:|---:|---:|")
    for name, of_job in runs.items():
        seconds = timing.middle([run.cpu for run in of_job])
        cells = [f"{count / seconds:,.0f}", f"{html_bytes / 1e6 / seconds:.1f}"]
        for base in ("resiliparse", "trafilatura"):
            base = runs.get(base)
            times = base and timing.ratio(of_job, base, lambda run: run.cpu)
            cells.append(f"{times:.1f}" if times else "")
        print(f"| {name} | {' | '.join(cells)} | {filled[name]:.1%} |")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--work"]:
        work(*sys.argv[2:])
    else:
        main()
