"""JSON: the paper's data as they are, in their own order, for machines."""

import json

from doxa_collector.papers.forms import Look
from doxa_collector.papers.model import Document


def render(document: Document, look: Look) -> bytes:
    """UTF-8, two spaces, what is not known is null; a number that JSON does not have is an error of ours."""
    del look
    found = {
        "kind": document.head.kind,
        "subject": document.head.subject,
        "draft": document.head.draft,
        "made_on": document.made_on.isoformat(),
        "data": document.data,
    }
    return (json.dumps(found, ensure_ascii=False, indent=2, allow_nan=False) + "\n").encode()
