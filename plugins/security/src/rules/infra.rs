//! Secret stores, infrastructure as code, observability and networks.

use super::{Check, Rule, named};

pub(super) const RULES: &[Rule] = &[
    Rule::new(
        "vault-token",
        "HashiCorp Vault token",
        &["hvs.", "hvb.", "hvr."],
        r"\b(hv[sbr]\.[A-Za-z0-9_\-]{24,300})",
    )
    .bits(3.5),
    Rule::new(
        "vault-legacy-token",
        "Vault token of the old form",
        &["s."],
        r"(?:^|[\s'\x22=:])(s\.[A-Za-z0-9]{24})(?:[^A-Za-z0-9_.\-(\[]|$)",
    )
    .bits(3.5)
    .check(Check::Mixed),
    Rule::new(
        "terraform-token",
        "HCP Terraform token",
        &[".atlasv1."],
        r"\b([A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=\-]{60,70})",
    )
    .bits(3.5),
    Rule::new("pulumi-token", "Pulumi token", &["pul-"], r"\b(pul-[0-9a-f]{40})\b"),
    Rule::new(
        "doppler-token",
        "Doppler token",
        &["dp.pt.", "dp.st.", "dp.ct.", "dp.sa.", "dp.scim.", "dp.audit."],
        r"\b(dp\.(?:pt|st|ct|sa|scim|audit)\.(?:[a-z0-9_\-]{2,35}\.)?[A-Za-z0-9]{40,44})\b",
    ),
    Rule::new(
        "onepassword-key",
        "1Password secret key",
        &["a3-"],
        r"\b(A3-[A-Z0-9]{6}-(?:[A-Z0-9]{11}|[A-Z0-9]{6}-[A-Z0-9]{5})-[A-Z0-9]{5}-[A-Z0-9]{5}-[A-Z0-9]{5})\b",
    )
    .check(Check::Mixed),
    Rule::new(
        "onepassword-service-token",
        "1Password service account token",
        &["ops_eyj"],
        r"\b(ops_eyJ[A-Za-z0-9+/]{200,}={0,3})",
    ),
    Rule::new(
        "age-secret-key",
        "age secret key",
        &["age-secret-key-1"],
        r"\b(AGE-SECRET-KEY-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58})",
    ),
    Rule::new("openshift-token", "OpenShift token", &["sha256~"], r"\b(sha256~[A-Za-z0-9_\-]{43})").bits(3.5),
    Rule::new("databricks-token", "Databricks token", &["dapi"], r"\b(dapi[0-9a-f]{32}(?:-\d)?)\b"),
    Rule::new(
        "planetscale-token",
        "PlanetScale token",
        &["pscale_"],
        r"\b(pscale_(?:tkn|pw|oauth|app_secret)_[A-Za-z0-9=_.\-]{32,64})",
    ),
    Rule::new(
        "supabase-token",
        "Supabase token",
        &["sbp_", "sb_secret_"],
        r"\b(sbp_[0-9a-f]{40}|sb_secret_[A-Za-z0-9_\-]{22}_[A-Za-z0-9_\-]{8})\b",
    ),
    Rule::new("neon-key", "Neon key", &["napi_"], r"\b(napi_[a-z0-9]{64})\b"),
    Rule::new("cockroach-key", "CockroachDB Cloud key", &["ccdb1_"], r"\b(CCDB1_[A-Za-z0-9]{22}_[A-Za-z0-9]{40})\b"),
    Rule::new("elastic-key", "Elastic Cloud key", &["essu_"], r"\b(essu_[A-Za-z0-9_\-+/=]{40,120})").bits(3.5),
    Rule::new(
        "grafana-token",
        "Grafana token",
        &["glsa_", "glc_"],
        r"\b(glsa_[A-Za-z0-9]{32}_[0-9a-fA-F]{8}|glc_[A-Za-z0-9+/]{32,400}={0,3})",
    ),
    Rule::new(
        "newrelic-key",
        "New Relic key",
        &["nrak-", "nrii-", "nraa-", "nral"],
        r"\b(NR(?:AK-[A-Z0-9]{27}|II-[A-Za-z0-9_\-]{32}|AA-[0-9a-f]{27}))",
    ),
    Rule::new(
        "datadog-key",
        "Datadog key",
        &["datadog", "dd_api", "dd_app", "dd-api", "dd-app"],
        named!(r"datadog|dd[_\-](?:api|app)", r"[0-9a-f]{32}|[0-9a-f]{40}"),
    ),
    Rule::new(
        "sentry-token",
        "Sentry token",
        &["sntrys_", "sntryu_"],
        r"\b(sntrys_eyJ[A-Za-z0-9+/=_]{60,400}|sntryu_[0-9a-f]{64})",
    ),
    Rule::new("dynatrace-token", "Dynatrace token", &["dt0"], r"\b(dt0[a-z]\d{2}\.[A-Z0-9]{24}\.[A-Z0-9]{64})\b"),
    Rule::new(
        "sumologic-key",
        "Sumo Logic key",
        &["sumo"],
        named!(r"(?:\b|_)sumo(?:logic)?", r"su[A-Za-z0-9]{12}|[A-Za-z0-9]{64}"),
    )
    .bits(3.2)
    .check(Check::Mixed),
    Rule::new(
        "honeycomb-key",
        "Honeycomb key",
        &["hcaik_", "hcbik_", "hcamk_"],
        r"\b(hc[ab][im]k_[A-Za-z0-9]{58,64})\b",
    ),
    Rule::new(
        "tailscale-key",
        "Tailscale key",
        &["tskey-"],
        r"\b(tskey-[a-z]{2,10}-[A-Za-z0-9]{6,24}-[A-Za-z0-9]{16,40})",
    )
    .bits(3.3),
    Rule::new("fastly-token", "Fastly token", &["fastly"], named!(r"fastly", r"[A-Za-z0-9=_\-]{32}"))
        .check(Check::Mixed),
    Rule::new("octopus-key", "Octopus Deploy key", &["api-"], r"\b(API-[A-Z0-9]{26,32})\b")
        .bits(3.3)
        .check(Check::Mixed),
    Rule::new(
        "harness-token",
        "Harness token",
        &["pat.", "sat."],
        r"\b([ps]at\.[A-Za-z0-9_\-]{22}\.[0-9A-Za-z]{24}\.[A-Za-z0-9]{20})\b",
    ),
    Rule::new(
        "defined-key",
        "Defined Networking key",
        &["dnkey-"],
        r"\b(dnkey-[A-Za-z0-9=_\-]{26}-[A-Za-z0-9=_\-]{52})",
    ),
    Rule::new("prefect-key", "Prefect key", &["pnu_", "pnb_"], r"\b(pn[ub]_[A-Za-z0-9]{36})\b"),
    Rule::new(
        "launchdarkly-key",
        "LaunchDarkly key",
        &["launchdarkly", "sdk-", "api-"],
        r"\b((?:sdk|api)-[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})\b",
    ),
    Rule::new("cisco-meraki-key", "Cisco Meraki key", &["meraki"], named!(r"(?:\b|_)meraki", r"[0-9a-f]{40}")),
];
