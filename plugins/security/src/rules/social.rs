//! Social networks and media.

use super::{Check, Rule, named};

pub(super) const RULES: &[Rule] = &[
    Rule::new("facebook-token", "Facebook token", &["eaa"], r"\b(EAA[MCDGHBA][A-Za-z0-9]{90,250})\b").bits(4.0),
    Rule::new(
        "facebook-secret",
        "Facebook app secret",
        &["facebook", "fb_"],
        named!(r"facebook|fb_(?:app|client)", r"[0-9a-f]{32}|\d{15,16}\|[A-Za-z0-9_\-]{27,40}"),
    ),
    Rule::new("instagram-token", "Instagram token", &["igq"], r"\b(IGQ(?:VJ|WR)[A-Za-z0-9_\-]{100,300})").bits(4.0),
    Rule::new(
        "twitter-bearer",
        "X (Twitter) bearer token",
        &["aaaaaaaaaaaaaaaaaaaa"],
        r"\b(A{20,22}[A-Za-z0-9%]{30,100})\b",
    )
    .check(Check::Opaque),
    Rule::new(
        "twitter-secret",
        "X (Twitter) key",
        &["twitter"],
        named!(r"twitter", r"[A-Za-z0-9]{25}|[A-Za-z0-9]{45}|[A-Za-z0-9]{50}|\d{15,25}-[A-Za-z0-9]{20,40}"),
    )
    .bits(3.3)
    .check(Check::Mixed),
    Rule::new(
        "linkedin-secret",
        "LinkedIn secret",
        &["linkedin", "linked_in", "linked-in"],
        named!(r"linked[_\-]?in", r"[A-Za-z0-9]{14}|[A-Za-z0-9]{16}|WPL_AP1\.[A-Za-z0-9.=+/]{20,40}"),
    )
    .bits(3.3)
    .check(Check::Mixed),
    Rule::new(
        "spotify-secret",
        "Spotify secret",
        &["spotify"],
        named!(r"spotify", r"[0-9a-f]{32}|BQ[A-Za-z0-9_\-]{80,250}"),
    ),
    Rule::new("twitch-token", "Twitch token", &["twitch"], named!(r"twitch", r"[a-z0-9]{30}|oauth:[a-z0-9]{30}"))
        .check(Check::Mixed),
    Rule::new("flickr-key", "Flickr key", &["flickr"], named!(r"flickr", r"[0-9a-z]{32}")).check(Check::Mixed),
    Rule::new(
        "youtube-deviantart-key",
        "media service key",
        &["deviantart", "youtube"],
        named!(r"deviantart|youtube", r"[0-9a-f]{32,50}|[A-Za-z0-9]{40}"),
    )
    .check(Check::Mixed),
];
