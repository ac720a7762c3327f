"""Word F1 and 4-gram F1 of a page's text, by the definitions of `dechaff eval`."""

import re
from collections import Counter

NGRAM_TOKENS = 4
_TOKEN = re.compile(r"\w+")


def tokens(text):
    """Runs of Unicode letters, numbers or `_`, case kept."""
    return _TOKEN.findall(text)


def grams(text):
    """The multiset of runs of four tokens; of fewer tokens, the text itself is one gram."""
    found = tokens(text)
    if not found:
        return Counter()
    width = min(NGRAM_TOKENS, len(found))
    return Counter(tuple(found[at : at + width]) for at in range(len(found) - width + 1))


def words(text):
    """The multiset of tokens in lower case."""
    return Counter(token.lower() for token in tokens(text))


def harmonic_mean(a, b):
    return 2 * a * b / (a + b) if a + b else 0.0


def word_f1(output, gold):
    """F1 of one page; an empty gold text asks for an empty output."""
    output, gold = words(output), words(gold)
    if not gold:
        return 0.0 if output else 1.0
    shared = (output & gold).total()
    if not shared:
        return 0.0
    return harmonic_mean(shared / output.total(), shared / gold.total())


def mean(values):
    return sum(values) / len(values) if values else None


def score(pairs):
    """Figures over pages, given as (output, gold) texts."""
    precisions, recalls, word_f1s = [], [], []
    for output, gold in pairs:
        ours, theirs = grams(output), grams(gold)
        shared = (ours & theirs).total()
        if ours:
            precisions.append(shared / ours.total())
        if theirs:
            recalls.append(shared / theirs.total())
        word_f1s.append(word_f1(output, gold))
    # A side without any grams at all is right only where the other has none either.
    nothing = not precisions and not recalls
    precision = mean(precisions) if precisions else float(nothing)
    recall = mean(recalls) if recalls else float(nothing)
    return {
        "pages": len(word_f1s),
        "word_f1": mean(word_f1s),
        "ngram_f1": harmonic_mean(precision, recall),
        "ngram_precision": precision,
        "ngram_recall": recall,
    }
