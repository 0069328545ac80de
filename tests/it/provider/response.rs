//! Every answer of the corpus to every adapter, cut on the wire in many ways, beside what the official SDKs make
//! of it uncut.

use super::kit::{self, FORMATS, Given};
use crate::inside::host::Host;
use crate::support::server::{Answer, Request, Server};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;
use tollgate_contract::{CallFault, Completion, ContentBlock, Delta, ProviderError, StopReason};

/// What stands before the number of a job.
const JOB: &str = "job-";
/// Calls at once.
const LANES: usize = 4;
/// Runs of one answer of which each is cut at every such place, and all together at each.
const STRIDE: usize = 7;
/// Those of each format that are also cut at one place, whichever it is.
const CUT_ANYWHERE: [&str; 2] = ["text-stream", "calls-stream"];

/// An answer of the corpus.
struct Case {
    format: &'static str,
    name: String,
    given: Given,
    body: Vec<u8>,
}

/// One exchange: an answer, and where it is cut.
struct Job {
    case: usize,
    cuts: Vec<usize>,
}

/// How a call ended: what is compared of it.
#[derive(Debug, PartialEq)]
struct Ended {
    completion: Result<Result<Completion, ProviderError>, CallFault>,
    text: String,
    thinking: String,
    calls: Vec<(String, String)>,
}

#[test]
fn heavy_every_answer_is_what_the_official_sdk_understands_wherever_it_is_cut() {
    let cases = Arc::new(cases());
    let jobs = Arc::new(jobs(&cases));
    let server = server(&cases, &jobs);
    let host = kit::host([server.port; 5], "");
    let started = Instant::now();
    let ended = kit::wait(all(&host, &cases, &jobs));
    let took = started.elapsed();

    let mut whole: BTreeMap<usize, &Ended> = BTreeMap::new();
    for (job, ended) in jobs.iter().zip(&ended) {
        let case = &cases[job.case];
        let first = whole.entry(job.case).or_insert(ended);
        assert_eq!(
            ended, *first,
            "{} {} cut at {:?}",
            case.format, case.name, job.cuts
        );
    }
    println!(
        "{} answers in {} runs, {} connections, {took:.1?}",
        cases.len(),
        jobs.len(),
        server.connections()
    );

    let theirs = kit::ask("complete.py", &["--all"], &Value::Null);
    let theirs = theirs.as_array().unwrap();
    assert_eq!(theirs.len(), cases.len());
    for theirs in theirs {
        let is = |case: &Case| theirs["provider"] == case.format && theirs["name"] == *case.name;
        let index = cases.iter().position(is).unwrap();
        compare(&cases[index], whole[&index], &theirs["completion"]);
    }
}

fn cases() -> Vec<Case> {
    let mut all = kit::given();
    let of = |format: &'static str| {
        let given = all.remove(format).unwrap();
        given.into_iter().map(move |(name, given)| Case {
            format,
            body: given.body(),
            name,
            given,
        })
    };
    let cases = FORMATS.each_ref().map(|format| format.name).map(of);
    let cases: Vec<Case> = cases.into_iter().flatten().collect();
    assert!(all.is_empty());
    cases
}

/// The first job of each case is uncut.
fn jobs(cases: &[Case]) -> Vec<Job> {
    let mut jobs = Vec::new();
    for (index, case) in cases.iter().enumerate() {
        let end = case.body.len();
        let mut add = |cuts: Vec<usize>| jobs.push(Job { case: index, cuts });
        add(Vec::new());
        add((1..end).collect());
        for first in 1..=STRIDE {
            add((first..end).step_by(STRIDE).collect());
        }
        let lines = (1..end).filter(|at| case.body[at - 1] == b'\n');
        add(lines.collect());
        if CUT_ANYWHERE.contains(&case.name.as_str()) {
            (1..end).for_each(|at| add(vec![at]));
        }
    }
    jobs
}

/// Answers each request by the job that its prompt names.
fn server(cases: &Arc<Vec<Case>>, jobs: &Arc<Vec<Job>>) -> Server {
    let (cases, jobs) = (Arc::clone(cases), Arc::clone(jobs));
    Server::start(move |request| {
        let job = &jobs[job_of(request)];
        let case = &cases[job.case];
        Answer {
            cuts: Some(job.cuts.clone()),
            ..case.given.answer(case.body.clone())
        }
    })
}

/// What the prompt of a job says.
fn prompt_of(job: usize) -> String {
    format!("{JOB}{job}")
}

fn job_of(request: &Request) -> usize {
    let body = String::from_utf8_lossy(&request.body);
    let (_, rest) = body.split_once(JOB).unwrap();
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap()
}

async fn all(host: &Arc<Host>, cases: &Arc<Vec<Case>>, jobs: &Arc<Vec<Job>>) -> Vec<Ended> {
    let next = Arc::new(AtomicUsize::new(0));
    let lanes: Vec<_> = (0..LANES)
        .map(|_| {
            let (host, next) = (Arc::clone(host), Arc::clone(&next));
            let (cases, jobs) = (Arc::clone(cases), Arc::clone(jobs));
            tokio::spawn(async move {
                let mut ended = Vec::new();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(job) = jobs.get(number) else {
                        return ended;
                    };
                    ended.push((number, run(&host, &cases[job.case], number).await));
                }
            })
        })
        .collect();
    let mut ended = BTreeMap::new();
    for lane in lanes {
        ended.extend(lane.await.unwrap());
    }
    ended.into_values().collect()
}

async fn run(host: &Host, case: &Case, number: usize) -> Ended {
    let request = kit::prompt(&prompt_of(number), case.given.stream);
    let (completion, pieces) = host.complete(case.format, request).await;
    let mut ended = Ended {
        completion,
        text: String::new(),
        thinking: String::new(),
        calls: Vec::new(),
    };
    for piece in pieces {
        match piece {
            Delta::Text { text } => ended.text.push_str(&text),
            Delta::Thinking { text } => ended.thinking.push_str(&text),
            Delta::ToolUse { id, name } => ended.calls.push((id, name)),
        }
    }
    ended
}

/// Panics unless ours says what theirs says.
fn compare(case: &Case, ended: &Ended, theirs: &Value) {
    let about = format!(
        "{} {}: {ended:#?}\ntheirs: {theirs:#}",
        case.format, case.name
    );
    match ended.completion.as_ref().expect(&about) {
        Err(error) => {
            let told = serde_json::to_value(error).unwrap();
            assert_eq!(told["type"], theirs["error"]["kind"], "{about}");
            // Some say in the body how long to wait.
            if let Some(wait) = case.given.retry_after_ms() {
                assert_eq!(told["retry_after_ms"], wait, "{about}");
            }
            let (message, words) = (&told["message"], &theirs["error"]["message"]);
            assert!(
                message.as_str().unwrap().contains(words.as_str().unwrap()),
                "{about}"
            );
        }
        Ok(completion) => {
            assert_eq!(theirs["error"], Value::Null, "{about}");
            let ours = normal(completion, theirs);
            assert_eq!(ours, comparable(theirs), "{about}");
            if case.given.stream {
                // What was given piece by piece is the answer.
                let (text, thinking) = (&ended.text, &ended.thinking);
                assert_eq!(
                    (&ours["text"], &ours["thinking"]),
                    (&json!(text), &json!(thinking)),
                    "{about}"
                );
                let calls: Vec<_> = calls(completion).map(|(id, name, _)| (id, name)).collect();
                assert_eq!(calls, ended.calls, "{about}");
            }
        }
    }
}

/// Theirs in the words of ours: a refusal's words are text, and where nothing was said of tokens there are none.
fn comparable(theirs: &Value) -> Value {
    let mut theirs = theirs.clone();
    let fields = theirs.as_object_mut().unwrap();
    fields.remove("error");
    let refusal = fields.remove("refusal").unwrap();
    let text = fields["text"].as_str().unwrap().to_owned();
    fields["text"] = (text + refusal.as_str().unwrap()).into();
    if fields["usage"] == json!({}) {
        fields["usage"] = json!({ "input": 0, "output": 0, "cached_input": 0, "reasoning": 0 });
    }
    theirs
}

fn normal(completion: &Completion, theirs: &Value) -> Value {
    let (mut text, mut thinking) = (String::new(), String::new());
    for block in &completion.content {
        match block {
            ContentBlock::Text { text: piece } => text.push_str(piece),
            ContentBlock::Thinking { text: piece } => thinking.push_str(piece),
            _ => {}
        }
    }
    let calls = calls(completion)
        .enumerate()
        .map(|(index, (id, name, arguments))| {
            // An id that nobody gave is the adapter's own.
            assert!(!id.is_empty());
            let named = !theirs["tool_calls"][index]["id"].is_null();
            let arguments: Value = serde_json::from_str(&arguments).unwrap();
            json!({ "id": named.then_some(id), "name": name, "arguments": arguments })
        });
    let calls: Vec<Value> = calls.collect();
    assert_eq!(
        completion.stop == StopReason::ToolUse,
        !calls.is_empty() && theirs["stop"] == "tool-use"
    );
    json!({
        "text": text,
        "thinking": thinking,
        "tool_calls": calls,
        "stop": completion.stop,
        "usage": completion.usage,
    })
}

/// Id, name and arguments of each tool that is asked for.
fn calls(completion: &Completion) -> impl Iterator<Item = (String, String, String)> {
    completion.content.iter().filter_map(|block| match block {
        ContentBlock::ToolUse {
            id,
            name,
            arguments_json,
        } => Some((id.clone(), name.clone(), arguments_json.clone())),
        _ => None,
    })
}
