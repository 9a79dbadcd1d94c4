"""The HTTP API: Codegen's operations, multi-runs, stars and live streams, for callers with a Codegen token.

A caller can do what their own token permits; the server's own Codegen token is never used for them. `routes` lists
every endpoint with its request and response: the server's routes, `/openapi.json`, `/docs` and docs/api.md are all
generated from it.

aiohttp-pydantic 2.6 was tried for validation and the document: it writes OpenAPI 3.0, and its page loads a script from
elsewhere. pydantic generates JSON Schema 2020-12, which OpenAPI 3.1 uses, so little remains to be written.
"""
