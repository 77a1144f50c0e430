"""What the rules know of words, times and secrets. Pure."""
