"""The child process of the `ookla` meter: `python -m doxa_agent.ookla.child`, an order on stdin, an answer on stdout.

The package was written for a person at a terminal. What it does badly on a probe is put right around it, not in it:
connections leave by the line that was asked for and in one family; all its requests can be sent to another service; it is
given one shared buffer to upload instead of building every body in memory (175 MiB); the numbers that the service dictates
are bounded; its own output goes nowhere.
"""

import http.client
import socket
import threading
import time
from collections.abc import Callable
from typing import Any, Final, NoReturn
from urllib.parse import urlsplit

from doxa_agent.net import audit, child
from doxa_agent.net.binding import FAMILIES, Unreachable, bind_socket
from doxa_agent.net.names import resolve
from doxa_agent.ookla.order import Answer, Order, Transfer

MEMORY_BYTES: Final = 384 * 1024 * 1024
"""The most private memory of the child: an endless configuration file must not take the probe down."""
_STACK_BYTES: Final = 512 * 1024
_MOST_THREADS: Final = 16
_MOST_REQUESTS: Final = 64
_LETTERS: Final = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ" * 2048
_OWN_HOSTS: Final = ("www.speedtest.net", "c.speedtest.net")


class _Connector:
    """Makes the package's connections: by the line, in the family, and remembers why one could not be made."""

    def __init__(self, order: Order, answer: Answer) -> None:
        self._order, self._answer = order, answer

    def connect(self, address: tuple[str, int], timeout: Any = None, source_address: Any = None) -> socket.socket:
        """In the place of `socket.create_connection`; raises `OSError` only, as the package expects."""
        del source_address  # the order's line says it
        try:
            family, numeric = resolve(address[0], self._order.family)
            sock = socket.socket(FAMILIES[family], socket.SOCK_STREAM)
            try:
                sock.settimeout(float(timeout) if isinstance(timeout, int | float) else 10.0)
                bind_socket(sock, self._order.link, family)
                sock.connect((numeric, address[1]))
            except BaseException:
                sock.close()
                raise
        except Unreachable as unreachable:
            self._answer.link_reason = unreachable.reason
            raise OSError(unreachable.reason) from None
        self._answer.family, self._answer.address = family, numeric
        return sock


class LightData:
    """The body of an upload without its memory: the interface of the package's HTTPUploaderData over one buffer."""

    def __init__(self, length: int, start: float, timeout: float, shutdown_event: Any = None) -> None:
        del shutdown_event  # nothing sets it: the parent kills
        self.length, self.start, self.timeout = length, start, timeout
        self.total = [0]
        self._left = length

    def pre_allocate(self) -> None:
        """Nothing: the buffer is there."""

    def read(self, n: int = 10240) -> bytes:
        """The next octets; the package's own exception once the time is over."""
        import speedtest  # type: ignore[import-not-found,unused-ignore]

        if time.perf_counter() - self.start > self.timeout:
            raise speedtest.SpeedtestUploadTimeout
        chunk = _LETTERS[: min(n, self._left, len(_LETTERS))]
        self._left -= len(chunk)
        self.total.append(len(chunk))
        return chunk

    def __len__(self) -> int:
        return self.length


def main() -> NoReturn:
    """Read the order, run the test, write the answer; 0 whatever the line did."""
    threading.stack_size(_STACK_BYTES)
    child.serve(_work, MEMORY_BYTES)


def _work(octets: bytes) -> bytes:
    order, answer = Order.decode(octets), Answer()
    try:
        _run(order, answer)
    except MemoryError:
        answer.reason = "memory_exhausted"
    except Exception as error:  # noqa: BLE001 - whatever a foreign package makes of whatever a server sends
        answer.reason, answer.why = _reason_of(error, answer), type(error).__name__
    answer.memory_bytes = child.largest_size()
    return answer.encode()


def _reason_of(error: Exception, answer: Answer) -> str:
    import speedtest

    known: tuple[tuple[type[Exception], str], ...] = (
        (speedtest.ConfigRetrievalError, "config_unreachable"),
        (speedtest.SpeedtestConfigError, "config_invalid"),
        (speedtest.NoMatchedServers, "server_unknown"),
        (speedtest.SpeedtestServersError, "servers_invalid"),
        (speedtest.SpeedtestBestServerFailure, "server_unreachable"),
    )
    found = next((reason for kind, reason in known if isinstance(error, kind)), "package_failed")
    return answer.link_reason or found if found.endswith("unreachable") else found


def _run(order: Order, answer: Answer) -> None:
    import speedtest

    _prepare(speedtest, order, answer)
    test = speedtest.Speedtest(timeout=10, secure=urlsplit(order.base_url).scheme == "https")
    _bound(test.config, order, answer)
    test.get_servers([] if order.server_id is None else [order.server_id])
    if not test.servers:
        answer.reason = answer.link_reason or "servers_unreachable"
        return
    best = test.get_best_server()
    if best["latency"] >= 1e6:  # the package books 3600 s for each request that failed
        answer.reason = answer.link_reason or "server_unreachable"
        return
    answer.package_ping_ms = float(best["latency"])
    answer.server = {name: str(best[name])[:120] for name in ("id", "host", "name", "sponsor", "url") if name in best}
    answer.rtts_ms = _ping(str(best["url"]), order.pings)
    answer.download = _transfer(test.download, lambda: test.results.bytes_received, order, sending=False)
    answer.upload = _transfer(
        lambda: test.upload(pre_allocate=False), lambda: test.results.bytes_sent, order, sending=True
    )


def _prepare(package: Any, order: Order, answer: Answer) -> None:
    """Put our own parts in the place of the package's."""
    connector = _Connector(order, answer)
    socket.create_connection = connector.connect  # type: ignore[assignment]
    package.create_connection = connector.connect
    package.HTTPUploaderData = LightData
    build = package.build_request

    def build_request(url: str, *args: Any, **kwargs: Any) -> Any:
        return build(redirected(url, order.base_url), *args, **kwargs)

    package.build_request = build_request


def redirected(url: str, base_url: str) -> str:
    """`url` at the service of `base_url` where the package means its own service; other addresses stay."""
    place = urlsplit(url if not url.startswith("://") else f"http{url}")
    if place.netloc not in _OWN_HOSTS:
        return url
    return base_url.rstrip("/") + place.path + (f"?{place.query}" if place.query else "")


def _bound(config: dict[str, Any], order: Order, answer: Answer) -> None:
    """Our time, and no more threads and requests than a probe can carry, whatever the service dictates."""
    for way in ("download", "upload"):
        config["length"][way] = order.test_s
        config["threads"][way] = answer.threads[way] = max(1, min(_MOST_THREADS, config["threads"][way]))
        config["counts"][way] = max(1, min(_MOST_REQUESTS, config["counts"][way]))
    config["upload_max"] = min(config["upload_max"], config["counts"]["upload"] * len(config["sizes"]["upload"]))


def _ping(url: str, count: int) -> list[float]:
    """Round trips of a small file over one connection, in milliseconds: comparable with those of the `speed` meter.

    The package's own figure (half the mean of three requests, connecting included) is kept as it is, beside it.
    """
    place = urlsplit(url)
    kind = http.client.HTTPSConnection if place.scheme == "https" else http.client.HTTPConnection
    connection = kind(place.netloc, timeout=10)
    found: list[float] = []
    try:
        for turn in range(count + 1):
            started = time.perf_counter()
            connection.request("GET", place.path.rpartition("/")[0] + "/latency.txt", headers={"User-Agent": "doxa"})
            response = connection.getresponse()
            elapsed = time.perf_counter() - started  # until the first octets: a body may come a delayed ACK later
            response.read(1024)
            if response.status != 200 or response.will_close:
                break
            if turn:  # the first connects
                found.append(elapsed * 1000)
    except (OSError, http.client.HTTPException):
        pass  # what was measured is there
    finally:
        connection.close()
    return found


def _transfer(run: Callable[[], object], octets: Callable[[], int], order: Order, *, sending: bool) -> Transfer:
    watched = audit.begin(order.interface)
    began, cpu = time.monotonic(), time.process_time()
    run()
    seconds, cpu = time.monotonic() - began, time.process_time() - cpu
    moved = watched.end()
    return Transfer(
        octets=int(octets()),
        seconds=seconds,
        cpu_s=cpu,
        interface_octets=None if moved is None else moved.octets(sending=sending),
        interface_packets=None if moved is None else moved.packets(sending=sending),
    )


if __name__ == "__main__":
    main()
