#!/usr/bin/env bash
# Makes the pictures of docs/images again, with no window: the bundled model is compiled and painted headlessly.
# HARDWIRE_PROFILE is the profile to build with: dev unless given.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
profile=${HARDWIRE_PROFILE:-dev}
cargo build -q --profile "$profile" -p hardwire -p hardwire-viewer
hardwire=$(realpath "${CARGO_TARGET_DIR:-target}")/${profile/#dev/debug}/hardwire
images=$PWD/docs/images
mkdir -p "$images"
cd "$work"
"$hardwire" compile tales -q -o tales.chip
# The same model with its weights rounded anew to four bits: another set of vias on the same die.
"$hardwire" compile tales -q --bits 4 --group 32 -o other.chip
shot() {
  local name=$1
  shift
  "$hardwire" view tales.chip --size 1080x690 --screenshot "$images/$name.png" "$@"
}
shot die
shot unit --goto layers.1.mlp.up_proj
shot tile --goto 'layers.1.mlp.down_proj/tile[0,0]' --light
shot weight --goto 'layers.1.mlp.down_proj[7,30]'
shot heat --heat power --light
shot diff --against other.chip
shot live --prompt 'Once upon a time' --at 101.3
