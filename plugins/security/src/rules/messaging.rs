//! Chat, mail and telephony.

use super::{Check, Rule, named};

pub(super) const RULES: &[Rule] = &[
    Rule::new("slack-token", "Slack token", &["xoxb-", "xoxp-", "xoxa-", "xoxr-", "xoxs-", "xoxo-", "xoxc-"], r"(?i)\b(xox[bparsoc]-(?:\d-)?[0-9]{6,14}-[0-9A-Za-z\-]{8,200}|xox[ar]-\d-[0-9A-Za-z]{8,64}|xoxb-[0-9A-Za-z]{14,48})\b").bits(2.7).check(Check::Mixed),
    Rule::new("slack-config-token", "Slack configuration token", &["xoxe", "xoxp-1-"], r"(?i)\b(xoxe\.xox[bp]-\d-[A-Z0-9]{140,180}|xoxe-\d-[A-Z0-9]{130,150}|xoxp-\d-[A-Z0-9]{100,180})"),
    Rule::new("slack-session-cookie", "Slack session cookie", &["xoxd-"], r"\b(xoxd-[A-Za-z0-9%+/=\\]{40,300})").bits(3.5),
    Rule::new("slack-app-token", "Slack app token", &["xapp-"], r"(?i)\b(xapp-[0-9]+-[A-Z0-9]{6,14}-[0-9]{6,16}-[0-9a-z]{32,80})"),
    Rule::new("slack-webhook", "Slack webhook", &["hooks.slack.com"], r"(hooks\.slack\.com/(?:services/T[A-Za-z0-9]{6,12}/B[A-Za-z0-9]{6,12}/[A-Za-z0-9]{20,26}|workflows/[A-Za-z0-9+/]{43,56}|triggers/[A-Za-z0-9+/]{30,80}))"),
    Rule::new("discord-bot-token", "Discord bot token", &["discord", "bot"], r"\b([MNO][A-Za-z\d_\-]{23,27}\.[A-Za-z\d_\-]{6}\.[A-Za-z\d_\-]{27,40})(?:[^A-Za-z0-9_\-.]|$)").bits(4.0).check(Check::Mixed),
    Rule::new("discord-webhook", "Discord webhook", &["/api/webhooks/"], r"(discord(?:app)?\.com/api/webhooks/\d{17,20}/[A-Za-z0-9_\-]{60,72})"),
    Rule::new("discord-secret", "Discord secret", &["discord"], named!(r"discord", r"[A-Za-z0-9_\-]{32}|[0-9a-f]{64}")).bits(3.5).check(Check::Mixed),
    Rule::new("telegram-bot-token", "Telegram bot token", &[":a"], r"(?:^|[^A-Za-z0-9_\-])(?:bot)?(\d{8,10}:A[A-Za-z0-9_\-]{34})(?:[^A-Za-z0-9_\-]|$)").bits(3.5),
    Rule::new("teams-webhook", "Microsoft Teams webhook", &["webhook.office.com"], r"(webhook\.office\.com/webhookb2/[0-9a-f\-]{36}@[0-9a-f\-]{36}/IncomingWebhook/[0-9a-f]{32}/[0-9a-f\-]{36})"),
    Rule::new("mattermost-token", "Mattermost token", &["mattermost"], named!(r"mattermost", r"[a-z0-9]{26}")).bits(3.3).check(Check::Mixed),
    Rule::new("twilio-key", "Twilio API key", &["sk"], r"\b(SK[0-9a-f]{32})\b"),
    Rule::new("twilio-auth-token", "Twilio auth token", &["twilio"], named!(r"twilio[\w\-]{0,12}(?:token|secret|auth|key|password)?", r"[0-9a-f]{32}")),
    Rule::new("sendgrid-key", "SendGrid key", &["sg."], r"\b(SG\.[A-Za-z0-9_\-]{22}\.[A-Za-z0-9_\-]{43}|SG\.[A-Za-z0-9=_\-.]{66})(?:[^A-Za-z0-9_\-.]|$)").bits(3.5),
    Rule::new("mailgun-key", "Mailgun key", &["key-", "mailgun"], r"\b(key-[0-9a-f]{32}|[0-9a-f]{32}-[0-9a-f]{8}-[0-9a-f]{8})\b"),
    Rule::new("mailchimp-key", "Mailchimp key", &["-us"], r"(?:^|[^A-Za-z0-9])([0-9a-f]{32}-us\d{1,2})\b"),
    Rule::new("mailchimp-named-key", "Mailchimp key", &["mailchimp"], named!(r"mailchimp", r"[A-Za-z0-9]{32}-us\d{1,2}")).bits(3.5),
    Rule::new("brevo-key", "Brevo key", &["xkeysib-", "xsmtpsib-"], r"\b(x(?:key|smtp)sib-[0-9a-f]{64}-[A-Za-z0-9]{16})\b"),
    Rule::new("postmark-token", "Postmark token", &["postmark"], named!(r"postmark", r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")),
    Rule::new("resend-key", "Resend key", &["re_"], r"\b(re_[A-Za-z0-9]{8}_[A-Za-z0-9]{24})\b").bits(3.5).check(Check::Mixed),
    Rule::new("messagebird-key", "MessageBird key", &["messagebird"], named!(r"messagebird", r"[A-Za-z0-9]{25}")).check(Check::Mixed),
    Rule::new("line-token", "LINE channel token", &["line_", "linebot"], named!(r"line[\w\-]{0,10}(?:token|access)", r"[A-Za-z0-9+/]{100,200}=?")).bits(4.0),
    Rule::new("intercom-token", "Intercom token", &["intercom"], named!(r"intercom", r"[A-Za-z0-9+/_=\-]{59,60}")).bits(3.5),
    Rule::new("pagerduty-key", "PagerDuty key", &["pagerduty", "pd_"], named!(r"pagerduty|pd_(?:api)?_?(?:key|token)", r"(?i:[a-z0-9+_\-]{20}|[a-z0-9]{32})")).bits(3.3).check(Check::Mixed),
];
