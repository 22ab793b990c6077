"""What Alembic runs; started by `voicebot.store.migration` only, which hands it a connection in a transaction."""

from alembic import context

from voicebot.store.campaign_tables import campaigns

# Alembic itself puts `config` into `context`: there is no alembic.ini, and no way to run without our connection.
context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=campaigns.metadata,
    # SQLite's DDL is transactional once the driver no longer commits by itself (see engine.py): all or nothing.
    transactional_ddl=True,
    # SQLite cannot alter most things in place.
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
