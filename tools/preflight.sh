#!/bin/sh
# Says in one sentence what is missing before `make setup` fails in a hundred lines of somebody else's words.
python="$1"

if ! command -v "$python" >/dev/null 2>&1; then
    echo "There is no $python on this machine: install Python 3.11 or newer (Debian: apt-get install python3 python3-venv)." >&2
    exit 1
fi
if ! "$python" -c 'import sys; raise SystemExit(sys.version_info < (3, 11))'; then
    echo "$("$python" --version) is too old: manifest-release-bot needs Python 3.11 or newer (try make PYTHON=python3.12)." >&2
    exit 1
fi
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    echo "$python cannot make virtual environments: install its venv package (Debian: apt-get install python3-venv)." >&2
    exit 1
fi
if ! command -v git >/dev/null 2>&1; then
    echo "There is no git on this machine: install git 2.38 or newer (Debian: apt-get install git)." >&2
    exit 1
fi
version=$(git version | sed 's/[^0-9]*\([0-9]*\)\.\([0-9]*\).*/\1 \2/')
if [ "${version% *}" -lt 2 ] || { [ "${version% *}" -eq 2 ] && [ "${version#* }" -lt 38 ]; }; then
    echo "$(git version) is too old: git 2.38 or newer is needed." >&2
    exit 1
fi
