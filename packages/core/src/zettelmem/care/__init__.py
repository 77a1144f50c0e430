"""What is done for a memory while nobody waits: merging, insight, fading. Each change can be undone."""
