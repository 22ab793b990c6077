"""The script: YAML, checked, advanced by a pure function (话术)."""
