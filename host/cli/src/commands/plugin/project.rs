//! An author's project: a directory with a manifest.
//!
//! Rust declares in `[package.metadata.tollgate]` of `Cargo.toml`; other languages in
//! `tollgate-plugin.toml`, whose `[plugin]` has the same keys and `version`, and whose `[build]` says the
//! language and the source. The component is `build/NAME.wasm`.

use crate::errors::{Done, Failure};
use crate::render::words::quoted;
use serde_json::Value;
use std::path::{Component, Path, PathBuf};
use std::process::Command;
use tollgate_guests::manifest::{self, Declared, Package};

const CARGO_MANIFEST: &str = "Cargo.toml";
const MANIFEST: &str = "tollgate-plugin.toml";
const BUILD_DIR: &str = "build";
/// The most bytes of a manifest.
const MANIFEST_BYTES_MAX: u64 = 1024 * 1024;

/// What a project is written in, and what that takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Language {
    /// Rust.
    Rust,
    /// Python: the module, below the project.
    Python(PathBuf),
    /// JavaScript: the module, below the project.
    Js(PathBuf),
}

/// A project.
#[derive(Debug, Clone)]
pub(super) struct Project {
    /// Its directory, absolute.
    pub(super) root: PathBuf,
    /// What it is written in.
    pub(super) language: Language,
    /// What it declares.
    pub(super) declared: Declared,
}

impl Project {
    /// Reads the project in a directory.
    pub(super) fn load(directory: &Path) -> Done<Self> {
        let root = std::path::absolute(directory)
            .and_then(|path| path.canonicalize())
            .map_err(|error| {
                Failure::input(format!("{} is no directory: {error}", directory.display()))
            })?;
        let (manifest, cargo) = (root.join(MANIFEST), root.join(CARGO_MANIFEST));
        if manifest.is_file() {
            other(root, &manifest)
        } else if cargo.is_file() {
            rust(root, &cargo)
        } else {
            Err(Failure::Input {
                what: format!(
                    "{} is no plugin's project: it has neither {CARGO_MANIFEST} nor {MANIFEST}",
                    root.display()
                ),
                rule: None,
                remedy: Some("tollgate plugin new NAME".into()),
            })
        }
    }

    /// Where its component is put.
    pub(super) fn component(&self) -> PathBuf {
        self.root
            .join(BUILD_DIR)
            .join(format!("{}.wasm", self.declared.name))
    }

    /// Its component; refused where it was not built.
    pub(super) fn built(&self) -> Done<PathBuf> {
        let component = self.component();
        if component.is_file() {
            return Ok(component);
        }
        Err(Failure::Input {
            what: format!("{} was not built yet", self.declared.name),
            rule: Some(format!("its component is {}", component.display())),
            remedy: Some(format!("tollgate plugin build {}", shown(&self.root))),
        })
    }

    /// Whether it is an adapter to a model.
    pub(super) fn is_provider(&self) -> bool {
        self.declared.world == "provider"
    }
}

/// A directory as it is typed in a command from here.
fn shown(root: &Path) -> String {
    let here = std::env::current_dir().and_then(|here| here.canonicalize());
    match here {
        Ok(here) if here == root => ".".into(),
        _ => quoted(&root.to_string_lossy()),
    }
}

/// The component that a path means: a directory means what was built of its project.
pub(crate) fn component_of(path: &Path) -> Done<PathBuf> {
    if path.is_dir() {
        Project::load(path)?.built()
    } else {
        Ok(path.to_owned())
    }
}

/// What an operator typed for a plugin, with a project's directory replaced by its component. A name
/// stays a name, whatever directories there are.
pub(crate) fn resolve(typed: &str) -> Done<String> {
    let path = Path::new(typed);
    let is_path = typed.contains('/') || matches!(typed, "." | "..");
    if !is_path || !path.is_dir() {
        return Ok(typed.to_owned());
    }
    let component = component_of(path)?;
    component
        .into_os_string()
        .into_string()
        .map_err(|path| Failure::input(format!("{} is not UTF-8", Path::new(&path).display())))
}

fn read(path: &Path) -> Done<toml::Table> {
    let size = std::fs::metadata(path).map_or(0, |seen| seen.len());
    if size > MANIFEST_BYTES_MAX {
        return Err(Failure::input(format!(
            "{} has more than {MANIFEST_BYTES_MAX} bytes",
            path.display()
        )));
    }
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::input(format!("cannot read {}: {error}", path.display())))?;
    text.parse().map_err(|error: toml::de::Error| {
        Failure::input(format!(
            "{}: {}",
            path.display(),
            error.to_string().trim_end()
        ))
    })
}

fn json(value: Option<&toml::Value>) -> Value {
    value
        .and_then(|value| serde_json::to_value(value).ok())
        .unwrap_or(Value::Null)
}

fn declared(table: &Value, package: &Package, place: &str) -> Done<Declared> {
    let declared =
        manifest::read(table, package, place).map_err(|error| Failure::input(error.to_string()))?;
    if declared.world == "command" {
        return Err(Failure::input(format!(
            "{place}: the world `command` is for tests of the host; write tools or provider"
        )));
    }
    if declared.needs.is_none() {
        return Err(Failure::input_try(
            format!("{place}: `needs` is missing"),
            "write `needs = []` if it needs nothing",
        ));
    }
    Ok(declared)
}

fn rust(root: PathBuf, path: &Path) -> Done<Project> {
    let table = read(path)?;
    let metadata = table
        .get("package")
        .and_then(|package| package.get("metadata"))
        .and_then(|metadata| metadata.get("tollgate"));
    if metadata.is_none() {
        return Err(Failure::Input {
            what: format!("{} has no [package.metadata.tollgate]", path.display()),
            rule: Some("a plugin declares its world and its needs".into()),
            remedy: Some("tollgate plugin new NAME shows how it looks".into()),
        });
    }
    let field = |name: &str| table.get("package").and_then(|package| package.get(name));
    let inherits = ["version", "description", "homepage"]
        .iter()
        .any(|name| field(name).is_some_and(toml::Value::is_table));
    let package = if inherits {
        inherited(&root)?
    } else {
        let text = |name| field(name).and_then(toml::Value::as_str).map(str::to_owned);
        Package {
            name: text("name").unwrap_or_default(),
            version: text("version").unwrap_or_default(),
            description: text("description"),
            homepage: text("homepage").or_else(|| text("repository")),
        }
    };
    let place = format!("[package.metadata.tollgate] in {}", path.display());
    Ok(Project {
        declared: declared(&json(metadata), &package, &place)?,
        language: Language::Rust,
        root,
    })
}

/// What cargo says of a package that inherits from its workspace.
fn inherited(root: &Path) -> Done<Package> {
    let failed = |why: String| {
        Failure::input_try(
            format!(
                "cargo cannot read the manifest in {}: {why}",
                root.display()
            ),
            "cargo metadata --no-deps",
        )
    };
    let output = Command::new("cargo")
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(root)
        .output()
        .map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        return Err(failed(
            String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        ));
    }
    let metadata: Value =
        serde_json::from_slice(&output.stdout).map_err(|error| failed(error.to_string()))?;
    let manifest = root.join(CARGO_MANIFEST);
    let package = metadata
        .get("packages")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .find(|package| package.get("manifest_path").and_then(Value::as_str) == manifest.to_str())
        .ok_or_else(|| failed("it names no such package".into()))?;
    let text = |name: &str| package.get(name)?.as_str().map(str::to_owned);
    Ok(Package {
        name: text("name").unwrap_or_default(),
        version: text("version").unwrap_or_default(),
        description: text("description"),
        homepage: text("homepage").or_else(|| text("repository")),
    })
}

fn other(root: PathBuf, path: &Path) -> Done<Project> {
    let mut table = read(path)?;
    if let Some(unknown) = table
        .keys()
        .find(|key| !["plugin", "build"].contains(&key.as_str()))
    {
        return Err(Failure::input(format!(
            "{}: unknown key `{unknown}`; known are plugin, build",
            path.display()
        )));
    }
    let Some(toml::Value::Table(plugin)) = table.get_mut("plugin") else {
        return Err(Failure::input(format!(
            "{} has no [plugin]",
            path.display()
        )));
    };
    let version = match plugin.remove("version") {
        Some(toml::Value::String(version)) => version,
        _ => {
            return Err(Failure::input(format!(
                "[plugin] in {}: `version` must be a string",
                path.display()
            )));
        }
    };
    let package = Package {
        name: root
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default(),
        version,
        ..Package::default()
    };
    let place = format!("[plugin] in {}", path.display());
    let declared = declared(&json(table.get("plugin")), &package, &place)?;
    Ok(Project {
        language: language(table.get("build"), path)?,
        root,
        declared,
    })
}

fn language(build: Option<&toml::Value>, path: &Path) -> Done<Language> {
    let place = format!("[build] in {}", path.display());
    let Some(build) = build.and_then(toml::Value::as_table) else {
        return Err(Failure::input_try(
            format!("{} has no [build]", path.display()),
            "write language = \"python\" or \"js\", and source = \"FILE\" below it",
        ));
    };
    if let Some(unknown) = build
        .keys()
        .find(|key| !["language", "source"].contains(&key.as_str()))
    {
        return Err(Failure::input(format!(
            "{place}: unknown key `{unknown}`; known are language, source"
        )));
    }
    let text = |key: &str| build.get(key).and_then(toml::Value::as_str);
    let source = PathBuf::from(text("source").unwrap_or_default());
    let inside = source
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    if source.as_os_str().is_empty() || !inside {
        return Err(Failure::input(format!(
            "{place}: `source` must be the path of a file below the project"
        )));
    }
    match text("language") {
        Some("python") => Ok(Language::Python(source)),
        Some("js") => Ok(Language::Js(source)),
        other => Err(Failure::input(format!(
            "{place}: `language` is {}; it may be \"python\" or \"js\"",
            other.map_or("missing".to_owned(), |other| format!("{other:?}"))
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(name: &str, text: &str) -> (tempfile::TempDir, Done<Project>) {
        let temp = tempfile::tempdir().unwrap();
        std::fs::write(temp.path().join(name), text).unwrap();
        let loaded = Project::load(temp.path());
        (temp, loaded)
    }

    #[test]
    fn both_manifests_declare_the_same() {
        let (_rust, rust) = project(
            "Cargo.toml",
            "[package]\nname = \"tollgate-plugin-a\"\nversion = \"1.2.3\"\n[package.metadata.tollgate]\nneeds = [\"env A\"]\n",
        );
        let (_python, python) = project(
            "tollgate-plugin.toml",
            "[plugin]\nname = \"a\"\nversion = \"1.2.3\"\nneeds = [\"env A\"]\n[build]\nlanguage = \"python\"\nsource = \"a/b.py\"\n",
        );
        let (rust, python) = (rust.unwrap(), python.unwrap());
        assert_eq!(rust.declared, python.declared);
        assert_eq!(python.language, Language::Python("a/b.py".into()));
        assert_eq!(rust.component(), rust.root.join("build/a.wasm"));
    }

    #[test]
    fn mistakes_are_named() {
        let said = |name: &str, text: &str| project(name, text).1.unwrap_err().to_string();
        let other = |text: &str| said("tollgate-plugin.toml", text);
        let build = "\n[build]\nlanguage = \"js\"\nsource = \"a.js\"\n";
        assert!(said("README.md", "").contains("no plugin's project"));
        assert!(said("Cargo.toml", "[package]\n").contains("no [package.metadata.tollgate]"));
        assert!(other("[plugin]\nneeds = [").contains("line 2"));
        assert!(other("[plugin]\nneeds = []").contains("`version` must be"));
        let plugin = "[plugin]\nname = \"a\"\nversion = \"1.0.0\"\n";
        assert!(other(&format!("{plugin}{build}")).contains("`needs` is missing"));
        assert!(other(&format!("{plugin}needs = []\n")).contains("no [build]"));
        let outside = build.replace("a.js", "../a.js");
        assert!(other(&format!("{plugin}needs = []\n{outside}")).contains("below the project"));
        let ruby = build.replace("js\"\ns", "ruby\"\ns");
        assert!(
            other(&format!("{plugin}needs = []\n{ruby}")).contains("may be \"python\" or \"js\"")
        );
    }

    #[test]
    fn only_what_looks_like_a_path_is_a_project() {
        assert_eq!(resolve("files").unwrap(), "files");
        assert_eq!(
            resolve("./no-such-directory").unwrap(),
            "./no-such-directory"
        );
        let (temp, _) = project(
            "tollgate-plugin.toml",
            "[plugin]\nname = \"a\"\nversion = \"1.0.0\"\nneeds = []\n[build]\nlanguage = \"js\"\nsource = \"a.js\"\n",
        );
        let typed = temp.path().to_str().unwrap();
        let error = resolve(typed).unwrap_err();
        assert!(error.remedy().unwrap().starts_with("tollgate plugin build"));
        std::fs::create_dir(temp.path().join("build")).unwrap();
        std::fs::write(temp.path().join("build/a.wasm"), "").unwrap();
        assert!(resolve(typed).unwrap().ends_with("/build/a.wasm"));
    }
}
