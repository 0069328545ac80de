//! The commands of the demo.

use super::FIXTURE;
use crate::args::demo::PersistentAgent;
use crate::plugins::provider_name;
use crate::render::words::quoted;
use std::path::Path;

/// What the model is asked.
const PROMPT: &str = "What is this repository? Leave a short summary in NOTES.md.";
/// What the tools may do: look at the repository, without its secrets.
const FILES_EXCEPT: &str = "**/.env .git/**";
/// A provider's address.
const PROVIDERS: [(&str, &str); 1] = [("openai", "https://api.openai.com/v1/**")];

/// The variable in which a live demo's key is.
pub(super) const LIVE_KEY: &str = "OPENAI_API_KEY";
/// The policy of a live demo: where the key is.
pub(super) const LIVE_POLICY: &str = r#"version = 1

[credentials.openai]
source = "env:OPENAI_API_KEY"
inject = { header = "authorization", value = "Bearer {}" }
"#;

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
        let known = PROVIDERS.iter().find(|(name, _)| *name == provider);
        if let (Some((_, url)), false) = (known, args.no_provider_grant) {
            let credential = if args.live {
                format!(" with {provider}")
            } else {
                String::new()
            };
            let capability = format!("http POST {url}{credential}");
            push(&["grant", "add", provider, &capability], Part::Prepares);
        }
        let launch = [
            "agent",
            "launch",
            "--session-id",
            &session,
            "--project-id",
            "demo",
            "--provider-id",
            provider,
        ];
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
    fn a_live_demo_takes_its_key_from_where_it_says() {
        assert!(LIVE_POLICY.contains(&format!("env:{LIVE_KEY}\"")));
    }

    #[test]
    fn the_script_is_what_the_readme_shows() {
        let script = Script::new(&args(&[]), Path::new("/repo"));
        let shown: Vec<String> = script.steps.iter().map(Step::shown).collect();
        insta::assert_snapshot!(shown.join("\n"));
    }
}
