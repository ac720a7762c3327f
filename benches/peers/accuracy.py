"""Accuracy of extraction from HTML on labelled pages: dechaff beside what others use.

DIR holds SOURCE.jsonl.gz, one labelled page a row (`id`, `gold`, and `lines` for dechaff's models
of text), and html/SOURCE.jsonl.zst beside it with rows `{"id", "html"}`. A source without HTML is
left out, and so is a page without.
"""

import argparse
import gzip
import io
import json
import pathlib
import subprocess
import sys
import tempfile

import zstandard

import metrics
import peers

MODELS = ("fast", "accurate")
LARGE_SOURCE_PAGES = 20
MAX_WINDOW_BYTES = 1 << 27


def read_html(path):
    unpacker = zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW_BYTES)
    with open(path, "rb") as packed, unpacker.stream_reader(packed) as stream:
        rows = map(json.loads, io.TextIOWrapper(stream, encoding="utf-8"))
        return {row["id"]: row["html"] for row in rows}


def read_source(path):
    """The labelled pages of which there is HTML."""
    html_path = path.parent / "html" / path.name.replace(".jsonl.gz", ".jsonl.zst")
    if not html_path.exists():
        return []
    html = read_html(html_path)
    with gzip.open(path, "rt", encoding="utf-8") as rows:
        pages = [json.loads(row) for row in rows]
    return [{**page, "html": html[page["id"]]} for page in pages if page["id"] in html]


def run(command):
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, encoding="utf-8")
    if done.returncode not in (0, 3):
        sys.exit(f"{command} ended with {done.returncode}")
    return done.stdout


def dechaff(program, pages, field, text_format, options):
    """What stays of each page; a page that is rejected or left out comes out empty."""
    with tempfile.TemporaryDirectory() as directory:
        rows, out = pathlib.Path(directory, "rows.jsonl"), pathlib.Path(directory, "out.jsonl")
        with open(rows, "w", encoding="utf-8") as file:
            for number, page in enumerate(pages):
                text = "\n".join(page["lines"]) if field == "lines" else page["html"]
                row = {"number": number, "text": text, "url": page.get("url") or ""}
                # What JSON has no character for: half of a surrogate pair.
                file.write(json.dumps(row, ensure_ascii=False).encode("utf-8", "replace").decode())
                file.write("\n")
        command = [program, "clean", rows, "-o", out, "--quiet", "--text-format", text_format]
        run(command + options)
        texts = [""] * len(pages)
        with open(out, encoding="utf-8") as file:
            for row in map(json.loads, file):
                texts[row["number"]] = row["text"]
        return texts


def check_against_eval(program, pages, model, ours):
    """Stops unless the figures of a model on text are those of `dechaff eval`."""
    with tempfile.TemporaryDirectory() as directory:
        gold = pathlib.Path(directory, "gold.jsonl")
        with open(gold, "w", encoding="utf-8") as file:
            for page in pages:
                row = {name: value for name, value in page.items() if name != "html"}
                file.write(json.dumps(row) + "\n")
        command = [program, "eval", gold, "--json", "--scopes", "page"]
        report = json.loads(run(command + ["--scorer", "model", "--model", model]))
    theirs = report["tables"][0]["rows"][0]
    for name in ("word_f1", "ngram_f1", "ngram_precision", "ngram_recall"):
        if abs(theirs[name] - ours[name]) > 1e-9:
            sys.exit(f"{pages[0]['source']}, {model}: {name} {ours[name]}, eval has {theirs[name]}")


def measure_dechaff(arguments, pages):
    alone = ["--scopes", "page", "--site", "none"]
    for model in arguments.models:
        options = ["--model", model]
        texts = dechaff(arguments.dechaff, pages, "html", "html", options + alone)
        yield f"dechaff {model}, HTML", texts, {}
        if arguments.sites:
            texts = dechaff(arguments.dechaff, pages, "html", "html", options)
            yield f"dechaff {model}, HTML, with sites", texts, {}
        texts = dechaff(arguments.dechaff, pages, "lines", "text", options + alone)
        yield f"dechaff {model}, text", texts, {}


def measure_peers(arguments, pages):
    for name in arguments.peers:
        peer = peers.Peer(name, arguments.page_seconds)
        texts, failures = [], {}
        for page in pages:
            about = {field: page.get(field) for field in ("url", "lang")}
            text, why = peer.extract(page["html"], about)
            texts.append(text)
            if why:
                failures[page["id"]] = why
        peer.close()
        yield name, texts, failures


def measure(arguments, pages):
    """Figures of each tool on a source."""
    rows = {}
    for measured in (measure_dechaff, measure_peers):
        for name, texts, failures in measured(arguments, pages):
            figures = metrics.score([(text, page["gold"]) for text, page in zip(texts, pages)])
            figures["failed"] = failures
            figures["empty"] = sum(not text.strip() for text in texts)
            rows[name] = figures
    for model in arguments.models:
        check_against_eval(arguments.dechaff, pages, model, rows[f"dechaff {model}, text"])
    return rows


FIGURES = ("word_f1", "ngram_f1", "ngram_precision", "ngram_recall")


def means(sources):
    """The mean of each figure over sources, every source weighing the same."""
    tools = next(iter(sources.values()))
    rows = {}
    for tool in tools:
        of_tool = [rows_of_source[tool] for rows_of_source in sources.values()]
        rows[tool] = {name: metrics.mean([row[name] for row in of_tool]) for name in FIGURES}
        rows[tool]["pages"] = sum(row["pages"] for row in of_tool)
        rows[tool]["empty"] = sum(row["empty"] for row in of_tool)
        rows[tool]["failed"] = {page: why for row in of_tool for page, why in row["failed"].items()}
    return rows


def show(title, rows):
    pages = next(iter(rows.values()))["pages"]
    print(f"\n### {title} ({pages} pages)\n")
    print("| | word F1 | 4-gram F1 | precision | recall | empty | failed |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    best = {name: max(row[name] for row in rows.values()) for name in ("word_f1", "ngram_f1")}
    for tool, row in rows.items():
        cells = []
        for name in FIGURES:
            cell = f"{100 * row[name]:.1f}"
            cells.append(f"**{cell}**" if row[name] == best.get(name) else cell)
        counts = f"{row['empty']} | {len(row['failed'])}"
        print(f"| {tool} | {' | '.join(cells)} | {counts} |", flush=True)


def add_tools(parser):
    """Options that say what is compared."""
    parser.add_argument("--dechaff", default="target/release/dechaff", help="the program")
    parser.add_argument("--models", default=list(MODELS), type=lambda s: s.split(","))
    parser.add_argument(
        "--peers", default=list(peers.PEERS), type=lambda s: s.split("+"), help="NAME+NAME"
    )
    parser.add_argument("--sites", action="store_true", help="dechaff with pages of a site too")
    parser.add_argument("--page-seconds", type=float, default=30.0, help="a peer's limit a page")
    parser.add_argument("--json", type=pathlib.Path, help="write all figures to this file")


def show_versions(arguments):
    versions = {peers.version(name) for name in arguments.peers}
    print("\n" + ", ".join([run([arguments.dechaff, "--version"]).strip(), *sorted(versions)]))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=pathlib.Path, metavar="DIR")
    parser.add_argument("--sources", help="only these, by name: a,b", type=lambda s: s.split(","))
    add_tools(parser)
    arguments = parser.parse_args()

    sources = {}
    for path in sorted(arguments.directory.glob("*.jsonl.gz")):
        source = path.name.removesuffix(".jsonl.gz")
        if arguments.sources and source not in arguments.sources:
            continue
        pages = read_source(path)
        if not pages:
            print(f"{source}: no page has HTML beside it; left out", file=sys.stderr)
            continue
        sources[source] = measure(arguments, pages)
        show(source, sources[source])
    if not sources:
        sys.exit(f"no labelled pages with HTML in {arguments.directory}")

    large = {}
    for source, rows in sources.items():
        if next(iter(rows.values()))["pages"] >= LARGE_SOURCE_PAGES:
            large[source] = rows
    show(f"Mean over {len(sources)} sources", means(sources))
    if large:
        title = f"Mean over the {len(large)} sources of {LARGE_SOURCE_PAGES} pages and more"
        show(title, means(large))
    show_versions(arguments)
    for tool, row in means(sources).items():
        for page, why in row["failed"].items():
            print(f"failed: {tool}: {page}: {why}", file=sys.stderr)
    if arguments.json:
        arguments.json.write_text(json.dumps(sources, indent=1))


if __name__ == "__main__":
    main()
