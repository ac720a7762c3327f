"""Fits variants of the models, measures them on other pages, and tells what parts add and cost.

A variant is a name, what it is compared with, and options of `dechaff train`. Its accuracy is that
of `dechaff eval`, each page alone; its cost the instructions of `dechaff clean` on one thread,
less those without scores, for each byte of text.
"""

import argparse
import gzip
import json
import math
import pathlib
import re
import subprocess
import sys
import tempfile

ACCURATE = ["--preset", "accurate"]
# Name, table, what it says there, options of `dechaff train`.
VARIANTS = [
    ("fast", "parts", "all of `fast`", []),
    *(
        (f"fast without {parts}", "parts", f"without {parts.replace(',', ' and ')}", ["--without", parts])
        for parts in (
            "cut",
            "words",
            "vocabulary",
            "neighbours,windows",
            "runs",
            "page,position",
            "repeats",
            "site",
            "shape",
        )
    ),
    ("fast, 1 step", "parts", "the line alone", ["--steps", "1"]),
    ("fast, 20 trees", "sizes", "`fast`, 20 trees a step", ["--trees", "20"]),
    ("fast, 250 trees", "sizes", "`fast`, 250 trees a step", ["--trees", "250"]),
    ("accurate", "parts", "all of `accurate`", ACCURATE),
    ("accurate without networks", "parts", "without networks", [*ACCURATE, "--without", "networks"]),
    (
        "accurate without networks, 2 steps",
        "parts",
        "without networks, two steps",
        [*ACCURATE, "--without", "networks", "--steps", "2"],
    ),
    *((f"{pages} pages", "pages", f"{pages}", ["--pages", str(pages)]) for pages in (151, 533, 1290, 2558)),
    *(
        (f"without {source}", "sources", source, ["--leave-out", source])
        for source in ("wcxb", "cleaneval", "daniel", "dragnet", "cnnews")
    ),
]
# Text that costs are counted on: pages of the labelled set until there are so many bytes.
COUNTED_BYTES = 1_000_000


def run(command, **options):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)
    if done.returncode != 0:
        sys.exit(f"{command} ended with {done.returncode}: {done.stderr}")
    return done


def sample(files, path):
    """A few of the pages' texts, from all files, as JSON lines; their bytes."""
    texts = []
    for file in files:
        with gzip.open(file, "rt", encoding="utf-8") as rows:
            texts.append(["\n".join(json.loads(row)["lines"]) for _, row in zip(range(200), rows)])
    total = 0
    with open(path, "w", encoding="utf-8") as out:
        for turn in range(200):
            for text in (of_file[turn] for of_file in texts if turn < len(of_file)):
                if total < COUNTED_BYTES:
                    total += len(text.encode())
                    out.write(json.dumps({"text": text}, ensure_ascii=False) + "\n")
    return total


def instructions(program, rows, options):
    with tempfile.TemporaryDirectory() as directory:
        command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={directory}/counts", program]
        command += ["clean", rows, "-o", f"{directory}/out.jsonl", "--quiet", "--threads", "1"]
        told = run(command + ["--scopes", "page", *options]).stderr
        return int(re.search(r"Collected : (\d+)", told)[1])


def evaluated(program, files, options):
    """Figures of each table of `eval`: by source, and the two means."""
    command = [program, "eval", *files, "--json", "--scopes", "page", *options]
    shown = json.loads(run(command).stdout)
    figures = {}
    for table in shown["tables"]:
        rows = {row["name"]: row for row in table["rows"]}
        rows |= {"mean": table["mean"], "mean20": table["mean20"]}
        pair = lambda row: [round(100 * row[name], 2) for name in ("word_f1", "ngram_f1")]
        figures[table["name"]] = {name: pair(row) for name, row in rows.items()}
    return figures


def pair(figures):
    return " / ".join(f"{figure:.1f}" for figure in figures)


def tables(results):
    whole = results.get("fast", {})
    out = ["| | all sets | larger sets | instructions a byte |", "|---|---|---|---:|"]
    for name, table, title, _ in VARIANTS:
        if table in ("parts", "sizes") and name in results:
            figures = results[name]["figures"]
            cost = f"{results[name]['cost']:.1f}"
            out.append(f"| {title} | {pair(figures['mean'])} | {pair(figures['mean20'])} | {cost} |")
    out += ["", "| pages | all sets | larger sets |", "|---:|---|---|"]
    for name, table, title, _ in VARIANTS:
        if table == "pages" and name in results:
            figures = results[name]["figures"]
            out.append(f"| {title} | {pair(figures['mean'])} | {pair(figures['mean20'])} |")
    out += ["", "| left out | on that set, with it | without it |", "|---|---|---|"]
    for name, table, title, _ in VARIANTS:
        if table == "sources" and name in results and whole:
            with_it, without = (one["figures"][title] for one in (whole, results[name]))
            out.append(f"| {title} | {pair(with_it)} | {pair(without)} |")
    return "\n".join(out) + "\n"


def frontier(results):
    """Accuracy against cost, as a drawing: word F1 over the larger sets, instructions a byte."""
    points = [
        (title.replace("`", "").replace("all of ", ""), results[name]["cost"], results[name]["figures"]["mean20"][0])
        for name, table, title, _ in VARIANTS
        if table in ("parts", "sizes") and name in results and "without" not in title
    ]
    for name, table, title, _ in VARIANTS:
        if name.startswith("accurate without networks") and name in results:
            points.append((f"accurate {title}", results[name]["cost"], results[name]["figures"]["mean20"][0]))
    width, height, left, bottom, top = 760, 420, 60, 50, 20
    least, most = 1, 1024
    low, high = 78, 92

    def x(cost):
        share = math.log2(max(cost, least) / least) / math.log2(most / least)
        return left + share * (width - left - 150)

    def y(figure):
        return height - bottom - (figure - low) / (high - low) * (height - bottom - top)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
    ]
    for figure in range(low, high + 1, 2):
        parts.append(f'<path d="M{left} {y(figure):.1f}H{width - 150}" stroke="#ddd"/>')
        parts.append(f'<text x="{left - 8}" y="{y(figure) + 4:.1f}" text-anchor="end" fill="#333">{figure}</text>')
    cost = least
    while cost <= most:
        parts.append(f'<path d="M{x(cost):.1f} {top}V{height - bottom}" stroke="#eee"/>')
        parts.append(f'<text x="{x(cost):.1f}" y="{height - bottom + 18}" text-anchor="middle" fill="#333">{cost}</text>')
        cost *= 4
    middle = left + (width - left - 150) / 2
    parts.append(f'<text x="{middle}" y="{height - 12}" text-anchor="middle" fill="#333">instructions to score a byte of text</text>')
    parts.append(f'<text x="16" y="{height / 2}" text-anchor="middle" fill="#333" transform="rotate(-90 16 {height / 2})">word F1, larger sets, percent</text>')
    for title, cost, figure in points:
        parts.append(f'<circle cx="{x(cost):.1f}" cy="{y(figure):.1f}" r="4" fill="#1f5fa8"/>')
        parts.append(f'<text x="{x(cost) + 8:.1f}" y="{y(figure) + 4:.1f}" fill="#111">{title}</text>')
    return "\n".join([*parts, "</svg>", ""])


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("program", type=pathlib.Path)
    arguments.add_argument("train", type=pathlib.Path)
    arguments.add_argument("dev", type=pathlib.Path)
    arguments.add_argument("out", type=pathlib.Path)
    arguments.add_argument("variants", nargs="*", help="names; all unless given")
    given = arguments.parse_args()
    unknown = set(given.variants) - {name for name, *_ in VARIANTS}
    if unknown:
        sys.exit(f"{unknown}: none of {[name for name, *_ in VARIANTS]}")
    given.out.mkdir(parents=True, exist_ok=True)
    train, dev = (sorted(map(str, place.glob("*.jsonl.gz"))) for place in (given.train, given.dev))
    if not train or not dev:
        sys.exit("no labelled pages: expected TRAIN_DIR/*.jsonl.gz and DEV_DIR/*.jsonl.gz")
    path = given.out / "results.jsonl"
    results = {}
    if path.exists():
        with open(path, encoding="utf-8") as rows:
            results = {row["name"]: row for row in map(json.loads, rows)}
    rows = given.out / "sample.jsonl"
    sample_bytes = sample(train, rows)

    def keep(name, figures, options):
        counted = instructions(given.program, rows, options)
        results[name] = {"name": name, "figures": figures, "cost": (counted - unscored) / sample_bytes}
        with open(path, "a", encoding="utf-8") as file:
            file.write(json.dumps(results[name]) + "\n")
        (given.out / "tables.md").write_text(tables(results), encoding="utf-8")
        (given.out / "frontier.svg").write_text(frontier(results), encoding="utf-8")

    unscored = instructions(given.program, rows, ["--no-score"])
    for name, _, _, options in VARIANTS:
        if name in results or given.variants and name not in given.variants:
            continue
        model = given.out / f"{name.replace(',', '').replace(' ', '-')}.model"
        if not model.exists():
            run([given.program, "train", *train, "-o", model, "--quiet", *options])
        figures = evaluated(given.program, dev, ["--scorer", "model", "--model", model])
        keep(name, figures["model"], ["--model", model])
        print(name, pair(results[name]["figures"]["mean"]), pair(results[name]["figures"]["mean20"]), flush=True)
    (given.out / "tables.md").write_text(tables(results), encoding="utf-8")
    (given.out / "frontier.svg").write_text(frontier(results), encoding="utf-8")


if __name__ == "__main__":
    main()
