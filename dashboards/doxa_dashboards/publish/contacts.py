"""Contact points. Grafana hides their secrets, so the uid of one with a secret changes with it: a new one replaces it."""

import hashlib
from collections.abc import Iterator
from functools import partial
from typing import Any, Final

from doxa_core.errors import OperationError
from doxa_core.language import Text
from doxa_dashboards.publish.api import Api, RefusedError
from doxa_dashboards.publish.contact_settings import Contact
from doxa_dashboards.publish.differences import differences
from doxa_dashboards.publish.provenance import FROM_FILE, LOCKED, headers_for
from doxa_dashboards.publish.scene import PREFIX, Scene, part
from doxa_dashboards.publish.secret import mark, read_secret
from doxa_dashboards.publish.step import Action, Kind, Step

_PATH: Final = "/v1/provisioning/contact-points"


def plan(scene: Scene) -> Iterator[Step]:
    """A step for each contact of the settings, and for each of ours that is no longer wanted."""
    contacts = {uid_of(contact): contact for contact in scene.org.contacts}
    found = _there(scene.api, wanted=bool(contacts))
    for uid, contact in contacts.items():
        yield _wanted(scene.api, uid, contact, found)
    for one in found:
        if str(one.get("uid", "")).startswith(PREFIX) and one["uid"] not in contacts:
            yield _unwanted(scene, one, replaced=any(_same_way(one, contact) for contact in contacts.values()))


def _there(api: Api, *, wanted: bool) -> list[dict[str, Any]]:
    """Every contact point. An organisation that was made a moment ago has no Alertmanager yet, and so none of them."""
    try:
        found: list[dict[str, Any]] = api.get(_PATH)
    except RefusedError as error:
        if _NOT_YET not in str(error.text):
            raise
        if wanted:
            raise OperationError(_WAIT.fill(url=api.url)) from None
        return []
    return found


def uid_of(contact: Contact) -> str:
    """`doxa-<hash of the name>`, with a mark of the secret where there is one."""
    if contact.secret_file is None:
        return file_uid(contact)
    return f"{file_uid(contact)}-{mark(read_secret(contact.secret_file), contact.title)}"


def file_uid(contact: Contact) -> str:
    """Its uid in a provisioning file, which holds no secret."""
    return PREFIX + hashlib.sha256(contact.title.encode()).hexdigest()[:10]


def body_of(contact: Contact, secret: str | None) -> dict[str, Any]:
    """The body of the API; without `secret` only what Grafana shows."""
    settings = dict(contact.settings) | contact.extra
    if secret is not None and contact.secret_key is not None:
        settings[contact.secret_key] = secret
    return {
        "uid": uid_of(contact),
        "name": contact.title,
        "type": contact.type,
        "settings": settings,
        "disableResolveMessage": False,
    }


def _same_way(found: dict[str, Any], contact: Contact) -> bool:
    return bool(found.get("name") == contact.title and found.get("type") == contact.type)


def _wanted(api: Api, uid: str, contact: Contact, all_found: list[dict[str, Any]]) -> Step:
    foreign = [
        one for one in all_found if one.get("name") == contact.title and not str(one.get("uid", "")).startswith(PREFIX)
    ]
    if foreign:  # Grafana would put ours into theirs
        return Step(kind=Kind.CONTACT, name=contact.title, action=Action.BLOCKED, note=_NAME_TAKEN)
    found = next((one for one in all_found if one.get("uid") == uid), None)
    if found is None:
        make = partial(_create, api, contact)
        return Step(kind=Kind.CONTACT, name=contact.title, action=Action.CREATE, do=make)
    changes = tuple(differences(found, body_of(contact, None), whole=False))
    if not changes:
        return Step(kind=Kind.CONTACT, name=contact.title, action=Action.KEEP)
    if found.get("provenance") == FROM_FILE:
        return Step(kind=Kind.CONTACT, name=contact.title, action=Action.BLOCKED, changes=changes, note=LOCKED)
    write = partial(_update, api, contact, found)
    return Step(kind=Kind.CONTACT, name=contact.title, action=Action.CHANGE, changes=changes, do=write)


def _unwanted(scene: Scene, found: dict[str, Any], *, replaced: bool) -> Step:
    """One that another secret replaces goes at once; others only with --prune."""
    name = f"{found.get('name')} ({found['uid']})"
    if found.get("provenance") == FROM_FILE:
        return Step(kind=Kind.CONTACT, name=name, action=Action.BLOCKED, note=LOCKED)
    remove = partial(scene.api.delete, f"{_PATH}/{part(str(found['uid']))}")
    action = Action.DELETE if replaced or scene.prune else Action.LEFT
    return Step(kind=Kind.CONTACT, name=name, action=action, note=_REPLACED if replaced else None, do=remove)


def _secret(contact: Contact) -> str | None:
    return None if contact.secret_file is None else read_secret(contact.secret_file)


def _create(api: Api, contact: Contact) -> None:
    api.post(_PATH, body_of(contact, _secret(contact)), headers_for(None))


def _update(api: Api, contact: Contact, found: dict[str, Any]) -> None:
    body = body_of(contact, _secret(contact))
    api.put(f"{_PATH}/{part(body['uid'])}", body, headers_for(found.get("provenance")))


_NOT_YET: Final = "could not find an Alertmanager configuration"
"""What Grafana says for up to a minute after an organisation was made (seen with 9.3)."""
_WAIT = Text(
    vi="{url}: tổ chức vừa tạo, Grafana chưa mở bộ phận cảnh báo cho nó; hãy đợi một phút rồi chạy lại",
    en="{url}: the organisation is new and Grafana has not opened its alerting yet; wait a minute and run again",
)
_NAME_TAKEN = Text(
    vi="trong Grafana đã có nơi nhận cùng tên mà không phải của doxa; hãy đặt tên khác trong tệp cấu hình",
    en="Grafana has a contact point of this name that is not doxa's; choose another name in the settings",
)
_REPLACED = Text(vi="mã bí mật đã đổi, cái mới thay cái này", en="its secret changed; a new one takes its place")
