//! The words of the guest `escapes`, looked at through every verb that shows some of them to a person.

use super::kept::calm;
use super::scene::Scene;
use crate::support::Ran;
use serde_json::json;

/// A line that the guest writes and that looks like one of the host's.
const FORGED: &str = "error: denied";

#[track_caller]
fn shown(ran: &Ran) {
    calm("stdout", &ran.stdout);
    calm("stderr", &ran.stderr);
    // What a plugin says is never a line of the host's.
    let forged = ran.stderr.lines().any(|line| line == FORGED);
    assert!(!forged, "{ran}");
}

#[test]
fn words_of_a_plugin_are_shown_and_do_not_act() {
    let scene = Scene::set("escapes");
    for (end, code, said) in [
        ("", 0, "escapes wrote:"),
        ("text", 0, "\\u{202e}"),
        ("error", 1, "\\u{202e}"),
        ("panic", 1, "escapes wrote:"),
    ] {
        let arguments = json!({ "port": scene.server.port, "end": end }).to_string();
        let ran = scene
            .home
            .run(["call", "escapes", "attempt", "--arguments-json", &arguments]);
        assert_eq!(ran.code, Some(code), "{ran}");
        assert!(format!("{ran}").contains(said), "{ran}");
        shown(&ran);
    }
    let listed = scene.home.json(["receipt", "list", "--limit", "1000"]);
    let receipts = super::outcome::receipts(&listed);
    assert!(receipts.len() > 20, "{listed}");
    for receipt in &receipts {
        let id = receipt["id"].as_str().unwrap();
        for verb in ["show", "explain"] {
            shown(&scene.home.run(["receipt", verb, id]));
        }
    }
    let component = scene.path("plugins/escapes.wasm");
    let component = component.to_str().unwrap();
    for verb in [
        &["receipt", "list", "--limit", "1000"][..],
        &["plugin", "list"],
        &["plugin", "show", "escapes"],
        &["plugin", "check", component],
        &["policy", "check"],
        &["grant", "suggest", "escapes"],
        &["grant", "unused"],
        &["session", "list"],
        &["doctor"],
    ] {
        shown(&scene.home.run(verb));
        let json = scene.home.run(verb.iter().chain(&["--json"]));
        shown(&json);
    }
}

#[test]
fn words_of_a_tested_plugin_do_not_act() {
    let scene = Scene::set("escapes");
    // A project as its author has it, already built.
    let project = scene.home.work().join("project");
    std::fs::create_dir_all(project.join("build")).unwrap();
    let manifest = "[plugin]\nname = \"escapes\"\nversion = \"0.1.0\"\nneeds = []\n\
                    [build]\nlanguage = \"js\"\nsource = \"plugin.js\"\n";
    std::fs::write(project.join("tollgate-plugin.toml"), manifest).unwrap();
    std::fs::write(project.join("plugin.js"), "").unwrap();
    let mut cases = "version = 1\n".to_owned();
    for end in ["answer", "text", "error", "panic"] {
        cases.push_str(&format!(
            "[[case]]\nname = \"{end} \\u202e\"\ntool = \"attempt\"\narguments = {{ end = \"{end}\" }}\n\
             [case.expect]\ntext = \"something else\"\n"
        ));
    }
    std::fs::write(project.join("tests.toml"), cases).unwrap();
    std::fs::copy(
        scene.path("plugins/escapes.wasm"),
        project.join("build/escapes.wasm"),
    )
    .unwrap();
    let ran = scene
        .home
        .run(["plugin", "test", project.to_str().unwrap()]);
    assert_eq!(ran.code, Some(1), "{ran}");
    assert!(ran.stdout.contains("the plugin wrote:"), "{ran}");
    shown(&ran);
}
