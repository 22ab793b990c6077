"""The simulated callee: a process of its own that answers by real SIP and plays a persona from a YAML file.

`persona` reads the file, `replies` decides when what is said (pure), `sounds` makes the sounds, `phone` handles one
call, `program` is the process.
"""
