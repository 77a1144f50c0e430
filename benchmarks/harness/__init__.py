"""What the commands beside this folder stand on: data, ways to find, metrics, tables."""
