-- Risk: lists of whom to refuse, to look at or to let pass, what was decided of each card attempt and from what facts,
-- and money that is withheld for review.

-- Merchant 0 is all merchants. Read with every card attempt, so on Citus it is a reference table.
CREATE TABLE risk_entry (
    merchant_id bigint NOT NULL,
    list        text NOT NULL CHECK (list IN ('block', 'watch', 'allow')),
    about       text NOT NULL,
    value       text NOT NULL,
    note        text NOT NULL,
    entered_at  timestamptz NOT NULL,
    PRIMARY KEY (merchant_id, about, value, list)
);

-- One row an attempt. `facts` is all that the rules were told, with the limits that held; `rules` is their
-- version. The e-mail is a digest: rows are counted by it, nobody is written to.
CREATE TABLE risk_decision (
    merchant_id   bigint NOT NULL,
    payment_id    bigint NOT NULL,
    invoice_id    bigint NOT NULL,
    at            timestamptz NOT NULL,
    decision      text NOT NULL,
    reasons       text[] NOT NULL,
    rules         integer NOT NULL,
    facts         jsonb NOT NULL,
    fingerprint   bytea NOT NULL,
    email         bytea NOT NULL,
    payer_ip      text,
    payer_country text,
    PRIMARY KEY (merchant_id, payment_id)
);
CREATE INDEX risk_decision_by_card ON risk_decision (merchant_id, fingerprint, at);
CREATE INDEX risk_decision_by_email ON risk_decision (merchant_id, email, at);
CREATE INDEX risk_decision_by_address ON risk_decision (payer_ip, at) WHERE payer_ip IS NOT NULL;

-- Captured money that waits for somebody to look at the payment. `held` is what of it is withheld now.
CREATE TABLE review (
    merchant_id bigint NOT NULL,
    payment_id  bigint NOT NULL,
    invoice_id  bigint NOT NULL,
    state       text NOT NULL,
    version     integer NOT NULL,
    currency    text NOT NULL,
    held_minor  bigint NOT NULL CHECK (held_minor >= 0),
    opened_at   timestamptz NOT NULL,
    state_at    timestamptz NOT NULL,
    PRIMARY KEY (merchant_id, payment_id)
);
CREATE INDEX review_held ON review (opened_at) WHERE state = 'held';

-- Declines are counted by address (payments/cards/records.py).
CREATE INDEX payment_card_by_address ON payment_card (payer_ip, payment_id) WHERE payer_ip IS NOT NULL;

REVOKE UPDATE, DELETE, TRUNCATE ON risk_decision FROM CURRENT_USER;
REVOKE DELETE, TRUNCATE ON review FROM CURRENT_USER;
