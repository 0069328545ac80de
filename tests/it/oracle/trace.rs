//! What `strace -f -y -yy` has written, one system call after the other.

use std::collections::HashMap;

/// One system call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Call {
    /// Which one it is of the run.
    pub(super) number: usize,
    /// The thread that made it.
    pub(super) thread: u32,
    /// Its name.
    pub(super) name: String,
    /// Its arguments, as they were shown.
    pub(super) arguments: Vec<String>,
    /// What it returned, as it was shown.
    pub(super) result: String,
}

/// All calls in the order in which they were begun.
pub(super) fn parse(text: &str) -> Vec<Call> {
    let mut calls: Vec<Call> = Vec::new();
    let mut unfinished: HashMap<u32, (usize, String)> = HashMap::new();
    for line in text.lines() {
        let (thread, rest) = line.split_once(' ').unwrap();
        let (thread, rest) = (thread.parse().unwrap(), rest.trim_start());
        if rest.starts_with("+++") || rest.starts_with("---") {
            continue;
        }
        if let Some(begun) = rest.strip_suffix(" <unfinished ...>") {
            // Its place is where it began.
            unfinished.insert(thread, (calls.len(), begun.to_owned()));
            calls.push(call(thread, &format!("{begun}) = ?")));
        } else if let Some(resumed) = rest.strip_prefix("<... ") {
            let (_, end) = resumed.split_once(" resumed>").unwrap();
            let (place, begun) = unfinished.remove(&thread).unwrap();
            calls[place] = call(thread, &format!("{begun}{end}"));
        } else {
            calls.push(call(thread, rest));
        }
    }
    for (number, call) in calls.iter_mut().enumerate() {
        call.number = number;
    }
    calls
}

fn call(thread: u32, text: &str) -> Call {
    let (name, rest) = text.split_once('(').unwrap_or_else(|| panic!("{text}"));
    let (arguments, result) = rest
        .rsplit_once(") = ")
        .or_else(|| rest.split_once(')').map(|(a, _)| (a, "?")))
        .unwrap_or_else(|| panic!("{text}"));
    Call {
        number: 0,
        thread,
        name: name.to_owned(),
        arguments: split(arguments.trim_end()),
        result: result.trim().to_owned(),
    }
}

/// The arguments, at the commas outside quotes and brackets.
fn split(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let (mut depth, mut quoted, mut escaped) = (0_u32, false, false);
    for c in text.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '{' | '[' | '(' if !quoted => depth += 1,
            '}' | ']' | ')' if !quoted => depth -= 1,
            ',' if !quoted && depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        parts.last_mut().unwrap().push(c);
    }
    parts.iter().map(|part| part.trim().to_owned()).collect()
}

impl Call {
    /// Whether it was refused by the kernel.
    pub(super) fn failed(&self) -> bool {
        self.result.starts_with('-')
    }

    /// The word and the id of a mark.
    pub(super) fn mark(&self) -> Option<(&str, &str)> {
        if !matches!(self.name.as_str(), "access" | "faccessat" | "faccessat2") {
            return None;
        }
        let path = self
            .arguments
            .iter()
            .find_map(|argument| quoted(argument))?;
        path.strip_prefix("/tollgate/")?.split_once('/')
    }

    /// The paths that it names: each path argument, below the directory before it if it is relative.
    pub(super) fn paths(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut directory: Option<&str> = None;
        for argument in &self.arguments {
            if let Some(path) = quoted(argument) {
                found.push(match directory.take() {
                    Some(directory) if !path.starts_with('/') => join(directory, path),
                    _ => path.to_owned(),
                });
            } else {
                directory = annotated(argument);
            }
        }
        found
    }

    /// What it opened, by the descriptor that it returned.
    pub(super) fn opened(&self) -> Option<&str> {
        annotated(&self.result)
    }

    /// In one line that has neither descriptors nor threads in it.
    pub(super) fn plain(&self) -> String {
        let flags = self.arguments.iter().filter(|argument| {
            argument.starts_with("O_")
                || argument.starts_with("{flags")
                || argument.starts_with("AT_R")
        });
        let flags: Vec<&str> = flags.map(String::as_str).collect();
        let result = match (self.failed(), self.opened()) {
            (true, _) => self.result.split(' ').nth(1).unwrap_or("failed"),
            (false, Some(opened)) => opened,
            (false, None) => "ok",
        };
        format!(
            "{} {} {} = {result}",
            self.name,
            self.paths().join(" "),
            flags.join(" ")
        )
        .replace("  ", " ")
    }
}

fn join(directory: &str, path: &str) -> String {
    match path {
        "." => directory.to_owned(),
        _ => format!("{}/{path}", directory.trim_end_matches('/')),
    }
}

/// The text of a quoted argument.
fn quoted(argument: &str) -> Option<&str> {
    argument.strip_prefix('"')?.strip_suffix('"')
}

/// What a descriptor is, `3</path>`.
fn annotated(argument: &str) -> Option<&str> {
    let (number, rest) = argument.split_once('<')?;
    let is_descriptor = number == "AT_FDCWD" || number.parse::<u32>().is_ok();
    is_descriptor.then(|| rest.strip_suffix('>').unwrap_or(rest))
}

#[test]
fn lines_of_strace_are_read() {
    let text = r#"7 openat(3</m>, "a \"b\", c", O_RDONLY <unfinished ...>
8 openat2(3</m>, ".", {flags=O_PATH, resolve=RESOLVE_BENEATH}, 24) = 4</m>
7 <... openat resumed>) = -1 ENOENT (No such file or directory)
8 access("/tollgate/allowed/x", F_OK) = -1 ENOENT (No such file or directory)
9 +++ exited with 0 +++
"#;
    let calls = parse(text);
    assert_eq!(calls.len(), 3);
    assert_eq!(calls[0].paths(), ["/m/a \\\"b\\\", c"]);
    assert!(calls[0].failed());
    assert_eq!(calls[1].paths(), ["/m"]);
    assert_eq!(
        calls[1].plain(),
        "openat2 /m {flags=O_PATH, resolve=RESOLVE_BENEATH} = /m"
    );
    assert_eq!(calls[2].mark(), Some(("allowed", "x")));
}
