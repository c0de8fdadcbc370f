-- Transactions that we send. These tables belong to the whole installation, since all merchants share the hot
-- wallet and its nonces; they are not spread.

-- A hot wallet on a network: its next nonce, and who sends for it just now.
CREATE TABLE hot_account (
    network      text NOT NULL,
    address      text NOT NULL,
    next_nonce   bigint NOT NULL CHECK (next_nonce >= 0),
    holder       text NOT NULL DEFAULT '',
    leased_until timestamptz,
    PRIMARY KEY (network, address)
);

-- An order to send coins, under its caller's key for ever. `coin` is empty for a contract's call.
CREATE TABLE coin_transaction (
    key          text PRIMARY KEY,
    merchant_id  bigint NOT NULL,
    network      text NOT NULL,
    coin         text NOT NULL,
    exponent     smallint NOT NULL,
    amount       numeric(78) NOT NULL CHECK (amount >= 0),
    address      text NOT NULL,
    data         bytea NOT NULL,
    state        text NOT NULL,
    version      integer NOT NULL DEFAULT 0,
    sender       text,
    nonce        bigint,
    tx_hash      text,
    block_hash   text,
    block_number bigint,
    problem      text,
    counted_on   date NOT NULL,
    not_before   timestamptz NOT NULL,
    asked_at     timestamptz NOT NULL,
    state_at     timestamptz NOT NULL,
    UNIQUE (network, sender, nonce),
    CHECK ((nonce IS NULL) = (sender IS NULL)),
    CHECK ((nonce IS NULL) = (state IN ('asked', 'refused')))
);
CREATE INDEX coin_transaction_open ON coin_transaction (network)
    WHERE state NOT IN ('confirmed', 'failed', 'refused');

-- The signed bytes, before any node has them. A nonce has several where fees were raised.
CREATE TABLE signed_transaction (
    network   text NOT NULL,
    sender    text NOT NULL,
    nonce     bigint NOT NULL,
    number    smallint NOT NULL CHECK (number > 0),
    hash      text NOT NULL,
    raw       bytea NOT NULL,
    max_fee   numeric(78) NOT NULL,
    tip       numeric(78) NOT NULL,
    signed_at timestamptz NOT NULL,
    bump_at   timestamptz NOT NULL,
    sent_at   timestamptz,
    PRIMARY KEY (network, sender, nonce, number),
    UNIQUE (network, hash)
);

-- What was ordered of a coin on a day, UTC: the limit is a condition on it.
CREATE TABLE hot_day (
    network text NOT NULL,
    coin    text NOT NULL,
    day     date NOT NULL,
    units   numeric(78) NOT NULL CHECK (units >= 0),
    PRIMARY KEY (network, coin, day)
);

-- Whom we were asked to pay, since when.
CREATE TABLE hot_receiver (
    network  text NOT NULL,
    address  text NOT NULL,
    since    timestamptz NOT NULL,
    PRIMARY KEY (network, address)
);

-- What the hot wallet held when we last looked.
CREATE TABLE hot_balance (
    network   text NOT NULL,
    coin      text NOT NULL,
    address   text NOT NULL,
    exponent  smallint NOT NULL,
    units     numeric(78) NOT NULL,
    is_low    boolean NOT NULL,
    looked_at timestamptz NOT NULL,
    PRIMARY KEY (network, coin)
);

REVOKE DELETE, TRUNCATE ON coin_transaction, signed_transaction, hot_account FROM CURRENT_USER;
