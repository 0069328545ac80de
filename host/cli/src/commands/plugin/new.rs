//! `plugin new`: a project that builds, is checked and tested as it is.

use super::embedded;
use crate::app::App;
use crate::args::plugin::{Lang, New, WorldChoice};
use crate::errors::{Context, Done, Failure};
use crate::printer::escape;
use crate::render::words::quoted;
use serde_json::json;
use std::path::{Path, PathBuf};
use tollgate_contract::PluginName;
use tollgate_guests::manifest;

/// Ending of a template's file, so that no tool takes it for a source.
const ENDING: &str = ".in";

/// Writes the project.
pub(super) fn run(app: &App, args: &New) -> Done {
    let name = args.name.as_str();
    if !manifest::is_name(name) || PluginName::new(name).is_err() {
        return Err(Failure::Input {
            what: format!("{name:?} cannot be a plugin's name"),
            rule: Some(
                "a name is made of a-z, 0-9, `-` and `_`, and begins with a letter or digit".into(),
            ),
            remedy: Some("tollgate plugin new hello".into()),
        });
    }
    let template = template(args.lang, args.world);
    let directory = args.path.clone().unwrap_or_else(|| PathBuf::from(name));
    refuse_occupied(&directory)?;
    let title = title(name);
    let mut written = Vec::new();
    for (path, text) in embedded::template(template) {
        let path = target(&path);
        let text = text.replace("{{name}}", name).replace("{{title}}", &title);
        embedded::write(&directory.join(&path), text.as_bytes())?;
        written.push(path);
    }
    if args.lang == Lang::Rust {
        embedded::write_sdk(&directory)?;
    }
    app.printer.json(&json!({
        "name": name,
        "directory": directory,
        "files": written,
    }));
    app.printer.line(format!(
        "wrote {} to {}",
        name,
        escape::line(&directory.to_string_lossy())
    ));
    app.printer.talk(format!(
        "next: cd {} && {}tollgate plugin build && tollgate plugin test",
        quoted(&directory.to_string_lossy()),
        prepare(args.lang)
    ));
    Ok(())
}

/// What has to be installed in the project before its first build.
fn prepare(lang: Lang) -> &'static str {
    match lang {
        Lang::Rust => "",
        Lang::Python => "python3 -m venv .venv && .venv/bin/pip install -r requirements.txt && ",
        Lang::Js => "npm install && ",
    }
}

fn template(lang: Lang, world: WorldChoice) -> &'static str {
    match (lang, world) {
        (Lang::Rust, WorldChoice::Tools) => "rust-tools",
        (Lang::Rust, WorldChoice::Provider) => "rust-provider",
        (Lang::Python, WorldChoice::Tools) => "python-tools",
        (Lang::Js, WorldChoice::Tools) => "js-tools",
        (Lang::Python, WorldChoice::Provider) => "python-provider",
        (Lang::Js, WorldChoice::Provider) => "js-provider",
    }
}

fn refuse_occupied(directory: &Path) -> Done {
    let mut entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => {
            return Err(error).doing(|| format!("cannot look into {}", directory.display()));
        }
    };
    if entries.next().is_none() {
        return Ok(());
    }
    Err(Failure::Input {
        what: format!("{} is not empty", directory.display()),
        rule: Some("a new project overwrites nothing".into()),
        remedy: Some("name another directory with --path".into()),
    })
}

/// Where a template's file goes.
fn target(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = name.strip_suffix(ENDING).unwrap_or(&name);
    // Under its own name it would rule this repository.
    path.with_file_name(match name {
        "gitignore" => ".gitignore",
        name => name,
    })
}

/// `my-plugin` as a title: `My plugin`.
fn title(name: &str) -> String {
    let words = name.replace(['-', '_'], " ");
    let mut letters = words.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => words,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_made_of_the_name_and_files_lose_their_ending() {
        assert_eq!(title("my-plugin_2"), "My plugin 2");
        assert_eq!(target(Path::new("src/lib.rs.in")), Path::new("src/lib.rs"));
        assert_eq!(target(Path::new("gitignore.in")), Path::new(".gitignore"));
    }

    #[test]
    fn every_template_is_there_and_nothing_in_it_is_left_open() {
        for name in ["rust-tools", "rust-provider", "python-tools", "js-tools"] {
            let files = embedded::template(name);
            let names: Vec<PathBuf> = files.iter().map(|(path, _)| target(path)).collect();
            for wanted in ["tests.toml", "README.md", ".gitignore"] {
                assert!(names.contains(&PathBuf::from(wanted)), "{name}: {names:?}");
            }
            for (path, text) in files {
                let text = text.replace("{{name}}", "a").replace("{{title}}", "A");
                assert!(!text.contains("{{"), "{name}: {}", path.display());
            }
        }
    }

    #[test]
    fn a_directory_with_something_in_it_is_left_alone() {
        let temp = tempfile::tempdir().unwrap();
        refuse_occupied(temp.path()).unwrap();
        refuse_occupied(&temp.path().join("new")).unwrap();
        std::fs::write(temp.path().join("a"), "").unwrap();
        assert!(refuse_occupied(temp.path()).is_err());
    }
}
