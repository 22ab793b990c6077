"""The voice: text in, PCM out. Knows nothing of calls or scripts."""
