-- The foundation: merchants, invoices, payments, the books, the outbox, jobs.
--
-- Laws that this file keeps (docs/decisions):
--   * every table of a merchant's has merchant_id first in its key, so that it can be spread by it;
--   * what must be unique over all merchants has a table of its own, keyed by that very thing;
--   * insert-only is a matter of privileges: the owner takes UPDATE and DELETE from itself;
--   * no instant is made here: time comes from the gateway's clock.

-- What this installation is: the fingerprint of its secret key, so that a wrong key is noticed at start.
CREATE TABLE installation (
    single            boolean PRIMARY KEY DEFAULT true CHECK (single),
    mode            text NOT NULL CHECK (mode IN ('sandbox', 'live')),
    key_fingerprint bytea NOT NULL,
    api_url         text NOT NULL DEFAULT ''
);

-- Who is alive, for /health/ready. Instants are the machine's, not the movable clock's.
CREATE TABLE heartbeat (
    process text PRIMARY KEY,
    kind    text NOT NULL,
    seen_at timestamptz NOT NULL
);

---------------------------------------------------------------------------------------- merchants

CREATE TABLE merchant (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email          text NOT NULL,
    name           text NOT NULL,
    created_at     timestamptz NOT NULL,
    methods        text[] NOT NULL,
    wallet_address text,
    wallet_coin    text NOT NULL DEFAULT 'USDC' CHECK (wallet_coin IN ('USDC', 'USDT')),
    wallet_network text NOT NULL DEFAULT 'polygon',
    wallet_active  boolean NOT NULL DEFAULT false,
    fee_percent    numeric(7, 4) NOT NULL DEFAULT 0 CHECK (fee_percent BETWEEN 0 AND 100),
    fee_fixed      numeric(12, 4) NOT NULL DEFAULT 0 CHECK (fee_fixed >= 0),
    late_success   text NOT NULL DEFAULT 'credit' CHECK (late_success IN ('credit', 'refund'))
);

-- Bounds of an invoice's amount, in units of the currency; '*' is for currencies without a row.
CREATE TABLE merchant_limit (
    merchant_id bigint NOT NULL REFERENCES merchant,
    currency    text NOT NULL,
    minimum     numeric(20, 4),
    maximum     numeric(20, 4),
    PRIMARY KEY (merchant_id, currency)
);

CREATE TABLE merchant_ip (
    merchant_id bigint NOT NULL REFERENCES merchant,
    network     cidr NOT NULL,
    PRIMARY KEY (merchant_id, network)
);

CREATE TABLE api_key (
    hash        bytea PRIMARY KEY,
    merchant_id bigint NOT NULL REFERENCES merchant,
    prefix      text NOT NULL,
    last4       text NOT NULL,
    created_at  timestamptz NOT NULL,
    revoked_at  timestamptz
);
CREATE INDEX api_key_merchant ON api_key (merchant_id);

CREATE TABLE webhook_endpoint (
    merchant_id     bigint NOT NULL REFERENCES merchant,
    id              bigint GENERATED ALWAYS AS IDENTITY,
    url             text NOT NULL,
    created_at      timestamptz NOT NULL,
    failing_since   timestamptz,
    disabled_at     timestamptz,
    disabled_reason text,
    PRIMARY KEY (merchant_id, id)
);

-- Signing secrets belong to the merchant; after a rotation the old one signs too, until it expires.
CREATE TABLE webhook_secret (
    merchant_id bigint NOT NULL REFERENCES merchant,
    id          bigint GENERATED ALWAYS AS IDENTITY,
    sealed      bytea NOT NULL,
    created_at  timestamptz NOT NULL,
    expires_at  timestamptz,
    PRIMARY KEY (merchant_id, id)
);

----------------------------------------------------------------------------------------- exchange

-- `rate` units of `currency` for one euro, as the source published it at `at`.
CREATE TABLE exchange_rate (
    currency text NOT NULL,
    at       timestamptz NOT NULL,
    source   text NOT NULL,
    rate     numeric(30, 12) NOT NULL CHECK (rate > 0),
    PRIMARY KEY (currency, at, source)
);

----------------------------------------------------------------------------------------- invoices

CREATE SEQUENCE invoice_id;

CREATE TABLE invoice (
    merchant_id        bigint NOT NULL,
    id                 bigint NOT NULL,
    state              text NOT NULL,
    version            integer NOT NULL,
    currency           text NOT NULL,
    amount_minor       bigint NOT NULL CHECK (amount_minor > 0),
    email              text NOT NULL,
    created_at         timestamptz NOT NULL,
    state_at           timestamptz NOT NULL,
    method             text,
    direct             boolean NOT NULL,
    success_url        text,
    cancel_url         text,
    pending_url        text,
    failure_url        text,
    callback_json      text,
    payer              text,
    personal_id_sealed bytea,
    payer_ip           text,
    payer_country      text,
    charged_minor      numeric(40),
    charged_currency   text,
    fee_minor          bigint,
    paid_at            timestamptz,
    PRIMARY KEY (merchant_id, id)
);
-- Ids rise with time, so a block range index finds an id without its merchant at almost no cost.
CREATE INDEX invoice_by_id ON invoice USING brin (id) WITH (pages_per_range = 16, autosummarize = on);
-- Invoices expire in the order of their creation.
CREATE INDEX invoice_by_age ON invoice USING brin (created_at) WITH (pages_per_range = 16, autosummarize = on);

-- How many invoices a merchant has of each state, by day and by block of 4096 ids: what the history
-- needs to count and to find its last page at once. Changes are only added, without a lock, and folded
-- in by the worker; the sum of both tables is exact at any moment.
CREATE TABLE invoice_tally (
    merchant_id bigint NOT NULL,
    block       bigint NOT NULL,
    day         date NOT NULL,
    state       text NOT NULL,
    invoices    bigint NOT NULL,
    PRIMARY KEY (merchant_id, block, day, state)
);
CREATE TABLE invoice_tally_change (
    merchant_id bigint NOT NULL,
    block       bigint NOT NULL,
    day         date NOT NULL,
    state       text NOT NULL,
    invoices    bigint NOT NULL
);
CREATE INDEX invoice_tally_change_merchant ON invoice_tally_change (merchant_id);

-- How far a sweep over something ordered by time has come.
CREATE TABLE sweep (
    name    text PRIMARY KEY,
    through timestamptz NOT NULL
);

----------------------------------------------------------------------------------------- payments

CREATE SEQUENCE payment_id;

-- One row an attempt of a payer to pay an invoice.
CREATE TABLE payment (
    merchant_id        bigint NOT NULL,
    id                 bigint NOT NULL,
    invoice_id         bigint NOT NULL,
    method             text NOT NULL,
    connector          text NOT NULL,
    reference          text NOT NULL,
    state              text NOT NULL,
    version            integer NOT NULL,
    direct             boolean NOT NULL,
    currency           text NOT NULL,
    amount_minor       bigint NOT NULL CHECK (amount_minor > 0),
    charged_currency   text NOT NULL,
    charged_minor      bigint NOT NULL CHECK (charged_minor > 0),
    rate               numeric(30, 12) NOT NULL,
    rate_source        text NOT NULL,
    rate_at            timestamptz NOT NULL,
    provider_reference text,
    network_reference  text,
    link               text,
    reason             text,
    started_at         timestamptz NOT NULL,
    state_at           timestamptz NOT NULL,
    expires_at         timestamptz NOT NULL,
    PRIMARY KEY (merchant_id, id)
);
CREATE INDEX payment_of_invoice ON payment (merchant_id, invoice_id, id);

-- Our reference as the provider knows it, and the network's (UTR): each belongs to one payment of one
-- merchant, whoever asks. Spread by the reference itself.
CREATE TABLE payment_reference (
    connector   text NOT NULL,
    reference   text NOT NULL,
    merchant_id bigint NOT NULL,
    payment_id  bigint NOT NULL,
    PRIMARY KEY (connector, reference)
);

-- Everything we were told of a payment, by whom, and what it did: the payment's own history.
CREATE TABLE payment_news (
    merchant_id bigint NOT NULL,
    payment_id  bigint NOT NULL,
    number      integer NOT NULL,
    at          timestamptz NOT NULL,
    source      text NOT NULL,
    outcome     text NOT NULL,
    before      text NOT NULL,
    after       text NOT NULL,
    facts       jsonb NOT NULL,
    PRIMARY KEY (merchant_id, payment_id, number)
);

--------------------------------------------------------------------------------------- the ledger

-- A book per merchant: how many lines it has, and the digest of the last one.
CREATE TABLE book (
    merchant_id bigint PRIMARY KEY,
    length      bigint NOT NULL,
    head        bytea NOT NULL
);

CREATE TABLE account (
    merchant_id bigint NOT NULL,
    name        text NOT NULL,
    currency    text NOT NULL,
    exponent    smallint NOT NULL,
    debits      numeric(40) NOT NULL DEFAULT 0 CHECK (debits >= 0),
    credits     numeric(40) NOT NULL DEFAULT 0 CHECK (credits >= 0),
    guarded     boolean NOT NULL,
    PRIMARY KEY (merchant_id, name, currency),
    CONSTRAINT no_overdraft CHECK (NOT guarded OR credits >= debits)
);

-- A line of a book: one debit account, one credit account, one positive amount, one currency. `key`
-- names the movement it belongs to, `line` its place in it.
CREATE TABLE transfer (
    merchant_id bigint NOT NULL,
    number      bigint NOT NULL,
    key         text NOT NULL,
    line        smallint NOT NULL,
    movement    text NOT NULL,
    debit       text NOT NULL,
    credit      text NOT NULL,
    currency    text NOT NULL,
    exponent    smallint NOT NULL,
    amount      numeric(40) NOT NULL CHECK (amount > 0),
    about       text NOT NULL,
    at          timestamptz NOT NULL,
    digest      bytea NOT NULL,
    PRIMARY KEY (merchant_id, number),
    UNIQUE (merchant_id, key, line),
    CHECK (debit <> credit)
);
CREATE INDEX transfer_about ON transfer (merchant_id, about);

----------------------------------------------------------------------- events, deliveries and jobs

-- The outbox: what happened, written with it. `facts` holds what may change later (states, amounts
-- charged); the rest of a webhook is read from the object when it is sent.
CREATE TABLE event (
    merchant_id   bigint NOT NULL,
    id            bigint GENERATED ALWAYS AS IDENTITY,
    kind          text NOT NULL,
    object        text NOT NULL,
    object_id     bigint NOT NULL,
    version       integer NOT NULL,
    facts         jsonb NOT NULL,
    created_at    timestamptz NOT NULL,
    dispatched_at timestamptz,
    PRIMARY KEY (merchant_id, id)
);
CREATE INDEX event_waiting ON event (id) WHERE dispatched_at IS NULL;

-- An event on its way to an endpoint. The deliveries of one object to one endpoint are a lane: they go
-- one after the other, and only the lane's head (the pending one with the lowest event) may be tried.
CREATE TABLE delivery (
    merchant_id            bigint NOT NULL,
    endpoint_id            bigint NOT NULL,
    event_id               bigint NOT NULL,
    object                 text NOT NULL,
    object_id              bigint NOT NULL,
    state                  text NOT NULL,
    attempts               integer NOT NULL DEFAULT 0,
    attempts_before_replay integer NOT NULL DEFAULT 0,
    created_at             timestamptz NOT NULL,
    next_attempt_at        timestamptz NOT NULL,
    leased_until           timestamptz,
    finished_at            timestamptz,
    PRIMARY KEY (merchant_id, endpoint_id, event_id),
    CHECK ((state = 'pending') = (finished_at IS NULL))
) WITH (fillfactor = 70);
-- The two conditions say the same in different words: a query names the one or the other, so that a
-- planner without statistics cannot take one index for the other (1 ms against 100 ms).
CREATE INDEX delivery_due ON delivery (merchant_id, endpoint_id, next_attempt_at)
    WHERE state = 'pending';
CREATE INDEX delivery_lane ON delivery (merchant_id, endpoint_id, object, object_id, event_id)
    WHERE finished_at IS NULL;

-- Insert-only. A number that is missing was an attempt whose worker died before it could tell.
CREATE TABLE delivery_attempt (
    merchant_id bigint NOT NULL,
    endpoint_id bigint NOT NULL,
    event_id    bigint NOT NULL,
    number      integer NOT NULL,
    at          timestamptz NOT NULL,
    duration_ms integer NOT NULL,
    status      integer,
    problem     text,
    detail      text,
    response    text,
    PRIMARY KEY (merchant_id, endpoint_id, event_id, number)
);

-- `wanted` counts how often the job was asked for, so that a wish that comes while it runs is not lost.
CREATE TABLE job (
    merchant_id  bigint NOT NULL,
    kind         text NOT NULL,
    key          text NOT NULL,
    payload      jsonb NOT NULL,
    run_at       timestamptz NOT NULL,
    wanted       integer NOT NULL DEFAULT 1,
    leased_until timestamptz,
    attempts     integer NOT NULL DEFAULT 0,
    problem      text,
    PRIMARY KEY (merchant_id, kind, key)
);
CREATE INDEX job_due ON job (run_at);

-- What an Idempotency-Key was used for. `fields` holds a keyed digest a parameter, so that a changed
-- repeat can be told which ones differ without keeping what they said.
CREATE TABLE idempotency (
    merchant_id  bigint NOT NULL,
    route        text NOT NULL,
    key          text NOT NULL,
    fields       jsonb NOT NULL,
    created_at   timestamptz NOT NULL,
    leased_until timestamptz,
    object_id    bigint,
    status       integer,
    answer       text,
    PRIMARY KEY (merchant_id, route, key)
);
CREATE INDEX idempotency_by_age ON idempotency USING brin (created_at);

------------------------------------------------------------------------------------- the sandbox

CREATE TABLE sandbox_clock (
    singleton     boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    ahead_seconds bigint NOT NULL CHECK (ahead_seconds >= 0)
);

CREATE TABLE sandbox_fault (
    target text PRIMARY KEY CHECK (target IN ('card', 'upi', 'payout', 'chain')),
    mode   text NOT NULL CHECK (mode IN ('timeout', 'error_500', 'double_answer', 'lost_answer')),
    until  timestamptz NOT NULL
);

-- The pretend bank's own memory of UPI orders; the gateway never reads it. An order that will move by
-- itself says when and to what: expire unpaid, or be captured late.
CREATE TABLE sandbox_upi_order (
    reference      text PRIMARY KEY,
    id             text NOT NULL UNIQUE,
    amount_minor   bigint NOT NULL CHECK (amount_minor > 0),
    payee_address  text NOT NULL,
    payee_name     text NOT NULL,
    note           text NOT NULL,
    notify_url     text NOT NULL,
    created_at     timestamptz NOT NULL,
    expires_at     timestamptz NOT NULL,
    status         text NOT NULL,
    status_at      timestamptz NOT NULL,
    code           text,
    utr            text UNIQUE,
    settles_as     text,
    settles_at     timestamptz,
    settle_quietly boolean NOT NULL DEFAULT false,
    refunded_minor bigint NOT NULL DEFAULT 0 CHECK (refunded_minor BETWEEN 0 AND amount_minor),
    CHECK ((settles_as IS NULL) = (settles_at IS NULL))
);
CREATE INDEX sandbox_upi_order_settling ON sandbox_upi_order (settles_at) WHERE settles_at IS NOT NULL;

CREATE TABLE sandbox_upi_refund (
    reference    text NOT NULL REFERENCES sandbox_upi_order,
    key          text NOT NULL,
    id           text NOT NULL UNIQUE,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    utr          text NOT NULL,
    at           timestamptz NOT NULL,
    PRIMARY KEY (reference, key)
);

-- What the bank still has to tell; a row goes when it was received or given up.
CREATE TABLE sandbox_upi_notice (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    reference       text NOT NULL,
    url             text NOT NULL,
    body            text NOT NULL,
    attempts        integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL
);
CREATE INDEX sandbox_upi_notice_due ON sandbox_upi_notice (next_attempt_at);

-- The network numbers its transfers.
CREATE SEQUENCE sandbox_upi_transfer;

-------------------------------------------------------------------------------------- privileges

REVOKE UPDATE, DELETE, TRUNCATE ON transfer, payment_news, delivery_attempt, exchange_rate FROM CURRENT_USER;
REVOKE DELETE, TRUNCATE ON book, account, invoice, payment, payment_reference, event FROM CURRENT_USER;
