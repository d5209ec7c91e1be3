//! Shapes that no single vendor owns: key files, JWTs, authorization headers, command lines.

use super::{Check, Rule};

pub(super) const RULES: &[Rule] = &[
    Rule::new(
        "private-key",
        "private key",
        &["private key"],
        r"-----BEGIN (?:[A-Z0-9]{2,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----(?:[ \t\r\n'\x22\\+,>|#*]|\\[nrt]|//|[A-Z][A-Za-z\-]{2,20}: [^\r\n]{0,80}|[rn])*([A-Za-z0-9+/=]{24,}(?:[ \t\r\n'\x22\\+,>|#*]|\\?\\[nrt]|[A-Za-z0-9+/=]){16,})",
    )
    .bits(3.5)
    .block()
    .check(Check::Opaque),
    Rule::new(
        "putty-private-key",
        "PuTTY private key",
        &["putty-user-key-file-"],
        r"PuTTY-User-Key-File-[23]:(?s:.{0,2000}?)Private-Lines:\s*\d+\s+([A-Za-z0-9+/=]{40,64})",
    )
    .bits(3.5)
    .block()
    .check(Check::Opaque),
    Rule::new("jwt", "JSON web token", &["eyj"], r"\b(ey[A-Za-z0-9_\-]{14,2000}\.ey[A-Za-z0-9_\-]{14,4000}\.[A-Za-z0-9_\-]{16,1000})").check(Check::Jwt),
    Rule::new("tink-keyset", "Tink keyset", &["google.crypto.tink"], r#""value"\s*:\s*"([A-Za-z0-9+/=]{40,4000})""#).bits(3.5).check(Check::Opaque),
    Rule::new(
        "authorization-header",
        "authorization header",
        &["authorization", "x-api-key", "x-auth-token", "private-token"],
        r"(?i:authorization|x-api-key|x-auth-token|private-token)['\x22\]]{0,3}[ \t]{0,4}(?:=>|[:=,])[ \t]{0,4}\\?['\x22\x60]?(?i:bearer|token|apikey|api-key|sso-key|key)?[ \t:=]{0,3}([A-Za-z0-9_+/=.~\-]{16,512})(?:[^A-Za-z0-9_+/=.~\-(\[{$]|$)",
    )
    .bits(3.5)
    .check(Check::Random),
    Rule::new(
        "basic-auth-header",
        "basic authorization header",
        &["basic "],
        r"(?i:authorization)['\x22\]]{0,3}[ \t]{0,4}(?:=>|[:=,])[ \t]{0,4}\\?['\x22\x60]?(?i:basic)[ \t]+([A-Za-z0-9+/]{8,512}={0,2})",
    )
    .bits(2.5)
    .check(Check::BasicAuth),
    Rule::new(
        "curl-user",
        "password on a curl command line",
        &["curl"],
        r"\bcurl\b[^\r\n|;]{0,400}?\s(?:-u|--user|-[a-zA-Z]{1,4}u)[ =]?['\x22]?[^\s:'\x22<>{}]{1,64}:([^\s'\x22$<>{}]{3,128})(?:['\x22\s]|$)",
    )
    .bits(2.3)
    .check(Check::Password),
    Rule::new(
        "command-line-password",
        "password on a command line",
        &["login", "sshpass", "mysql"],
        r"\b(?:(?:docker|podman|helm registry|oc|skopeo|buildah|crane)\s+login\b[^\r\n|;]{0,200}?\s(?:-p|--password|--token)|sshpass\s+-p|mysql(?:dump)?\b[^\r\n|;]{0,200}?\s--password)[ =]?['\x22]?([^\s'\x22$<>{}]{6,512})(?:[\s'\x22;|&)]|$)",
    )
    .bits(2.5)
    .check(Check::Password),
];
