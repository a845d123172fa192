#!/bin/sh
# The browser that the tests of the web page drive: Debian's own. Says what is missing; fails where CI would have no browser.
set -u
if command -v chromium >/dev/null 2>&1; then
  exit 0
fi
if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
  echo "installing Debian's chromium" >&2
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null
fi
if command -v chromium >/dev/null 2>&1; then
  exit 0
fi
echo "no Chromium: the walks through the web page cannot run (install the package chromium)" >&2
[ "${CI:-}" = true ] && exit 1
exit 0
