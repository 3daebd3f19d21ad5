"""The word that was probably meant, for the sentence about an unknown one."""

from collections.abc import Iterable


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that is most like `word`; None where none is like it."""
    from difflib import get_close_matches  # for a mistake only: what runs for months on a small probe need not hold it

    return next(iter(get_close_matches(word, list(known), 1)), None)
