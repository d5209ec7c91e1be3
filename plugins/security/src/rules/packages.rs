//! Package and image registries.

use super::{Check, Rule, named};

pub(super) const RULES: &[Rule] = &[
    Rule::new("npm-token", "npm token", &["npm_"], r"\b(npm_[A-Za-z0-9]{36})"),
    Rule::new(
        "npmrc-auth",
        "npm registry credential",
        &["_authtoken", "_password", "_auth"],
        r"^\s*//[^\s:/][^\s=]{2,200}:_(?:authToken|password|auth)\s*=\s*['\x22]?([A-Za-z0-9+/=_.\-]{16,256})",
    )
    .bits(2.8)
    .check(Check::Mixed),
    Rule::new("pypi-token", "PyPI token", &["pypi-age"], r"\b(pypi-AgE[A-Za-z0-9_\-]{70,300})").bits(3.5),
    Rule::new("crates-token", "crates registry token", &["cio"], r"\b(cio[A-Za-z0-9]{32})\b")
        .bits(3.5)
        .check(Check::Mixed),
    Rule::new("nuget-key", "NuGet API key", &["oy2"], r"\b(oy2[a-z0-9]{43})\b").check(Check::Mixed),
    Rule::new(
        "nuget-config-password",
        "password in NuGet.Config",
        &["cleartextpassword"],
        r#"(?i)key\s*=\s*"ClearTextPassword"\s+value\s*=\s*"([^"%${}]{6,128})""#,
    )
    .bits(2.5)
    .check(Check::Password),
    Rule::new("rubygems-key", "RubyGems key", &["rubygems_"], r"\b(rubygems_[0-9a-f]{48})\b"),
    Rule::new(
        "docker-token",
        "Docker Hub token",
        &["dckr_pat_", "dckr_oat_"],
        r"\b(dckr_[po]at_[A-Za-z0-9_\-]{27,36})",
    ),
    Rule::new(
        "docker-auth",
        "registry credentials",
        &["auth"],
        r#"\\?"auth\\?"\s*:\s*\\?"([A-Za-z0-9+/_\-]{12,2048}={0,2})\\?""#,
    )
    .bits(2.5)
    .check(Check::BasicAuth),
    Rule::new(
        "docker-swarm-token",
        "Docker Swarm token",
        &["swmtkn-1-", "swmkey-1-"],
        r"\b(SWM(?:TKN-1-[0-9a-z]{50}-[0-9a-z]{25}|KEY-1-[A-Za-z0-9+/]{40,44}))",
    ),
    Rule::new("jfrog-key", "JFrog API key", &["akcp"], r"\b(AKCp[A-Za-z0-9]{69})\b"),
    Rule::new("jfrog-reference-token", "JFrog reference token", &["cmvmdgtu"], r"\b(cmVmdGtuOjAx[A-Za-z0-9]{52})\b"),
    Rule::new(
        "jfrog-password",
        "JFrog credential",
        &["jfrog", "artifactory", "xray"],
        named!(r"jfrog|artifactory|xray", r"[A-Za-z0-9]{73}|[A-Za-z0-9]{64}"),
    )
    .bits(3.5),
    Rule::new("clojars-token", "Clojars token", &["clojars_"], r"\b(CLOJARS_[a-z0-9]{60})\b"),
    Rule::new("packagist-token", "Packagist token", &["packagist_"], r"\b(packagist_[ou][ru]t_[0-9a-f]{60,72})\b"),
    Rule::new(
        "npm-legacy-token",
        "registry token",
        &["_authtoken"],
        r"(?i)registry[^\s=]{1,200}/:_authToken\s*[=:]\s*['\x22]?(NpmToken\.[0-9a-f-]{36}|[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})",
    ),
];
