"""Making the embedded acoustic model from synthetic speech. Nothing of this is imported at run time."""
