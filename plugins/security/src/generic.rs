//! The rule that needs no vendor: something named like a secret is given a value that looks random.
//!
//! It is code and no pattern, because what makes it precise is judgement in steps: the *last* word of the name decides
//! (`token_url` is an address), the value must be a literal, and it must look drawn rather than written. It works on one
//! line, from each place where a keyword stands.

use crate::{entropy, value};
use std::ops::Range;

const LONGEST_NAME: usize = 48;
/// Shorter values are not told from words.
const SHORTEST_VALUE: usize = 8;
const LONGEST_VALUE: usize = 512;

/// What the name promises, and so how much the value must prove.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Promise {
    Password,
    Secret,
    Key,
}

/// The secret in `line` that the keyword at `keyword` names, if it does.
pub(crate) fn find(line: &[u8], keyword: Range<usize>) -> Option<Range<usize>> {
    let name = extend(line, &keyword);
    // The cheap question first: nearly always there is no literal, or none long enough.
    let found = literal(line, name.end).filter(|found| found.span.len() >= SHORTEST_VALUE)?;
    if found.listed && is_value(line, name.start) {
        return None;
    }
    let promise = promise(&line[name])?;
    believable(promise, &found, &line[found.span.clone()]).then_some(found.span)
}

/// Whether what begins at `start` is itself a value, as in `"kind": "secret", "next": …`.
fn is_value(line: &[u8], start: usize) -> bool {
    let before = line[..start].trim_ascii_end();
    let before = before.strip_suffix(b"\"").or(before.strip_suffix(b"'")).unwrap_or(before).trim_ascii_end();
    matches!(before, [.., b':' | b'='])
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}

fn extend(line: &[u8], keyword: &Range<usize>) -> Range<usize> {
    let before = line[..keyword.start].iter().rev().take(LONGEST_NAME).take_while(|byte| is_name(**byte)).count();
    let after = line[keyword.end..].iter().take(LONGEST_NAME).take_while(|byte| is_name(**byte)).count();
    keyword.start - before..keyword.end + after
}

/// The words of a name in lower case: cut at punctuation and at camel humps.
fn words(name: &[u8]) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut last = b'_';
    for &byte in name {
        let hump = byte.is_ascii_uppercase() && (last.is_ascii_lowercase() || last.is_ascii_digit());
        if (!byte.is_ascii_alphanumeric() || hump) && words.last().is_some_and(|word| !word.is_empty()) {
            words.push(String::new());
        }
        if let (true, Some(word)) = (byte.is_ascii_alphanumeric(), words.last_mut()) {
            word.push(char::from(byte.to_ascii_lowercase()));
        }
        last = byte;
    }
    words.retain(|word| !word.is_empty());
    words
}

fn among(list: &str, word: &str) -> bool {
    list.split_ascii_whitespace().any(|listed| listed == word)
}

fn promise(name: &[u8]) -> Option<Promise> {
    /// As the last word these make the name something about a secret.
    const ABOUT: &str = "name names url uri path file filename dir id ids type size len length count version hash index ttl \
        expiry expires expiration at field header prefix suffix endpoint env label title text message \
        placeholder hint regex pattern format kind class usage policy manager provider store service ref arn \
        server host issuer algorithm alg method mode scope scopes user username domain tag address fingerprint \
        checksum digest sha sha1 sha256 md5 thumbprint serial selector exists enabled required checker \
        validator test tests error location group column row codes map max min control privilege flags purpose \
        permission permissions list set bits generator time mixin";
    /// Anywhere in the name these make it something that may be known.
    const KNOWN: &str = "public pub primary foreign keyboard keyword keywords sort partition hot idempotency csrf xsrf \
        fingerprint checksum integrity websocket license author authors authority monkey keystroke keypress keydown \
        keyup keycode tokenizer tokenize etag sha sha1 sha256 sha512 md5 hash digest publishable signature \
        commit revision rev publickeytoken publickey recaptcha";
    /// Behind the word that counts these say nothing.
    const TRAILING: &str = "value string raw default prod live dev staging v1 v2 base64 b64";
    let mut words = words(name);
    while words.len() > 1
        && words.last().is_some_and(|word| among(TRAILING, word) || word.bytes().all(|b| b.is_ascii_digit()))
    {
        words.pop();
    }
    let last = words.last()?.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches('s').to_string();
    if words.last().is_some_and(|word| among(ABOUT, word)) || words.iter().any(|word| among(KNOWN, word)) {
        return None;
    }
    let holds = |part: &str| words.iter().any(|word| word.contains(part));
    let is = |part: &str| words.iter().any(|word| word == part);
    let ends = |part: &str| words.iter().any(|word| word.ends_with(part));
    if holds("passw") || ends("pwd") || holds("passphrase") {
        return Some(Promise::Password);
    }
    if holds("secret")
        || last.ends_with("token")
        || holds("apikey")
        || holds("credential")
        || is("auth")
        || is("bearer")
        || is("authorization")
    {
        return Some(Promise::Secret);
    }
    if !last.ends_with("key") {
        return None;
    }
    const TELLING: &str = "api access auth private encryption signing client app application session admin account service \
        consumer master";
    Some(if words.iter().any(|word| among(TELLING, word)) { Promise::Secret } else { Promise::Key })
}

struct Found {
    span: Range<usize>,
    quoted: bool,
    /// An operator stands between name and value, not mere space.
    assigned: bool,
    /// Only a comma does, as between two arguments.
    listed: bool,
}

/// The literal after the name: `= "…"`, `: …`, `=> '…'`, `("…")`, `>…<`, ` …`.
fn literal(line: &[u8], from: usize) -> Option<Found> {
    let mut at = from;
    let (mut operators, mut calls, mut quotes, mut spaces) = (0, 0, 0, 0);
    while at < line.len() && at - from < 12 {
        match line[at] {
            b' ' | b'\t' => spaces += 1,
            b'=' | b':' | b'>' | b'|' | b'?' => operators += 1,
            b',' | b'(' => calls += 1,
            b'\'' | b'"' | b'`' => quotes += 1,
            b']' | b')' | b'\\' | b'-' | b'@' => {}
            _ => break,
        }
        at += 1;
    }
    // `f(token, other)` names two things, `f("token", "…")` gives one to the other.
    if operators + spaces + quotes == 0 || operators > 4 || calls > 0 && quotes == 0 && operators == 0 {
        return None;
    }
    for scheme in [b"Bearer ".as_slice(), b"Basic ", b"Token ", b"bearer ", b"token "] {
        at += if line[at..].starts_with(scheme) { scheme.len() } else { 0 };
    }
    let quote = at.checked_sub(1).map(|i| line[i]).filter(|byte| matches!(byte, b'\'' | b'"' | b'`'));
    let ends = |byte: u8| match quote {
        Some(quote) => byte == quote,
        None => {
            byte.is_ascii_whitespace()
                || matches!(byte, b',' | b';' | b'"' | b'\'' | b'`' | b'<' | b'>' | b')' | b'}' | b']' | b'|' | b'&')
        }
    };
    let length = line[at..].iter().take(LONGEST_VALUE + 1).take_while(|byte| !ends(**byte)).count();
    // An escaped quote ends a value that is quoted inside a string.
    let length = length - usize::from(length > 0 && line[at + length - 1] == b'\\');
    let closed = quote.is_some() && line.get(at + length).is_some_and(|byte| Some(*byte) == quote || *byte == b'\\');
    let called = line.get(at + length) == Some(&b'(') || quote.is_none() && line[at..at + length].contains(&b'(');
    if length == 0 || length > LONGEST_VALUE || called || quote.is_some() && !closed {
        return None;
    }
    Some(Found {
        span: at..at + length,
        quoted: quote.is_some(),
        assigned: operators + calls > 0,
        listed: operators == 0 && calls > 0,
    })
}

fn believable(promise: Promise, found: &Found, secret: &[u8]) -> bool {
    let foreign = |part: &[u8]| memchr::memmem::find(secret, part).is_some();
    if foreign(b"::") || foreign(b"://") || value::is_template(secret) || value::is_placeholder(secret) {
        return false;
    }
    match promise {
        Promise::Password => believable_password(found, secret),
        Promise::Secret => {
            let shortest = if found.quoted && found.assigned { 15 } else { 20 };
            believable_secret(found, secret, shortest, true) || is_strong_password(found, secret)
        }
        Promise::Key => found.assigned && believable_secret(found, secret, 20, false),
    }
}

/// Base64 of what is no secret: plain text, a public key, a certificate.
fn is_known_base64(secret: &[u8]) -> bool {
    value::base64(secret).is_some_and(|decoded| value::is_prose(&decoded) || value::is_public_der(&decoded))
}

fn believable_password(found: &Found, secret: &[u8]) -> bool {
    let digits = secret.iter().filter(|byte| byte.is_ascii_digit()).count();
    let letters = secret.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
    let code = secret
        .iter()
        .any(|byte| matches!(byte, b' ' | b'(' | b')' | b'[' | b']' | b'{' | b'}' | b'<' | b'>' | b'/' | b'\\'));
    found.assigned
        && (8..=128).contains(&secret.len())
        && digits >= 1
        && letters >= 2
        && !code
        && entropy::shannon(secret) >= 2.9
        && entropy::restlessness(secret) >= 0.25
        && !value::is_identifier(secret)
        && !value::has_words(secret)
        && !is_known_base64(secret)
        && (found.quoted || digits >= 2)
}

/// Letters of both cases, digits and signs in restless order: nothing but a password looks so.
fn is_strong_password(found: &Found, secret: &[u8]) -> bool {
    let holds = |kind: fn(&u8) -> bool| secret.iter().any(kind);
    believable_password(found, secret)
        && found.quoted
        && (10..=40).contains(&secret.len())
        && holds(u8::is_ascii_lowercase)
        && holds(u8::is_ascii_uppercase)
        && holds(u8::is_ascii_digit)
        && holds(|byte| matches!(byte, b'!' | b'@' | b'#' | b'$' | b'%' | b'^' | b'&' | b'*'))
        && entropy::restlessness(secret) >= 0.6
}

fn believable_secret(found: &Found, secret: &[u8], shortest: usize, hex_counts: bool) -> bool {
    let charset = secret.iter().all(|byte| {
        byte.is_ascii_alphanumeric()
            || matches!(byte, b'_' | b'-' | b'.' | b'+' | b'/' | b'=' | b'~' | b'|' | b':' | b'!' | b'*')
    });
    let digits = secret.iter().filter(|byte| byte.is_ascii_digit()).count();
    let letters = secret.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
    let hex = secret.iter().all(|byte| byte.is_ascii_hexdigit() || *byte == b'-');
    let punctuation = secret.len() - digits - letters;
    let least_bits = match (hex, secret.len()) {
        (true, ..=31) => 2.9,
        (true, _) => 3.2,
        (false, ..=23) => 3.3,
        (false, _) => 3.7,
    };
    charset
        && secret.len() >= shortest
        && digits >= 2
        && letters >= 2
        && punctuation * 4 <= secret.len()
        && (!hex || hex_counts && secret.len() >= 24)
        && entropy::shannon(secret) >= least_bits
        && entropy::restlessness(secret) >= 0.2
        && !secret.starts_with(b"/")
        && !secret.starts_with(b".")
        && !value::is_identifier(secret)
        && !value::is_time_uuid(secret)
        && !is_known_base64(secret)
        && !(secret.len() < if found.quoted { 48 } else { 200 } && value::has_words(secret))
}

#[cfg(test)]
mod tests {
    use super::*;
    use memchr::memmem;

    fn found(line: &str, keyword: &str) -> Option<String> {
        let at = memmem::find(line.to_ascii_lowercase().as_bytes(), keyword.as_bytes())?;
        find(line.as_bytes(), at..at + keyword.len()).map(|span| line[span].to_string())
    }

    /// Cut so that this file holds nothing that a scanner would take for a secret.
    fn random(length: usize) -> String {
        ["x7Kq2mW9", "aZ4tB1vC", "8nL5pR3s", "D6fG0hJy", "2kQ9wE5u"].concat()[..length].to_string()
    }

    // SEC-2
    #[test]
    fn a_random_value_given_to_a_secret_name_is_found_however_it_is_assigned() {
        let secret = random(32);
        for line in [
            format!("api_token = \"{secret}\""),
            format!("\"apiToken\": \"{secret}\","),
            format!("export SERVICE_SECRET={secret}"),
            format!("secret: {secret} # comment"),
            format!("config.set('auth_token', '{secret}')"),
            format!("<token>{secret}</token>"),
            format!("tool --token {secret} run"),
            format!("{{\\\"token\\\": \\\"{secret}\\\"}}"),
            format!("  token: Bearer {secret}\r"),
        ] {
            let keyword = if line.contains("SECRET") || line.starts_with("secret") { "secret" } else { "token" };
            assert_eq!(found(&line, keyword).as_deref(), Some(secret.as_str()), "{line}");
        }
    }

    // SEC-2
    #[test]
    fn what_is_about_a_secret_or_no_literal_is_not_found() {
        let secret = random(32);
        for line in [
            format!("token_url = \"{secret}\""),
            format!("public_key = \"{secret}\""),
            "token = get_token_from_vault_2(config)".to_string(),
            "token = \"${SERVICE_TOKEN_2}\"".to_string(),
            "token = self.config.token2.value1".to_string(),
            "token = SOME_TOKEN_CONSTANT_V2_NAME".to_string(),
            "password = \"your_password_1\"".to_string(),
            "the token of which we speak".to_string(),
            format!("{{\"kind\": \"custom-token\", \"{secret}\": 1}}"),
        ] {
            let keyword = ["token", "key", "passw"].into_iter().find(|word| line.contains(word)).unwrap_or("token");
            assert_eq!(found(&line, keyword), None, "{line}");
        }
    }

    // SEC-2
    #[test]
    fn names_are_cut_into_words_at_punctuation_and_humps() {
        assert_eq!(words(b"my_apiKey-Name.v2"), ["my", "api", "key", "name", "v2"]);
        assert_eq!(words(b"SERVICE_TOKEN"), ["service", "token"]);
    }
}
