-- The pretend bank behind cards, in the sandbox: its own memory, which the gateway never reads. Of a
-- card it keeps which test card it was and what may be shown of the number; never number or code.
--
-- Authorised is what was captured, voided and is still open. `ends_at`: when an unanswered challenge,
-- or what is still reserved, ends by itself; `dispute_at`: when the holder will want his money back.
CREATE TABLE sandbox_card_payment (
    reference          text PRIMARY KEY,
    id                 text NOT NULL UNIQUE,
    amount_minor       bigint NOT NULL CHECK (amount_minor > 0),
    currency           text NOT NULL,
    capture            boolean NOT NULL,
    card               text NOT NULL,
    first6             text NOT NULL CHECK (length(first6) <= 6),
    last4              text NOT NULL CHECK (length(last4) = 4),
    payee_name         text NOT NULL,
    note               text NOT NULL,
    return_url         text NOT NULL,
    notify_url         text NOT NULL,
    created_at         timestamptz NOT NULL,
    status             text NOT NULL,
    status_at          timestamptz NOT NULL,
    code               text,
    authentication     text NOT NULL,
    challenge          text UNIQUE,
    ends_at            timestamptz,
    dispute_at         timestamptz,
    authorised_minor   bigint NOT NULL DEFAULT 0,
    captured_minor     bigint NOT NULL DEFAULT 0,
    voided_minor       bigint NOT NULL DEFAULT 0,
    refunded_minor     bigint NOT NULL DEFAULT 0,
    charged_back_minor bigint NOT NULL DEFAULT 0,
    CHECK (authorised_minor BETWEEN 0 AND amount_minor),
    CHECK (captured_minor >= 0 AND voided_minor >= 0 AND captured_minor + voided_minor <= authorised_minor),
    CHECK (refunded_minor >= 0 AND charged_back_minor >= 0
           AND refunded_minor + charged_back_minor <= captured_minor)
);
CREATE INDEX sandbox_card_payment_ending ON sandbox_card_payment (ends_at) WHERE ends_at IS NOT NULL;
CREATE INDEX sandbox_card_payment_disputed ON sandbox_card_payment (dispute_at) WHERE dispute_at IS NOT NULL;
CREATE INDEX sandbox_card_payment_note ON sandbox_card_payment (note, created_at);

-- What was captured, let go and refunded, once for each key of the gateway's.
CREATE TABLE sandbox_card_act (
    reference    text NOT NULL REFERENCES sandbox_card_payment,
    key          text NOT NULL,
    kind         text NOT NULL CHECK (kind IN ('capture', 'void', 'refund')),
    id           text NOT NULL UNIQUE,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    final        boolean NOT NULL,
    at           timestamptz NOT NULL,
    PRIMARY KEY (reference, key)
);

CREATE TABLE sandbox_card_dispute (
    reference    text PRIMARY KEY REFERENCES sandbox_card_payment,
    id           text NOT NULL UNIQUE,
    stage        text NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    reason       text NOT NULL,
    stage_at     timestamptz NOT NULL,
    answer_by    timestamptz NOT NULL
);

-- All pretend banks tell in one way; what they still have to tell says whose it is.
ALTER TABLE sandbox_upi_notice RENAME TO sandbox_notice;
ALTER INDEX sandbox_upi_notice_due RENAME TO sandbox_notice_due;
ALTER TABLE sandbox_notice ADD COLUMN target text NOT NULL DEFAULT 'upi';
ALTER TABLE sandbox_notice ALTER COLUMN target DROP DEFAULT;
