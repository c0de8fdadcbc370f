-- Settlement: what merchants agreed to, batches and their lines, the reserve, wallets and their proofs.

---------------------------------------------------------------------------------------- merchants

-- Fees by method ('*': any), in tiers: a row holds from the volume `above` on, in units of the invoice's
-- currency. A merchant without a row pays what stands in his own.
CREATE TABLE merchant_fee (
    merchant_id bigint NOT NULL REFERENCES merchant,
    method      text NOT NULL,
    above       numeric(20, 4) NOT NULL CHECK (above >= 0),
    percent     numeric(7, 4) NOT NULL CHECK (percent BETWEEN 0 AND 100),
    fixed       numeric(12, 4) NOT NULL CHECK (fixed >= 0),
    minimum     numeric(12, 4) NOT NULL CHECK (minimum >= 0),
    PRIMARY KEY (merchant_id, method, above)
);

-- What was captured for a merchant in the month that was counted last, in units of each currency.
CREATE TABLE merchant_volume (
    merchant_id bigint NOT NULL REFERENCES merchant,
    currency    text NOT NULL,
    month       date NOT NULL,
    volume      numeric(40, 4) NOT NULL CHECK (volume >= 0),
    PRIMARY KEY (merchant_id, currency)
);

-- What was agreed with a merchant; without a row the defaults of `settlement/terms.py` hold.
CREATE TABLE settlement_terms (
    merchant_id     bigint PRIMARY KEY REFERENCES merchant,
    cadence         text NOT NULL CHECK (cadence IN ('each_payment', 'hourly', 'daily', 'threshold')),
    threshold       numeric(20, 4) NOT NULL CHECK (threshold >= 0),
    reserve_percent numeric(7, 4) NOT NULL CHECK (reserve_percent >= 0 AND reserve_percent < 100),
    reserve_days    integer NOT NULL CHECK (reserve_days >= 0),
    fx_percent      numeric(7, 4) NOT NULL CHECK (fx_percent >= 0 AND fx_percent < 100),
    partner         text,
    partner_percent numeric(7, 4) NOT NULL CHECK (partner_percent BETWEEN 0 AND 100)
);

----------------------------------------------------------------------------------------- invoices

-- The transfer that settled an invoice, and what the invoice was worth in the coin.
ALTER TABLE invoice
    ADD tx_hash          text,
    ADD settled_minor    numeric(40),
    ADD settled_coin     text,
    ADD settled_exponent smallint;
-- What waits for settlement, merchant by merchant.
CREATE INDEX invoice_awaiting ON invoice (merchant_id, paid_at) WHERE state = 'awaiting_approval';

------------------------------------------------------------------------------------------ batches

CREATE SEQUENCE settlement_batch_id;

-- One transfer to one wallet. `attempt` numbers what the sender was asked under; a new number follows a
-- refusal only. `root` is the digest of the statement.
CREATE TABLE settlement_batch (
    merchant_id bigint NOT NULL,
    id          bigint NOT NULL,
    state       text NOT NULL,
    version     integer NOT NULL,
    network     text NOT NULL,
    coin        text NOT NULL,
    exponent    smallint NOT NULL,
    amount      numeric(40) NOT NULL CHECK (amount > 0),
    address     text NOT NULL,
    attempt     integer NOT NULL DEFAULT 0,
    tx_hash     text,
    refusal     text,
    root        bytea NOT NULL,
    closed_at   timestamptz NOT NULL,
    state_at    timestamptz NOT NULL,
    PRIMARY KEY (merchant_id, id),
    CHECK (state <> 'paid' OR tx_hash IS NOT NULL)
);
CREATE INDEX settlement_batch_by_age ON settlement_batch (merchant_id, closed_at);

-- A batch's invoices of one currency, and what became of them. `total` is in the coin, as are `converted`
-- and `markup`; the rest is in minor units of the currency.
CREATE TABLE settlement_part (
    merchant_id bigint NOT NULL,
    batch_id    bigint NOT NULL,
    currency    text NOT NULL,
    gross       bigint NOT NULL,
    fee         bigint NOT NULL,
    refunded    bigint NOT NULL,
    adjustment  bigint NOT NULL,
    reserve     bigint NOT NULL CHECK (reserve >= 0),
    payable     bigint NOT NULL CHECK (payable > 0),
    share       bigint NOT NULL CHECK (share >= 0),
    partner     text,
    rate        numeric(30, 12) NOT NULL CHECK (rate > 0),
    rate_source text NOT NULL,
    rate_at     timestamptz NOT NULL,
    fx_percent  numeric(7, 4) NOT NULL,
    converted   numeric(40) NOT NULL,
    markup      numeric(40) NOT NULL CHECK (markup >= 0),
    total       numeric(40) NOT NULL CHECK (total > 0),
    PRIMARY KEY (merchant_id, batch_id, currency),
    CHECK (gross - fee - refunded + adjustment - reserve = payable),
    CHECK (converted - markup = total)
);

-- An invoice is settled once: its key says so.
CREATE TABLE settlement_line (
    merchant_id bigint NOT NULL,
    invoice_id  bigint NOT NULL,
    batch_id    bigint NOT NULL,
    payment_id  bigint NOT NULL,
    currency    text NOT NULL,
    gross       bigint NOT NULL,
    fee         bigint NOT NULL,
    refunded    bigint NOT NULL,
    reserve     bigint NOT NULL,
    share       bigint NOT NULL,
    told        boolean NOT NULL DEFAULT false,
    PRIMARY KEY (merchant_id, invoice_id)
);
CREATE INDEX settlement_line_of_batch ON settlement_line (merchant_id, batch_id, invoice_id);

-- What a batch set aside, and until when.
CREATE TABLE settlement_reserve (
    merchant_id bigint NOT NULL,
    batch_id    bigint NOT NULL,
    currency    text NOT NULL,
    amount      bigint NOT NULL CHECK (amount > 0),
    release_at  timestamptz NOT NULL,
    released_at timestamptz,
    PRIMARY KEY (merchant_id, batch_id, currency)
);
CREATE INDEX settlement_reserve_held ON settlement_reserve (release_at) WHERE released_at IS NULL;

------------------------------------------------------------------------------------------- wallets

CREATE SEQUENCE wallet_id;

-- A wallet that a merchant named, and how far its validation has come. The one in use stands with the
-- merchant.
CREATE TABLE wallet (
    merchant_id bigint NOT NULL REFERENCES merchant,
    id          bigint NOT NULL,
    state       text NOT NULL,
    version     integer NOT NULL,
    address     text NOT NULL,
    coin        text NOT NULL,
    network     text NOT NULL,
    challenge   text NOT NULL,
    proof       text,
    proposed_at timestamptz NOT NULL,
    starts_at   timestamptz,
    state_at    timestamptz NOT NULL,
    PRIMARY KEY (merchant_id, id)
);
CREATE UNIQUE INDEX wallet_under_way ON wallet (merchant_id) WHERE state IN ('proposed', 'confirmed');

REVOKE DELETE, TRUNCATE
    ON settlement_batch, settlement_part, settlement_line, settlement_reserve, wallet FROM CURRENT_USER;
REVOKE UPDATE ON settlement_part FROM CURRENT_USER;
