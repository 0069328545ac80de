//! The commands of the demo.

use super::FIXTURE;
use crate::args::demo::PersistentAgent;
use crate::plugins::{Endpoint, Format, Key, provider_name};
use crate::render::words::quoted;
use std::collections::BTreeMap;
use std::path::Path;

/// What the model is asked.
const PROMPT: &str = "What is this repository? Leave a short summary in NOTES.md.";
/// What the tools may do: look at the repository, without its secrets.
const FILES_EXCEPT: &str = "**/.env .git/**";
/// What a policy file begins with.
const POLICY_HEAD: &str = "version = 1\n";

/// The keys that the servers of the named providers want.
pub(super) fn keys(args: &PersistentAgent) -> Vec<&'static Key> {
    let formats = args.provider_id.iter().map(|id| provider_name(id));
    let mut keys: Vec<&Key> = formats
        .filter_map(Format::of_plugin)
        .filter_map(|format| format.key_for(&endpoint(format)))
        .collect();
    keys.dedup_by_key(|key| key.name);
    keys
}

/// The policy of a live demo: where the keys are.
pub(super) fn live_policy(args: &PersistentAgent) -> String {
    let keys = keys(args);
    let lines = keys.iter().map(|key| format!("\n{}", key.policy()));
    std::iter::once(POLICY_HEAD.to_owned())
        .chain(lines)
        .collect()
}

/// Where an adapter asks that nobody has configured. Its own default model is the adapter's to know, and all of a
/// server's models are granted.
fn endpoint(format: &Format) -> Endpoint {
    format.endpoint(&BTreeMap::new(), None)
}

/// What the failure of a step means for the others of its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// Without it the others make no sense.
    Prepares,
    /// Those that look at what it left are still carried out.
    Works,
    /// It looks, or ends.
    Looks,
}

/// One command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    /// Its words, without the program.
    pub(super) words: Vec<String>,
    /// The session that it is about; none for what all need.
    pub(super) session: Option<String>,
    /// What its failure means.
    pub(super) part: Part,
}

impl Step {
    fn new(words: &[&str], session: Option<&str>, part: Part) -> Self {
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        Self {
            words,
            session: session.map(str::to_owned),
            part,
        }
    }

    /// The command as an operator types it.
    pub(super) fn shown(&self) -> String {
        let words: Vec<String> = self.words.iter().map(|word| quoted(word)).collect();
        format!("tollgate {}", words.join(" "))
    }
}

/// All commands, in order.
pub(super) struct Script {
    pub(super) steps: Vec<Step>,
    pub(super) sessions: Vec<String>,
}

impl Script {
    /// The commands for these flags.
    pub(super) fn new(args: &PersistentAgent, repository: &Path) -> Self {
        let login = Step::new(&["auth", "login"], None, Part::Prepares);
        let mut script = Self {
            steps: vec![login],
            sessions: Vec::new(),
        };
        let mount = quoted(&repository.to_string_lossy());
        let files = format!("fs.read {mount} at /project except {FILES_EXCEPT}");
        script.steps.push(Step::new(
            &["grant", "add", "files", &files],
            None,
            Part::Prepares,
        ));
        for id in &args.provider_id {
            script.session(args, provider_name(id));
        }
        script
    }

    fn session(&mut self, args: &PersistentAgent, provider: &str) {
        let session = format!("demo-{provider}");
        let mut push =
            |words: &[&str], part| self.steps.push(Step::new(words, Some(&session), part));
        let format = Format::of_plugin(provider);
        if let (Some(format), false) = (format, args.no_provider_grant) {
            let endpoint = endpoint(format);
            let key = format.key_for(&endpoint).filter(|_| args.live);
            let capability = endpoint.capability(key.map(|key| key.name));
            push(&["grant", "add", provider, &capability], Part::Prepares);
        }
        let mut launch = vec![
            "agent",
            "launch",
            "--session-id",
            &session,
            "--project-id",
            "demo",
            "--provider-id",
            provider,
        ];
        if let Some(model) = format.and_then(|format| format.model) {
            launch.extend(["--model-id", model]);
        }
        push(&launch, Part::Prepares);
        let iterations = args.max_iterations.to_string();
        let budget = args.provider_token_budget.map(|budget| budget.to_string());
        let mut prompt = vec!["agent", "prompt", &session, PROMPT];
        if !args.live {
            prompt.extend(["--fixture", FIXTURE]);
        }
        prompt.extend(["--max-iterations", &iterations]);
        if let Some(budget) = &budget {
            prompt.extend(["--provider-token-budget", budget]);
        }
        if args.no_allow_fixture_action {
            prompt.push("--no-allow-fixture-action");
        }
        push(&prompt, Part::Works);
        push(&["agent", "status", &session], Part::Looks);
        push(&["agent", "events", &session], Part::Looks);
        push(
            &["agent", "stop", &session, "--reason", "end of the demo"],
            Part::Looks,
        );
        push(&["receipt", "list", "--session", &session], Part::Looks);
        self.sessions.push(session);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Cli, Command, demo::Demo};
    use clap::Parser;

    fn args(flags: &[&str]) -> PersistentAgent {
        let words = ["tollgate", "demo", "persistent-agent"].iter().chain(flags);
        match Cli::try_parse_from(words).unwrap().command {
            Command::Demo(Demo::PersistentAgent(args)) => args,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_command_is_one_that_the_program_takes() {
        for flags in [
            &[][..],
            &["--no-provider-grant"],
            &["--live", "--allow-live"],
            &[
                "--no-allow-fixture-action",
                "--provider-token-budget",
                "900",
            ],
        ] {
            let script = Script::new(&args(flags), Path::new("/a repository"));
            for step in &script.steps {
                let typed = shlex::split(&step.shown()).unwrap();
                assert_eq!(typed[1..], step.words[..]);
                Cli::try_parse_from(&typed).unwrap();
            }
        }
    }

    #[test]
    fn a_live_demo_takes_each_key_from_its_variable() {
        let live = args(&["--live", "--allow-live"]);
        let variables: Vec<&str> = keys(&live).iter().map(|key| key.variable).collect();
        assert_eq!(
            variables,
            ["OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY"]
        );
        insta::assert_snapshot!(live_policy(&live));
        let one = args(&["--live", "--provider-id", "provider_anthropic"]);
        assert_eq!(keys(&one).len(), 1);
        let script = Script::new(&one, Path::new("/repo"));
        let grant = script.steps.iter().map(Step::shown);
        assert!(
            grant.into_iter().any(|step| step
                == "tollgate grant add anthropic 'http POST https://api.anthropic.com/v1/messages with anthropic'")
        );
    }

    #[test]
    fn the_script_covers_the_four_routes() {
        let script = Script::new(&args(&[]), Path::new("/repo"));
        let shown: Vec<String> = script.steps.iter().map(Step::shown).collect();
        insta::assert_snapshot!(shown.join("\n"));
    }
}
