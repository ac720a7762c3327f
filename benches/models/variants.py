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
import typing


class Variant(typing.NamedTuple):
    name: str
    # The table that it stands in, and what it is called there.
    table: str
    title: str
    # Options of `dechaff train`.
    options: list
    # What it is called in the drawing; without it stands in none.
    point: str = ""


ACCURATE = ["--preset", "accurate"]
VARIANTS = [
    Variant("fast", "parts", "all of `fast`", [], "fast"),
    *(
        Variant(f"fast without {parts}", "parts", f"without {parts.replace(',', ' and ')}", ["--without", parts])
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
    Variant("fast, 1 step", "parts", "the line alone", ["--steps", "1"], "the line alone"),
    *(
        Variant(
            f"fast, {trees} trees",
            "parts",
            f"`fast`, {trees} trees a step",
            ["--trees", trees],
            f"fast, {trees} trees a step",
        )
        for trees in ("20", "250")
    ),
    Variant("accurate", "parts", "all of `accurate`", ACCURATE, "accurate"),
    Variant(
        "accurate without networks",
        "parts",
        "without networks",
        [*ACCURATE, "--without", "networks"],
        "accurate without networks",
    ),
    Variant("accurate without hints", "parts", "without hints of markup", [*ACCURATE, "--without", "hints"]),
    Variant(
        "accurate without networks, 2 steps",
        "parts",
        "without networks, two steps",
        [*ACCURATE, "--without", "networks", "--steps", "2"],
        "accurate without networks, two steps",
    ),
    *(Variant(f"{pages} pages", "pages", pages, ["--pages", pages]) for pages in ("151", "533", "1290", "2558")),
    *(
        Variant(f"without {source}", "sources", source, ["--leave-out", source])
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


def evaluated(program, files, model):
    """Word and 4-gram F1 of a model in percent, by source, and of the two means."""
    command = [program, "eval", *files, "--json", "--scopes", "page", "--scorer", "model", "--model", model]
    [table] = json.loads(run(command).stdout)["tables"]
    rows = {row["name"]: row for row in table["rows"]}
    rows |= {"mean": table["mean"], "mean20": table["mean20"]}
    f1s = ("word_f1", "ngram_f1")
    return {name: [round(100 * row[f1], 2) for f1 in f1s] for name, row in rows.items()}


def pair(figures):
    return " / ".join(f"{figure:.1f}" for figure in figures)


def means(result):
    return [pair(result["figures"][mean]) for mean in ("mean", "mean20")]


def table(head, rule, rows):
    return [head, rule, *(f"| {' | '.join(row)} |" for row in rows)]


def tables(results):
    def of(table):
        shown = (variant for variant in VARIANTS if variant.table == table and variant.name in results)
        return [(variant.title, results[variant.name]) for variant in shown]

    parts = [[title, *means(result), f"{result['cost']:.1f}"] for title, result in of("parts")]
    pages = [[title, *means(result)] for title, result in of("pages")]
    whole = results.get("fast", {}).get("figures")
    sources = [
        [source, pair(whole[source]), pair(result["figures"][source])]
        for source, result in of("sources")
        if whole
    ]
    lines = [
        *table("| | all sets | larger sets | instructions a byte |", "|---|---|---|---:|", parts),
        "",
        *table("| pages | all sets | larger sets |", "|---:|---|---|", pages),
        "",
        *table("| left out | on that set, with it | without it |", "|---|---|---|", sources),
    ]
    return "\n".join(lines) + "\n"


def frontier(results):
    """Accuracy against cost, as a drawing: word F1 over the larger sets, instructions a byte."""
    shown = (variant for variant in VARIANTS if variant.point and variant.name in results)
    drawn = ((variant.point, results[variant.name]) for variant in shown)
    points = [(point, result["cost"], result["figures"]["mean20"][0]) for point, result in drawn]
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
    names = [variant.name for variant in VARIANTS]
    unknown = set(given.variants) - set(names)
    if unknown:
        sys.exit(f"{unknown}: none of {names}")
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

    def show():
        (given.out / "tables.md").write_text(tables(results), encoding="utf-8")
        (given.out / "frontier.svg").write_text(frontier(results), encoding="utf-8")

    show()
    unscored = instructions(given.program, rows, ["--no-score"])
    for name, _, _, options, _ in VARIANTS:
        if name in results or given.variants and name not in given.variants:
            continue
        model = given.out / f"{name.replace(',', '').replace(' ', '-')}.model"
        if not model.exists():
            run([given.program, "train", *train, "-o", model, "--quiet", *options])
        cost = instructions(given.program, rows, ["--model", model]) - unscored
        result = {"name": name, "figures": evaluated(given.program, dev, model), "cost": cost / sample_bytes}
        results[name] = result
        with open(path, "a", encoding="utf-8") as file:
            file.write(json.dumps(result) + "\n")
        show()
        print(name, *means(result), flush=True)


if __name__ == "__main__":
    main()
