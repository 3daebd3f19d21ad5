"""The HTTP API for other systems: `/api/v1`, read only, described by OpenAPI 3.1 from the same declarations that serve it.

`application.Api` is one ASGI application; `web.app` mounts it. What there is to read stands in `resources/`, one file an idea.
"""
