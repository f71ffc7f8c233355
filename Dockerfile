# otad in a container: unprivileged, on a read-only root, the firmware folder mounted read-only.
#
#   docker build -t otad .
#   docker run -d --name otad --read-only -p 8070:8070 -e OTAD_ADVERTISE=192.168.1.8 \
#     -v otad-certs:/otad/certs -v otad-state:/otad/state -v "$PWD":/otad/firmware:ro otad
#
# Mount the project, not its build folder: a mount keeps showing the old folder after `rm -rf build`.

# Node 24 rather than the oldest that otad runs on: 15 to 20 % less CPU for downloads and handshakes.
FROM node:24-slim AS build
WORKDIR /otad
# The lock file alone first: a change to a source does not fetch everything again.
COPY package.json package-lock.json ./
# No package's own script runs, here or below: the build needs none of them.
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY src src
COPY config config
# A checkout made with a strict umask would be unreadable for the user below; the compiler's own notes are of no use there.
RUN npm run build && rm -f dist/.tsbuildinfo && chmod -R a+rX package.json config dist && chmod a+x dist/cli/main.js

FROM node:24-slim AS dependencies
WORKDIR /otad
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts

FROM node:24-slim
LABEL org.opencontainers.image.title="otad" \
      org.opencontainers.image.description="Firmware server for ESP32 developers: judges every image as the bootloader would, serves whole valid ones over HTTPS." \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.base.name="docker.io/library/node:24-slim"
WORKDIR /otad
# A new volume takes owner and mode from these two folders. All else stays root's: the process cannot change its own program.
RUN mkdir certs firmware state && chown node:node certs state && chmod 0700 certs
# So that `docker exec otad otad status` asks the one that runs.
RUN ln -s /otad/dist/cli/main.js /usr/local/bin/otad
COPY --from=dependencies /otad/node_modules node_modules
COPY --from=build /otad/package.json ./
COPY --from=build /otad/config config
COPY --from=build /otad/dist dist

ENV OTAD_HOME=/otad
USER node
# The only places that are written. Name the volume of certs: without its CA, every device has to be flashed again by wire.
VOLUME ["/otad/certs", "/otad/state"]
EXPOSE 8070
STOPSIGNAL SIGTERM
# By Node, since the image has no curl. Publish another port with `-p 443:8070`, or move this one with OTAD_PORT: no flag is seen here.
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
  CMD ["node", "-e", "https.get({ host: '127.0.0.1', port: process.env.OTAD_PORT ?? 8070, path: '/health', ca: fs.readFileSync('/otad/certs/ca_cert.pem'), agent: false }, answer => process.exit(answer.statusCode === 200 ? 0 : 1))"]
# No shell in between: otad is process 1 itself and gets the signal to stop.
ENTRYPOINT ["node", "/otad/dist/cli/main.js"]
CMD ["serve"]
