//! Clouds and hosting.

use super::{Check, Rule, named};

pub(super) const RULES: &[Rule] = &[
    Rule::new("aws-access-key", "AWS access key id", &["akia", "asia", "abia", "acca", "a3t"], r"\b((?:AKIA|ASIA|ABIA|ACCA|A3T[A-Z0-9])[A-Z0-9]{16})\b").check(Check::Mixed),
    Rule::new(
        "aws-secret-key",
        "AWS secret access key",
        &["aws", "secret_access_key", "secretaccesskey", "secret_key", "secretkey"],
        r"(?i:aws[\w.\- ]{0,30}(?:secret|key|sk)|secret_?(?:access_?)?key)[\w.\-]{0,30}[\s'\x22\x60\]=:>,|(\\]{1,10}([A-Za-z0-9/+]{40})(?:[^A-Za-z0-9/+=]|$)",
    )
    .bits(4.0)
    .check(Check::Mixed),
    Rule::new("aws-bedrock-key", "Amazon Bedrock API key", &["absk"], r"\b(ABSK[A-Za-z0-9+/]{109,269}={0,2})"),
    Rule::new("aws-bedrock-short-key", "Amazon Bedrock short-lived key", &["bedrock-api-key-"], r"\b(bedrock-api-key-YmVkcm9jay[A-Za-z0-9+/=]{20,})"),
    Rule::new("aws-mws-token", "Amazon MWS token", &["amzn.mws."], r"\b(amzn\.mws\.[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})\b"),
    Rule::new("gcp-api-key", "Google API key", &["aiza"], r"\b(AIza[A-Za-z0-9_\-]{35})(?:[^A-Za-z0-9_\-]|$)"),
    Rule::new("gemini-api-key", "Google Gemini API key", &["aq.ab8r"], r"\b(AQ\.Ab8R[A-Za-z0-9_\-]{40,60})"),
    Rule::new("google-oauth-secret", "Google OAuth client secret", &["gocspx-"], r"\b(GOCSPX-[A-Za-z0-9_\-]{28})"),
    Rule::new("google-oauth-token", "Google OAuth access token", &["ya29."], r"\b(ya29\.[A-Za-z0-9_\-]{30,})"),
    Rule::new("google-refresh-token", "Google OAuth refresh token", &["1//0"], r"(?:^|[^A-Za-z0-9_/])(1//0[A-Za-z0-9_\-]{40,110})(?:[^A-Za-z0-9_/]|$)").bits(4.0),
    Rule::new("azure-storage-key", "Azure storage or Cosmos account key", &["accountkey", "account_key", "storage"], r"(?i:account_?key|storage[\w\-]{0,20}key)[\s'\x22=:\\]{1,6}([A-Za-z0-9+/]{86}==|[A-Za-z0-9+/]{100,110}={1,2})").bits(4.0),
    Rule::new("azure-signed-key", "Azure service key", &["+ast", "+acr", "+aba", "+amc", "azse", "azca", "azfu", "acdb", "aiot", "+asb", "+aeh", "+arm"], r"([A-Za-z0-9+/\-_]{33,78}(?:\+(?:ASt|ACR|ABa|AMC|ASb|AEh|ARm)|AzSe|AzCa|AzFu|ACDb|AIoT)[A-Za-z0-9+/\-_]{5,8}(?:==?|\b))").bits(4.0),
    Rule::new("azure-client-secret", "Microsoft Entra client secret", &["q~"], r"(?:^|[^A-Za-z0-9_~.\-])([A-Za-z0-9_~.]{3}\dQ~[A-Za-z0-9_~.\-]{31,34})(?:[^A-Za-z0-9_~.\-]|$)").bits(3.5),
    Rule::new("azure-ai-key", "Azure AI service key", &["jqqj9"], r"\b([A-Za-z0-9]{52}JQQJ9[A-Za-z0-9]{27})\b").bits(4.0),
    Rule::new("azure-connection-key", "Azure connection string key", &["sharedaccesskey", "shared_access_key"], r"(?i:shared_?access_?key)\s*=\s*([A-Za-z0-9+/]{43}=)").bits(3.5),
    Rule::new("azure-app-config", "Azure App Configuration connection string", &["azconfig.io"], r"azconfig\.io;Id=[^;]{1,40};Secret=([A-Za-z0-9+/=]{36,100})").bits(3.5),
    Rule::new("azure-sas", "Azure shared access signature", &["sig="], r"(?i)(?:[?&;]|\b)s[vretp]=[^\s'\x22]{2,300}&sig=([A-Za-z0-9%+/]{43,80}(?:%3D|=))").bits(3.5),
    Rule::new("azure-api-management-key", "Azure subscription key", &["azure", "ocp-apim"], named!(r"azure[\w.\- ]{0,24}(?:key|secret|token|pass\w*)|ocp-apim-subscription-key", r"[0-9a-f]{32}|[A-Za-z0-9]{52}|[A-Za-z0-9]{84}|[A-Za-z0-9+/]{86}==")).bits(3.3),
    Rule::new("digitalocean-token", "DigitalOcean token", &["dop_v1_", "doo_v1_", "dor_v1_"], r"\b(do[opr]_v1_[0-9a-f]{64})\b"),
    Rule::new("heroku-key", "Heroku API key", &["hrku-"], r"\b(HRKU-(?:AA[A-Za-z0-9_\-]{58}|[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}))"),
    Rule::new("heroku-legacy-key", "Heroku API key of the old form", &["heroku"], named!(r"heroku", r"(?i:[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})")),
    Rule::new("cloudflare-key", "Cloudflare key", &["cloudflare", "cf_api", "cf-api"], named!(r"cloudflare|cf[_\-]api", r"[0-9a-f]{37}|[A-Za-z0-9_\-]{40}")).bits(3.5),
    Rule::new("cloudflare-origin-key", "Cloudflare origin CA key", &["v1.0-"], r"\b(v1\.0-[0-9a-f]{24}-[0-9a-f]{146})\b"),
    Rule::new("alibaba-access-key", "Alibaba Cloud access key", &["ltai"], r"\b(LTAI[A-Za-z0-9]{12,20})\b").bits(3.3).check(Check::Mixed),
    Rule::new("tencent-secret-id", "Tencent Cloud secret id", &["akid"], r"\b(AKID[A-Za-z0-9]{32})\b").bits(3.5),
    Rule::new("ibm-cloud-key", "IBM Cloud API key", &["ibm", "iam", "softlayer", "bluemix", "cloudant", "sl_", "sl-"], named!(r"(?:ibm|bluemix)?[_\- ]?cloud[_\- ]?(?:iam)?[_\- ]?(?:api[_\-]?)?(?:key|pwd|password|pass|token)|ibm[\w\-]{0,20}key|softlayer[\w\-]{0,16}|\bsl[_\-]api[_\-]?key|cloudant[\w\-]{0,16}(?:key|pass\w*|pwd|pw)", r"[A-Za-z0-9_\-]{44}|[0-9a-z]{64}|[a-z]{24}")).bits(3.3),
    Rule::new("linode-token", "Linode token", &["linode"], named!(r"linode", r"[0-9a-f]{64}")),
    Rule::new("scaleway-key", "Scaleway secret key", &["scw", "scaleway"], named!(r"(?:\b|_)scw|scaleway", r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")),
    Rule::new("ovh-key", "OVH key", &["ovh"], named!(r"(?:\b|_)ovh", r"[A-Za-z0-9]{32}|[A-Za-z0-9]{16}")).bits(3.2).check(Check::Mixed),
    Rule::new("fly-token", "Fly.io token", &["fo1_", "fm1", "fm2_"], r"\b(fo1_[A-Za-z0-9_\-]{43}|fm[12][ar]?_[A-Za-z0-9+/=_\-]{100,})"),
    Rule::new("netlify-token", "Netlify token", &["nfp_"], r"\b(nf[pu]_[A-Za-z0-9]{36})\b"),
    Rule::new("netlify-key", "Netlify key", &["netlify"], named!(r"netlify", r"[A-Za-z0-9=_\-]{43,46}|[0-9a-f]{63,64}")).bits(3.3),
    Rule::new("vercel-token", "Vercel token", &["vercel", "vcp_", "vck_"], r"\b(vc[pikr]_[A-Za-z0-9]{24,56})\b|(?i:vercel[\w\-]{0,20}(?:token|key|secret))[\s'\x22=:]{1,6}[A-Za-z0-9]{24}\b"),
];
