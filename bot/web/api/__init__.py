"""The HTTP API: Codegen's operations, multi-runs, stars and live streams, for whoever has a token of Codegen's.

A caller can do what Codegen lets their token do; the server's own token is never lent. `table` lists every endpoint
with what it takes and answers: the routes, `/openapi.json`, `/docs` and docs/api.md are all made of it.

aiohttp-pydantic 2.6 was tried for validation and the document: it writes OpenAPI 3.0 and its page loads its script from
elsewhere. pydantic makes JSON Schema 2020-12, which is what OpenAPI 3.1 takes, so little is left to write.
"""
