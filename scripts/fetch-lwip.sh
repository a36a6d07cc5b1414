#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Fetches the pinned lwIP source into .deps/lwip, once, from the Debian mirrors that this machine's apt uses already.
#
#   LWIP_SRC=DIR scripts/fetch-lwip.sh    checks DIR and uses it in place (the build reads LWIP_SRC too)
#
# apt runs with lists and a cache of its own, so the system's configuration stays as it is and root is not needed.
# Debian's own patches are for another system and are not applied.
set -eu

version=2.1.3+dfsg1-2
tarball=lwip_2.1.3+dfsg1.orig.tar.xz
sha256=0a8276d09fc4e97bbba2f953d74af2388fc2195ea156be9d7589e297a68fde24
suite='bookworm\|oldstable\|stable'

fail() {
    echo "fetch-lwip: $*" >&2
    exit 1
}

cd "$(dirname "$0")/.."

if [ -n "${LWIP_SRC:-}" ]; then
    [ -f "$LWIP_SRC/src/core/init.c" ] || fail "LWIP_SRC=$LWIP_SRC: there is no src/core/init.c in it"
    exit 0
fi

target=$PWD/.deps/lwip
stamp=$target/.sha256
[ "$(cat "$stamp" 2>/dev/null)" = "$sha256" ] && exit 0

for tool in apt-get tar xz sha256sum; do
    command -v "$tool" >/dev/null || fail "$tool is missing; on systems without apt set LWIP_SRC to an lwIP 2.1.3 source tree"
done

mkdir -p .deps
work=$(mktemp -d "$PWD/.deps/fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/download" "$work/lwip" "$work/sources"

# deb822 format: each active stanza that offers binaries offers sources as well.
for file in /etc/apt/sources.list.d/*.sources; do
    [ -f "$file" ] || continue
    sed 's/^Types:.*/Types: deb-src/' "$file" >"$work/sources/$(basename "$file")"
done
# One-line format: `deb [options] uri suite components`.
for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
    [ -f "$file" ] || continue
    sed -n '/cdrom:/d; s/^[[:space:]]*deb[[:space:]]/deb-src /p' "$file" >"$work/sources/$(basename "$file")"
done
# Only the archives of Debian itself: others have no lwIP, and may be out of reach.
for file in "$work/sources"/*; do
    [ -f "$file" ] && grep -q "$suite" "$file" && grep -qi debian "$file" || rm -f "$file"
done
ls "$work/sources"/* >/dev/null 2>&1 ||
    fail "no Debian 12 archive in /etc/apt; set LWIP_SRC to an lwIP 2.1.3 source tree"

apt_own() {
    apt-get -qq -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$work/sources" \
        -o Dir::State::Lists="$work/lists" -o Dir::Cache="$work/cache" \
        -o APT::Sandbox::User="$(id -un)" -o Acquire::Languages=none -o Acquire::Retries=3 "$@"
}

apt_own update || fail "the package lists could not be read from this machine's Debian mirror"
(cd "$work/download" && apt_own --download-only source "lwip=$version") ||
    fail "lwip $version could not be downloaded from this machine's Debian mirror"

cd "$work/download"
echo "$sha256  $tarball" | sha256sum --check --status ||
    fail "$tarball does not have the pinned SHA-256 $sha256: not used"
tar -xJf "$tarball" -C "$work/lwip" --strip-components=1
[ -f "$work/lwip/src/core/init.c" ] || fail "$tarball holds no src/core/init.c"

echo "$sha256" >"$work/lwip/.sha256"
rm -rf "$target"
mv "$work/lwip" "$target"
