"""The database: a PostgreSQL of our own, connections, migrations, outbox, jobs, group commit."""
