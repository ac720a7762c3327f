"""Made-up corpora, made once and kept."""

import shutil
import subprocess


def make(work, generate, form, arguments):
    """A corpus in one form of `generate --format`, kept below `work` for the next run."""
    corpus, marker = work / f"corpus.{form}", work / f"made.{form}"
    wanted = " ".join(map(str, arguments))
    if marker.exists() and marker.read_text() == wanted:
        return corpus
    if corpus.is_dir():
        shutil.rmtree(corpus)
    subprocess.run([generate, "--format", form, *map(str, arguments), corpus], check=True)
    marker.write_text(wanted)
    return corpus
