#!/usr/bin/env bash
# githubkit 0.16.1 with hishel 2.0.0: the newest version that its requirement allows is one with which it cannot be imported.
#
# Expected: what the resolver takes works. Seen: `hishel<=2.0.0` is what githubkit asks for, and hishel 2.0.0 has no
# `CachePolicy`. Pin hishel below 2 beside it.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/python -m pip install --quiet --disable-pip-version-check 'githubkit==0.16.1' 'hishel[async,httpx]==2.0.0'
cat > probe.py <<'PY'
import importlib.metadata

for name in ("githubkit", "hishel"):
    print(name, importlib.metadata.version(name))
print(*(each for each in importlib.metadata.requires("githubkit") if each.startswith("hishel")), flush=True)
try:
    import githubkit
except ImportError as error:
    print(str(error).partition(" (")[0])
PY
venv/bin/python probe.py | tee seen
diff - seen <<'SEEN'
githubkit 0.16.1
hishel 2.0.0
hishel[async,httpx]>=1.3.0,<=2.0.0
cannot import name 'CachePolicy' from 'hishel'
SEEN
echo "Still so."
