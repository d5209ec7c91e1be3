//! gitleaks' names for kinds of secrets, and ours. Its allowlists, `disabledRules` and `.gitleaksignore` go by its own.
//!
//! One of our rules often stands for several of gitleaks'; where the secret's beginning tells them apart, it is given.
//! Names that are missing here are those of kinds that no rule of ours looks for: the report says so where one is used.

/// A name of gitleaks', a rule of ours that finds that kind, and how those of its secrets begin that go by this name.
type Known = (&'static str, &'static str, &'static [&'static str]);

const KNOWN: &[Known] = &[
    ("1password-secret-key", "onepassword-key", &[]),
    ("1password-service-account-token", "onepassword-service-token", &[]),
    ("adobe-client-secret", "adobe-secret", &[]),
    ("age-secret-key", "age-secret-key", &[]),
    ("airtable-api-key", "airtable-token", &["key"]),
    ("airtable-personnal-access-token", "airtable-token", &["pat"]),
    ("algolia-api-key", "algolia-key", &[]),
    ("alibaba-access-key-id", "alibaba-access-key", &[]),
    ("anthropic-admin-api-key", "anthropic-key", &["sk-ant-admin"]),
    ("anthropic-api-key", "anthropic-key", &["sk-ant-api"]),
    ("artifactory-api-key", "jfrog-key", &[]),
    ("artifactory-reference-token", "jfrog-reference-token", &[]),
    ("asana-client-secret", "asana-token", &[]),
    ("atlassian-api-token", "atlassian-token", &[]),
    ("atlassian-api-token", "jira-token", &[]),
    ("aws-access-token", "aws-access-key", &[]),
    ("aws-amazon-bedrock-api-key-long-lived", "aws-bedrock-key", &[]),
    ("aws-amazon-bedrock-api-key-short-lived", "aws-bedrock-short-key", &[]),
    ("azure-ad-client-secret", "azure-client-secret", &[]),
    ("bitbucket-client-secret", "bitbucket-token", &[]),
    ("cisco-meraki-api-key", "cisco-meraki-key", &[]),
    ("clojars-api-token", "clojars-token", &[]),
    ("cloudflare-api-key", "cloudflare-key", &[]),
    ("cloudflare-global-api-key", "cloudflare-key", &[]),
    ("cloudflare-origin-ca-key", "cloudflare-origin-key", &[]),
    ("codecov-access-token", "codecov-token", &[]),
    ("cohere-api-token", "cohere-key", &[]),
    ("coinbase-access-token", "coinbase-token", &[]),
    ("contentful-delivery-api-token", "contentful-token", &[]),
    ("curl-auth-header", "authorization-header", &[]),
    ("curl-auth-header", "basic-auth-header", &[]),
    ("curl-auth-user", "curl-user", &[]),
    ("databricks-api-token", "databricks-token", &[]),
    ("datadog-access-token", "datadog-key", &[]),
    ("defined-networking-api-token", "defined-key", &[]),
    ("digitalocean-access-token", "digitalocean-token", &["doo_"]),
    ("digitalocean-pat", "digitalocean-token", &["dop_"]),
    ("digitalocean-refresh-token", "digitalocean-token", &["dor_"]),
    ("discord-api-token", "discord-bot-token", &[]),
    ("discord-api-token", "discord-secret", &[]),
    ("discord-client-secret", "discord-secret", &[]),
    ("doppler-api-token", "doppler-token", &["dp.pt."]),
    ("droneci-access-token", "drone-token", &[]),
    ("dropbox-api-token", "dropbox-key", &[]),
    ("dropbox-long-lived-api-token", "dropbox-long-lived", &[]),
    ("dropbox-short-lived-api-token", "dropbox-token", &[]),
    ("duffel-api-token", "duffel-token", &[]),
    ("dynatrace-api-token", "dynatrace-token", &[]),
    ("easypost-api-token", "easypost-key", &["EZAK"]),
    ("easypost-test-api-token", "easypost-key", &["EZTK"]),
    ("facebook-access-token", "facebook-token", &[]),
    ("facebook-page-access-token", "facebook-token", &["EAA"]),
    ("facebook-secret", "facebook-secret", &[]),
    ("fastly-api-token", "fastly-token", &[]),
    ("flickr-access-token", "flickr-key", &[]),
    ("flutterwave-secret-key", "flutterwave-key", &[]),
    ("flyio-access-token", "fly-token", &[]),
    ("frameio-api-token", "frameio-token", &[]),
    ("gcp-api-key", "gcp-api-key", &[]),
    ("gcp-api-key", "gemini-api-key", &[]),
    ("generic-api-key", "generic-secret", &[]),
    ("github-app-token", "github-app-jwt", &[]),
    ("github-app-token", "github-token", &["ghu_", "ghs_"]),
    ("github-fine-grained-pat", "github-fine-grained-token", &[]),
    ("github-oauth", "github-token", &["gho_"]),
    ("github-pat", "github-token", &["ghp_"]),
    ("github-refresh-token", "github-token", &["ghr_"]),
    ("gitlab-cicd-job-token", "gitlab-token", &["glcbt-"]),
    ("gitlab-deploy-token", "gitlab-token", &["gldt-"]),
    ("gitlab-feature-flag-client-token", "gitlab-token", &["glffct-"]),
    ("gitlab-feed-token", "gitlab-token", &["glft-"]),
    ("gitlab-incoming-mail-token", "gitlab-token", &["glimt-"]),
    ("gitlab-kubernetes-agent-token", "gitlab-token", &["glagent-"]),
    ("gitlab-oauth-app-secret", "gitlab-token", &["gloas-"]),
    ("gitlab-pat", "gitlab-token", &["glpat-"]),
    ("gitlab-pat-routable", "gitlab-token", &["glpat-"]),
    ("gitlab-ptt", "gitlab-token", &["glptt-"]),
    ("gitlab-rrt", "gitlab-runner-token", &[]),
    ("gitlab-runner-authentication-token", "gitlab-token", &["glrt-"]),
    ("gitlab-runner-authentication-token-routable", "gitlab-token", &["glrt-"]),
    ("gitlab-scim-token", "gitlab-token", &["glsoat-"]),
    ("gocardless-api-token", "gocardless-token", &[]),
    ("grafana-api-key", "grafana-token", &["eyJ"]),
    ("grafana-cloud-api-token", "grafana-token", &["glc_"]),
    ("grafana-service-account-token", "grafana-token", &["glsa_"]),
    ("harness-api-key", "harness-token", &[]),
    ("hashicorp-tf-api-token", "terraform-token", &[]),
    ("heroku-api-key", "heroku-legacy-key", &[]),
    ("heroku-api-key-v2", "heroku-key", &[]),
    ("hubspot-api-key", "hubspot-token", &[]),
    ("huggingface-access-token", "huggingface-token", &["hf_"]),
    ("huggingface-organization-api-token", "huggingface-token", &["api_org_"]),
    ("intercom-api-key", "intercom-token", &[]),
    ("jfrog-api-key", "jfrog-key", &[]),
    ("jfrog-identity-token", "jfrog-reference-token", &[]),
    ("jwt", "jwt", &[]),
    ("kubernetes-secret-yaml", "kubernetes-secret", &[]),
    ("launchdarkly-access-token", "launchdarkly-key", &[]),
    ("linear-api-key", "linear-key", &[]),
    ("linkedin-client-secret", "linkedin-secret", &[]),
    ("lob-api-key", "lob-key", &[]),
    ("mailchimp-api-key", "mailchimp-key", &[]),
    ("mailchimp-api-key", "mailchimp-named-key", &[]),
    ("mailgun-private-api-token", "mailgun-key", &["key-"]),
    ("mapbox-api-token", "mapbox-token", &[]),
    ("mattermost-access-token", "mattermost-token", &[]),
    ("messagebird-api-token", "messagebird-key", &[]),
    ("microsoft-teams-webhook", "teams-webhook", &[]),
    ("netlify-access-token", "netlify-key", &[]),
    ("netlify-access-token", "netlify-token", &[]),
    ("new-relic-insert-key", "newrelic-key", &["NRII-"]),
    ("new-relic-user-api-key", "newrelic-key", &["NRAK-"]),
    ("notion-api-token", "notion-token", &[]),
    ("npm-access-token", "npm-token", &[]),
    ("nuget-config-password", "nuget-config-password", &[]),
    ("octopus-deploy-api-key", "octopus-key", &[]),
    ("okta-access-token", "okta-token", &[]),
    ("openai-api-key", "openai-key", &[]),
    ("openshift-user-token", "openshift-token", &[]),
    ("perplexity-api-key", "perplexity-key", &[]),
    ("plaid-api-token", "plaid-token", &[]),
    ("plaid-secret-key", "plaid-secret", &[]),
    ("planetscale-api-token", "planetscale-token", &["pscale_tkn_"]),
    ("planetscale-oauth-token", "planetscale-token", &["pscale_oauth_"]),
    ("planetscale-password", "planetscale-token", &["pscale_pw_"]),
    ("postman-api-token", "postman-key", &[]),
    ("prefect-api-token", "prefect-key", &[]),
    ("private-key", "private-key", &[]),
    ("pulumi-api-token", "pulumi-token", &[]),
    ("pypi-upload-token", "pypi-token", &[]),
    ("readme-api-token", "readme-key", &[]),
    ("rubygems-api-token", "rubygems-key", &[]),
    ("sendgrid-api-token", "sendgrid-key", &[]),
    ("sendinblue-api-token", "brevo-key", &["xkeysib-"]),
    ("sentry-access-token", "sentry-token", &[]),
    ("sentry-org-token", "sentry-token", &["sntrys_"]),
    ("sentry-user-token", "sentry-token", &["sntryu_"]),
    ("shippo-api-token", "shippo-token", &[]),
    ("shopify-access-token", "shopify-token", &["shpat_"]),
    ("shopify-custom-access-token", "shopify-token", &["shpca_"]),
    ("shopify-private-app-access-token", "shopify-token", &["shppa_"]),
    ("shopify-shared-secret", "shopify-token", &["shpss_"]),
    ("slack-app-token", "slack-app-token", &[]),
    ("slack-bot-token", "slack-token", &["xoxb-"]),
    ("slack-config-access-token", "slack-config-token", &["xoxe."]),
    ("slack-config-refresh-token", "slack-config-token", &["xoxe-"]),
    ("slack-legacy-bot-token", "slack-token", &["xoxb-"]),
    ("slack-legacy-token", "slack-token", &["xoxo-", "xoxs-"]),
    ("slack-legacy-workspace-token", "slack-token", &["xoxa-", "xoxr-"]),
    ("slack-user-token", "slack-token", &["xoxp-", "xoxe-"]),
    ("slack-webhook-url", "slack-webhook", &[]),
    ("snyk-api-token", "snyk-token", &[]),
    ("sonar-api-token", "sonar-login", &[]),
    ("sonar-api-token", "sonar-token", &[]),
    ("sourcegraph-access-token", "sourcegraph-token", &[]),
    ("square-access-token", "square-token", &[]),
    ("stripe-access-token", "stripe-key", &[]),
    ("sumologic-access-id", "sumologic-key", &["su"]),
    ("sumologic-access-token", "sumologic-key", &[]),
    ("telegram-bot-api-token", "telegram-bot-token", &[]),
    ("travisci-access-token", "travis-token", &[]),
    ("twilio-api-key", "twilio-key", &[]),
    ("twitch-api-token", "twitch-token", &[]),
    ("twitter-access-secret", "twitter-secret", &[]),
    ("twitter-access-token", "twitter-secret", &[]),
    ("twitter-api-key", "twitter-secret", &[]),
    ("twitter-api-secret", "twitter-secret", &[]),
    ("twitter-bearer-token", "twitter-bearer", &[]),
    ("typeform-api-token", "typeform-token", &[]),
    ("vault-batch-token", "vault-token", &["hvb."]),
    ("vault-service-token", "vault-legacy-token", &[]),
    ("vault-service-token", "vault-token", &["hvs."]),
];

/// Whether gitleaks' `id` names a kind that a rule of ours looks for.
pub(super) fn is_known(id: &str) -> bool {
    KNOWN.iter().any(|(theirs, ..)| *theirs == id)
}

/// gitleaks' names for a finding of our `rule`.
pub(super) fn names(rule: &str, secret: &[u8]) -> impl Iterator<Item = &'static str> {
    KNOWN
        .iter()
        .filter(move |(_, ours, begins)| {
            *ours == rule && (begins.is_empty() || begins.iter().any(|begin| secret.starts_with(begin.as_bytes())))
        })
        .map(|(theirs, ..)| *theirs)
}

/// Rules of ours that need not be run, because `disabled` holds every name that any of their secrets could go by.
pub(super) fn rules_of<'d>(disabled: impl Fn(&str) -> bool + 'd) -> impl Iterator<Item = &'static str> + 'd {
    let whole = move |ours: &str| {
        let mut names = KNOWN.iter().filter(|(_, rule, _)| *rule == ours);
        names.all(|(theirs, _, begins)| begins.is_empty() && disabled(theirs))
    };
    let mut rules: Vec<&'static str> = KNOWN.iter().map(|(_, ours, _)| *ours).collect();
    rules.sort_unstable();
    rules.dedup();
    rules.into_iter().filter(move |rule| whole(rule))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    // SEC-6
    #[test]
    fn every_rule_that_a_name_of_gitleaks_stands_for_exists() {
        let mut seen = HashSet::new();
        for (theirs, ours, begins) in KNOWN {
            assert!(crate::rules::exists(ours), "`{theirs}` stands for `{ours}`, which does not exist");
            assert!(seen.insert((theirs, ours)), "`{theirs}` and `{ours}` stand twice");
            assert!(begins.iter().all(|begin| begin.len() >= 2), "{theirs}");
        }
        assert!(KNOWN.is_sorted_by_key(|(theirs, ..)| *theirs), "keep the table in order");
    }

    // SEC-6
    #[test]
    fn a_finding_goes_by_the_name_that_its_beginning_tells() {
        assert_eq!(names("github-token", b"ghp_x").collect::<Vec<_>>(), ["github-pat"]);
        assert_eq!(names("generic-secret", b"x").collect::<Vec<_>>(), ["generic-api-key"]);
        assert_eq!(names("no-such-rule", b"x").count(), 0);
    }

    // SEC-6
    #[test]
    fn a_rule_is_only_not_run_if_all_that_it_finds_is_disabled() {
        let rules = |disabled: &[&str]| rules_of(|id| disabled.contains(&id)).collect::<Vec<_>>();
        assert_eq!(rules(&["github-pat", "generic-api-key"]), ["generic-secret"]);
        assert_eq!(rules(&["gitlab-rrt"]), ["gitlab-runner-token"]);
        assert_eq!(rules(&["twitter-api-key"]), Vec::<&str>::new());
    }
}
