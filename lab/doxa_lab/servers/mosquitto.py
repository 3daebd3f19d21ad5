"""Eclipse Mosquitto: the MQTT broker of the product (MQTT 5 and 3.1.1), with accounts, ACL, TLS or a unix socket."""

import socket
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from doxa_lab.process import Process
from doxa_lab.servers.server import Server, find_program, is_root


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """Files of the listener's TLS; `require_certificate` is mutual TLS (the user name is then the certificate's CN)."""

    ca_file: Path
    cert_file: Path
    key_file: Path
    require_certificate: bool = False


class Mosquitto(Server):
    """A mosquitto on a TCP port, or on `unix_socket` only (then `host` and `port` mean nothing).

    `users` maps names to passwords (no anonymous access then); `acl` is the text of an ACL file; `lines` are added to
    the configuration as they stand, after ours. `config_file` runs a whole file of yours instead: we only connect.
    """

    program = "mosquitto"
    package = "mosquitto"

    def __init__(
        self,
        folder: Path | None = None,
        *,
        host: str = "127.0.0.1",
        port: int | None = None,
        namespace: str | None = None,
        unix_socket: Path | None = None,
        users: Mapping[str, str] | None = None,
        acl: str | None = None,
        tls: Tls | None = None,
        persistence: bool = True,
        max_inflight: int = 1000,
        lines: Sequence[str] = (),
        config_file: Path | None = None,
    ) -> None:
        super().__init__(folder, host=host, port=port, namespace=namespace)
        self.unix_socket = unix_socket
        self._users = dict(users or {})
        self._acl = acl
        self._tls = tls
        self._persistence = persistence
        self._max_inflight = max_inflight
        self._lines = tuple(lines)
        self._config_file = config_file

    def _prepare(self) -> Sequence[str]:
        config = self._config_file
        if config is None:
            config = self.folder / "mosquitto.conf"
            config.write_text("\n".join(self._configuration()) + "\n")
        if self.unix_socket is not None:
            self.unix_socket.unlink(missing_ok=True)  # a killed broker leaves it, and the next cannot bind
        return [self._found(), "-c", str(config)]

    def _configuration(self) -> list[str]:
        listener = f"0 {self.unix_socket}" if self.unix_socket is not None else f"{self.port} {self.host}"
        found = ["per_listener_settings false", "log_dest stderr", "log_type error", "log_type warning"]
        found += ["log_type notice", f"max_inflight_messages {self._max_inflight}", "max_queued_messages 0"]
        if is_root():
            found.append("user root")  # else it becomes `mosquitto`, who cannot read our folder
        if self._persistence:
            found += ["persistence true", f"persistence_location {self.folder}/", "autosave_interval 1"]
        return [*found, *self._access(), f"listener {listener}", *self._tls_lines(), *self._lines]

    def _access(self) -> list[str]:
        """Accounts and ACL; both files get the mode that mosquitto warns about otherwise."""
        found = [f"allow_anonymous {'false' if self._users or self._certificates else 'true'}"]
        if self._users:
            found.append(f"password_file {_password_file(self.folder / 'passwords', self._users)}")
        if self._acl is not None:
            file = self.folder / "acl"
            file.write_text(self._acl)
            file.chmod(0o600)
            found.append(f"acl_file {file}")
        return found

    @property
    def _certificates(self) -> bool:
        return self._tls is not None and self._tls.require_certificate

    def _tls_lines(self) -> list[str]:
        if self._tls is None:
            return []
        found = [f"cafile {self._tls.ca_file}", f"certfile {self._tls.cert_file}", f"keyfile {self._tls.key_file}"]
        if self._tls.require_certificate:
            found += ["require_certificate true", "use_identity_as_username true"]
        return found

    def answers(self) -> bool:
        """Whether a client can connect now."""
        if self.unix_socket is None:
            return super().answers()
        with socket.socket(socket.AF_UNIX) as sock:
            return sock.connect_ex(str(self.unix_socket)) == 0

    def _is_ours(self, process: Process) -> bool:
        return self.unix_socket is not None or super()._is_ours(process)


def _password_file(file: Path, users: Mapping[str, str]) -> Path:
    """Hashed by mosquitto_passwd itself, which rewrites a file of `name:password` lines in place."""
    file.touch(mode=0o600)
    file.write_text("".join(f"{name}:{word}\n" for name, word in users.items()))
    program = find_program("mosquitto_passwd") or "mosquitto_passwd"
    subprocess.run([program, "-U", str(file)], check=True, capture_output=True, timeout=30)
    return file
