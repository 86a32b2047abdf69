# One image for the four services; the command picks which. `--target local` adds the SMTP inbox for trying out.
ARG PYTHON=python:3.13.9-slim-trixie

FROM ${PYTHON} AS builder
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never
WORKDIR /build
COPY requirements/ requirements/
RUN python -m pip install --quiet --no-cache-dir --disable-pip-version-check --require-hashes -r requirements/installer.lock \
 && uv venv --quiet /opt/postlog \
 && uv pip sync --quiet --no-cache --python /opt/postlog/bin/python --require-hashes requirements/runtime.lock
# The build backend, in a room of its own; its versions and hashes are those of the development lock.
RUN uv venv --quiet /opt/backend \
 && uv pip install --quiet --no-cache --python /opt/backend/bin/python --constraints requirements/dev.lock hatchling
COPY pyproject.toml README.md LICENSE ./
COPY shared/ shared/
COPY services/ services/
COPY cli/ cli/
RUN uv build --quiet --wheel --no-build-isolation --python /opt/backend/bin/python --out-dir dist \
 && uv pip install --quiet --no-cache --no-deps --python /opt/postlog/bin/python dist/*.whl

FROM builder AS local-builder
RUN uv pip install --quiet --no-cache --python /opt/postlog/bin/python --constraints requirements/dev.lock aiosmtpd

FROM ${PYTHON} AS base
RUN useradd --system --uid 10001 --no-create-home postlog \
 && install --directory --owner=postlog --group=postlog /var/lib/postlog /var/lib/postlog/blobs
ENV PATH=/opt/postlog/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    POSTLOG_API_HOST=0.0.0.0 POSTLOG_TRACKER_HOST=0.0.0.0 POSTLOG_ADMIN_HOST=0.0.0.0 \
    POSTLOG_SENDER_DATA=/var/lib/postlog/sender
WORKDIR /var/lib/postlog
USER postlog
EXPOSE 8080 8081 8082 8083
# The root may be read-only: all state is in this volume, and /tmp wants a tmpfs.
VOLUME /var/lib/postlog
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s CMD ["postlog", "health"]
ENTRYPOINT ["postlog"]
CMD ["serve", "api"]

FROM base AS local
COPY --from=local-builder /opt/postlog /opt/postlog

FROM base AS runtime
COPY --from=builder /opt/postlog /opt/postlog
