-- What happens to a card payment at its provider's desk, disputes of money that is no merchant's, and
-- merchants who name a payment's provider.

-- `source` is who wanted it: the merchant here, or somebody at the provider's desk. `provider_reference`
-- is the provider's id of a refund made there: told twice, it is one.
ALTER TABLE refund
    ADD source             text NOT NULL DEFAULT 'merchant' CHECK (source IN ('merchant', 'provider')),
    ADD provider_reference text;
CREATE UNIQUE INDEX refund_by_reference ON refund (merchant_id, payment_id, provider_reference)
    WHERE provider_reference IS NOT NULL;

-- Whose money the bank takes: the merchant's; ours, of a payment that had gone back to its payer
-- already; or the payer's own, which was on its way back to him, so that we need not send it.
ALTER TABLE dispute
    ADD bearer text NOT NULL DEFAULT 'merchant' CHECK (bearer IN ('merchant', 'platform', 'payer'));

-- The provider that the merchant named for this invoice (`payment_solution_name`).
ALTER TABLE invoice ADD solution text;
