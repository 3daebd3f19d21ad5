#!/bin/sh
# Sets up what doxa's make targets need: `setup.sh venv`, `setup.sh demo`, `setup.sh test`.
# As root it installs packages of the system; otherwise it says which are missing.
set -eu
cd "$(dirname "$0")/.."

DEMO="mosquitto victoria-metrics nftables iproute2"
TEST="$DEMO influxdb nginx-light snmpd snmp radvd dnsmasq unbound isc-dhcp-client iperf3 fping tshark chromium fonts-noto-core fonts-liberation2 poppler-utils iputils-ping openssl ethtool systemd procps shellcheck curl libseccomp2 python3-venv git ca-certificates"

installed() { dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null | grep -q '^installed$'; }

packages() { # packages WHY NAME…: installs the missing ones, or names them
    why=$1; shift
    missing=""
    for name in "$@"; do installed "$name" || missing="$missing $name"; done
    [ -z "$missing" ] && return 0
    if ! command -v apt-get >/dev/null 2>&1; then
        echo "setup: $why cần:$missing (máy này không có apt-get; hãy cài bằng công cụ của hệ điều hành)" >&2
        return 1
    fi
    if [ "$(id -u)" != 0 ]; then
        echo "setup: $why cần:$missing; hãy chạy: sudo apt-get install$missing" >&2
        return 1
    fi
    echo "setup: đang cài$missing …" >&2
    log=$(mktemp)
    # A server that starts by itself would take its standard port: our fixtures start their own.
    policy=/usr/sbin/policy-rc.d
    made=""
    if [ ! -e "$policy" ]; then printf '#!/bin/sh\nexit 101\n' >"$policy"; chmod +x "$policy"; made=1; fi
    ok=1
    # shellcheck disable=SC2086 - the list is words
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing; } >"$log" 2>&1 || ok=0
    [ -n "$made" ] && rm -f "$policy"
    if [ "$ok" = 0 ]; then tail -n 20 "$log" >&2; rm -f "$log"; echo "setup: không cài được:$missing" >&2; return 1; fi
    rm -f "$log"
}

python_of() {
    for name in ${PYTHON:-} python3 python3.13 python3.12 python3.11; do
        if "$name" -c 'import sys; raise SystemExit(sys.version_info < (3, 11))' 2>/dev/null; then echo "$name"; return; fi
    done
    echo "setup: cần Python 3.11 trở lên; hãy cài rồi chạy lại, hoặc đặt PYTHON=/đường/dẫn/python3" >&2
    return 1
}

venv() { # venv EXTRAS [dev]: .venv with locked versions; rebuilt only when what it is made from has changed
    python=$(python_of)
    "$python" -c 'import ensurepip' 2>/dev/null || packages "môi trường Python" python3-venv
    stamp=".venv/.made-from-$1-${2:-}"
    want=$(cat pyproject.toml constraints.txt tools/setup.sh | cksum)
    if [ -x .venv/bin/doxa ] && [ "$(cat "$stamp" 2>/dev/null)" = "$want" ]; then return; fi
    echo "setup: đang tạo môi trường Python trong .venv …" >&2
    # One that was interrupted half way, or whose Python has gone, is made anew.
    .venv/bin/python -m pip --version >/dev/null 2>&1 || "$python" -m venv --clear .venv
    pip=".venv/bin/python -m pip --quiet --disable-pip-version-check"
    $pip install -c constraints.txt 'pip>=25.1' # earlier ones know no dependency groups
    if [ "${2:-}" = dev ]; then
        $pip install -c constraints.txt --group dev -e ".[$1]"
        # Its files are what tools/places.py reads; it is never imported, so what it would pull in is left out.
        $pip install -c constraints.txt --no-deps vietnamadminunits
    else
        $pip install -c constraints.txt -e ".[$1]"
    fi
    echo "$want" >"$stamp"
}

case "${1:-}" in
venv) venv lab dev ;;
demo)
    # shellcheck disable=SC2086
    if [ "$(id -u)" = 0 ]; then packages "demo" $DEMO || echo "setup: demo tiếp tục với những gì đang có" >&2; fi
    [ -e .venv/.made-from-lab-dev ] || venv lab
    [ -e .venv/.made-from-lab-dev ] && venv lab dev
    true ;;
test)
    # shellcheck disable=SC2086
    packages "make test" $TEST
    venv lab dev ;;
*) echo "setup: dùng: tools/setup.sh venv|demo|test" >&2; exit 2 ;;
esac
