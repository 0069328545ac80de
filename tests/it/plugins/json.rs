//! The plugin `json`: without a grant for what comes with the call, with `fs.read` for files.

use super::{denied, receipts};
use crate::support::Home;
use serde_json::json;

const QUERY: [&str; 5] = [
    "call",
    "json",
    "query",
    "filter=.a[] | select(.n > 1) | .s",
    "path=/project/a.json",
];

fn home() -> Home {
    let home = Home::new();
    let text = r#"{"a":[{"n":1,"s":"one"},{"n":2,"s":"two"}],"big":12345678901234567890}"#;
    std::fs::write(home.work().join("a.json"), text).unwrap();
    std::fs::write(home.work().join(".env"), "{\"SECRET\":1}").unwrap();
    home
}

#[test]
fn a_document_of_the_call_needs_no_grant() {
    let home = home();
    let text = r#"text={"z":[3,1,2],"a":1.50}"#;
    let ran = home.ok(["call", "json", "query", "filter=.z|sort[]", text]);
    assert_eq!(ran.stdout, "1\n2\n3\n");
    let merge = r#"merge:={"a":null,"b":true}"#;
    let ran = home.ok(["call", "json", "transform", text, merge]);
    assert_eq!(ran.stdout, "{\"z\":[3,1,2],\"b\":true}\n");
    let patch = r#"patch:=[{"op":"replace","path":"/z/0","value":0}]"#;
    let said = home.json(["call", "json", "transform", text, patch]);
    assert_eq!(
        said["content"],
        json!([{"type": "json", "json": {"z": [0, 1, 2], "a": 1.50}}])
    );
    assert!(receipts(&home, "json").is_empty());
}

#[test]
fn a_file_is_read_through_the_gate() {
    let home = home();
    let remedy = denied(&home.run(QUERY), "fs.open.read");
    home.ok(remedy);
    assert_eq!(home.ok(QUERY).stdout, "\"two\"\n");
    let whole = [
        "call",
        "json",
        "query",
        "filter=.big",
        "path=/project/a.json",
    ];
    assert_eq!(home.ok(whole).stdout, "12345678901234567890\n");
    assert_eq!(
        receipts(&home, "json"),
        [
            "fs.open.read denied /project/a.json",
            "fs.open.read allowed /project/a.json",
            "fs.open.read allowed /project/a.json",
        ]
    );
}

#[test]
fn what_the_grant_leaves_out_stays_out() {
    let home = home();
    home.ok([
        "grant",
        "add",
        "json",
        "fs.read . at /project except **/.env",
    ]);
    let ran = home.run(["call", "json", "query", "filter=.", "path=/project/.env"]);
    assert_eq!(ran.code, Some(3), "{ran}");
    assert!(!ran.stdout.contains("SECRET"), "{ran}");
    let ran = home.run(["call", "json", "query", "filter=.", "path=/project/no.json"]);
    assert_eq!(ran.code, Some(1), "{ran}");
    assert!(
        ran.stderr.contains("/project/no.json does not exist"),
        "{ran}"
    );
}

#[test]
fn mistakes_are_named_and_loops_end() {
    let home = home();
    let ran = home.run(["call", "json", "query", "filter=.a | | .b", "input:=1"]);
    assert_eq!(ran.code, Some(2), "{ran}");
    assert!(ran.stderr.contains("at byte 5"), "{ran}");
    // A filter sees no variable of the host.
    let ran = home.run(["call", "json", "query", "filter=env", "input:=1"]);
    assert!(ran.stderr.contains("there is no filter env"), "{ran}");

    home.policy("version = 1\n[plugins.json]\ngrants = []\nlimits = { cpu = \"1s\" }\n");
    let ran = home.run([
        "call",
        "json",
        "query",
        "filter=last(repeat(1))",
        "input:=1",
    ]);
    assert_ne!(ran.code, Some(0), "{ran}");
    assert!(ran.stderr.contains("cpu"), "{ran}");
}

#[test]
fn the_longest_filters_and_deepest_documents_fit_the_stack() {
    let home = home();
    let words = [
        format!("filter={}1", "-".repeat(200)),
        format!("filter={}1", "try ".repeat(200)),
        format!("filter={}1", "1|".repeat(200)),
        format!("filter={}1", "1+".repeat(200)),
        format!("filter={}1", "if 1 then ".repeat(200)),
        format!("filter={}1{}", "(".repeat(64), ")".repeat(64)),
        format!("filter={}1{}", "[".repeat(64), "]".repeat(64)),
    ];
    let text = format!("text={}1{}", "[".repeat(256), "]".repeat(256));
    for word in words {
        let ran = home.run(["call", "json", "query", &word, "input:=1"]);
        assert!(matches!(ran.code, Some(0..=2)), "{ran}");
        assert!(!ran.stderr.contains("trap"), "{ran}");
    }
    let ran = home.ok(["call", "json", "query", "filter=.", &text]);
    assert!(ran.stdout.starts_with("[[["), "{ran}");
    let text = format!("text={}1{}", "[".repeat(10_000), "]".repeat(10_000));
    let ran = home.run(["call", "json", "query", "filter=.", &text]);
    assert!(
        ran.stderr.contains("deeper than 256 levels"),
        "{}",
        ran.stderr
    );
}

#[test]
fn what_nests_without_end_ends_the_call_alone() {
    let home = home();
    for filter in [
        "filter=reduce range(1000000) as $i (0; [.]) | 1",
        "filter=def f: 1 + f; f",
    ] {
        let ran = home.run(["call", "json", "query", filter, "input:=1"]);
        assert_eq!(ran.code, Some(1), "{ran}");
    }
    let ran = home.ok(["call", "json", "query", "filter=.", "input:=1"]);
    assert_eq!(ran.stdout, "1\n");
}
