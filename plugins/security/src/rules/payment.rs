//! Payment and trade.

use super::{Check, Rule, named};

pub(super) const RULES: &[Rule] = &[
    Rule::new(
        "stripe-key",
        "Stripe key",
        &["sk_live_", "sk_test_", "sk_prod_", "rk_live_", "rk_test_", "rk_prod_"],
        r"\b([sr]k_(?:live|test|prod)_[A-Za-z0-9]{14,250})\b",
    ),
    Rule::new("stripe-webhook-secret", "Stripe webhook secret", &["whsec_"], r"\b(whsec_[A-Za-z0-9+/]{32,64}=?)")
        .bits(3.5),
    Rule::new(
        "square-token",
        "Square token",
        &["sq0atp-", "sq0csp-", "eaaa"],
        r"\b(sq0(?:atp-[A-Za-z0-9_\-]{22}|csp-[A-Za-z0-9_\-]{43})|EAAA[Ea][A-Za-z0-9_\-]{59})",
    ),
    Rule::new(
        "shopify-token",
        "Shopify token",
        &["shpat_", "shpca_", "shppa_", "shpss_"],
        r"\b(shp(?:at|ca|pa|ss)_[A-Za-z0-9]{32,64})\b",
    ),
    Rule::new(
        "paypal-braintree-token",
        "PayPal Braintree token",
        &["access_token$"],
        r"(access_token\$(?:production|sandbox)\$[0-9a-z]{16}\$[0-9a-f]{32})\b",
    ),
    Rule::new("paypal-secret", "PayPal secret", &["paypal"], named!(r"paypal", r"[A-Za-z0-9_.\-]{44,80}"))
        .bits(4.0)
        .check(Check::Mixed),
    Rule::new(
        "plaid-token",
        "Plaid access token",
        &["access-sandbox-", "access-development-", "access-production-"],
        r"\b(access-(?:sandbox|development|production)-[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})\b",
    ),
    Rule::new("plaid-secret", "Plaid secret", &["plaid"], named!(r"plaid", r"[a-z0-9]{30}")).check(Check::Mixed),
    Rule::new(
        "razorpay-key",
        "Razorpay key",
        &["rzp_live_", "rzp_test_"],
        r"\b(rzp_(?:live|test)_[A-Za-z0-9]{14,24})\b",
    ),
    Rule::new("flutterwave-key", "Flutterwave key", &["flwseck"], r"\b(FLWSECK(?:_TEST)?-[0-9a-zA-Z]{12,32}(?:-X)?)\b")
        .bits(2.8),
    Rule::new("easypost-key", "EasyPost key", &["ezak", "eztk"], r"\b(EZ[AT]K[A-Za-z0-9]{54})\b"),
    Rule::new("shippo-token", "Shippo token", &["shippo_"], r"\b(shippo_(?:live|test)_[0-9a-f]{40})\b"),
    Rule::new(
        "coinbase-token",
        "Coinbase key",
        &["coinbase"],
        named!(r"coinbase", r"[A-Za-z0-9_\-]{64}|[A-Za-z0-9]{32}"),
    )
    .bits(3.7)
    .check(Check::Mixed),
    Rule::new("lob-key", "Lob key", &["live_", "test_"], r"\b((?:live|test)_(?:pub_)?[0-9a-f]{31,35})\b"),
    Rule::new(
        "gocardless-token",
        "GoCardless token",
        &["gocardless"],
        named!(r"gocardless", r"live_[A-Za-z0-9_=\-]{40}"),
    ),
    Rule::new("duffel-token", "Duffel token", &["duffel_"], r"\b(duffel_(?:test|live)_[A-Za-z0-9_\-=]{43})"),
];
