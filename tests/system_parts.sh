#!/bin/sh
# System packages that some tests need. Installed where this may be done (root on Debian); elsewhere the tests that need
# them are skipped by name, and with CI=true that is a failure.
set -u
missing=""
have() { command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ]; }
have sshd || missing="$missing openssh-server"
have ssh || missing="$missing openssh-client"
have ip || missing="$missing iproute2"
have adb || missing="$missing adb"
have unshare || missing="$missing util-linux"
have dropbear || missing="$missing dropbear-bin"
have busybox || missing="$missing busybox-static"
have qemu-aarch64-static || missing="$missing qemu-user-static"
have sudo || missing="$missing sudo"
have chromium || missing="$missing chromium"
servers=""
for server in prometheus prometheus-alertmanager victoria-metrics; do
    have "$server" || servers="$servers $server"
done
missing="$missing$servers"
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing="$missing postgresql"
[ -z "$missing" ] && exit 0
if [ "$(id -u)" = 0 ] && have apt-get; then
    echo "installing for the tests:$missing"
    # Tests start servers of their own: the packages' services, which listen on every address, stay off.
    for server in $servers; do
        [ -d /etc/systemd/system ] && ln -sn /dev/null "/etc/systemd/system/$server.service" 2>/dev/null
    done
    # shellcheck disable=SC2086
    (apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing) >/dev/null ||
        echo "could not install:$missing (the tests that need them will say so)"
else
    echo "for all tests install:$missing"
fi
