# The image: one virtual environment with pinned, hashed packages, and nothing that builds.
#
#   docker build -t drawbridge .
#   docker run --read-only -v drawbridge:/data -v ./config.yaml:/etc/drawbridge/config.yaml:ro -p 8080:8080 drawbridge

FROM python:3.13-slim AS build

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src

RUN python -m venv /opt/venv
COPY requirements.lock ./
RUN /opt/venv/bin/pip install --no-compile --require-hashes --no-deps --only-binary :all: -r requirements.lock

COPY requirements-build.lock ./
RUN pip install --require-hashes --no-deps --only-binary :all: -r requirements-build.lock
COPY pyproject.toml README.md LICENSE ./
COPY bridge bridge
COPY templates templates
RUN pip wheel --no-deps --no-index --no-build-isolation --wheel-dir /tmp/wheel . \
    && /opt/venv/bin/pip install --no-compile --no-deps --no-index /tmp/wheel/drawbridge-*.whl \
    && /opt/venv/bin/pip check \
    && /opt/venv/bin/pip uninstall --yes pip \
    && python -m compileall -q --invalidation-mode unchecked-hash /opt/venv/lib


FROM python:3.13-slim

# The base image comes without compiled files of the standard library, and a read-only container could never write them.
RUN python -m compileall -q --invalidation-mode unchecked-hash \
        "$(python -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')" \
    && install -d -o 10001 -g 10001 -m 0750 /data
COPY --from=build /opt/venv /opt/venv

# SQLite's own temporary files go beside the database, so that /tmp need not be writable.
ENV PATH=/opt/venv/bin:$PATH \
    ADMIN_LISTEN=0.0.0.0:8081 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    SQLITE_TMPDIR=/data \
    DRAWBRIDGE_CONFIG=/etc/drawbridge/config.yaml

# A relative `store.url`, such as the default, lies on the volume.
WORKDIR /data
VOLUME /data
USER 10001:10001
EXPOSE 8080 8081
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s --retries=3 CMD ["drawbridge", "health"]
ENTRYPOINT ["drawbridge"]
CMD ["serve"]
