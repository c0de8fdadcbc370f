"""The database: our own PostgreSQL, connections, migrations, outbox, jobs, keys, group commit."""
