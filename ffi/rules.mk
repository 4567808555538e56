# The documentation of the C header and the C++ face, in build/docs/c/html. A warning is an error.

.PHONY: docs docs-c
docs check: docs-c
docs-c:
	command -v doxygen >/dev/null || { \
	  if [ "$$(id -u)" != 0 ]; then echo "please install: doxygen" >&2; exit 1; fi; \
	  apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq -y install --no-install-recommends doxygen; }
	mkdir -p build/docs/c
	doxygen ffi/Doxyfile
