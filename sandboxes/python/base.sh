#!/bin/sh
# Makes the root file system of a small Python image from Debian packages, for hosts without an image registry.
# usage: base.sh OUTPUT.tar     (needs mmdebstrap, and root or user namespaces)
set -eu
output=$1
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-1700000000}
export SOURCE_DATE_EPOCH

# The extract variant runs no maintainer scripts (and no customize hooks): what those would have made is made here.
# Debian ships no .pyc files, and a read-only root can't gain them: without compileall every import compiles anew.
finish='
set -eu; root=$1
mkdir -p "$root/etc" "$root/tmp" "$root/box" "$root/proc" "$root/dev" "$root/sys" "$root/root" "$root/var/tmp"
chmod 1777 "$root/tmp" "$root/var/tmp"
printf "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/tmp:/bin/sh\n" > "$root/etc/passwd"
printf "root:x:0:\nnogroup:x:65534:\n" > "$root/etc/group"
mkdir -p "$root/etc/ssl/certs"
find "$root/usr/share/ca-certificates" -name "*.crt" | LC_ALL=C sort | xargs cat > "$root/etc/ssl/certs/ca-certificates.crt"
rm -rf "$root/usr/share/doc" "$root/usr/share/man" "$root/usr/share/locale" "$root/usr/share/info"
find "$root" -xdev -perm /6000 -type f -exec chmod a-s {} +
chroot "$root" ldconfig
chroot "$root" python3 -m compileall -q --invalidation-mode unchecked-hash /usr/lib/python3.11
'

exec mmdebstrap --variant=extract --format=tar \
    --include=python3-minimal,libpython3-stdlib,coreutils,dash,bash,sed,grep,findutils,tar,gzip,libc-bin,libstdc++6,ca-certificates,tzdata \
    --extract-hook="$finish" \
    bookworm "$output"
