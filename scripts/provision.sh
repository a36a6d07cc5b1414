#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Writes the provisioning files of a pair of nodes: who each is, and whom it trusts.
set -eu

usage() {
    cat <<'END'
usage: scripts/provision.sh --out DIR --a ID --b ID [--seed]
       scripts/provision.sh --out DIR --bringup
       scripts/provision.sh --out FILE --bundle DIR

The first form makes fresh keys for two devices: DIR/<a>/dsoftbusd and DIR/<b>/dsoftbusd. Device a
dials device b. With --seed each file also brings a root seed, which lab and test images accept and
which a production image refuses: that one takes its entropy from virtio-rng.

The second form writes the test keys of the single-machine run, which everybody knows:
DIR/dsoftbusd (node-a) and DIR/selftest-client (node-b).

A file is given to the machine whose keys it holds:
    qemu-system-riscv64 ... -fw_cfg name=opt/org.dsoftbus/dsoftbusd,file=DIR/<id>/dsoftbusd

QEMU before 8.1 refuses -fw_cfg for its virt machine ("fw_cfg device not available"). There the third
form helps: it packs all files of a directory into one, which goes the only way that is open:
    qemu-system-riscv64 ... -boot splash=FILE

Files are readable by their owner alone; nothing is overwritten; no key is printed.
END
}

fail() {
    echo "provision.sh: $*" >&2
    exit 1
}

# Ids are made of [0-9A-Za-z._-], 1 to 64 of them; and one that begins with a dot is a bad directory.
check_id() {
    case $1 in
    '' | .* | *[!0-9A-Za-z._-]*) fail "'$1' is not a device id" ;;
    esac
    id=$1
    [ ${#id} -le 64 ] || fail "the device id '$1' is longer than 64 characters"
}

hex() {
    od -An -v -tx1 | tr -d ' \n'
}

# RFC 8410: the key is the last 32 bytes of its DER form. printf is the shell's own, so that no key
# shows in the list of processes.
private_hex() { printf '%s\n' "$1" | openssl pkey -outform DER | tail -c 32 | hex; }
public_hex() { printf '%s\n' "$1" | openssl pkey -pubout -outform DER | tail -c 32 | hex; }

# One file, on stdout: ID PORT STATIC PEER_ID PEER_KEY [dial]
node() {
    own_key=$3 peer_key=$5
    case ${#own_key}.${#peer_key} in 64.64) ;; *) fail "openssl or python3 did not deliver a key" ;; esac
    printf 'id %s\nport %s\nstatic %s\nboot 0\npeer %s %s%s\n' "$1" "$2" "$3" "$4" "$5" "${6:+ $6}"
}

new_file() {
    if [ -e "$1" ] || [ -L "$1" ]; then fail "$1 exists: not overwritten"; fi
}

fresh() {
    command -v openssl >/dev/null || fail "openssl is needed to make keys (package openssl)"
    new_file "$out/$a/dsoftbusd"
    new_file "$out/$b/dsoftbusd"
    pem_a=$(openssl genpkey -algorithm X25519)
    pem_b=$(openssl genpkey -algorithm X25519)
    mkdir -p "$out/$a" "$out/$b"
    {
        node "$a" 34567 "$(private_hex "$pem_a")" "$b" "$(public_hex "$pem_b")" dial
        [ -z "$seed" ] || printf 'seed %s\n' "$(head -c 32 /dev/urandom | hex)"
    } >"$out/$a/dsoftbusd"
    {
        node "$b" 34568 "$(private_hex "$pem_b")" "$a" "$(public_hex "$pem_a")"
        [ -z "$seed" ] || printf 'seed %s\n' "$(head -c 32 /dev/urandom | hex)"
    } >"$out/$b/dsoftbusd"
    echo "$out/$a/dsoftbusd"
    echo "$out/$b/dsoftbusd"
}

bringup_key() {
    python3 "$(dirname "$0")/bringup.py" "$@"
}

# SECURITY: bring-up test keys, NOT production custody
bringup() {
    notice='# SECURITY: bring-up test keys, NOT production custody'
    new_file "$out/dsoftbusd"
    new_file "$out/selftest-client"
    mkdir -p "$out"
    {
        echo "$notice"
        node node-a 34567 "$(bringup_key secret A0 34567)" node-b "$(bringup_key public B0 34567)" dial
        printf 'seed %s\n' "$(bringup_key secret 5A 34567)"
    } >"$out/dsoftbusd"
    {
        echo "$notice"
        node node-b 34568 "$(bringup_key secret B0 34567)" node-a "$(bringup_key public A0 34567)"
        printf 'seed %s\n' "$(bringup_key secret 5B 34567)"
    } >"$out/selftest-client"
    echo "$out/dsoftbusd"
    echo "$out/selftest-client"
}

# The form is described in services/keystored/bundle.h.
bundle() {
    new_file "$out"
    {
        printf '\377\330\n# provisioning of DSoftBus processes\n' # QEMU wants 30 bytes at least
        for file in "$bundle"/*; do
            [ -f "$file" ] || fail "there is no file in $bundle"
            printf 'process %s\n' "$(basename "$file")"
            cat "$file"
        done
    } >"$out"
    echo "$out"
}

out='' a='' b='' seed='' bundle='' mode=fresh
while [ $# -gt 0 ]; do
    case $1 in
    --help | -h) usage && exit 0 ;;
    --bringup) mode=bringup ;;
    --seed) seed=yes ;;
    --out | --a | --b | --bundle)
        [ $# -ge 2 ] || fail "$1 needs a value"
        case $1 in --out) out=$2 ;; --a) a=$2 ;; --b) b=$2 ;; --bundle) bundle=$2 mode=bundle ;; esac
        shift
        ;;
    *) fail "unknown argument '$1' (--help shows how)" ;;
    esac
    shift
done

[ -n "$out" ] || fail "--out is missing (--help shows how)"
umask 077
set -C
if [ $mode = bringup ]; then
    [ -z "$a$b$seed" ] || fail "--bringup has its own ids and seeds"
    bringup
elif [ $mode = bundle ]; then
    [ -z "$a$b$seed" ] || fail "--bundle takes the files as they are"
    bundle
else
    check_id "$a"
    check_id "$b"
    [ "$a" != "$b" ] || fail "the two ids are the same"
    fresh
fi
