#!/bin/sh
# Installs each release artefact of build/dist into an empty folder and starts a server with it.
set -eu
dist=$(realpath "$1")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

tar -xzf "$dist"/bellwire-*-linux-*.tar.gz
library=$(realpath bellwire-*)
cat > host.c <<'C'
#include <bellwire.h>
int main(void) {
  bw_server server;
  uint16_t port = 0;
  if (bw_server_new(NULL, &server) || bw_server_listen_tcp(server, BW_S("127.0.0.1"), 0, &port)) return 1;
  return bw_server_free(&server) != BW_OK;
}
C
flags=$(PKG_CONFIG_PATH="$library/lib/pkgconfig" pkg-config --define-variable=prefix="$library" --cflags --libs bellwire)
# shellcheck disable=SC2086 # the flags are words
cc host.c $flags "-Wl,-rpath,$library/lib" -o host
./host
echo "C library: works"

python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check --no-index "$dist"/bellwire-*.whl
python/bin/python -c "import bellwire; server = bellwire.Server(); server.listen(); server.shutdown(0)"
echo "wheel: works"

for archive in "$dist"/bellwire-*.tar.gz; do
  case $archive in *-linux-*) ;; *) tar -tzf "$archive" > sdist.txt ;; esac
done
grep -q "LICENSE-MIT" sdist.txt
grep -q "Cargo.toml" sdist.txt
echo "sdist: has its sources and licences"

npm init --yes > npm.log
npm install --silent --offline --no-audit --no-fund "$dist"/bellwire-*.tgz
node -e 'const io = new (require("bellwire").Server)(0); io.close();'
echo "npm package: works"
