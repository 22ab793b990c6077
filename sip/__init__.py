"""The telephone: trunks, lines and their engines. Knows nothing of scripts, speech or storage."""
