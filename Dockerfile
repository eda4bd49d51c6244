# syntax=docker/dockerfile:1
# One image for web, worker, console, migrate, the command line and the simulated WeChat: docker-compose.yml says which command runs.

FROM node:20-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --include=dev
COPY tsconfig.json tsconfig.build.json ./
COPY apps apps
COPY shared shared
# TypeScript stays behind as an optional peer of a package that does not need it.
RUN npm run build && npm prune --omit=dev && rm -rf node_modules/typescript node_modules/@typescript
# The command wafer. While package.json names it as well, npx installs the package for itself and changes the mode of the file, which only
# the owner may do.
RUN ln -s ../../apps/cli/wafer.js node_modules/.bin/wafer && npm pkg delete bin

FROM node:20-bookworm-slim
ENV NODE_ENV=production PATH=/app/node_modules/.bin:$PATH
WORKDIR /app
# Owned by root: the processes run as node and can change nothing of this.
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY --from=build /app/apps/cli/wafer.js apps/cli/wafer.js
COPY sql sql
USER node
# Inside a container; what is reachable from outside is decided where the port is published.
ENV HOST=0.0.0.0 PORT=8080
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
  CMD ["node", "-e", "const tls = Boolean(process.env.TLS_CERT_FILE); require(tls ? 'https' : 'http').get({ host: '127.0.0.1', port: process.env.PORT, path: '/livez', rejectUnauthorized: false }, (answer) => process.exit(answer.statusCode === 200 ? 0 : 1)).on('error', () => process.exit(1))"]
CMD ["node", "--enable-source-maps", "dist/apps/web/main.js"]
