"""One call: hearing, turn-taking, speaking and the record of it (通话)."""
