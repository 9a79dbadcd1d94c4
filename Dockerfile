# codegen-bot's image. docs/operating.md says how to run it, and how it was tested.
#   docker build -t codegen-bot .
#   docker run --read-only --cap-drop ALL --env-file codegen-bot.env -v codegen-bot:/data -p 8080:8080 codegen-bot

# No digest: it differs from platform to platform and ages with every security fix. Pin one where you deploy.
FROM python:3.13.14-slim-trixie AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
# What changes rarely comes first, so that a new version of the bot does not reinstall everything.
RUN python -m venv --without-pip /opt/codegen-bot
COPY requirements.lock ./
RUN --mount=type=cache,target=/root/.cache/pip \
    python -m pip --python /opt/codegen-bot/bin/python install --require-hashes --only-binary :all: -r requirements.lock
COPY requirements-build.lock ./
RUN --mount=type=cache,target=/root/.cache/pip \
    python -m venv --without-pip /build/tools \
    && python -m pip --python /build/tools/bin/python install --require-hashes --only-binary :all: -r requirements-build.lock
COPY pyproject.toml README.md LICENSE ./
COPY bot ./bot
RUN /build/tools/bin/python -m hatchling build --target wheel --directory /build/dist \
    && python -m pip --python /opt/codegen-bot/bin/python install --no-index --no-deps /build/dist/*.whl

FROM python:3.13.14-slim-trixie
# git is for agents of one's own.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends git \
    && rm -rf /var/lib/apt/lists/*
# Numbers, not names: Kubernetes' runAsNonRoot can verify only a number.
RUN install --directory --owner=10001 --group=10001 --mode=0750 /data
COPY --from=build /opt/codegen-bot /opt/codegen-bot
ENV PATH=/opt/codegen-bot/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOST=0.0.0.0 \
    PORT=8080 \
    LOG_FORMAT=json \
    DATABASE_URL=sqlite:////data/codegen-bot.sqlite
USER 10001:10001
WORKDIR /data
VOLUME ["/data"]
EXPOSE 8080
# Docker's default; the bot then finishes or suspends its work and exits with status 0, within 25 seconds at the most.
STOPSIGNAL SIGTERM
# Whether the process lives. With /readyz it would be restarted when the database is unreachable, which fixes nothing.
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-I", "-c", "import http.client, os, sys; c = http.client.HTTPConnection('127.0.0.1', int(os.environ['PORT']), timeout=4); c.request('GET', '/healthz'); sys.exit(c.getresponse().status != 200)"]
ENTRYPOINT ["codegen-bot"]
CMD ["serve"]
# Last, because they differ from release to release.
ARG VERSION=unreleased
ARG REVISION=unknown
ARG SOURCE=unknown
LABEL org.opencontainers.image.title="codegen-bot" \
      org.opencontainers.image.description="Puts Codegen's coding agents on the pull request." \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.source="$SOURCE"
