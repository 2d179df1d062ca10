# What `cross` builds the program in (cross.toml): the Debian that the device runs, so that the program asks for no newer C
# library than the device has, and for no older libinput than its crates were written for. cross's own image is an Ubuntu 20.04,
# whose libinput (1.15) is too old. cross brings the Rust toolchain of its host; the compilers for C come from here, and the
# display's libraries from the pre-build lines of cross.toml. images/crossed reads the packages and the variables of this file.
FROM debian:bookworm-slim

ENV DEBIAN_FRONTEND=noninteractive

RUN apt-get update && apt-get install --assume-yes --no-install-recommends \
    ca-certificates gcc libc6-dev gcc-aarch64-linux-gnu g++-aarch64-linux-gnu libc6-dev-arm64-cross

ENV CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc \
    CC_aarch64_unknown_linux_gnu=aarch64-linux-gnu-gcc \
    CXX_aarch64_unknown_linux_gnu=aarch64-linux-gnu-g++ \
    AR_aarch64_unknown_linux_gnu=aarch64-linux-gnu-ar
