"""`dechaff clean` on the same made-up pages in every container, two cores, by turns: seconds, memory, and
whether the same text comes out.

WORK is a directory for the corpora and what comes of them, about twelve times --bytes; the corpora are
kept there for the next run. Rates are of the pages' text, or of their HTML, unpacked.

Containers are written by others than dechaff (pyarrow, tar, zip; gzip members of Python), and what
dechaff makes of them is read by others: FastWARC, pyarrow, tar, unzip. Of every container there must
come out page by page what comes out of the pages as plain files.
"""

import argparse
import collections
import concurrent.futures
import gzip
import json
import pathlib
import shutil
import subprocess
import sys

import pyarrow
import pyarrow.parquet
from fastwarc.warc import ArchiveIterator, WarcRecordType

import timing
from corpora import make

ROWS_OF_A_GROUP = 10_000
PLACE = "http://made.up/"

Row = collections.namedtuple("Row", "name base source output more read")


def pages_of(tree):
    """Names and bytes of a tree's files, in the order of their names."""
    paths = sorted((path for path in tree.rglob("*") if path.is_file()), key=bytes_of)
    return [(str(path.relative_to(tree)), path.read_bytes()) for path in paths]


def bytes_of(path):
    return str(path).encode()


def uri(name):
    return PLACE + name


def name_of(uri):
    return uri.removeprefix(PLACE)


def write_warc(path, pages, kind):
    """A record a page, each a gzip member: an answer with the page in it, or its text."""
    with open(path, "wb") as out:
        for number, (name, page) in enumerate(pages):
            head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
            block = head + page if kind == "response" else page
            media = "application/http; msgtype=response" if kind == "response" else "text/plain"
            fields = [
                "WARC/1.0",
                f"WARC-Type: {kind}",
                f"WARC-Record-ID: <urn:uuid:00000000-0000-4000-8000-{number:012x}>",
                "WARC-Date: 2026-11-29T00:00:00Z",
                f"WARC-Target-URI: {uri(name)}",
                f"Content-Type: {media}",
                f"Content-Length: {len(block)}",
            ]
            record = "\r\n".join(fields).encode() + b"\r\n\r\n" + block + b"\r\n\r\n"
            out.write(gzip.compress(record, 6, mtime=0))


def write_rows(path, pages):
    with open(path, "w") as out:
        for name, page in pages:
            row = {"url": uri(name), "text": page.decode()}
            out.write(json.dumps(row, ensure_ascii=False) + "\n")


def write_table(path, pages):
    columns = {
        "url": [uri(name) for name, _ in pages],
        "text": [page.decode() for _, page in pages],
    }
    table = pyarrow.table(columns)
    pyarrow.parquet.write_table(table, path, compression="zstd", row_group_size=ROWS_OF_A_GROUP)


def write_archives(work, tree, pages):
    """tar.zst and zip, the pages in the order of their names."""
    names = work / "names"
    names.write_text("".join(name + "\n" for name, _ in pages))
    with open(work / "pages.tar.zst", "wb") as out:
        tar = ["tar", "-c", "-C", tree, "-T", names]
        with subprocess.Popen(tar, stdout=subprocess.PIPE) as packing:
            subprocess.run(["zstd", "-q", "-3"], stdin=packing.stdout, stdout=out, check=True)
    (work / "pages.zip").unlink(missing_ok=True)
    with open(names, "rb") as listed:
        zipped = ["zip", "-q", "-@", work / "pages.zip"]
        subprocess.run(zipped, cwd=tree, stdin=listed, check=True)


# How others read what dechaff wrote: the text of each page by its name.


def read_tree(path):
    return {name.removesuffix(".txt"): page for name, page in pages_of(path)}


def read_rows(path):
    packed = path.read_bytes()
    rows = (gzip.decompress(packed) if path.suffix == ".gz" else packed).decode().split("\n")[:-1]
    return {name_of(row["url"]): row["text"].encode() for row in map(json.loads, rows)}


def read_wet(path):
    with open(path, "rb") as records:
        found = {}
        for record in ArchiveIterator(records, record_types=WarcRecordType.conversion):
            name = name_of(record.headers["WARC-Target-URI"])
            found[name] = record.reader.read()
        return found


def read_table(path):
    table = pyarrow.parquet.read_table(path)
    urls, texts = table["url"].to_pylist(), table["text"].to_pylist()
    return {name_of(url): text.encode() for url, text in zip(urls, texts)}


def unpack(command, path):
    place = path.with_name("unpacked")
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    subprocess.run([*command, path], cwd=place, check=True)
    return read_tree(place)


def read_tar(path):
    return unpack(["tar", "--zstd", "-xf"], path)


def read_zip(path):
    return unpack(["unzip", "-q"], path)


def same_pages(found, expected):
    """Names of pages that differ. A page that is emptied may be left out; the last line's end is
    the container's business."""

    def told(pages):
        stripped = {name.removesuffix(".txt"): page.rstrip(b"\n") for name, page in pages.items()}
        return {name: page for name, page in stripped.items() if page}

    found, expected = told(found), told(expected)
    return [name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name)]


def prepare(work, generate, size):
    """Makes the corpora and containers; how many pages there are, their bytes as text and as HTML."""
    tree, html = (make(work, generate, form, size) for form in ("files", "html"))
    make(work, generate, "text", size)
    pages, html_pages = pages_of(tree), pages_of(html)
    made, wanted = work / "made.containers", " ".join(size)
    if not made.exists() or made.read_text() != wanted:
        write_rows(work / "pages.jsonl", pages)
        write_table(work / "pages.parquet", pages)
        write_warc(work / "pages.wet.gz", pages, "conversion")
        write_archives(work, tree, pages)
        write_warc(work / "pages.warc.gz", html_pages, "response")
        made.write_text(wanted)
    bytes_in = (sum(len(page) for _, page in of) for of in (pages, html_pages))
    return len(pages), *bytes_in


def check(rows, out):
    """Reads what was written, and says whether the pages are those of the plain files."""
    expected = {}
    for row in (row for row in rows if row.read is not None):
        found = row.read(out / row.output)
        differ = same_pages(found, expected.setdefault(row.base, found))
        print(f"{row.name}: {len(found)} pages, {len(differ)} differ", file=sys.stderr)
        if differ:
            raise SystemExit(f"{row.name}: pages are not those of the plain files: {differ[:3]}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", type=pathlib.Path, metavar="WORK")
    parser.add_argument("--bytes", default="300MB", help="size of the pages' text")
    parser.add_argument("--dechaff", default="target/release/dechaff", help="the program")
    parser.add_argument("--generate", default="target/release/examples/generate")
    parser.add_argument("--rounds", type=int, default=3, help="measured runs of each row")
    arguments = parser.parse_args()
    work = arguments.work.absolute()
    (work / "out").mkdir(parents=True, exist_ok=True)
    cores = timing.cores(2)
    dechaff = pathlib.Path(arguments.dechaff).absolute()

    size = ["--bytes", arguments.bytes]
    # What holds the pages is a process of its own: what is timed begins as a copy of this one, whose
    # memory would count as its.
    apart = concurrent.futures.ProcessPoolExecutor(max_workers=1)
    told = apart.submit(prepare, work, arguments.generate, size).result()
    count, text_bytes, html_bytes = told
    tree, html, text = (work / f"corpus.{form}" for form in ("files", "html", "text"))

    as_wet = ["--output-format", "wet"]
    rows = [
        Row("text, one file", "text", text, "text", [], None),
        Row("text files", "text", tree, "tree", [], read_tree),
        Row("JSON lines", "text", work / "pages.jsonl", "pages.jsonl", [], read_rows),
        Row("WET.gz", "text", work / "pages.wet.gz", "pages.wet.gz", as_wet, read_wet),
        Row("Parquet, zstd", "text", work / "pages.parquet", "pages.parquet", [], read_table),
        Row("tar.zst", "text", work / "pages.tar.zst", "pages.tar.zst", [], read_tar),
        Row("zip", "text", work / "pages.zip", "pages.zip", [], read_zip),
        Row("HTML files", "html", html, "html", [], read_tree),
        Row("WARC.gz", "html", work / "pages.warc.gz", "pages.jsonl.gz", [], read_rows),
    ]

    def run(row, *more):
        out = work / "out" / row.output
        shutil.rmtree(out, ignore_errors=True) if out.is_dir() else out.unlink(missing_ok=True)
        command = [dechaff, "clean", row.source, "-o", out, "--quiet", "--threads", len(cores)]
        return timing.Run([*command, "--scopes", "page", *row.more, *more], cores)

    # A run that is not measured: it warms the cache, and what it writes is read by others.
    for row in rows:
        run(row)
    apart.submit(check, rows, work / "out").result()
    apart.shutdown()

    jobs = {row.name: lambda row=row: run(row) for row in rows}
    jobs |= {f"{row.name}, no scores": lambda row=row: run(row, "--no-score") for row in rows}
    runs = timing.by_turns(jobs, arguments.rounds)

    print(f"\n{count} pages: {text_bytes / 1e6:.0f} MB of text, {html_bytes / 1e6:.0f} MB of HTML;")
    print(f"two cores, one pass, the middle of {arguments.rounds} rounds\n")
    print("| | no scores, s | MB/s | scores, s | MB/s | processor s | MB memory | times its plain files |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    plain = {"text": "text files", "html": "HTML files"}
    for row in rows:
        of_bytes = text_bytes if row.base == "text" else html_bytes
        cells = []
        for name in (f"{row.name}, no scores", row.name):
            seconds = timing.middle([one.wall for one in runs[name]])
            cells += [f"{seconds:.2f}", f"{of_bytes / 1e6 / seconds:.0f}"]
        own = runs[row.name]
        cells.append(f"{timing.middle([one.cpu for one in own]):.2f}")
        cells.append(f"{max(one.peak_memory for one in own) / 1e6:.0f}")
        ratio = timing.ratio(own, runs[plain[row.base]], lambda one: one.wall)
        cells.append(f"{ratio:.2f}")
        print(f"| {row.name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
