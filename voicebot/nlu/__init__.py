"""Understanding: text in, intents and slots out (语义理解)."""
