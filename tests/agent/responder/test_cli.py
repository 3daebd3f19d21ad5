"""`doxa responder`: help with an example, bad arguments in one sentence, no traceback."""

import os
import subprocess
import sys

import pytest

_MAIN = "import sys; from doxa_core.command import main; sys.exit(main(sys.argv[1:]))"


def doxa(*words: str, lang: str = "en") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", _MAIN, "responder", *words],
        capture_output=True, text=True, timeout=30, check=False, env={**os.environ, "DOXA_LANG": lang},
    )  # fmt: skip


@pytest.mark.parametrize(("lang", "word"), [("en", "example:"), ("vi", "ví dụ:")])
@pytest.mark.parametrize("words", [("--help",), ("run", "--help")])
def test_help_has_an_example(words: tuple[str, ...], lang: str, word: str) -> None:
    done = doxa(*words, lang=lang)
    assert done.returncode == 0
    assert word in done.stdout
    assert "doxa responder run --port 8080" in done.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--port", "70000"), "doxa responder: --port: the value is not valid; write from 0 to 65535"),
        (("--rate-mbps", "0"), "doxa responder: --rate-mbps: the value is not valid; write from 0.1 to 100000"),
        (("--rate-mbps", "nan"), "doxa responder: --rate-mbps: the value is not valid; write from 0.1 to 100000"),
        (
            ("--max-connections", "0"),
            "doxa responder: --max-connections: the value is not valid; write from 1 to 100000",
        ),
        (("--path", "a b"), "doxa responder: --path: the value is not valid; use only letters, digits and / . _ ~ -"),
        (("--congestion", "warp"), "doxa responder: --congestion: the value is not valid; choose: auto, "),
    ],
)
def test_a_bad_argument_is_one_sentence(words: tuple[str, ...], message: str) -> None:
    done = doxa("run", *words)
    assert done.returncode == 2
    assert done.stderr.startswith(message)
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr


def test_the_far_end_stays_small() -> None:
    """It runs beside other services for months: no asyncio, no ssl, no http package of the library."""
    code = (
        "import sys, doxa_agent.responder.cli; heavy = {'asyncio', 'ssl', 'http.server', 'multiprocessing', 'paho'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout.strip() == "[]"
