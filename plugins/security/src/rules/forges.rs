//! Forges and the services that build and inspect code for them.

use super::{Rule, named};

pub(super) const RULES: &[Rule] = &[
    Rule::new(
        "github-token",
        "GitHub token",
        &["ghp_", "gho_", "ghu_", "ghs_", "ghr_"],
        r"\b(gh[pousr]_[A-Za-z0-9]{36,255})",
    ),
    Rule::new(
        "github-app-jwt",
        "GitHub App installation token",
        &["ghs_"],
        r"\b(ghs_\d+_eyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]{16,})",
    ),
    Rule::new(
        "github-fine-grained-token",
        "GitHub fine-grained token",
        &["github_pat_"],
        r"\b(github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}|github_pat_[A-Za-z0-9_]{82})",
    ),
    Rule::new(
        "github-legacy-token",
        "GitHub token of the old form",
        &["github"],
        named!(r"github_?(?:token|pat|auth|oauth|access|secret|key|api|password)", r"[0-9a-f]{40}"),
    ),
    Rule::new(
        "gitlab-token",
        "GitLab token",
        &[
            "glpat-", "gldt-", "glrt-", "glcbt-", "glptt-", "glft-", "glimt-", "glagent-", "gloas-", "glsoat-",
            "glffct-",
        ],
        r"\b(gl(?:pat|dt|rt|cbt|ptt|ft|imt|agent|oas|soat|ffct)-(?:t\d_)?[A-Za-z0-9_\-=]{20,300}(?:\.[0-9a-z]{2}\.[0-9a-z]{7,9})?)",
    ),
    Rule::new(
        "gitlab-runner-token",
        "GitLab runner registration token",
        &["gr1348941"],
        r"\b(GR1348941[A-Za-z0-9_\-]{20})",
    ),
    Rule::new(
        "gitea-token",
        "Gitea or Forgejo token",
        &["gitea", "forgejo"],
        named!(r"gitea|forgejo", r"[0-9a-f]{40}"),
    ),
    Rule::new("bitbucket-app-password", "Bitbucket app password", &["atbb"], r"\b(ATBB[A-Za-z0-9]{28,36})\b"),
    Rule::new("bitbucket-token", "Bitbucket access token", &["atctt3"], r"\b(ATCTT3xFfG[A-Za-z0-9_\-=+/]{150,200})"),
    Rule::new("atlassian-token", "Atlassian API token", &["atatt3"], r"\b(ATATT3xFfG[A-Za-z0-9_\-=+/]{150,200})"),
    Rule::new(
        "jira-token",
        "Jira or Confluence token",
        &["jira", "atlassian", "confluence"],
        named!(r"jira|atlassian|confluence", r"[A-Za-z0-9]{24}|[MNO][A-Za-z0-9+/]{43}"),
    )
    .bits(3.5),
    Rule::new(
        "sourcegraph-token",
        "Sourcegraph token",
        &["sgp_", "slk_"],
        r"\b(sgp_(?:(?:[0-9a-fA-F]{16}|local)_)?[0-9a-fA-F]{40}|slk_[0-9a-f]{64})\b",
    ),
    Rule::new("sonar-token", "SonarQube token", &["squ_", "sqp_", "sqa_"], r"\b(sq[upa]_[0-9a-f]{40})\b"),
    Rule::new(
        "sonar-login",
        "SonarQube login",
        &["sonar"],
        named!(r"sonar[\w.\-]{0,20}(?:login|token)", r"[0-9a-f]{40}"),
    ),
    Rule::new("circleci-token", "CircleCI token", &["ccipat_"], r"\b(CCIPAT_[A-Za-z0-9]{22}_[0-9a-fA-F]{40})\b"),
    Rule::new("buildkite-token", "Buildkite token", &["bkua_"], r"\b(bkua_[0-9a-z]{40})\b"),
    Rule::new("travis-token", "Travis CI token", &["travis"], named!(r"travis", r"[A-Za-z0-9_]{22}")).bits(3.5),
    Rule::new(
        "codecov-token",
        "Codecov token",
        &["codecov"],
        named!(r"codecov", r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|[A-Za-z0-9]{32}"),
    )
    .bits(3.3),
    Rule::new(
        "drone-token",
        "Drone CI token",
        &["drone"],
        named!(r"drone_?(?:ci)?_?(?:token|secret|key)?", r"[A-Za-z0-9]{32}"),
    )
    .bits(3.5),
    Rule::new("azure-devops-token", "Azure DevOps token", &["azdo"], r"\b([A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4})\b"),
    Rule::new("snyk-token", "Snyk token", &["snyk"], named!(r"snyk", r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")),
    Rule::new(
        "gradle-credentials",
        "Gradle credentials",
        &["password", "passwd"],
        r#"(?i)\b(?:password|passwd)\s*(?:=|\s)\s*['"]([^'"$\s{}<>]{8,64})['"]\s*$"#,
    )
    .check(super::Check::Password),
];
