-- Endpoints changed over the API: an answer that holds a secret is kept sealed, to be given again.
ALTER TABLE idempotency ADD COLUMN answer_sealed bytea;
