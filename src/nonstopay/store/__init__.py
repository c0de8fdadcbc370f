"""The database: connections, migrations, the outbox, jobs, idempotency, group commit."""
