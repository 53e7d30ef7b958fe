#!/bin/sh
# Installs satseek from an archive of `satseek bundle make`, on a machine that no network leads out
# of. Every byte is checked before anything of it is used; nothing is in place before all of it is.
set -eu
umask 022
LC_ALL=C
export LC_ALL

usage() {
    cat <<'END'
usage: sh install.sh [ARCHIVE.tar | FOLDER] (--key PUBLIC.pub | --unsigned) [options]
       sh install.sh --rollback [--prefix DIR] [--systemd]

Installs satseek from an archive, or from the folder that one was unpacked to (unset: the one that
this script lies in), into PREFIX/VERSION-DIGEST, and lets PREFIX/current point there.

  --key FILE         public key of who made the archive, which came by another way
  --fingerprint HEX  what the key's fingerprint has to be, as it was told over the telephone
  --unsigned         ask for no signature: hold the files against the archive's own sums alone
  --prefix DIR       where to install [/opt/satseek for root, ~/.local/satseek for others]
  --python PYTHON    the Python to run with [the first on the PATH of the version that is needed]
  --data-dir DIR     data folder that the archive's models are stored in [they are only copied]
  --no-compile       leave out compiled Python: less room, a slower first start
  --systemd          write the units of systemd, too; with --rollback those of before (root alone)
  --units DIR        where they are written [/etc/systemd/system]
  --verify-only      check, install nothing
  --rollback         point PREFIX/current at what was installed before; again: back

Exit codes: 0 done, 1 failure, 2 makes no sense, 3 something is missing on this machine,
5 another installation is at work, 6 damaged or not signed as asked, 8 no room.
END
}

say() { printf '%s\n' "$*" >&2; }
die() {
    code=$1
    shift
    say "install.sh: $*"
    exit "$code"
}
needs() { command -v "$1" >/dev/null 2>&1 || die 3 "$1 is missing on this machine: it is needed to $2"; }
word() { [ "$2" -ge 2 ] || die 2 "$1: expected a word behind it"; }

source='' prefix='' python='' key='' fingerprint='' data='' units=/etc/systemd/system
unsigned='' verify_only='' rollback='' systemd='' no_compile=''
while [ $# -gt 0 ]; do
    case $1 in
    --key) word "$1" $# && key=$2 && shift ;;
    --fingerprint) word "$1" $# && fingerprint=$2 && shift ;;
    --prefix) word "$1" $# && prefix=$2 && shift ;;
    --python) word "$1" $# && python=$2 && shift ;;
    --data-dir) word "$1" $# && data=$2 && shift ;;
    --units) word "$1" $# && units=$2 && shift ;;
    --unsigned) unsigned=yes ;;
    --verify-only) verify_only=yes ;;
    --rollback) rollback=yes ;;
    --systemd) systemd=yes ;;
    --no-compile) no_compile=--no-compile ;;
    -h | --help) usage && exit 0 ;;
    -*) die 2 "$1: no such option; --help lists them" ;;
    *) [ -z "$source" ] || die 2 "expected one archive, got $source and $1" && source=$1 ;;
    esac
    shift
done
# To tar a name with a colon is another machine's, to openssl it is no file, unless a slash is before.
case $source in '' | /*) ;; *) source=./$source ;; esac
case $key in '' | /*) ;; *) key=./$key ;; esac
if [ -z "$prefix" ]; then
    if [ "$(id -u)" = 0 ]; then prefix=/opt/satseek; else prefix=${HOME:?}/.local/satseek; fi
fi
case $prefix in
/*) ;;
*) prefix=$PWD/$prefix ;;
esac
case $prefix in
*[!A-Za-z0-9._/+@-]*) die 2 "--prefix: expected letters, digits and ._/+@-, got $prefix" ;;
esac
[ -z "$systemd" ] || [ "$(id -u)" = 0 ] || die 2 "--systemd: expected root"

staging='' unfinished='' locked=''
tidy() {
    if [ -n "$staging" ]; then rm -rf -- "$staging"; fi
    if [ -n "$unfinished" ]; then rm -rf -- "$unfinished"; fi
}
trap tidy EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# A name that points elsewhere from one moment to the next: it is never missing.
point() {
    ln -sfn -- "$2" "$1.new.$$" && { mv -T -- "$1.new.$$" "$1" 2>/dev/null || {
        rm -f -- "$1.new.$$"
        die 1 "$1: could not be made to point at $2"
    }; }
}

alone() {
    [ -z "$locked" ] || return 0
    mkdir -p -- "$prefix" || die 1 "$prefix: cannot be made; choose another one with --prefix"
    [ -w "$prefix" ] || die 1 "$prefix: cannot be written to; choose another one with --prefix"
    needs flock "keep two installations apart (package util-linux)"
    exec 9>"$prefix/.lock"
    flock -n 9 || die 5 "$prefix: another installation is at work"
    locked=yes
    # what those have left that were killed
    rm -rf -- "$prefix"/.unpacking.*
    rm -f -- "$prefix"/current.new.* "$prefix"/previous.new.* "$prefix"/bin/satseek.new.*
}

kib() { du -sk -- "$1" | cut -f1; }
has_room() { # has_room FOLDER KIB
    free=$(df -Pk "$1" | awk 'NR == 2 {print $4}')
    [ "$free" -gt "$2" ] || die 8 "$1: expected $2 KiB free on its disk, found $free"
}

write_units() { # write_units RELEASE
    [ -n "$systemd" ] || return 0
    for one in "$1"/bundle/deploy/systemd/*.service; do
        [ -e "$one" ] || die 3 "$1: expected units of systemd in it, found none"
        sed "s|/opt/satseek|$prefix|g" "$one" >"$units/.${one##*/}.new"
        mv -- "$units/.${one##*/}.new" "$units/${one##*/}"
        say "wrote $units/${one##*/}"
    done
    if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
}

go_back() {
    alone
    before=$(readlink "$prefix/previous" || true)
    now=$(readlink "$prefix/current" || true)
    if [ -z "$before" ] || [ ! -e "$prefix/$before/.complete" ]; then
        die 3 "$prefix: nothing was installed before ${now:-this} that is still there"
    fi
    [ "$before" != "$now" ] ||
        die 3 "$prefix: $now is current and previous alike, as after going back that was cut short;" \
            "an archive of the other release goes forward again"
    write_units "$prefix/$before"
    # in this order: whoever is killed in between has gone back
    point "$prefix/current" "$before"
    [ -z "$now" ] || point "$prefix/previous" "$now"
    say "$prefix/current is $before again; it was $now. Restart what runs."
    exit 0
}
[ -z "$rollback" ] || go_back

[ -n "$source" ] || source=$(dirname -- "$0")
if [ -n "$key" ] && [ -n "$unsigned" ]; then die 2 "expected --key or --unsigned, got both"; fi
if [ -z "$key" ] && [ -z "$unsigned" ]; then
    die 2 "expected --key with the public key of who made the archive, which came by another way," \
        "or --unsigned to hold the files against the archive's own sums alone"
fi
if [ -n "$fingerprint" ] && [ -z "$key" ]; then die 2 "--fingerprint: expected --key as well"; fi
needs sha256sum "check every file (package coreutils)"

# An archive holds plain files below one folder, and nothing else; anything else is not unpacked.
unpack() {
    needs tar "unpack the archive"
    if [ -n "$verify_only" ]; then
        staging=$(mktemp -d "${TMPDIR:-/tmp}/satseek-verify.XXXXXX")
    else
        alone
        staging=$(mktemp -d "$prefix/.unpacking.XXXXXX")
    fi
    has_room "$staging" $(($(wc -c <"$1") / 1024))
    tar -tf "$1" >"$staging/names" 2>/dev/null ||
        die 6 "$1: truncated or no archive; copy it again"
    tar -tvf "$1" | cut -c1 | sort -u >"$staging/kinds"
    [ "$(cat "$staging/kinds")" = - ] || die 6 "$1: expected nothing but plain files in it"
    if grep -Eqv '^[A-Za-z0-9._+@-]+(/[A-Za-z0-9._+@-]+)+$' "$staging/names" ||
        grep -Eq '(^|/)\.\.(/|$)' "$staging/names"; then
        die 6 "$1: expected plain names in it, none that leads elsewhere"
    fi
    [ -z "$(sort "$staging/names" | uniq -d)" ] || die 6 "$1: expected every name once"
    top=$(cut -d/ -f1 "$staging/names" | sort -u)
    [ "$(printf '%s\n' "$top" | wc -l)" = 1 ] || die 6 "$1: expected one folder in it"
    mkdir "$staging/in"
    tar -xof "$1" -C "$staging/in" || die 6 "$1: could not be unpacked; copy it again"
    folder=$staging/in/$top
}

# Whether nobody but root can put something else there between the check of a folder and its use.
is_root_s() {
    [ -z "$(find "$1" \( ! -user 0 -o -perm -020 -o -perm -002 \) | head -n 1)" ] || return 1
    above=$1
    while [ "$above" != / ]; do
        above=$(dirname -- "$above")
        # where the sticky bit is set, as on /tmp, others cannot rename what is root's
        [ -z "$(find "$above" -prune \( ! -user 0 -o \
            \( -perm -020 -o -perm -002 \) ! -perm -1000 \))" ] || return 1
    done
}

copy() {
    alone
    staging=$(mktemp -d "$prefix/.unpacking.XXXXXX")
    has_room "$staging" "$(kib "$folder")"
    say "$folder: others than root can write there; a copy is checked and installed"
    cp -RP -- "$folder" "$staging/in" || die 1 "$folder: could not be copied"
    folder=$staging/in
}

check_signature() {
    needs openssl "check the signature; version 3.0 or later"
    # what is older has no command that checks Ed25519
    case $(openssl pkeyutl -help 2>&1) in
    *-rawin*) ;;
    *) die 3 "openssl 3.0 or later is needed to check the signature, found $(openssl version)." \
        "Elsewhere: 'satseek bundle verify ARCHIVE --key …' where satseek is installed; then compare" \
        "the sha256sum of the archive there with the one here, and install it with --unsigned" ;;
    esac
    [ -f "$key" ] || die 3 "$key: expected a public key's file, found none"
    openssl pkey -pubin -in "$key" -noout 2>/dev/null || die 6 "$key: expected a public key in PEM"
    # the digest of the key itself, not of its file
    found=$(openssl pkey -pubin -in "$key" -outform DER | sha256sum | cut -d' ' -f1)
    if [ -n "$fingerprint" ] &&
        [ "$found" != "$(printf '%s' "$fingerprint" | tr -d ' :' | tr 'A-F' 'a-f')" ]; then
        die 6 "$key: its fingerprint is $found, expected $fingerprint"
    fi
    [ -f "$folder/SHA256SUMS.sig" ] || die 6 "$source: expected a signature, found none"
    openssl pkeyutl -verify -pubin -inkey "$key" -rawin -in "$folder/SHA256SUMS" \
        -sigfile "$folder/SHA256SUMS.sig" >/dev/null 2>&1 ||
        die 6 "$source: the signature is not that of $key; nothing of it was used"
    say "signed by $found"
}

# The sums name every file, once, by a plain name; every file is one that the sums name.
check_files() {
    sums=$folder/SHA256SUMS
    [ -f "$sums" ] || die 6 "$source: expected SHA256SUMS in it, found none"
    ! grep -Eqv '^[0-9a-f]{64}  [A-Za-z0-9_+@-][A-Za-z0-9._+@/-]*$' "$sums" ||
        die 6 "$source: SHA256SUMS has a line that is none"
    ! grep -Eq '(  |/)\.\.(/|$)' "$sums" || die 6 "$source: SHA256SUMS names what lies elsewhere"
    [ -z "$(cut -c67- "$sums" | sort | uniq -d)" ] || die 6 "$source: SHA256SUMS names a file twice"
    [ -z "$(find "$folder" ! -type f ! -type d)" ] || die 6 "$source: expected no links in it"
    extra=$( (cd "$folder" && find . -type f | cut -c3- | grep -Evx 'SHA256SUMS(\.sig)?' | sort) |
        awk 'NR == FNR {known[substr($0, 67)]; next} !($0 in known)' "$sums" -)
    [ -z "$extra" ] || die 6 "$source: expected no file that SHA256SUMS lacks, found $(first "$extra")"
    wrong=$(cd "$folder" && sha256sum -c --quiet --strict SHA256SUMS 2>/dev/null) ||
        die 6 "$source: altered or missing: $(first "$wrong")"
    say "$(wc -l <"$sums") files are what they were when the archive was made"
}
first() { printf '%s\n' "$1" | head -n 1; }

if [ -d "$source" ]; then
    folder=$(cd -- "$source" && pwd -P)
    [ -n "$verify_only" ] || [ "$(id -u)" != 0 ] || is_root_s "$folder" || copy
elif [ -f "$source" ]; then
    unpack "$source"
else
    die 3 "$source: expected an archive or the folder of one, found none"
fi
[ -f "$folder/SHA256SUMS" ] || die 6 "$source: expected SHA256SUMS in it, found none"
[ -n "$unsigned" ] || check_signature
check_files
if [ -n "$unsigned" ]; then say "whose archive it is was not asked (--unsigned)"; fi

# One line of bundle.json, as it is written: no word of it is run.
about() { sed -n "s/^  \"$1\": \"\\([A-Za-z0-9._+]*\\)\",\$/\\1/p" "$folder/bundle.json"; }
version=$(about version)
wanted_python=$(about python)
machine=$(about machine)
glibc=$(about glibc)
if [ -z "$version" ] || [ -z "$wanted_python" ] || [ -z "$machine" ] || [ -z "$glibc" ]; then
    die 6 "$source: bundle.json does not say what it is; a later install.sh may read it"
fi
digest=$(sha256sum <"$folder/SHA256SUMS" | cut -c1-8)
release=$version-$digest
[ -z "$verify_only" ] || {
    say "satseek $version for Python $wanted_python on $machine: sound; nothing was installed"
    exit 0
}

[ "$(uname -s)-$(uname -m)" = "Linux-$machine" ] ||
    die 2 "the archive is for Linux on $machine, this is $(uname -s) on $(uname -m)"
if [ -z "$python" ]; then
    for one in "python$wanted_python" python3 python; do
        if [ "$("$one" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)" = \
            "$wanted_python" ]; then
            python=$one
            break
        fi
    done
fi
[ -n "$python" ] ||
    die 3 "Python $wanted_python is missing on this machine: install it, or name it with --python"
"$python" -I - "$wanted_python" "$glibc" <<'END' || die 2 "$python does not fit the archive"
import platform, sys
wanted, oldest = sys.argv[1:]
here = "%d.%d" % sys.version_info[:2]
libc, version = platform.libc_ver()
if here != wanted:
    sys.exit("install.sh: expected Python %s, got %s" % (wanted, here))
if libc != "glibc" or [int(one) for one in version.split(".")] < [int(one) for one in oldest.split(".")]:
    sys.exit("install.sh: expected glibc %s or later, got %s %s" % (oldest, libc or "none", version))
END

alone
target=$prefix/$release
if [ -e "$target/.complete" ]; then
    say "$target is there already"
else
    rm -rf -- "$target" # what an installation that was killed has left
    # wheels are compressed to about a third, and then compiled; images stay where they are
    wheels=$(kib "$folder/wheels")
    rest=$(($(kib "$folder") - wheels))
    [ ! -d "$folder/images" ] || rest=$((rest - $(kib "$folder/images")))
    has_room "$prefix" $((wheels * 4 + rest))
    unfinished=$target
    mkdir -- "$target"
    say "installing satseek $version into $target"
    "$python" -I -m venv --without-pip "$target/venv"
    set -- "$folder"/installer/pip-*.whl
    pip=$1/pip # runs as it lies there; nothing is missing, as `satseek bundle make` made sure
    # shellcheck disable=SC2086 # one word or none
    PIP_CONFIG_FILE=/dev/null "$target/venv/bin/python" -I "$pip" --isolated \
        install --quiet --disable-pip-version-check --no-input --no-cache-dir --no-index --no-deps \
        $no_compile "$folder"/wheels/*.whl ||
        die 1 "installing failed; $prefix/current is as it was"
    mkdir "$target/bundle"
    for one in "$folder"/*; do
        case ${one##*/} in
        wheels | installer | images) ;; # what was installed, and what belongs in a registry
        *) cp -R -- "$one" "$target/bundle/" ;;
        esac
    done
    said=$("$target/venv/bin/satseek" --version)
    [ "$said" = "satseek $version" ] || die 1 "expected satseek $version, got $said"
fi
if [ -n "$data" ]; then
    for one in "$target"/bundle/models/*.bundle; do
        [ ! -e "$one" ] ||
            "$target/venv/bin/satseek" --data-dir "$data" model import-bundle "$one" >&2
    done
fi
write_units "$target"
sync
: >"$target/.complete"
unfinished=''
now=$(readlink "$prefix/current" || true)
if [ "$now" != "$release" ]; then
    [ -z "$now" ] || point "$prefix/previous" "$now"
    point "$prefix/current" "$release"
fi
mkdir -p "$prefix/bin"
point "$prefix/bin/satseek" ../current/venv/bin/satseek
say "satseek $version: $prefix/bin/satseek${now:+; before it was $now, to which --rollback goes back}"
