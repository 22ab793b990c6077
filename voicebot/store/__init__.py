"""Tables, migrations, events and recordings (存储)."""
