"""Extractors from the package registry, each behind `extract(html, page) -> text`.

Each runs in a process of its own, which is replaced when it dies or takes too long on a page.
"""

import importlib.metadata
import multiprocessing
import os

# jusText has stop words by name; without them it has a mode that needs none.
_STOP_WORDS = {
    "cs": "Czech",
    "de": "German",
    "el": "Greek",
    "en": "English",
    "es": "Spanish",
    "hr": "Croatian",
    "pl": "Polish",
    "ru": "Russian",
}


def _trafilatura():
    import trafilatura

    return lambda html, page: trafilatura.extract(html)


def _trafilatura_without_comments():
    import trafilatura

    return lambda html, page: trafilatura.extract(html, include_comments=False)


def _rs_trafilatura():
    import rs_trafilatura

    return lambda html, page: rs_trafilatura.extract(html, url=page.get("url")).main_content


def _resiliparse():
    from resiliparse.extract.html2text import extract_plain_text

    return lambda html, page: extract_plain_text(html, main_content=True, alt_texts=False)


def _resiliparse_all():
    from resiliparse.extract.html2text import extract_plain_text

    return lambda html, page: extract_plain_text(html, main_content=False, alt_texts=False)


def _justext():
    import justext

    stop_words = {code: justext.get_stoplist(name) for code, name in _STOP_WORDS.items()}

    def extract(html, page):
        known = stop_words.get(page.get("lang"))
        if known is None:
            found = justext.justext(html, frozenset(), stopwords_low=0, stopwords_high=0)
        else:
            found = justext.justext(html, known)
        return "\n".join(part.text for part in found if not part.is_boilerplate)

    return extract


def _readability():
    import readability

    plain = _resiliparse_all()
    # It gives HTML; the text of that is all of it, a block a line.
    return lambda html, page: plain(readability.Document(html).summary(), page)


# Name, its package, and what makes the extractor.
PEERS = {
    "trafilatura": ("trafilatura", _trafilatura),
    "trafilatura, no comments": ("trafilatura", _trafilatura_without_comments),
    "rs-trafilatura": ("rs-trafilatura", _rs_trafilatura),
    "resiliparse": ("Resiliparse", _resiliparse),
    "resiliparse, all text": ("Resiliparse", _resiliparse_all),
    "justext": ("jusText", _justext),
    "readability-lxml": ("readability-lxml", _readability),
}


def version(name):
    package = PEERS[name][0]
    return f"{package} {importlib.metadata.version(package)}"


def make(name):
    """The extractor itself, for use in this process."""
    return PEERS[name][1]()


def _work(name, pipe):
    # What a peer says of its own goes nowhere.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    extract = make(name)
    pipe.send(None)
    while True:
        html, page = pipe.recv()
        try:
            pipe.send((extract(html, page) or "", None))
        except Exception as error:
            pipe.send(("", type(error).__name__))


class Peer:
    """An extractor in a process of its own."""

    def __init__(self, name, page_seconds):
        self.name = name
        self.page_seconds = page_seconds
        self._process = None

    def extract(self, html, page):
        """The text, and what went wrong: then the text is empty."""
        if self._process is None:
            self._start()
        self._pipe.send((html, page))
        if not self._pipe.poll(self.page_seconds):
            self.close()
            return "", "timeout"
        try:
            return self._pipe.recv()
        except EOFError:
            self._process.join()
            why = f"died ({self._process.exitcode})"
            self.close()
            return "", why

    def _start(self):
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(self.name, theirs), daemon=True)
        self._process.start()
        theirs.close()
        self._pipe.recv()

    def close(self):
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._pipe.close()
            self._process = None
