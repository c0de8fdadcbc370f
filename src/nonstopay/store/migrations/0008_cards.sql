-- The card rail: what of a payment is reserved, taken and given back, and what the payer's bank takes.

ALTER TABLE merchant
    ADD card_capture text NOT NULL DEFAULT 'automatic' CHECK (card_capture IN ('automatic', 'manual')),
    ADD card_direct  boolean NOT NULL DEFAULT false;

-- In minor units of the invoice's currency. What is reserved and neither captured nor voided is open.
ALTER TABLE payment
    ADD authorised_minor bigint NOT NULL DEFAULT 0 CHECK (authorised_minor >= 0),
    ADD captured_minor   bigint NOT NULL DEFAULT 0 CHECK (captured_minor >= 0),
    ADD voided_minor     bigint NOT NULL DEFAULT 0 CHECK (voided_minor >= 0),
    ADD refunded_minor   bigint NOT NULL DEFAULT 0 CHECK (refunded_minor >= 0),
    ADD by_hand          boolean NOT NULL DEFAULT false;
UPDATE payment SET authorised_minor = amount_minor, captured_minor = amount_minor WHERE state = 'captured';
ALTER TABLE payment
    ADD CONSTRAINT adds_up CHECK (authorised_minor >= captured_minor + voided_minor),
    ADD CONSTRAINT refunded_within_captured CHECK (refunded_minor <= captured_minor);

-- With what card an attempt was made: what may be shown of it, and where the vault keeps the rest.
CREATE TABLE payment_card (
    merchant_id    bigint NOT NULL,
    payment_id     bigint NOT NULL,
    card_id        bigint NOT NULL,
    brand          text NOT NULL,
    first6         text NOT NULL,
    last4          text NOT NULL,
    expiry_month   smallint NOT NULL,
    expiry_year    smallint NOT NULL,
    fingerprint    bytea NOT NULL,
    authentication text,
    payer_ip       text,
    PRIMARY KEY (merchant_id, payment_id)
);

-- A part of what is reserved, taken on the merchant's word. `number` counts them on their payment.
CREATE TABLE capture (
    merchant_id  bigint NOT NULL,
    payment_id   bigint NOT NULL,
    number       integer NOT NULL,
    state        text NOT NULL,
    version      integer NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    final        boolean NOT NULL,
    reason       text,
    asked_at     timestamptz NOT NULL,
    state_at     timestamptz NOT NULL,
    PRIMARY KEY (merchant_id, payment_id, number)
);

CREATE SEQUENCE refund_id;

-- Money that the merchant gives back to the payer. `amount` in the invoice's currency, `charged` in the
-- payer's.
CREATE TABLE refund (
    merchant_id      bigint NOT NULL,
    id               bigint NOT NULL,
    payment_id       bigint NOT NULL,
    invoice_id       bigint NOT NULL,
    state            text NOT NULL,
    version          integer NOT NULL,
    currency         text NOT NULL,
    amount_minor     bigint NOT NULL CHECK (amount_minor > 0),
    charged_currency text NOT NULL,
    charged_minor    bigint NOT NULL CHECK (charged_minor > 0),
    note             text,
    refusal          text,
    asked_at         timestamptz NOT NULL,
    state_at         timestamptz NOT NULL,
    PRIMARY KEY (merchant_id, id)
);
CREATE INDEX refund_of_payment ON refund (merchant_id, payment_id, id);

CREATE SEQUENCE dispute_id;

-- A payer's bank that wants money back. `covered`: what the merchant's balance paid of it, the rest he
-- owes. `before` is the invoice's state when it began, to which it returns if we win.
CREATE TABLE dispute (
    merchant_id        bigint NOT NULL,
    id                 bigint NOT NULL,
    payment_id         bigint NOT NULL,
    invoice_id         bigint NOT NULL,
    connector          text NOT NULL,
    provider_reference text NOT NULL,
    state              text NOT NULL,
    version            integer NOT NULL,
    currency           text NOT NULL,
    amount_minor       bigint NOT NULL CHECK (amount_minor > 0),
    covered_minor      bigint NOT NULL DEFAULT 0 CHECK (covered_minor BETWEEN 0 AND amount_minor),
    reason             text NOT NULL,
    answer_by          timestamptz,
    opened_at          timestamptz NOT NULL,
    state_at           timestamptz NOT NULL,
    PRIMARY KEY (merchant_id, id)
);
CREATE UNIQUE INDEX dispute_by_reference ON dispute (merchant_id, connector, provider_reference);
CREATE INDEX dispute_of_payment ON dispute (merchant_id, payment_id);

REVOKE DELETE, TRUNCATE ON payment_card, capture, refund, dispute FROM CURRENT_USER;
