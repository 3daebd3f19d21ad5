"""The same as plain provisioning files, for a server whose API is not to be used.

Grafana reads them at its start. Secrets are references (`$__file{…}`) to files on Grafana's server. Teams, permissions and
the branch of notification policies cannot be provisioned beside foreign ones (a file replaces the whole tree), so each
rule names its contact point itself.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import Any, Final

from doxa_dashboards.publish.contact_settings import Contact
from doxa_dashboards.publish.contacts import file_uid
from doxa_dashboards.publish.content import ALARMS, Content, content_for
from doxa_dashboards.publish.run import Library
from doxa_dashboards.publish.settings import Org
from doxa_dashboards.publish.sources import MARK, wanted_sources
from doxa_dashboards.publish.yaml import dump

HEADER: Final = "# doxa dashboards provision wrote this file; do not edit it.\n"
_VERSION: Final = {"apiVersion": 1}


def files_of(
    orgs: Sequence[Org],
    library: Library,
    *,
    server: PurePosixPath,
    secrets: PurePosixPath,
    json_at: PurePosixPath | None,
) -> dict[str, str]:
    """Texts by path below the provisioning folder. `server`: where that folder is on Grafana's server.

    `json_at`: where the pages' JSON files lie there already; None writes them too. `InputError` for a bad secret.
    """
    found: dict[str, str] = {}
    for org in orgs:
        content = content_for(org, org.org_id, library(org.languages))
        found[f"datasources/doxa-{org.name}.yaml"] = _yaml(_sources(org, secrets))
        found[f"dashboards/doxa-{org.name}.yaml"] = _yaml(_providers(org, content, json_at or server / "dashboards"))
        if json_at is None:
            found |= dict(_pages(org, content))
        if content.rules:
            found[f"alerting/doxa-{org.name}.yaml"] = _yaml(_alerting(org, content, secrets))
    return found


def _yaml(document: dict[str, Any]) -> str:
    return HEADER + dump(_VERSION | document)


def literal(value: Any) -> Any:
    """Grafana fills `$NAME` in provisioning files, and takes `$$` for a dollar."""
    if isinstance(value, str):
        return value.replace("$", "$$")
    if isinstance(value, dict):
        return {key: literal(inner) for key, inner in value.items()}
    return [literal(inner) for inner in value] if isinstance(value, list) else value


def _reference(secrets: PurePosixPath, name: str) -> str:
    return f"$__file{{{secrets / name}}}"


def _sources(org: Org, secrets: PurePosixPath) -> dict[str, Any]:
    return {"datasources": [_source(org, body, secrets) for body in wanted_sources(org.store, marked=False)]}


def _source(org: Org, body: dict[str, Any], secrets: PurePosixPath) -> dict[str, Any]:
    kept = {key: value for key, value in body["jsonData"].items() if value is not None and key != MARK}
    found = {"orgId": org.org_id, **body, "jsonData": kept, "editable": False}
    secret = {}
    if org.store.token_file is not None:
        secret["httpHeaderValue1"] = f"Token {_reference(secrets, org.store.token_file.name)}"
    if org.store.ca_file is not None:
        secret["tlsCACert"] = _reference(secrets, org.store.ca_file.name)
    filled: dict[str, Any] = literal(found)
    return filled | ({"secureJsonData": secret} if secret else {})


def _providers(org: Org, content: Content, base: PurePosixPath) -> dict[str, Any]:
    used = [uid for uid in content.folders if any(board.folder == uid for board in content.boards)]
    return {
        "providers": [
            {
                "name": f"doxa-{org.name}-{uid}",
                "orgId": org.org_id,
                "folder": content.folders[uid],
                "folderUid": uid,
                "type": "file",
                "disableDeletion": False,
                "allowUiUpdates": False,
                "updateIntervalSeconds": 60,
                "options": {"path": str(base / org.name / uid)},
            }
            for uid in used
        ]
    }


def _pages(org: Org, content: Content) -> Iterator[tuple[str, str]]:
    for board in content.boards:
        text = json.dumps(board.model, sort_keys=True, indent=2, ensure_ascii=False) + "\n"
        yield f"dashboards/{org.name}/{board.folder}/{board.uid}.json", text


def _alerting(org: Org, content: Content, secrets: PurePosixPath) -> dict[str, Any]:
    to = org.contacts[0].title if org.contacts else None
    groups = [
        {
            "orgId": org.org_id,
            "name": name,
            "folder": content.folders[ALARMS],
            "interval": f"{every_s}s",
            "rules": [_rule(rule, to) for rule in content.rules if rule["ruleGroup"] == name],
        }
        for name, every_s in content.groups.items()
    ]
    points = [_contact(org, contact, secrets) for contact in org.contacts]
    return {"groups": groups} | ({"contactPoints": points} if points else {})


def _rule(rule: dict[str, Any], to: str | None) -> dict[str, Any]:
    """Grafana fills no `$` in queries, annotations and times; everything else is spelt so that it does not."""
    told = {key: value for key, value in rule.items() if key not in ("orgID", "folderUID", "ruleGroup")}
    found = {key: value if key in ("data", "annotations") else literal(value) for key, value in told.items()}
    return found | ({"notification_settings": {"receiver": literal(to)}} if to is not None else {})


def _contact(org: Org, contact: Contact, secrets: PurePosixPath) -> dict[str, Any]:
    settings = literal(dict(contact.settings) | contact.extra)
    if contact.secret_key is not None and contact.secret_file is not None:
        settings[contact.secret_key] = _reference(secrets, contact.secret_file.name)
    receiver = {"uid": file_uid(contact), "type": contact.type, "settings": settings}
    return {"orgId": org.org_id, "name": contact.title, "receivers": [receiver]}
