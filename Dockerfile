# syntax=docker/dockerfile:1
# A static binary on nothing: no shell, no package manager, no root. The root file system may be read-only; what the server
# keeps is in /data, and it wants room for temporary files in /tmp (docker run --read-only --tmpfs /tmp).

FROM golang:1.26-bookworm AS build
WORKDIR /src
ENV CGO_ENABLED=0 GOTOOLCHAIN=local
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN go build -trimpath -ldflags='-s -w' -o /out/sluice ./cmd/sluice \
 && mkdir /out/folders && mkdir -m 0700 /out/folders/data && mkdir -m 1777 /out/folders/tmp

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
# A folder that is copied itself gets the builder's mode; those in it keep theirs.
COPY --from=build --chown=65532:65532 /out/folders/ /
COPY --from=build /out/sluice /usr/local/bin/sluice
COPY LICENSE /LICENSE
USER 65532:65532
# Metrics and health stay on loopback unless SLUICE_ADMIN_LISTEN says otherwise.
ENV SLUICE_LISTEN=0.0.0.0:8080 SLUICE_DATA=/data HOME=/data
WORKDIR /data
VOLUME /data
EXPOSE 8080
ENTRYPOINT ["/usr/local/bin/sluice"]
CMD ["serve"]
