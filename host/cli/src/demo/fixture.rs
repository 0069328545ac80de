//! The recorded answers of the demo: the same conversation in the wire format of each provider.

use serde_json::{Value, json};

/// The built-in fixture's name.
pub(crate) const FIXTURE: &str = "persistent-agent";

/// One file for each provider; none answers another's requests, for their addresses differ.
const FILES: [&str; 4] = [
    include_str!("fixtures/openai.json"),
    include_str!("fixtures/anthropic.json"),
    include_str!("fixtures/gemini.json"),
    include_str!("fixtures/ollama.json"),
];

/// The text of the built-in fixture of this name.
pub(crate) fn fixture(name: &str) -> Option<String> {
    (name == FIXTURE).then(all)
}

/// The exchanges of all files as those of one.
fn all() -> String {
    let exchanges: Vec<Value> = FILES
        .iter()
        .filter_map(|file| serde_json::from_str::<Value>(file).ok())
        .filter_map(|mut file| match file.get_mut("exchanges")?.take() {
            Value::Array(exchanges) => Some(exchanges),
            _ => None,
        })
        .flatten()
        .collect();
    json!({ "version": tollgate_sandbox::net::FIXTURE_VERSION, "exchanges": exchanges }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tollgate_sandbox::net::FixtureSet;

    #[test]
    fn every_file_is_a_fixture_and_none_is_left_out() {
        let mut exchanges = 0;
        for file in FILES {
            FixtureSet::parse(file, FIXTURE).unwrap();
            let file: Value = serde_json::from_str(file).unwrap();
            exchanges += file["exchanges"].as_array().unwrap().len();
        }
        let all = fixture(FIXTURE).unwrap();
        FixtureSet::parse(&all, FIXTURE).unwrap();
        let all: Value = serde_json::from_str(&all).unwrap();
        assert_eq!(all["exchanges"].as_array().unwrap().len(), exchanges);
        assert_eq!(fixture("another"), None);
    }
}
