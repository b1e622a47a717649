#!/usr/bin/env bash
# Makes the pictures of docs/images again, with no window: the bundled model is compiled and painted headlessly.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
profile=(${HARDWIRE_PROFILE:+--profile "$HARDWIRE_PROFILE"})
cargo build -q "${profile[@]}" -p hardwire -p hardwire-viewer
hardwire=${CARGO_TARGET_DIR:-target}/${HARDWIRE_PROFILE:-debug}/hardwire
"$hardwire" compile tales -o "$work/tales.chip"
# The same model with its weights rounded anew to four bits: another set of vias on the same die.
"$hardwire" compile tales --bits 4 --group 32 -o "$work/other.chip"
shot() {
  local name=$1
  shift
  "$hardwire" view "$work/tales.chip" --size 1080x690 --screenshot "docs/images/$name.png" "$@"
}
mkdir -p docs/images
shot die
shot unit --goto layers.1.mlp.up_proj
shot tile --goto 'layers.1.mlp.down_proj/tile[0,0]' --light
shot weight --goto 'layers.1.mlp.down_proj[7,30]'
shot heat --heat power --light
shot diff --against "$work/other.chip"
shot live --prompt 'Once upon a time' --at 101.3
