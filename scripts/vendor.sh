#!/bin/sh
# Refreshes the graph library that the page of `zettelmem-mcp view` ships with. Needs npm, and checks what
# it fetched. To move to another version: change VERSION, run it, and write the new sums down here.
set -eu
VERSION=3.35.0
ARCHIVE=058a81a7534777ea68dc737e9b77bd5b701e00acd9bee246245a576eeeac32e6
FILE=71fa9ebec21a7ca2c40cff6aacc30d1f6464e363662ad4b2c197e1adc770cd94

page=$(cd "$(dirname "$0")/.." && pwd)/packages/mcp-server/src/zettelmem_mcp/page
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm pack --silent "cytoscape@$VERSION"
echo "$ARCHIVE  cytoscape-$VERSION.tgz" | sha256sum -c -
tar xzf "cytoscape-$VERSION.tgz" package/dist/cytoscape.min.js package/LICENSE
echo "$FILE  package/dist/cytoscape.min.js" | sha256sum -c -
cp package/dist/cytoscape.min.js "$page/cytoscape.min.js"
cp package/LICENSE "$page/cytoscape.LICENSE"
