"""Strings that must stay and strings that must go: dechaff beside what others use, from HTML.

FILE is JSON lines, plain or gzipped: `id`, `lines` (the page's visible text), `html`, and strings of
the page, body in `with` and boilerplate in `without`; `lang` and `url` if known. A string is looked
for without white space. One that `lines` does not hold, or that both lists do, is left out.
"""

import argparse
import gzip
import json
import pathlib

import accuracy
import peers


def read_pages(path):
    opener = gzip.open if path.name.endswith(".gz") else open
    with opener(path, "rt", encoding="utf-8") as rows:
        return [json.loads(row) for row in rows]


def bare(text):
    return "".join(text.split())


def known_strings(page):
    """Each string once, without white space, and whether it must stay."""
    text = bare("".join(page["lines"]))
    stay, go = (
        {bare(string) for string in page[field] if bare(string) in text}
        for field in ("with", "without")
    )
    return [(string, True) for string in sorted(stay - go) if string] + [
        (string, False) for string in sorted(go - stay) if string
    ]


def figures(pages, texts):
    counts = {(must_stay, stays): 0 for must_stay in (True, False) for stays in (True, False)}
    for page, text in zip(pages, texts):
        text = bare(text)
        for string, must_stay in known_strings(page):
            counts[must_stay, string in text] += 1
    kept, lost = counts[True, True], counts[True, False]
    left, gone = counts[False, True], counts[False, False]
    return {
        "stay": kept / max(1, kept + lost),
        "go": gone / max(1, gone + left),
        "f1": 2 * kept / max(1, 2 * kept + lost + left),
        "right": (kept + gone) / max(1, sum(counts.values())),
        "strings": sum(counts.values()),
    }


def show(title, pages, texts_of):
    rows = {tool: figures(pages, texts) for tool, texts in texts_of.items()}
    strings = next(iter(rows.values()))["strings"]
    print(f"\n### {title} ({len(pages)} pages, {strings} strings)\n")
    print("| | stays that must | goes that must | F1 | right |")
    print("|---|---:|---:|---:|---:|")
    for tool, row in rows.items():
        cells = " | ".join(f"{100 * row[name]:.1f}" for name in ("stay", "go", "f1", "right"))
        print(f"| {tool} | {cells} |", flush=True)
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=pathlib.Path, metavar="FILE")
    accuracy.add_tools(parser)
    arguments = parser.parse_args()

    pages = read_pages(arguments.file)
    texts_of = {}
    for measured in (accuracy.measure_dechaff, accuracy.measure_peers):
        for tool, texts, _ in measured(arguments, pages):
            texts_of[tool] = texts
    results = {"all": show("All languages", pages, texts_of)}
    languages = sorted({page.get("lang") or "" for page in pages})
    for language in languages:
        chosen = [at for at, page in enumerate(pages) if (page.get("lang") or "") == language]
        if len(chosen) >= accuracy.LARGE_SOURCE_PAGES:
            of_language = {tool: [texts[at] for at in chosen] for tool, texts in texts_of.items()}
            title = language or "No language told"
            results[title] = show(title, [pages[at] for at in chosen], of_language)
    accuracy.show_versions(arguments)
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
