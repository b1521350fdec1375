# send and receive:
#
#   docker build --tag hello-rabbit .
#   docker run --rm --network host hello-rabbit send 'hello from a container'
#   docker run --rm --network host hello-rabbit receive --count 1

FROM debian:trixie-slim AS build
LABEL hello-rabbit=build
WORKDIR /source
COPY scripts/install scripts/install
RUN scripts/install build
COPY CHANGELOG.md CMakeLists.txt CMakePresets.json ./
COPY include include
COPY src src
RUN cmake --preset release \
    && cmake --build --preset release --target send receive \
    && strip build/release/send build/release/receive
# The packages of the libraries that the programs load.
RUN ldd build/release/send build/release/receive | awk '$2 == "=>" { print $3 }' | sort -u | xargs realpath \
    | xargs dpkg-query --search | cut -d : -f 1 | sort -u > packages

FROM debian:trixie-slim
COPY --from=build /source/packages /usr/share/hello-rabbit/packages
# ca-certificates are the authorities that TLS trusts.
RUN apt-get update \
    && xargs apt-get install --yes --no-install-recommends ca-certificates < /usr/share/hello-rabbit/packages \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin rabbit
COPY --from=build /source/build/release/send /source/build/release/receive /usr/bin/
USER 10001:10001
STOPSIGNAL SIGTERM
CMD ["receive"]
