//! A session of the tests: launched, prompted, looked at after a kill, gone on with.

use super::evidence::{Evidence, Tally, is_last_words};
use super::model::{Model, Pace, Seen};
use super::script::{Act, Script, on_host};
use crate::support::{Home, Ran};
use serde_json::Value;
use std::collections::BTreeSet;
use std::process::Command;
use tollgate_receipts::{Receipt, Standing};

/// More turns than any script has.
const ITERATIONS_MAX: &str = "200";
/// Prompts within which a session comes to the end of its script when nobody kills it.
const PROMPTS_MAX: usize = 2;
/// The session that every house begins with.
pub(super) const UNDISTURBED: &str = "undisturbed";

/// A home and a provider that many sessions share.
pub(super) struct House {
    pub(super) home: Home,
    pub(super) model: Model,
}

/// One session.
pub(super) struct Seat<'h> {
    pub(super) house: &'h House,
    pub(super) name: String,
}

impl House {
    /// Opens a house with a script for all its sessions; `gate` holds the provider's answers back.
    pub(super) fn open(
        script: Script,
        pace: Pace,
        gate: impl Fn(&Seen) + Send + Sync + 'static,
    ) -> Self {
        let (home, model) = (Home::new(), Model::start(script, pace, gate));
        let (root, port) = (home.root().to_str().unwrap().to_owned(), model.port);
        home.policy(&format!(
            r#"version = 1
[plugins.openai]
component = "openai.wasm"
config = {{ base-url = "http://127.0.0.1:{port}/v1" }}
grants = ["http POST http://127.0.0.1:{port}/v1/chat/completions"]
[plugins.files]
component = "files.wasm"
grants = ["fs.read {root}/in at /in", "fs.create {root}/out at /out"]
"#
        ));
        for directory in ["in", "out"] {
            std::fs::create_dir(home.root().join(directory)).unwrap();
        }
        home.ok(["auth", "login"]);
        let house = Self { home, model };
        house.undisturbed();
        house
    }

    /// Nobody is killed here: the script is possible, and from here on components are compiled.
    fn undisturbed(&self) {
        let seat = self.seat(UNDISTURBED);
        seat.launch();
        let done = self.model.script().steps().len();
        assert_eq!(
            seat.go_on(),
            Tally {
                done,
                ..Tally::default()
            }
        );
    }

    /// A session that is not launched yet, with its notes and its directory.
    pub(super) fn seat(&self, name: impl Into<String>) -> Seat<'_> {
        let name = name.into();
        for directory in ["in", "out"] {
            std::fs::create_dir(self.home.root().join(directory).join(&name)).unwrap();
        }
        for step in self.model.script().steps() {
            if step.act == Act::Read {
                let note = on_host(self.home.root(), &step.target(&name));
                std::fs::write(note, step.content(&name)).unwrap();
            }
        }
        Seat { house: self, name }
    }

    /// Nothing is left `running`, whoever died.
    #[track_caller]
    pub(super) fn nothing_runs(&self) {
        let running = self.home.json(["agent", "list", "--state", "running"]);
        assert_eq!(running["sessions"], serde_json::json!([]));
    }
}

impl Seat<'_> {
    /// `agent launch`, to be started.
    pub(super) fn launching(&self) -> Command {
        self.house.home.command([
            "agent",
            "launch",
            "--session-id",
            &self.name,
            "--provider-id",
            "openai",
            "--model-id",
            "script",
        ])
    }

    /// Launches the session.
    #[track_caller]
    pub(super) fn launch(&self) {
        let ran = Ran::of(self.launching());
        assert_eq!(ran.code, Some(0), "{ran}");
    }

    /// `agent prompt`, to be started.
    pub(super) fn prompting(&self) -> Command {
        let text = format!("session={}; go on with your work", self.name);
        let words = [
            "agent",
            "prompt",
            &self.name,
            &text,
            "--max-iterations",
            ITERATIONS_MAX,
        ];
        let mut command = self.house.home.command(words);
        command.arg("--json");
        command
    }

    /// Another verb on the session, to be started.
    pub(super) fn command(&self, verb: &str) -> Command {
        self.house
            .home
            .command(["agent", verb, &self.name, "--json"])
    }

    /// The session as the command line shows it.
    #[track_caller]
    pub(super) fn status(&self) -> Value {
        let ran = Ran::of(self.command("status"));
        assert_eq!(ran.code, Some(0), "{ran}");
        ran.json()
    }

    /// Looks at a session whose process was killed: it is settled and rests, and what the command
    /// line lists is what is in the ledger. Returns the effects whose end nobody saw.
    #[track_caller]
    pub(super) fn look(&self) -> Vec<Receipt> {
        let before = Evidence::of(self);
        before.check();
        let status = self.status();
        let after = Evidence::of(self);
        after.follows(&before);
        after.check();
        after.check_settled();
        self.listed(&after);
        let hidden: Vec<Receipt> = after.standing(Standing::Indeterminate).cloned().collect();
        let unresolved: BTreeSet<&str> = status["unresolved"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(Value::as_str)
            .collect();
        let expected: BTreeSet<&str> = hidden.iter().map(|receipt| receipt.id.as_str()).collect();
        assert_eq!(unresolved, expected, "{status:#}");
        let rests = if hidden.is_empty() { "idle" } else { "blocked" };
        assert_eq!(status["status"], rests, "{status:#}");
        assert!(
            status["lease"].is_null() && status["current_run"].is_null(),
            "{status:#}"
        );
        hidden
    }

    /// What `receipt list` prints is what the entries fold to.
    #[track_caller]
    fn listed(&self, evidence: &Evidence) {
        let list = [
            "receipt",
            "list",
            "--session",
            &self.name,
            "--limit",
            "10000",
        ];
        let listed = self.house.home.json(list)["receipts"].take();
        let mut listed: Vec<Receipt> = serde_json::from_value(listed).unwrap();
        let mut folded = evidence.receipts.clone();
        listed.sort_by(|a, b| a.id.cmp(&b.id));
        folded.sort_by(|a, b| a.id.cmp(&b.id));
        assert_eq!(listed, folded);
    }

    /// `receipt resolve`, to be started, as a refused prompt says it, with what an operator finds who
    /// looks at the target. None if nothing is unresolved.
    #[track_caller]
    pub(super) fn resolving(&self) -> Option<Command> {
        let status = self.status();
        let unresolved = status["unresolved"].as_array().unwrap().clone();
        if unresolved.is_empty() {
            return None;
        }
        let refused = Ran::of(self.prompting());
        assert_eq!(refused.code, Some(2), "{refused}");
        let remedy = refused.error()["try"].as_str().unwrap().to_owned();
        let words = shlex::split(&remedy).unwrap();
        let ["tollgate", "receipt", "resolve", id] =
            *words.iter().map(String::as_str).collect::<Vec<_>>()
        else {
            panic!("it says {remedy:?}")
        };
        assert!(unresolved.iter().any(|receipt| receipt == id), "{status:#}");
        let evidence = Evidence::of(self);
        let receipt = evidence
            .receipts
            .iter()
            .find(|receipt| receipt.id == id)
            .unwrap();
        let found = match evidence.happened(receipt) {
            Some(true) => &["--outcome", "done"][..],
            Some(false) => &["--outcome", "not-done"],
            // Nobody can say: then the printed command is typed as it stands.
            None => &[],
        };
        Some(
            self.house.home.command(
                words[1..]
                    .iter()
                    .map(String::as_str)
                    .chain(found.iter().copied()),
            ),
        )
    }

    /// Resolves what nobody saw end, until the session is ready.
    #[track_caller]
    pub(super) fn resolve(&self) {
        while let Some(command) = self.resolving() {
            let before = Evidence::of(self);
            let ran = Ran::of(command);
            assert_eq!(ran.code, Some(0), "{ran}");
            let after = Evidence::of(self);
            after.follows(&before);
            after.check();
        }
        let evidence = Evidence::of(self);
        assert_eq!(evidence.standing(Standing::Indeterminate).count(), 0);
        assert_eq!(self.status()["status"], "idle");
    }

    /// Prompts until the script is at its end; how its steps ended.
    #[track_caller]
    pub(super) fn go_on(&self) -> Tally {
        let before = Evidence::of(self);
        for _ in 0..PROMPTS_MAX {
            let ran = Ran::of(self.prompting());
            assert_eq!(ran.code, Some(0), "{ran}");
            if is_last_words(&ran.json()["output"]) {
                let after = Evidence::of(self);
                after.follows(&before);
                return self.end(&after);
            }
        }
        panic!("{} does not come to its end", self.name);
    }

    /// What holds at the end of the script.
    #[track_caller]
    pub(super) fn end(&self, evidence: &Evidence) -> Tally {
        evidence.check();
        evidence.check_settled();
        self.listed(evidence);
        assert_eq!(self.status()["status"], "idle");
        evidence.check_end()
    }
}
