-- The vault: card numbers, sealed. There is no column for a card's code, and there will be none.

-- Every key that ever sealed something, by its name, and a value by which another key under the same
-- name is noticed. The keys themselves are not in the database.
CREATE TABLE vault_key (
    id            text PRIMARY KEY,
    check_value   bytea NOT NULL,
    first_seen_at timestamptz NOT NULL
);

-- The key of the fingerprints, sealed: it outlives those that seal it.
CREATE TABLE vault_fingerprint_key (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    key_id text NOT NULL,
    sealed bytea NOT NULL
);

CREATE SEQUENCE vault_card_id;

-- One row a card of a merchant. In clear only what may be shown: at most six digits and four.
CREATE TABLE vault_card (
    merchant_id   bigint NOT NULL,
    id            bigint NOT NULL,
    fingerprint   bytea NOT NULL,
    first6        text NOT NULL CHECK (length(first6) <= 6),
    last4         text NOT NULL CHECK (length(last4) = 4),
    brand         text NOT NULL,
    expiry_month  smallint NOT NULL CHECK (expiry_month BETWEEN 1 AND 12),
    expiry_year   smallint NOT NULL CHECK (expiry_year BETWEEN 2000 AND 2199),
    key_id        text NOT NULL,
    number_sealed bytea NOT NULL,
    holder_sealed bytea NOT NULL,
    kept_at       timestamptz NOT NULL,
    used_at       timestamptz NOT NULL,
    PRIMARY KEY (merchant_id, id),
    UNIQUE (merchant_id, fingerprint)
);
CREATE INDEX vault_card_by_key ON vault_card (key_id, merchant_id, id);
CREATE INDEX vault_card_by_use ON vault_card (used_at);
