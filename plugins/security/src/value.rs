//! Whether a candidate value could be a real secret: placeholders, variables, templates and plain words are not.

use crate::rules::{Check, Checksum, Rule};
use crate::{checksum, entropy};

/// Words that stand in values meant to be replaced. Compared without case.
const PLACEHOLDERS: &str = "example placeholder changeme change_me change-me replace redacted yourapi yourkey yoursecret yourtoken \
    yourpass insert not_a_real notareal not-a-real fakefake 00000000 aaaaaaaaaaaa 0123456789abcdef abcdefghijklmnop";

/// The like, but so short that a long random value may hold one by chance.
const SHORT_PLACEHOLDERS: &str = "your_ your- dummy <your xxxx **** .... todo";
const CHANCE_FROM: usize = 64;

/// Words that a name, a message or a path is made of. Random text of usual length next to never holds one.
const WORDS: &str = "access account admin alpha android apple application auth await azure beta bool bucket build button bytes \
    cache callback cert change char class client cloud code color column command common component config \
    connect const content context control cookie core count create credential current custom data debug decode \
    default delete demo deploy device digest docker document domain email encode encrypt entry error event \
    expire export factory fake false field file filter first format from function generic github gitlab global \
    google group handle hash header hello host http image import index input instance integration interface \
    internal invalid item json keyid keyname label length level list local login machine main manager mapping \
    message method mock model module name native network normal null number object openssl option output \
    package page param parse pass path payload policy post prefix primary private process prod profile project \
    property protocol provider proxy public query read record refresh region register release remote render \
    request resource response result return role route sample schema screen script search secret select server \
    service session setting source staging start state static status storage store stream string style system \
    table target task temp test text time title token type undefined unique update usage flags hardware user \
    util valid value vector version view virtual widget window with work write";

/// Values that standards print and emulators are shipped with. Everybody knows them. (RFC 5849, 6455, 6749, 7617; the storage
/// and database emulators of Azure.)
const PUBLISHED: &str = "0685bd9184jfhq22 ad180jjd733klru7 kd94hf93k423kf44 pfkkdhi9sl3r4s00 dpf43f3p2l4k3l03 nnch734d00sl2jdk \
    hh5s93j4hdidpola hdhd0244k9j7ao03 hfdp7dh39dks9884 j49sk3j29djd 2YotnFZFEjr1zCsicMWpAA tGzv3JOkF0XG5Qx2TlKWIA \
    czZCaGRSa3F0MzpnWDFmQmF0M2JW 7Fjfp0ZBr1KtDRbnfVdmIw QWxhZGRpbjpvcGVuIHNlc2FtZQ== QWxhZGRpbjpvcGVuc2VzYW1l \
    dGhlIHNhbXBsZSBub25jZQ== \
    Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw== \
    C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE2nQ9nDuVTqobD4b8mGGyPMbIZnqyMsEcaGQy67XIw/Jw==";

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window.eq_ignore_ascii_case(needle))
}

/// Whether a person wrote this where the value was to come: a placeholder, a sequence, one character over and over.
pub(crate) fn is_placeholder(value: &[u8]) -> bool {
    let holds = |list: &str| list.split_ascii_whitespace().any(|word| contains(value, word.as_bytes()));
    if holds(PLACEHOLDERS)
        || value.len() < CHANCE_FROM && holds(SHORT_PLACEHOLDERS)
        || PUBLISHED.split_ascii_whitespace().any(|word| word.as_bytes() == value)
    {
        return true;
    }
    let run = |same: fn(u8, u8) -> bool| {
        let (mut longest, mut length) = (1usize, 1usize);
        for pair in value.windows(2) {
            length = if same(pair[0], pair[1]) { length + 1 } else { 1 };
            longest = longest.max(length);
        }
        longest
    };
    let repeated = run(|a, b| a == b);
    let counted = run(|a, b| a.checked_add(1) == Some(b) || (a, b) == (b'9', b'0'));
    repeated >= 8 || repeated * 2 > value.len() || counted >= 8
}

/// Whether it is filled in later: `${VAR}`, `{{ value }}`, `%s`, `<name>`, `$(command)`, `process.env.X`.
pub(crate) fn is_template(value: &[u8]) -> bool {
    const MARKS: &[&[u8]] = &[
        b"${",
        b"{{",
        b"}}",
        b"$(",
        b"<%",
        b"%>",
        b"%(",
        b"{0}",
        b"#{",
        b"getenv",
        b"environ",
        b"process.env",
        b"secrets.",
    ];
    MARKS.iter().any(|mark| contains(value, mark))
        || matches!(
            value,
            [b'$', ..]
                | [b'%', b's' | b'd' | b'v', ..]
                | [b'{', .., b'}']
                | [b'<', .., b'>']
                | [b'%', .., b'%']
                | [b'@', b'{', ..]
        )
        || value.starts_with(b"[") && value.ends_with(b"]")
}

/// Whether plain words stand in it.
pub(crate) fn has_words(value: &[u8]) -> bool {
    WORDS.split_ascii_whitespace().any(|word| contains(value, word.as_bytes()))
}

/// Whether it is a name in a program: `SOME_CONSTANT_2`, `module.attribute`, `callThis`.
pub(crate) fn is_identifier(value: &[u8]) -> bool {
    let separated = value.iter().any(|byte| matches!(byte, b'_' | b'.' | b'-' | b':' | b'/'));
    let parts_are_words = || {
        value.split(|byte| matches!(byte, b'_' | b'.' | b'-' | b':' | b'/')).all(|part| {
            let digits = part.iter().filter(|byte| byte.is_ascii_digit()).count();
            part.len() <= 3
                || part.len() <= 8 && is_word_with_number(part)
                || part.len() <= 14
                    && (digits * 3 <= part.len() || digits == part.len())
                    && entropy::restlessness(part) < 0.3
        })
    };
    separated && parts_are_words()
}

/// `X25519`, `sha256`, `rfc6749`.
fn is_word_with_number(part: &[u8]) -> bool {
    let letters = part.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    letters > 0 && part[letters..].iter().all(u8::is_ascii_digit)
}

/// Whether it is a UUID made of a clock and a network card's address, neither of which is secret (version 1).
pub(crate) fn is_time_uuid(value: &[u8]) -> bool {
    value.len() == 36
        && value.iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            14 => *byte == b'1',
            19 => matches!(byte.to_ascii_lowercase(), b'8' | b'9' | b'a' | b'b'),
            _ => byte.is_ascii_hexdigit(),
        })
}

/// Whether DER says that it is a public key or a certificate: a sequence that begins with a sequence. A private key's
/// begins with a number.
pub(crate) fn is_public_der(bytes: &[u8]) -> bool {
    let inner = |bytes: &[u8]| match bytes {
        [0x30, 0x81, _, first, ..] | [0x30, 0x82, _, _, first, ..] => Some(*first),
        [0x30, length, first, ..] if *length < 0x80 => Some(*first),
        _ => None,
    };
    bytes.len() >= 32 && inner(bytes) == Some(0x30)
}

/// What a person might choose as a password, unlike what stands in manuals for one.
fn is_password(value: &[u8]) -> bool {
    const STOCK: &str = "password passwd secret pass pwd user username token test foo bar none null admin root guest changeit \
        xxx yyy pw p4ssw0rd mypassword mypass db_password dbpassword userpass hunter2 postgres mysql redis \
        mongo mongodb postgresql rabbit true false required optional string apikey api_key key host localhost opensesame \
        credential credentials undefined";
    let digits = value.iter().rev().take_while(|byte| byte.is_ascii_digit()).count().min(3);
    let bare = &value[..value.len() - digits];
    if is_template(value)
        || is_placeholder(value)
        || STOCK.split_ascii_whitespace().any(|word| bare.eq_ignore_ascii_case(word.as_bytes()))
    {
        return false;
    }
    // A call, an index or an attribute is code, no literal.
    if value.iter().any(|byte| matches!(byte, b'(' | b'[' | b'{' | b'`')) && !value.iter().any(u8::is_ascii_digit) {
        return false;
    }
    let shouting = value.iter().all(|byte| byte.is_ascii_uppercase() || *byte == b'_');
    let asterisks = value.iter().filter(|byte| matches!(byte, b'*' | b'.' | b'x' | b'X' | b'#' | b'-')).count();
    !shouting && asterisks * 2 < value.len()
}

/// Whether `secret` passes what its rule asks beyond the pattern.
pub(crate) fn passes(rule: &Rule, secret: &[u8]) -> bool {
    match rule.checksum {
        Checksum::None => enough(rule.check, rule.bits, secret),
        Checksum::Crc32 => {
            checksum::crc32_holds(secret)
                || enough(rule.check, rule.bits, secret) && !has_words(secret.get(4..).unwrap_or_default())
        }
    }
}

fn enough(check: Check, least_bits: f32, secret: &[u8]) -> bool {
    if entropy::shannon(secret) < least_bits {
        return false;
    }
    match check {
        Check::Opaque => true,
        Check::None => !is_placeholder(secret),
        Check::Mixed => {
            !is_placeholder(secret)
                && secret.iter().any(u8::is_ascii_digit)
                && secret.iter().any(u8::is_ascii_alphabetic)
        }
        Check::Random => {
            enough(Check::Mixed, 0.0, secret)
                && !is_template(secret)
                && !is_identifier(secret)
                && (secret.len() >= 48 || !has_words(secret))
        }
        Check::Letters => {
            !is_placeholder(secret)
                && secret.iter().any(u8::is_ascii_uppercase)
                && secret.iter().any(u8::is_ascii_lowercase)
                && entropy::restlessness(secret) >= 0.28
        }
        Check::Password => is_password(secret),
        Check::Jwt => jwt(secret),
        Check::BasicAuth => basic_auth(secret),
    }
}

fn jwt(secret: &[u8]) -> bool {
    let header = secret.split(|byte| *byte == b'.').next().and_then(base64);
    header.is_some_and(|json| json.starts_with(b"{") && contains(&json, b"\"alg\"") && !contains(&json, b"\"none\""))
}

fn basic_auth(secret: &[u8]) -> bool {
    if is_placeholder(secret) {
        return false;
    }
    let Some(decoded) = base64(secret) else { return false };
    match memchr::memchr(b':', &decoded) {
        Some(colon) => {
            let password = &decoded[colon + 1..];
            colon > 0 && password.len() >= 3 && is_text(&decoded) && is_password(password)
        }
        // Some registries hand out an opaque value in the same place.
        None => secret.len() >= 40 && !is_text(&decoded) && entropy::shannon(secret) > 4.0,
    }
}

/// Whether it is text that somebody wrote, no drawn value.
pub(crate) fn is_prose(bytes: &[u8]) -> bool {
    bytes.len() >= 8
        && is_text(bytes)
        && (!bytes.iter().any(u8::is_ascii_digit) || has_words(bytes) || is_placeholder(bytes))
}

fn is_text(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\t' | b'\r' | b'\n'))
}

/// What a character of base64 of either alphabet stands for.
fn six_bits(character: u8) -> Option<u8> {
    Some(match character {
        b'A'..=b'Z' => character - b'A',
        b'a'..=b'z' => character - b'a' + 26,
        b'0'..=b'9' => character - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    })
}

/// Four characters of base64 as three bytes.
pub(crate) fn base64_group(characters: [u8; 4]) -> Option<[u8; 3]> {
    let mut bits = 0u32;
    for character in characters {
        bits = bits << 6 | u32::from(six_bits(character)?);
    }
    let [_, bytes @ ..] = bits.to_be_bytes();
    Some(bytes)
}

/// Base64 of either alphabet, padding optional; none where it is not that.
pub(crate) fn base64(text: &[u8]) -> Option<Vec<u8>> {
    let end = text.iter().rposition(|byte| *byte != b'=').map_or(0, |last| last + 1);
    let mut decoded = Vec::with_capacity(end * 3 / 4);
    let (mut bits, mut held) = (0u32, 0u32);
    for &byte in &text[..end] {
        let six = six_bits(byte)?;
        bits = (bits << 6 | u32::from(six)) & 0x3FFF;
        held += 6;
        if held >= 8 {
            held -= 8;
            decoded.push((bits >> held) as u8);
        }
    }
    (end % 4 != 1).then_some(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    // SEC-2
    #[test]
    fn what_is_to_be_replaced_is_no_secret() {
        for value in [
            "AKIAIOSFODNN7EXAMPLE",
            "xxxxxxxxxxxxxxxx",
            "your_api_key_1",
            "aaaaaaaaaaaaab",
            "12345678901234567890",
            "CHANGEME12",
        ] {
            assert!(is_placeholder(value.as_bytes()), "{value}");
        }
        for value in
            ["${TOKEN}", "{{ token }}", "$TOKEN", "%s", "<token>", "$(cat token)", "process.env.TOKEN", "%TOKEN%"]
        {
            assert!(is_template(value.as_bytes()), "{value}");
        }
        for value in ["x7Kq2mW9aZ4tB1vC8nL5", "9f2c4e1ab7d3"] {
            assert!(!is_placeholder(value.as_bytes()) && !is_template(value.as_bytes()), "{value}");
        }
    }

    // SEC-2
    #[test]
    fn names_of_programs_are_told_from_random_text() {
        for value in
            ["SOME_LONG_CONSTANT_2", "self._lib.EVP_PKEY_X25519", "module.attribute.value3", "com.acme/shop-v2"]
        {
            assert!(is_identifier(value.as_bytes()), "{value}");
        }
        for value in ["x7Kq2mW9-aZ4tB1vC8nL5", "9f2c4e1ab7d39f2c4e1ab7d3"] {
            assert!(!is_identifier(value.as_bytes()), "{value}");
        }
    }

    // SEC-2
    #[test]
    fn a_uuid_of_time_and_a_public_key_are_no_secrets() {
        assert!(is_time_uuid(b"743b294a-cd03-11ec-9d64-0242ac120002"));
        assert!(!is_time_uuid(b"743b294a-cd03-41ec-9d64-0242ac120002") && !is_time_uuid(b"743b294a-cd03-11ec"));
        let der = |first: u8| [&[0x30, 0x59, first], [7; 40].as_slice()].concat();
        assert!(is_public_der(&der(0x30)) && !is_public_der(&der(0x02)) && !is_public_der(b"0"));
    }

    // SEC-2
    #[test]
    fn base64_of_either_alphabet_is_read() {
        assert_eq!(base64(b"dXNlcjpwdw==").as_deref(), Some(b"user:pw".as_slice()));
        assert_eq!(base64(b"dXNlcjpwdw").as_deref(), Some(b"user:pw".as_slice()));
        assert_eq!(base64(b"-_-_").as_deref(), Some([0xFB, 0xFF, 0xBF].as_slice()));
        assert_eq!(base64(b"a b"), None);
        assert_eq!(base64(b"abcde"), None);
    }
}
