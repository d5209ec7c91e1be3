//! Everything else that hands out keys: productivity, identity, maps, search.

use super::{Check, Rule, named};

pub(super) const RULES: &[Rule] = &[
    Rule::new("notion-token", "Notion token", &["ntn_"], r"\b(ntn_\d{8,12}[A-Za-z0-9]{34,38})\b").bits(3.5),
    Rule::new("notion-legacy-token", "Notion token of the old form", &["secret_"], r"\b(secret_[A-Za-z0-9]{43})\b").bits(4.0).check(Check::Mixed),
    Rule::new("figma-token", "Figma token", &["figd_", "figma"], r"\b(figd_[A-Za-z0-9_\-]{38,44})|(?i:figma[\w\-]{0,20})[\s'\x22=:]{1,6}[0-9A-Fa-f]{4}-[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\b"),
    Rule::new("postman-key", "Postman key", &["pmak-"], r"\b(PMAK-[0-9a-f]{24}-[0-9a-f]{34})"),
    Rule::new("linear-key", "Linear key", &["lin_api_", "lin_oauth_"], r"\b(lin_(?:api_[A-Za-z0-9]{40}|oauth_[0-9a-f]{64}))\b"),
    Rule::new("airtable-token", "Airtable token", &["pat"], r"\b(pat[A-Za-z0-9]{14}\.[0-9a-f]{64})\b"),
    Rule::new("asana-token", "Asana token", &["asana"], named!(r"asana", r"[a-z0-9]{32}|\d/\d{16}:[a-z0-9]{32}|[0-9]{16}")),
    Rule::new("contentful-token", "Contentful token", &["cfpat-", "contentful"], r"\b(CFPAT-[A-Za-z0-9_\-]{43})"),
    Rule::new("dropbox-token", "Dropbox token", &["sl."], r"(?:^|[^A-Za-z0-9_.])(sl\.(?:u\.)?[A-Za-z0-9_\-=]{130,400})").bits(4.0),
    Rule::new("dropbox-key", "Dropbox key", &["dropbox"], named!(r"dropbox", r"[a-z0-9]{15}|[A-Za-z0-9_=\-]{11}AAAAAAAAAA[A-Za-z0-9_=\-]{43}")).bits(2.8).check(Check::Mixed),
    Rule::new("dropbox-long-lived", "Dropbox long-lived token", &["aaaaaaaaaa"], r"\b([A-Za-z0-9]{11}AAAAAAAAAA[A-Za-z0-9_\-]{43})\b").bits(3.5).check(Check::Opaque),
    Rule::new("okta-token", "Okta token", &["okta"], named!(r"(?:\b|_)okta", r"00[A-Za-z0-9_\-=]{40}")).bits(4.0),
    Rule::new("algolia-key", "Algolia key", &["algolia", "docsearch"], named!(r"algolia|docsearch", r"[A-Za-z0-9]{32}")).check(Check::Mixed),
    Rule::new("mapbox-token", "Mapbox secret token", &["sk.eyj"], r"\b(sk\.eyJ[A-Za-z0-9_\-]{60,120}\.[A-Za-z0-9_\-]{22})"),
    Rule::new("typeform-token", "Typeform token", &["tfp_"], r"\b(tfp_[A-Za-z0-9_\-=.]{40,64})"),
    Rule::new("wakatime-key", "WakaTime key", &["waka_"], r"\b(waka_[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})\b"),
    Rule::new("hubspot-token", "HubSpot token", &["pat-na", "pat-eu"], r"\b(pat-(?:na|eu)\d-[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})\b"),
    Rule::new("salesforce-token", "Salesforce session", &["00d"], r"\b(00D[A-Za-z0-9]{12,15}![A-Za-z0-9_.]{60,140})"),
    Rule::new("adobe-secret", "Adobe client secret", &["p8e-"], r"\b(p8e-[A-Za-z0-9_\-]{32})"),
    Rule::new("posthog-key", "PostHog personal key", &["phx_", "phs_"], r"\b(ph[xs]_[A-Za-z0-9]{43,48})\b").bits(3.5),
    Rule::new("readme-key", "ReadMe key", &["rdme_"], r"\b(rdme_[a-z0-9]{70})\b"),
    Rule::new("frameio-token", "Frame.io token", &["fio-u-"], r"\b(fio-u-[A-Za-z0-9_\-=]{64})"),
    Rule::new("box-token", "Box token", &["box"], named!(r"(?:\b|_)box[_\-](?:api|developer|access|client)\w{0,20}", r"[A-Za-z0-9]{32}")).bits(3.7).check(Check::Mixed),
    Rule::new("apify-token", "Apify token", &["apify_api_"], r"\b(apify_api_[A-Za-z0-9]{34,40})\b"),
    Rule::new("scrapingbee-key", "scraping service key", &["scrapingbee", "scraperapi", "rapidapi"], named!(r"scrapingbee|scraperapi|x-rapidapi-key|rapidapi", r"[A-Z0-9]{80}|[A-Za-z0-9_\-]{50}|[0-9a-f]{32}")).check(Check::Mixed),
    Rule::new("pendo-amplitude-key", "analytics key", &["amplitude", "pendo", "keen"], named!(r"amplitude|pendo|\bkeen(?:io)?", r"(?i:[0-9a-f]{32}(?:\.[a-z0-9]{2,8})?|[0-9a-f]{64})")),
    Rule::new("oauth-client-secret", "OAuth client secret", &["client_secret", "clientsecret", "client-secret"], r"(?i:client[_\-]?secret)['\x22\]]{0,3}[ \t]{0,8}(?:=>|:=|=|:)[ \t]{0,8}['\x22\x60]?([A-Za-z0-9_~.\-]{24,64})(?:['\x22\x60\s,;&<]|$)").bits(3.5).check(Check::Random),
];
