#!/bin/sh
# Builds the documentation as a site of files below the folder given: the pages of docs/Toro.docc and the comments of the libraries,
# by DocC, which comes with Swift. Any web server shows it: `python3 -m http.server -d FOLDER`.
set -eu
cd "$(dirname "$0")/.."
out=$1
work=.build/docc
modules="Toro ToroNet ToroHTTP ToroInspector"
rm -rf "$work" "$out"
mkdir -p "$work" "$(dirname "$out")"

docc=$(dirname "$(readlink -f "$(command -v swift)")")/docc
[ -x "$docc" ] || docc=$(command -v docc)

swift build --traits TLS,HTTP,Logging,Metrics,ServiceLifecycle --target ToroInspector
built=$(swift build --show-bin-path)
archives=
dependencies=
for module in $modules; do
  graphs=$work/$module
  mkdir -p "$graphs"
  swift symbolgraph-extract -module-name "$module" -minimum-access-level public -output-dir "$graphs" \
    -target "$(uname -m)-unknown-linux-gnu" -I "$built/Modules" -I CLibevent -I COpenSSL -I Sources/CToroShims/include \
    -Xcc -fmodule-map-file="$built/CToroShims.build/module.modulemap"
  catalog=
  if [ "$module" = Toro ]; then
    catalog=$work/Toro.docc
    cp -r docs/Toro.docc "$catalog"
    # The other pages too, whose links lead to one another, or out of the site.
    for page in Guide Networking HTTP C Internals Performance Reliability; do
      sed -E -e '/^<!-- .* -->$/d' -e 's#\(performance/#(#g' -e 's#\[([^]]*)\]\(\.\./[^)]*\)#\1#g' \
        -e 's#\[[^]]*\]\((Toro\.docc/)?([A-Za-z]+)\.md(\#[^)]*)?\)#<doc:\2>#g' "docs/$page.md" >"$catalog/$page.md"
    done
    cp docs/performance/*.svg "$catalog"
  fi
  # shellcheck disable=SC2086
  "$docc" convert $catalog --additional-symbol-graph-dir "$graphs" --output-dir "$work/$module.doccarchive" \
    --fallback-display-name "$module" --fallback-bundle-identifier "$module" --transform-for-static-hosting \
    --diagnostics-file "$work/$module.diagnostics" \
    --enable-experimental-external-link-support $dependencies >"$work/$module.log" 2>&1 || {
    cat "$work/$module.log"
    exit 1
  }
  archives="$archives $work/$module.doccarchive"
  dependencies="$dependencies --dependency $work/$module.doccarchive"
done
scripts/check-comments.py "$work"
# shellcheck disable=SC2086
"$docc" merge $archives --output-path "$out" --synthesized-landing-page-name "Toro's libraries"
# The site asks for it, and would have an error on the console where there is none.
echo '{}' >"$out/theme-settings.json"
echo "python3 -m http.server -d $out    shows it at http://127.0.0.1:8000/documentation/"
