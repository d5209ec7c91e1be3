//! For every rule one secret of its kind that is found, and one look-alike that no rule takes for a secret.
//!
//! The secrets are made here, from templates and a fixed seed, so that this file holds none: `{h40}` stands for 40 random
//! lower-case hexadecimal digits, and so on (see `alphabet`).

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

use portcullis_gate_security::rules;
use portcullis_gate_security::scan::Scanner;

fn alphabet(letter: u8) -> &'static [u8] {
    match letter {
        b'h' => b"0123456789abcdef",
        b'H' => b"0123456789ABCDEF",
        b'd' => b"0123456789",
        b'l' => b"abcdefghijklmnopqrstuvwxyz0123456789",
        b'U' => b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
        b'x' => b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
        b'a' => b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
        b'b' => b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
        b'B' => b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
        b'n' => b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz",
        b's' => b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567",
        b'q' => b"QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L",
        other => panic!("no alphabet `{}`", char::from(other)),
    }
}

/// `template` with every `{letter count}` replaced by random characters; `{u}` by a UUID; `{=text}` by base64 of text;
/// `{$NAME}` by a shell variable; `{}` by a brace.
fn fill(template: &str, seed: u64) -> String {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut random = move |letter: u8, count: usize| -> String {
        let alphabet = alphabet(letter);
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            char::from(alphabet[(state >> 33) as usize % alphabet.len()])
        };
        (0..count).map(|_| next()).collect()
    };
    let mut filled = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (slot, behind) = after.split_once('}').expect("a slot is closed");
        filled.push_str(before);
        match slot.as_bytes() {
            b"u" => {
                let parts = [8, 4, 4, 4, 12].map(|count| random(b'h', count));
                filled.push_str(&parts.join("-"));
            }
            [b'$', name @ ..] => filled.push_str(&format!("${{{}}}", String::from_utf8_lossy(name))),
            b"=?jwt" => filled.push_str(base64(br#"{"alg":"HS256","typ":"JWT"}"#).trim_end_matches('=')),
            [b'=', text @ ..] => filled.push_str(&base64(text)),
            [letter, ..] => filled.push_str(&random(*letter, slot[1..].parse().expect("a slot has a count"))),
            [] => filled.push('{'),
        }
        rest = behind;
    }
    filled.push_str(rest);
    filled
}

fn base64(bytes: &[u8]) -> String {
    let alphabet = alphabet(b'B');
    let alphabet = [&alphabet[..26], &alphabet[26..52], &alphabet[52..]].concat();
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().fold(0u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let six = (word >> (18 - 6 * place) & 63) as usize;
            text.push(if place <= chunk.len() { char::from(alphabet[six]) } else { '=' });
        }
    }
    text
}

/// Rule, a line with a secret of its kind, a line that only looks like one.
const CASES: &[(&str, &str, &str)] = &[
    ("github-token", "ghp_{a36}", "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
    ("github-app-jwt", "x ghs_{d6}_eyJ{a20}.{b40}.{b43}", "ghs_12_eyJ.a.b"),
    ("github-fine-grained-token", "github_pat_{a22}_{a59}", "github_pat_{a22}_TODO"),
    ("github-legacy-token", "github_token = {h40}", "github_revision = {h40}"),
    ("gitlab-token", "glpat-{a20}", "glpat-xxxxxxxxxxxxxxxxxxxx"),
    ("gitlab-runner-token", "GR1348941{b20}", "GR1348941"),
    ("gitea-token", "GITEA_TOKEN={h40}", "gitea 1.21.{d2}"),
    ("bitbucket-app-password", "ATBB{a32}", "ATBB short"),
    ("bitbucket-token", "ATCTT3xFfG{b170}=ABCD", "ATCTT3xFfG and so on"),
    ("atlassian-token", "ATATT3xFfG{b170}=ABCD", "ATATT3xFfG and so on"),
    ("jira-token", "jira_token: \"{a24}\"", "jira_ticket: \"ORCH-65\""),
    ("sourcegraph-token", "sgp_{h16}_{h40}", "sgp_local_0000000000000000000000000000000000000000"),
    ("sonar-token", "sqp_{h40}", "sqp_{h12}"),
    ("sonar-login", "-Dsonar.login={h40}", "-Dsonar.login={$LOGIN}"),
    ("circleci-token", "CCIPAT_{a22}_{h40}", "CCIPAT_{a8}"),
    ("buildkite-token", "bkua_{l40}", "bkua_{l10}"),
    ("travis-token", "travis_token = {a22}", "travis_token = to_be_done_later_ok"),
    ("codecov-token", "CODECOV_TOKEN: {u}", "CODECOV_TOKEN: 00000000-0000-0000-0000-000000000000"),
    ("drone-token", "DRONE_TOKEN={a32}", "DRONE_TOKEN=$TOKEN"),
    ("azure-devops-token", "{a76}AZDO{a4}", "AZDO{a4}"),
    ("snyk-token", "SNYK_TOKEN={u}", "snyk_project = \"my-project\""),
    ("gradle-credentials", "  password \"q{a10}\"", "  password \"$mavenPassword\""),
    ("aws-access-key", "AKIA{U15}7", "AKIAIOSFODNN7EXAMPLE"),
    (
        "aws-secret-key",
        "aws_secret_access_key = {B39}7",
        "aws_secret_access_key = xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    ),
    ("aws-bedrock-key", "ABSK{B120}", "ABSK{B20}"),
    ("aws-bedrock-short-key", "bedrock-api-key-YmVkcm9jay{a40}", "bedrock-api-key-name"),
    ("aws-mws-token", "amzn.mws.{u}", "amzn.mws.0000"),
    ("gcp-api-key", "AIza{a35}", "AIza{a20}"),
    ("gemini-api-key", "AQ.Ab8R{b46}", "AQ.Ab8R"),
    ("google-oauth-secret", "GOCSPX-{b28}", "GOCSPX-xxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
    ("google-oauth-token", "ya29.{b60}", "ya29.short"),
    ("google-refresh-token", "1//0{b60}", "https://host.invalid/1//0"),
    ("azure-storage-key", "AccountKey={B86}==;", "AccountKey=<key>"),
    ("azure-signed-key", "{B70}+ASt{a8}==", "x = y+ASt"),
    ("azure-client-secret", "'{a3}8Q~{a34}'", "8Q~short"),
    ("azure-ai-key", "{a52}JQQJ9{a27}", "JQQJ9{a5}"),
    ("azure-connection-key", "SharedAccessKey={B43}=", "SharedAccessKey=<key>"),
    (
        "azure-app-config",
        "Endpoint=https://x.azconfig.io;Id=ab-c;Secret={B43}=",
        "Endpoint=https://x.azconfig.io;Id=ab-c;Secret=<it>",
    ),
    (
        "azure-sas",
        "https://x.invalid/c?sv=2024-01-01&sr=c&sig={a43}%3D",
        "https://x.invalid/c?sv=2024-01-01&sr=c&sig=SIG",
    ),
    ("azure-api-management-key", "Ocp-Apim-Subscription-Key: {h32}", "Ocp-Apim-Subscription-Key: <key>"),
    ("digitalocean-token", "dop_v1_{h64}", "dop_v1_{h8}"),
    ("heroku-key", "HRKU-AA{b58}", "HRKU-AA"),
    ("heroku-legacy-key", "HEROKU_API_KEY={u}", "heroku_app = \"my-app\""),
    ("cloudflare-key", "CLOUDFLARE_API_TOKEN={a40}", "cloudflare_zone = \"example.invalid\""),
    ("cloudflare-origin-key", "v1.0-{h24}-{h146}", "v1.0-rc1"),
    ("alibaba-access-key", "LTAI{a19}7", "LTAIxxxxxxxxxxxxxxxx"),
    ("tencent-secret-id", "AKID{a32}", "AKIDNEY"),
    ("ibm-cloud-key", "ibm_cloud_api_key = \"{a44}\"", "ibm_cloud_api_key = \"insert_key_here\""),
    ("linode-token", "LINODE_TOKEN={h64}", "linode_region = eu-central"),
    ("scaleway-key", "SCW_SECRET_KEY={u}", "SCW_SECRET_KEY=00000000-0000-0000-0000-000000000000"),
    ("ovh-key", "ovh_application_secret: {a32}", "ovh_endpoint: ovh-eu"),
    ("fly-token", "fo1_{b43}", "fo1_x"),
    ("vercel-legacy-token", "VERCEL_TOKEN={a24}", "vercel_project = my-project"),
    ("netlify-token", "nfp_{a36}", "nfp_short"),
    ("netlify-key", "NETLIFY_AUTH_TOKEN={a43}", "netlify_site = my-site"),
    ("vercel-token", "vcp_{a56}", "vercel_project = my-project"),
    ("openai-key", "sk-proj-{a40}T3BlbkFJ{a40}", "T3BlbkFJ"),
    ("anthropic-key", "sk-ant-api03-{b93}AA", "sk-ant-api03-your-key"),
    ("openrouter-key", "sk-or-v1-{h64}", "sk-or-v1-{h10}"),
    ("deepseek-key", "sk-{h32}", "sk-00000000000000000000000000000000"),
    ("stability-key", "sk-{a48}", "sk-{a10}"),
    ("named-sk-key", "DEEPSEEK_API_KEY: sk-{a30}", "DEEPSEEK_API_KEY: sk-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
    ("huggingface-token", "hf_{x34}", "hf_servingcellpriorityparametersdescription"),
    ("groq-key", "gsk_{a52}", "gsk_{a10}"),
    ("replicate-token", "r8_{a37}", "r8_{a10}"),
    ("xai-key", "xai-{a80}", "xai-grok-4"),
    ("perplexity-key", "pplx-{a48}", "pplx-7b-online"),
    ("langchain-key", "lsv2_pt_{h32}_{h10}", "lsv2_pt_x"),
    ("pinecone-key", "pcsk_{a5}_{a63}", "pcsk_short"),
    ("nvidia-key", "nvapi-{b64}", "nvapi-short"),
    ("wandb-key", "wandb_v1_{a27}_{a49}", "wandb_v1_short"),
    ("wandb-legacy-key", "WANDB_API_KEY={h40}", "wandb_project = demo"),
    ("cerebras-key", "csk-{l48}", "csk-short"),
    ("fireworks-key", "fw_{a24}", "fw_update_progress_percent_x"),
    ("tavily-key", "tvly-{a32}", "tvly-YOUR_API_KEY"),
    ("elevenlabs-key", "sk_{h48}", "sk_buff_head"),
    ("mistral-key", "MISTRAL_API_KEY={a32}", "mistral_model = mistral-large"),
    ("cohere-key", "COHERE_API_KEY={a40}", "cohere_model = command-r"),
    ("deepgram-key", "DEEPGRAM_API_KEY={h40}", "deepgram_model = nova"),
    ("cursor-key", "key_{h64}", "key_name"),
    ("npm-token", "npm_{a36}", "npm_config_registry"),
    ("npmrc-auth", "//npm.host.invalid/:_authToken={a30}7", "//npm.host.invalid/:_authToken={$NPM_TOKEN}"),
    ("pypi-token", "pypi-AgEIcHlwaS5vcmc{b120}", "pypi-AgEIcHlwaS5vcmc"),
    ("crates-token", "cio{a31}7", "ciotestabcdefghijklmnopqrstuvwxyz"),
    ("nuget-key", "oy2{l42}7", "oy2short"),
    (
        "nuget-config-password",
        "<add key=\"ClearTextPassword\" value=\"q{a10}\" />",
        "<add key=\"ClearTextPassword\" value=\"%PASSWORD%\" />",
    ),
    ("rubygems-key", "rubygems_{h48}", "rubygems_version"),
    ("docker-token", "dckr_pat_{b27}", "dckr_pat_tooshort"),
    ("docker-auth", "{}\"auth\": \"{=builder:q7Wz2mKx}\"", "{}\"auth\": \"{=user:password}\""),
    ("docker-swarm-token", "SWMTKN-1-{l50}-{l25}", "SWMTKN-1-x"),
    ("jfrog-key", "AKCp{n69}", "AKCp{a10}"),
    ("jfrog-reference-token", "cmVmdGtuOjAx{a52}", "cmVmdGtu"),
    ("jfrog-password", "ARTIFACTORY_PASSWORD={l73}", "artifactory_url = host"),
    ("clojars-token", "CLOJARS_{l60}", "CLOJARS_USERNAME"),
    ("packagist-token", "packagist_out_{h68}", "packagist_out_"),
    (
        "npm-legacy-token",
        "npm config set //registry.host.invalid/:_authToken={u}",
        "registry.host.invalid/:_authToken=",
    ),
    ("stripe-key", "sk_live_{a24}", "sk_live_short"),
    ("stripe-webhook-secret", "whsec_{a32}", "whsec_short"),
    ("square-token", "sq0atp-{b22}", "sq0atp-"),
    ("shopify-token", "shpat_{h32}", "shpat_short"),
    ("paypal-braintree-token", "access_token$production${l16}${h32}", "access_token$production$"),
    ("paypal-secret", "PAYPAL_SECRET={a80}", "paypal_mode = sandbox"),
    ("plaid-token", "access-sandbox-{u}", "access-sandbox-mode"),
    ("plaid-secret", "PLAID_SECRET={l30}", "plaid_env = sandbox"),
    ("razorpay-key", "rzp_live_{a14}", "rzp_live_"),
    ("flutterwave-key", "FLWSECK_TEST-{h12}", "FLWSECK_TEST-"),
    ("easypost-key", "EZAK{a54}", "EZAK"),
    ("shippo-token", "shippo_live_{h40}", "shippo_live_"),
    ("coinbase-token", "COINBASE_SECRET={a32}", "coinbase_currency = EUR"),
    ("lob-key", "live_{h35}", "live_reload_enabled"),
    ("gocardless-token", "GOCARDLESS_TOKEN=live_{a40}", "gocardless_env = live"),
    ("duffel-token", "duffel_live_{b43}", "duffel_live_"),
    ("slack-token", "xoxb-{d12}-{d12}-{a24}", "xoxb-xxxxxxxxx-xxxxxxxxxx-xxxxxxxxxxxx"),
    ("slack-config-token", "xoxe.xoxp-1-{U163}", "xoxe.xoxp-1-initial"),
    ("slack-session-cookie", "xoxd-{a80}", "xoxd-cookie"),
    ("slack-app-token", "xapp-1-{U11}-{d13}-{h64}", "xapp-1-"),
    (
        "slack-webhook",
        "https://hooks.slack.com/services/T{U9}/B{U9}/{a24}",
        "https://hooks.slack.com/services/TEAM/BOT/x",
    ),
    ("discord-bot-token", "discord M{a25}.{a6}.{b38}", "discord Module.Config.Something"),
    ("discord-webhook", "https://discord.com/api/webhooks/{d18}/{b68}", "https://discord.com/api/webhooks/id/token"),
    ("discord-secret", "DISCORD_CLIENT_SECRET={a32}", "discord_channel = general"),
    ("telegram-bot-token", "{d9}:AA{a33}", "foo:AA{a33}"),
    (
        "teams-webhook",
        "https://x.webhook.office.com/webhookb2/{u}@{u}/IncomingWebhook/{h32}/{u}",
        "https://x.webhook.office.com/webhookb2/id",
    ),
    ("mattermost-token", "MATTERMOST_TOKEN={l26}", "mattermost_channel = town-square"),
    ("twilio-key", "SK{h32}", "SKELETON"),
    ("twilio-auth-token", "TWILIO_AUTH_TOKEN={h32}", "twilio_from = +4912345"),
    ("sendgrid-key", "SG.{b22}.{b43}", "SG.{b22}."),
    ("mailgun-key", "key-{h32}", "key-value-store"),
    ("mailgun-private-key", "mailgun: {h32}-{h8}-{h8}", "mailgun: {h32}-{h8}"),
    ("mailchimp-key", "{h32}-us12", "{h12}-us2"),
    ("mailchimp-named-key", "MAILCHIMP_KEY={a32}-us12", "mailchimp_list = news-us12"),
    ("brevo-key", "xkeysib-{h64}-{a16}", "xkeysib-"),
    ("postmark-token", "postmark_token: '{u}'", "postmark_from: 'a@host.invalid'"),
    ("resend-key", "re_{a7}3_{a24}", "re_render_template_for_preview_only"),
    ("messagebird-key", "MESSAGEBIRD_TOKEN={a25}", "messagebird_from = shop"),
    ("line-token", "line_access_token = {B171}=", "line_access_token = none"),
    ("intercom-token", "INTERCOM_TOKEN={a60}", "intercom_app = shop"),
    ("pagerduty-key", "PAGERDUTY_TOKEN={a20}", "pagerduty_service = web"),
    ("vault-token", "hvs.{b60}", "hvs.config"),
    ("vault-legacy-token", "VAULT_TOKEN=s.{a24}", "VAULT_TOKEN=s.xxxxxxxxxxxxxxxxxxxxxxxx"),
    ("terraform-token", "{a14}.atlasv1.{b67}", "x.atlasv1."),
    ("pulumi-token", "pul-{h40}", "pul-request"),
    ("doppler-token", "dp.st.dev.{a43}", "dp.st.dev"),
    ("onepassword-key", "A3-{U6}-{U11}-{U5}-{U5}-{U5}", "A3-XXXXXX-XXXXXXXXXXX-XXXXX-XXXXX-XXXXX"),
    ("onepassword-service-token", "ops_eyJ{a240}", "ops_eyJ"),
    ("age-secret-key", "AGE-SECRET-KEY-1{q58}", "AGE-SECRET-KEY-1"),
    ("openshift-token", "oc login --token=sha256~{b43}", "oc login --token=sha256~<token>"),
    ("databricks-token", "dapi{h32}", "dapi"),
    ("planetscale-token", "pscale_tkn_{b43}", "pscale_tkn_"),
    ("supabase-token", "sbp_{h40}", "sbp_short"),
    ("neon-key", "napi_{l64}", "napi_create_function"),
    ("cockroach-key", "CCDB1_{a22}_{a40}", "CCDB1_"),
    ("elastic-key", "essu_{a86}==", "essu_abc123"),
    ("grafana-token", "glsa_{a32}_{h8}", "glsa_short"),
    ("newrelic-key", "NRAK-{U27}", "NRAK-"),
    ("datadog-key", "DD_API_KEY={h32}", "DD_API_KEY=$KEY"),
    ("sentry-token", "sntrys_eyJ{a120}", "sntrys_"),
    ("dynatrace-token", "dt0c01.{U24}.{U64}", "dt0c01."),
    ("sumologic-key", "SUMO_ACCESS_KEY={a64}", "sumo_region = eu"),
    ("honeycomb-key", "hcaik_{l58}", "hcaik_"),
    ("tailscale-key", "tskey-auth-{a12}-{a32}", "tskey-auth-name"),
    ("fastly-token", "FASTLY_API_TOKEN={a32}", "fastly_service = web"),
    ("octopus-key", "API-{U28}", "API-REFERENCE"),
    ("harness-token", "pat.{a22}.{h24}.{a20}", "pat.name.value"),
    ("defined-key", "dnkey-{a26}-{a52}", "dnkey-"),
    ("prefect-key", "pnu_{a36}", "pnu_"),
    ("launchdarkly-key", "sdk-{u}", "sdk-version"),
    ("cisco-meraki-key", "MERAKI_API_KEY={h40}", "CameraKit: {h40}"),
    ("facebook-token", "EAAM{a150}", "EAAM"),
    ("facebook-secret", "facebook_app_secret = {h32}", "facebook_page = shop"),
    ("instagram-token", "IGQVJ{a150}", "IGQVJ"),
    ("twitter-bearer", "AAAAAAAAAAAAAAAAAAAAA{a80}", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
    ("twitter-secret", "TWITTER_SECRET={a50}", "twitter_handle = shop"),
    ("linkedin-secret", "LINKEDIN_CLIENT_SECRET={a16}", "linkedin_page = shop"),
    ("spotify-secret", "SPOTIFY_CLIENT_SECRET={h32}", "spotify_playlist = hits"),
    ("twitch-token", "TWITCH_TOKEN={l30}", "twitch_channel = shop"),
    ("flickr-key", "FLICKR_SECRET={h32}", "flickr_album = shop"),
    ("youtube-deviantart-key", "deviantart_secret={h32}", "youtube_channel = shop"),
    ("notion-token", "ntn_{d11}{a35}", "ntn_short"),
    ("notion-legacy-token", "notion = secret_{a43}", "secret_key_base"),
    ("figma-token", "figd_{b40}", "figd_abc"),
    ("figma-legacy-token", "FIGMA_TOKEN={h4}-{h8}-{h4}-{h4}-{h4}-{h12}", "figma_file = {u}"),
    ("postman-key", "PMAK-{h24}-{h34}", "PMAK-"),
    ("linear-key", "lin_api_{a40}", "lin_api_key"),
    ("airtable-token", "pat{a14}.{h64}", "path.to.file"),
    ("asana-token", "ASANA_CLIENT_SECRET={l32}", "asana_project = shop"),
    ("contentful-token", "CFPAT-{b43}", "CFPAT-"),
    ("dropbox-token", "sl.{a135}", "sl.config"),
    ("dropbox-key", "DROPBOX_APP_SECRET={l15}", "dropbox_folder = shop"),
    ("dropbox-long-lived", "{a11}AAAAAAAAAA{a43}", "DropboxIsAAAAAAAmazing"),
    ("okta-token", "okta_api_token = \"00{a40}\"", "rookTable = 00"),
    ("algolia-key", "algolia_api_key = {h32}", "algolia_index = shop"),
    ("mapbox-token", "sk.eyJ{a80}.{a22}", "sk.eyJ"),
    ("typeform-token", "tfp_{a44}_{a14}", "tfp_short"),
    ("wakatime-key", "waka_{u}", "waka_0000"),
    ("hubspot-token", "pat-na1-{u}", "pat-na1-"),
    ("salesforce-token", "00D{a12}!{a90}", "00DE"),
    ("adobe-secret", "p8e-{b32}", "p8e-"),
    ("posthog-key", "phx_{a43}", "phx_"),
    ("readme-key", "rdme_{l70}", "rdme_"),
    ("frameio-token", "fio-u-{a64}", "fio-u-"),
    ("box-token", "BOX_DEVELOPER_TOKEN={a32}", "box_width = 12"),
    ("apify-token", "apify_api_{a36}", "apify_api_url"),
    ("scrapingbee-key", "x-rapidapi-key: {a50}", "x-rapidapi-host: host.invalid"),
    ("pendo-amplitude-key", "AMPLITUDE_SECRET={h32}", "amplitude = 12"),
    ("oauth-client-secret", "client_secret: '{a40}'", "client_secret: 'get_client_secret_from_vault_2'"),
    ("database-url", "postgres://shop:q7{a8}@db.internal/shop", "postgres://user:password@localhost/db"),
    ("url-password", "https://build:q7{a8}@git.internal/x", "https://user:password@host.invalid/x"),
    ("connection-string-password", "Server=db;User Id=shop;Password=q7{a8};", "Server=db;User Id=shop;Password={$PW};"),
    ("connection-string-password-first", "Password=q7{a8};Server=db;", "Password=<password>;Server=db;"),
    (
        "jdbc-password",
        "jdbc:mysql://db/shop?user=shop&password=q7{a8}",
        "jdbc:mysql://db/shop?user=shop&password=password",
    ),
    ("oracle-thin-password", "jdbc:oracle:thin:shop/q7{a8}@db:1521", "jdbc:oracle:thin:@db:1521"),
    ("htpasswd-hash", "shop:$apr1${a8}${a22}", "shop:password"),
    (
        "private-key",
        "-----BEGIN RSA PRIVATE KEY-----\n{B64}\n{B64}\n-----END RSA PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\n ... \n-----END PRIVATE KEY-----",
    ),
    (
        "putty-private-key",
        "PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\nPrivate-Lines: 1\n{B44}",
        "PuTTY-User-Key-File-3: is the first line of a key",
    ),
    ("jwt", "{=?jwt}.ey{b60}.{b43}", "eyJhbGciOiJ.eyJzdWIiOi.x"),
    (
        "tink-keyset",
        "\"typeUrl\": \"type.googleapis.com/google.crypto.tink.AesGcmKey\", \"value\": \"{B80}\"",
        "google.crypto.tink is a library",
    ),
    ("authorization-header", "Authorization: Bearer {a40}", "Authorization: Bearer <token>"),
    ("basic-auth-header", "Authorization: Basic {=builder:q7Wz2mKx}", "Authorization: Basic {=user:password}"),
    ("curl-user", "curl -u shop:q7{a8} https://host.invalid", "curl -u username:token https://host.invalid"),
    ("command-line-password", "docker login -u shop -p q7{a8}", "docker login -u shop -p $PASSWORD"),
    ("atlassian-server-token", "token: MTIzMTIzMTE0MTI1Ojq{a25}", "token: MTIzMTIzMTI0MTI1"),
    ("deno-token", "ddp_{a36}", "ddp_short"),
    ("together-key", "tgp_v1_{b43}", "tgp_v1_short"),
    ("friendli-token", "flp_{a46}", "flp_short"),
    ("retell-key", "key_{h28}", "key_{h12}"),
    ("voyage-key", "pa-{b43}", "pa-rate-of-the-whole-of-this-long-identifier-x"),
    ("coderabbit-key", "cr-{h58}", "cr-{h20}"),
    ("jina-key", "jina_{h32}{b28}", "jina_embeddings"),
    ("e2b-key", "e2b_{h40}", "e2b_sandbox"),
    ("langfuse-key", "sk-lf-{u}", "sk-lf-name"),
    ("infracost-key", "ico-{a32}", "ico-download"),
    ("nats-seed", "SUAM{s54}", "SUAM"),
    ("truenas-key", "\"auth.login_with_api_key\", [\"8-{a64}\"]", "\"auth.login_with_api_key\", [\"8-key\"]"),
    ("kerberos-ticket", "$krb5asrep$23$user@host.invalid:{h32}${h80}", "$krb5asrep$23$"),
    ("thingsboard-token", "http://host.invalid/api/v1/{a20}/telemetry", "http://host.invalid/api/v1/devices/telemetry"),
    ("mercury-token", "secret-token:mercury_production_wma_{l40}_yrucrem", "secret-token:mercury_production"),
    ("adyen-key", "AQEyhmfxK4{a80}-{B44}=-{a16}", "AQE"),
    ("devcycle-key", "dvc_server_{l24}", "dvc_server_url"),
    ("ionic-token", "ion_{a42}", "ion_short"),
    ("wundergraph-key", "cosmo_{h32}", "cosmo_router"),
    ("intra42-secret", "s-s4t2af-{h64}", "s-s4t2af-"),
    ("teamwork-token", "tkn.v1_{B76}=", "tkn.v1_"),
    ("clickhouse-key", "4b1d{a38}", "4b1d{h8}"),
    ("infura-key", "https://mainnet.infura.io/v3/{h32}", "https://mainnet.infura.io/v3/PROJECT"),
    ("alchemy-key", "https://eth-mainnet.g.alchemy.com/v2/{b32}", "https://eth-mainnet.g.alchemy.com/v2/key"),
    ("tines-webhook", "https://x.tines.com/webhook/{h32}/{h32}", "https://x.tines.com/webhook/path/secret"),
    ("generic-secret", "shop_token = \"{a32}\"", "shop_token = load_token_from_vault_2"),
    ("kubernetes-secret", "kind: Secret\ndata:\n  pw: {=q7Wz2mKx9-more}\n", "kind: Secret\ndata:\n  pw: \"\"\n"),
];

fn hits(text: &str) -> Vec<(&'static str, String)> {
    let found = Scanner::new(&[]).unwrap().scan(text.as_bytes(), true).unwrap();
    found.into_iter().map(|hit| (hit.rule.id, text[hit.secret].to_string())).collect()
}

// SEC-2
#[test]
fn every_kind_has_a_case() {
    let mut cases: Vec<&str> = CASES.iter().map(|case| case.0).collect();
    let mut known: Vec<&str> = rules::all().map(|rule| rule.id).collect();
    cases.sort_unstable();
    known.sort_unstable();
    assert_eq!(cases, known);
}

// SEC-2
#[test]
fn a_secret_of_every_kind_is_found_by_its_rule() {
    let mut missed = Vec::new();
    for (seed, (rule, secret, _)) in (1..).zip(CASES) {
        let text = fill(secret, seed);
        let found = hits(&text);
        if !found.iter().any(|(id, _)| id == rule) {
            missed.push(format!("{rule}: {text} gave {found:?}"));
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

// SEC-2
#[test]
fn a_look_alike_of_every_kind_is_left_alone() {
    let mut flagged = Vec::new();
    for (seed, (rule, _, look_alike)) in (1..).zip(CASES) {
        let text = fill(look_alike, seed);
        let found = hits(&text);
        if !found.is_empty() {
            flagged.push(format!("{rule}: {text} gave {found:?}"));
        }
    }
    assert!(flagged.is_empty(), "{}", flagged.join("\n"));
}

// SEC-2
#[test]
fn this_crate_itself_holds_nothing_that_the_gate_would_stop() {
    let scanner = Scanner::new(&[]).unwrap();
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut looked_at = 0;
    for folder in [".", "build", "src", "tests", "examples"] {
        for entry in std::fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                let found = scanner.scan(&std::fs::read(&path).unwrap(), true).unwrap();
                let found: Vec<_> = found.iter().map(|hit| (hit.rule.id, hit.line)).collect();
                assert!(found.is_empty(), "{}: {found:?}", path.display());
                looked_at += 1;
            }
        }
    }
    assert!(looked_at > 20);
}
