//! Policy files: what is read, and every way of being refused, with the text that people see.

use super::*;
use crate::{Capability, FsAccess};
use proptest::prelude::*;

fn origin(layer: Layer) -> Origin {
    Origin {
        path: "tollgate.toml".into(),
        layer,
        base_dir: "/home/me/p".into(),
    }
}

fn user(text: &str) -> Result<PolicyFile, PolicyError> {
    parse(text, &origin(Layer::User))
}

const WHOLE: &str = r#"
version = 1

[plugins.files]
component = "files.wasm"
digest    = "sha256:0000000000000000000000000000000000000000000000000000000000000000"
grants = [ "fs.read . at /project except **/.env .git/**", "fs.create out at /out" ]
limits = { memory = "64MiB", wall = "30s", cpu = "5s", effects = 10, output = "1MiB", http_body = "2MiB", disk = "3GiB", disk_files = 7 }
config = { language = "en" }

[plugins.fetch]
grants = [ { allow = "http GET https://*.wikipedia.org/**", decision = "ask" }, { deny = "http * https://de.wikipedia.org/**" } ]

[plugins.nothing]
grants = []

[credentials.openai]
source = "env:OPENAI_API_KEY"
inject = { header = "authorization", value = "Bearer {}" }

[credentials.other]
source = "file:keys/other"
inject = { header = "x-api-key", value = "{}" }

[defaults]
limits = { wall = "10s" }
"#;

#[test]
fn the_whole_grammar_is_read() {
    let file = user(WHOLE).unwrap();
    let files = &file.plugins["files"];
    assert_eq!(files.component.as_deref(), Some("files.wasm"));
    assert_eq!(
        files.grants[0].capability.to_string(),
        "fs.read /home/me/p at /project except **/.env .git/**"
    );
    assert_eq!(files.grants[0].line, 7);
    assert!(
        matches!(&files.grants[1].capability, Capability::Fs(fs) if fs.access == FsAccess::Create)
    );
    assert_eq!(files.limits.memory_bytes, Some(64 << 20));
    assert_eq!(
        (files.limits.wall_us, files.limits.cpu_us),
        (Some(30_000_000), Some(5_000_000))
    );
    assert_eq!(
        (files.limits.effects, files.limits.output_bytes),
        (Some(10), Some(1 << 20))
    );
    assert_eq!(files.limits.http_body_bytes, Some(2 << 20));
    assert_eq!(
        (files.limits.disk_bytes, files.limits.disk_files),
        (Some(3 << 30), Some(7))
    );
    assert_eq!(files.config["language"], "en");
    let fetch = &file.plugins["fetch"].grants;
    assert_eq!(
        (fetch[0].effect, fetch[1].effect),
        (crate::RuleEffect::Ask, crate::RuleEffect::Deny)
    );
    assert!(file.plugins["nothing"].grants.is_empty());
    assert_eq!(
        file.credentials["openai"].source.to_string(),
        "env:OPENAI_API_KEY"
    );
    assert_eq!(
        file.credentials["openai"].inject.to_string(),
        "the header authorization"
    );
    assert_eq!(
        file.credentials["other"].source.to_string(),
        "file:/home/me/p/keys/other"
    );
    assert_eq!(file.default_limits.wall_us, Some(10_000_000));
}

#[test]
fn an_error_shows_the_line_and_what_to_write() {
    let error = user("version = 1\n\n[plugins.files]\ngrant = []\n").unwrap_err();
    assert_eq!(
        error.to_string(),
        "unknown key `grant`
 --> tollgate.toml:4:1
  |
4 | grant = []
  | ^^^^^ keys here: component, config, digest, grants, limits
  = help: write `grants`"
    );
    let error = user("version = 1\n[plugins.f]\ngrants = [\n  \"env LANG\",\n  \"http GET localhost:8080\",\n]\n").unwrap_err();
    assert_eq!(
        error.to_string(),
        "`localhost:8080` has no scheme
 --> tollgate.toml:5:13
  |
5 |   \"http GET localhost:8080\",
  |             ^^^^^^^^^^^^^^ write `http://localhost:8080` or `https://localhost:8080` with a path"
    );
}

/// One plugin with these lines.
fn plugin(lines: &str) -> String {
    format!("version = 1\n[plugins.p]\n{lines}\n")
}

/// Every refusal: the text, the line, and words that the message must have.
#[test]
fn refusals_are_at_their_line() {
    let cases: &[(&str, usize, &str)] = &[
        ("", 1, "version = 1"),
        ("version = 2", 1, "newer tollgate"),
        ("version = \"1\"", 1, "whole number"),
        ("version = 1\nversion = 1", 2, "not valid TOML"),
        ("version = 1\nx = ", 2, "not valid TOML"),
        ("version = 1\nplugin = 1", 2, "write `plugins`"),
        ("version = 1\n[plugins.\"a b\"]", 2, "cannot name a plugin"),
        ("version = 1\n[plugins.-x]", 2, "cannot name a plugin"),
        (
            "version = 1\n[approval]\nhold = 1",
            2,
            "unknown key `approval`",
        ),
        (
            "version = 1\n[defaults]\nmemory = 1",
            3,
            "unknown key `memory`",
        ),
        (&plugin("component = 1"), 3, "a text is expected"),
        (&plugin("component = \"\""), 3, "no usable name"),
        (&plugin("digest = \"sha256:12\""), 3, "64 hexadecimal"),
        (&plugin("grants = \"env A\""), 3, "a list is expected"),
        (&plugin("grants = [1]"), 3, "a text is expected"),
        (
            &plugin("grants = [{ alow = \"env A\" }]"),
            3,
            "write `allow`",
        ),
        (
            &plugin("grants = [{ allow = \"env A\", deny = \"env A\" }]"),
            3,
            "either allows",
        ),
        (
            &plugin("grants = [{ deny = \"env A\", decision = \"ask\" }]"),
            3,
            "either allows",
        ),
        (
            &plugin("grants = [{ decision = \"ask\" }]"),
            3,
            "either allows",
        ),
        (
            &plugin("grants = [{ allow = \"env A\", decision = \"maybe\" }]"),
            3,
            "not a decision",
        ),
        (
            &plugin("grants = [{ allow = \"env A\", retryable = 1 }]"),
            3,
            "true or false",
        ),
        (
            &plugin("grants = [{ allow = \"env A\", decision = \"ask\", retryable = true }]"),
            3,
            "without asking",
        ),
        (
            &plugin("grants = [{ deny = \"env A\", retryable = true }]"),
            3,
            "without asking",
        ),
        (&plugin("grants = [\"env *\"]"), 3, "rules that deny"),
        (&plugin("grants = [\"http GET *\"]"), 3, "rules that deny"),
        (
            &plugin("grants = [\"fs.read * at /p\"]"),
            3,
            "rules that deny",
        ),
        (
            &plugin("grants = [\"tcp connect a.example:80\"]"),
            3,
            "can never match",
        ),
        (
            &plugin("grants = [\"http GET http://a.example/ with k\"]"),
            3,
            "can never match",
        ),
        (
            &plugin("grants = [\n\"fs.read a at /p\",\n\"fs.read b at /p\"]"),
            5,
            "two directories",
        ),
        (
            &plugin("grants = [\n\"env A\",\n{ deny = \"env *\" }]"),
            4,
            "can never match",
        ),
        (
            &plugin("grants = [{ deny = \"http * * with k\" }]"),
            3,
            "adds no credential",
        ),
        (&plugin("config = { a = 1 }"), 3, "a text is expected"),
        (&plugin("limits = { memory = 64 }"), 3, "a text is expected"),
        (&plugin("limits = { memory = \"64MB\" }"), 3, "MiB"),
        (
            &plugin("limits = { memory = \"129MiB\" }"),
            3,
            "at most 128MiB",
        ),
        (&plugin("limits = { wall = \"25h\" }"), 3, "at most 24h"),
        (&plugin("limits = { cpu = \"0s\" }"), 3, "nothing run"),
        (
            &plugin("limits = { effects = -1 }"),
            3,
            "whole number from 1",
        ),
        (
            &plugin("limits = { effects = 200001 }"),
            3,
            "at most 200000",
        ),
        (
            &plugin("limits = { output = \"65MiB\" }"),
            3,
            "at most 64MiB",
        ),
        (
            &plugin("limits = { http_body = \"2GiB\" }"),
            3,
            "at most 1GiB",
        ),
        (
            &plugin("limits = { disk = \"2000GiB\" }"),
            3,
            "at most 1024GiB",
        ),
        (
            &plugin("limits = { disk_files = 10000001 }"),
            3,
            "at most 10000000",
        ),
        (
            &plugin("limits = { memroy = \"1MiB\" }"),
            3,
            "write `memory`",
        ),
        (
            "version = 1\n[credentials.k]\nsource = \"env:K\"",
            2,
            "no `inject`",
        ),
        (
            "version = 1\n[credentials.k]\nsource = \"keyring:a/b\"\ninject = {}",
            3,
            "not one that the host can read",
        ),
        (
            "version = 1\n[credentials.k]\nsource = \"env:K\"\ninject = { query = \"a b\" }",
            4,
            "not a parameter's name",
        ),
        (
            "version = 1\n[credentials.k]\nsource = \"env:K\"\ninject = { basic = \"a:b\" }",
            4,
            "not a user of basic authentication",
        ),
        (
            "version = 1\n[credentials.k]\nsource = \"env:K\"\ninject = { basic = \"a\", query = \"b\" }",
            4,
            "and nothing else",
        ),
        (
            "version = 1\n[credentials.k]\nsource = \"K\"\ninject = {}",
            3,
            "env:NAME",
        ),
        (
            "version = 1\n[credentials.k]\nsource = \"env:K\"\ninject = { header = \"Host\", value = \"{}\" }",
            4,
            "lower case",
        ),
        (
            "version = 1\n[credentials.k]\nsource = \"env:K\"\ninject = { header = \"host\", value = \"{}\" }",
            4,
            "credential may set",
        ),
        (
            "version = 1\n[credentials.k]\nsource = \"env:K\"\ninject = { header = \"a\", value = \"x\" }",
            4,
            "single `{}`",
        ),
        (
            "version = 1\n[credentials.k]\nsource = \"env:K\"\ninject = { header = \"a\", value = \"{}\\n\" }",
            4,
            "single `{}`",
        ),
        (
            "version = 1\n[plugins.p]\ngrants = [\"env K\"]\n[credentials.k]\nsource = \"env:K\"\ninject = { header = \"a\", value = \"{}\" }",
            3,
            "can never match",
        ),
    ];
    for (text, line, words) in cases {
        let error = user(text).expect_err(text);
        assert_eq!(error.line(), *line, "{text}\n{error}");
        assert!(error.to_string().contains(words), "{text}\n{error}");
    }
}

#[test]
fn a_project_defines_neither_credentials_nor_mounts_outside() {
    let project = |text: &str| parse(text, &origin(Layer::Project));
    for (lines, words) in [
        ("grants = [\"fs.read .. at /p\"]", "outside the project"),
        ("grants = [\"fs.read /etc at /p\"]", "outside the project"),
        ("grants = [\"fs.read ../p2 at /p\"]", "outside the project"),
        (
            "grants = [{ allow = \"fs.read src/../.. at /p\", decision = \"ask\" }]",
            "outside the project",
        ),
        (
            "[credentials.k]\nsource = \"env:K\"\ninject = { header = \"a\", value = \"{}\" }",
            "cannot define credentials",
        ),
    ] {
        let error = project(&plugin(lines)).unwrap_err();
        assert_eq!(error.line(), 3, "{error}");
        assert!(error.to_string().contains(words), "{error}");
    }
    assert!(
        project(&plugin(
            "grants = [\"fs.read src/../lib at /p\", { deny = \"fs.read /etc at *\" }]"
        ))
        .is_ok()
    );
}

#[test]
fn an_escape_in_a_string_marks_the_whole_string() {
    let error = user(&plugin("grants = [\"env\\u0020A B\"]")).unwrap_err();
    assert_eq!((error.line(), error.column()), (3, 11), "{error}");
}

#[test]
fn the_digest_is_of_what_is_in_force() {
    let one = |text: &str| digest(&[user(text).unwrap()]);
    let base = one(&plugin("grants = [\"fs.read . at /p\"]"));
    assert_eq!(
        base,
        one(&plugin(
            "# words\n grants = [ 'fs.read /home/me/p/. at /p' ]"
        ))
    );
    assert!(base.starts_with("sha256:") && base.len() == 71);
    for other in [
        "grants = [\"fs.write . at /p\"]",
        "grants = [{ deny = \"fs.read . at /p\" }]",
        "grants = [{ allow = \"fs.read . at /p\", retryable = true }]",
        "grants = [\"fs.read . at /p\"]\nlimits = { wall = \"1s\" }",
        "grants = [\"fs.read . at /p\"]\nconfig = { a = \"b\" }",
        "grants = [\"fs.read . at /p\"]\ncomponent = \"x\"",
    ] {
        assert_ne!(base, one(&plugin(other)), "{other}");
    }
    let managed = parse("version = 1", &origin(Layer::Managed)).unwrap();
    let project = parse("version = 1", &origin(Layer::Project)).unwrap();
    assert_eq!(
        digest(&[managed.clone(), project.clone()]),
        digest(&[project, managed.clone()])
    );
    assert_ne!(digest(&[managed]), digest(&[]));
}

proptest! {
    #[test]
    fn a_strangers_file_never_panics_and_never_escapes(text in any::<String>(), cut in 0..WHOLE.len()) {
        let broken = WHOLE.get(..cut).map(|head| format!("{head}{text}"));
        for text in [Some(text.clone()), Some(plugin(&text)), broken].into_iter().flatten() {
            if let Err(error) = user(&text) {
                prop_assert!(!error.to_string().chars().any(|c| c != '\n' && crate::fault::disturbs(c)));
            }
        }
    }
}

fn layer(layer: Layer, text: &str) -> PolicyFile {
    parse(&format!("version = 1\n{text}"), &origin(layer)).unwrap()
}

#[test]
fn the_longest_pattern_prices_a_model_and_the_managed_file_goes_first() {
    let users = layer(
        Layer::User,
        r#"
[prices]
currency = "EUR"
[prices."gpt-5*"]
input = "1.25"
cached_input = "0.125"
output = "10"
[prices."gpt-5-mini*"]
input = "0.25"
output = "2"
[prices."azure/*"]
input = "3"
output = "3"
"#,
    );
    let input = |layers: &[PolicyFile], provider, model| {
        price(layers, provider, model)
            .map(|(currency, price)| (currency.to_owned(), price.input_micros))
    };
    let euros = |micros| Some(("EUR".to_owned(), micros));
    let layers = [users];
    assert_eq!(
        input(&layers, "openai", "gpt-5-2025-08-07"),
        euros(1_250_000)
    );
    assert_eq!(input(&layers, "openai", "gpt-5-mini"), euros(250_000));
    assert_eq!(input(&layers, "azure", "other"), euros(3_000_000));
    assert_eq!(input(&layers, "openai", "other"), None);
    let (_, five) = price(&layers, "openai", "gpt-5").unwrap();
    assert_eq!(five.cached_input_micros, 125_000);
    let (_, mini) = price(&layers, "openai", "gpt-5-mini").unwrap();
    assert_eq!(mini.cached_input_micros, mini.input_micros);

    let cheap = "[prices.\"gpt-5-mini\"]\ninput = \"0\"\noutput = \"0\"\n";
    let [users] = layers;
    let layers = [layer(Layer::Project, cheap), users];
    assert_eq!(input(&layers, "openai", "gpt-5-mini"), euros(250_000));
    let [projects, users] = layers;
    let layers = [projects, users, layer(Layer::Managed, cheap)];
    assert_eq!(
        input(&layers, "openai", "gpt-5-mini"),
        Some(("USD".to_owned(), 0))
    );
}

#[test]
fn a_purpose_has_a_model_and_a_projects_choice_goes_first() {
    let choice = |provider: Option<&str>, model: &str| ModelChoice {
        provider: provider.map(str::to_owned),
        model: model.to_owned(),
    };
    let layers = [
        layer(
            Layer::User,
            "[models]\ndefault = \"openai/gpt-5\"\njudge = \"hub/meta/llama\"\n",
        ),
        layer(Layer::Project, "[models]\ncoding = \"big\"\n"),
    ];
    let found = |purpose| model_for(&layers, purpose).cloned();
    assert_eq!(found(None), Some(choice(Some("openai"), "gpt-5")));
    assert_eq!(found(Some("coding")), Some(choice(None, "big")));
    assert_eq!(
        found(Some("judge")),
        Some(choice(Some("hub"), "meta/llama"))
    );
    assert_eq!(found(Some("other")), found(None));
    assert_eq!(model_for(&[], Some("coding")), None);
    let layers = [
        layer(Layer::Project, "[models]\ndefault = \"theirs\"\n"),
        layer(Layer::User, "[models]\ndefault = \"mine\"\n"),
    ];
    assert_eq!(model_for(&layers, None), Some(&choice(None, "theirs")));
}

#[test]
fn a_wrong_price_or_choice_is_refused_with_what_to_write() {
    for (text, message, rule) in [
        ("[prices.m]\ninput = \"1\"\n", "needs both", "output"),
        (
            "[prices.m]\ninput = 1.5\noutput = \"1\"\n",
            "a text is expected",
            "whole millionths",
        ),
        (
            "[prices.m]\ninput = \"1,5\"\noutput = \"1\"\n",
            "`1,5` is no price",
            "\"2.50\"",
        ),
        (
            "[prices.m]\ninput = \"1\"\noutput = \"1\"\nimage = \"1\"\n",
            "unknown key `image`",
            "keys here",
        ),
        (
            "[prices]\ncurrency = \"usd\"\n",
            "`usd` is no currency",
            "ISO 4217",
        ),
        (
            "[prices.\"\"]\ninput = \"1\"\noutput = \"1\"\n",
            "is no model",
            "1 to 256",
        ),
        (
            "[models]\nCoding = \"m\"\n",
            "`Coding` cannot name a purpose",
            "a-z 0-9 -",
        ),
        (
            "[models]\ncoding = \"openai/\"\n",
            "names no model",
            "PROVIDER/MODEL",
        ),
        (
            "[models]\ncoding = \"/m\"\n",
            "cannot name a plugin",
            "a-z A-Z",
        ),
        (
            "[models]\ncoding = 5\n",
            "a text is expected",
            "openai/gpt-5",
        ),
    ] {
        let shown = user(&format!("version = 1\n{text}"))
            .unwrap_err()
            .to_string();
        assert!(shown.contains(message) && shown.contains(rule), "{shown}");
    }
}

#[test]
fn models_and_prices_change_no_digest() {
    let plain = layer(Layer::User, "");
    let more = layer(
        Layer::User,
        "[models]\ndefault = \"m\"\n[prices.m]\ninput = \"1\"\noutput = \"1\"\n",
    );
    assert_eq!(digest(&[plain]), digest(&[more]));
}
