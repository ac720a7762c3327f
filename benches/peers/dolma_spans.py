"""Whether `dolma mix` makes of `dechaff clean --mode spans` what `--mode drop` makes at once.

The pages of corpus/, fifteen languages in letters of one to four bytes, as rows; the spans once in
the documents themselves and once as attributes beside them.
"""

import argparse
import gzip
import json
import pathlib
import subprocess
import sys
import tempfile

REASONS = "blank template repeat duplicate comment headline boilerplate".split()
CORPUS = pathlib.Path(__file__).resolve().parents[2] / "corpus" / "pages"


def read_rows(path):
    with gzip.open(path, "rt", encoding="utf-8") as rows:
        return [json.loads(row) for row in rows]


def write_rows(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wt", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def mix(program, place, attributes, prefix):
    """The texts that come of the documents at a place, by their ids."""
    stream = {
        "name": "mixed",
        "documents": [f"{place}/documents/*.gz"],
        "attributes": attributes,
        "output": {"path": f"{place}/mixed", "max_size_in_bytes": 1 << 30},
        "span_replacement": [
            {"span": f"{prefix}.{reason}", "min_score": 0, "replacement": ""} for reason in REASONS
        ],
    }
    config = place / "mix.json"
    config.write_text(json.dumps({"streams": [stream], "processes": 1}))
    subprocess.run([program, "-c", config, "mix"], check=True, capture_output=True)
    [out] = (place / "mixed").iterdir()
    return {row["id"]: row["text"] for row in read_rows(out)}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dechaff", default="target/release/dechaff", help="the program")
    parser.add_argument("--dolma", default="dolma", help="dolma's program")
    arguments = parser.parse_args()

    pages = sorted(CORPUS.rglob("*.txt"))
    rows = [
        {
            "id": str(page.relative_to(CORPUS)),
            "text": page.read_bytes().decode("utf-8"),
            "url": f"https://{page.parent.name}.example/{page.stem}",
            "source": page.parent.name,
        }
        for page in pages
    ]
    with tempfile.TemporaryDirectory() as directory:
        place = pathlib.Path(directory)
        inside, beside = place / "inside", place / "beside"
        write_rows(beside / "documents" / "rows.jsonl.gz", rows)
        (inside / "documents").mkdir(parents=True)

        def clean(mode, out):
            command = [arguments.dechaff, "clean", beside / "documents" / "rows.jsonl.gz"]
            subprocess.run(command + ["-o", out, "--quiet", "--mode", mode], check=True)
            return read_rows(out)

        cleaned = {row["id"]: row["text"] for row in clean("drop", place / "cleaned.jsonl.gz")}
        spans = clean("spans", inside / "documents" / "rows.jsonl.gz")
        attributes = [{"id": row["id"], "attributes": row["dechaff"]} for row in spans]
        write_rows(beside / "attributes" / "dechaff" / "rows.jsonl.gz", attributes)
        removed = sum(len(page) for row in spans for page in row["dechaff"].values())
        changed = sum(row["text"] != cleaned[row["id"]] for row in rows)
        print(f"{len(rows)} rows, {removed} spans, {changed} texts that change")
        for name, mixed in {
            "spans in the documents": mix(arguments.dolma, inside, [], "$.dechaff"),
            "attributes beside them": mix(arguments.dolma, beside, ["dechaff"], "$.attributes"),
        }.items():
            wrong = [name for name, text in cleaned.items() if mixed.get(name) != text]
            print(f"{name}: {len(cleaned) - len(wrong)} of {len(cleaned)} texts are the same")
            if wrong or len(mixed) != len(cleaned):
                sys.exit(f"{name}: not {', '.join(wrong[:5])}")


if __name__ == "__main__":
    main()
