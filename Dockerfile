# The image of Weir: one static program and the certificates of the public authorities, nothing else.
#
#   docker build -t REGISTRY/weir:TAG .
#   docker buildx build --platform linux/amd64,linux/arm64 -t REGISTRY/weir:TAG --push .
#
# A release is built from one image of Rust that is named by its digest: docs/releasing.md.
ARG RUST_IMAGE=rust:1.95.0-bookworm

# It is built on the platform of the builder, also for another one: nothing is emulated.
FROM --platform=$BUILDPLATFORM ${RUST_IMAGE} AS build
ARG TARGETARCH=amd64
ARG CARGO_AUDITABLE=0.7.7
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
WORKDIR /src

# The list of what the program is made of goes into it, for scanners to read.
RUN cargo install --locked "cargo-auditable@$CARGO_AUDITABLE"

# A compiler and a linker for the other platform, where it is another one.
# hadolint ignore=DL3008
RUN case "$TARGETARCH" in \
        amd64) triple=x86_64-unknown-linux-gnu cross=x86-64-linux-gnu ;; \
        arm64) triple=aarch64-unknown-linux-gnu cross=aarch64-linux-gnu ;; \
        *) echo "Weir is built for amd64 and arm64, not for $TARGETARCH" >&2; exit 1 ;; \
    esac \
    && echo "$triple" > /triple \
    && if [ "$(rustc -vV | sed -n 's/host: //p')" != "$triple" ]; then \
        rustup target add "$triple" \
        && apt-get update \
        && apt-get install -y --no-install-recommends "gcc-$cross" "libc6-dev-$TARGETARCH-cross" \
        && rm -rf /var/lib/apt/lists/* \
        && name=${triple//-/_} \
        && compiler="${cross/x86-64/x86_64}-gcc" \
        && echo "export CC_$name=$compiler CARGO_TARGET_${name^^}_LINKER=$compiler" > /cross; \
    else touch /cross; fi \
    # Kernels for arm64 have pages of 4 KiB or of 64 KiB, and the allocator must be made for the larger.
    && if [ "$TARGETARCH" = arm64 ]; then echo "export JEMALLOC_SYS_WITH_LG_PAGE=16" >> /cross; fi

COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target,id=target-$TARGETARCH \
    triple=$(cat /triple) && source /cross \
    && RUSTFLAGS="-C target-feature=+crt-static" \
        cargo auditable build --profile dist --no-default-features --locked --target "$triple" --package weir --bin weir \
    && install -D "target/$triple/dist/weir" /root-of-image/weir \
    && install -D /etc/ssl/certs/ca-certificates.crt /root-of-image/etc/ssl/certs/ca-certificates.crt

FROM scratch
LABEL org.opencontainers.image.title="Weir" \
      org.opencontainers.image.description="Moves live traffic on AWS between immutable environments" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /root-of-image/ /
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/weir"]
CMD ["run"]
