//! The deeds, one for each way in which the host must not be hurt.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "printing is one of the deeds")]

mod bindings {
    #![allow(missing_docs, unsafe_op_in_unsafe_fn, clippy::all, reason = "generated from wit/")]

    #[cfg(not(feature = "judge"))]
    wit_bindgen::generate!({
        world: "portcullis:gate/actor",
        path: ["../../../wit/read", "../../../wit/act", "../../../wit/gate"],
        generate_all,
    });

    #[cfg(feature = "judge")]
    wit_bindgen::generate!({
        world: "portcullis:gate/judge",
        path: ["../../../wit/read", "../../../wit/act", "../../../wit/gate"],
        generate_all,
    });
}

#[cfg(not(feature = "judge"))]
use bindings::exports::portcullis::gate::action;
use bindings::exports::portcullis::gate::evaluation;
#[cfg(not(feature = "judge"))]
use bindings::portcullis::act::{documents as act_documents, workspace};
use bindings::portcullis::gate::log::{Level, log};
use bindings::portcullis::gate::types::{Finding, Judgement, Refusal, Severity, Subject, Verdict};
use bindings::portcullis::read::{advisories, approvals, documents, forge, images, repository, test_runs, web};
use std::hash::{BuildHasher as _, RandomState};
use std::hint::black_box;
use std::time::{Duration, Instant, SystemTime};

struct Hostile;

bindings::export!(Hostile with_types_in bindings);

impl evaluation::Guest for Hostile {
    fn config_schema() -> String {
        r#"{"type":"object","properties":{"do":{"type":"string"}}}"#.to_owned()
    }
    fn evaluate(subject: Subject, config: String) -> Result<Judgement, Refusal> {
        deed(&subject, &config)
    }
}

#[cfg(not(feature = "judge"))]
impl action::Guest for Hostile {
    fn act(subject: Subject, config: String) -> Result<Judgement, Refusal> {
        deed(&subject, &config)
    }
}

fn judgement(verdict: Verdict, summary: impl Into<String>) -> Judgement {
    Judgement { verdict, summary: summary.into(), findings: Vec::new(), evidence: Vec::new(), retry_after_s: None }
}

fn pass(summary: impl Into<String>) -> Result<Judgement, Refusal> {
    Ok(judgement(Verdict::Pass, summary))
}

fn deed(subject: &Subject, config: &str) -> Result<Judgement, Refusal> {
    // The one that is measured takes no detour.
    if config == r#"{"do":"pass"}"# {
        return pass("nothing to say");
    }
    let config: serde_json::Value =
        serde_json::from_str(config).map_err(|error| Refusal::BadConfig(format!("`do`: {error}")))?;
    let count = usize::try_from(config["count"].as_u64().unwrap_or(1)).unwrap_or(usize::MAX);
    match config["do"].as_str().unwrap_or_default() {
        "pass" => pass("nothing to say"),
        "trap" => core::arch::wasm32::unreachable(),
        "exit" => std::process::exit(3),
        "loop" => loop {
            black_box(());
        },
        "memory" => hoard(),
        "memory-then-loop" => {
            // Asks for more than there can be, takes the refusal for an answer, and keeps going.
            let refused = core::arch::wasm32::memory_grow::<0>(30_000) == usize::MAX;
            pass(format!("refused: {refused}"))
        }
        "stack" => pass(dig(1).to_string()),
        "findings" => {
            let finding = |n: usize| Finding {
                rule: "flood".to_owned(),
                severity: Severity::Note,
                message: String::new(),
                path: None,
                line: None,
                fingerprint: n.to_string(),
            };
            Ok(Judgement { findings: (0..count).map(finding).collect(), ..judgement(Verdict::Fail, "many") })
        }
        "output" => pass("x".repeat(count)),
        // SAFETY: none; that is the deed. Nothing in here looks at the text.
        "not-text" => pass(unsafe { String::from_utf8_unchecked(vec![0xff, 0xfe]) }),
        "host-calls" => {
            for _ in 0..count {
                black_box(documents::folder());
            }
            pass("called")
        }
        "sleep" => {
            std::thread::sleep(Duration::from_secs(3600));
            pass("slept")
        }
        "huge-argument" => {
            let name = "x".repeat(count);
            pass(format!("{:?}", documents::frontmatter(&name)))
        }
        "log" => {
            log(Level::Info, &"y".repeat(count));
            pass("logged")
        }
        "print" => {
            for _ in 0..count {
                println!("out");
                eprintln!("err");
            }
            pass("printed")
        }
        #[cfg(not(feature = "judge"))]
        "act" => pass(format!(
            "{:?}; {:?}; {:?}; {:?}",
            workspace::catch_up(),
            workspace::run("t"),
            act_documents::write("a.md", b"mine"),
            workspace::publish()
        )),
        "actionable" => Ok(judgement(Verdict::Actionable, "could be mended")),
        "refuse" => Err(Refusal::Unavailable("the moon".to_owned())),
        "random-and-clock" => pass(chance_and_time()),
        "files-and-network" => pass(format!(
            "file {}; folder {}; variables {}; arguments {}; socket {}",
            std::fs::read("/etc/passwd").is_err(),
            std::fs::read_dir("/").is_err(),
            std::env::vars().count(),
            std::env::args().count(),
            std::net::TcpStream::connect("127.0.0.1:1").is_err(),
        )),
        "read" => pass(read(subject)),
        "blobs" => {
            let blobs: Vec<_> =
                (0..count).map(|_| repository::open_blobs(std::slice::from_ref(&subject.head))).collect();
            pass(format!("{} opened", blobs.iter().filter(|blob| blob.is_ok()).count()))
        }
        #[cfg(feature = "http")]
        "http" => {
            pass(http::get(config["host"].as_str().unwrap_or_default(), config["scheme"].as_str().unwrap_or("https")))
        }
        "web" => {
            let url = config["url"].as_str().unwrap_or_default();
            let said = |answer: Result<web::Response, web::Error>| {
                answer.map(|response| format!("{} {}", response.status, String::from_utf8_lossy(&response.body)))
            };
            let show = |answer: Result<String, web::Error>| match answer {
                Ok(said) => format!("Ok({said})"),
                Err(error) => format!("{error:?}"),
            };
            let (got, posted) = (said(web::get(url)), said(web::post(url, "application/json", b"{}")));
            pass(format!("{}; {}", show(got), show(posted)))
        }
        "config" => pass(config.to_string()),
        other => Err(Refusal::BadConfig(format!("`do`: no such deed: {other}"))),
    }
}

fn hoard() -> ! {
    let mut all = Vec::new();
    loop {
        all.push(vec![1_u8; 1 << 20]);
        black_box(&all);
    }
}

/// Frames small enough that the machine's stack ends before the guest's own, which lies in its memory.
fn dig(depth: u64) -> u64 {
    if black_box(depth) == 0 { 0 } else { dig(depth + 1) + 1 }
}

/// Everything that could differ from one run to the next.
fn chance_and_time() -> String {
    let hash = RandomState::new().hash_one("hash");
    let local = 0_u8;
    let address = core::ptr::from_ref(&local) as usize;
    let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map(|d| d.as_millis()).unwrap_or(0);
    let start = Instant::now();
    let busy: u64 = (0..100_000_u64).map(black_box).sum();
    format!("{hash:x} {address:x} {since_1970} {:?} {busy}", start.elapsed())
}

/// Every observing import once.
fn read(subject: &Subject) -> String {
    let (head, base) = (&subject.head, &subject.target_head);
    let blob = repository::open_blobs(std::slice::from_ref(head)).map(|blobs| {
        let (mut size, mut bytes) = (0, Vec::new());
        while let Ok(pieces) = blobs.next() {
            if pieces.is_empty() {
                break;
            }
            for piece in pieces {
                size = piece.size;
                bytes.extend(piece.bytes);
            }
        }
        (size, bytes)
    });
    [
        format!("{:?}", repository::merge_base(head, base)),
        format!("{:?}", repository::is_ancestor(base, head)),
        format!("{:?}", repository::tree(head)),
        format!("{:?}", repository::tree("not a name")),
        format!("{:?}", repository::commits(base, head)),
        format!("{:?}", repository::changes(None, head)),
        format!("{:?}", repository::changes(Some(base), head)),
        format!("{:?}", repository::read_file(head, b"a.txt")),
        format!("{blob:?}"),
        format!("{:?}", forge::checks(head)),
        format!("{:?}", forge::required_checks("main")),
        format!("{:?}", forge::get_pull_request(7)),
        format!("{:?}", forge::pushed_at(head)),
        format!("{:?}", documents::frontmatter("15-staging-log.md")),
        format!("{:?}", documents::read("data.json")),
        documents::folder(),
        format!("{:?}", images::inspect("registry.example/app:1")),
        format!("{:?}", approvals::latest()),
        format!("{:?}", test_runs::latest("unit", head)),
        format!("{:?}", advisories::about()),
        format!("{:?}", advisories::lookup("npm", &["lodash".to_owned()])),
        format!("{:?}", advisories::lookup("npm", &["a".to_owned(), "b".to_owned()])),
    ]
    .join("\n")
}

#[cfg(feature = "http")]
mod http {
    use wasip2::http::outgoing_handler::handle;
    use wasip2::http::types::{Fields, OutgoingRequest, Scheme};

    /// Status and size of the body, or the error.
    pub(super) fn get(host: &str, scheme: &str) -> String {
        let request = OutgoingRequest::new(Fields::new());
        let scheme = if scheme == "http" { Scheme::Http } else { Scheme::Https };
        if request.set_scheme(Some(&scheme)).is_err() || request.set_authority(Some(host)).is_err() {
            return "no such address".to_owned();
        }
        if request.set_path_with_query(Some("/v1?q=1")).is_err() {
            return "no such path".to_owned();
        }
        let future = match handle(request, None) {
            Ok(future) => future,
            Err(error) => return format!("not sent: {error:?}"),
        };
        future.subscribe().block();
        match future.get() {
            Some(Ok(Ok(response))) => {
                let mut size = 0;
                if let Ok(body) = response.consume()
                    && let Ok(stream) = body.stream()
                {
                    while let Ok(piece) = stream.blocking_read(64 << 10) {
                        size += piece.len();
                    }
                }
                format!("{} {size}", response.status())
            }
            other => format!("no answer: {other:?}"),
        }
    }
}
