#!/bin/sh
# Installs, upgrades and removes the doxa agent on a Debian-like probe (Debian 12, Raspberry Pi OS; 64 and 32 bits).
# Idempotent: a second run changes nothing and says so. `install.sh --help` explains the options.
set -eu
umask 022
LC_ALL=C.UTF-8
export LC_ALL
here=$(cd "$(dirname "$0")" && pwd)

# ---- speaking: Vietnamese, English with DOXA_LANG=en -------------------------------------------------------------
say() { # say VI EN
    case ${DOXA_LANG:-vi} in en*) printf '%s\n' "$2" ;; *) printf '%s\n' "$1" ;; esac
}
die() { # die CODE VI EN: one sentence and out
    code=$1
    shift
    say "install.sh: $1" "install.sh: $2" >&2
    exit "$code"
}
step() { # step VI EN: announce a change; false when it must not be made
    changed=1
    if [ -n "$dry" ]; then
        say "sẽ: $1" "would: $2"
        return 1
    fi
    say "• $1" "• $2"
}
must() { # must COMMAND…: a command that may meet a full or read-only disk
    if ! why=$("$@" 2>&1); then
        die 1 "không ghi được ($(last "$why")); hãy kiểm tra thẻ nhớ còn chỗ và ghi được" \
            "cannot write ($(last "$why")); check that the card has room and can be written"
    fi
}
last() { printf '%s' "$1" | tail -n 1 | cut -c 1-300; }

help() {
    say "Cài, nâng cấp hoặc gỡ thiết bị đo doxa.

  sudo ./install.sh --wheel doxa-*.whl --site xa-dong-dang --agent dong-dang-1 --broker doxa.example.gov.vn \\
       --password-file dong-dang-1.password --ca-file ca.crt --far-end do.example.gov.vn --interface eth0
  sudo ./install.sh --wheel doxa-*.whl                 nâng cấp, giữ nguyên cấu hình
  sudo ./install.sh --uninstall                        gỡ; giữ lại cấu hình và số liệu chưa gửi

Phần mềm:
  --wheel TỆP          gói doxa-*.whl
  --index URL --release SỐ   hoặc lấy đúng bản đó từ một kho gói
  --wheelhouse THƯ-MỤC các gói phụ thuộc, để cài không cần Internet
  --constraints TỆP    phiên bản các gói phụ thuộc (mặc định: constraints.txt đi kèm)
Cấu hình (chỉ ghi khi chưa có):
  --config THƯ-MỤC     thư mục có sẵn agent.toml, plan.toml, ca.crt, mqtt.password
  --site --agent       mã điểm đo, mã thiết bị (như trong sites.toml)
  --broker MÁY[:CỔNG]  máy chủ MQTT (cổng mặc định 8883)
  --password-file TỆP  mật khẩu MQTT; dấu - để nhập từ bàn phím
  --ca-file TỆP        chứng thư CA của máy chủ
  --far-end MÁY[:CỔNG] đầu xa để đo (cổng mặc định 8080)
  --interface TÊN      giao diện mạng (mặc định eth0)
  --link TÊN --link-kind LOẠI   tên đường truyền (internet), loại: fixed, mobile, tslcd
  --reconfigure        ghi đè cấu hình đang có (bản cũ thành *.old)
Khác:
  --dry-run            chỉ in các bước, không thay đổi gì
  --no-start           không khởi động dịch vụ
  --root THƯ-MỤC       cài vào thư mục thử, không đụng tới systemd
  --uninstall [--purge [--yes]]   gỡ; --purge xóa cả cấu hình, số liệu và tài khoản doxa" \
        "Installs, upgrades or removes the doxa agent.

  sudo ./install.sh --wheel doxa-*.whl --site xa-dong-dang --agent dong-dang-1 --broker doxa.example.gov.vn \\
       --password-file dong-dang-1.password --ca-file ca.crt --far-end do.example.gov.vn --interface eth0
  sudo ./install.sh --wheel doxa-*.whl                 upgrade; the configuration is kept
  sudo ./install.sh --uninstall                        remove; keeps configuration and what was not yet sent

Software:
  --wheel FILE         the doxa-*.whl
  --index URL --release N    or exactly that release from a package index
  --wheelhouse DIR     the packages it depends on, to install without Internet
  --constraints FILE   versions of those packages (default: the constraints.txt beside the sources)
Configuration (written only where there is none):
  --config DIR         a folder with agent.toml, plan.toml, ca.crt, mqtt.password
  --site --agent       the site and the device, as in sites.toml
  --broker HOST[:PORT] the MQTT server (port 8883 by default)
  --password-file FILE the MQTT password; - to type it
  --ca-file FILE       the server's authority
  --far-end HOST[:PORT] the far end of the tests (port 8080 by default)
  --interface NAME     network interface (eth0 by default)
  --link NAME --link-kind KIND   name of the line (internet), kind: fixed, mobile, tslcd
  --reconfigure        overwrite the configuration (the old one becomes *.old)
Other:
  --dry-run            print the steps, change nothing
  --no-start           do not start the service
  --root DIR           install into a scratch folder, without systemd
  --uninstall [--purge [--yes]]   remove; --purge also deletes configuration, measurements and the account"
}

# ---- arguments -----------------------------------------------------------------------------------------------------
wheel="" index="" release="" wheelhouse="" constraints="" config="" site="" agent="" broker="" password_file=""
ca_file="" far_end="" interface=eth0 link=internet link_kind=fixed root="" dry="" start=1 uninstall="" purge="" yes=""
reconfigure="" changed=""

while [ $# -gt 0 ]; do
    case $1 in
    -h | --help) help; exit 0 ;;
    --dry-run) dry=1 ;;
    --no-start) start="" ;;
    --uninstall) uninstall=1 ;;
    --purge) purge=1 ;;
    --yes) yes=1 ;;
    --reconfigure) reconfigure=1 ;;
    --wheel | --index | --release | --wheelhouse | --constraints | --config | --site | --agent | --broker | \
        --password-file | --ca-file | --far-end | --interface | --link | --link-kind | --root)
        if [ $# -lt 2 ] || [ -z "$2" ]; then die 2 "$1 cần một giá trị theo sau" "$1 needs a value after it"; fi
        case $1 in
        --wheel) wheel=$2 ;;
        --index) index=$2 ;;
        --release) release=$2 ;;
        --wheelhouse) wheelhouse=$2 ;;
        --constraints) constraints=$2 ;;
        --config) config=$2 ;;
        --site) site=$2 ;;
        --agent) agent=$2 ;;
        --broker) broker=$2 ;;
        --password-file) password_file=$2 ;;
        --ca-file) ca_file=$2 ;;
        --far-end) far_end=$2 ;;
        --interface) interface=$2 ;;
        --link) link=$2 ;;
        --link-kind) link_kind=$2 ;;
        --root) root=${2%/} ;;
        esac
        shift
        ;;
    *) die 2 "không có tùy chọn «$1»; xem: install.sh --help" "there is no option '$1'; see: install.sh --help" ;;
    esac
    shift
done

matches() { printf '%s\0' "$1" | grep -Ezqx -- "$2"; } # -z: a line break inside is no way around the rule
identifier() { # identifier OPTION VALUE
    matches "$2" '[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?' || die 2 \
        "$1: «$2» không hợp lệ; chỉ dùng chữ thường không dấu, số và gạch nối, tối đa 40 ký tự" \
        "$1: '$2' is not valid; lower-case letters, digits and inner hyphens, at most 40"
}
split_host() { # split_host OPTION HOST[:PORT] DEFAULT: sets host and port
    host=$2 port=$3
    case $2 in
    \[*\]:*) host=${2%]:*} port=${2##*]:} host=${host#[} ;;
    \[*\]) host=${2#[} host=${host%]} ;;
    *:*:*) ;; # a bare IPv6 address
    *:*) host=${2%:*} port=${2##*:} ;;
    esac
    if ! matches "$host" '[A-Za-z0-9._:-]+' || ! matches "$port" '[1-9][0-9]{0,4}' || [ "$port" -gt 65535 ]; then
        die 2 "$1: «$2» không phải MÁY[:CỔNG]; ví dụ doxa.example.gov.vn:$3" \
            "$1: '$2' is not HOST[:PORT]; for example doxa.example.gov.vn:$3"
    fi
}
readable() { # readable OPTION FILE
    if [ ! -f "$2" ] || [ ! -r "$2" ]; then die 2 "$1: không đọc được tệp $2" "$1: cannot read the file $2"; fi
}
refuse() { # refuse VALUE OPTION OTHER-VI OTHER-EN
    if [ -n "$1" ]; then die 2 "$2 chỉ dùng $3" "$2 $4"; fi
}

if [ -z "$uninstall" ]; then
    refuse "$purge" --purge "cùng với --uninstall" "needs --uninstall"
    [ -z "$wheel$index" ] && die 2 "cần --wheel TỆP (hoặc --index URL --release SỐ)" \
        "needs --wheel FILE (or --index URL --release N)"
    if [ -n "$wheel" ]; then
        readable --wheel "$wheel"
        refuse "$index" --index "khi không có --wheel" "cannot stand beside --wheel"
        case $wheel in
        */doxa-*.whl | doxa-*.whl) ;;
        *) die 2 "--wheel: $wheel không phải gói doxa-*.whl" "--wheel: $wheel is not a doxa-*.whl" ;;
        esac
    elif ! matches "$release" '[0-9][0-9a-z.]*'; then
        die 2 "--index cần --release, ví dụ --release 0.1.0" "--index needs --release, such as --release 0.1.0"
    fi
    if [ -n "$wheelhouse" ] && [ ! -d "$wheelhouse" ]; then
        die 2 "--wheelhouse: không có thư mục $wheelhouse" "--wheelhouse: there is no folder $wheelhouse"
    fi
    [ -n "$constraints" ] && readable --constraints "$constraints"
    if [ -n "$site$agent$broker$far_end" ]; then
        refuse "$config" --config "khi không có --site, --agent, --broker" "cannot stand beside --site, --agent, --broker"
        for pair in "--site=$site" "--agent=$agent" "--broker=$broker" "--far-end=$far_end"; do
            [ -n "${pair#*=}" ] || die 2 "thiếu ${pair%%=*}" "${pair%%=*} is missing"
        done
        identifier --site "$site"
        identifier --agent "$agent"
        split_host --broker "$broker" 8883
        split_host --far-end "$far_end" 8080
    fi
    identifier --link "$link"
    matches "$interface" '[A-Za-z0-9._-]{1,15}' ||
        die 2 "--interface: «$interface» không phải tên giao diện mạng" "--interface: '$interface' is not an interface name"
    case $link_kind in
    fixed | mobile | tslcd) ;;
    *) die 2 "--link-kind: chỉ nhận fixed, mobile, tslcd" "--link-kind: takes fixed, mobile, tslcd" ;;
    esac
    [ -n "$ca_file" ] && readable --ca-file "$ca_file"
    if [ -n "$password_file" ] && [ "$password_file" != - ]; then readable --password-file "$password_file"; fi
    if [ -n "$config" ]; then
        readable --config "$config/agent.toml"
        readable --config "$config/plan.toml"
    fi
fi
if [ -n "$root" ]; then
    case $root in /*) ;; *) die 2 "--root cần đường dẫn tuyệt đối" "--root needs an absolute path" ;; esac
    [ -d "$root" ] || die 2 "--root: không có thư mục $root" "--root: there is no folder $root"
elif [ "$(id -u)" != 0 ] && [ -z "$dry" ]; then
    die 1 "cần quyền quản trị; hãy chạy lại với sudo" "needs root; run it again with sudo"
fi
if [ -z "$root" ] && [ ! -d /run/systemd/system ] && [ -z "$dry" ]; then
    die 1 "máy này không chạy systemd nên không cài dịch vụ được" "this machine does not run systemd"
fi

# ---- the pieces ----------------------------------------------------------------------------------------------------
etc=$root/etc/doxa
opt=$root/opt/doxa
unit=$root/etc/systemd/system/doxa-agent.service

number_of() { # number_of passwd|group NAME: its id in the system that we install into
    if [ -n "$root" ]; then
        { [ -r "$root/etc/$1" ] && awk -F: -v n="$2" '$1 == n { print $3 }' "$root/etc/$1"; } || true
    else
        getent "$1" "$2" | cut -d: -f3
    fi
}
owner() { # owner USER:GROUP as numbers, or as `?` where there is no such account yet
    user_id=0 group_id=0
    [ "${1%:*}" = root ] || user_id=$(number_of passwd "${1%:*}")
    [ "${1#*:}" = root ] || group_id=$(number_of group "${1#*:}")
    printf '%s:%s' "${user_id:-?}" "${group_id:-?}"
}
is_like() { # is_like PATH MODE USER:GROUP
    found=$(stat -c '%a %u:%g' "$1" 2>/dev/null) || return 1
    if [ "$(id -u)" != 0 ]; then found=${found% *} && [ "$found" = "${2#0}" ]; return; fi # a plain user owns all
    [ "$found" = "${2#0} $(owner "$3")" ]
}
dress() { # dress PATH MODE USER:GROUP
    if [ "$(id -u)" = 0 ]; then must chown "$(owner "$3")" "$1"; fi
    must chmod "$2" "$1"
}
folder() { # folder PATH MODE USER:GROUP
    if [ -d "$1" ] && is_like "$1" "$2" "$3"; then return; fi
    step "thư mục $1 ($2 $3)" "the folder $1 ($2 $3)" || return 0
    must mkdir -p "$1"
    dress "$1" "$2" "$3"
}
put() { # put SOURCE PATH MODE USER:GROUP: the file as it shall be, replaced in one moment
    if cmp -s "$1" "$2" && is_like "$2" "$3" "$4"; then return 1; fi
    step "tệp $2" "the file $2" || return 0
    must mkdir -p "$(dirname "$2")"
    must cp "$1" "$2.new"
    dress "$2.new" "$3" "$4"
    must mv -f "$2.new" "$2"
}
keep() { # keep SOURCE PATH MODE USER:GROUP: a file of the configuration, which we never overwrite unasked
    if [ -e "$2" ] && [ -z "$reconfigure" ]; then
        if ! cmp -s "$1" "$2"; then say "  giữ nguyên $2 (đổi: --reconfigure)" "  kept $2 (to change it: --reconfigure)"; fi
        if ! is_like "$2" "$3" "$4" && step "quyền của $2 ($3 $4)" "the mode of $2 ($3 $4)"; then dress "$2" "$3" "$4"; fi
        return
    fi
    if [ -e "$2" ] && [ "$3" != 0600 ] && ! cmp -s "$1" "$2" && step "giữ bản cũ: $2.old" "keep the old one: $2.old"; then
        must cp -p "$2" "$2.old"
    fi
    put "$1" "$2" "$3" "$4" || true
}
gone() { # gone PATH…: remove what is there
    for path in "$@"; do
        if [ ! -e "$path" ] && [ ! -L "$path" ]; then continue; fi
        step "xóa $path" "remove $path" || continue
        must rm -rf "$path"
    done
}
live() { [ -z "$root" ]; } # whether this is the running system, with systemd

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM

# ---- uninstall -----------------------------------------------------------------------------------------------------
confirm_purge() {
    [ -n "$yes$dry" ] && return
    if [ ! -t 0 ]; then
        die 2 "--purge xóa vĩnh viễn số liệu; khi không có bàn phím cần thêm --yes" \
            "--purge deletes measurements for ever; without a keyboard it needs --yes"
    fi
    say "Sắp xóa vĩnh viễn cấu hình và số liệu đo chưa gửi. Gõ XOA để tiếp tục:" \
        "About to delete the configuration and unsent measurements for ever. Type XOA to go on:"
    read -r answer
    [ "$answer" = XOA ] || die 1 "đã dừng, không xóa gì" "stopped; nothing was deleted"
}
remove_all() {
    [ -n "$purge" ] && confirm_purge
    if live && [ -e "$unit" ] && step "dừng dịch vụ doxa-agent" "stop the service doxa-agent"; then
        systemctl disable --now --quiet doxa-agent || true
    fi
    if [ "$(readlink "$root/usr/local/bin/doxa" 2>/dev/null)" = /opt/doxa/bin/doxa ]; then gone "$root/usr/local/bin/doxa"; fi
    gone "$unit" "$root/etc/sysctl.d/99-doxa.conf" "$root/etc/tmpfiles.d/doxa.conf" "$root/etc/sysusers.d/doxa.conf" \
        "$opt" "$root/run/doxa"
    if live && [ -n "$changed" ] && [ -z "$dry" ]; then systemctl daemon-reload; fi
    if [ -n "$purge" ]; then
        gone "$unit.d" "$etc" "$root/var/lib/doxa"
        if live && getent passwd doxa >/dev/null && step "xóa tài khoản doxa" "delete the account doxa"; then
            must userdel doxa
        fi
    fi
    if [ -z "$changed" ]; then
        say "Không có gì để gỡ." "Nothing to remove."
    elif [ -z "$purge" ]; then
        say "Giữ lại: $etc và $root/var/lib/doxa (số liệu là bằng chứng)." "Kept: $etc and $root/var/lib/doxa (evidence)."
    fi
}

# ---- install -------------------------------------------------------------------------------------------------------
find_python() {
    for python in ${PYTHON:-} python3 python3.13 python3.12 python3.11; do
        if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then return; fi
    done
    die 1 "cần Python 3.11 trở lên (Debian 12, Raspberry Pi OS bookworm trở lên)" \
        "needs Python 3.11 or later (Debian 12, Raspberry Pi OS bookworm or later)"
}
account() {
    put "$here/doxa.sysusers" "$root/etc/sysusers.d/doxa.conf" 0644 root:root || true
    if [ -n "$(number_of passwd doxa)" ]; then return; fi
    step "tài khoản hệ thống doxa" "the system account doxa" || return 0
    must systemd-sysusers --root="${root:-/}" doxa.conf
}
folders() {
    while read -r kind path mode user group _; do
        if [ "$kind" = d ]; then folder "$root$path" "$mode" "$user:$group"; fi
    done <"$here/doxa.tmpfiles"
    put "$here/doxa.tmpfiles" "$root/etc/tmpfiles.d/doxa.conf" 0644 root:root || true
}
release_name() { # changes with everything that the environment is made from
    {
        if [ -n "$wheel" ]; then cat "$wheel"; else echo "$index $release"; fi
        if [ -n "$constraints" ]; then cat "$constraints"; fi
        "$python" -c 'import platform, sys; print(sys.version_info[:2], platform.machine(), sys.prefix)'
    } | sha256sum | cut -c 1-12
}
software() {
    if [ -z "$constraints" ] && [ -r "$here/../../constraints.txt" ]; then constraints=$here/../../constraints.txt; fi
    name=release-$(release_name)
    new=$opt/$name
    if [ ! -e "$new/.complete" ]; then build; fi
    if [ "$(readlink "$opt/bin" 2>/dev/null)" != "$name/bin" ] && step "dùng bản $name" "use $name"; then
        must ln -sfn "$name/bin" "$opt/bin.new"
        must mv -T "$opt/bin.new" "$opt/bin"
        restart=1
    fi
    if [ "$(readlink "$root/usr/local/bin/doxa" 2>/dev/null)" != /opt/doxa/bin/doxa ] &&
        step "lệnh doxa trong /usr/local/bin" "the command doxa in /usr/local/bin"; then
        must mkdir -p "$root/usr/local/bin"
        must ln -sfn /opt/doxa/bin/doxa "$root/usr/local/bin/doxa"
    fi
}
build() { # a whole new environment beside the one in use, which goes on working if this fails
    step "phần mềm trong $new" "the software in $new" || return 0
    if ! "$python" -c 'import ensurepip' 2>/dev/null; then
        die 1 "thiếu gói python3-venv; hãy chạy: sudo apt-get install python3-venv" \
            "the package python3-venv is missing; run: sudo apt-get install python3-venv"
    fi
    must rm -rf "$new"
    must mkdir -p "$opt"
    must "$python" -m venv "$new"
    what=$wheel"[agent]"
    set -- --quiet --disable-pip-version-check --no-input
    if [ -n "$index" ]; then
        what="doxa[agent]==$release"
        set -- "$@" --index-url "$index"
    fi
    if [ -n "$wheelhouse" ]; then set -- "$@" --no-index --find-links "$wheelhouse"; fi
    if [ -n "$constraints" ]; then set -- "$@" --constraint "$constraints"; fi
    if ! PIP_ROOT_USER_ACTION=ignore "$new/bin/python" -m pip install "$@" "$what" >"$scratch/pip" 2>&1 ||
        ! "$new/bin/doxa" --version >>"$scratch/pip" 2>&1; then
        rm -rf "$new"
        die 1 "không cài được phần mềm ($(last "$(cat "$scratch/pip")")); hãy kiểm tra mạng, hoặc dùng --wheelhouse" \
            "the software could not be installed ($(last "$(cat "$scratch/pip")")); check the network, or use --wheelhouse"
    fi
    must sync # a power cut must not leave the mark without what it marks
    must touch "$new/.complete"
}
write_configuration() {
    folder_of=$config
    if [ -n "$site" ]; then
        folder_of=$scratch
        split_host --broker "$broker" 8883
        sed -e "s|^site = .*|site = \"$site\"|" -e "s|^agent = .*|agent = \"$agent\"|" \
            -e "s|^host = .*|host = \"$host\"|" -e "s|^port = .*|port = $port|" \
            -e "s|^username = .*|username = \"$agent\"|" -e "s|^interface = .*|interface = \"$interface\"|" \
            -e "s|^\[link\.internet\]|[link.$link]|" -e "s|^kind = .*|kind = \"$link_kind\"|" \
            "$here/agent.toml" >"$scratch/agent.toml"
        if [ -z "$ca_file" ] && [ ! -e "$etc/ca.crt" ]; then
            sed -i 's|^ca_file = |# ca_file = |' "$scratch/agent.toml"
        fi
        split_host --far-end "$far_end" 8080
        sed -e "s|^host = .*|host = \"$host\"|" -e "s|^port = .*|port = $port|" \
            -e "s|^link = .*|link = \"$link\"|" "$here/plan.toml" >"$scratch/plan.toml"
    fi
    if [ -z "$folder_of" ] && [ ! -e "$etc/agent.toml" ]; then
        die 2 "chưa có cấu hình: cần --config THƯ-MỤC, hoặc --site --agent --broker --far-end" \
            "there is no configuration yet: needs --config DIR, or --site --agent --broker --far-end"
    fi
    if [ -n "$folder_of" ]; then
        keep "$folder_of/agent.toml" "$etc/agent.toml" 0640 root:doxa
        keep "$folder_of/plan.toml" "$etc/plan.toml" 0640 root:doxa
    fi
    if [ -z "$ca_file" ] && [ -n "$config" ] && [ -e "$config/ca.crt" ]; then ca_file=$config/ca.crt; fi
    if [ -n "$ca_file" ]; then keep "$ca_file" "$etc/ca.crt" 0644 root:root; fi
    write_password
}
write_password() { # the unit loads this credential, so the file always exists; empty where certificates do the work
    if [ -z "$password_file" ] && [ -n "$config" ] && [ -e "$config/mqtt.password" ]; then
        password_file=$config/mqtt.password
    fi
    if [ -z "$password_file" ] && [ -e "$etc/mqtt.password" ]; then return; fi
    (umask 077 && : >"$scratch/password")
    if [ "$password_file" = - ]; then
        if [ ! -e "$etc/mqtt.password" ] || [ -n "$reconfigure" ]; then ask_password; else return 0; fi
    elif [ -n "$password_file" ]; then
        cat "$password_file" >"$scratch/password"
    fi
    keep "$scratch/password" "$etc/mqtt.password" 0600 root:root
}
ask_password() {
    [ -n "$dry" ] && return
    if [ -t 0 ]; then
        say "Mật khẩu MQTT của thiết bị (không hiện trên màn hình):" "The device's MQTT password (not shown):"
        stty -echo
        read -r word || word=""
        stty echo
    else
        read -r word || word=""
    fi
    [ -n "$word" ] || die 2 "mật khẩu rỗng" "the password is empty"
    printf '%s\n' "$word" >"$scratch/password" # printf is built in: nothing in the process list
}
settings_of_kernel() {
    group=$(number_of group doxa)
    lowest=${group:-0} highest=${group:-0}
    if live; then
        # Not `read`: dash reads byte by byte, and this file gives everything to the first read or nothing.
        range=$(cat /proc/sys/net/ipv4/ping_group_range)
        low=$(echo "$range" | cut -f 1) high=$(echo "$range" | cut -f 2)
        if [ "$low" -le "$high" ]; then # others may ping already: widen, never narrow
            if [ "$low" -lt "$lowest" ]; then lowest=$low; fi
            if [ "$high" -gt "$highest" ]; then highest=$high; fi
        fi
    fi
    sed "s|@GROUPS@|$lowest $highest|" "$here/doxa.sysctl" >"$scratch/sysctl"
    if put "$scratch/sysctl" "$root/etc/sysctl.d/99-doxa.conf" 0644 root:root && live && [ -z "$dry" ]; then
        must sysctl -q -p /etc/sysctl.d/99-doxa.conf
    fi
}
service() {
    if put "$here/doxa-agent.service" "$unit" 0644 root:root; then
        restart=1
        if live && [ -z "$dry" ]; then must systemctl daemon-reload; fi
    fi
    live || return 0
    if ! systemctl is-enabled --quiet doxa-agent 2>/dev/null && step "bật dịch vụ doxa-agent" "enable doxa-agent"; then
        must systemctl enable --quiet doxa-agent
    fi
    [ -n "$start" ] || return 0
    if [ -n "$restart" ] || [ -n "$changed" ] || ! systemctl is-active --quiet doxa-agent; then
        step "khởi động doxa-agent" "start doxa-agent" || return 0
        systemctl restart doxa-agent || die 1 \
            "doxa-agent không khởi động được; xem: sudo doxa agent check, journalctl -u doxa-agent -n 20" \
            "doxa-agent does not start; see: sudo doxa agent check, journalctl -u doxa-agent -n 20"
    fi
}
forget_old_releases() {
    for old in "$opt"/release-*; do
        if [ -e "$old" ] && [ "$old" != "$new" ]; then gone "$old"; fi
    done
}
install_all() {
    restart=""
    find_python
    if [ -z "$config$site" ] && [ ! -e "$etc/agent.toml" ]; then write_configuration; fi # refuses before any change
    account
    folders
    software
    write_configuration
    settings_of_kernel
    service
    forget_old_releases
    if [ -z "$changed" ]; then
        say "Không có gì thay đổi." "Nothing changed."
    elif [ -z "$dry" ]; then
        say "Đã cài $("$opt/bin/doxa" --version). Tiếp theo: sudo doxa agent check" \
            "$("$opt/bin/doxa" --version) is installed. Next: sudo doxa agent check"
    fi
}

if [ -n "$uninstall" ]; then remove_all; else install_all; fi
if [ -n "$dry" ]; then say "Chạy thử: chưa thay đổi gì." "Dry run: nothing was changed."; fi
