//! Matches system calls with receipts, both ways.
//!
//! A thread's calls up to a mark `allowed` or `denied` are the lookup of what was decided, those from
//! `allowed` to `settled` are its performance. What is neither must be an entry of [`HOST`].

use super::trace::Call;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What the host does for itself while a call runs, with names in braces for what a run chooses.
pub(super) const HOST: [&str; 7] = [
    "openat {keys}/{session}.key O_RDONLY|O_CLOEXEC = ENOENT",
    "open {keys}/.{session}.{pid}.0 O_RDWR|O_CREAT|O_LARGEFILE|O_NOFOLLOW|O_CLOEXEC = {keys}/.{session}.{pid}.0",
    "rename {keys}/.{session}.{pid}.0 {keys}/{session}.key = ok",
    "openat {keys} O_RDONLY|O_CLOEXEC = {keys}",
    "openat {mount} O_RDONLY|O_LARGEFILE|O_CLOEXEC|O_PATH|O_DIRECTORY = {mount}",
    "openat {mount} O_RDONLY|O_LARGEFILE|O_CLOEXEC|O_DIRECTORY = {mount}",
    "openat {nowhere} O_RDONLY|O_CLOEXEC = {nowhere}",
];

/// Calls of sockets.
const SOCKETS: [&str; 6] = ["connect", "bind", "listen", "sendto", "sendmsg", "sendmmsg"];

/// What a run chose.
pub(super) struct Place {
    /// What stands for each name in braces.
    pub(super) names: BTreeMap<&'static str, String>,
    /// Where the guest sees the mount.
    pub(super) guest: &'static str,
}

impl Place {
    fn mount(&self) -> &str {
        &self.names["mount"]
    }

    fn host_list(&self) -> BTreeSet<String> {
        HOST.iter()
            .map(|entry| {
                self.names
                    .iter()
                    .fold((*entry).to_owned(), |entry, (name, value)| {
                        entry.replace(&format!("{{{name}}}"), value)
                    })
            })
            .collect()
    }

    fn holds(&self, path: &str) -> bool {
        path == self.mount() || path.starts_with(&format!("{}/", self.mount()))
    }

    /// The paths of the host that a target names.
    fn of_target(&self, target: &str) -> Vec<String> {
        let one = |path: &str| match path.strip_prefix(self.guest) {
            Some(rest) => format!("{}{rest}", self.mount()),
            None => path.to_owned(),
        };
        target.split(" -> ").map(one).collect()
    }
}

/// One receipt.
#[derive(Debug, Clone)]
pub(super) struct Receipt {
    pub(super) id: String,
    pub(super) kind: String,
    denied: bool,
    failed: bool,
    address: Option<String>,
    target: String,
}

impl Receipt {
    /// As the program prints it.
    pub(super) fn of(value: &Value) -> Self {
        let text = |pointer: &str| {
            value
                .pointer(pointer)
                .and_then(Value::as_str)
                .map(str::to_owned)
        };
        Self {
            id: text("/id").unwrap(),
            kind: text("/kind").unwrap(),
            denied: text("/decision/verdict").unwrap() == "denied",
            failed: text("/settled/outcome/result").is_some_and(|result| result == "failed"),
            address: text("/settled/outcome/address"),
            target: text("/target/text").unwrap(),
        }
    }

    /// Whom its call of a socket names.
    fn peer(&self) -> &str {
        match self.kind.as_str() {
            "http.request" => self.address.as_deref().unwrap_or_default(),
            _ => &self.target,
        }
    }

    /// The calls that perform it; none where it needs no call of those that are watched: the environment
    /// is this process's memory, values are rows of the database.
    fn performed_by(&self) -> Option<&'static str> {
        Some(match self.kind.as_str() {
            "env.read" | "kv.open" | "kv.get" | "kv.set" | "kv.delete" | "kv.list" => return None,
            "fs.open.read" | "fs.open.dir" | "fs.open.write" | "fs.create" | "fs.list" => "openat",
            "fs.stat" | "fs.readlink" => "openat2",
            "fs.mkdir" => "mkdirat",
            "fs.delete" => "unlinkat",
            "fs.rename" => "renameat2",
            "fs.link" => "linkat",
            "fs.symlink" => "symlinkat",
            "fs.set-times" => "utimensat",
            "http.request" | "tcp.connect" | "udp.connect" => "connect",
            "tcp.bind" | "udp.bind" => "bind",
            "tcp.listen" => "listen",
            "udp.send" => "sendto",
            // Its call is not watched; that it was listened for is.
            "tcp.accept" => return None,
            other => panic!("no system call is known for {other}"),
        })
    }
}

/// What does not match.
#[derive(Default)]
pub(super) struct Verdict {
    pub(super) problems: Vec<String>,
    /// Entries of the host's list that occurred.
    pub(super) host: BTreeSet<String>,
    /// The calls that are entries of it.
    pub(super) host_calls: BTreeSet<usize>,
    /// Calls that were matched with a receipt.
    pub(super) matched: usize,
}

/// Judges one run.
pub(super) fn judge(calls: &[Call], receipts: &[Receipt], place: &Place) -> Verdict {
    let mut judge = Judge {
        place,
        host_list: place.host_list(),
        receipts: receipts
            .iter()
            .map(|receipt| (receipt.id.as_str(), receipt))
            .collect(),
        descriptors: HashMap::new(),
        pending: HashMap::new(),
        performing: HashMap::new(),
        of_receipt: BTreeMap::new(),
        decided: BTreeSet::new(),
        windows: 0,
        verdict: Verdict::default(),
    };
    for call in calls {
        judge.take(call);
    }
    judge.end();
    judge.verdict
}

struct Judge<'a> {
    place: &'a Place,
    host_list: BTreeSet<String>,
    receipts: BTreeMap<&'a str, &'a Receipt>,
    /// What a descriptor of the process was last opened on.
    descriptors: HashMap<String, String>,
    /// The calls of a thread since its last mark.
    pending: HashMap<u32, Vec<Call>>,
    /// The receipt that a thread performs.
    performing: HashMap<u32, String>,
    of_receipt: BTreeMap<String, Vec<Call>>,
    decided: BTreeSet<String>,
    /// Calls of plugins that run.
    windows: usize,
    verdict: Verdict,
}

impl Judge<'_> {
    fn take(&mut self, call: &Call) {
        if let Some((descriptor, path)) = call.result.split_once('<') {
            let path = path.trim_end_matches('>').to_owned();
            self.descriptors.insert(descriptor.to_owned(), path);
        }
        match call.mark() {
            Some(("begin", _)) => self.windows += 1,
            Some(("end", _)) => {
                self.windows -= 1;
                if self.windows == 0 {
                    self.left_over();
                }
            }
            Some((word, id)) => self.mark(call.thread, word, id),
            None if self.windows > 0 => {
                let call = self.with_paths(call);
                self.pending.entry(call.thread).or_default().push(call);
            }
            None => {}
        }
    }

    /// The same call with what a descriptor below /proc stands for.
    fn with_paths(&self, call: &Call) -> Call {
        let own = format!("/proc/{}/fd>", self.place.names["pid"]);
        let mut call = call.clone();
        let mut of_proc = false;
        for argument in &mut call.arguments {
            let number = argument.trim_matches('"').to_owned();
            if of_proc && let Some(path) = self.descriptors.get(&number) {
                *argument = format!("{path:?}");
            }
            of_proc = argument.ends_with(&own);
        }
        call
    }

    fn mark(&mut self, thread: u32, word: &str, id: &str) {
        let mut calls = self.pending.remove(&thread).unwrap_or_default();
        if let Some(performed) = self.performing.get(&thread).cloned() {
            // A socket's outcome may be written on another thread than its call was made on.
            let of_socket = calls.extract_if(.., |call| SOCKETS.contains(&call.name.as_str()));
            let of_socket: Vec<Call> = of_socket.collect();
            self.of_receipt
                .entry(performed)
                .or_default()
                .extend(of_socket);
        }
        match word {
            "allowed" | "denied" | "collapsed" => {
                for call in calls {
                    if self.is_lookup(&call) {
                        self.of_receipt.entry(id.to_owned()).or_default().push(call);
                    } else {
                        self.of_host(&call);
                    }
                }
                if word != "collapsed" && !self.decided.insert(id.to_owned()) {
                    self.problem(format!("{id} was decided twice"));
                }
                if word == "allowed" {
                    self.performing.insert(thread, id.to_owned());
                }
            }
            "settled" => {
                self.performing.remove(&thread);
                self.of_receipt
                    .entry(id.to_owned())
                    .or_default()
                    .extend(calls);
            }
            "perform" => {
                self.performing.insert(thread, id.to_owned());
                for call in calls {
                    self.of_host(&call);
                }
            }
            other => self.problem(format!("an unknown mark {other}")),
        }
    }

    /// What no later mark of its thread has claimed: of a connection, or of the host.
    fn left_over(&mut self) {
        for (thread, calls) in std::mem::take(&mut self.pending) {
            for call in calls {
                match self.performing.get(&thread).cloned() {
                    Some(id) if SOCKETS.contains(&call.name.as_str()) => {
                        self.of_receipt.entry(id).or_default().push(call);
                    }
                    _ => self.of_host(&call),
                }
            }
        }
        self.performing.clear();
    }

    fn is_lookup(&self, call: &Call) -> bool {
        let flags = call
            .arguments
            .iter()
            .find(|argument| argument.starts_with("{flags"));
        call.name == "openat2"
            && flags
                .is_some_and(|flags| flags.contains("O_PATH") && flags.contains("RESOLVE_BENEATH"))
            && call.paths().iter().all(|path| self.place.holds(path))
    }

    fn of_host(&mut self, call: &Call) {
        let plain = call.plain();
        if self.host_list.contains(&plain) {
            self.verdict.host.insert(plain);
            self.verdict.host_calls.insert(call.number);
        } else {
            self.problem(format!(
                "no receipt and no entry of the host's list: {plain}"
            ));
        }
    }

    fn problem(&mut self, what: String) {
        self.verdict.problems.push(what);
    }

    fn end(&mut self) {
        if self.windows != 0 {
            self.problem("a call has not ended".to_owned());
        }
        for id in self.decided.clone() {
            if !self.receipts.contains_key(id.as_str()) {
                self.problem(format!("{id} was decided and has no receipt"));
            }
        }
        for (id, receipt) in self.receipts.clone() {
            if self.decided.contains(id) {
                let calls = self.of_receipt.remove(id).unwrap_or_default();
                self.receipt(receipt, &calls);
            } else {
                self.problem(format!("receipt {id} ({}) was never decided", receipt.kind));
            }
        }
    }

    /// Whether what was done is what the receipt says.
    fn receipt(&mut self, receipt: &Receipt, calls: &[Call]) {
        let wanted = self.place.of_target(&receipt.target);
        let by = if receipt.denied {
            None
        } else {
            receipt.performed_by()
        };
        let mut performed = false;
        for call in calls {
            self.verdict.matched += 1;
            let fits = match call.name.as_str() {
                // A listening socket is named by its descriptor alone.
                "listen" => true,
                name if SOCKETS.contains(&name) => reaches(call, receipt.peer()),
                _ => {
                    let mut paths = call.paths();
                    paths.extend(call.opened().map(str::to_owned));
                    wanted.iter().all(|path| paths.contains(path))
                }
            };
            let is_lookup = self.is_lookup(call);
            let is_its_call =
                Some(call.name.as_str()) == by && (fits || receipt.failed && call.failed());
            let is_its_miss = receipt.failed && is_lookup && call.failed();
            if is_its_call || is_its_miss {
                performed = true;
            } else if !is_lookup {
                self.problem(format!(
                    "{} {}: {}",
                    receipt.kind,
                    receipt.target,
                    call.plain()
                ));
            }
            if receipt.denied && !is_lookup {
                self.problem(format!("{} was denied: {}", receipt.kind, call.plain()));
            }
        }
        if !receipt.denied && by.is_some() && !performed {
            let Receipt {
                id, kind, target, ..
            } = receipt;
            self.problem(format!(
                "{id} {kind} {target} was never performed: {calls:?}"
            ));
        }
    }
}

/// Whether a call names `peer`, in an argument or by a socket that is connected to it.
fn reaches(call: &Call, peer: &str) -> bool {
    let Some((address, port)) = peer.rsplit_once(':') else {
        return false;
    };
    let quoted = format!("\"{}\"", address.trim_matches(['[', ']']));
    call.arguments.iter().any(|argument| {
        let names = argument.contains(&format!("htons({port})")) && argument.contains(&quoted);
        names || argument.ends_with(&format!("->{peer}]>"))
    })
}
