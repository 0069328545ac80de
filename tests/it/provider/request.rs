//! Every request of the corpus through every adapter, beside what the official SDKs send for it.

use super::kit::{self, FORMATS, Format, Given};
use crate::inside::host::Host;
use crate::support::server::{Request, Server};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tollgate_contract::{CompletionRequest, ProviderError};

/// Header fields that say something of the call, as `oracle/capture.py` keeps them.
const HEADERS: [&str; 5] = [
    "content-type",
    "accept",
    "anthropic-version",
    "anthropic-beta",
    "openai-beta",
];

#[derive(Deserialize)]
struct Case {
    name: String,
    request: CompletionRequest,
}

#[derive(Deserialize)]
struct Difference {
    provider: String,
    name: String,
    pointer: String,
}

#[test]
fn every_request_is_what_the_official_sdk_sends() {
    let cases: Vec<Case> = serde_json::from_slice(&kit::read("requests.json")).unwrap();
    let cases = Arc::new(cases);
    let servers = FORMATS.each_ref().map(|format| server(format.name));
    let host = kit::host(servers.each_ref().map(|server| server.port), "");
    let ours = kit::wait(async {
        let formats = FORMATS.iter().zip(servers);
        let tasks: Vec<_> = formats
            .map(|(format, server)| {
                let (host, cases) = (Arc::clone(&host), Arc::clone(&cases));
                tokio::spawn(
                    async move { (format.name, sent(&host, format, &server, &cases).await) },
                )
            })
            .collect();
        let mut ours = BTreeMap::new();
        for task in tasks {
            let (format, sent) = task.await.unwrap();
            ours.insert(format, sent);
        }
        ours
    });

    // A whole exchange may differ only where what is asked for cannot be sent.
    let differences: Vec<Difference> =
        serde_json::from_slice(&kit::read("differences.json")).unwrap();
    let known: BTreeSet<(&str, &str)> = differences
        .iter()
        .filter(|entry| entry.pointer.is_empty())
        .map(|entry| (entry.provider.as_str(), entry.name.as_str()))
        .collect();
    let refused: BTreeSet<(&str, &str)> = ours
        .iter()
        .flat_map(|(format, sent)| sent.iter().map(move |(name, sent)| (*format, name, sent)))
        .filter(|(_, _, sent)| sent.is_null())
        .map(|(format, name, _)| (format, name.as_str()))
        .collect();
    assert_eq!(refused, known);

    let compared = kit::ask("compare.py", &[], &json!(ours));
    println!("{} requests in each of {} formats", cases.len(), ours.len());
    let same = json!({ "mismatches": [], "unused": [] });
    assert!(compared == same, "{compared:#}");
}

/// A server that answers in a format, with a stream where the corpus asks for one.
fn server(format: &str) -> Server {
    let given = &kit::given()[format];
    let answers: [(&Given, Vec<u8>); 2] =
        ["text", "text-stream"].map(|name| (&given[name], given[name].body()));
    let [whole, stream] = answers.map(|(given, body)| given.answer(body));
    Server::start(move |request| {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        let streams = body["stream"] == true || request.line.contains(":streamGenerateContent");
        if streams {
            stream.clone()
        } else {
            whole.clone()
        }
    })
}

/// What an adapter sends for each request; null for one that it refuses.
async fn sent(
    host: &Host,
    format: &Format,
    server: &Server,
    cases: &[Case],
) -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    for case in cases {
        let before = server.seen().len();
        let (ended, _) = host.complete(format.name, case.request.clone()).await;
        let requests = server.seen().split_off(before);
        let about = format!("{} {}: {ended:?}", format.name, case.name);
        let sent = match (ended.expect(&about), requests.as_slice()) {
            (Ok(_), [request]) => exchange(request),
            (Err(ProviderError::InvalidRequest { .. }), []) => Value::Null,
            _ => panic!("{about}: {requests:#?}"),
        };
        assert!(all.insert(case.name.clone(), sent).is_none(), "{about}");
    }
    all
}

/// A request in the oracle's form.
fn exchange(request: &Request) -> Value {
    let (method, target) = request.line.split_once(' ').unwrap();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let headers: BTreeMap<&str, &str> = HEADERS
        .into_iter()
        .filter_map(|name| Some((name, request.header(name)?)))
        .collect();
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    json!({ "method": method, "path": path, "query": query, "headers": headers, "body": body })
}
