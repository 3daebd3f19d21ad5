"""The errors of doxa.

DoxaError                  everything that we raise on purpose
├── InputError             bad input from a person (file, argument): one sentence, exit code 2
├── OperationError         the machine refuses (busy port, full disk, no broker): one sentence, exit code 1
└── WireError              a payload that the contract refuses: a code for counting, a detail for the quarantine
"""

from doxa_core.language import Text


class DoxaError(Exception):
    """An error with a sentence for people."""

    exit_code = 1

    def __init__(self, text: Text) -> None:
        super().__init__(text.en)
        self.text = text

    def __str__(self) -> str:
        return str(self.text)


class OperationError(DoxaError):
    """The surroundings refuse: the sentence says what, where and how to mend it."""


class InputError(DoxaError):
    """Bad input: says *where* it is, *what* is wrong and how to *mend* it, in one sentence."""

    exit_code = 2

    def __init__(self, where: str, what: Text, mend: Text) -> None:
        joined = Text(vi=f"{where}: {what.vi}; {mend.vi}", en=f"{where}: {what.en}; {mend.en}")
        super().__init__(joined)
        self.where = where
        self.what = what
        self.mend = mend


class WireError(DoxaError):
    """A payload that cannot be accepted; `code` is one of the closed list in docs/wire.md."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(Text(vi=f"{code}: {detail}", en=f"{code}: {detail}"))
        self.code = code
        self.detail = detail
