"""`voicebot bench campaign`: what a list of a million costs, from its import to an attempt of its dispatch."""
