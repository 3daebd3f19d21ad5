"""Who comes in: a bearer token, of the page or of another system. No cookie opens the API, so no browser can be tricked."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from starlette.requests import Request

from doxa_collector.api.audience import Audience
from doxa_collector.api.problem import Problem, Refusal
from doxa_collector.api.tokens import Tokens
from doxa_core.language import Text


class Limit(Protocol):
    """Counts wrong tokens by client (`web.access.FailureLimit`)."""

    def wait_s(self, client: str) -> float:
        """Seconds that the client must wait."""
        ...

    def failed(self, client: str) -> None:
        """Note one wrong token."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """The rules of one page."""

    tokens: Tokens
    limit: Limit
    page: Callable[[str], bool] | None
    """Whether a text is the page's token; None where the page asks for none and is served to this machine only."""
    reveal: bool = False
    """Whether the page shows what is internal of TSLCD lines."""

    def admit(self, request: Request) -> Audience:
        """What the caller may see; `Refusal` for whom nothing is."""
        scheme, _, offered = request.headers.get("authorization", "").partition(" ")
        as_page = Audience.INTERNAL if self.reveal else Audience.OFFICE
        if not scheme and self.page is None:
            return as_page
        if scheme.lower() != "bearer":
            raise Refusal(Problem.NO_TOKEN, _SAY_TOKEN, _ASK)
        client = request.client.host if request.client else "unknown"
        if (wait_s := self.limit.wait_s(client)) > 0:
            raise Refusal(Problem.TOO_MANY, _WAIT, {"Retry-After": str(int(wait_s) + 1)})
        offered = offered.strip()
        if self.page is not None and self.page(offered):
            return as_page
        token = self.tokens.find(offered)
        if token is None:
            self.limit.failed(client)
            raise Refusal(Problem.NO_TOKEN, _WRONG, _ASK)
        return token.audience


_ASK: Final = {"WWW-Authenticate": 'Bearer realm="doxa"'}
_SAY_TOKEN: Final = Text(
    vi="hãy gửi mã truy cập trong tiêu đề Authorization: Bearer …",
    en="send a token in the header Authorization: Bearer …",
)
_WRONG: Final = Text(vi="mã truy cập này không đúng hoặc đã bị thu hồi", en="this token is wrong or was taken back")
_WAIT: Final = Text(
    vi="địa chỉ này đã gửi sai mã nhiều lần; hãy chờ rồi thử lại",
    en="this address sent wrong tokens; wait and try again",
)
