//! Databases and anything else that carries a password inside an address or a connection string.

use super::{Check, Rule};

pub(super) const RULES: &[Rule] = &[
    Rule::new(
        "database-url",
        "database address with a password",
        &["://"],
        r"(?i)\b(?:postgres(?:ql)?|mysql2?|mariadb|mongodb(?:\+srv)?|rediss?|amqps?|mssql|sqlserver|cockroachdb|clickhouse|oracle|cassandra|couchbases?|neo4j(?:\+s)?|bolt)(?:\+\w{2,12})?://[^\s:@/'\x22\x60<>{}$%]{0,64}:([^\s'\x22\x60<>{}/]{3,128})@[A-Za-z0-9\[]",
    )
    .bits(2.0)
    .check(Check::Password),
    Rule::new(
        "url-password",
        "address with a password",
        &["://"],
        r"(?i)\b(?:https?|ftps?|sftp|ssh|git|smtps?|imaps?|ldaps?|wss?|nats|mqtts?|svn|socks5h?)://[^\s:@/'\x22\x60<>{}$%()]{1,64}:([^\s:'\x22\x60<>{}/()]{6,128})@[A-Za-z0-9\[]",
    )
    .bits(2.5)
    .check(Check::Password),
    Rule::new(
        "connection-string-password",
        "connection string with a password",
        &["password=", "pwd=", "password =", "pwd ="],
        r"(?i)\b(?:server|data source|host|user id|uid|user|username|driver|initial catalog|database|port)\s*=[^\r\n]{1,300}?;\s*(?:password|pwd)\s*=\s*([^;\s'\x22<>{}]{4,128})",
    )
    .bits(2.3)
    .check(Check::Password),
    Rule::new(
        "connection-string-password-first",
        "connection string with a password",
        &["password=", "pwd=", "password =", "pwd ="],
        r"(?i)(?:password|pwd)\s*=\s*([^;\s'\x22<>{}]{4,128});\s*(?:server|data source|host|user id|uid|initial catalog|database|ssl|abortconnect)\s*=",
    )
    .bits(2.3)
    .check(Check::Password),
    Rule::new(
        "jdbc-password",
        "JDBC address with a password",
        &["jdbc:"],
        r"(?i)\bjdbc:[a-z0-9:]{3,40}[^\s'\x22<>]{4,300}?[?&;:]password=([^\s'\x22<>&;{}$]{3,128})",
    )
    .bits(2.0)
    .check(Check::Password),
    Rule::new(
        "oracle-thin-password",
        "Oracle address with a password",
        &["jdbc:oracle"],
        r"(?i)\bjdbc:oracle:thin:[^\s/'\x22@]{1,64}/([^\s'\x22@{}$]{3,64})@",
    )
    .bits(2.0)
    .check(Check::Password),
    Rule::new(
        "htpasswd-hash",
        "htpasswd entry",
        &["$apr1$", "$2y$", "$2a$", "$2b$", "{sha}"],
        r"^[A-Za-z0-9_.@\-]{1,64}:(\$apr1\$[A-Za-z0-9./]{1,8}\$[A-Za-z0-9./]{22,40}|\$2[aby]\$\d\d\$[A-Za-z0-9./]{50,60}|\{SHA\}[A-Za-z0-9+/]{27}=)",
    ),
];
